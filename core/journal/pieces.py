"""A journal's text as pieces of bytes, in journal order: what counting, showing and searching lines walk over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from core.journal.format import ELIDED, RAW_STREAMS, Entry
from core.journal.reader import JournalReader
from core.journal.text import record_text

#: the longest piece of one record, in bytes: a record may be as large as a disk (bytes adopted after a crash)
PIECE = 1 << 20
#: records shorter than this are read together with what follows them
_SMALL = 16 << 10
_AHEAD = 256 << 10


class Piece(NamedTuple):
    """Text of one record from byte `offset` on. `after`: the record behind it, or this one if more of it follows."""

    record: int
    time: int
    stream: int
    offset: int
    data: bytes
    after: int


class Place(NamedTuple):
    """A place in the text: record, offset in it, lines that begin before it, and the streams whose line is open there.

    `open` has the bit `1 << stream` set for a stream whose text before this place does not end with a newline.
    """

    record: int
    offset: int
    lines: int
    open: int


START = Place(1, 0, 0, 0)


def gap_text(entry: Entry) -> bytes:
    """What stands for a gap in the text: one line."""
    return b"[%d bytes in %d records left out here: the output is larger than its cap]\n" % (entry.length, entry.flags)


def pieces(reader: JournalReader, streams: frozenset[int], record: int = 1, offset: int = 0) -> Iterator[Piece]:
    """The text of the records of these streams from `record` on, byte `offset` in it, to the reader's last record."""
    ahead, base = b"", 0
    for entry in reader.select(streams | {ELIDED}, record):
        number, length, stream = entry.number, entry.length, entry.stream
        if stream not in RAW_STREAMS:
            text = gap_text(entry) if stream == ELIDED else record_text(stream, reader.data(entry), entry.flags)
            skip = offset if number == record else 0
            after = number + (entry.flags if stream == ELIDED else 1)
            yield Piece(number, entry.time, stream, skip, text[skip:] if skip else text, after)
            continue
        start = entry.offset
        if length < _SMALL:
            if start < base or start + length > base + len(ahead):
                base, ahead = start, reader.read(start, min(_AHEAD, reader.size - start))
            data = ahead[start - base : start - base + length]
            if number == record and offset:
                data = data[offset:]
                yield Piece(number, entry.time, stream, offset, data, number + 1)
            else:
                yield Piece(number, entry.time, stream, 0, data, number + 1)
            continue
        done = offset if number == record else 0
        while done < length:
            size = min(PIECE, length - done)
            after = number + (done + size == length)
            yield Piece(number, entry.time, stream, done, reader.read(start + done, size), after)
            done += size


def pieces_back(
    reader: JournalReader, streams: frozenset[int], record: int | None = None, offset: int = 0
) -> Iterator[Piece]:
    """The same pieces from the one that ends at byte `offset` of `record` (None: the last) back to the first."""
    for entry in reader.select_back(streams | {ELIDED}, None if record is None else record + 1):
        number, left = entry.number, entry.length
        if number == record:
            left = offset
            if not left:
                continue
        if entry.stream == ELIDED:
            yield Piece(number, entry.time, ELIDED, 0, gap_text(entry), number + entry.flags)
        elif entry.stream not in RAW_STREAMS:
            text = record_text(entry.stream, reader.data(entry), entry.flags)
            yield Piece(number, entry.time, entry.stream, 0, text, number + 1)
        else:
            while left:
                begin = (left - 1) // PIECE * PIECE
                data = reader.read(entry.offset + begin, left - begin)
                yield Piece(number, entry.time, entry.stream, begin, data, number + (left == entry.length))
                left = begin


def is_open(reader: JournalReader, stream: int, record: int, offset: int) -> bool:
    """Whether the text of a stream before byte `offset` of `record` ends within a line."""
    if offset:
        entry = reader.entry(record)
        if entry.stream == stream:
            return reader.read(entry.offset + offset - 1, 1) != b"\n"
    for entry in reader.select_back(frozenset({stream, ELIDED}), record):
        if entry.stream == ELIDED:
            return False
        if entry.stream not in RAW_STREAMS:
            text = record_text(entry.stream, reader.data(entry), entry.flags)
            if text:
                return not text.endswith(b"\n")
        elif entry.length:
            return reader.read(entry.offset + entry.length - 1, 1) != b"\n"
    return False


def step(piece: Piece, opened: int) -> tuple[int, int]:
    """How many lines begin in a piece, and which streams are open behind it, given those open before it."""
    data = piece.data
    if piece.stream == ELIDED:
        return 1, 0
    if not data:
        return 0, opened
    bit = 1 << piece.stream
    begun = data.count(b"\n") + (not opened & bit)
    if data[-1] == 10:
        return begun - 1, opened & ~bit
    return begun, opened | bit
