"""Engine: JobService in this process.

An engine never owns a job. It puts jobs on record, asks for runners, listens to them and reads journals; kill it at
any point and another goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from core.access import AppToken, AuditEntry, Caller, Role
from core.config import VERSION, Settings
from core.runner.processes import boot_id
from core.service import (
    UNFINISHED,
    Conflict,
    Environment,
    ErrorRecord,
    Event,
    Feedback,
    Forbidden,
    Hit,
    Invalid,
    Job,
    JobPage,
    JobQuery,
    LinePage,
    NotFound,
    Parameter,
    PipelineObject,
    Record,
    RunRequest,
    Script,
    ScriptStatistics,
    ServiceStatus,
    Setting,
    Status,
    Unavailable,
    Usage,
    Value,
)

from . import callers, query, scripts, slots
from .audit import Audit
from .change_feed import ChangeFeed
from .changes import note
from .content import kept_path, read_content, remove_content, write_content
from .database import Database
from .leader import leader_alive, leader_facts
from .locks import FileLock, is_held
from .logfile import log_to
from .opening import note_boot, open_store
from .paths import content_copy, job_directory
from .reading import Reading
from .rows import delete_job, insert_job, job_of_row, row_of_spec, update_job
from .settings import Live

if TYPE_CHECKING:
    from .leading import Lead
    from .starting import Starting
    from .submit import Origin, Prepared
    from .tokens import Authenticator
    from .usage import Meter
    from .watches import Watches

log = logging.getLogger("jobdeck.engine")
Mode = Literal["look", "act", "stay"]
T = TypeVar("T")


class Engine:
    """JobService over the store of `settings`. Make one with `Engine.open`."""

    def __init__(self, settings: Settings, mode: Mode, store_lock: FileLock) -> None:
        self._live = Live(settings)
        self.name = uuid.uuid4().hex
        self._mode = mode
        self._store = settings.data_directory
        self._store_lock = store_lock
        self._database = Database(settings.database, settings.lock_timeout)
        self._watches: Watches | None = None
        self._lead: Lead | None = None
        self._reading = Reading(self._store)
        self._inputs: dict[int, FileLock] = {}
        self._starting: Starting | None = None
        self._audit = Audit(self._store)
        self._feed = ChangeFeed(self._database, self._store)
        self._meter: Meter | None = None
        self._authenticator: Authenticator | None = None

    @classmethod
    async def open(cls, settings: Settings | None = None, mode: Mode = "act") -> Engine:
        """An engine over the store. Raises ServiceError.

        `mode`: "look" reads; "act" also starts jobs, and leads while nobody else does; "stay" is "act" for a process
        that lives long: it keeps a zygote, from which runners are forked.
        """
        settings = settings or Settings.load()
        store_lock = open_store(settings)
        log_to(settings.log_file)
        try:
            restarted = note_boot(settings, boot_id())
            engine = cls(settings, mode, store_lock)
        except BaseException:
            store_lock.close()
            raise
        try:
            if restarted:
                from .rebuild import import_missing

                await engine._database.write(lambda connection: import_missing(connection, settings.data_directory))
            if mode != "look":
                from .leading import Lead
                from .starting import Starting
                from .watches import Watches

                watches = engine._watches = Watches(engine._database, engine._ended)
                starting = engine._starting = Starting(
                    engine._live, engine.name, engine._database, watches, forks=mode == "stay"
                )
                engine._lead = Lead(
                    engine._store, engine.name, engine._database, engine._watches, starting.start_queued,
                    starting.busy,
                    engine._live,
                )  # fmt: skip
                await engine._lead.open()
            elif not leader_alive(engine._store):
                await engine._settle_all()
        except BaseException:
            await engine.close()
            raise
        return engine

    async def close(self) -> None:
        """Let go of everything; jobs go on, and what is due is left to an engine of its own."""
        due = False
        await self._feed.close()
        if self._lead is not None:
            due = await self._lead.close()
        if self._watches is not None:
            await self._watches.close()
        self._reading.close()
        if self._authenticator is not None:
            self._authenticator.close()
        if self._starting is not None:
            self._starting.close()
        for lock in self._inputs.values():
            lock.close()
        self._database.close()
        self._store_lock.close()
        if due and not leader_alive(self._store):
            from .local import start_local

            start_local(self._live.now)

    # -- running ---------------------------------------------------------------------------------------------------

    async def run(self, request: RunRequest) -> Job:
        """Submit a job; it is on record when this returns."""
        from .submit import Origin, request_anew

        if request.rerun_of is None:
            return await self._submit(request, Origin(caller=callers.acting()))
        _, spec, secrets, origin = await self._repeatable(request.rerun_of)
        script = spec["script"] if request.script is None else await self.script(request.script)
        return await self._submit(request_anew(request, script, spec, secrets), origin)

    async def rerun(self, id: int, *, identity: str | None = None) -> Job:
        """Run the same script again with the same parameters."""
        from .submit import request_again

        job, spec, secrets, origin = await self._repeatable(id)
        return await self._submit(request_again(job, spec, secrets, identity), origin)

    async def _repeatable(self, id: int) -> tuple[Job, dict[str, Any], dict[str, str], Origin]:
        """A job that is to be run again: with its spec, its secrets in clear, and what the new job takes over."""
        from .outcome import read_spec
        from .secrets import unseal
        from .submit import Origin

        job = await self.job(id)
        callers.check_own(callers.acting(), job)
        spec = read_spec(self._directory(id))
        if spec is None:
            raise NotFound(f"The files of job {id} are gone, so it cannot be run again.")
        clear = {name: unseal(self._store, text, f"job:{id}:{name}") for name, text in spec["secrets"].items()}
        origin = Origin(
            attempt=job.attempt + 1, rerun_of=id, content_hash=spec["script"]["hash"], caller=callers.acting()
        )
        return job, spec, clear, origin

    async def _submit(self, request: RunRequest, origin: Origin) -> Job:
        from .outcome import lock_of
        from .submit import lay_out, prepare

        if self._starting is None:
            raise Unavailable("This engine only looks: open one that acts to run jobs.")
        prepared = await self._database.read(lambda c: prepare(c, self._live.now, request, origin))
        id = await self._database.write(lambda c: self._number(c, prepared))
        directory = await asyncio.to_thread(lay_out, self._store, id, prepared)
        lock: FileLock | None = None
        try:
            lock = lock_of(directory)
            lock.take()
            if request.standard_input == "pipe":
                self._inputs[id] = FileLock(os.path.join(directory, "input"))
                self._inputs[id].take()
            row = row_of_spec(prepared.spec)
            with self._starting.claiming(id):
                claimed = await self._enter(row, directory)
                if claimed:
                    await self._starting.start(id, directory, lock, prepared.secrets)
        finally:
            if lock is not None:
                lock.close()
        if not claimed and self._lead is not None:
            self._lead.wake()
        return job_of_row(row)

    async def _enter(self, row: dict[str, Any], directory: str) -> bool:
        """Put the job on record, and claim it where it may start at once; nothing is left of it where that fails."""
        from .outcome import discard_directory

        def enter(connection: sqlite3.Connection) -> bool:
            ahead = slots.eligible(connection, self._live.now.max_running)
            insert_job(connection, row)
            return not ahead and slots.claim(connection, row["id"], self.name, self._live.now.max_running)

        from .submit import put_on_record

        try:
            claimed = await self._database.write(enter)
        except BaseException:
            discard_directory(directory)
            raise
        await asyncio.to_thread(put_on_record, directory)
        return claimed

    def _number(self, connection: sqlite3.Connection, prepared: Prepared) -> int:
        from .numbers import draw

        if prepared.script.id == 0:
            known = scripts.script_at(connection, prepared.script.path)
            if known is None:
                known = scripts.insert_script(connection, prepared.script.path, {"name": prepared.script.name})
                scripts.take_snapshot(connection, self._store)
            prepared.script = known
            prepared.spec["script"]["id"] = known.id
        for key, result in prepared.probes.items():
            import json

            connection.execute("INSERT OR REPLACE INTO probe (key, result) VALUES (?, ?)", (key, json.dumps(result)))
        return draw(connection, self._store)

    def _ended(self, id: int) -> None:
        if self._lead is not None:
            self._lead.wake()

    def _is_starting(self, id: int) -> bool:
        return self._starting is not None and self._starting.busy(id)

    def _directory(self, id: int) -> str:
        return job_directory(self._store, id)

    # -- looking ---------------------------------------------------------------------------------------------------

    async def _settle_all(self) -> None:
        """With no leader alive: bring every unfinished job up to its journal, so that no reader is told a lie."""
        for row in await self._database.read(query.unfinished):
            if row["claim"] is not None:
                await self._refresh(row["id"])

    async def _refresh(self, id: int) -> Mapping[str, Any]:
        """Bring a job's row up to its journal; the columns as they are now, also where nothing can be written."""
        from .outcome import Progression

        directory = self._directory(id)
        progression = Progression(directory)
        columns = progression.read()
        try:
            await self._database.write(lambda c: update_job(c, id, columns))
            if columns.get("ended") is None and not is_held(os.path.join(directory, "lock")):
                from .lost import settle_lost

                await settle_lost(self._database.write, directory, id)
                columns = progression.read()
        except Unavailable as error:
            log.warning("the row of job %s has to wait: %s", id, error)
        return columns

    async def jobs(self, query_: JobQuery) -> JobPage:
        """One page of jobs."""
        allowed = callers.condition(callers.acting())
        found = await self._database.read(lambda c: query.page(c, query_, allowed))
        if not any(job.status is Status.Queued for job in found.jobs):
            return found
        explained = await self._database.read(lambda c: tuple(self._explain(c, job) for job in found.jobs))
        return JobPage(explained, found.more)

    def _explain(self, connection: sqlite3.Connection, job: Job) -> Job:
        if job.status is not Status.Queued:
            return job
        if slots.is_claimed(connection, job.id):
            return replace(job, queue_reason="It is about to start.")
        reason = slots.queue_reason(connection, job.id, job.script_id, self._live.now.max_running)
        return replace(job, queue_reason=reason)

    async def counts(self) -> Mapping[Status, int]:
        """How many jobs are in each status."""
        allowed = callers.condition(callers.acting())
        return await self._database.read(lambda c: query.counts(c, allowed))

    async def count(self, query_: JobQuery) -> int:
        """How many jobs a query has in all, whatever its page."""
        allowed = callers.condition(callers.acting())
        return await self._database.read(lambda c: query.count(c, query_, allowed))

    async def _row(self, id: int) -> sqlite3.Row:
        """A job's row. Raises NotFound, Forbidden where the caller is restricted to scripts that it is not of."""
        row = await self._database.read(lambda c: query.job_row(c, id))
        who = callers.acting()
        if callers.is_restricted(who):
            callers.check_job(who, job_of_row(row))
        return row

    async def job(self, id: int) -> Job:
        """One job with its children."""
        row = await self._row(id)
        fresh: Mapping[str, Any] = {}
        if row["status"] in UNFINISHED and row["claim"] is not None and not self._is_starting(id):
            fresh = await self._refresh(id)

        def look(connection: sqlite3.Connection) -> Job:
            row = dict(query.job_row(connection, id))
            if fresh and fresh["state_seq"] > row["state_seq"]:
                row |= fresh
            job = self._explain(connection, job_of_row(row))
            return replace(job, children=query.children(connection, id))

        return await self._database.read(look)

    async def wait(self, id: int, timeout: float | None = None) -> Job:
        """The job once it is finished, or as it is after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        directory = self._directory(id)
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

    async def records(
        self, id: int, *, after: int = 0, streams: frozenset[int] | None = None, follow: bool = False
    ) -> AsyncIterator[Record]:
        """The journal's records behind number `after`, in order; `follow` goes on until the job has ended."""
        await self._row(id)
        directory = self._directory(id)
        async for record in self._reading.records(directory, after, streams):
            after = record.number
            yield record
        while follow:
            # Looked up before reading: what the journal holds then is all there will be.
            version = self._reading.version(directory)
            ended = os.path.exists(os.path.join(directory, "exit.json"))
            async for record in self._reading.records(directory, after, streams):
                after = record.number
                yield record
            if ended:
                return
            if not await self._reading.changed(directory, 1.0, version) and (await self.job(id)).status.finished:
                follow = os.path.exists(os.path.join(directory, "exit.json"))

    async def lines(
        self, id: int, start: int, count: int, streams: frozenset[int] | None = None, *, width: int | None = None
    ) -> LinePage:
        """`count` lines from line `start`; a negative start counts from the end. `width` cuts each to so many bytes."""
        await self._row(id)
        return await self._reading.lines(self._directory(id), start, count, streams, width)

    async def line_at(self, id: int, time: int, streams: frozenset[int] | None = None) -> int:
        """The number of the first line that came at `time` or later; the number of lines when none did."""
        await self._row(id)
        return await self._reading.line_at(self._directory(id), time, streams)

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
        await self._row(id)
        async for hit in self._reading.search(self._directory(id), pattern, start, regex, ignore_case, streams):
            yield hit

    async def objects(self, id: int, start: int = 0, count: int = 100) -> Sequence[PipelineObject]:
        """`count` pipeline objects from the `start`-th on."""
        await self._row(id)
        return await asyncio.to_thread(_views().objects, self._directory(id), start, count)

    async def errors(self, id: int) -> Sequence[ErrorRecord]:
        """The records of the error stream."""
        await self._row(id)
        return await asyncio.to_thread(_views().errors, self._directory(id))

    async def feedback(self, id: int) -> Sequence[Feedback]:
        """Every question the job asked, the open one last."""
        await self._row(id)
        return await asyncio.to_thread(_views().feedback, self._directory(id), id)

    async def job_content(self, id: int) -> bytes:
        """The copy of the script that the job ran."""
        row = await self._row(id)
        try:
            with open(content_copy(self._store, row["content_hash"]), "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise NotFound(f"The copy of the script that job {id} ran is gone.") from None

    async def usage(self, id: int) -> Usage | None:
        """What the job's process tree uses now; None when it does not run on this computer."""
        if (await self._row(id))["status"] not in UNFINISHED:
            return None
        if self._meter is None:
            from .usage import Meter

            self._meter = Meter()
        return await asyncio.to_thread(self._meter.measure, id, self._directory(id))

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

        job = await self.job(id)
        by = callers.identity_of(identity)
        await asyncio.to_thread(answer_question, self._directory(id), job, text, fields, feedback, by)
        return await self.job(id)

    async def cancel(self, id: int, *, identity: str | None = None) -> Job:
        """Ask the job to end; it does within the grace time."""
        from .acting import cancel_job

        job = await self.job(id)
        columns = await asyncio.to_thread(cancel_job, self._directory(id), job, callers.identity_of(identity))
        if columns is not None:
            await self._database.write(lambda c: update_job(c, id, columns))
            self._ended(id)
        return await self.job(id)

    async def delete(self, id: int) -> None:
        """Remove a finished job with all its records."""
        from .outcome import discard_directory

        job = await self.job(id)
        if not job.status.finished:
            raise Conflict(f"Job {id} is {job.status.name}, not finished. Cancel it first: jobdeck cancel {id}")
        directory = self._directory(id)
        async with asyncio.timeout(10):
            # The runner tells the end a moment before it lets go of the directory.
            while is_held(os.path.join(directory, "lock")):  # noqa: ASYNC110 (a lock of another process)
                await asyncio.sleep(0.002)
        # The directory first: a row without one is removed by asking again, a directory without a row would come back.
        await asyncio.to_thread(discard_directory, directory)
        await self._database.write(lambda c: delete_job(c, id))

    async def send_input(self, id: int, chunks: AsyncIterator[bytes]) -> None:
        """Feed the standard input of a job that was run with `standard_input="pipe"`."""
        from .acting import feed_input

        lock = self._inputs.pop(id, None)
        try:
            await feed_input(self._directory(id), chunks, lambda: self.job(id))
        finally:
            if lock is not None:
                lock.close()

    # -- scripts and environments ----------------------------------------------------------------------------------

    async def scripts(self) -> Sequence[Script]:
        """All scripts, by name."""
        found = await self._database.read(scripts.all_scripts)
        return [script for script in found if self._may_see(script)]

    def _may_see(self, script: Script) -> bool:
        try:
            callers.check_script(callers.acting(), script)
        except Forbidden:
            return False
        return True

    async def script(self, script: int | str) -> Script:
        """One script by id, name or path."""
        found = await self._database.read(lambda c: scripts.find_script(c, script))
        callers.check_script(callers.acting(), found)
        return found

    async def script_parameters(self, script: int | str) -> Sequence[Parameter]:
        """What the script asks for, read from its file as it is now."""
        from .catalog import parameters_of, unrecorded

        try:
            found = await self.script(script)
        except NotFound:
            if not isinstance(script, str) or "/" not in script:
                raise
            found = unrecorded(script)
            callers.check_run(callers.acting(), found)
        return await self._database.read(lambda c: parameters_of(c, found))

    async def script_content(self, script: int | str) -> bytes:
        """The script's file as it is now."""
        return await asyncio.to_thread(read_content, await self.script(script))

    async def script_statistics(self) -> Sequence[ScriptStatistics]:
        """How the jobs of each script on record went."""
        from .statistics import script_statistics

        found = await self._database.read(script_statistics)
        if not callers.is_restricted(callers.acting()):
            return found
        seen = {script.id for script in await self.scripts()}
        return [each for each in found if each.script_id in seen]

    async def add_script(self, path: str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Put a file on record; `settings` are fields of Script. With `content` it is kept here, named `path`."""
        if content is not None:
            kept = kept_path(self._store, path)
            settings = {"name": path, **settings}

            def add(connection: sqlite3.Connection) -> Script:
                script = scripts.insert_script(connection, kept, settings)
                write_content(self._store, script, content)
                return script

            return await self._change(add)
        path = os.path.abspath(path)
        if not os.path.isfile(path):
            raise Invalid(f"There is no file {path}.")
        return await self._change(lambda c: scripts.insert_script(c, path, settings))

    async def change_script(self, script: int | str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Change fields of a script, or the content of one that the service keeps itself."""
        await self.script(script)

        def change(connection: sqlite3.Connection) -> Script:
            changed = scripts.update_script(connection, script, settings)
            if content is not None:
                write_content(self._store, changed, content)
            return changed

        return await self._change(change)

    async def remove_script(self, script: int | str) -> None:
        """Forget a script; its jobs stay."""
        await self.script(script)
        removed = await self._change(lambda c: scripts.delete_script(c, script))
        await asyncio.to_thread(remove_content, self._store, removed)

    async def _change(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """A change of what the snapshot holds."""

        def change(connection: sqlite3.Connection) -> T:
            result = function(connection)
            scripts.take_snapshot(connection, self._store)
            return result

        return await self._database.write(change)

    async def environments(self) -> Sequence[Environment]:
        """Every environment, found or added."""
        from .catalog import all_environments, keep_probes

        found, probes = await self._database.read(all_environments)
        if probes:
            await self._database.write(lambda c: keep_probes(c, probes))
        return found

    async def add_environment(self, environment: Environment) -> Environment:
        """Add an environment."""
        from .catalog import add_environment

        return await self._change(lambda c: add_environment(c, environment))

    async def change_environment(self, name: str, **settings: Value) -> Environment:
        """Change an environment; a found one becomes the user's own."""
        from .catalog import change_environment

        return await self._change(lambda c: change_environment(c, name, settings))

    async def remove_environment(self, name: str) -> None:
        """Remove an environment that a user added."""
        from .catalog import remove_environment

        await self._change(lambda c: remove_environment(c, name))

    # -- the service itself ----------------------------------------------------------------------------------------

    async def status(self) -> ServiceStatus:
        """Where everything is and how it fares."""
        from .catalog import problems

        leader = await self._database.read(lambda c: leader_facts(c, self._store))
        counted = await self.counts()
        return ServiceStatus(
            version=VERSION,
            data_directory=self._store,
            config_file=self._live.now.config_file,
            log_file=self._live.now.log_file,
            leader=leader,
            counts={status.name: number for status, number in sorted(counted.items())},
            max_running=self._live.now.max_running,
            problems=problems(self._store),
        )

    async def settings(self) -> Sequence[Setting]:
        """The settings of the store."""
        from .settings import all_settings

        self._live.refresh()
        return all_settings(self._live.now)

    async def change_settings(self, **values: Value) -> Sequence[Setting]:
        """Change settings, in the settings file; None puts the default back. Engines that run take them over soon."""
        from .settings import change

        await asyncio.to_thread(change, self._live.now, values)
        await self._database.write(lambda c: note(c, "setting"))
        return await self.settings()

    async def grant_token(
        self,
        identity: str,
        role: Role,
        *,
        description: str = "",
        expires: int | None = None,
        scripts: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
    ) -> AppToken:
        """Make an app token; its `token` is shown this once. `expires` None = in a year."""
        from .tokens import grant

        wanted = AppToken(0, identity, role, description, expires=expires, scripts=scripts, tags=tags)
        return await self._change(lambda c: grant(c, wanted))

    async def tokens(self) -> Sequence[AppToken]:
        """Every app token that was granted, revoked and expired ones too; not those of jobs."""
        from .tokens import all_tokens

        return await self._database.read(all_tokens)

    async def revoke_token(self, id: int) -> AppToken:
        """End a token at once."""
        from .tokens import revoke

        return await self._change(lambda c: revoke(c, id))

    def authenticate(self, text: str, address: str = "") -> Caller | str:
        """Who shows this token, or why it opens nothing, as a sentence. Raises Unavailable.

        Reads the database on the calling thread, which takes some microseconds.
        """
        if self._authenticator is None:
            from .tokens import Authenticator, note_use

            def used(id: int, when: int) -> None:
                self._database.post(lambda c: note_use(c, id, when))

            self._authenticator = Authenticator(self._live.now.database, self._store, used)
        return self._authenticator.authenticate(text, address)

    async def audit(self, *, take: int = 100, since: int | None = None) -> Sequence[AuditEntry]:
        """Who did what, newest first."""
        return await asyncio.to_thread(self._audit.read, take, since)

    def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """What changes from now on, or what has changed behind `since`, and on; it does not end by itself."""
        return self._feed.listen(since)

    @property
    def leading(self) -> bool:
        """Whether this engine leads."""
        return self._lead is not None and self._lead.leading

    async def idle(self) -> bool:
        """Whether nothing waits for an engine to start it."""
        return not await self._database.read(slots.anything_due)


def _views() -> ModuleType:
    # Imported when something looks into a journal: a list of jobs must not wait for it.
    from . import views

    return views
