"""Looking at jobs: their rows, brought up to their journals where no leader does it."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.service import UNFINISHED, Job, JobPage, NotFound, Status, Unavailable

from . import callers, query, slots
from .damage import Damaged
from .locks import is_held
from .paths import content_copy
from .rows import job_of_row, update_job
from .shared import Shared

if TYPE_CHECKING:
    from core.access import Caller
    from core.service import Event, JobQuery, Record, Usage

    from .usage import Meter
    from .watches import Watches

log = logging.getLogger("jobdeck.engine")


class Looking:
    """Jobs as one engine sees them. `starting(id)` tells whether it is about to start a job at this moment."""

    def __init__(self, shared: Shared, watches: Watches | None, starting: Callable[[int], bool]) -> None:
        self._shared = shared
        self._database = shared.database
        self._reading = shared.reading
        self._watches = watches
        self._starting = starting
        self._meter: Meter | None = None

    async def settle_all(self) -> None:
        """With no leader alive: bring every unfinished job up to its journal, so that no reader is told a lie."""
        for row in await self._database.read(query.unfinished):
            if row["claim"] is not None:
                try:
                    await self.catch_up(row["id"])
                except Exception:
                    # Whatever is the matter with one job: the others are looked at all the same.
                    log.exception("job %s cannot be brought up to its journal", row["id"])

    async def catch_up(self, id: int) -> Mapping[str, Any]:
        """Bring a job's row up to its journal; the columns as they are now, also where nothing can be written."""
        from .outcome import Progression

        directory = self._shared.directory(id)
        progression = Progression(directory)
        try:
            columns = progression.read()
        except Damaged as error:
            return await self._damaged(id, directory, error)
        try:
            row = await self._database.read(lambda c: dict(query.job_row(c, id)))
            # Looking changes nothing: who looks because something changed must not be told of a change again.
            if any(row.get(name) != value for name, value in columns.items()):
                await self._database.write(lambda c: update_job(c, id, columns))
            if columns.get("ended") is None and not is_held(os.path.join(directory, "lock")):
                from .lost import settle_lost

                await settle_lost(self._database.write, directory, id)
                columns = progression.read()
        except Unavailable as error:
            log.warning("the row of job %s has to wait: %s", id, error)
        return columns

    async def _damaged(self, id: int, directory: str, error: Damaged) -> Mapping[str, Any]:
        """A job whose files cannot be understood: ended, unless its runner lives. Nothing newer than its row."""
        log.warning("job %s: %s", id, error)
        try:
            if not is_held(os.path.join(directory, "lock")):
                from .lost import settle_lost

                await settle_lost(self._database.write, directory, id)
        except Unavailable as trouble:
            log.warning("the row of job %s has to wait: %s", id, trouble)
        return {"state_seq": -1}

    def _narrow(self, connection: sqlite3.Connection, texts: Sequence[str]) -> list[int] | None:
        from .text_index import TextIndex

        return TextIndex(self._shared.store).narrow(connection, texts)

    async def page(self, wanted: JobQuery) -> JobPage:
        """One page of jobs."""
        allowed = callers.condition(callers.restricted())
        if wanted.terms or wanted.order_by != "id":
            # It may have to look at every job: nobody else is to wait for that.
            found = await self._database.survey("search", lambda c: query.page(c, wanted, allowed, self._narrow))
        else:
            found = await self._database.read(lambda c: query.page(c, wanted, allowed))
        if not any(job.status is Status.Queued for job in found.jobs):
            return found
        explained = await self._database.read(lambda c: tuple(self._explain(c, job) for job in found.jobs))
        return JobPage(explained, found.more)

    def _explain(self, connection: sqlite3.Connection, job: Job) -> Job:
        if job.status is not Status.Queued:
            return job
        if slots.is_claimed(connection, job.id):
            return replace(job, queue_reason="It is about to start.")
        reason = slots.queue_reason(connection, job.id, job.script_id, self._shared.live.now.max_running)
        return replace(job, queue_reason=reason)

    async def counts(self) -> Mapping[Status, int]:
        """How many jobs are in each status."""
        allowed = callers.condition(callers.restricted())
        if allowed is not None:
            # No sums are kept of what one token may see: it is counted, and nobody else is to wait for that.
            return await self._database.survey("counts", lambda c: query.counts(c, allowed))
        return await self._database.read(lambda c: query.counts(c, allowed))

    async def count(self, wanted: JobQuery) -> int:
        """How many jobs a query has in all, whatever its page."""
        allowed = callers.condition(callers.restricted())
        return await self._database.survey("count", lambda c: query.count(c, wanted, allowed, self._narrow))

    async def row(self, id: int) -> sqlite3.Row:
        """A job's row. Raises NotFound, Forbidden where the caller is restricted to scripts that it is not of."""
        row = await self._database.read(lambda c: query.job_row(c, id))
        who = callers.restricted()
        if who is not None:
            callers.check_job(who, job_of_row(row))
        return row

    async def directory(self, id: int) -> str:
        """The directory of a job that is on record. Raises as `row`."""
        await self.row(id)
        return self._shared.directory(id)

    async def job(self, id: int) -> Job:
        """One job with its children."""
        fresh: Mapping[str, Any] = {}
        who = callers.restricted()

        def look(connection: sqlite3.Connection) -> Job | None:
            row = dict(query.job_row(connection, id))
            if who is not None:
                callers.check_job(who, job_of_row(row))
            if not fresh and row["status"] in UNFINISHED and row["claim"] is not None and not self._starting(id):
                return None
            if fresh and fresh["state_seq"] > row["state_seq"]:
                row |= fresh
            job = self._explain(connection, job_of_row(row))
            return replace(job, children=query.children(connection, id))

        job = await self._database.read(look)
        while job is None:
            fresh = await self.catch_up(id)
            job = await self._database.read(look)
        return job

    async def wait(self, id: int, timeout: float | None) -> Job:
        """The job once it is finished, or as it is after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        directory = self._shared.directory(id)
        while True:
            left = 1.0 if deadline is None else min(1.0, deadline - loop.time())
            watched = self._watches is not None and id in self._watches
            if watched and self._watches is not None:
                await self._watches.wait(id, left)
            version = 0 if watched else self._reading.version(directory)
            job = await self.job(id)
            if job.status.finished or left <= 0:
                return job
            if not watched:
                await self._reading.changed(directory, left, version)

    async def records(self, id: int, after: int, streams: frozenset[int] | None, follow: bool) -> AsyncIterator[Record]:
        """The journal's records behind number `after`, in order; `follow` goes on until the job has ended."""
        directory = await self.directory(id)
        end = os.path.join(directory, "exit.json")
        while True:
            # Looked up before reading: what the journal holds then is all there will be.
            whole = not follow or os.path.exists(end)
            version = 0 if whole else self._reading.version(directory)
            whole = whole or os.path.exists(end)
            async for record in self._reading.records(directory, after, streams):
                after = record.number
                yield record
            if whole:
                return
            changed = await self._reading.changed(directory, 1.0, version)
            if not changed and (await self.job(id)).status.finished and not os.path.exists(end):
                return

    async def those_of(self, who: Caller, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """The events of jobs and scripts that a restricted caller may see, and those that mean no one thing."""
        from .script_rows import script_of_row

        allowed = callers.condition(who)
        condition, values = ("1", []) if allowed is None else (allowed.plain, allowed.values)

        def hidden(connection: sqlite3.Connection, event: Event) -> bool:
            if event.kind == "script":
                row = connection.execute("SELECT * FROM script WHERE id = ?", (event.id,)).fetchone()
                return row is not None and not callers.may_see(who, script_of_row(row))
            sql = f"SELECT {condition} FROM job WHERE id = ?"
            row = connection.execute(sql, [*values, event.id]).fetchone()
            return row is not None and not row[0]

        async for event in events:
            if event.id is None or not await self._database.read(partial(hidden, event=event)):
                yield event

    async def content(self, id: int) -> bytes:
        """The copy of the script that a job ran."""
        row = await self.row(id)
        try:
            with open(content_copy(self._shared.store, row["content_hash"]), "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise NotFound(f"The copy of the script that job {id} ran is gone.") from None

    async def usage(self, id: int) -> Usage | None:
        """What a job's process tree uses now; None when it does not run on this computer."""
        row = await self.row(id)
        if row["status"] not in UNFINISHED:
            return None
        if self._meter is None:
            from .usage import Meter

            self._meter = Meter()
        return await asyncio.to_thread(self._meter.measure, id, self._shared.directory(id))
