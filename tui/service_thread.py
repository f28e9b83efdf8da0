"""The service on a thread and an event loop of its own: no step of the engine holds up a key, and the other way round.

`ServiceThread.service` is a `JobService` whose methods are called from the application's loop and run on the thread's.
Cancelling a call cancels it there; iterators run ahead by a few hundred items and stop when they are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from core.errors import Forbidden
from core.service import JobService, Unavailable

T = TypeVar("T")
Connect = Callable[[], Awaitable[JobService]]

#: how many items an iterator may run ahead of who reads it
_AHEAD = 256
#: seconds that closing may take before the process leaves anyway
_LONGEST_CLOSE = 10.0


class ServiceThread:
    """Owns the thread, the loop and the service in it. `connect` makes the service; it is awaited on the thread."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._inner: JobService | None = None
        self._closed = False
        self.service: JobService = cast(JobService, _Hopping(self))

    async def open(self) -> JobService:
        """Make the service, again where there was one before. Raises ServiceError."""
        await self.run(self._open())
        return self.service

    async def _open(self) -> None:
        await self._let_go()
        self._inner = await self._connect()

    @property
    def inner(self) -> JobService:
        """The service on the thread. Raises Unavailable while there is none."""
        if self._inner is None:
            raise Unavailable("There is no connection to the jobs at this moment.")
        return self._inner

    async def role(self) -> str:
        """The role of the token that the service was reached with; "" without one. Raises ServiceError."""

        async def whose() -> str:
            sign_in = getattr(self.inner, "sign_in", None)
            return "" if sign_in is None else str((await sign_in())["role"])

        try:
            return await self.run(whose())
        except Forbidden:
            # No token, over the local socket.
            return ""

    async def let_go(self) -> None:
        """Close the service and keep the thread: before the process is stopped, for instance."""
        await self.run(self._let_go())

    async def _let_go(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the thread's loop and wait for it here."""
        if self._closed:
            work.close()
            raise Unavailable("The application is about to end.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._running()))

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._serve, args=(loop,), name="service", daemon=True)
            self._thread.start()
        return self._loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    def close(self) -> None:
        """Close the service and end the thread; blocks, so it is for the end of the program."""
        self._closed = True
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        closing = asyncio.run_coroutine_threadsafe(self._let_go(), loop)
        try:
            closing.result(_LONGEST_CLOSE)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_LONGEST_CLOSE)


class _Hopping:
    """Every method of JobService, hopping over to the thread's loop."""

    def __init__(self, thread: ServiceThread) -> None:
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        declared = getattr(JobService, name, None)
        if name.startswith("_") or declared is None:
            raise AttributeError(name)
        thread = self._thread
        if inspect.iscoroutinefunction(declared):

            async def call(*arguments: Any, **named: Any) -> Any:
                async def there() -> Any:
                    return await getattr(thread.inner, name)(*arguments, **named)

                return await thread.run(there())

            return call

        def iterate(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
            return _iterate(thread, lambda: getattr(thread.inner, name)(*arguments, **named))

        return iterate


async def _iterate(thread: ServiceThread, make: Callable[[], AsyncIterator[Any]]) -> AsyncIterator[Any]:
    pump = _Pump(make)
    try:
        while batch := await thread.run(pump.take()):
            for item in batch:
                yield item
    finally:
        # Shielded: whoever is cancelled must still stop what runs over there.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(thread.run(pump.stop()))


class _Pump:
    """On the service's loop: reads an iterator ahead of who takes from it. Everything that is there comes at once."""

    def __init__(self, make: Callable[[], AsyncIterator[Any]]) -> None:
        self._make = make
        self._items: list[Any] = []
        self._ended = False
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._there = asyncio.Event()
        self._room = asyncio.Event()

    async def take(self) -> list[Any]:
        """Everything that has come, at least one item; nothing at the end. Raises what the iterator raised."""
        if self._task is None:
            self._room.set()
            self._task = asyncio.get_running_loop().create_task(self._run())
        await self._there.wait()
        items, self._items = self._items, []
        if not self._ended:
            self._there.clear()
            self._room.set()
        if not items and self._error is not None:
            raise self._error
        return items

    async def _run(self) -> None:
        try:
            async with contextlib.aclosing(cast(Any, self._make())) as iterator:
                async for item in iterator:
                    self._items.append(item)
                    self._there.set()
                    if len(self._items) >= _AHEAD:
                        self._room.clear()
                        await self._room.wait()
        except Exception as error:
            self._error = error
        finally:
            self._ended = True
            self._there.set()

    async def stop(self) -> None:
        """Stop the iterator and wait until it has let go."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
