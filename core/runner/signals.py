"""The signals that a runner listens to, as events of its loop."""

from __future__ import annotations

import os
import signal

from core.runner.loop import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from core.runner.loop import Loop


class Signals:
    """SIGCHLD and SIGTERM from now on: `heard` is called with the numbers of those that came, a byte each."""

    def __init__(self, loop: Loop, heard: Callable[[bytes], None]) -> None:
        """Raises OSError."""
        self._reading, self._writing = reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        loop.watch(reading, READ, lambda _events: heard(os.read(reading, 512)))

    def close(self) -> None:
        """Listen no more, for the next job of this process; the loop is closed by its owner."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(self._reading)
        os.close(self._writing)
