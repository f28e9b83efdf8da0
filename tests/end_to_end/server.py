"""A real `jobdeck serve` that can be killed and started again on its port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from tests.end_to_end.command import PROGRAM


class Server:
    """Serves the store in `home` at `url`."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it; it answers when this returns."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("JOBDECK_")}
        self._process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", str(self.port), *self._arguments],
            env=variables | {"JOBDECK_HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            assert self._process.poll() is None and time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def token(self, role: Role = Role.Operator, identity: str = "tests") -> str:
        """A new app token."""

        async def grant() -> str:
            engine = await Engine.open(Settings.load({"JOBDECK_HOME": str(self.home)}), "act")
            try:
                return str((await engine.grant_token(identity, role)).token)
            finally:
                await engine.close()

        return asyncio.run(grant())


@contextlib.contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server for a while."""
    server = Server(home)
    try:
        yield server
    finally:
        server.end(signal.SIGKILL)
