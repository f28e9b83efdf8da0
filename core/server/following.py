"""Following a job: its journal is read and rendered once for all who follow, however many and however slow.

A follower has no queue. It stands at a place of what was rendered lately, which all share; one that falls behind reads
the journal for itself until it has caught up. So a slow one costs the others nothing, and memory is bounded.
"""

from __future__ import annotations

import asyncio
import bisect
import contextvars
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol

from core.access import caller
from core.service import JobService, Record, ServiceError

from .live import KEEP_ALIVE, Drain

#: bytes of rendered records that are kept for those who follow
_KEPT = 1 << 20
#: bytes that are handed to a client at once
_CHUNK = 1 << 16


class Rendering(Protocol):
    """How records look to those who follow. `mark` tells the place behind the last record, in all it needs."""

    #: records up to this one were rendered
    number: int

    @property
    def mark(self) -> str:
        """What to go on with behind the last record."""

    @property
    def after(self) -> int:
        """The number behind which the journal must be read to go on."""

    def render(self, record: Record) -> bytes:
        """The record as it is sent; empty for one that is left out."""

    def rest(self) -> bytes:
        """What was held back at the end of the journal."""


class Piece(NamedTuple):
    """One rendered record."""

    number: int
    stream: int
    mark: str
    data: bytes


