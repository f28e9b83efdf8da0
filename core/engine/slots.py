"""Which jobs may start: the server's limit, each script's own, and first come, first served among the queued."""

from __future__ import annotations

import json
import sqlite3

#: jobs that hold a slot: claimed and not finished
_HOLDING = "claim IS NOT NULL AND status IN (0, 1, 4, 6)"
_WAITING = "claim IS NULL AND status = 0"


def _concurrent_jobs(connection: sqlite3.Connection, script_id: int | None) -> int | None:
    row = connection.execute("SELECT settings FROM script WHERE id = ?", (script_id,)).fetchone()
    return int(json.loads(row["settings"]).get("concurrent_jobs", 100)) if row else None


def _holding(connection: sqlite3.Connection) -> dict[int | None, int]:
    rows = connection.execute(f"SELECT script_id, count(*) FROM job WHERE {_HOLDING} GROUP BY script_id")
    return {row[0]: row[1] for row in rows}


def _first_children(connection: sqlite3.Connection) -> list[tuple[int, int | None]]:
    """Number and script of one queued job of each running job that has started some of which none runs.

    These start whatever `max_running` says: a job that waits for what it has started holds its place as long, and
    where all places are held so, nothing would ever go on.
    """
    rows = connection.execute(
        "SELECT min(child.id), child.script_id FROM job AS parent CROSS JOIN job AS child"
        " ON child.parent_job = parent.id AND child.parent_job IS NOT NULL"
        " WHERE parent.claim IS NOT NULL AND parent.status IN (0, 1, 4, 6) AND child.status IN (0, 1, 4, 6)"
        " GROUP BY parent.id HAVING total(child.claim IS NOT NULL) = 0"
    )
    return [(row[0], row[1]) for row in rows]


def obstacle(connection: sqlite3.Connection, id: int, script_id: int | None, max_running: int) -> str | None:
    """Why a queued job cannot start now, as a sentence; None when it can."""
    holding = _holding(connection)
    running = sum(holding.values())
    if running >= max_running and id not in (first for first, _ in _first_children(connection)):
        return f"It waits for a free place: {running} of {max_running} jobs are running (max_running)."
    limit = _concurrent_jobs(connection, script_id)
    mine = holding.get(script_id, 0)
    if limit is not None and mine >= limit:
        return f"It waits for its script: {mine} of {limit} jobs of it are running (ConcurrentJobs)."
    return None


def eligible(connection: sqlite3.Connection, max_running: int) -> list[int]:
    """The queued jobs that may start now, in the order they came, as many as there are places."""
    holding = _holding(connection)
    free = max_running - sum(holding.values())
    chosen: list[int] = []
    if free <= 0:
        for id, script_id in sorted(_first_children(connection)):
            limit = _concurrent_jobs(connection, script_id)
            if limit is None or holding.get(script_id, 0) < limit:
                holding[script_id] = holding.get(script_id, 0) + 1
                chosen.append(id)
        return chosen
    scripts = connection.execute(f"SELECT DISTINCT script_id FROM job WHERE {_WAITING}").fetchall()
    for (script_id,) in scripts:
        limit = _concurrent_jobs(connection, script_id)
        places = free if limit is None else min(free, limit - holding.get(script_id, 0))
        if places > 0:
            rows = connection.execute(
                f"SELECT id FROM job WHERE {_WAITING} AND script_id IS ? ORDER BY id LIMIT ?", (script_id, places)
            )
            chosen.extend(row[0] for row in rows)
    return sorted(chosen)[:free]


def queue_reason(connection: sqlite3.Connection, id: int, script_id: int | None, max_running: int) -> str:
    """Why a queued job waits, as a sentence."""
    reason = obstacle(connection, id, script_id, max_running)
    if reason:
        return reason
    ahead = connection.execute(f"SELECT count(*) FROM job WHERE {_WAITING} AND id < ?", (id,)).fetchone()[0]
    if ahead:
        return f"It waits for its turn: {ahead} {'job is' if ahead == 1 else 'jobs are'} queued ahead of it."
    return "It is about to start."


def is_claimed(connection: sqlite3.Connection, id: int) -> bool:
    """Whether some engine has claimed the job."""
    row = connection.execute("SELECT claim FROM job WHERE id = ?", (id,)).fetchone()
    return row is not None and row[0] is not None


def claim(connection: sqlite3.Connection, id: int, engine: str, max_running: int) -> bool:
    """Claim a queued job to start it now; False when it may not start, or somebody else has it."""
    row = connection.execute(f"SELECT script_id FROM job WHERE id = ? AND {_WAITING}", (id,)).fetchone()
    if row is None or obstacle(connection, id, row[0], max_running):
        return False
    connection.execute("UPDATE job SET claim = ? WHERE id = ?", (engine, id))
    return True


def unclaim(connection: sqlite3.Connection, id: int, engine: str) -> bool:
    """Put a claimed job that never started back into the queue."""
    changed = connection.execute(
        "UPDATE job SET claim = NULL WHERE id = ? AND claim = ? AND state_seq = 0 AND status = 0", (id, engine)
    )
    return changed.rowcount == 1


def anything_due(connection: sqlite3.Connection) -> bool:
    """Whether some engine must lead: jobs are queued."""
    return connection.execute(f"SELECT 1 FROM job WHERE {_WAITING} LIMIT 1").fetchone() is not None
