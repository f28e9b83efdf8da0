"""Appending to a job's journal: two system calls per record, and never a reader that sees half of one.

The data goes first, its entry after it, so that whatever kills the writer leaves a journal whose entries are all true.
Both are written at their place (pwrite), not at the end of the file: after a full disk the same append is simply
made again, over the bytes that the failed one left.
"""

from __future__ import annotations

import errno
import os
import time as clock

from core.journal.format import DATA_FILE, ENTRY, ENTRY_SIZE, FLAG_ADOPTED, INDEX_FILE, RAW_STREAMS, STDOUT
from core.journal.index import complete_end

#: what output leaves free on the disk, at most and as a share of it: room for states, answers, ends and the database
RESERVE = 16 << 20
_RESERVE_SHARE = 16
#: bytes of output between two looks at the disk, at most
_LOOK = 64 << 20

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class JournalWriter:
    """The one writer of the journal in `directory`; the caller holds the job's lock.

    Opening recovers what a dead writer left. Every method may raise OSError (full disk, I/O error);
    the journal is whole then, and the same call may be made again.
    """

    __slots__ = ("_data_fd", "_index_fd", "_leftover", "_room", "records", "size", "time")

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        path = os.fspath(directory)
        #: complete records so far: the number of the last one
        self.records = 0
        #: bytes of data that they cover
        self.size = 0
        #: time of the last record, nanoseconds
        self.time = 0
        #: a failed append left bytes behind the last entry
        self._leftover = False
        #: bytes of output that may come before the disk is looked at again
        self._room = 0
        self._data_fd = os.open(os.path.join(path, DATA_FILE), _OPEN, 0o600)
        try:
            self._index_fd = os.open(os.path.join(path, INDEX_FILE), _OPEN, 0o600)
        except OSError:
            os.close(self._data_fd)
            raise
        try:
            self._recover()
        except OSError:
            self.close()
            raise

    def _recover(self) -> None:
        """Cut entries that are torn or point beyond the data, then adopt data that has no entry as one record."""
        status = os.fstat(self._data_fd)
        self.records, self.size, self.time = complete_end(self._index_fd, status.st_size)
        if os.fstat(self._index_fd).st_size != self.records * ENTRY_SIZE:
            os.ftruncate(self._index_fd, self.records * ENTRY_SIZE)
        if status.st_size > self.size:
            self._enter(STDOUT, status.st_size - self.size, status.st_mtime_ns, FLAG_ADOPTED)

    def append(
        self, stream: int, data: bytes | bytearray | memoryview, *, time: int | None = None, flags: int = 0
    ) -> int:
        """Write one record and return its number (from 1). `data` may be empty and is written whole.

        `time`: nanoseconds since the epoch, now by default; times never go backwards within a journal.
        """
        length = len(data)
        if stream in RAW_STREAMS:
            self._room -= length
            if self._room < 0:
                self._look_at_disk(length)
        if self._leftover:
            # Bytes of a failed append: a shorter record written over them would leave its tail to be adopted.
            os.ftruncate(self._data_fd, self.size)
            self._leftover = False
        if length:
            try:
                written = os.pwrite(self._data_fd, data, self.size)
                if written != length:
                    self._write_rest(data, written)
            except OSError:
                self._failed(stream)
                raise
        try:
            return self._enter(stream, length, clock.time_ns() if time is None else time, flags)
        except OSError:
            self._failed(stream)
            raise

    def _look_at_disk(self, length: int) -> None:
        """Raise ENOSPC for output while the disk is nearly full: what ends or cancels a job still needs some room."""
        disk = os.fstatvfs(self._data_fd)
        reserve = min(RESERVE, disk.f_blocks * disk.f_frsize // _RESERVE_SHARE)
        room = disk.f_bavail * disk.f_frsize - reserve - length
        if room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._room = min(room // 2, _LOOK)

    def _write_rest(self, data: bytes | bytearray | memoryview, written: int) -> None:
        """Write what a short write left: it says that the next one will fail, or that a signal came."""
        rest = memoryview(data)
        while written < len(rest):
            written += os.pwrite(self._data_fd, rest[written:], self.size + written)

    def _failed(self, stream: int) -> None:
        """Remember bytes behind the last entry; only output may stay there to be adopted if the writer dies now."""
        self._leftover = True
        if stream not in RAW_STREAMS:
            os.ftruncate(self._data_fd, self.size)
            self._leftover = False

    def _enter(self, stream: int, length: int, time: int, flags: int) -> int:
        time = max(time, self.time)
        entry = ENTRY.pack(time, self.size, length, stream, flags)
        position = self.records * ENTRY_SIZE
        # 32 divides the page size, so an entry is on disk whole or not at all; a short write is made again whole.
        while os.pwrite(self._index_fd, entry, position) != ENTRY_SIZE:
            pass
        self.time = time
        self.size += length
        self.records += 1
        return self.records

    def sync(self) -> None:
        """Return once every record is on the disk itself: the data, then the index."""
        os.fdatasync(self._data_fd)
        os.fdatasync(self._index_fd)

    def close(self) -> None:
        """Close both files; a second call does nothing."""
        for fd in (self._data_fd, self._index_fd):
            if fd >= 0:
                os.close(fd)
        self._data_fd = self._index_fd = -1

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
