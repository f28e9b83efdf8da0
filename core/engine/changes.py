"""What changed, in which order: a sequence that ascends over every process and every restart of the store.

A job's row holds the sequence of its last change; what has no such column (scripts, environments, settings, deleted
jobs) has a row in `change`. Several changes of one thing are one. The sequence is never behind the clock's
microseconds, so that it goes on ascending when the database was lost.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.service import Event

#: so long a deleted job is told of by its number; who asks for older changes is told that any job may be gone
_KEEP_DELETED = 7 * 86_400 * 1_000_000
#: things that come and go as a whole
KINDS = ("job", "script", "environment", "setting")


def draw(connection: sqlite3.Connection) -> int:
    """The next sequence, within the transaction given: transactions are committed in its order."""
    row = connection.execute(
        "INSERT INTO sequence (name, value) VALUES ('change', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value",
        (time.time_ns() // 1000,),
    ).fetchone()
    return int(row[0])


def note(connection: sqlite3.Connection, kind: str, thing: int | None = None) -> None:
    """A thing changed, came or went; None = no one thing is meant."""
    connection.execute(
        "INSERT INTO change (kind, thing, sequence) VALUES (?, ?, ?)"
        " ON CONFLICT (kind, thing) DO UPDATE SET sequence = excluded.sequence",
        (kind, thing or 0, draw(connection)),
    )


def note_deleted(connection: sqlite3.Connection, id: int) -> None:
    """A job was deleted; what was deleted long ago is forgotten."""
    connection.execute(
        "DELETE FROM change WHERE kind = 'job' AND thing > 0 AND sequence < ?",
        (time.time_ns() // 1000 - _KEEP_DELETED,),
    )
    note(connection, "job", id)


def note_everything(connection: sqlite3.Connection) -> None:
    """Nothing is as it was: the store was made again."""
    for kind in KINDS:
        note(connection, kind)


def newest(connection: sqlite3.Connection) -> int:
    """The last sequence drawn."""
    row = connection.execute("SELECT value FROM sequence WHERE name = 'change'").fetchone()
    return int(row[0]) if row else 0


def behind(connection: sqlite3.Connection, since: int, count: int) -> list[Event]:
    """Up to `count` changes behind a sequence, in order."""
    since = max(min(since, 2**63 - 1), -(2**63))
    # Each half is read by its index and no further than needed.
    rows = connection.execute(
        "SELECT changed, 'job', id FROM (SELECT changed, id FROM job WHERE changed > :since"
        " ORDER BY changed LIMIT :count)"
        " UNION ALL SELECT sequence, kind, thing FROM (SELECT sequence, kind, thing FROM change"
        " WHERE sequence > :since ORDER BY sequence LIMIT :count)"
        " ORDER BY 1 LIMIT :count",
        {"since": since, "count": count},
    )
    from core.service import Event

    events = [Event(row[0], row[1], row[2] or None if row[1] != "environment" else None) for row in rows]
    forgotten = time.time_ns() // 1000 - _KEEP_DELETED
    if events and since < forgotten:
        # Jobs that were deleted since are told of by nothing any more.
        events.insert(0, Event(since, "job"))
    return events
