"""A warm runner: it holds an open PowerShell that has run something already, and waits for one job."""

from __future__ import annotations

import _socket
import os
import signal

from core.runner.loop import READ, Loop

# what the job's own part needs is loaded before there is a job
from core.runner.powershell import client, hosting, requests, wire  # noqa: F401
from core.runner.powershell.arguments import arguments
from core.runner.powershell.bootstrap import AGAIN, SCRIPT
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
ROUNDS = 3
_DOCUMENT = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><S>document</S></Objs>'
#: set and taken away again by the warm-up
_VARIABLE = "JOBDECK_WARM"
#: a job like many others, which the warm-up plays
_SPEC: dict[str, Any] = {
    "id": 0, "script": {"id": 0, "name": "warmup.ps1", "path": _WARMUP, "hash": "", "git_commit": None},
    "parameters": {"Name": "warm", "Document": {"clixml": _DOCUMENT}, "Word": None},
    "powershell": {"secrets": {"Word": "secret"}},
    "created": 0, "run_id": "", "identity": "", "cwd": "/", "tags": [], "notes": "",
}  # fmt: skip
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
        """Run the warm-up: once as it puts the pipes in place, then as a job's script will run, at last to tidy up."""
        self._rounds += 1
        last = self._rounds == ROUNDS
        started = self.shell.environment
        variables = started if last else {**started, _VARIABLE: "1"}
        directory = "/" if last else os.path.dirname(_WARMUP)
        launch = Launch([], variables, directory, 0, {}, [], _WARMUP, _WARMUP)
        writer = Writer()
        given = arguments(
            {**_SPEC, "stdin": "terminal" if last else "none"},
            {"Word": "x"},
            launch,
            self.shell.child.pid,
            writer,
            # the variable is set by one round, and taken away by the next
            environment=({**started, _VARIABLE: ""} if last else started) if self._rounds > 1 else None,
            warming=True,
            tidy=last,
        )
        script = SCRIPT if self._rounds == 1 else AGAIN
        self.shell.client.invoke(requests.pipeline(script, given, COLUMNS, ROWS, writer))

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
