"""One inotify descriptor for everything that a thread watches: a user may have no more than 128 of them."""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

from core.journal import inotify


class Listener(Protocol):
    """Whoever watches something."""

    def noticed(self, mask: int) -> None:
        """Something that is watched changed."""


class SharedInotify:
    """The watches of one thread. It is listened to only while somebody waits.

    Get it with `attach`, give it back with `detach`; the last one closes it.
    """

    def __init__(self) -> None:
        self._inotify = inotify.Inotify()
        self._by_watch: dict[int, set[Listener]] = {}
        self._listeners: set[Listener] = set()
        self._waiting: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def attach(cls, listener: Listener) -> SharedInotify:
        """The thread's own. Raises OSError where there is none to be had."""
        shared: SharedInotify | None = getattr(_threads, "shared", None)
        if shared is None or shared._inotify.fd < 0:
            shared = _threads.shared = cls()
        shared._listeners.add(listener)
        return shared

    def add(self, listener: Listener, path: str, mask: int) -> None:
        """Watch a path. Raises OSError."""
        self._by_watch.setdefault(self._inotify.add(path, mask), set()).add(listener)

    def drain(self) -> None:
        """Tell everybody what was noticed."""
        for watch, mask in self._inotify.events():
            if mask & inotify.OVERFLOW:
                for listener in tuple(self._listeners):
                    listener.noticed(mask)
                continue
            for listener in tuple(self._by_watch.get(watch, ())):
                listener.noticed(mask)
            if mask & inotify.IGNORED:
                self._by_watch.pop(watch, None)

    def wait(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        """Listen from now on, for this one too. Raises NotImplementedError on a loop that cannot."""
        if self._loop is not None and self._loop is not loop:
            # The loop of earlier waits has ended without letting go.
            self._waiting.clear()
            self._loop = None
        if self._loop is None:
            loop.add_reader(self._inotify.fd, self.drain)
            self._loop = loop
        self._waiting.add(listener)

    def rest(self, listener: Listener) -> None:
        """This one does not wait any more."""
        self._waiting.discard(listener)
        if not self._waiting and self._loop is not None:
            self._loop.remove_reader(self._inotify.fd)
            self._loop = None

    def detach(self, listener: Listener) -> None:
        """Forget this one; a second call does nothing."""
        self.rest(listener)
        self._listeners.discard(listener)
        for watch, listeners in tuple(self._by_watch.items()):
            if listener in listeners:
                listeners.discard(listener)
                if not listeners:
                    del self._by_watch[watch]
                    self._inotify.remove(watch)
        if not self._listeners:
            self._inotify.close()
            if getattr(_threads, "shared", None) is self:
                _threads.shared = None


_threads = threading.local()
