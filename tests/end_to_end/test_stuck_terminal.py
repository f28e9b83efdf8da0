"""A terminal that does not read any more: the application ends all the same when it is told to."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.command import PROGRAM, Command


class Window:
    """A pseudo-terminal with the application in it, read only when asked to."""

    def __init__(self, jobdeck: Command) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(jobdeck.directory)
            environment = jobdeck.variables | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
            os.execve(PROGRAM[0], PROGRAM, environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))

    def read_until(self, words: bytes, seconds: float = 40) -> bytes:
        """Read until the words come."""
        data = b""
        deadline = time.monotonic() + seconds
        while words not in data:
            assert time.monotonic() < deadline, data
            if select.select([self.terminal], [], [], 0.1)[0]:
                data += os.read(self.terminal, 65536)
        return data

    def rest(self) -> bytes:
        """What can be read now, and comes in the next moment."""
        data = b""
        while select.select([self.terminal], [], [], 0.3)[0]:
            try:
                data += os.read(self.terminal, 65536)
            except OSError:
                break
        return data

    def clog(self) -> None:
        """Have it draw, without reading, until it waits for the terminal and works no more, whatever is typed."""
        os.set_blocking(self.terminal, False)
        deadline = time.monotonic() + 60
        calm = 0
        while calm < 4:
            assert time.monotonic() < deadline, "it draws for ever"
            before = self.unread(), self.worked()
            with suppress(BlockingIOError):
                os.write(self.terminal, b"?" * 40)
            time.sleep(0.5)
            calm = calm + 1 if (self.unread(), self.worked()) <= (before[0], before[1] + 2) else 0

    def unread(self) -> int:
        """How many bytes wait to be read from it."""
        return int.from_bytes(fcntl.ioctl(self.terminal, termios.FIONREAD, bytes(4)), "little")

    def worked(self) -> int:
        """Hundredths of a second that its first thread has worked."""
        return sum(map(int, Path(f"/proc/{self.process}/task/{self.process}/stat").read_text().split()[13:15]))

    def ends(self, seconds: float) -> int:
        """Its exit code, once it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self.process = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it still runs after {seconds} s"
            time.sleep(0.02)

    def close(self) -> None:
        """End what is left."""
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.terminal)


@pytest.fixture
def window(jobdeck: Command) -> Iterator[Window]:
    """A terminal with the application in it."""
    opened = Window(jobdeck)
    yield opened
    opened.close()


def test_sigterm_ends_it_though_the_terminal_does_not_read(jobdeck: Command, window: Window) -> None:
    jobdeck.script("long.sh", "#!/bin/sh\nsleep 300\n")
    job = jobdeck.json("run", "long.sh", "--detach")["id"]
    window.read_until(b"long.sh")
    window.clog()
    os.kill(window.process, signal.SIGTERM)
    assert window.ends(8) == 128 + signal.SIGTERM
    after = window.rest()
    # It may have been in the midst of a sequence; then everything is put back.
    assert after.rstrip().endswith(b"\x1b[?1049l\x1b[?25h\x1b[m") and b"Traceback" not in after
    settings = termios.tcgetattr(window.terminal)[3]
    assert settings & termios.ECHO and settings & termios.ICANON
    assert jobdeck.json("job", str(job))["status"] == "Running"
    assert jobdeck.json("status")["leader"] is None
    jobdeck("cancel", str(job))
