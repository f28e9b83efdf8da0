"""The key of one session, with which secrets are encrypted on their way to a PowerShell before 7.6.

Its protocol (before 2.4) wants that: we send the public half of a key pair, it answers with the session's key,
encrypted with that. Keys are laid out as by Windows' old cryptographic interface: numbers with their lowest byte first.
"""

from __future__ import annotations

import binascii
import os
import threading

from core.runner.loop import READ
from core.runner.powershell.values import ValueProblem, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from core.runner.loop import Loop

#: seconds in which PowerShell must have sent the session's key
PATIENCE = 30.0
#: bits of the key pair, bytes of the session's key
_PAIR, _KEY = 2048, 32
#: what stands before a public key (a PUBLICKEYBLOB: version, algorithm, "RSA1", bits) and before an encrypted one
_PUBLIC = b"\x06\x02\0\0\0\xa4\0\0RSA1" + _PAIR.to_bytes(4, "little")
_ENCRYPTED_HEAD = 12

_MISSING = (
    "A PowerShell before 7.6 gets secrets encrypted, and jobdeck's installation lacks the library for that"
    " (cryptography): install jobdeck anew, give the secret as a parameter, or update PowerShell."
)
_UNREADABLE = "PowerShell sent no key that secrets could be encrypted with, so it gets none."
_LATE = f"PowerShell sent no key to encrypt secrets with within {PATIENCE:g} s, so it gets none."


class Exchange:
    """One exchange, which begins when the key is first wanted, by whichever side. Never blocks the loop."""

    def __init__(self, loop: Loop, send: Callable[[bytes], None]) -> None:
        """`send` is given the payload of the message that holds the public key."""
        self._loop = loop
        self._send = send
        self._pair: RSAPrivateKey | None = None
        self._begun = False
        self._key = b""
        self._failure = ""
        self._waiting: list[Callable[[str], None]] = []

    def when_ready(self, then: Callable[[str], None]) -> None:
        """Call `then` once with "", when secrets can be encrypted, or with why they cannot (a sentence)."""
        if self._key or self._failure:
            then(self._failure)
            return
        self._waiting.append(then)
        self._begin()

    def requested(self) -> None:
        """The other side asks for our public key."""
        if self._pair is not None:
            self._send_public(self._pair)
        else:
            self._begin()

    def received(self, payload: bytes) -> None:
        """Take the message that holds the session's key."""
        key = b""
        if self._pair is not None:
            try:
                encrypted = binascii.a2b_base64(read(payload)["EncryptedSessionKey"].word())
                key = _decrypted(self._pair, encrypted)
            except (ValueProblem, ValueError):
                key = b""
        self._key = key
        self._settle("" if key else _UNREADABLE)

    def secure(self, text: str) -> str:
        """The content of an SS element. Only once the key is there."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        from cryptography.hazmat.primitives.padding import PKCS7

        assert self._key
        padder = PKCS7(128).padder()
        data = padder.update(text.encode("utf-16-le", "surrogatepass")) + padder.finalize()
        # the protocol has no initialization vector; the key serves this one session of our own child alone
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(bytes(16))).encryptor()
        return binascii.b2a_base64(encryptor.update(data) + encryptor.finalize(), newline=False).decode()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        made: list[RSAPrivateKey | str] = []
        # the library's import and a key pair take a tenth of a second: the job's output is not to wait for that
        done = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._loop.watch(done, READ, lambda _events: self._made(done, made[0]))
        threading.Thread(target=_make, args=(done, made), daemon=True).start()
        self._loop.after(PATIENCE, self._late)

    def _made(self, done: int, made: RSAPrivateKey | str) -> None:
        self._loop.forget(done)
        os.close(done)
        if isinstance(made, str):
            self._settle(made)
        else:
            self._pair = made
            self._send_public(made)

    def _send_public(self, pair: RSAPrivateKey) -> None:
        blob = binascii.b2a_base64(public_blob(pair), newline=False).decode()
        self._send(f'<Obj RefId="0"><MS><S N="PublicKey">{blob}</S></MS></Obj>'.encode())

    def _late(self) -> None:
        if not self._key and not self._failure:
            self._settle(_LATE)

    def _settle(self, failure: str) -> None:
        self._failure = failure
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(failure)


def public_blob(pair: RSAPrivateKey) -> bytes:
    """The public half as PowerShell reads it."""
    numbers = pair.public_key().public_numbers()
    return _PUBLIC + numbers.e.to_bytes(4, "little") + numbers.n.to_bytes(_PAIR // 8, "little")


def _decrypted(pair: RSAPrivateKey, blob: bytes) -> bytes:
    """The session's key from a SIMPLEBLOB. Raises ValueError for what is none."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    key = pair.decrypt(blob[_ENCRYPTED_HEAD:][::-1], PKCS1v15())
    if len(key) != _KEY:
        raise ValueError(f"a key of {len(key)} bytes")
    return key


def _make(done: int, made: list[RSAPrivateKey | str]) -> None:
    """In a thread of its own: a key pair into `made`, or why there is none; then `done` can be read."""
    try:
        _find_library()
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

        made.append(generate_private_key(65537, _PAIR))
    except Exception as error:
        made.append(_MISSING if isinstance(error, ImportError) else f"No keys could be made for secrets: {error}.")
    os.eventfd_write(done, 1)


def _find_library() -> None:
    """Runners look for modules beside jobdeck's own alone, until they need one from elsewhere."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        import site

        site.main()
