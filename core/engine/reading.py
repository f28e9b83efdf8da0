"""Reading journals for the service: records, lines, searches, and waiting for more of them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from core.journal.reader import JournalReader
from core.service import Hit, Invalid, Line, LinePage, PipelineObject, Record

if TYPE_CHECKING:
    from core.journal.follow import DirectoryWatch, Follower

    from .views import ObjectIndex

_INDEXES = 8
_FOLLOWERS = 4096
#: bytes of records handed over between two looks at the loop
_STEP = 1 << 20
#: a search tells what it found after so many seconds or hits
_MOMENT = 0.02
_HITS = 500
#: bytes of lines that are counted in one go
_SLICE = 16 << 20


class _Opened:
    """A journal's line index that is kept for the next call; one thread at a time may use it."""

    def __init__(self, directory: str, streams: frozenset[int] | None) -> None:
        from core.journal.lines import LineIndex

        self.index = LineIndex(JournalReader(directory), streams)
        self.turn = asyncio.Lock()


class Reading:
    """The open readers and followers of one engine."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._followers: OrderedDict[str, Follower] = OrderedDict()
        self._store_watch: DirectoryWatch | None = None
        self._indexes: OrderedDict[tuple[str, frozenset[int] | None], _Opened] = OrderedDict()
        self._objects: OrderedDict[str, tuple[ObjectIndex, asyncio.Lock]] = OrderedDict()

    def version(self, directory: str) -> int:
        """What to give `changed` later, taken before looking at the job's files."""
        return self._follower(directory).version

    async def changed(self, directory: str, timeout: float, since: int) -> bool:
        """Until the job's journal has grown or ended since `version` said `since`; False after `timeout` seconds."""
        return await self._follower(directory).changed(timeout, since)

    def _follower(self, directory: str) -> Follower:
        # One per job, however many follow it.
        from core.journal.follow import Follower

        follower = self._followers.pop(directory, None) or Follower(directory)
        self._followers[directory] = follower
        if len(self._followers) > _FOLLOWERS:
            # One that somebody waits on stays: closed, it would tell him that nothing changed, again and again.
            for known, other in list(self._followers.items())[: len(self._followers) - _FOLLOWERS]:
                if not other.waited_for:
                    self._followers.pop(known).close()
        return follower

    async def store_changed(self, timeout: float) -> bool:
        """Until a file of the data directory changed; False after `timeout` seconds."""
        if self._store_watch is None:
            from core.journal.follow import DirectoryWatch

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

    async def lines(
        self, directory: str, start: int, count: int, streams: frozenset[int] | None, width: int | None
    ) -> LinePage:
        """`count` lines from line `start`; a negative start counts from the end and counts nothing else."""
        if width is not None and width < 0:
            raise Invalid(f"The width is {width}; it must be a number of bytes of at least 0, or none.")
        opened = self._index(directory, streams)

        def look() -> LinePage:
            index = opened.index
            if start < 0:
                found = index.tail(-start, width)[: max(count, 0)]
                # Where little is left to count, the numbers are known too: of what the tail saw, not more.
                index.count(_SLICE, look=False)
            else:
                found = index.lines(start, count, width)
            total = index.counted
            lines = tuple(
                Line(
                    line.number if total is None or line.number >= 0 else total + line.number,
                    line.time,
                    line.stream,
                    line.data,
                    line.record,
                    line.size,
                )
                for line in found
            )
            return LinePage(lines, total)

        if start > 0:
            await self._counted(opened, start)
        async with opened.turn:
            return await asyncio.to_thread(look)

    async def _counted(self, opened: _Opened, line: int) -> None:
        """Count up to a line, in slices: who only looks at the end meanwhile need not wait for all of it."""
        done, look = False, True
        while not done:
            async with opened.turn:
                done = await asyncio.to_thread(opened.index.count, _SLICE, look=look, line=line)
            # What comes meanwhile is not ours to count: a busy job would keep us at it.
            look = False

    async def line_at(self, directory: str, time: int, streams: frozenset[int] | None) -> int:
        """The number of the first line that came at `time` or later; the number of lines when none did."""
        opened = self._index(directory, streams)

        def look() -> int:
            index = opened.index
            number = index.line_at_time(time)
            found = index.lines(number, 1, 0)
            return number if found and found[0].time >= time else index.total

        async with opened.turn:
            return await asyncio.to_thread(look)

    async def search(
        self, directory: str, pattern: str, start: int, regex: bool, ignore_case: bool, streams: frozenset[int] | None
    ) -> AsyncIterator[Hit]:
        """Where the text stands from line `start` on. Raises Invalid for a pattern that is none."""
        from core.journal.search import BadPattern, search

        opened = self._index(directory, streams)
        index = opened.index
        try:
            places = search(
                index.reader, pattern.encode(), start_line=start, regex=regex, ignore_case=ignore_case, index=index
            )
        except BadPattern as error:
            raise Invalid(str(error)) from error
        if start:
            await self._counted(opened, start)

        def some(most: int) -> tuple[list[Hit], bool]:
            """What is found in the next moment, and whether that was all."""
            hits: list[Hit] = []
            until = time.monotonic() + _MOMENT
            for place in places:
                if place is not None:
                    hits.append(Hit(place.line, place.start, place.end, place.record))
                if time.monotonic() > until or len(hits) >= most:
                    return hits, False
            return hits, True

        done, told = False, 0
        while not done:
            async with opened.turn:
                # The first one at once: somebody waits for it.
                hits, done = await asyncio.to_thread(some, _HITS if told else 1)
            told += len(hits)
            for hit in hits:
                yield hit

    def _index(self, directory: str, streams: frozenset[int] | None) -> _Opened:
        key = (directory, streams)
        opened = self._indexes.pop(key, None) or _Opened(directory, streams)
        self._indexes[key] = opened
        if len(self._indexes) > _INDEXES:
            # Not closed here: a thread may be reading it; its descriptors go with the last reference.
            self._indexes.popitem(last=False)
        return opened

    async def objects(self, directory: str, start: int, count: int) -> list[PipelineObject]:
        """`count` objects of the pipeline from the `start`-th on."""
        from .views import ObjectIndex

        opened = self._objects.pop(directory, None)
        if opened is None:
            opened = await asyncio.to_thread(ObjectIndex, directory), asyncio.Lock()
        self._objects[directory] = opened
        if len(self._objects) > _INDEXES:
            self._objects.popitem(last=False)
        index, turn = opened
        async with turn:
            return await asyncio.to_thread(index.objects, start, count)

    def close(self) -> None:
        """Let go of all of them."""
        for index, _turn in self._objects.values():
            index.reader.close()
        self._objects.clear()
        for opened in self._indexes.values():
            opened.index.reader.close()
        self._indexes.clear()
        for follower in self._followers.values():
            follower.close()
        self._followers.clear()
        if self._store_watch is not None:
            self._store_watch.close()
            self._store_watch = None
