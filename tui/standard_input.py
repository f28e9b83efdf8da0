"""The standard input of `jobdeck run`: what it is, and its bytes for the job."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator

_PIECE = 1 << 16


async def readable(descriptor: int) -> None:
    """Wait until there is something to read, or the end. Raises PermissionError for what is always readable."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _set, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def writable(descriptor: int) -> None:
    """Wait until the descriptor takes something."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(descriptor, _set, ready)
    try:
        await ready
    finally:
        loop.remove_writer(descriptor)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def kind(descriptor: int = 0) -> str:
    """What it is: "terminal", "pipe" (can be read to its end) or "none" (closed, or /dev/null)."""
    try:
        seen = os.fstat(descriptor)
    except OSError:
        return "none"
    if stat.S_ISCHR(seen.st_mode):
        if os.isatty(descriptor):
            return "terminal"
        if seen.st_rdev == os.makedev(1, 3):
            return "none"
    return "none" if stat.S_ISDIR(seen.st_mode) else "pipe"


async def chunks(descriptor: int = 0) -> AsyncIterator[bytes]:
    """The bytes as they come, until their end. Nothing is read that is not asked for."""
    watched = True
    while True:
        if watched:
            try:
                await readable(descriptor)
            except PermissionError:
                # a regular file is always ready, and epoll does not take it
                watched = False
        try:
            piece = os.read(descriptor, _PIECE)
        except BlockingIOError:
            continue
        except ConnectionResetError:
            return
        if not piece:
            return
        yield piece
        if not watched:
            await asyncio.sleep(0)
