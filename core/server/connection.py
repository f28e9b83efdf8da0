"""One connection of a client, with limits on what comes before a request's body."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .problems import MEDIA_TYPE, problem_body

#: bytes of a request's line and headers together
MOST_HEAD = 64 << 10
#: seconds a client may take for them
SLOWEST_HEAD = 30.0


class Connection(HttpToolsProtocol):
    """Refuses a head that is too large (431) or does not end (closed)."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self._head = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the client its time for the first head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(SLOWEST_HEAD, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._met()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before the head is complete."""
        if self._in_head:
            self._head += len(data)
            if self._head > MOST_HEAD and not self._ends(data):
                self._refuse()
                return
        super().data_received(data)

    def _ends(self, data: bytes) -> bool:
        """Whether the head ends in this data early enough: what follows is body."""
        end = data.find(b"\r\n\r\n")
        return end >= 0 and self._head - len(data) + end <= MOST_HEAD

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head = False
        self._head = 0
        self._met()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may begin."""
        super().on_message_complete()
        self._in_head = True

    def _met(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.close()

    def _refuse(self) -> None:
        import json

        detail = f"The request's line and headers are larger than {MOST_HEAD} bytes, which is the most that is taken."
        body = json.dumps(problem_body(431, detail)).encode()
        head = (
            f"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class LocalConnection(Connection):
    """A connection over the local socket: of processes of the same user, or root, alone."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close the connection of anybody else."""
        super().connection_made(transport)
        if peer_of(transport.get_extra_info("socket")) not in (os.geteuid(), 0):
            transport.close()


def peer_of(connection: socket.socket) -> int:
    """The user at the other end of a local socket."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _process, user, _group = struct.unpack("3i", packed)
    return int(user)
