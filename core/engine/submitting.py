"""Putting jobs on record and starting them where a place is free."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.params.interface import Unread
from core.service import Conflict, Job, NotFound, RunRequest

from . import scripts, slots
from .callers import acting, check_own
from .catalogue import Catalogue
from .laying_out import lay_out, put_on_record
from .locks import FileLock
from .looking import Looking
from .numbers import draw
from .outcome import discard_directory, lock_of, read_spec
from .query import job_with_key
from .rerunning import request_again, request_anew
from .rows import insert_job, job_of_row, row_of_spec
from .secrets import unseal
from .shared import Shared
from .starting import Starting
from .submit import Known, Origin, Prepared, prepare

#: how often a script is read that changes while it is read
_TRIES = 5
#: seconds within which somebody must begin to feed the piped input of a job that was just submitted
_FED_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A job that is on record, with its lock, held: `claimed` = it is for this engine to start now."""

    id: int
    row: dict[str, Any]
    lock: FileLock
    prepared: Prepared
    claimed: bool


class Submitting:
    """How one engine takes requests. `queued()` is called when a job has to wait for its turn."""

    def __init__(
        self, shared: Shared, looking: Looking, catalogue: Catalogue, starting: Starting, queued: Callable[[], None]
    ) -> None:
        self._shared = shared
        self._database = shared.database
        self._looking = looking
        self._catalogue = catalogue
        self._starting = starting
        self._queued = queued
        #: the feeder's locks of jobs with piped input, until the input is sent
        self.inputs: dict[int, FileLock] = {}

    async def run(self, request: RunRequest) -> Job | int:
        """Submit a job; the number of the job that the same request made before, where it has a key."""
        if request.rerun_of is None:
            return await self._submit(request, Origin(caller=acting()))
        _, spec, secrets, origin = await self._repeatable(request.rerun_of)
        script = spec["script"] if request.script is None else await self._catalogue.script(request.script)
        return await self._submit(request_anew(request, script, spec, secrets), origin)

    async def rerun(self, id: int, identity: str | None) -> Job | int:
        """Run a job's script again with the same parameters."""
        job, spec, secrets, origin = await self._repeatable(id)
        return await self._submit(request_again(job, spec, secrets, identity), origin)

    async def _repeatable(self, id: int) -> tuple[Job, dict[str, Any], dict[str, str], Origin]:
        """A job that is to be run again: with its spec, its secrets in clear, and what the new job takes over."""
        job = await self._looking.job(id)
        check_own(acting(), job)
        spec = read_spec(self._shared.directory(id))
        if spec is None:
            raise NotFound(f"The files of job {id} are gone, so it cannot be run again.")
        clear = {name: unseal(self._shared.store, text, f"job:{id}:{name}") for name, text in spec["secrets"].items()}
        origin = Origin(attempt=job.attempt + 1, rerun_of=id, content_hash=spec["script"]["hash"], caller=acting())
        return job, spec, clear, origin

    async def _submit(self, request: RunRequest, origin: Origin) -> Job | int:
        self._starting.expect(request.path)
        with contextlib.ExitStack() as claiming:
            # One thread goes from step to step: each step of its own would cost the loop two switches between threads.
            recording = asyncio.ensure_future(asyncio.to_thread(self._record, request, origin, claiming))
            try:
                recorded = await asyncio.shield(recording)
            except asyncio.CancelledError:
                recording.add_done_callback(_let_go)
                raise
            except Known as known:
                return known.id
            try:
                if recorded.claimed:
                    directory = self._shared.directory(recorded.id)
                    await self._starting.start(
                        recorded.id, directory, recorded.lock, recorded.prepared.secrets, recorded.prepared.spec
                    )
            finally:
                recorded.lock.close()
        if not recorded.claimed:
            self._queued()
        if recorded.id in self.inputs:
            asyncio.get_running_loop().call_later(_FED_WITHIN, self._unfed, recorded.id)
        return job_of_row(recorded.row)

    def _unfed(self, id: int) -> None:
        """Whoever wanted to feed the job's input never came, as a client that was killed: the input ends."""
        lock = self.inputs.pop(id, None)
        if lock is not None:
            lock.close()

    def _prepare(self, request: RunRequest, origin: Origin) -> Prepared:
        """The checked request. A script that is new to PowerShell is read while nobody waits for the database."""
        for _ in range(_TRIES):
            try:
                return self._database.read_now(lambda c: prepare(c, self._shared.live.now, request, origin))
            except Unread as unread:
                unread.read()
        raise Conflict("The script changes all the time: its parameters cannot be read. Try again when it does not.")

    def _record(self, request: RunRequest, origin: Origin, claiming: contextlib.ExitStack) -> Recorded:
        """Check the request and put the job on record, on a thread of its own; its lock is taken, for who starts it.

        Raises Known for a request that came before, ServiceError.
        """
        database = self._database
        prepared = self._prepare(request, origin)
        id = database.write_now(lambda c: self._number(c, prepared))
        directory = lay_out(self._shared.store, id, prepared)
        lock = lock_of(directory)
        try:
            lock.take()
            if request.standard_input == "pipe":
                self.inputs[id] = FileLock(os.path.join(directory, "input"))
                self.inputs[id].take()
            row = row_of_spec(prepared.spec)
            claiming.enter_context(self._starting.claiming(id))
            try:
                claimed = database.write_now(lambda c: self._enter(c, row))
            except BaseException:
                # Nothing is left of it.
                discard_directory(directory)
                raise
            put_on_record(directory)
        except BaseException:
            lock.close()
            raise
        return Recorded(id, row, lock, prepared, claimed)

    def _enter(self, connection: sqlite3.Connection, row: dict[str, Any]) -> bool:
        """Put the job's row there, and claim the job where it may start at once."""
        if row["request_key"] is not None:
            # The same request may have come to another process at the same time.
            first = job_with_key(connection, row["identity"], row["request_key"])
            if first is not None:
                raise Known(first)
        most = self._shared.live.now.max_running
        ahead = slots.eligible(connection, most)
        insert_job(connection, row)
        return not ahead and slots.claim(connection, row["id"], self._shared.name, most)

    def _number(self, connection: sqlite3.Connection, prepared: Prepared) -> int:
        if prepared.script.id == 0:
            known = scripts.script_at(connection, prepared.script.path)
            if known is None:
                settings = {"name": prepared.script.name, "description": prepared.description}
                known = scripts.insert_script(connection, prepared.script.path, settings)
                scripts.take_snapshot(connection, self._shared.store)
            prepared.script = known
            prepared.spec["script"]["id"] = known.id
        for key, result in prepared.probes.items():
            connection.execute("INSERT OR REPLACE INTO probe (key, result) VALUES (?, ?)", (key, json.dumps(result)))
        return draw(connection, self._shared.store)

    def close(self) -> None:
        """Let go of what is not sent."""
        for lock in self.inputs.values():
            lock.close()


def _let_go(recording: asyncio.Future[Recorded]) -> None:
    # Nobody waits for the job any more: without its lock it is started as one whose starter was killed.
    if not recording.cancelled() and recording.exception() is None:
        recording.result().lock.close()
