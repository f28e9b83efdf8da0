"""A warm runner: it holds an open PowerShell that has run something already, and waits for one job."""

from __future__ import annotations

import _socket
import os
import signal

from core.runner.loop import READ, Loop
from core.runner.powershell import client, requests, wire
from core.runner.powershell.bootstrap import SCRIPT
from core.runner.powershell.requests import Writer
from core.runner.powershell.shell import Shell
from core.runner.spec import Launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.powershell.wire import Message

_WARMUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "warmup.ps1")
#: seconds in which it must be warm
WARMING = 120.0
#: how often the warm-up runs: the first time it puts the pipes in place, then it does what each job will
ROUNDS = 2
#: a job may want the session otherwise; its terminal takes the job's own size
COLUMNS, ROWS = 120, 40
#: what is said to the keeper when a job may come
READY = b'{"warm": true}\n'


class Warm:
    """One PowerShell on its way to being warm, and then waiting."""

    def __init__(self, settings: dict[str, Any], home: int) -> None:
        """`settings`: argv, environment, umask, limits; `home`: the keeper's connection. Raises OSError."""
        self.loop = Loop()
        self.home = home
        launch = Launch(settings["argv"], settings["environment"], "/", settings["umask"], settings["limits"], [])
        self.shell = Shell(self.loop, launch, COLUMNS, ROWS)
        self._rounds = 0
        self.message: tuple[dict[str, object], dict[str, int]] | None = None
        self._receive: Callable[[_socket.socket], tuple[dict[str, object], dict[str, int]] | None] | None = None
        conversation = self.shell.client
        conversation.on_opened = self._warm_up
        conversation.on_message = self._heard
        conversation.on_done = self._warmed
        conversation.on_gone = lambda _reason: self.loop.stop()

    def wait(
        self, receive: Callable[[_socket.socket], tuple[dict[str, object], dict[str, int]] | None]
    ) -> tuple[dict[str, object], dict[str, int]] | None:
        """The job's message and descriptors as `receive` reads them; None when the keeper or PowerShell has gone."""
        self._receive = receive
        self.loop.watch(self.home, READ, self._called)
        late = self.loop.after(WARMING, self.loop.stop)
        self._late = late
        self.shell.open()
        self.loop.run()
        self.loop.resume()
        if self.message is not None:
            self.loop.forget(self.home)
        return self.message

    @property
    def alive(self) -> bool:
        """Whether its PowerShell still runs."""
        try:
            ended = os.waitid(os.P_PID, self.shell.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return ended is None

    def kill(self) -> None:
        """End its PowerShell."""
        if self.alive:
            os.kill(self.shell.child.pid, signal.SIGKILL)

    def _warm_up(self) -> None:
        """Run the warm-up; the second time as a job's script will run."""
        self._rounds += 1
        writer = Writer()
        options: dict[str, object] = {
            "copy": None, "depth": 2, "discard": False, "directory": "/", "modules": [], "startup": None,
            "preferences": {}, "clixml": {}, "secret": {}, "noinput": False, "set": {}, "unset": [],
            "ready": self._rounds > 1, "variables": {},
        }  # fmt: skip
        given = {
            "path": writer.value(_WARMUP, "V"),
            "params": writer.value({"Name": "warm"}, "V"),
            "options": writer.value(options, "V"),
        }
        self.shell.client.invoke(requests.pipeline(SCRIPT, given, COLUMNS, ROWS, writer))

    def _heard(self, message: Message) -> None:
        """What the warm-up says is nobody's; its end counts."""
        if message.type == wire.PIPELINE_STATE and client.pipeline_state(message.payload) in (3, 4, 5):
            self.shell.client.finish()

    def _warmed(self) -> None:
        if self._rounds < ROUNDS:
            self._warm_up()
            return
        for fd in {self.shell.output, self.shell.errors}:
            _empty(fd)
        self._late.cancel()
        try:
            os.write(self.home, READY)
        except OSError:
            self.loop.stop()

    def _called(self, _events: int) -> None:
        assert self._receive is not None
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, self.home)
        try:
            self.message = self._receive(connection)
        except OSError:
            self.message = None
        finally:
            connection.detach()
        self.loop.stop()


def _empty(fd: int) -> None:
    os.set_blocking(fd, False)
    try:
        while os.read(fd, 65536):
            continue
    except BlockingIOError:
        return
