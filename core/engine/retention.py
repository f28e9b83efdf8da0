"""Which finished jobs have been kept long enough: by age, and by how many of its script came after.

Both may go on for long over a million jobs, so they are looked up some hundred at a time, each look behind the one
before: what may not go yet is passed by once, not found again and again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from core.service import Groomed

from . import clock as clocks
from .clock import Clock
from .removal import REMOVABLE

Why = Literal["age", "history"]
_DAY = 86_400 * 10**9
#: a job stays for so long after its end whatever is said: whoever waited for it is still to read what came of it
LEAST = 600 * 10**9
_LOOK = 400
_ENDED = "coalesce(ended, created)"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is due: by the clock as it is believed, and the store's setting. 0 days = for ever."""

    clock: Clock
    days: int

    @property
    def old(self) -> int:
        """Jobs that ended before this moment are too old."""
        return self.clock.trusted - self.days * _DAY if self.days and self.clock.trusted else 0

    @property
    def recent(self) -> int:
        """Jobs that ended after this moment stay in any case."""
        return self.clock.trusted - LEAST if self.clock.trusted else 0


def due(connection: sqlite3.Connection, rules: Rules) -> Iterator[tuple[Why, list[int]]]:
    """The jobs that may go now, some at a time, in the order they were made."""
    for ids in _too_old(connection, min(rules.old, rules.recent)):
        yield "age", ids
    for script, most in _limits(connection):
        for ids in _too_many(connection, script, most, rules.recent):
            yield "history", ids


def _too_old(connection: sqlite3.Connection, old: int) -> Iterator[list[int]]:
    created, id = -1, 0
    while True:
        rows = connection.execute(
            f"SELECT id, created, {REMOVABLE} AND {_ENDED} < :old AS due FROM job"
            " WHERE (created, id) > (:created, :id) AND created < :old ORDER BY created, id LIMIT :count",
            {"old": old, "created": created, "id": id, "count": _LOOK},
        ).fetchall()
        if not rows:
            return
        created, id = rows[-1]["created"], rows[-1]["id"]
        ids = [row["id"] for row in rows if row["due"]]
        if ids:
            yield ids


def _limits(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Scripts that have more finished jobs than they keep, and how many they keep."""
    rows = connection.execute(
        "SELECT script.id, script.settings, sum(tally.jobs) AS jobs FROM script JOIN tally ON tally.script_id ="
        " script.id AND tally.status IN (2, 3, 5, 9, 10, 11) GROUP BY script.id"
    ).fetchall()
    limits = [(row["id"], int(json.loads(row["settings"]).get("max_history", 100)), row["jobs"]) for row in rows]
    return [(script, most) for script, most, jobs in limits if most and jobs > most]


def _oldest_kept(connection: sqlite3.Connection, script: int, most: int) -> int:
    """The number of the oldest of a script's newest finished jobs; older ones are too many. 0 where none is."""
    row = connection.execute(
        "SELECT id FROM job WHERE script_id = ? AND status IN (2, 3, 5, 9, 10, 11) ORDER BY id DESC LIMIT 1 OFFSET ?",
        (script, most - 1),
    ).fetchone()
    return int(row["id"]) if row else 0


def _too_many(connection: sqlite3.Connection, script: int, most: int, recent: int) -> Iterator[list[int]]:
    kept, id = _oldest_kept(connection, script, most), 0
    while True:
        rows = connection.execute(
            f"SELECT id, {REMOVABLE} AND {_ENDED} < :recent AS due FROM job WHERE script_id = :script"
            " AND id > :id AND id < :kept ORDER BY id LIMIT :count",
            {"script": script, "recent": recent, "id": id, "kept": kept, "count": _LOOK},
        ).fetchall()
        if not rows:
            return
        id = rows[-1]["id"]
        ids = [row["id"] for row in rows if row["due"]]
        if ids:
            yield ids


def would_go(connection: sqlite3.Connection, rules: Rules) -> Groomed:
    """What a round would take away now."""
    old = min(rules.old, rules.recent)
    what = "count(*), total(bytes), min(id), max(id)"
    by_age = connection.execute(
        f"SELECT {what} FROM job WHERE created < ? AND {REMOVABLE} AND {_ENDED} < ?", (old, old)
    ).fetchone()
    parts = [by_age]
    for script, most in _limits(connection):
        parts.append(
            connection.execute(
                f"SELECT {what} FROM job WHERE script_id = ? AND id < ? AND {REMOVABLE} AND {_ENDED} < ?"
                f" AND NOT (created < ? AND {_ENDED} < ?)",
                (script, _oldest_kept(connection, script, most), rules.recent, old, old),
            ).fetchone()
        )
    return Groomed(
        jobs=sum(part[0] for part in parts),
        by_age=by_age[0],
        by_history=sum(part[0] for part in parts[1:]),
        bytes=int(sum(part[1] for part in parts)),
        first=min((part[2] for part in parts if part[0]), default=None),
        last=max((part[3] for part in parts if part[0]), default=None),
        dry=True,
    )


def told(groomed: Groomed, days: int) -> str:
    """What was groomed, for the record of acts."""
    if not groomed.jobs:
        return "no job"
    why = [
        f"{number} {reason}"
        for number, reason in (
            (groomed.by_age, f"ended more than {days} days ago"),
            (groomed.by_history, "beyond the max_history of their scripts"),
        )
        if number
    ]
    jobs = f"{groomed.jobs} jobs" if groomed.jobs > 1 else "1 job"
    return f"{jobs} from {groomed.first} to {groomed.last}, {groomed.bytes} bytes of disk: {', '.join(why)}"


def waits(rules: Rules) -> str | None:
    """Why jobs stay that would go by the clock of this moment, as a sentence; None when none does."""
    until = rules.clock.until
    if until is None:
        return None
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(until / 1e9))
    if not rules.clock.trusted:
        return f"This store has never been groomed: that begins {when}. See what would go: jobdeck groom --dry-run"
    if not rules.days:
        return None
    seen = time.strftime("%Y-%m-%d", time.localtime(rules.clock.trusted / 1e9))
    return (
        f"The clock has jumped ahead since {seen}, or jobdeck has not run since: until {when} the age of jobs is"
        f" reckoned from {seen}. If the clock is right: jobdeck groom --trust-clock"
    )


def retention(connection: sqlite3.Connection, days: int) -> tuple[str, str | None]:
    """How long finished jobs are kept and when they were groomed last, for people; and why some wait, or None."""
    kept = f"{days} days" if days else "for ever"
    said = f"finished jobs are kept {kept}; of each script the newest, as many as its max_history says"
    clock, last = clocks.last(connection), clocks.last_round(connection)
    if last:
        said += f"; groomed last {time.strftime('%Y-%m-%d %H:%M', time.localtime(last / 1e9))}"
    if clock is None or not (clock.trusted or _something_old(connection, days)):
        # Of a new store nothing would go: nothing is wrong with it.
        return said, None
    return said, waits(Rules(clock, days))


def _something_old(connection: sqlite3.Connection, days: int) -> bool:
    """Whether jobs would go once this store is groomed."""
    old = time.time_ns() - days * _DAY if days else 0
    too_old = connection.execute("SELECT 1 FROM job WHERE created < ? LIMIT 1", (old,)).fetchone() is not None
    return too_old or bool(_limits(connection))
