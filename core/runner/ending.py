"""Ending a job's processes while the runner goes on reading what they say."""

from __future__ import annotations

import os
import signal

from core.runner.processes import KILL_TIME, Sweep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from core.runner.loop import Loop, Timer
    from core.runner.processes import Process
    from core.runner.spawn import Terminal


def has_children() -> bool:
    """Whether the runner has any child, dead ones included: as a subreaper it has one while any of the tree lives."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def told(left: Sequence[Process]) -> str:
    """Processes as a sentence names them, the first twenty."""
    names = ", ".join(f"{process.name} ({process.pid})" for process in left[:20])
    return names if len(left) <= 20 else f"{names} and {len(left) - 20} more"


class Ending:
    """TERM to all, `grace` seconds, KILL until nobody is left or 2 s more; then `done(receipt)`."""

    def __init__(
        self, loop: Loop, sweep: Sweep, terminal: Terminal | None, grace: float, done: Callable[[dict[str, Any]], None]
    ) -> None:
        self._loop = loop
        self._sweep = sweep
        self._terminal = terminal
        self._grace = grace
        self._done = done
        self._pause = 0.01
        self._timer: Timer | None = None
        self._interrupted = False
        self.receipt: dict[str, Any] | None = None

    def look(self) -> None:
        """Signal who is left; called by itself again, and by the reaper when a process has ended."""
        if self.receipt is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        seconds = self._sweep.seconds
        left = self._sweep.signal(signal.SIGTERM if seconds < self._grace else signal.SIGKILL)
        if self._sweep.refused and not self._interrupted and self._terminal is not None and self._terminal.slave >= 0:
            # what belongs to another user hears the terminal, if nothing else
            self._interrupted = True
            self._terminal.interrupt()
        if not left or seconds > self._grace + KILL_TIME:
            self.receipt = self._sweep.receipt(left)
            self._done(self.receipt)
            return
        wait = 0.02 if seconds >= self._grace else min(self._pause, max(0.001, self._grace - seconds))
        self._pause = min(0.25, self._pause * 1.6)
        self._timer = self._loop.after(wait, self.look)

    def child_ended(self) -> None:
        """Some process of the tree has ended: if it was the last one, this is over now."""
        if self.receipt is None and not has_children():
            self.look()
