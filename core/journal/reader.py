"""Reading a journal, also while it is written: by position only, so that nothing is ever seen half."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from core.journal.format import DATA_FILE, ELIDED, ENTRY, ENTRY_SIZE, INDEX_FILE, Entry, JournalError
from core.journal.index import complete_end

#: index entries read at once: 128 KiB
BLOCK = 4096
#: where the lowest byte of the stream number stands in an entry: streams are below 256
STREAM_AT = 24
#: the largest single read; the kernel's own limit is just below 2 GiB
_READ = 1 << 30


class PlainFiles:
    """A journal as its writer writes it: `out.dat` and `out.idx`, both open."""

    __slots__ = ("_index_fd", "data_fd", "directory")

    def __init__(self, directory: str) -> None:
        """Raises FileNotFoundError while there is none, JournalError for one that cannot be opened."""
        self.directory = directory
        self._index_fd = _open(os.path.join(directory, INDEX_FILE))
        try:
            self.data_fd = _open(os.path.join(directory, DATA_FILE))
        except (FileNotFoundError, JournalError):
            os.close(self._index_fd)
            raise

    def end(self) -> tuple[int, int]:
        """(records, bytes of data) that are complete now."""
        records, size, _time = complete_end(self._index_fd, os.fstat(self.data_fd).st_size)
        return records, size

    def index(self, offset: int, length: int) -> bytes:
        """Bytes of the index."""
        return _pread(self._index_fd, offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the data; fewer than asked for where the file ends."""
        return _pread(self.data_fd, offset, length)

    def hole(self, offset: int) -> int:
        """Where the first hole in the data at or behind `offset` begins, or the data's end."""
        return os.lseek(self.data_fd, offset, os.SEEK_HOLE)

    def close(self) -> None:
        """Close the files."""
        os.close(self.data_fd)
        os.close(self._index_fd)


