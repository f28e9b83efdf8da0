"""What the application draws goes to the terminal here, on a thread.

A terminal may stop to read (its window is suspended, an SSH connection hangs): then who draws waits, and with it the
application. Once it is told to end it waits no longer for a terminal that takes nothing.
"""

from __future__ import annotations

import math
import os
import select
import time
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import IO

#: so many pieces are drawn ahead of the terminal
_AHEAD = 30
#: bytes given to the terminal at once
_PIECE = 4096
#: how often who waits looks whether there is still something to wait for, in seconds
_LOOK = 0.1
#: at the end: how long a terminal may take nothing, and how long it may take to take everything, in seconds
_STUCK = 1.0
_SLOW = 4.0


class TerminalWriter(Thread):
    """Writes to a terminal in order, until `stop`."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__(daemon=True, name="terminal-output")
        self._file = file
        self._encoding = getattr(file, "encoding", None) or "utf-8"
        self._queue: Queue[str | None] = Queue(_AHEAD)
        self._moved = time.monotonic()
        self._ending: float | None = None
        #: nothing more is written: the terminal is gone, or does not read
        self.given_up = False

    def end_soon(self) -> None:
        """The application is to end: from now on a terminal that takes nothing is given up. For signal handlers too."""
        if self._ending is None:
            self._moved = self._ending = time.monotonic()

    def write(self, text: str) -> None:
        """Write text behind all before it; waits while the terminal is far behind."""
        if self._queue.empty():
            # Who has had nothing to write is not stuck.
            self._moved = time.monotonic()
        while not self._hopeless():
            try:
                self._queue.put(text, timeout=_LOOK)
            except Full:
                continue
            return

    def stop(self) -> None:
        """Write what there is, and end."""
        self.end_soon()
        latest = time.monotonic() + _SLOW
        while not self._hopeless(latest):
            try:
                self._queue.put(None, timeout=_LOOK)
            except Full:
                continue
            break
        while self.is_alive() and not self._hopeless(latest):
            self.join(_LOOK)

    def _hopeless(self, latest: float = math.inf) -> bool:
        if not self.given_up and self._ending is not None:
            now = time.monotonic()
            self.given_up = now - self._moved > _STUCK or now > latest
        return self.given_up

    def run(self) -> None:
        """Write until there is nothing more to come."""
        file = self._file.fileno()
        terminal = opened_anew(file)
        try:
            while not self.given_up and (text := self._queue.get()) is not None:
                self._send(file if terminal is None else terminal, text.encode(self._encoding, "replace"))
        finally:
            if terminal is not None:
                os.close(terminal)

    def _send(self, terminal: int, data: bytes) -> None:
        while data and not self.given_up:
            try:
                data = data[os.write(terminal, data[:_PIECE]) :]
                self._moved = time.monotonic()
            except BlockingIOError:
                select.select([], [terminal], [], _LOOK)
            except OSError:
                # The terminal has gone.
                self.given_up = True


def opened_anew(terminal: int) -> int | None:
    """The terminal by a descriptor of our own, writing to which never waits; None where it cannot be had.

    What is set for the one that was inherited would be set for the shell as well.
    """
    if not os.isatty(terminal):
        return None
    # The second is open to a user who came by `su`, too.
    for path in (os.ttyname(terminal), "/dev/tty"):
        with suppress(OSError):
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return None
