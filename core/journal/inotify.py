"""Inotify through the C library: what wakes a reader when a file grows. Linux; elsewhere opening raises OSError."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from typing import Any

MODIFY = 0x2
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
#: the kernel dropped events: anything may have changed
OVERFLOW = 0x4000
#: the watch is gone, its file with it
IGNORED = 0x8000
#: to what a path is watched for already
_MASK_ADD = 0x20000000

_EVENT = struct.Struct("=iIII")


class Inotify:
    """One inotify descriptor, non-blocking and closed on exec. Raises OSError where there is none to be had."""

    __slots__ = ("_add", "_remove", "fd")

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(None, use_errno=True)
            init: Callable[..., Any] = library.inotify_init1
            self._add: Callable[..., Any] = library.inotify_add_watch
            self._remove: Callable[..., Any] = library.inotify_rm_watch
        except (AttributeError, TypeError) as error:
            raise OSError(errno.ENOSYS, "this system has no inotify") from error
        self.fd: int = init(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise _failure()

    def add(self, path: str, mask: int) -> int:
        """Watch a path for the events in `mask` too; returns the watch's number. Raises OSError."""
        watch: int = self._add(self.fd, os.fsencode(path), ctypes.c_uint32(mask | _MASK_ADD))
        if watch < 0:
            raise _failure(path)
        return watch

    def remove(self, watch: int) -> None:
        """Watch a path no more; one that is gone is forgotten already."""
        self._remove(self.fd, watch)

    def events(self) -> list[tuple[int, int]]:
        """All events that wait, as (watch, mask); the watch is -1 where the kernel dropped some."""
        found: list[tuple[int, int]] = []
        while True:
            try:
                events = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            place = 0
            while place < len(events):
                watch, mask, _cookie, length = _EVENT.unpack_from(events, place)
                found.append((watch, mask))
                place += _EVENT.size + length

    def close(self) -> None:
        """Close the descriptor; a second call does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


def _failure(path: str | None = None) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)
