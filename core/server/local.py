"""api.sock: the same REST for processes of this user on this computer, without a token.

Opened by the leading engine. It costs a listening socket; the server is imported at the first connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from core.config import Settings

if TYPE_CHECKING:
    from .guard import Service

log = logging.getLogger("jobdeck.server")
NAME = "api.sock"
_BACKLOG = 128
#: seconds for what is being answered when it closes
_GRACE = 2.0
#: the longest path that a socket can have
_LONGEST = 107


class LocalApi:
    """The local socket of one engine."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self.path = os.path.join(settings.data_directory, NAME)
        self._socket: socket.socket | None = None
        self._inode: tuple[int, int] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._server: Any = None
        self._app: Any = None

    @property
    def connections(self) -> int:
        """How many clients are connected, those included that wait for the server to be imported."""
        if self._server is None:
            return int(self._starting is not None)
        return len(self._server.server_state.connections)

    @property
    def requests(self) -> int:
        """How many requests there were so far."""
        return 0 if self._server is None else int(self._server.server_state.total_requests)

    def replaced(self) -> bool:
        """Whether the socket's path is gone or another's by now."""
        try:
            status = os.stat(self.path)
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self._inode

    async def open(self) -> None:
        """Listen. Raises OSError. A socket that another engine left is replaced."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        temporary = f"{self.path}.{os.getpid()}"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            # Made beside and renamed: whoever finds it can connect, and it is nobody else's even for a moment.
            bind(listening, temporary)
            os.chmod(temporary, 0o600)
            listening.listen(_BACKLOG)
            status = os.stat(temporary)
            self._inode = (status.st_dev, status.st_ino)
            os.rename(temporary, self.path)
        except BaseException:
            listening.close()
            raise
        self._socket = listening
        asyncio.get_running_loop().add_reader(listening.fileno(), self._first)

    def _first(self) -> None:
        """Somebody connects: start the server that will accept it."""
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        self._starting = loop.create_task(self._start(), name="local server")

    async def _start(self) -> None:
        try:
            # Half a second of importing must not stop the engine's loop.
            await asyncio.to_thread(_import)
            from .app import create_app
            from .connection import LocalConnection
            from .logs import log_to_the_engines_log
            from .uvicorn_server import QuietServer, configuration

            assert self._socket is not None
            log_to_the_engines_log()
            self._app = create_app(self._service, self._settings, local=True)
            server = QuietServer(configuration(self._app, LocalConnection))
            await server.startup(sockets=[self._socket])
            self._server = server
        except Exception:
            log.exception("the local socket cannot be served")

    async def close(self) -> None:
        """Stop listening; what is being answered has a moment to end."""
        listening, self._socket = self._socket, None
        if listening is None:
            return
        # Another engine may have put its own in this place.
        if not self.replaced():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        if self._starting is None:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        else:
            await self._starting
            self._starting = None
        if self._server is not None:
            self._app.state.drain.begin()
            await self._server.stop([listening], _GRACE)
            self._app.state.api.following.close()
            self._server = None
        listening.close()


def _import() -> None:
    from . import app, connection, uvicorn_server  # noqa: F401


def bind(listening: socket.socket, path: str) -> None:
    """Bind a socket to a path, also to one that is too long for its address."""
    if len(os.fsencode(path)) <= _LONGEST:
        listening.bind(path)
        return
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listening.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)