class _Feed:
    """What was rendered of one job lately, and the one task that goes on rendering."""

    def __init__(self, service: JobService, id: int, rendering: Rendering) -> None:
        self._service = service
        self._id = id
        self._rendering = rendering
        self._pieces: list[Piece] = []
        self._size = 0
        #: the place of the first piece, counted from the feed's beginning
        self._base = 0
        #: everything up to this record is not, or no longer, here
        self.start = rendering.number
        self.followers = 0
        self.beats = 0
        self.ended = False
        self.rest = b""
        self.failure: ServiceError | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._joined: dict[tuple[int, frozenset[int] | None], tuple[bytes, int]] = {}
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        # Each follower was let in by itself; the reading is on behalf of no one of them.
        context.run(caller.set, None)
        self._task = self._loop.create_task(self._read(), name=f"feed of job {id}", context=context)
        self._timer = self._loop.call_later(KEEP_ALIVE, self._beat)

    async def _read(self) -> None:
        try:
            async for record in self._service.records(self._id, after=self._rendering.after, follow=True):
                data = self._rendering.render(record)
                if data:
                    self._keep(Piece(self._rendering.number, record.stream, self._rendering.mark, data))
            self.rest = self._rendering.rest()
        except ServiceError as error:
            self.failure = error
        finally:
            self.ended = True
            self.wake()

    def _keep(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._size += len(piece.data)
        gone = 0
        while self._size > _KEPT and gone < len(self._pieces) - 1:
            self._size -= len(self._pieces[gone].data)
            gone += 1
        if gone:
            self.start = self._pieces[gone - 1].number
            del self._pieces[:gone]
            self._base += gone
        self.wake()

    @property
    def read_up_to(self) -> int:
        """The last record that was rendered."""
        return self._rendering.number

    def wake(self) -> None:
        """Let every follower look again."""
        self._joined.clear()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _beat(self) -> None:
        self.beats += 1
        self._timer = self._loop.call_later(KEEP_ALIVE, self._beat)
        self.wake()

    def changed(self) -> asyncio.Future[None]:
        """Done at the next `wake`."""
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        return waiter

    def place_behind(self, number: int) -> int:
        """The place of the first piece behind a record."""
        return self._base + bisect.bisect_right(self._pieces, number, key=lambda piece: piece.number)

    def take(self, place: int, streams: frozenset[int] | None) -> tuple[bytes, int] | None:
        """What stands from a place on, and the place behind it; None when that is no longer here."""
        if place < self._base:
            return None
        # Most followers stand at the same place: what is put together for one serves all.
        key = (place, streams)
        found = self._joined.get(key)
        if found is None:
            parts, size, index = [], 0, place - self._base
            while index < len(self._pieces) and size < _CHUNK:
                piece = self._pieces[index]
                index += 1
                if streams is None or piece.stream in streams:
                    parts.append(piece.data)
                    size += len(piece.data)
            found = self._joined[key] = (b"".join(parts), self._base + index)
        return found

    def mark_before(self, place: int) -> str | None:
        """The mark of the piece before a place; None when it is no longer here."""
        index = place - self._base - 1
        return self._pieces[index].mark if 0 <= index < len(self._pieces) else None

    def close(self) -> None:
        """Stop rendering."""
        self._timer.cancel()
        self._task.cancel()


class Following:
    """The feeds of one server, by job and rendering."""

    def __init__(self, service: JobService, drain: Drain) -> None:
        self._service = service
        self._drain = drain
        self._feeds: dict[tuple[int, type[Rendering]], _Feed] = {}
        #: how many follow something now
        self.followers = 0

    async def follow(
        self,
        id: int,
        kind: Callable[[str], Rendering],
        mark: str,
        streams: frozenset[int] | None,
        alive: bytes,
    ) -> AsyncIterator[bytes]:
        """Everything behind `mark`, and on until the job has ended or the server drains. Raises ServiceError."""
        self.followers += 1
        feed: _Feed | None = None
        try:
            rendering = kind(mark)
            while not self._drain.begun():
                if feed is None or rendering.number < feed.start:
                    known = feed.start if feed is not None else 0
                    async for chunk in self._catch_up(id, rendering, streams):
                        yield chunk
                    rendering.number = max(rendering.number, known)
                    if feed is None:
                        feed = self._join(id, kind, rendering.mark)
                    continue
                if feed.read_up_to < rendering.number and not feed.ended:
                    # Ahead of the feed after catching up: what it renders until there was sent already.
                    with self._drain.listening(feed.wake):
                        if not self._drain.begun():
                            await feed.changed()
                    continue
                place = feed.place_behind(rendering.number)
                behind = rendering.mark
                beats = feed.beats
                with self._drain.listening(feed.wake):
                    while not self._drain.begun():
                        found = feed.take(place, streams)
                        if found is None:
                            break
                        data, place_then = found
                        if place_then != place:
                            place = place_then
                            behind = feed.mark_before(place) or behind
                        if data:
                            yield data
                        elif place_then == place and feed.ended:
                            if feed.failure is not None:
                                raise feed.failure
                            if feed.rest:
                                yield feed.rest
                            return
                        elif feed.beats != beats:
                            beats = feed.beats
                            yield alive
                        else:
                            await feed.changed()
                rendering = kind(behind)
        finally:
            self.followers -= 1
            if feed is not None:
                self._leave(feed)

    async def _catch_up(self, id: int, rendering: Rendering, streams: frozenset[int] | None) -> AsyncIterator[bytes]:
        parts: list[bytes] = []
        size = 0
        async for record in self._service.records(id, after=rendering.after):
            data = rendering.render(record)
            if data and (streams is None or record.stream in streams):
                parts.append(data)
                size += len(data)
                if size >= _CHUNK:
                    yield b"".join(parts)
                    parts, size = [], 0
            if self._drain.begun():
                break
        if parts:
            yield b"".join(parts)

    def _join(self, id: int, kind: Callable[[str], Rendering], mark: str) -> _Feed:
        key = (id, kind)
        feed = self._feeds.get(key)  # type: ignore[arg-type]
        if feed is None or feed.ended:
            feed = self._feeds[key] = _Feed(self._service, id, kind(mark))  # type: ignore[index]
        feed.followers += 1
        return feed

    def _leave(self, feed: _Feed) -> None:
        feed.followers -= 1
        if feed.followers:
            return
        feed.close()
        for key, known in list(self._feeds.items()):
            if known is feed:
                del self._feeds[key]

    def close(self) -> None:
        """Stop every reading."""
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
