"""Reading journals for the service: records, lines, searches, and waiting for more of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator

from core.journal.follow import DirectoryWatch, Follower
from core.journal.reader import JournalReader
from core.service import Record

_INDEXES = 8
#: bytes of records handed over between two looks at the loop
_STEP = 1 << 20


class Reading:
    """The open readers and followers of one engine."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._followers: OrderedDict[str, Follower] = OrderedDict()
        self._store_watch: DirectoryWatch | None = None

    async def changed(self, directory: str, timeout: float) -> bool:
        """Until the job's journal has grown or ended since the last look here; False after `timeout` seconds."""
        follower = self._followers.get(directory)
        if follower is None:
            follower = self._followers[directory] = Follower(directory)
            while len(self._followers) > 256:
                self._followers.popitem(last=False)[1].close()
        return await follower.changed(timeout)

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
