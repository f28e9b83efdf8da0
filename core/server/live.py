"""Responses that go on: what is sent while something happens, until the client goes or the server drains."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.service import ServiceError

from .problems import problem_body, status_of

T = TypeVar("T")
#: seconds of silence after which a live response says that it is still there
KEEP_ALIVE = 15.0
SSE_ALIVE = b": still here\n\n"


class Drain:
    """Whether the server is going down; whoever sends something live is told."""

    def __init__(self) -> None:
        self._begun = False
        self._waiters: set[Callable[[], None]] = set()

    def begun(self) -> bool:
        """Whether it has begun."""
        return self._begun

    def begin(self) -> None:
        """From now on no live response goes on."""
        self._begun = True
        for wake in list(self._waiters):
            wake()

    @contextlib.contextmanager
    def listening(self, wake: Callable[[], None]) -> Any:
        """Have `wake` called when it begins."""
        self._waiters.add(wake)
        try:
            yield
        finally:
            self._waiters.discard(wake)


class LiveResponse(Response):
    """Sends what an iterator gives until it ends; a client that goes ends the iterator.

    Nothing is queued here: a client that reads slowly makes the iterator wait. `still` is asked now and then whether
    the client may go on.
    """

    def __init__(self, chunks: AsyncIterator[bytes], media_type: str, still: Callable[[], bool] | None = None) -> None:
        self._chunks = chunks
        self._still = still
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        # X-Accel-Buffering: nginx keeps back what it is not told to pass on.
        self.init_headers({"X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.current_task()
        assert sending is not None
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await receive())["type"] != "http.disconnect":
                pass
            gone = True
            sending.cancel()

        watcher = asyncio.create_task(watch())
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async for chunk in self._chunks:
                if self._still is not None and loop.time() > asked + KEEP_ALIVE:
                    asked = loop.time()
                    if not self._still():
                        break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except asyncio.CancelledError:
            if not gone or sending.uncancel():
                raise
            return
        finally:
            watcher.cancel()
            close = getattr(self._chunks, "aclose", None)
            if close is not None:
                await close()
        await send({"type": "http.response.body", "body": b""})

    def init_headers(self, headers: Any = None) -> None:
        """Headers without a length: nobody knows it yet."""
        self.body = b""
        super().init_headers(headers)
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]


def sse(event: str | None, data: Any, mark: str | None = None) -> bytes:
    """One server-sent event; `data` is sent as one line of JSON, `mark` as its id."""
    head = f"id: {mark}\n" if mark is not None else ""
    if event is not None:
        head += f"event: {event}\n"
    return (head + "data: " + json.dumps(data, ensure_ascii=False) + "\n\n").encode("utf-8", "replace")


def sse_problem(error: ServiceError) -> bytes:
    """What ends a stream that cannot go on: `event: problem` with the problem as its data."""
    return sse("problem", problem_body(status_of(error), str(error)))


def sse_drain() -> bytes:
    """What ends a stream when the server goes down: ask again in a second, and go on behind the last id."""
    return b"retry: 1000\n" + sse("drain", {"detail": "The server goes down. Come back with the last id."})


async def with_keep_alives(
    chunks: AsyncIterator[bytes], alive: bytes, drain: Drain, last: bytes
) -> AsyncIterator[bytes]:
    """The chunks, with `alive` in every silence, and `last` at the end when the server drains."""
    source = aiter(chunks)
    pending: asyncio.Future[bytes] | None = None
    stop = asyncio.Event()
    stopped = asyncio.ensure_future(stop.wait())
    with drain.listening(stop.set):
        try:
            while not drain.begun():
                pending = pending or asyncio.ensure_future(_next(source))
                await asyncio.wait((pending, stopped), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
                if drain.begun():
                    break
                if not pending.done():
                    yield alive
                    continue
                done, pending = pending, None
                try:
                    chunk = done.result()
                except StopAsyncIteration:
                    return
                yield chunk
            yield last
        finally:
            stopped.cancel()
            if pending is not None:
                pending.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, ServiceError):
                    await pending
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()


async def _next(source: AsyncIterator[bytes]) -> bytes:
    return await anext(source)


async def unless_gone(request: Request, drain: Drain, work: Awaitable[T]) -> T | None:
    """What the work gives; None when the client went or the server drains before, and the work is given up."""
    task = asyncio.ensure_future(work)
    stop = asyncio.Event()
    stopped = asyncio.ensure_future(stop.wait())

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    watcher = asyncio.create_task(gone())
    try:
        with drain.listening(stop.set):
            if not drain.begun():
                await asyncio.wait((task, watcher, stopped), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for unfinished in (task, watcher, stopped):
            if not unfinished.done():
                unfinished.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await unfinished
