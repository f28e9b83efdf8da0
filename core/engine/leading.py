"""Leading: one engine at a time adopts runners, carries states into the rows and starts what is queued.

The leader holds leader.lock and touches it every second. Every act is a compare-and-set in the database, so that two
at once do no harm: an engine that sees no touch for five seconds (a leader stopped by ctrl+z, or swapped out) acts in
its place without the lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from functools import partial

from core.runner.processes import boot_id
from core.service import ServiceError

from . import clock
from .changes import note
from .damage import Damaged, end_damaged, understanding
from .leader import leader_alive
from .locks import FileLock, is_held
from .paths import job_directory
from .shared import Shared
from .slots import anything_due, eligible
from .watches import Watches

log = logging.getLogger("jobdeck.engine")
_BEAT = 1.0
_TAKE_OVER = 0.5
_GATHER = 0.005
#: an engine that leads for as long as a job runs has other things to do
_TEND_AFTER = 2.0


class Lead:
    """One engine's part in leading. `start` is called with the id of a queued job that may start; `busy`
    tells whether this engine is starting a job at this moment; `sweep` cancels children of cancelled jobs;
    `answer(leads)` is called at each beat, with whether this engine is the one that answers on the local socket, and
    `tend(leads)` with whether it has the lead."""

    def __init__(
        self,
        shared: Shared,
        watches: Watches,
        start: Callable[[int], Awaitable[None]],
        busy: Callable[[int], bool],
        sweep: Callable[[], Awaitable[None]],
        answer: Callable[[bool], Awaitable[None]],
        tend: Callable[[bool], None],
    ) -> None:
        self._store = shared.store
        self._engine = shared.name
        self._database = shared.database
        self._live = shared.live
        self._watches = watches
        self._start = start
        self._busy = busy
        self._sweep = sweep
        self._answer = answer
        self._tend = tend
        self._lock = FileLock(os.path.join(self._store, "leader.lock"))
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.leading = False
        self._since = 0.0

    async def open(self) -> None:
        """Take the lead if it is free, and go on trying while this engine lives."""
        try:
            await self._try()
        except (ServiceError, OSError) as error:
            # A full disk must not keep anybody from looking at jobs or cancelling them.
            log.warning("leading: %s", error)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lead")

    def wake(self) -> None:
        """Something changed that a leader acts on."""
        self._wake.set()

    async def _try(self) -> None:
        if self.leading or not self._lock.take():
            return
        self.leading, self._since = True, time.monotonic()
        os.pwrite(self._lock.fileno(), b"1", 0)
        row = (self._engine, os.getpid(), boot_id(), time.time_ns())

        def lead(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO leader (id, engine, process_id, boot_id, since) VALUES (1, ?, ?, ?, ?)", row
            )
            clock.look(connection)

        await self._database.write(lead)
        self._wake.set()
        await self._answer(True)

    async def _run(self) -> None:
        told = ""
        while True:
            try:
                await self._try()
                if self._live.refresh() and self.leading:
                    await self._database.write(lambda connection: note(connection, "setting"))
                if self.leading:
                    os.utime(self._lock.fileno())
                acting = self.leading or not leader_alive(self._store)
                await self._answer(acting)
                if not self.leading or time.monotonic() - self._since >= _TEND_AFTER:
                    self._tend(self.leading)
                if acting:
                    await self._act()
                told = ""
            except (ServiceError, OSError) as error:
                if str(error) != told:
                    log.warning("leading: %s", error)
                told = str(error)
                await asyncio.sleep(_BEAT)
            except Exception:
                # Leading must not end by what is the matter with one job.
                log.exception("leading")
                await asyncio.sleep(_BEAT)
            # Not wait_for: up to Python 3.11 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BEAT if self.leading else _TAKE_OVER):
                    await self._wake.wait()
                # Ends come in bursts: one look serves them all.
                await asyncio.sleep(_GATHER)
            self._wake.clear()

    async def _act(self) -> None:
        """Adopt what runs unwatched, end what was started by jobs that were cancelled, then start what may start."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT id, claim, parent_job FROM job WHERE status IN (0, 1, 4, 6)"
                " AND (claim IS NOT NULL OR parent_job IS NOT NULL)"
            ).fetchall()
        )
        if any(row["parent_job"] is not None for row in rows):
            await self._sweep()
        for row in rows:
            if row["claim"] is not None and row["id"] not in self._watches and not self._busy(row["id"]):
                self._watches.add(row["id"], job_directory(self._store, row["id"]))
        trouble: Exception | None = None
        for id in await self._database.read(lambda connection: eligible(connection, self._live.now.max_running)):
            directory = job_directory(self._store, id)
            try:
                with understanding(directory):
                    await self._start(id)
            except Damaged as error:
                log.error("job %s cannot be started: %s", id, error, exc_info=True)
                why = str(error)
                if not is_held(os.path.join(directory, "lock")):
                    await self._database.write(partial(end_damaged, id=id, directory=directory, why=why))
            except (ServiceError, OSError) as error:
                trouble = error
        if trouble is not None:
            raise trouble

    async def release(self) -> bool:
        """Give the lead up; whether something is due that another engine must see to."""

        def leave(connection: sqlite3.Connection) -> bool:
            due = anything_due(connection) or (self.leading and clock.overdue(connection))
            if self.leading and not due:
                connection.execute("DELETE FROM leader WHERE engine = ?", (self._engine,))
            return due

        due = await self._database.write(leave)
        if self.leading:
            self.leading = False
            if not due:
                os.ftruncate(self._lock.fileno(), 0)
            self._lock.release()
        return due

    async def close(self) -> bool:
        """Stop leading for good; whether something is due."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        try:
            await self._answer(False)
            return await self.release()
        except (ServiceError, OSError) as error:
            # Whoever leads next finds what is due.
            log.warning("leaving the lead: %s", error)
            return False
        finally:
            self._lock.close()
