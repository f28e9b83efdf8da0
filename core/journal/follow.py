"""Waiting for a journal, or any directory, to change: by inotify, or by looking every 250 ms where there is none."""

from __future__ import annotations

import asyncio
import os
import time

from core.journal import inotify
from core.journal.format import INDEX_FILE
from core.journal.shared_inotify import SharedInotify

#: seconds between two looks where nothing wakes us
POLL = 0.25
EXIT_FILE = "exit.json"

_IN_DIRECTORY = inotify.CREATE | inotify.MOVED_TO | inotify.DELETE_SELF | inotify.MOVE_SELF
_ANYTHING = _IN_DIRECTORY | inotify.MODIFY | inotify.MOVED_FROM | inotify.DELETE


class _Watch:
    """What both watches share: a part in the thread's inotify descriptor, listened to only while somebody waits.

    So a busy writer wakes nobody who is busy himself, and the kernel merges its events meanwhile. Belongs to one event
    loop. Closing it ends the waits that are under way.
    """

    def __init__(self, path: str | os.PathLike[str], *, poll: bool = False) -> None:
        self.path = os.fspath(path)
        #: how many changes were noticed so far; several that came together are one
        self.version = 0
        self._told = 0
        self._inotify: SharedInotify | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._listening = False
        self._closed = False
        #: what was noticed since the last look
        self._noticed = 0
        if not poll:
            try:
                self._inotify = SharedInotify.attach(self)
            except OSError:
                # None on this system, or the user's share of them is used up: looking now and then serves as well.
                self._inotify = None
        self._watch()
        self._seen = self._look()

    @property
    def polls(self) -> bool:
        """Whether it looks every 250 ms because nothing wakes it."""
        return self._inotify is None

    @property
    def waited_for(self) -> bool:
        """Whether somebody waits for a change now."""
        return bool(self._waiters)

    async def changed(self, timeout: float | None = None, since: int | None = None) -> bool:
        """Wait for a change; False after `timeout` seconds without one (None: never), and once it is closed.

        Any number of tasks may wait at once. One alone needs no `since`: what changed since its last call counts. Of
        several, each gives the `version` it took before it last looked at the files, else another's call may have
        used up the change.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        known = self._told if since is None else since
        while not self._closed:
            if self._news():
                self.version += 1
                self._wake()
            if self.version != known:
                self._told = self.version
                return True
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            await self._wait(left)
        return False

    def _news(self) -> bool:
        """Whether what there is to see is not what was seen last."""
        if self._inotify is not None:
            self._inotify.drain()
            self._watch()
        now = self._look()
        changed = now != self._seen
        self._seen = now
        return changed

    async def _wait(self, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        self._listen(loop)
        if not self._listening:
            timeout = POLL if timeout is None else min(timeout, POLL)
        try:
            await asyncio.wait((waiter,), timeout=timeout)
        finally:
            self._waiters.discard(waiter)
            if not self._waiters:
                self._stop_listening()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._inotify is None:
            return
        try:
            self._inotify.wait(self, loop)
        except NotImplementedError:
            self._poll_from_now_on()
        else:
            self._listening = True

    def _stop_listening(self) -> None:
        if self._inotify is not None:
            self._inotify.rest(self)
        self._listening = False

    def _poll_from_now_on(self) -> None:
        self._stop_listening()
        if self._inotify is not None:
            self._inotify.detach(self)
        self._inotify = None
        # Those who wait without a poll's deadline must look for themselves now.
        self._wake()

    def noticed(self, mask: int) -> None:
        """Something that is watched changed."""
        self._noticed |= mask
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _watch(self) -> None:
        raise NotImplementedError

    def _look(self) -> object:
        raise NotImplementedError

    def _add(self, path: str, mask: int) -> bool:
        """Watch a path; False when it is not there yet. Without room for another watch it is polled from now on."""
        if self._inotify is None:
            return False
        try:
            self._inotify.add(self, path, mask)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            self._poll_from_now_on()
            return False
        return True

    def close(self) -> None:
        """Let go of the descriptor; a second call does nothing."""
        self._closed = True
        self._poll_from_now_on()

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Follower(_Watch):
    """Wakes when the journal in `path` grew or its job ended (`exit.json` is there). The directory must exist."""

    def __init__(self, path: str | os.PathLike[str], *, poll: bool = False) -> None:
        self._index_watched = False
        self._directory_watched = False
        super().__init__(path, poll=poll)

    def _watch(self) -> None:
        if not self._directory_watched:
            self._directory_watched = self._add(self.path, _IN_DIRECTORY)
        if not self._index_watched:
            # The file itself: a watch on the directory would tell of every write to the data too, never merged.
            self._index_watched = self._add(os.path.join(self.path, INDEX_FILE), inotify.MODIFY)

    def _look(self) -> object:
        return _size(os.path.join(self.path, INDEX_FILE)), _size(os.path.join(self.path, EXIT_FILE))


class DirectoryWatch(_Watch):
    """Wakes when something in the directory `path` is written, made, moved or removed; not below it."""

    def __init__(self, path: str | os.PathLike[str], *, poll: bool = False) -> None:
        self._watched = False
        self._events = 0
        super().__init__(path, poll=poll)

    def _watch(self) -> None:
        if not self._watched:
            self._watched = self._add(self.path, _ANYTHING)

    def _news(self) -> bool:
        if self._inotify is not None and self._watched:
            self._inotify.drain()
            noticed, self._noticed = self._noticed, 0
            return bool(noticed)
        return super()._news()

    def _look(self) -> object:
        if self._inotify is not None and self._watched:
            return None
        try:
            with os.scandir(self.path) as found:
                names = [entry.name for entry in found]
        except (FileNotFoundError, NotADirectoryError):
            return None
        return {name: _stamp(os.path.join(self.path, name)) for name in names}


def _size(path: str) -> int | None:
    stamp = _stamp(path)
    return None if stamp is None else stamp[0]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size, status.st_mtime_ns
