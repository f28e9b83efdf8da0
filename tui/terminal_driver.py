"""Textual's driver of a terminal, which takes the terminal back only after it was given back.

A terminal that hangs up sends SIGCONT behind SIGHUP to who leads its session. Textual takes that for the return from
ctrl+z: it would read from the lost terminal for ever, on a thread that keeps the ended application alive.
"""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """LinuxDriver, but for a SIGCONT without a stop before it."""

    #: the shell, or a pager, has the terminal
    _given_back = False

    def suspend_application_mode(self) -> None:
        """Give the terminal back for a while."""
        super().suspend_application_mode()
        self._given_back = True

    def resume_application_mode(self) -> None:
        """Take the terminal again, if it was given back."""
        if self._given_back:
            self._given_back = False
            super().resume_application_mode()
