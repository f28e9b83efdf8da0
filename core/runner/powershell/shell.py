"""A PowerShell process with its pipes and its terminal: of a job, or waiting for one."""

from __future__ import annotations

import os

from core.runner import spawn
from core.runner.loop import GONE, READ
from core.runner.powershell import requests
from core.runner.powershell.client import Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.loop import Loop
    from core.runner.spec import Launch

#: bytes kept of what the process itself says on its standard error
_KEPT = 1 << 16
#: options that make pwsh a server on its standard streams
SERVE = ("-NoLogo", "-NoProfile", "-s")


class Shell:
    """`pwsh -s`: descriptors 0 to 2 are the protocol's, 3 to 5 the job's standard output, error and input.

    `output`, `errors`: the ends to read the job's from (the same with `merge`); the caller owns them.
    """

    def __init__(
        self, loop: Loop, launch: Launch, columns: int, rows: int, *, merge: bool = False, stdin: int | None = None
    ) -> None:
        """Forks it; it executes after `child.go()`. `stdin`: what the job reads, None = its terminal. OSError."""
        self.size = (columns, rows)
        self.environment = launch.environment
        self.terminal = spawn.Terminal(columns, rows)
        given, sending = os.pipe()
        receiving, taken = os.pipe()
        complaints, complaining = os.pipe()
        self.output, written = os.pipe()
        self.errors, told = (self.output, written) if merge else os.pipe()
        reads = self.terminal.slave if stdin is None else stdin
        self.child = spawn.fork(launch, given, taken, complaining, (written, told, reads))
        for fd in {given, taken, complaining, written, told}:
            os.close(fd)
        self.terminal.foreground(self.child.pid)
        self.client = Client(loop, receiving, sending)
        self.said = bytearray()
        self.loop = loop
        self._complaints = complaints
        os.set_blocking(complaints, False)
        loop.watch(complaints, READ, self._complaining)

    def open(self) -> None:
        """Let it execute, and open the session."""
        self.child.go()
        self.client.open(requests.capability(), requests.runspace(*self.size))

    def catch_up(self) -> None:
        """Take what the process itself has said until now."""
        while self._complaints >= 0 and self._complain(READ):
            continue

    def _complaining(self, events: int) -> None:
        self._complain(events)

    def _complain(self, events: int) -> bool:
        try:
            data = os.read(self._complaints, 65536) if events & (READ | GONE) else b""
        except BlockingIOError:
            return False
        if not data:
            self.loop.forget(self._complaints)
            os.close(self._complaints)
            self._complaints = -1
            return False
        self.said += data[: max(0, _KEPT - len(self.said))]
        return True

    def release(self) -> None:
        """Let go of the protocol's pipes."""
        self.client.release()
        self.catch_up()
        if self._complaints >= 0:
            self.loop.forget(self._complaints)
            os.close(self._complaints)
            self._complaints = -1
