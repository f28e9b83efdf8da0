"""Real servers over real sockets: one in the test's own loop, and the real `jobdeck serve`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from core.server.app import create_app
from core.server.connection import Connection
from core.server.serving import listen
from core.server.uvicorn_server import QuietServer, configuration
from tests import powershell
from tests.server.powershell_module import SCRIPT1, Shell

API = "/api/v1"


class Server:
    """A server in the test's loop, its engine, and clients with tokens of every role."""

    def __init__(self, engine: Engine, app: Any, url: str, tokens: dict[str, str], data_directory: str) -> None:
        self.engine = engine
        self.data_directory = data_directory
        self.app = app
        self.url = url
        self.tokens = tokens
        self.clients: list[httpx.AsyncClient] = []

    def client(self, token: str | None = None, **options: Any) -> httpx.AsyncClient:
        """A client with a token: a role's name means that role's; "" means none."""
        token = self.tokens.get(token or "Administrator", token) if token != "" else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.AsyncClient(base_url=self.url + API, headers=headers, timeout=30, **options)
        self.clients.append(client)
        return client


@contextlib.asynccontextmanager
async def served(engine: Engine, settings: Settings, **options: Any) -> AsyncIterator[Server]:
    """The engine's server."""
    app = create_app(engine, settings, **options)
    server = QuietServer(configuration(app, Connection))
    (listening,) = await listen("127.0.0.1", 0)
    await server.startup(sockets=[listening])
    tokens = {role.value: (await engine.grant_token(role.value.lower(), role)).token or "" for role in Role}
    serving = Server(engine, app, f"http://127.0.0.1:{listening.getsockname()[1]}", tokens, settings.data_directory)
    yield serving
    for client in serving.clients:
        await client.aclose()
    app.state.drain.begin()
    await server.stop([listening], 5)
    app.state.api.following.close()


@pytest.fixture
async def server(engine: Engine, settings: Settings) -> AsyncIterator[Server]:
    """A server over an empty store."""
    async with served(engine, settings) as serving:
        yield serving


@pytest.fixture
async def client(server: Server) -> httpx.AsyncClient:
    """An administrator's client."""
    return server.client()


def write(directory: Path, name: str, text: str) -> str:
    """A script's path."""
    path = directory / name
    path.write_text(text)
    return str(path)


class Process:
    """The real `jobdeck serve` on a free port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home.parent / "serve.log"
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.scheme = "http"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}{API}"

    def start(self, *arguments: str) -> None:
        """Start it and wait until it answers."""
        begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tui", "serve", "--port", str(self.port), *arguments],
                env=os.environ | {"JOBDECK_HOME": str(self.home)},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.log.read_text()
            if b"serves http" in self.log.read_bytes()[begun:]:
                return
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """The real command, not started yet."""
    home = tmp_path / "home"
    running = Process(home)
    yield running
    if running.process is not None:
        running.process.kill()
        running.process.wait(20)


@pytest.fixture
def engine_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds the tests' PowerShell."""
    directory = os.path.dirname(powershell.pwsh())
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
async def local(engine_path: None, engine: Engine, settings: Settings) -> Engine:
    """An engine that leads and finds a PowerShell: its local socket is open."""
    async with asyncio.timeout(30):
        while not os.path.exists(os.path.join(settings.data_directory, "api.sock")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return engine


@pytest.fixture
async def module(engine_path: None, server: Server, scripts: Path) -> AsyncIterator[Shell]:
    """A PowerShell that has the module, and a server with Script1.ps1."""
    (scripts / "Script1.ps1").write_text(SCRIPT1)
    await server.engine.add_script(str(scripts / "Script1.ps1"))
    yield Shell(server, scripts)
