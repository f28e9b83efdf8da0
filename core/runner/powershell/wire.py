"""Packets, fragments and messages of PowerShell's remoting protocol over standard streams.

A packet is a line: `<Data Stream='Default' PSGuid='…'>base64</Data>` or an acknowledgement. Data holds fragments; the
fragments of one object make a message: type, whose it is, and a payload in CLIXML without a root.
"""

from __future__ import annotations

import binascii
import os
import re
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: the session itself, where a pipeline's id might stand
SESSION = "00000000-0000-0000-0000-000000000000"

SESSION_CAPABILITY = 0x00010002
INIT_RUNSPACEPOOL = 0x00010004
PUBLIC_KEY = 0x00010005
ENCRYPTED_SESSION_KEY = 0x00010006
PUBLIC_KEY_REQUEST = 0x00010007
RUNSPACEPOOL_STATE = 0x00021005
CREATE_PIPELINE = 0x00021006
APPLICATION_PRIVATE_DATA = 0x00021009
RUNSPACEPOOL_HOST_CALL = 0x00021100
PIPELINE_OUTPUT = 0x00041004
ERROR_RECORD = 0x00041005
PIPELINE_STATE = 0x00041006
DEBUG_RECORD = 0x00041007
VERBOSE_RECORD = 0x00041008
WARNING_RECORD = 0x00041009
PROGRESS_RECORD = 0x00041010
INFORMATION_RECORD = 0x00041011
PIPELINE_HOST_CALL = 0x00041100
PIPELINE_HOST_RESPONSE = 0x00041101

_FRAGMENT = struct.Struct(">QQBI")
_HEADER = struct.Struct("<II16s16s")
_START, _END = 1, 2
#: bytes of one packet's fragments
_PACKET = 32768
#: longest message taken whole, bytes; of a longer one only its length is known
LONGEST = 64 << 20

_DATA = b"<Data Stream='Default' PSGuid='"
_CLOSING = b"</Data>"
_ANY = re.compile(rb"<(Data|DataAck|CommandAck|CloseAck|SignalAck)(?: Stream='\w+')? PSGuid='([0-9A-Fa-f-]{36})'")


class WireError(ValueError):
    """What came is not the protocol; the text says what."""


def new_guid() -> str:
    """A fresh random id."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def guid_bytes(guid: str) -> bytes:
    """A GUID as .NET lays it out."""
    raw = bytes.fromhex(guid.replace("-", ""))
    return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]


class Packet:
    """One line of the protocol: `kind` is its element's name, `data` the fragments of a Data."""

    __slots__ = ("data", "guid", "kind")

    def __init__(self, kind: str, guid: str, data: bytes = b"") -> None:
        self.kind = kind
        self.guid = guid
        self.data = data


def read_packet(line: bytes) -> tuple[bytes, Packet | None]:
    """What stands in a line before a packet (nothing, normally), and the packet, None when there is none.

    Raises WireError for a packet that is damaged.
    """
    if line.startswith(_DATA) and line.endswith(_CLOSING):
        return b"", Packet("Data", line[31:67].decode("ascii", "replace").lower(), _decode(line[69:-7]))
    found = _ANY.search(line)
    if found is None:
        return line, None
    before = line[: found.start()]
    kind, guid = found[1].decode(), found[2].decode().lower()
    if kind != "Data":
        return before, Packet(kind, guid)
    start, end = line.find(b">", found.end()), line.find(_CLOSING, found.end())
    if start < 0 or end < 0:
        raise WireError("a packet without its end")
    return before, Packet(kind, guid, _decode(line[start + 1 : end]))


def _decode(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise WireError(f"a packet whose data is damaged ({error})") from None


class Message:
    """One message: its type, the payload without a byte order mark, and `length`, which tells of one not kept."""

    __slots__ = ("length", "payload", "pipeline", "type")

    def __init__(self, kind: int, pipeline: bytes, payload: bytes, length: int) -> None:
        self.type = kind
        self.pipeline = pipeline
        self.payload = payload
        self.length = length


class Assembler:
    """Puts fragments together. Holds at most `LONGEST` bytes of a message; what is longer comes without its payload."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._object = -1

    def add(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with these fragments. Raises WireError."""
        at = 0
        size = len(data)
        while at < size:
            if size - at < _FRAGMENT.size:
                raise WireError("a fragment that ends within its header")
            number, fragment, flags, length = _FRAGMENT.unpack_from(data, at)
            at += _FRAGMENT.size
            if at + length > size:
                raise WireError("a fragment that ends within its data")
            part = data[at : at + length]
            at += length
            if flags & _START:
                if self._parts:
                    raise WireError("a message that never ended")
                if flags & _END:
                    yield _message(part, length)
                    continue
                self._object, self._size = number, 0
            elif not self._parts or number != self._object:
                raise WireError(f"a fragment ({number}.{fragment}) that belongs to no message")
            self._size += length
            if self._size <= LONGEST:
                self._parts.append(part)
            if flags & _END:
                whole, length = b"".join(self._parts), self._size
                self._parts = []
                yield _message(whole if length <= LONGEST else whole[: _HEADER.size], length)


def _message(data: bytes, length: int) -> Message:
    if len(data) < _HEADER.size:
        raise WireError("a message without its header")
    _destination, kind, _session, pipeline = _HEADER.unpack_from(data)
    start = _HEADER.size
    if data[start : start + 3] == b"\xef\xbb\xbf":
        start += 3
    payload = data[start:]
    if b"&#xFFF" in payload:
        # two characters that XML has no place for, which PowerShell writes as if it had: escaped as all others are
        payload = payload.replace(b"&#xFFFE;", b"_xFFFE_").replace(b"&#xFFFF;", b"_xFFFF_")
    return Message(kind, pipeline, payload, length)


class Sender:
    """Numbers and cuts what is sent; one per session."""

    def __init__(self, session: str) -> None:
        self._session = guid_bytes(session)
        self._count = 0

    def packets(self, messages: list[tuple[int, bytes]], guid: str, stream: str = "Default") -> list[bytes]:
        """The Data packets that carry these (type, payload) messages of a pipeline or the session."""
        fragments: list[bytes] = []
        pipeline = guid_bytes(guid)
        for kind, payload in messages:
            self._count += 1
            data = _HEADER.pack(2, kind, self._session, pipeline) + payload
            room = _PACKET - _FRAGMENT.size
            pieces = [data[at : at + room] for at in range(0, len(data), room)]
            last = len(pieces) - 1
            for number, piece in enumerate(pieces):
                flags = (_START if number == 0 else 0) | (_END if number == last else 0)
                fragments.append(_FRAGMENT.pack(self._count, number, flags, len(piece)) + piece)
        packets: list[bytes] = []
        gathered = b""
        for fragment in fragments:
            if gathered and len(gathered) + len(fragment) > _PACKET:
                packets.append(gathered)
                gathered = b""
            gathered += fragment
        packets.append(gathered)
        return [
            f"<Data Stream='{stream}' PSGuid='{guid}'>".encode()
            + binascii.b2a_base64(each, newline=False)
            + b"</Data>\n"
            for each in packets
        ]
