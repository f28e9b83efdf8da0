"""Starting jobs: a claimed job and its lock are handed to a runner."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.service import Status

from . import slots
from .database import Database
from .laying_out import put_on_record
from .locks import FileLock
from .outcome import lock_of, read_spec, write_end
from .paths import job_directory
from .rows import update_job
from .secrets import unseal
from .settings import Live
from .watches import Watches

if TYPE_CHECKING:
    from .warming import Warming


class Starting:
    """How one engine starts jobs."""

    def __init__(
        self,
        live: Live,
        engine: str,
        database: Database,
        watches: Watches,
        *,
        forks: bool,
        runner: socket.socket | None = None,
    ) -> None:
        """`forks`: it lives long, and keeps a zygote from which runners are forked.

        `runner`: one that waits for its job already, for an engine that forks none.
        """
        self._store = live.now.data_directory
        self._live = live
        self._engine = engine
        self._database = database
        self._watches = watches
        self._forks = forks
        self._zygote: Any = None
        self._busy: set[int] = set()
        self._warming: Warming | None = None
        #: a runner that loads while its job is still being made
        self._ahead = runner

    def expect(self, path: str | None) -> None:
        """A job is about to be made, of the script at `path` where that is known: its runner may load meanwhile."""
        if self._forks or self._ahead is not None:
            return
        from core.runner.start import start_waiting

        # whatever keeps one from being started is told with the job that it fails
        with contextlib.suppress(OSError):
            self._ahead = start_waiting(powershell=(path or "").lower().endswith(".ps1"))

    def busy(self, id: int) -> bool:
        """Whether this engine is starting the job at this moment."""
        return id in self._busy

    @contextlib.contextmanager
    def claiming(self, id: int) -> Iterator[None]:
        """While a claim is committed and handed over, nobody here takes it for one that was left behind."""
        self._busy.add(id)
        try:
            yield
        finally:
            self._busy.discard(id)

    async def start(
        self, id: int, directory: str, lock: FileLock, secrets: Mapping[str, str], spec: Mapping[str, Any]
    ) -> None:
        """Hand a claimed job with its lock to a runner. A runner that cannot be started ends the job, truthfully."""
        from core.runner.start import ZygoteGone, hand_over

        ours, theirs = socket.socketpair()
        watch: socket.socket | None = ours
        try:
            while (waiting := self._waiting_runner(spec)) is not None:
                with contextlib.ExitStack() as unless_taken:
                    unless_taken.callback(waiting.close)
                    if hand_over(waiting, directory, id, lock=lock.fileno(), secrets=secrets):
                        unless_taken.pop_all()
                        ours.close()
                        watch = waiting
                        break
            else:
                powershell = spec.get("kind") == "powershell"
                self._start_runner(directory, id, lock.fileno(), theirs.fileno(), secrets, powershell)
        except ZygoteGone:
            # Whether it forked before it went, only the job's lock can tell: the watch finds the job running, or
            # lets it back into the queue.
            self._zygote = None
            ours.close()
            watch = None
        except OSError as error:
            ours.close()
            reason = f"The job could not be started: {error}"
            columns = await asyncio.to_thread(write_end, directory, id, Status.Failed, reason)
            await self._database.write(lambda c: update_job(c, id, columns))
            return
        finally:
            theirs.close()
            lock.close()
        self._watches.add(id, directory, watch)
        if self._warming is not None:
            self._warming.keep(spec)

    @property
    def warm(self) -> int:
        """How many warm runners wait for a job."""
        return 0 if self._warming is None else self._warming.ready

    def _waiting_runner(self, spec: Mapping[str, Any]) -> socket.socket | None:
        """The connection of a runner that waits for a job like this one."""
        if self._forks and spec.get("kind") == "powershell":
            if self._warming is None:
                from .warming import Warming

                self._warming = Warming(self._start_warm)
            warm = self._warming.take(spec)
            if warm is not None:
                return warm
        ahead, self._ahead = self._ahead, None
        return ahead or self._watches.idle_runner()

    def _start_warm(self, settings: Mapping[str, Any], connection: int) -> None:
        from core.runner.start import Zygote, ZygoteGone

        if self._zygote is None:
            self._zygote = Zygote(self._store)
        try:
            self._zygote.start_warm(settings, connection)
        except ZygoteGone:
            self._zygote = None
            raise

    def _start_runner(
        self, directory: str, id: int, lock: int, watch: int, secrets: Mapping[str, str], powershell: bool
    ) -> None:
        from core.runner.start import Zygote, start_fresh

        if not self._forks:
            start_fresh(directory, id, lock=lock, watch=watch, secrets=secrets)
            return
        if self._zygote is None:
            self._zygote = Zygote(self._store)
        self._zygote.start_runner(
            directory, id, lock=lock, watch=watch, secrets=secrets, reusable=True, powershell=powershell
        )

    async def start_queued(self, id: int) -> None:
        """Start a queued job if nobody else does."""
        directory = job_directory(self._store, id)
        spec = read_spec(directory)
        try:
            lock = lock_of(directory)
        except FileNotFoundError:
            lock = None
        if spec is None or lock is None:
            await self._database.write(
                lambda c: c.execute(
                    "UPDATE job SET status = ?, ended = created, reason = ? WHERE id = ? AND status = 0",
                    (int(Status.Failed), "The job's directory is gone, so it could not be started.", id),
                )
            )
            return
        with self.claiming(id):
            await self._claim_and_start(id, directory, spec, lock)

    async def _claim_and_start(self, id: int, directory: str, spec: Mapping[str, Any], lock: FileLock) -> None:
        try:
            if not lock.take():
                lock.close()
                return
            clear = {name: unseal(self._store, text, f"job:{id}:{name}") for name, text in spec["secrets"].items()}
            claimed = await self._database.write(lambda c: slots.claim(c, id, self._engine, self._live.now.max_running))
        except BaseException:
            lock.close()
            raise
        if not claimed:
            lock.close()
            return
        if os.path.exists(os.path.join(directory, "spec.json.new")):
            put_on_record(directory)
        await self.start(id, directory, lock, clear, spec)

    def close(self) -> None:
        """Let the zygote go, and the runners that have no job; others stay."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None
        if self._warming is not None:
            self._warming.close()
            self._warming = None
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None