class JournalReader:
    """The journal in `directory`: its index entries and their data. A directory without one is an empty journal.

    Sees what was complete at the last `refresh`. Every method may raise JournalError. Safe to use from several threads
    as long as one of them closes it last.
    """

    __slots__ = ("_source", "directory", "records", "size")

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = os.fspath(directory)
        #: complete records at the last refresh: the number of the last one
        self.records = 0
        #: bytes of data that they cover
        self.size = 0
        self._source: PlainFiles | None = None
        try:
            self.refresh()
        except JournalError:
            self.close()
            raise

    def refresh(self) -> int:
        """Look again; returns how many records are complete now."""
        if self._source is None:
            try:
                self._source = PlainFiles(self.directory)
            except FileNotFoundError:
                return 0
        try:
            records, size = self._source.end()
        except OSError as error:
            raise self._unreadable(error) from error
        if records > self.records:
            self.records, self.size = records, size
        return self.records

    def entry(self, number: int) -> Entry:
        """The index entry of record `number`, from 1; within a gap, the gap."""
        for entry in self.entries(number, number + 1):
            return entry
        raise JournalError(f"The journal in {self.directory} has {self.records} records: there is no record {number}.")

    def entries(self, start: int = 1, stop: int | None = None) -> Iterator[Entry]:
        """The entries of records `start` to `stop` - 1 (None: the last there was at the refresh), in order.

        A gap is one entry of stream ELIDED; one that begins before `start` is told whole.
        """
        stop = self.records + 1 if stop is None else min(stop, self.records + 1)
        start = max(start, 1)
        while start < stop:
            number = start
            start = min(stop, start + BLOCK)
            for time, offset, length, stream, flags in ENTRY.iter_unpack(self.index(number, start)):
                if stream == ELIDED:
                    gap = self._gap(number)
                    yield gap
                    start = gap.number + gap.flags
                    break
                yield Entry(number, time, offset, length, stream, flags)
                number += 1

    def select(self, streams: frozenset[int], start: int = 1, stop: int | None = None) -> Iterator[Entry]:
        """Like `entries`, but only records of these streams (ELIDED among them or not); skips others quickly."""
        stop = self.records + 1 if stop is None else min(stop, self.records + 1)
        start = max(start, 1)
        find = stream_pattern(streams).finditer
        while start < stop:
            first = start
            start = min(stop, start + BLOCK)
            block = self.index(first, start)
            for found in find(block[STREAM_AT::ENTRY_SIZE]):
                place = found.start()
                time, offset, length, stream, flags = ENTRY.unpack_from(block, place * ENTRY_SIZE)
                if stream == ELIDED:
                    gap = self._gap(first + place)
                    yield gap
                    start = gap.number + gap.flags
                    break
                yield Entry(first + place, time, offset, length, stream, flags)

    def select_back(self, streams: frozenset[int], stop: int | None = None) -> Iterator[Entry]:
        """Like `select`, from the record before `stop` back to the first. A gap is told once."""
        stop = self.records + 1 if stop is None else min(stop, self.records + 1)
        find = stream_pattern(streams).finditer
        size = 64
        while stop > 1:
            first = max(1, stop - size)
            size = min(BLOCK, size * 4)
            block = self.index(first, stop)
            places = [found.start() for found in find(block[STREAM_AT::ENTRY_SIZE])]
            stop = first
            for place in reversed(places):
                time, offset, length, stream, flags = ENTRY.unpack_from(block, place * ENTRY_SIZE)
                if stream == ELIDED:
                    gap = self._gap(first + place)
                    yield gap
                    stop = gap.number
                    if stop < first:
                        break
                    continue
                if first + place >= stop > first:
                    continue
                yield Entry(first + place, time, offset, length, stream, flags)

    def index(self, start: int, stop: int) -> bytes:
        """The raw entries of records `start` to `stop` - 1, 32 bytes each."""
        if self._source is None:
            raise JournalError(f"There is no journal in {self.directory}.")
        wanted = (stop - start) * ENTRY_SIZE
        try:
            block = self._source.index((start - 1) * ENTRY_SIZE, wanted)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(block) != wanted:
            raise JournalError(f"The journal in {self.directory} was cut short while it was read: read it again.")
        return block

    def data(self, entry: Entry) -> bytes:
        """The bytes of a record; none for a gap."""
        return b"" if entry.stream == ELIDED else self.read(entry.offset, entry.length)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes of data from `offset`, whichever records they belong to."""
        if self._source is None or offset + length > self.size:
            raise JournalError(
                f"The journal in {self.directory} is damaged: an entry points at byte {offset + length} of {self.size}."
            )
        try:
            data = self._source.read(offset, length)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(data) != length:
            raise JournalError(f"The journal in {self.directory} was cut short while it was read: read it again.")
        return data

    def hole(self, offset: int) -> int:
        """Where in the data the first hole at or behind `offset` begins; `size` or more where there is none."""
        if self._source is None or offset >= self.size:
            return self.size
        try:
            return self._source.hole(offset)
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def data_fd(self) -> int | None:
        """The open `out.dat`, for mapping bytes below `size`; None where there is none or it is compressed."""
        return None if self._source is None else self._source.data_fd

    def _gap(self, number: int) -> Entry:
        """The gap that record `number` is in."""
        first, last = number, number
        offset = time = 0
        while first > 1:
            low = max(1, first - BLOCK)
            block = self.index(low, first)
            known = len(block[STREAM_AT::ENTRY_SIZE].rstrip(b"\0"))
            first = low + known
            if known:
                time, start, length, _stream, _flags = ENTRY.unpack_from(block, (known - 1) * ENTRY_SIZE)
                offset = start + length
                break
        while last < self.records:
            high = min(self.records + 1, last + BLOCK)
            block = self.index(last, high)
            column = block[STREAM_AT::ENTRY_SIZE]
            empty = len(column) - len(column.lstrip(b"\0"))
            last += empty
            if last < high:
                end = ENTRY.unpack_from(block, empty * ENTRY_SIZE)[1]
                return Entry(first, time, offset, end - offset, ELIDED, last - first)
        raise JournalError(f"The journal in {self.directory} is damaged: its index ends in zeros.")

    def _unreadable(self, error: OSError) -> JournalError:
        return JournalError(f"The journal in {self.directory} cannot be read: {error.strerror}.")

    def close(self) -> None:
        """Let go of the files; a second call does nothing."""
        if self._source is not None:
            self._source.close()
        self._source = None
        self.records = self.size = 0

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_PATTERNS: dict[frozenset[int], re.Pattern[bytes]] = {}


def stream_pattern(streams: frozenset[int]) -> re.Pattern[bytes]:
    """What finds these streams in a column of stream numbers, one byte each."""
    pattern = _PATTERNS.get(streams)
    if pattern is None:
        members = b"".join(re.escape(bytes([stream])) for stream in sorted(streams))
        pattern = _PATTERNS[streams] = re.compile(b"[" + members + b"]" if members else b"(?!)", re.DOTALL)
    return pattern


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            raise FileNotFoundError(path) from error
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error


def _pread(fd: int, offset: int, length: int) -> bytes:
    data = os.pread(fd, min(length, _READ), offset)
    if len(data) == length or not data:
        return data
    parts = [data]
    got = len(data)
    while got < length:
        data = os.pread(fd, min(length - got, _READ), offset + got)
        if not data:
            break
        parts.append(data)
        got += len(data)
    return b"".join(parts)
