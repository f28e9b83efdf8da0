"""Ask a runner, from any process: one connection, JSON lines. Shapes: docs/internals.md, "control"."""

from __future__ import annotations

import json
import os
import socket
from typing import Any


def connect(directory: str | os.PathLike[str], timeout: float | None = 5.0) -> socket.socket:
    """A connection to the runner of the job in `directory`; `timeout` in seconds stays set on it.

    Raises FileNotFoundError or ConnectionRefusedError when no runner listens, OSError.
    """
    path = os.path.join(os.fspath(directory), "control")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        if len(os.fsencode(path)) <= 100:
            connection.connect(path)
        else:
            # an address has room for 107 bytes: a long path goes through the directory's descriptor
            folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection.connect(f"/proc/self/fd/{folder}/control")
            finally:
                os.close(folder)
    except BaseException:
        connection.close()
        raise
    return connection


def request(directory: str | os.PathLike[str], message: dict[str, Any], timeout: float = 5.0) -> dict[str, Any]:
    """Send one request and return its reply, `{"ok": true, …}` or `{"error": {"kind", "message"}}`.

    Raises as `connect`; TimeoutError when no reply comes in `timeout` seconds, ConnectionError when the runner goes.
    """
    with connect(directory, timeout) as connection:
        connection.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        received = bytearray()
        while not received.endswith(b"\n"):
            data = connection.recv(65536)
            if not data:
                raise ConnectionResetError("The job's runner ended before it replied.")
            received += data
    reply: dict[str, Any] = json.loads(received)
    return reply
