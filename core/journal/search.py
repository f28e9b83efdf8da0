"""Searching the text of a journal for plain text or a regular expression, line by line, without splitting any lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from core.journal import needle
from core.journal.format import ELIDED, ENTRY, ENTRY_SIZE, RAW_STREAMS, JournalError
from core.journal.lines import LineIndex
from core.journal.pieces import START, Piece, Place, pieces, pieces_back, step
from core.journal.reader import STREAM_AT, JournalReader

#: bytes searched between two ticks
_TICK = 1 << 20
#: the longest part of one line that a regular expression is tried on
_LONGEST = 1 << 20
#: how much is skimmed between two ticks, in bytes and records (more where they are small), and the bytes of one read
_SKIM = 16 << 20
_SKIM_RECORDS = (256, 4096)
_CHUNK = 256 << 10

#: finds the first match in buffer[start:end]: (start, end) or None
Finder = Callable[[bytes, int, int], "tuple[int, int] | None"]


class BadPattern(JournalError):
    """What was to be searched for is no pattern; the text says why."""


class Found:
    """One place: the line's number, the columns [start, end) in its bytes, and the record in which the line begins."""

    __slots__ = ("end", "line", "record", "start")

    def __init__(self, line: int, start: int, end: int, record: int) -> None:
        self.line = line
        self.start = start
        self.end = end
        self.record = record


def search(
    reader: JournalReader,
    pattern: bytes,
    *,
    streams: Iterable[int] | None = None,
    start_line: int = 0,
    regex: bool = False,
    ignore_case: bool = False,
    index: LineIndex | None = None,
) -> Iterator[Found | None]:
    """Where `pattern` stands in the lines of the streams from `start_line` on, in the order of the records it ends in.

    None comes after every MiB or so without a find: a caller may stop there, or let others work. Matches do not
    overlap and do not cross lines. `pattern` is UTF-8; a regular expression works on bytes and is tried on at most
    1 MiB of a line at once. `index` saves counting lines twice. Raises BadPattern at once, JournalError later.
    """
    work = _Search(index if index is not None else LineIndex(reader, streams), pattern, regex, ignore_case)
    return work.run(start_line)


