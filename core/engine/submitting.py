"""Putting jobs on record and starting them where a place is free."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from typing import Any

from core.service import Job, NotFound, RunRequest

from . import scripts, slots
from .callers import acting, check_own
from .catalogue import Catalogue
from .locks import FileLock
from .looking import Looking
from .numbers import draw
from .outcome import discard_directory, lock_of, read_spec
from .query import job_with_key
from .rows import insert_job, job_of_row, row_of_spec
from .secrets import unseal
from .shared import Shared
from .starting import Starting
from .submit import Known, Origin, Prepared, lay_out, prepare, put_on_record, request_again, request_anew


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
        try:
            prepared = await self._database.read(lambda c: prepare(c, self._shared.live.now, request, origin))
            id = await self._database.write(lambda c: self._number(c, prepared))
            directory = await asyncio.to_thread(lay_out, self._shared.store, id, prepared)
            return await self._start(id, directory, prepared, request.standard_input == "pipe")
        except Known as known:
            return known.id

    async def _start(self, id: int, directory: str, prepared: Prepared, piped: bool) -> Job:
        lock: FileLock | None = None
        try:
            lock = lock_of(directory)
            lock.take()
            if piped:
                self.inputs[id] = FileLock(os.path.join(directory, "input"))
                self.inputs[id].take()
            row = row_of_spec(prepared.spec)
            with self._starting.claiming(id):
                claimed = await self._enter(row, directory)
                if claimed:
                    await self._starting.start(id, directory, lock, prepared.secrets, prepared.spec)
        finally:
            if lock is not None:
                lock.close()
        if not claimed:
            self._queued()
        return job_of_row(row)

    async def _enter(self, row: dict[str, Any], directory: str) -> bool:
        """Put the job on record, and claim it where it may start at once; nothing is left of it where that fails."""

        def enter(connection: sqlite3.Connection) -> bool:
            if row["request_key"] is not None:
                # The same request may have come to another process at the same time.
                first = job_with_key(connection, row["identity"], row["request_key"])
                if first is not None:
                    raise Known(first)
            most = self._shared.live.now.max_running
            ahead = slots.eligible(connection, most)
            insert_job(connection, row)
            return not ahead and slots.claim(connection, row["id"], self._shared.name, most)

        try:
            claimed = await self._database.write(enter)
        except BaseException:
            discard_directory(directory)
            raise
        await asyncio.to_thread(put_on_record, directory)
        return claimed

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
