"""Records of a journal on a byte stream: how they go from server to client. Standard library only.

A frame is a header (`HEADER`) and the record's bytes. A header with number 0 is no record: a sign of life, sent when
nothing happened for a while, or the mark of the end, without which a stream was cut off, whatever HTTP says of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from core.errors import Unavailable
from core.model import Record

#: number, time (ns since the epoch, UTC), stream, flags (of a gap: how many records are gone), length; little-endian
HEADER = struct.Struct("<QqIII")
SIGN_OF_LIFE = HEADER.pack(0, 0, 0, 0, 0)
#: there are no more records: the job has ended, or, without following, these were all there are
END = HEADER.pack(0, 0, 0, 1, 0)
#: seconds without a record after which the sign is sent
SILENCE = 20.0
MEDIA_TYPE = "application/octet-stream"

_LONGEST = 1 << 30


def frame(record: Record) -> bytes:
    """One record as a frame."""
    return HEADER.pack(record.number, record.time, record.stream, record.flags, len(record.data)) + record.data


class Unframer:
    """Puts the frames of a byte stream together again, however it was cut."""

    def __init__(self) -> None:
        self._rest = bytearray()
        #: the mark of the end has come
        self.ended = False

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The records that are whole now."""
        self._rest += chunk
        position = 0
        try:
            while len(self._rest) - position >= HEADER.size:
                number, time, stream, flags, length = HEADER.unpack_from(self._rest, position)
                if length > _LONGEST:
                    raise Unavailable("What the server sends are no records: is there a proxy that alters it?")
                start = position + HEADER.size
                if len(self._rest) < start + length:
                    break
                position = start + length
                if not number:
                    self.ended = self.ended or flags == 1
                else:
                    yield Record(number, time, stream, flags, bytes(memoryview(self._rest)[start:position]))
        finally:
            del self._rest[:position]