class _Search:
    """A search under way. `kept`: what of each stream's unfinished line must be searched again with what follows."""

    def __init__(self, index: LineIndex, pattern: bytes, regex: bool, ignore_case: bool) -> None:
        self.index = index
        self.whole_lines = regex or (ignore_case and not pattern.isascii())
        #: how many bytes of plain text may be the beginning of a match that the next piece completes
        self.keep = len(pattern) - 1
        self.find = _finder(pattern, regex, ignore_case)
        #: plain text is looked for in many records at once
        self.skims = not self.whole_lines
        self.kept: dict[int, bytes] = {}
        #: stream -> (line, column behind all that was read of it, record) of the unfinished line, where known
        self.lines: dict[int, tuple[int, int, int]] = {}
        self.place: Place | None = None
        #: where the last match in the piece at hand ends: the next one does not begin before
        self.behind = 0

    def run(self, start_line: int) -> Iterator[Found | None]:
        index = self.index
        index.reader.refresh()
        start = index.place(start_line)
        if start is None:
            return
        self.place = start
        passed = 0
        record, offset, stop = start.record, start.offset, index.reader.records + 1
        finished = False
        while not finished:
            if not offset:
                skipped = self._skim(record, stop)
                if skipped > record:
                    record, passed = skipped, 0
                    yield None
            finished = True
            for piece in pieces(index.reader, index.streams, record, offset):
                hits = 0
                for found in self._piece(piece):
                    if found.line >= start_line:
                        yield found
                        hits, passed = hits + 1, 0
                record, offset = piece.after, 0 if piece.after > piece.record else piece.offset + len(piece.data)
                passed += len(piece.data)
                if passed >= _TICK:
                    passed = 0
                    yield None
                if not hits and not offset and self.skims and piece.stream in RAW_STREAMS:
                    finished = record >= stop
                    break
        for found in self._rest(stop, 0):
            if found.line >= start_line:
                yield found

    def _skim(self, record: int, stop: int) -> int:
        """Pass by the records of one stream from `record` on in which nothing can be found; where it stopped."""
        reader = self.index.reader
        if not self.skims or record >= stop:
            return record
        for most in _SKIM_RECORDS:
            block = reader.index(record, min(stop, record + most))
            column = block[STREAM_AT::ENTRY_SIZE]
            stream = column[0]
            if stream not in RAW_STREAMS or stream not in self.index.streams:
                return record
            run = len(column) - len(column.lstrip(column[:1]))
            begin = ENTRY.unpack_from(block, 0)[1]
            ends = [offset + length for _time, offset, length, _stream, _flags in ENTRY.iter_unpack(block)][:run]
            if run < most or ends[-1] - begin >= _CHUNK:
                break
        while len(ends) > 1 and ends[-1] - begin > _SKIM:
            # What is left out is skimmed the next time.
            del ends[max(1, len(ends) * _SKIM // (ends[-1] - begin)) :]
        if ends[-1] - begin < _CHUNK or ends[0] - begin > _SKIM:
            return record
        kept = self.kept.get(stream, b"")
        at, newline = begin, False
        while at < ends[-1]:
            data = reader.read(at, min(_CHUNK, ends[-1] - at))
            seam = kept + data[: self.keep]
            match = self.find(seam, 0, len(seam)) if kept else None
            where = at - len(kept)
            if match is None:
                match, where = self.find(data, 0, len(data)), at
            if match is not None:
                # The record it begins in: from there on the pieces tell.
                number = bisect_right(ends, max(begin, where + match[0]))
                return self._skimmed(record, stream, begin, ends[number - 1], number) if number else record
            newline = newline or data.rfind(b"\n") >= 0
            kept = (kept + data[-self.keep :])[-self.keep :] if self.keep else b""
            at += len(data)
        return self._skimmed(record, stream, begin, ends[-1], len(ends), newline)

    def _skimmed(self, record: int, stream: int, begin: int, end: int, count: int, newline: bool = False) -> int:
        """Know what the pieces would have left behind the bytes from `begin` to `end`."""
        reader = self.index.reader
        tail = reader.read(max(begin, end - self.keep), min(self.keep, end - begin))
        rest = (self.kept.pop(stream, b"") + tail)[-self.keep :] if self.keep else b""
        rest = rest[rest.rfind(b"\n") + 1 :]
        if rest:
            self.kept[stream] = rest
        self.place = None
        at = end
        while not newline and at > begin:
            at = max(begin, at - _CHUNK)
            newline = reader.read(at, min(_CHUNK, end - at)).rfind(b"\n") >= 0
        if newline:
            self.lines.pop(stream, None)
        elif stream in self.lines:
            line, column, first = self.lines[stream]
            self.lines[stream] = (line, column + end - begin, first)
        return record + count

    def _piece(self, piece: Piece) -> Iterator[Found]:
        """Search a piece together with what was kept of its stream."""
        stream, data = piece.stream, piece.data
        place, self.place = self.place, None
        if stream == ELIDED:
            yield from self._rest(piece.record, 0)
            self.kept.clear()
            self.lines.clear()
            return
        if not data:
            self.place = place
            return
        kept = self.kept.pop(stream, b"")
        buffer = kept + data if kept else data
        # Plain text is looked for in all of it; an expression in whole lines only.
        last = buffer.rfind(b"\n")
        whole = last + 1 if self.whole_lines else len(buffer)
        match = self.find(buffer, 0, whole) if whole else None
        self.behind = 0
        if match is not None:
            if place is None:
                place = self.index.at(piece.record, piece.offset)
            yield from self._matches(piece, place, buffer, len(kept), whole, match)
            begun, opened = step(piece, place.open)
            self.place = Place(piece.after, 0, place.lines + begun, opened) if piece.after > piece.record else None
            self._remember(piece, place, begun)
        elif last >= len(kept):
            self.lines.pop(stream, None)
        elif stream in self.lines:
            line, column, record = self.lines[stream]
            self.lines[stream] = (line, column + len(data), record)
        rest = buffer[last + 1 if self.whole_lines else max(last + 1, len(buffer) - self.keep, self.behind) :]
        if self.whole_lines and len(rest) > _LONGEST:
            self.kept[stream] = rest
            yield from self._rest(piece.record, piece.offset + len(data), stream)
        elif rest:
            self.kept[stream] = rest

    def _rest(self, record: int, offset: int, only: int | None = None) -> Iterator[Found]:
        """Try an expression on unfinished lines (all, or that of one stream) as they are before this place."""
        if not self.whole_lines:
            return
        for stream in [only] if only is not None else sorted(self.kept):
            buffer = self.kept.pop(stream, b"")
            match = self.find(buffer, 0, len(buffer))
            behind = Piece(record, 0, stream, offset, b"", record)
            yield from self._matches(behind, START, buffer, len(buffer), len(buffer), match)

    def _matches(
        self, piece: Piece, place: Place, buffer: bytes, kept: int, whole: int, match: tuple[int, int] | None
    ) -> Iterator[Found]:
        """Tell of all matches in buffer[:whole], of which `kept` bytes are from earlier pieces."""
        opened = bool(place.open >> piece.stream & 1)
        counted, newlines = kept, 0
        while match is not None:
            start, end = match
            begin = buffer.rfind(b"\n", 0, start) + 1
            if begin < kept or (begin == kept and opened):
                line, column, record = self._unfinished(piece)
                # `column` is that of the piece's first byte.
                yield Found(line, column + start - kept, column + end - kept, record)
            else:
                newlines += buffer.count(b"\n", counted, begin)
                counted = begin
                yield Found(place.lines + newlines - opened, start - begin, end - begin, piece.record)
            self.behind = end
            match = self.find(buffer, end if end > start else end + 1, whole)

    def _unfinished(self, piece: Piece) -> tuple[int, int, int]:
        """The line that is open before a piece: its number, its length so far, the record in which it begins."""
        known = self.lines.get(piece.stream)
        if known is None:
            known = self.lines[piece.stream] = _begin_of_line(self.index, piece)
        return known

    def _remember(self, piece: Piece, place: Place, begun: int) -> None:
        """Know the unfinished line behind a piece whose place is known."""
        stream, data = piece.stream, piece.data
        end = data.rfind(b"\n")
        if end == len(data) - 1:
            self.lines.pop(stream, None)
        elif begun:
            self.lines[stream] = (place.lines + begun - 1, len(data) - end - 1, piece.record)
        elif stream in self.lines:
            line, column, record = self.lines[stream]
            self.lines[stream] = (line, column + len(data), record)


def _begin_of_line(index: LineIndex, piece: Piece) -> tuple[int, int, int]:
    """The line of the piece's stream that is open before it: (line, its length there, record it begins in)."""
    column = 0
    first = (piece.record, piece.offset)
    for before in pieces_back(index.reader, frozenset({piece.stream}), piece.record, piece.offset):
        if before.stream == ELIDED:
            break
        end = before.data.rfind(b"\n") + 1
        if end and end == len(before.data):
            break
        column += len(before.data) - end
        first = (before.record, before.offset)
        if end:
            place = index.at(*first)
            return place.lines + step(before, place.open)[0] - 1, column, before.record
    return index.at(*first).lines, column, first[0]


def _finder(pattern: bytes, regex: bool, ignore_case: bool) -> Finder:
    """What finds the first match in a part of a buffer. Raises BadPattern."""
    if not pattern:
        raise BadPattern("There is nothing to search for: give at least one character.")
    if not regex:
        if b"\n" in pattern:
            raise BadPattern("A search works within lines: the text must not hold a line break.")
        if not ignore_case:
            return lambda buffer, start, end: _span(needle.find(buffer, pattern, start, end), len(pattern))
        if pattern.isascii():
            return _Lowered(pattern.lower()).find
        pattern = _any_case(pattern)
    try:
        search_for = re.compile(pattern, re.MULTILINE | (re.IGNORECASE if ignore_case else 0)).search
    except (re.error, RecursionError, OverflowError) as error:
        raise BadPattern(f"{pattern.decode(errors='replace')} is no regular expression: {error}.") from error

    def find(buffer: bytes, start: int, end: int) -> tuple[int, int] | None:
        while start < end:
            match = search_for(buffer, start, end)
            if match is None:
                return None
            begin = match.start()
            newline = buffer.find(b"\n", begin, match.end())
            if newline >= 0:
                # It ran over the end of its line: what does it match within?
                match = search_for(buffer, start, newline)
                if match is None:
                    start = newline + 1
                    continue
            if match.end() > match.start():
                return match.span()
            start = match.end() + 1
        return None

    return find


def _span(start: int, length: int) -> tuple[int, int] | None:
    return None if start < 0 else (start, start + length)


class _Lowered:
    """Finds ASCII text in any case; a buffer is lowered once, however many matches it has."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern
        self.buffer = b""
        self.lowered = b""

    def find(self, buffer: bytes, start: int, end: int) -> tuple[int, int] | None:
        if buffer is not self.buffer:
            self.buffer, self.lowered = buffer, buffer.lower()
        return _span(needle.find(self.lowered, self.pattern, start, end), len(self.pattern))


def _any_case(pattern: bytes) -> bytes:
    """An expression that matches text in any case, also beyond ASCII, where bytes know no case."""
    parts = []
    for character in pattern.decode("utf-8", "surrogateescape"):
        forms = {character, character.lower(), character.upper()}
        told = sorted({re.escape(form.encode("utf-8", "surrogateescape")) for form in forms})
        parts.append(b"(?:" + b"|".join(told) + b")")
    return b"".join(parts)
