"""Every implementation of JobService that the contract is held against."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.access import Role
from core.client import Client
from core.config import Settings
from core.engine.engine import Engine
from core.server.app import create_app
from core.server.connection import Connection
from core.server.serving import listen
from core.server.uvicorn_server import QuietServer, configuration
from core.service import JobService

IMPLEMENTATIONS = ["engine", "long-lived engine", "beside a leader", "client over TCP", "client over the local socket"]


@asynccontextmanager
async def tcp_server(engine: Engine, settings: Settings, port: int = 0) -> AsyncIterator[str]:
    """The engine's REST on a port of this computer; its URL. It drains at the end."""
    app = create_app(engine, settings)
    (listening,) = await listen("127.0.0.1", port)
    server = QuietServer(configuration(app, Connection))
    await server.startup(sockets=[listening])
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    app.state.drain.begin()
    await server.stop([listening], 1.0)
    app.state.api.following.close()


@asynccontextmanager
async def implementation(name: str, settings: Settings) -> AsyncIterator[JobService]:
    """A service of that name over the store of `settings`."""
    if name == "engine":
        engine = await Engine.open(settings, "act")
        yield engine
    else:
        engine = await Engine.open(settings, "stay")
        if name == "long-lived engine":
            yield engine
        elif name == "beside a leader":
            beside = await Engine.open(settings, "act")
            assert engine.leading and not beside.leading
            yield beside
            await beside.close()
        elif name == "client over TCP":
            token = (await engine.grant_token("tests", Role.Administrator)).token
            async with tcp_server(engine, settings) as url:
                client = Client(url, token)
                yield client
                await client.close()
        else:
            client = Client(os.path.join(settings.data_directory, "api.sock"))
            yield client
            await client.close()
    await engine.close()


@pytest.fixture(params=IMPLEMENTATIONS)
async def service(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[JobService]:
    """A service over an empty store."""
    async with implementation(request.param, settings) as opened:
        yield opened
