"""One thread's loop: descriptors by epoll, moments by a heap. All that a runner waits for goes through it."""

from __future__ import annotations

import heapq
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
GONE = select.EPOLLHUP | select.EPOLLERR


class Timer:
    """A moment (monotonic, seconds) at which `callback` runs once, unless `cancel` was called before."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None] | None) -> None:
        self.when = when
        self.callback = callback

    def __lt__(self, other: Timer) -> bool:
        return self.when < other.when

    def cancel(self) -> None:
        """Forget it; harmless when it has run already."""
        self.callback = None


class Loop:
    """Callbacks for descriptors and moments. Only `run` blocks, and only in epoll."""

    __slots__ = ("_epoll", "_handlers", "_stopped", "_timers")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timers: list[Timer] = []
        self._stopped = False

    def watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Call `handler(events)` whenever `fd` has one of `events`; GONE is told without being asked for."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def change(self, fd: int, events: int) -> None:
        """Wait for other events of a watched descriptor."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Wait for nothing of `fd` any more; must come before it is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` once, `seconds` from now."""
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def stop(self) -> None:
        """Make `run` return once the callback in progress is done."""
        self._stopped = True

    def close(self) -> None:
        """Let go of the kernel's part of it, once it has stopped."""
        self._epoll.close()

    def resume(self) -> None:
        """Let `run` serve again after `stop`."""
        self._stopped = False

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopped:
            self._turn()

    def _turn(self) -> None:
        timers = self._timers
        while timers and timers[0].callback is None:
            heapq.heappop(timers)
        wait = max(0.0, timers[0].when - time.monotonic()) if timers else -1
        try:
            ready = self._epoll.poll(wait)
        except InterruptedError:
            ready = []
        for fd, events in ready:
            # an earlier callback of this turn may have closed it
            handler = self._handlers.get(fd)
            if handler is not None:
                handler(events)
            if self._stopped:
                return
        now = time.monotonic()
        while timers and timers[0].when <= now:
            callback = heapq.heappop(timers).callback
            if callback is not None:
                callback()
            if self._stopped:
                return
