"""A small, bounded reader for the little values that the runner itself must understand: prompts, errors, progress.

Nothing else is decoded here: pipeline objects are journalled as they came.
"""

from __future__ import annotations

import pyexpat
import re

from core.clixml.escapes import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: deepest nesting, most elements and longest payload (bytes) that are read
DEEPEST = 150
MOST = 50_000
LONGEST = 8 << 20

_ESCAPE_BYTES = re.compile(rb"_[xX]([0-9A-Fa-f]{8}|[0-9A-Fa-f]{4})_")
_CONTAINERS = frozenset({"LST", "IE", "QUE", "STK", "DCT"})


class ValueProblem(ValueError):
    """A payload that cannot be read; the text says why."""


def visible(text: str) -> bytes:
    """A text as UTF-8; a lone surrogate, which UTF-8 cannot say, as U+FFFD, as .NET writes it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _character_bytes(digits: bytes) -> bytes:
    code = int(digits, 16)
    return chr(code if code <= 0x10FFFF else 0xFFFD).encode("utf-8", "surrogatepass")


def string_bytes(content: bytes) -> bytes:
    """The text between `<S>` and `</S>`, escapes and entities resolved, as UTF-8."""
    if b"&" in content:
        for entity, char in ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&")):
            content = content.replace(entity, char)
    if b"_x" not in content and b"_X" not in content:
        return content
    content = _ESCAPE_BYTES.sub(lambda found: _character_bytes(found[1]), content)
    if b"\xed" in content:
        # surrogates: pairs become one character, lone ones cannot be said
        return content.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass").decode(
            "utf-16-le", "replace"
        ).encode()  # fmt: skip
    return content


class Value:
    """One value: `tag` as in CLIXML, `text` of a simple one; of an object its members, items, entries, type names."""

    __slots__ = ("base", "entries", "items", "members", "string", "tag", "text", "types")

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.text = ""
        self.string: str | None = None
        self.types: list[str] = []
        self.members: dict[str, Value] = {}
        self.items: list[Value] = []
        self.entries: list[tuple[Value, Value]] = []
        #: the simple value or the container that an object stands for
        self.base: Value | None = None

    def __getitem__(self, name: str) -> Value:
        """A member; an empty value where there is none."""
        return self.members.get(name) or _NOTHING

    def __iter__(self) -> Iterator[Value]:
        return iter(self.items if self.base is None else self.base.items)

    def word(self) -> str:
        """It as text: a simple value's own, an object's ToString, "" for nothing."""
        if self.tag in ("Obj", "Ref"):
            if self.string is not None:
                return self.string
            return self.base.word() if self.base is not None else ""
        # as a console shows it: what it holds is a secret, whether encrypted or not
        return "System.Security.SecureString" if self.tag == "SS" else self.text

    def number(self, default: int = 0) -> int:
        """It as a whole number; an enum's number."""
        source = self.base if self.base is not None else self
        try:
            return int(source.text)
        except ValueError:
            return default

    def true(self) -> bool:
        """Whether it is true."""
        source = self.base if self.base is not None else self
        return source.text in ("true", "1")

    @property
    def nothing(self) -> bool:
        """Whether it is $null, or not there."""
        return self.tag in ("Nil", "")


_NOTHING = Value("")


class _Reader:
    def __init__(self) -> None:
        self.root: Value | None = None
        self._stack: list[tuple[str, str, Value]] = []
        self._text: list[str] = []
        self._count = 0
        self._types: dict[str, list[str]] = {}
        self._objects: dict[str, Value] = {}
        self._key: list[Value | None] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST or len(self._stack) >= DEEPEST:
            raise ValueProblem("too many elements, or nested too deeply")
        self._text = []
        holder = self._stack[-1][2] if self._stack else None
        name = decode(attributes.get("N", ""))
        if tag in ("TN", "Props", "MS", "T", "ToString", "TNRef"):
            if holder is None:
                raise ValueProblem(f"<{tag}> where a value should stand")
            if tag == "TN":
                self._types[attributes.get("RefId", "")] = holder.types = []
            elif tag == "TNRef":
                holder.types = self._types.get(attributes.get("RefId", ""), [])
            self._stack.append((tag, name, holder))
            return
        if tag == "En":
            if holder is None:
                raise ValueProblem("<En> where a value should stand")
            self._key.append(None)
            self._stack.append((tag, name, holder))
            return
        value = Value(tag)
        if tag == "Ref":
            value = self._objects.get(attributes.get("RefId", ""), value)
        elif tag == "Obj":
            self._objects[attributes.get("RefId", "")] = value
        self._stack.append((tag, name, value))

    def end(self, _tag: str) -> None:
        tag, name, value = self._stack.pop()
        text = "".join(self._text)
        self._text = []
        if tag == "T":
            value.types.append(text)
            return
        if tag == "ToString":
            value.string = decode(text)
            return
        if tag == "En":
            self._key.pop()
            return
        if tag in ("TN", "TNRef", "Props", "MS"):
            return
        if tag not in _CONTAINERS and tag not in ("Obj", "Ref"):
            value.text = decode(text)
        if not self._stack:
            self.root = value
            return
        parent_tag, _name, parent = self._stack[-1]
        if parent_tag in ("Props", "MS"):
            parent.members[name] = value
        elif parent_tag == "En":
            if name == "Key":
                self._key[-1] = value
            elif self._key[-1] is not None:
                parent.entries.append((self._key[-1], value))
        elif parent_tag == "Obj":
            parent.base = value
        else:
            parent.items.append(value)

    def data(self, text: str) -> None:
        self._text.append(text)


def read(payload: bytes) -> Value:
    """The value of a payload. Raises ValueProblem for what is no CLIXML, has a DOCTYPE, is too deep or too large."""
    if len(payload) > LONGEST:
        raise ValueProblem(f"{len(payload)} bytes, more than is read")
    reader = _Reader()
    parser = pyexpat.ParserCreate(namespace_separator=None)
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(payload, True)
    except pyexpat.ExpatError as error:
        raise ValueProblem(f"no XML ({error})") from None
    if reader.root is None:
        raise ValueProblem("no value in it")
    return reader.root


def _refuse(*_arguments: object) -> None:
    raise ValueProblem("a document type declaration, which no value has")
