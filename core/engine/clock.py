"""How far the clock of this computer may be believed, and when jobs were groomed last.

A clock that jumped ten years ahead must not make every job an old one. So a store remembers when it was seen last: a
jump away from that is doubted for a day, in which age is reckoned from the time before. A store that lay unused for
longer than that, or that has never been groomed, has the same day, in which a person is told what is to come.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import asdict, dataclass
from typing import Any

from core.runner.processes import boot_id

_HOUR = 3_600 * 10**9
_DAY = 24 * _HOUR
#: a clock may be so far from what was expected before it is doubted, and so long it is then
JUMP = 2 * _DAY
DOUBT = _DAY
#: with nobody who stays, an engine of its own is started for grooming so long after the last round
OVERDUE = _DAY


@dataclass(frozen=True, slots=True)
class Tick:
    """One look at the clocks: `now` as people tell time, `up` since the boot `boot`; nanoseconds."""

    now: int
    up: int
    boot: str

    @classmethod
    def read(cls) -> Tick:
        """This moment."""
        clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return cls(time.time_ns(), time.clock_gettime_ns(clock), boot_id())


@dataclass(frozen=True, slots=True)
class Clock:
    """What a store knows of time. `trusted` is what age is reckoned from; 0 = nothing yet, so nothing is old."""

    trusted: int
    seen: Tick
    #: since when the clock is doubted
    doubted: Tick | None = None

    @property
    def until(self) -> int | None:
        """When the clock will be believed again."""
        return None if self.doubted is None else self.doubted.now + DOUBT

    def on(self, tick: Tick) -> Clock:
        """The same after another look at the clocks."""
        if tick.now < self.seen.now - _HOUR:
            # It was put back: whatever was doubted is over.
            return Clock(min(self.trusted, tick.now), tick) if self.trusted else Clock(0, tick, tick)
        believed = self.doubted is None or _passed(self.doubted, tick, tick.now) >= DOUBT
        if tick.now - self.seen.now - _passed(self.seen, tick, self.seen.now) > JUMP:
            # As far as it was seen before, it may be believed; what lies between is the doubt.
            return Clock(self.seen.now if believed else self.trusted, tick, tick)
        return Clock(tick.now, tick) if believed else Clock(self.trusted, tick, self.doubted)


def _passed(since: Tick, tick: Tick, otherwise: int) -> int:
    """Nanoseconds since a look: a boot's own clock cannot be put; in another boot as if it were `otherwise` now."""
    return max(0, tick.up - since.up if since.boot == tick.boot else otherwise - since.now)


def look(connection: sqlite3.Connection, tick: Tick | None = None) -> Clock:
    """Look at the clocks, and keep what was seen, within the transaction given."""
    tick = tick or Tick.read()
    known = last(connection)
    if known is not None:
        clock = known.on(tick)
    elif connection.execute("SELECT 1 FROM job LIMIT 1").fetchone() is None:
        clock = Clock(tick.now, tick)
    else:
        # Jobs of a time before there was grooming: nobody was told yet that they go.
        clock = Clock(0, tick, tick)
    _put(connection, "clock", asdict(clock))
    if known is None:
        note_round(connection, tick.now)
    return clock


def trust(connection: sqlite3.Connection, clock: Clock) -> Clock:
    """Somebody says that the clock is right."""
    clock = Clock(clock.seen.now, clock.seen)
    _put(connection, "clock", asdict(clock))
    return clock


def last(connection: sqlite3.Connection) -> Clock | None:
    """What was seen at the last look; None when there was none."""
    value = _get(connection, "clock")
    if value is None:
        return None
    doubted = value["doubted"]
    return Clock(value["trusted"], Tick(**value["seen"]), None if doubted is None else Tick(**doubted))


def note_round(connection: sqlite3.Connection, now: int) -> None:
    """Jobs are groomed now; 0 = a round was cut off, so that another is due."""
    _put(connection, "groomed", {"time": now})


def last_round(connection: sqlite3.Connection) -> int | None:
    """When jobs were groomed last; None where nobody has thought of it yet."""
    value = _get(connection, "groomed")
    return None if value is None else int(value["time"])


def overdue(connection: sqlite3.Connection) -> bool:
    """Whether jobs were not groomed for so long that an engine must stay for it."""
    groomed = last_round(connection)
    return groomed is not None and abs(time.time_ns() - groomed) > OVERDUE


def _get(connection: sqlite3.Connection, key: str) -> dict[str, Any] | None:
    row = connection.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
    return None if row is None else dict(json.loads(row[0]))


def _put(connection: sqlite3.Connection, key: str, value: dict[str, Any]) -> None:
    connection.execute("INSERT OR REPLACE INTO fact (key, value) VALUES (?, ?)", (key, json.dumps(value)))
