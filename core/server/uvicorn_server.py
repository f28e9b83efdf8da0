"""Uvicorn inside a loop that is somebody else's: no signals taken, no logging set up, stopped within a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn


def configuration(
    app: Any, connection: type[asyncio.Protocol], *, proxy_headers: bool = False, **more: Any
) -> uvicorn.Config:
    """How every server of jobdeck is run. Without a proxy, whoever says to be another address is not believed."""
    return uvicorn.Config(
        app,
        proxy_headers=proxy_headers,
        http=connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=512,
        **more,
    )


class QuietServer(uvicorn.Server):
    """A server that is started by `startup` and ended by `stop`, without a loop of its own."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        if not self.config.loaded:
            self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        self.server_state.default_headers = list(self.config.encoded_headers)
        await super().startup(sockets)

    async def stop(self, sockets: list[socket.socket], grace: float) -> None:
        """Accept none any more, let what is being answered end for `grace` seconds, then cut it off."""
        for server in self.servers:
            server.close()
        for listening in sockets:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        state = self.server_state
        # What has been told of the end goes within a moment; there is no event that tells of it.
        while (state.connections or state.tasks) and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for task in list(self.server_state.tasks):
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        while self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks))
        await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the business of whoever runs the loop."""
        yield
