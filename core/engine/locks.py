"""Locks on files that belong to the open file, not to the process: they can be handed over and are never lost by
closing another descriptor of the same file.

Linux's open file description locks, probed without taking them (F_OFD_GETLK). A probe by flock would take the lock for
a moment and make others fail; it serves only where there is nothing better.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

_FLOCK = struct.Struct("hhqqi4x")
_HAS_OFD = hasattr(fcntl, "F_OFD_SETLK")


class FileLock:
    """One byte of an open file that can be locked. Closing the last descriptor of the open file releases it."""

    def __init__(self, path: str, *, byte: int = 0, create: bool = True) -> None:
        """Opens the file (mode 0600 when made). Raises OSError."""
        self._byte = byte
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)

    def fileno(self) -> int:
        """The open file's descriptor: whoever gets a copy of it shares the lock."""
        return self._descriptor

    def take(self, *, shared: bool = False) -> bool:
        """Take the lock; False when another open file has it."""
        if not _HAS_OFD:
            try:
                fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True
        kind = fcntl.F_RDLCK if shared else fcntl.F_WRLCK
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, self._byte, 1, 0))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def held_elsewhere(self) -> bool:
        """Whether another open file holds the lock, without taking it."""
        if not _HAS_OFD:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            return False
        question = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, self._byte, 1, 0)
        answer = fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, question)
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)

    def release(self) -> None:
        """Give the lock up and keep the file open."""
        if not _HAS_OFD:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            return
        fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, self._byte, 1, 0))

    def close(self) -> None:
        """Close the file; the lock goes on as long as another descriptor of the same open file is left."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_held(path: str) -> bool:
    """Whether somebody holds the lock on the file; False when there is no such file, or no file of that name."""
    try:
        with FileLock(path, create=False) as lock:
            return lock.held_elsewhere()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
