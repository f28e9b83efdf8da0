"""Cancelling jobs, and with them the jobs that they started."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable

from core.service import Conflict, Job, NotFound, ServiceError, Status

from .acting import cancel_job
from .locks import is_held
from .outcome import read_spec
from .query import children_to_cancel, unfinished_children
from .rows import job_of_row, update_job
from .shared import Shared

log = logging.getLogger("jobdeck.engine")


class Cancelling:
    """How one engine cancels. `catch_up(id)` brings a job's row up to its journal; `ended(id)` is called for one that
    ended at once."""

    def __init__(
        self, shared: Shared, catch_up: Callable[[int], Awaitable[object]], ended: Callable[[int], None]
    ) -> None:
        self._shared = shared
        self._catch_up = catch_up
        self._ended = ended
        #: cancelled jobs whose script lets children go on, and children that were asked to end
        self._settled: set[int] = set()

    async def cancel(self, job: Job, by: str) -> None:
        """Ask a job to end, then the jobs that it started. Raises Conflict when it is finished."""
        await self._cancel_one(job, by)
        await self._cancel_children(job.id, by)

    async def _cancel_one(self, job: Job, by: str) -> None:
        directory = self._shared.directory(job.id)
        columns = await asyncio.to_thread(cancel_job, directory, job, by)
        if columns is not None:
            await self._shared.database.write(lambda c: update_job(c, job.id, columns))
            self._ended(job.id)
        elif job.status is not Status.Queued or is_held(os.path.join(directory, "lock")):
            # Whoever asks next is told that it is being cancelled, also by a list.
            await self._catch_up(job.id)

    async def _cancel_children(self, parent: int, by: str) -> None:
        if not _takes_children_along(self._shared.directory(parent)):
            return
        rows = await self._shared.database.read(lambda c: unfinished_children(c, parent))
        for child in map(job_of_row, rows):
            try:
                await self._cancel_one(child, by)
                self._shared.audit.note("cancel", f"job {child.id} ({child.script}), started by job {parent}")
            except (Conflict, NotFound):
                # It has ended in this moment; what it started has not for that.
                log.debug("job %s had ended before it could be cancelled with job %s", child.id, parent)
            await self._cancel_children(child.id, by)

    async def sweep(self) -> None:
        """Cancel the children of jobs that were cancelled or timed out while nobody saw to them."""
        rows: list[sqlite3.Row] = await self._shared.database.read(children_to_cancel)
        self._settled &= {id for row in rows for id in (row["parent_job"], row["id"])}
        for row in rows:
            parent, child = row["parent_job"], row["id"]
            if parent in self._settled or child in self._settled:
                continue
            if not _takes_children_along(self._shared.directory(parent)):
                self._settled.add(parent)
                continue
            self._settled.add(child)
            try:
                await self._cancel_one(job_of_row(row), f"job {parent}")
                self._shared.audit.note("cancel", f"job {child} ({row['script']}), started by job {parent}")
            except Conflict:
                continue
            except (ServiceError, OSError) as error:
                self._settled.discard(child)
                log.warning("job %s could not be cancelled with job %s: %s", child, parent, error)


def _takes_children_along(directory: str) -> bool:
    try:
        spec = read_spec(directory)
    except ServiceError:
        return True
    return spec is None or bool(spec.get("cancel_children", True))
