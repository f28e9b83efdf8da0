"""Hide secrets in what a job writes, before it is recorded: as they are, encoded and escaped, across reads."""

from __future__ import annotations

import binascii
import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = b"***"
#: bytes of a spelling that are searched for; the rest is compared where they stand (a pattern of a whole key file
#: takes seconds to compile)
HEAD = 64
#: secrets shorter than this (characters) would mask half of everything, and are left alone
SHORTEST = 4

_SECURE = re.compile(rb"<SS(?: [^>]*)?>([A-Za-z0-9+/=\s]*)</SS>")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{4})*")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def _percent(data: bytes, safe: frozenset[int], upper: bool, plus: bool) -> bytes:
    form = b"%%%02X" if upper else b"%%%02x"
    return b"".join(bytes((byte,)) if byte in safe else b"+" if plus and byte == 0x20 else form % byte for byte in data)


def _base64(data: bytes) -> list[bytes]:
    """What of `data`'s base64 is the same whatever stands before and behind it: one piece per alignment."""
    pieces = []
    for shift in range(3):
        # the first characters also hold bits of what stands before, the last ones bits of what comes behind
        encoded = binascii.b2a_base64(b"\0" * shift + data, newline=False)
        first = (0, 2, 3)[shift]
        last = (shift + len(data)) * 8 // 6
        piece = encoded[first:last]
        if len(piece) >= SHORTEST:
            pieces.append(piece)
            pieces.append(piece.replace(b"+", b"-").replace(b"/", b"_"))
    return pieces


def forms(secret: str) -> set[bytes]:
    """Every spelling of `secret` that is looked for."""
    if len(secret) < SHORTEST:
        return set()
    # few jobs have secrets
    from core.clixml import escapes

    plain = secret.encode("utf-8", "surrogateescape")
    wide = secret.encode("utf-16-le", "surrogatepass")
    clixml = escapes.markup(escapes.encode(secret))
    texts = {secret, clixml, clixml.replace('"', "&quot;"), clixml.replace("'", "&apos;")}
    texts |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    texts |= {text.replace("/", "\\/") for text in set(texts)}
    found = {plain, wide}
    for text in texts:
        found.add(text.encode("utf-8", "surrogateescape"))
        found.add(text.encode("utf-16-le", "surrogatepass"))
    for safe in (_UNRESERVED, _UNRESERVED | {0x2F}):
        for upper in (True, False):
            for plus in (True, False):
                found.add(_percent(plain, safe, upper, plus))
    for data in (plain, wide):
        # as ConvertFrom-SecureString and dumps of all kinds write it
        found.update((data.hex().encode(), data.hex().upper().encode()))
    found.update(_base64(plain))
    found.update(_base64(wide))
    return {form for form in found if len(form) >= SHORTEST}


def within(value: str) -> list[str]:
    """What of a secret parameter's value is secret: of a credential its password, of CLIXML every secure text."""
    if not value.startswith("{"):
        return [value]
    try:
        given = json.loads(value)
    except (ValueError, RecursionError):
        return [value]
    if not isinstance(given, dict):
        return [value]
    found = [value]
    if isinstance(given.get("password"), str):
        found.append(given["password"])
    if isinstance(given.get("clixml"), str):
        found += [text for _start, text, _end in _secure_texts(given["clixml"].encode("utf-8", "surrogatepass"))]
    return found


def of_credential(value: str) -> list[str]:
    """What of a credential is secret, in both of the ways to write one: as JSON, or `user:password`."""
    found = within(value)
    return found if len(found) > 1 else [value, value.partition(":")[2]]


def _secure_texts(document: bytes) -> Iterator[tuple[int, str, int]]:
    """What the secure texts of a CLIXML document say: where each begins, itself, where it ends.

    Encrypted ones are left out: they are nothing that the job could print.
    """
    for match in _SECURE.finditer(document):
        content = match[1].strip()
        try:
            # PSSerializer's way, or that of PowerShell's conversations
            data = bytes.fromhex(content.decode()) if _HEX.fullmatch(content) else binascii.a2b_base64(content)
            yield match.start(1), data.decode("utf-16-le"), match.end(1)
        except ValueError:
            continue


