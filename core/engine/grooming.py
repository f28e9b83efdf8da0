"""Grooming: finished jobs that were kept long enough go, with everything they left on the disk.

The leading engine does it, every ten minutes; `groom` does it now. A round goes in small steps with a pause behind
each that is as long, so that others find the database free and the disk at their service. What it took is told in the
record of acts, also when the engine is killed in the middle.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from core.config import Settings
from core.service import Groomed, ServiceError

from . import clock as clocks
from .audit import Audit
from .clock import Tick
from .database import connect_for_reading, explain
from .removal import Removal, finish_removals, sweep
from .retention import Rules, Why, due, told, waits, would_go
from .shared import Shared

log = logging.getLogger("jobdeck.engine")
#: seconds from one round of the leader to the next
_PERIOD = 600.0
#: jobs in one transaction
_STEP = 40
_LEAST_PAUSE = 0.005
#: pages of the database that are given back in one transaction, and that are kept for what comes
_PAGES = 100
_SPARE = 1_000


@dataclass(slots=True)
class _Count:
    """What one round has taken so far: kept with the rows it takes, in the same transactions."""

    age: int = 0
    history: int = 0
    bytes: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, why: Why, ids: Sequence[int]) -> None:
        if why == "age":
            self.age += len(ids)
        else:
            self.history += len(ids)
        self.first = min(ids) if self.first is None else min(self.first, *ids)
        self.last = max(ids) if self.last is None else max(self.last, *ids)

    def groomed(self) -> Groomed:
        return Groomed(self.age + self.history, self.age, self.history, self.bytes, self.first, self.last)


class Round:
    """One round over the store of `settings`, on a thread of its own. It goes on while `go_on` says so."""

    def __init__(self, settings: Settings, audit: Audit, go_on: Callable[[], bool], pause: Callable[[float], object]):
        self._settings = settings
        self._store = settings.data_directory
        self._audit = audit
        self._go_on = go_on
        self._pause = pause

    def look(self, *, trust_clock: bool = False) -> Groomed:
        """What would go. Raises ServiceError."""
        path = self._settings.database
        try:
            with contextlib.closing(connect_for_reading(path)) as connection:
                known = clocks.last(connection)
                clock = clocks.Clock(0, Tick.read(), Tick.read()) if known is None else known.on(Tick.read())
                if trust_clock:
                    clock = clocks.Clock(clock.seen.now, clock.seen)
                rules = Rules(clock, self._settings.retention_days)
                return replace(would_go(connection, rules), waits=waits(rules))
        except sqlite3.Error as error:
            raise explain(error, path) from error

    def run(self, *, trust_clock: bool = False) -> Groomed:
        """Take away what is due; `more` when it was stopped before the end. Raises ServiceError."""
        name = f"groom-{uuid.uuid4().hex}"
        with Removal(self._store, self._settings.database, name, self._settings.lock_timeout) as removal:
            self._finish_others(removal)
            with removal.writing() as connection:
                clocks.note_round(connection, time.time_ns())
            rules = self._rules(removal, trust_clock)
            count = _Count()
            ended = self._take(removal, rules, count, name)
            if ended:
                count.bytes += sweep(self._store, _newest(removal.connection), self._go_on)
            if count.age or count.history:
                self._give_back(removal)
                self._audit.note("groom", told(count.groomed(), rules.days))
            with removal.writing() as connection:
                clocks.note_round(connection, time.time_ns() if ended else 0)
                connection.execute("DELETE FROM fact WHERE key = ?", (name,))
            return replace(count.groomed(), more=not ended, waits=waits(rules))

    def _rules(self, removal: Removal, trust_clock: bool) -> Rules:
        with removal.writing() as connection:
            clock = clocks.look(connection)
            if trust_clock:
                clock = clocks.trust(connection, clock)
        return Rules(clock, self._settings.retention_days)

    def _take(self, removal: Removal, rules: Rules, count: _Count, name: str) -> bool:
        for why, ids in due(removal.connection, rules):
            for start in range(0, len(ids), _STEP):
                if not self._go_on():
                    return False
                began = time.monotonic()

                def also(connection: sqlite3.Connection, gone: Sequence[int], why: Why = why) -> None:
                    count.add(why, gone)
                    told_so_far = json.dumps({**asdict(count), "days": rules.days})
                    connection.execute("INSERT OR REPLACE INTO fact (key, value) VALUES (?, ?)", (name, told_so_far))

                count.bytes += removal.remove(ids[start : start + _STEP], also).bytes
                self._pause(max(_LEAST_PAUSE, time.monotonic() - began))
        return True

    def _finish_others(self, removal: Removal) -> None:
        """Finish the rounds of engines that were killed, and tell what they took."""

        def tell(name: str) -> None:
            row = removal.connection.execute("SELECT value FROM fact WHERE key = ?", (name,)).fetchone()
            if row is None:
                return
            known = json.loads(row[0])
            days = known.pop("days")
            self._audit.note("groom", f"{told(_Count(**known).groomed(), days)} (a round that was cut off)")
            with removal.writing() as connection:
                connection.execute("DELETE FROM fact WHERE key = ?", (name,))

        finish_removals(self._store, removal.connection, tell)

    def _give_back(self, removal: Removal) -> None:
        """Make the database's file smaller by what is free in it."""
        if removal.connection.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
            return
        while self._go_on():
            began = time.monotonic()
            with removal.writing() as connection:
                free = connection.execute("PRAGMA freelist_count").fetchone()[0]
                if free <= _SPARE:
                    return
                connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            self._pause(max(_LEAST_PAUSE, time.monotonic() - began))


