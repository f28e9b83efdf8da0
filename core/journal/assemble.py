"""Putting lines together from the pieces of their streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.journal.format import ELIDED
from core.journal.pieces import Piece, Place, pieces
from core.journal.reader import JournalReader

#: pieces in which no line began, after which it is worth asking where the next one begins
_PATIENCE = 16


class Stale(Exception):
    """A cap took away text behind a place that was counted before."""


class TextLine:
    """One line without its newline. `number` from 0, or negative from the end; `record` and `time`: where it begins.

    `complete` is False for one that was cut to its maximal length; `size` is then how many bytes of it were passed.
    """

    __slots__ = ("complete", "data", "number", "record", "size", "stream", "time")

    def __init__(self, number: int, time: int, stream: int, record: int, data: bytes) -> None:
        self.number = number
        self.time = time
        self.stream = stream
        self.record = record
        self.data = data
        self.complete = True
        self.size = len(data)


class _Assembly:
    """Lines `start` to `stop` - 1, as far as they have come."""

    def __init__(self, place: Place, start: int, stop: int, max_bytes: int | None) -> None:
        #: number of the next line to begin
        self.number = place.lines
        self.open = place.open
        self.start = start
        self.stop = stop
        self.max_bytes = max_bytes
        self.found: list[TextLine] = []
        #: lines that began and may go on, by stream, and their parts so far
        self.unfinished: dict[int, tuple[TextLine, list[bytes], int]] = {}

    def take(self, piece: Piece) -> None:
        """Take in one piece."""
        data, stream = piece.data, piece.stream
        bit = 1 << stream
        if stream == ELIDED:
            self.end_all()
            self.open = 0
        if not data:
            return
        at = 0
        if self.open & bit:
            end = data.find(b"\n")
            self._go_on(stream, data if end < 0 else data[:end])
            if end < 0:
                return
            self._end(stream)
            self.open &= ~bit
            at = end + 1
            if at == len(data):
                return
        self._begin(piece, at)
        if data[-1] != 10:
            self.open |= bit

    def _begin(self, piece: Piece, at: int) -> None:
        """Take in the lines that begin in a piece at byte `at` or behind it."""
        data = piece.data
        if self.number < self.start:
            begun = data.count(b"\n", at) + (data[-1] != 10)
            if self.number + begun <= self.start:
                self.number += begun
                return
            skipped = self.start - self.number
            at = len(data) - len(data[at:].split(b"\n", skipped)[-1])
            self.number = self.start
        while at < len(data) and self.number < self.stop:
            end = data.find(b"\n", at)
            line = TextLine(self.number, piece.time, piece.stream, piece.record, b"")
            self.found.append(line)
            self.number += 1
            self.unfinished[piece.stream] = (line, [], 0)
            self._go_on(piece.stream, data[at:] if end < 0 else data[at:end])
            if end < 0:
                return
            self._end(piece.stream)
            at = end + 1

    def _go_on(self, stream: int, data: bytes) -> None:
        known = self.unfinished.get(stream)
        if known is None:
            return
        line, parts, length = known
        parts.append(data)
        length += len(data)
        self.unfinished[stream] = (line, parts, length)
        if self.max_bytes is not None and length > self.max_bytes:
            line.complete = False
            self._end(stream)

    def _end(self, stream: int) -> None:
        known = self.unfinished.pop(stream, None)
        if known is not None:
            line, parts, length = known
            line.size = length
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            line.data = data if line.complete else data[: self.max_bytes]

    def end_all(self) -> None:
        """Nothing follows: unfinished lines are as they are."""
        for stream in tuple(self.unfinished):
            self._end(stream)


def assemble(
    reader: JournalReader,
    streams: frozenset[int],
    place: Place,
    start: int,
    stop: int,
    max_bytes: int | None,
    gaps: Mapping[int, int] | None = None,
    jump: Callable[[int], Place | None] | None = None,
) -> list[TextLine]:
    """Lines `start` to `stop` - 1, going from `place`, which must not lie behind the beginning of `start`.

    `gaps`: those that are known; Stale is raised for another one. `jump(line)`: a place from which a line can be
    reached, for passing by a long line without reading it.
    """
    work = _Assembly(place, start, stop, max_bytes)
    record, offset = place.record, place.offset
    while True:
        # Behind the last line to begin only the streams of lines that go on matter.
        wanted = streams if work.number < stop else frozenset(work.unfinished)
        waiting = 0
        for piece in pieces(reader, wanted, record, offset):
            if (
                piece.stream == ELIDED
                and gaps is not None
                and gaps.get(piece.record, piece.after - piece.record) != piece.after - piece.record
            ):
                raise Stale
            number, unfinished = work.number, len(work.unfinished)
            work.take(piece)
            record = piece.after
            offset = piece.offset + len(piece.data) if record == piece.record else 0
            if work.number >= stop:
                if not work.unfinished:
                    return work.found
                if number < stop or len(work.unfinished) < unfinished:
                    break
            waiting = waiting + 1 if number == work.number and not work.unfinished else 0
            if waiting >= _PATIENCE and jump is not None:
                waiting = 0
                ahead = jump(work.number)
                if ahead is not None and (ahead.record, ahead.offset) > (record, offset):
                    record, offset, work.open = ahead.record, ahead.offset, ahead.open
                    work.number = ahead.lines
                    break
        else:
            work.end_all()
            return work.found
