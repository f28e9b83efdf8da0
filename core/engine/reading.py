"""Reading journals for the service: records, lines, searches, and waiting for more of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator

from core.journal.follow import DirectoryWatch, Follower
from core.journal.reader import JournalReader
from core.service import Record

_INDEXES = 8
_FOLLOWERS = 64
#: bytes of records handed over between two looks at the loop
_STEP = 1 << 20


class Reading:
    """The open readers and followers of one engine."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._followers: OrderedDict[str, Follower] = OrderedDict()
        self._store_watch: DirectoryWatch | None = None

    def version(self, directory: str) -> int:
        """What to give `changed` later, taken before looking at the job's files."""
        return self._follower(directory).version

    async def changed(self, directory: str, timeout: float, since: int) -> bool:
        """Until the job's journal has grown or ended since `version` said `since`; False after `timeout` seconds."""
        return await self._follower(directory).changed(timeout, since)

    def _follower(self, directory: str) -> Follower:
        # One per job, however many follow it: a user may have no more than 128 of the kernel's watches.
        follower = self._followers.pop(directory, None) or Follower(directory)
        self._followers[directory] = follower
        while len(self._followers) > _FOLLOWERS:
            self._followers.popitem(last=False)[1].close()
        return follower

    async def store_changed(self, timeout: float) -> bool:
        """Until a file of the data directory changed; False after `timeout` seconds."""
        if self._store_watch is None:
            self._store_watch = DirectoryWatch(self._store)
        return await self._store_watch.changed(timeout)

    async def records(self, directory: str, after: int, streams: frozenset[int] | None) -> AsyncIterator[Record]:
        """The records that are there now behind number `after`."""
        with JournalReader(directory) as reader:
            stop = reader.refresh() + 1
            handed = 0
            entries = reader.entries(after + 1, stop) if streams is None else reader.select(streams, after + 1, stop)
            for entry in entries:
                data = reader.data(entry)
                yield Record(entry.number, entry.time, entry.stream, entry.flags, data)
                handed += len(data)
                if handed > _STEP:
                    handed = 0
                    await asyncio.sleep(0)

    def close(self) -> None:
        """Let go of all of them."""
        for follower in self._followers.values():
            follower.close()
        self._followers.clear()
        if self._store_watch is not None:
            self._store_watch.close()
            self._store_watch = None
