"""Telling everybody who listens what changed: one look at the store serves them all."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from functools import partial

from core.journal.follow import DirectoryWatch
from core.service import Event

from .changes import KINDS, behind, newest
from .database import Database

#: seconds between two looks at a store in which something happens all the time
_GATHER = 0.02
#: seconds after which it is looked at although nothing woke us
_LOOK = 2.0
#: changes read at once, and kept for those who listen
_PAGE = 1000
_KEPT = 4000


class ChangeFeed:
    """The changes of one store, for any number of listeners on one loop.

    It looks at the store only while somebody listens, woken by what is written to the database's log.
    """

    def __init__(self, database: Database, store: str) -> None:
        self._database = database
        self._store = store
        #: the changes behind `_from`, in order, as far as `_newest`
        self._recent: deque[Event] = deque()
        self._from = 0
        self._newest = 0
        self._listeners = 0
        self._pump: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._failure: Exception | None = None
        self._closed = False

    async def listen(self, since: int | None) -> AsyncIterator[Event]:
        """Changes behind `since` (None: from now on), and on, until the feed is closed. Raises ServiceError."""
        now = await self._database.read(newest)
        position = now if since is None else since
        self._listeners += 1
        try:
            if position > now:
                # A sequence that this store never gave: whoever has it knows nothing of this one.
                for kind in KINDS:
                    yield Event(now, kind)
                position = now
            while not self._closed:
                if self._pump is None:
                    self._start(now)
                # Taken before looking: what comes later sets this one.
                news = self._news
                if position < self._from:
                    events = await self._database.read(partial(behind, since=position, count=_PAGE))
                    if not events:
                        position = self._from
                else:
                    events = self._behind(position)
                    if not events:
                        await news.wait()
                        if self._failure is not None and self._pump is None:
                            raise self._failure
                        continue
                for event in events:
                    position = event.sequence
                    yield event
        finally:
            self._listeners -= 1
            if not self._listeners and self._pump is not None:
                self._pump.cancel()
                self._pump = None

    def _behind(self, position: int) -> list[Event]:
        fresh: list[Event] = []
        for event in reversed(self._recent):
            if event.sequence <= position:
                break
            fresh.append(event)
        fresh.reverse()
        return fresh

    def _start(self, now: int) -> None:
        now = max(now, self._newest)
        self._recent.clear()
        self._from = self._newest = now
        self._failure = None
        self._pump = asyncio.get_running_loop().create_task(self._run(), name="changes")

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _run(self) -> None:
        try:
            with DirectoryWatch(self._store) as watch:
                while True:
                    version = watch.version
                    events = await self._database.read(partial(behind, since=self._newest, count=_PAGE))
                    if events:
                        self._take(events)
                        await asyncio.sleep(_GATHER)
                    else:
                        await watch.changed(_LOOK, version)
        except Exception as error:
            self._failure = error
            self._pump = None
            self._tell()

    def _take(self, events: list[Event]) -> None:
        self._recent.extend(events)
        self._newest = events[-1].sequence
        while len(self._recent) > _KEPT:
            self._from = self._recent.popleft().sequence
        self._tell()

    async def close(self) -> None:
        """End every listener."""
        self._closed = True
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        self._tell()
