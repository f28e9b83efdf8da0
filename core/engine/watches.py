"""The runners this engine listens to: what changes in their journals goes into the rows.

A watch is a connection to a runner. A line on it says that a state was recorded; its end says that the runner is gone.
What happened is read from the journal, never from the line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from core.runner.control import connect
from core.service import ServiceError, Unavailable

from .damage import Damaged
from .database import Database
from .locks import is_held
from .lost import settle_lost
from .outcome import Progression
from .rows import update_job

log = logging.getLogger("jobdeck.engine")
#: how long a start may stand before it goes into the row: most short jobs have ended by then, and need one write
_SETTLE_DELAY = 0.02
_DIAL_PAUSE = 0.05
_RETRY = 1.0
#: runners kept waiting for a further job, at most; each goes by itself after some seconds
_IDLE_RUNNERS = 64


class _Watch:
    __slots__ = (
        "columns", "damaged", "directory", "ended", "id", "idle", "progression", "socket", "task", "told", "wake",
    )  # fmt: skip

    def __init__(self, id: int, directory: str) -> None:
        self.id = id
        self.directory = directory
        self.progression = Progression(directory)
        self.socket: socket.socket | None = None
        self.wake = asyncio.Event()
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        #: something came from the runner
        self.told = False
        #: the runner waits for a further job
        self.idle = False
        self.columns: dict[str, Any] = {}
        #: its files cannot be understood, and that was told
        self.damaged = False


class Watches:
    """All watches of one engine. `on_end` is called with a job's id when it has ended or was lost."""

    def __init__(self, database: Database, on_end: Callable[[int], None]) -> None:
        self._database = database
        self._on_end = on_end
        self._watches: dict[int, _Watch] = {}
        self._idle: list[socket.socket] = []
        self._parting: set[socket.socket] = set()

    def __contains__(self, id: int) -> bool:
        return id in self._watches

    def add(self, id: int, directory: str, connection: socket.socket | None = None) -> None:
        """Watch a job, over the connection given or one that is dialled."""
        if id in self._watches:
            if connection is not None:
                connection.close()
            return
        watch = _Watch(id, directory)
        self._watches[id] = watch
        if connection is not None:
            self._listen(watch, connection)
        watch.task = asyncio.get_running_loop().create_task(self._follow(watch), name=f"watch {id}")

    def idle_runner(self) -> socket.socket | None:
        """The connection of a runner that waits for a further job; it is the caller's now. None when there is none."""
        return self._idle.pop() if self._idle else None

    async def wait(self, id: int, timeout: float) -> None:
        """Until the watched job has ended, at most `timeout` seconds."""
        watch = self._watches.get(id)
        if watch is not None:
            # Not wait_for: up to Python 3.11 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await watch.ended.wait()

    def _listen(self, watch: _Watch, connection: socket.socket) -> None:
        connection.setblocking(False)
        watch.socket = connection
        asyncio.get_running_loop().add_reader(connection.fileno(), self._readable, watch)

    def _readable(self, watch: _Watch) -> None:
        assert watch.socket is not None
        try:
            data = watch.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(watch.socket.fileno())
            watch.socket.close()
            watch.socket = None
            watch.wake.set()
            return
        # The start is told a moment later: a short job has ended by then.
        first = not watch.told
        watch.told = True
        watch.idle = watch.idle or b'"idle"' in data
        if first:
            asyncio.get_running_loop().call_later(_SETTLE_DELAY, watch.wake.set)
        else:
            watch.wake.set()

    def _hang_up(self, watch: _Watch) -> None:
        connection, watch.socket = watch.socket, None
        if connection is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(connection.fileno())
        if watch.idle:
            self._keep(connection)
        elif watch.ended.is_set():
            # the end was seen in the journal before the runner told it: whether it stays, its last line says
            self._parting.add(connection)
            loop.add_reader(connection.fileno(), self._parted, connection)
        else:
            connection.close()

    def _parted(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data and b'"idle"' not in data:
            return
        asyncio.get_running_loop().remove_reader(connection.fileno())
        self._parting.discard(connection)
        if data:
            self._keep(connection)
        else:
            connection.close()

    def _keep(self, idle: socket.socket) -> None:
        self._idle.append(idle)
        if len(self._idle) > _IDLE_RUNNERS:
            # the oldest has gone by itself, or is about to
            self._idle.pop(0).close()

    async def _follow(self, watch: _Watch) -> None:
        try:
            while True:
                if watch.socket is None and await self._redial(watch):
                    return
                await watch.wake.wait()
                watch.wake.clear()
                if await self._settle(watch):
                    return
        except (ServiceError, OSError) as error:
            # The next look at this job tries again; the runner goes on whatever this engine can write.
            log.error("job %s cannot be followed: %s", watch.id, error)
            await asyncio.sleep(_RETRY)
        except Exception:
            # Whatever is the matter with one job: others are followed all the same.
            log.exception("job %s cannot be followed", watch.id)
            await asyncio.sleep(_RETRY)
        finally:
            watch.ended.set()
            self._hang_up(watch)
            self._watches.pop(watch.id, None)
            self._on_end(watch.id)

    async def _settle(self, watch: _Watch) -> bool:
        """Bring the row up to the journal; whether the job has ended."""
        try:
            columns = watch.progression.read()
        except Damaged as error:
            if not watch.damaged:
                log.error("job %s: %s", watch.id, error)
            watch.damaged = True
            # Its runner goes on all the same.
            held = is_held(os.path.join(watch.directory, "lock"))
            return not held and await settle_lost(self._database.write, watch.directory, watch.id)
        if columns != watch.columns:
            await self._write(watch, columns)
            watch.columns = columns
        return columns.get("ended") is not None

    async def _write(self, watch: _Watch, columns: dict[str, Any]) -> None:
        """Write the row; while the disk or the database refuses, wait: the journal has it, nothing is lost."""
        told = False
        while True:
            try:
                await self._database.write(partial(update_job, id=watch.id, state=columns))
                return
            except Unavailable as error:
                if not told:
                    log.warning("job %s goes on, but its row has to wait: %s", watch.id, error)
                told = True
                await asyncio.sleep(_RETRY)
                columns = watch.progression.read()

    async def _redial(self, watch: _Watch) -> bool:
        """Connect to the runner, or find the job ended or lost; whether there is nothing more to watch."""
        while True:
            if await self._settle(watch):
                return True
            try:
                connection = connect(watch.directory, 1.0)
            except OSError:
                if not is_held(os.path.join(watch.directory, "lock")):
                    # Ended in this moment, lost, or never started.
                    return await self._settle(watch) or await settle_lost(
                        self._database.write, watch.directory, watch.id
                    )
                await asyncio.sleep(_DIAL_PAUSE)
                continue
            connection.sendall(b'{"op": "watch"}\n')
            self._listen(watch, connection)
            return False

    async def close(self) -> None:
        """Stop watching; the runners go on."""
        tasks = [watch.task for watch in self._watches.values() if watch.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in self._parting:
            asyncio.get_running_loop().remove_reader(connection.fileno())
        for connection in (*self._parting, *self._idle):
            connection.close()
        self._parting.clear()
        self._idle.clear()
