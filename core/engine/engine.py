"""Engine: JobService in this process.

An engine never owns a job. It puts jobs on record, asks for runners, listens to them and reads journals; kill it at
any point and another goes on. This is the whole of the service at a glance; its parts do the work.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from core.config import Settings
from core.runner.processes import boot_id
from core.service import Conflict, Unavailable

from . import callers, slots
from .administration import Administration
from .audit import Audit
from .database import Database
from .duties import Duties
from .leader import leader_alive
from .locks import FileLock, is_held
from .logfile import log_to
from .looking import Looking
from .opening import note_boot, open_store
from .reading import Reading
from .settings import Live
from .shared import Shared

if TYPE_CHECKING:
    import socket

    from core.service import (
        ErrorRecord,
        Event,
        Feedback,
        Groomed,
        Hit,
        Job,
        JobPage,
        JobQuery,
        LinePage,
        PipelineObject,
        Record,
        RunRequest,
        Status,
        Usage,
    )

    from .cancelling import Cancelling
    from .change_feed import ChangeFeed
    from .leading import Lead
    from .starting import Starting
    from .submitting import Submitting
    from .watches import Watches

log = logging.getLogger("jobdeck.engine")
Mode = Literal["look", "act", "stay"]
#: seconds that one call of `groom` takes at most: it may have come over HTTP
_GROOM = 20.0
#: seconds that the runner of a job that has ended may take to let go of its directory
_LETS_GO = 10.0


class Engine(Administration):
    """JobService over the store of `settings`. Make one with `Engine.open`."""

    def __init__(
        self, settings: Settings, mode: Mode, store_lock: FileLock, runner: socket.socket | None = None
    ) -> None:
        store = settings.data_directory
        self._store = store
        self._store_lock = store_lock
        self._live = Live(settings)
        self._database = Database(settings.database, settings.lock_timeout)
        self._reading = Reading(store)
        super().__init__(Shared(os.urandom(16).hex(), self._live, self._database, self._reading, Audit(store)))
        self._changes: ChangeFeed | None = None
        self._watches: Watches | None = None
        self._starting: Starting | None = None
        self._submitting: Submitting | None = None
        self._lead: Lead | None = None
        self._cancelling: Cancelling | None = None
        self._duties = Duties(self, self._shared, stays=mode == "stay")
        if mode != "look":
            from .starting import Starting
            from .watches import Watches

            self._watches = Watches(self._database, self._ended)
            self._starting = Starting(
                self._live, self._shared.name, self._database, self._watches, forks=mode == "stay", runner=runner
            )
        self._looking = Looking(self._shared, self._watches, self._is_starting)
        if self._starting is not None:
            from .submitting import Submitting

            self._submitting = Submitting(self._shared, self._looking, self._catalogue, self._starting, self._wake)

    @classmethod
    async def open(
        cls, settings: Settings | None = None, mode: Mode = "act", runner: socket.socket | None = None
    ) -> Engine:
        """An engine over the store. Raises ServiceError.

        `mode`: "look" reads; "act" also starts jobs, and leads while nobody else does; "stay" is "act" for a process
        that lives long: it keeps a zygote, from which runners are forked. `runner`: of `start_waiting`, for the first
        job of one that acts; it is the engine's from now on.
        """
        settings = settings or Settings.load()
        store_lock = open_store(settings)
        log_to(settings.log_file)
        try:
            restarted = note_boot(settings, boot_id())
            engine = cls(settings, mode, store_lock, runner)
        except BaseException:
            store_lock.close()
            raise
        try:
            if restarted:
                from .rebuild import import_missing

                await engine._database.write(lambda connection: import_missing(connection, settings.data_directory))
            if engine._watches is not None and engine._starting is not None:
                from .leading import Lead

                engine._lead = Lead(
                    engine._shared, engine._watches, engine._starting.start_queued, engine._starting.busy,
                    engine._cancel().sweep, engine._duties.answer, engine._duties.tend,
                )  # fmt: skip
                await engine._lead.open()
            elif not leader_alive(engine._store):
                await engine._looking.settle_all()
        except BaseException:
            await engine.close()
            raise
        return engine

    async def close(self) -> None:
        """Let go of everything; jobs go on, and what is due is left to an engine of its own."""
        due = False
        if self._changes is not None:
            await self._changes.close()
        if self._lead is not None:
            due = await self._lead.close()
        # Behind the lead, which sees to them at each beat.
        await self._duties.close()
        if self._watches is not None:
            await self._watches.close()
        self._reading.close()
        self._close_authenticator()
        if self._starting is not None:
            self._starting.close()
        if self._submitting is not None:
            self._submitting.close()
        self._database.close()
        self._store_lock.close()
        if due and not leader_alive(self._store):
            from .local import start_local

            start_local(self._live.now)

    @property
    def local_connections(self) -> int:
        """How many clients are connected to the local socket."""
        return self._duties.connections

    @property
    def local_requests(self) -> int:
        """How many requests came over the local socket so far."""
        return self._duties.requests

    def _wake(self) -> None:
        """Something is there for the leader to do."""
        if self._lead is not None:
            self._lead.wake()

    def _ended(self, _id: int) -> None:
        self._wake()

    def _is_starting(self, id: int) -> bool:
        return self._starting is not None and self._starting.busy(id)

    def _cancel(self) -> Cancelling:
        if self._cancelling is None:
            from .cancelling import Cancelling

            self._cancelling = Cancelling(self._shared, self._looking.catch_up, self._ended)
        return self._cancelling

    def _acting(self) -> Submitting:
        if self._submitting is None:
            raise Unavailable("This engine only looks: open one that acts to run jobs.")
        return self._submitting

    # -- running ---------------------------------------------------------------------------------------------------

    async def run(self, request: RunRequest) -> Job:
        """Submit a job; it is on record when this returns."""
        with self._audit.act("run", f"script {request.script if request.path is None else request.path}") as act:
            job = await self._acting().run(request)
            if isinstance(job, int):
                act.again = True
                return await self.job(job)
            by = "" if job.parent_job is None else f", started by job {job.parent_job}"
            act.target = f"job {job.id} ({job.script}){by}"
            return job

    async def rerun(self, id: int, *, identity: str | None = None) -> Job:
        """Run the same script again with the same parameters."""
        with self._audit.act("rerun", f"job {id}") as act:
            job = await self._acting().rerun(id, identity)
            assert not isinstance(job, int), "a rerun has no key"
            act.target = f"job {id} as job {job.id} ({job.script})"
            return job

    # -- looking ---------------------------------------------------------------------------------------------------

    async def jobs(self, query: JobQuery) -> JobPage:
        """One page of jobs."""
        return await self._looking.page(query)

    async def counts(self) -> Mapping[Status, int]:
        """How many jobs are in each status."""
        return await self._looking.counts()

    async def count(self, query: JobQuery) -> int:
        """How many jobs a query has in all, whatever its page."""
        return await self._looking.count(query)

    async def job(self, id: int) -> Job:
        """One job with its children."""
        return await self._looking.job(id)

    async def wait(self, id: int, timeout: float | None = None) -> Job:
        """The job once it is finished, or as it is after `timeout` seconds."""
        return await self._looking.wait(id, timeout)

    def records(
        self, id: int, *, after: int = 0, streams: frozenset[int] | None = None, follow: bool = False
    ) -> AsyncIterator[Record]:
        """The journal's records behind number `after`, in order; `follow` goes on until the job has ended."""
        return self._looking.records(id, after, streams, follow)

    async def lines(
        self, id: int, start: int, count: int, streams: frozenset[int] | None = None, *, width: int | None = None
    ) -> LinePage:
        """`count` lines from line `start`; a negative start counts from the end. `width` cuts each to so many bytes."""
        return await self._reading.lines(await self._looking.directory(id), start, count, streams, width)

    async def line_at(self, id: int, time: int, streams: frozenset[int] | None = None) -> int:
        """The number of the first line that came at `time` or later; the number of lines when none did."""
        return await self._reading.line_at(await self._looking.directory(id), time, streams)

    async def search(
        self,
        id: int,
        pattern: str,
        *,
        start: int = 0,
        regex: bool = False,
        ignore_case: bool = False,
        streams: frozenset[int] | None = None,
    ) -> AsyncIterator[Hit]:
        """Where the text stands, from line `start` on, in order."""
        directory = await self._looking.directory(id)
        async for hit in self._reading.search(directory, pattern, start, regex, ignore_case, streams):
            yield hit

    async def objects(self, id: int, start: int = 0, count: int = 100) -> Sequence[PipelineObject]:
        """`count` pipeline objects from the `start`-th on."""
        return await self._reading.objects(await self._looking.directory(id), start, count)

    async def errors(self, id: int) -> Sequence[ErrorRecord]:
        """The records of the error stream."""
        return await asyncio.to_thread(_views().errors, await self._looking.directory(id))

    async def feedback(self, id: int) -> Sequence[Feedback]:
        """Every question the job asked, the open one last."""
        return await asyncio.to_thread(_views().feedback, await self._looking.directory(id), id)

    async def job_content(self, id: int) -> bytes:
        """The copy of the script that the job ran."""
        return await self._looking.content(id)

    async def usage(self, id: int) -> Usage | None:
        """What the job's process tree uses now; None when it does not run on this computer."""
        return await self._looking.usage(id)

    # -- acting on jobs --------------------------------------------------------------------------------------------

    async def answer(
        self,
        id: int,
        text: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        feedback: int | None = None,
        identity: str | None = None,
    ) -> Job:
        """Answer the open question, or that numbered one, with a text or with its several fields."""
        from .acting import answer_question

        with self._audit.act("answer", f"job {id}"):
            job = await self.job(id)
            by = callers.identity_of(identity)
            await asyncio.to_thread(answer_question, self._shared.directory(id), job, text, fields, feedback, by)
            return await self.job(id)

    async def cancel(self, id: int, *, identity: str | None = None) -> Job:
        """Ask the job to end, and the jobs that it started; it does within the grace time."""
        with self._audit.act("cancel", f"job {id}") as act:
            job = await self.job(id)
            act.target = f"job {id} ({job.script})"
            await self._cancel().cancel(job, callers.identity_of(identity))
            return await self.job(id)

    async def delete(self, id: int) -> None:
        """Remove a finished job with all its records."""
        from .removal import delete

        with self._audit.act("delete", f"job {id}") as act:
            job = await self.job(id)
            act.target = f"job {id} ({job.script})"
            if not job.status.finished:
                raise Conflict(f"Job {id} is {job.status.name}, not finished. Cancel it first: jobdeck cancel {id}")
            try:
                async with asyncio.timeout(_LETS_GO):
                    # The runner tells the end a moment before it lets go of the directory.
                    while is_held(os.path.join(self._shared.directory(id), "lock")):  # noqa: ASYNC110 (another process)
                        await asyncio.sleep(0.002)
            except TimeoutError:
                raise Conflict(
                    f"Job {id} has ended, but its runner still holds its directory. Delete the job again in a moment."
                ) from None
            await asyncio.to_thread(delete, self._live.now, id)

    async def groom(self, *, dry: bool = False, trust_clock: bool = False) -> Groomed:
        """Remove the finished jobs that were kept long enough, or tell which would go (`dry`)."""
        with self._audit.act("groom", "finished jobs") as act:
            callers.check_all(callers.acting())
            act.again = True
            return await self._duties.groomer().groom(dry=dry, trust_clock=trust_clock, seconds=_GROOM)

    async def send_input(self, id: int, chunks: AsyncIterator[bytes]) -> None:
        """Feed the standard input of a job that was run with `standard_input="pipe"`."""
        from .acting import feed_input

        await self._looking.row(id)
        lock = None if self._submitting is None else self._submitting.inputs.pop(id, None)
        try:
            await feed_input(self._shared.directory(id), chunks, lambda: self.job(id))
        finally:
            if lock is not None:
                lock.close()

    # -- the service itself ----------------------------------------------------------------------------------------

    def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """What changes from now on, or what has changed behind `since`, and on; it does not end by itself."""
        if self._changes is None:
            from .change_feed import ChangeFeed

            self._changes = ChangeFeed(self._database, self._store)
        events = self._changes.listen(since)
        who = callers.restricted()
        return events if who is None else self._looking.those_of(who, events)

    @property
    def leading(self) -> bool:
        """Whether this engine leads."""
        return self._lead is not None and self._lead.leading

    def warm_runners(self) -> int:
        """How many warm runners of this engine wait for a job."""
        return 0 if self._starting is None else self._starting.warm

    async def idle(self) -> bool:
        """Whether nothing waits for an engine to start it."""
        if self._duties.grooming:
            return False
        from .clock import overdue

        return not await self._database.read(lambda c: slots.anything_due(c) or overdue(c))


def _views() -> ModuleType:
    # Imported when something looks into a journal: a list of jobs must not wait for it.
    from . import views

    return views