def _newest(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM sequence WHERE name = 'job'").fetchone()
    return int(row[0]) if row else 0


class Groomer:
    """When one engine grooms: `tend` is called at each beat while it leads."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._next = 0.0
        self._failed = ""

    @property
    def busy(self) -> bool:
        """Whether a round is under way."""
        return self._task is not None and not self._task.done()

    def tend(self, leading: bool) -> None:
        """Begin a round when it is time; end it when the lead is lost."""
        if not leading:
            self._next = 0.0
            if self.busy:
                self._stop.set()
        elif not self.busy and time.monotonic() >= self._next:
            self._stop.clear()
            self._next = time.monotonic() + _PERIOD
            self._task = asyncio.get_running_loop().create_task(self._run(), name="groom")

    async def _run(self) -> None:
        try:
            last = await self._shared.database.read(clocks.last_round)
            passed = None if last is None else (time.time_ns() - last) / 1e9
            if passed is not None and 0 <= passed < _PERIOD:
                # Another engine did it a moment ago.
                self._next = time.monotonic() + _PERIOD - passed
                return
            await asyncio.to_thread(self._round(self._stop).run)
        except (ServiceError, OSError, sqlite3.Error) as error:
            if str(error) != self._failed:
                log.warning("grooming: %s", error)
            self._failed = str(error)
            return
        self._failed = ""

    def _round(self, stop: threading.Event, until: float | None = None) -> Round:
        def go_on() -> bool:
            return not stop.is_set() and (until is None or time.monotonic() < until)

        return Round(self._shared.live.now, self._shared.audit, go_on, stop.wait)

    async def groom(self, *, dry: bool, trust_clock: bool, seconds: float) -> Groomed:
        """One round now, of at most so many seconds. Raises ServiceError."""
        self._shared.live.refresh()
        stop = threading.Event()
        a_round = self._round(stop, time.monotonic() + seconds)
        work = asyncio.ensure_future(asyncio.to_thread(a_round.look if dry else a_round.run, trust_clock=trust_clock))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # It ends with what it is at; what it took is told by the next round.
            stop.set()
            raise

    async def close(self) -> None:
        """End the round that is under way, behind the jobs it is at."""
        self._stop.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