class Secrets:
    """All spellings of all secrets of a job. New ones (answers to secret questions) may come while it runs."""

    __slots__ = ("_forms", "_here", "_longest", "_pattern", "_starts")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None
        #: beginning of a spelling -> every spelling that can stand where it stands, the longest first
        self._here: dict[bytes, list[bytes]] = {}
        self._longest = 0
        self._starts: frozenset[int] = frozenset()
        for secret in secrets:
            self._forms |= forms(secret)
        self._compile()

    def __bool__(self) -> bool:
        return self._pattern is not None

    def add(self, secret: str) -> None:
        """Mask this one too from now on."""
        self._forms |= forms(secret)
        self._compile()

    def _compile(self) -> None:
        if self._forms:
            # the longest first: a secret that begins with another one is hidden whole
            ordered = sorted(self._forms, key=lambda form: (-len(form), form))
            heads = sorted({form[:HEAD] for form in ordered}, key=lambda head: (-len(head), head))
            self._here = {
                head: [form for form in ordered if form[:HEAD] == head or (len(form) < HEAD and head.startswith(form))]
                for head in heads
            }
            self._pattern = re.compile(b"|".join(map(re.escape, heads)))
            self._longest = len(ordered[0])
            self._starts = frozenset(form[0] for form in ordered)

    def whole(self, data: bytes) -> bytes:
        """`data`, which is complete, with every secret replaced by MASK."""
        if self._pattern is None:
            return data
        out = []
        done = 0
        for start, end in self._places(data):
            out.append(data[done:start])
            out.append(MASK)
            done = end
        out.append(data[done:])
        return b"".join(out)

    def document(self, data: bytes) -> bytes:
        """A CLIXML document with every secret replaced by MASK, whose secure texts can still be read."""
        if self._pattern is None or b"<SS" not in data:
            return self.whole(data)
        out = []
        done = 0
        for start, text, end in _secure_texts(data):
            hidden = self.whole(text.encode()).decode("utf-8", "replace")
            if hidden != text:
                out.append(self.whole(data[done:start]))
                out.append(hidden.encode("utf-16-le").hex().encode())
                done = end
        out.append(self.whole(data[done:]))
        return b"".join(out)

    def _places(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where secrets stand in `data`, from left to right: start and end."""
        assert self._pattern is not None
        place = 0
        while match := self._pattern.search(data, place):
            start = match.start()
            end = next((start + len(form) for form in self._here[match[0]] if data.startswith(form, start)), None)
            if end is not None:
                yield start, end
            place = start + 1 if end is None else end

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """(what is settled, masked; the rest, which may go on to be a secret)."""
        if self._pattern is None:
            return data, b""
        out = []
        done = 0
        # whatever begins in the last bytes may go on behind them: the leftmost such place decides
        hold = self._hold(data)
        for start, end in self._places(data):
            if start >= hold:
                break
            out.append(data[done:start])
            out.append(MASK)
            done = end
        if done <= hold:
            out.append(data[done:hold])
            done = hold
        return b"".join(out), data[done:]

    def _hold(self, data: bytes) -> int:
        """The first place from which on `data` is the beginning, and not the whole, of some spelling."""
        for place in range(max(0, len(data) - self._longest + 1), len(data)):
            if data[place] in self._starts:
                tail = data[place:]
                for form in self._forms:
                    if len(form) > len(tail) and form.startswith(tail):
                        return place
        return len(data)


class Masker:
    """One stream's bytes on their way through: `feed` each read, `finish` at its end.

    The result is that of masking the whole stream at once, however the reads were cut.
    """

    __slots__ = ("_held", "_secrets")

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._held = b""

    @property
    def active(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._secrets)

    def feed(self, data: bytes) -> bytes:
        """What may be recorded now. Only a suffix that may begin a secret is held back."""
        if self._held:
            data = self._held + data
        out, self._held = self._secrets.split(data)
        return out

    def finish(self) -> bytes:
        """What was held back: no more bytes come."""
        data, self._held = self._held, b""
        return self._secrets.whole(data)
