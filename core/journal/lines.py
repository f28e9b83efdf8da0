"""Lines over the text of a journal: any of ten million by its number, or the last ones without counting any.

A line belongs to its stream: an unfinished piece of stdout goes on in the next record of stdout, also when stderr
came between. Lines are in the order in which they begin. Only a newline ends one; the last one may be unfinished.
A gap is a line of its own (stream ELIDED) and ends every line before it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable

from core.journal.assemble import Stale, TextLine, assemble
from core.journal.format import ELIDED, INFORMATION, RAW_STREAMS, TEXT_STREAMS
from core.journal.pieces import START, Place, is_open, pieces, pieces_back, step
from core.journal.reader import JournalReader

#: a place is remembered every so many bytes of text, or records where they are tiny
_BYTES = 64 << 10
_RECORDS = 1024
#: streams whose lines may go on in their next record
_OPEN_STREAMS = RAW_STREAMS | {INFORMATION}


class LineIndex:
    """The lines of `streams` (default: all text streams) of one journal. Counts lazily, remembers 26 bytes per 64 KiB.

    Looks at the journal anew (`reader.refresh()`) with every call, so it grows while the job writes. It may be thrown
    away at will. Belongs to one thread at a time. Every method may raise JournalError.
    """

    def __init__(self, reader: JournalReader, streams: Iterable[int] | None = None) -> None:
        self.reader = reader
        self.streams = TEXT_STREAMS if streams is None else frozenset(streams)
        self._forget()

    def _forget(self) -> None:
        self._records = array("Q", [1])
        self._offsets = array("Q", [0])
        self._lines = array("Q", [0])
        self._open = array("H", [0])
        #: where counting goes on, and how much was passed since the last remembered place
        self._here = START
        self._passed = [0, 0]
        #: gaps passed: number of the first record -> how many; and where the last of them ends in the data
        self._gaps: dict[int, int] = {}
        self._gap_end = 0
        #: the first hole behind it when it was counted
        self._hole = 0

    @property
    def counted(self) -> int | None:
        """How many lines there are, if all that was there at the last look has been counted; else None."""
        return self._here.lines if self._here.record > self.reader.records else None

    @property
    def total(self) -> int:
        """How many lines there are now; counts what nobody counted yet (about 1 s per GB)."""
        self._look()
        self._count()
        return self._here.lines

    def count(self, budget: int = 8 << 20, *, look: bool = True, line: int | None = None) -> bool:
        """Count about `budget` bytes more; True once all is counted, or `line` has begun.

        For a caller that has other things to do. Without `look`, only what was there at the last look.
        """
        if look:
            self._look()
        self._count(budget=budget, line=line)
        return self.counted is not None or (line is not None and self._here.lines > line)

    def lines(self, start: int, count: int, max_bytes: int | None = None) -> list[TextLine]:
        """Up to `count` lines from line `start` (from 0) on; each cut to `max_bytes` of data (None: whole)."""
        if start < 0 or count <= 0:
            return []
        while True:
            self._look()
            self._count(line=start)
            if start >= self._here.lines:
                return []
            try:
                return assemble(
                    self.reader, self.streams, self._place(start), start, start + count, max_bytes,
                    self._gaps, self._jump,
                )  # fmt: skip
            except Stale:
                self._forget()

    def tail(self, count: int, max_bytes: int | None = None) -> list[TextLine]:
        """The last `count` lines, their numbers from -count to -1, read backwards without counting the others."""
        if count <= 0:
            return []
        self.reader.refresh()
        begun = 0
        place = START
        passed: set[int] = set()
        for piece in pieces_back(self.reader, self.streams):
            place = Place(piece.record, piece.offset, 0, 0)
            if not piece.data:
                continue
            ends = piece.data.endswith(b"\n")
            begun += piece.data.count(b"\n") - ends
            if piece.stream == ELIDED:
                # Lines of every stream end at a gap: what follows it begins anew.
                begun += 1 + len(passed)
                passed.clear()
            elif piece.stream not in _OPEN_STREAMS:
                begun += 1
            else:
                if ends and piece.stream in passed:
                    begun += 1
                passed.add(piece.stream)
            if begun >= count:
                break
        for stream in passed:
            if is_open(self.reader, stream, place.record, place.offset):
                place = place._replace(open=place.open | 1 << stream)
            else:
                begun += 1
        found = assemble(self.reader, self.streams, place, max(0, begun - count), begun, max_bytes)
        for line in found:
            line.number -= begun
        return found

    def at(self, record: int, offset: int = 0) -> Place:
        """The place before byte `offset` of a record: how many lines begin before it, and what is open there."""
        self._count(record=record)
        index = bisect_right(self._records, record) - 1
        while index and (self._records[index], self._offsets[index]) > (record, offset):
            index -= 1
        _record, _offset, lines, opened = here = self._nth(index)
        for piece in pieces(self.reader, self.streams, here.record, here.offset):
            if (piece.record, piece.offset) >= (record, offset):
                break
            begun, opened = step(piece, opened)
            lines += begun
        return Place(record, offset, lines, opened)

    def line_at_time(self, time: int) -> int:
        """The first line that begins in a record of `time` (ns) or later; the last line (or 0) if there is none."""
        self._look()
        low, high = 1, self.reader.records + 1
        while low < high:
            middle = (low + high) // 2
            if self.reader.entry(middle).time < time:
                low = middle + 1
            else:
                high = middle
        number = self.at(low).lines
        self._count(line=number)
        return number if number < self._here.lines else max(0, self._here.lines - 1)

    def _look(self) -> None:
        """See what is new; forget everything when a cap took away text that was counted."""
        self.reader.refresh()
        counted = min(self._here.record - 1, self.reader.records)
        if not counted:
            return
        last = self.reader.entry(counted)
        if last.stream == ELIDED:
            gone = self._gaps.get(last.number) != last.flags
        else:
            # Holes that were there when it was counted (a sparse copy of zeros) take nothing away.
            gone = self.reader.hole(self._gap_end) < min(last.offset + last.length, self._hole)
        if gone:
            self._forget()

    def _count(self, *, line: int | None = None, record: int | None = None, budget: int | None = None) -> None:
        """Count on to the end, or until `line` has begun, `record` is reached or `budget` bytes are passed."""
        number, offset, lines, opened = self._here
        if number > self.reader.records or (line is not None and lines > line):
            return
        passed, records = self._passed
        spent = 0
        stop = self.reader.records + 1
        finished = True
        for piece in pieces(self.reader, self.streams, number, offset):
            if (
                (line is not None and lines > line)
                or (record is not None and piece.record >= record)
                or (budget is not None and spent >= budget)
            ):
                finished = False
                number, offset = piece.record, piece.offset
                break
            if passed >= _BYTES or records >= _RECORDS:
                self._records.append(piece.record)
                self._offsets.append(piece.offset)
                self._lines.append(lines)
                self._open.append(opened)
                passed = records = 0
            if piece.stream == ELIDED:
                gap = self.reader.entry(piece.record)
                self._gaps[gap.number] = gap.flags
                self._gap_end = gap.offset + gap.length
            begun, opened = step(piece, opened)
            lines += begun
            passed += len(piece.data)
            spent += len(piece.data)
            records += 1
        if finished:
            number, offset = stop, 0
        self._here = Place(number, offset, lines, opened)
        self._passed = [passed, records]
        self._hole = self.reader.hole(self._gap_end)

    def _nth(self, index: int) -> Place:
        return Place(self._records[index], self._offsets[index], self._lines[index], self._open[index])

    def place(self, line: int) -> Place | None:
        """A place not far before the beginning of a line; None when there is no such line."""
        if line <= 0:
            return START
        self._look()
        self._count(line=line)
        return self._jump(line)

    def _place(self, line: int) -> Place:
        """The last remembered place at or before the beginning of a line."""
        return self._nth(bisect_right(self._lines, line) - 1)

    def _jump(self, line: int) -> Place | None:
        """The same, if the line is known to have begun already where counting stands."""
        return self._place(line) if line < self._here.lines else None
