"""Textual's driver of a terminal, for terminals that are taken away, or that do not read.

A terminal that hangs up sends SIGCONT behind SIGHUP to who leads its session. Textual takes that for the return from
ctrl+z: it would read from the lost terminal for ever, on a thread that keeps the ended application alive.
"""

from __future__ import annotations

import os
import termios
import time
from contextlib import suppress

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.terminal_writer import TerminalWriter, opened_anew

#: what ends a sequence that was cut off; then: output at once, no mouse, paste and focus as they are, lines wrap, keys
#: plain, the screen of before, a cursor
_RESTORE = (
    b"\x18\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[?7h\x1b[<u"
    b"\x1b[?1049l\x1b[?25h\x1b[m"
)
#: what was typed before the terminal was taken is read within this time, in seconds
_BEFORE = 0.25
#: how long the writer may take to end once it was given up, in seconds
_WRITER_ENDS = 0.5


class TerminalDriver(LinuxDriver):
    """LinuxDriver, but for a SIGCONT without a stop before it, and writing through `TerminalWriter`."""

    #: the shell, or a pager, has the terminal
    _given_back = False
    _writer: TerminalWriter | None = None
    #: when the terminal was taken
    _taken = 0.0

    def start_application_mode(self) -> None:
        """Take the terminal."""
        assert self._file is not None
        self._writer = TerminalWriter(self._file)
        self._writer.start()
        self._taken = time.monotonic()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def process_message(self, message: Message) -> None:
        """Enter that was pressed before the application had the terminal has become the end of a line."""
        if isinstance(message, events.Key) and message.key == "ctrl+j" and time.monotonic() - self._taken < _BEFORE:
            message = events.Key("enter", "\r")
        super().process_message(message)

    def write(self, data: str) -> None:
        """Write to the terminal; waits while it is far behind, unless the application is to end."""
        if self._writer is not None:
            self._writer.write(data)

    def end_soon(self) -> None:
        """Wait no longer for a terminal that does not read. May be called by a signal handler."""
        if self._writer is not None:
            self._writer.end_soon()

    def close(self) -> None:
        """Write all that is left to write, where the terminal takes it."""
        super().close()
        if self._writer is not None:
            self._writer.stop()
            if self._writer.given_up:
                self._force_back(self._writer)
            self._writer = None

    def _force_back(self, writer: TerminalWriter) -> None:
        """Throw away what a terminal has not read, so that there is room for what restores it."""
        # The writer sees that it was given up, and ends.
        writer.join(_WRITER_ENDS)
        with suppress(OSError, termios.error):
            termios.tcflush(self.fileno, termios.TCOFLUSH)
            terminal = opened_anew(self.fileno)
            if terminal is not None:
                with suppress(OSError):
                    os.write(terminal, _RESTORE)
                os.close(terminal)

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        super().suspend_application_mode()
        self._given_back = True

    def resume_application_mode(self) -> None:
        """Take the terminal again, if it was given back."""
        if self._given_back:
            self._given_back = False
            super().resume_application_mode()
