"""How the jobs of each script went: counts are kept by the store, the rest is read of the newest jobs alone."""

from __future__ import annotations

import sqlite3
import statistics

from core.service import FINISHED, ScriptStatistics, Status

#: the run times of so many of the newest jobs make the median
_NEWEST = 25
_SUCCEEDED = frozenset({Status.Completed, Status.Warning})


def script_statistics(connection: sqlite3.Connection) -> list[ScriptStatistics]:
    """Those of every script on record, by number."""
    counted: dict[int, dict[Status, int]] = {}
    for script_id, status, jobs in connection.execute("SELECT script_id, status, jobs FROM tally WHERE jobs > 0"):
        counted.setdefault(script_id, {})[Status(status)] = jobs
    scripts = [row[0] for row in connection.execute("SELECT id FROM script ORDER BY id")]
    return [_of_script(connection, script, counted.get(script, {})) for script in scripts]


def _of_script(connection: sqlite3.Connection, script: int, counted: dict[Status, int]) -> ScriptStatistics:
    if not counted:
        return ScriptStatistics(script_id=script, jobs=0, succeeded=0, failed=0)
    rows = connection.execute(
        "SELECT id, status, started, ended FROM job WHERE script_id = ? ORDER BY id DESC LIMIT ?", (script, _NEWEST)
    ).fetchall()
    times = [row["ended"] - row["started"] for row in rows if row["started"] and row["ended"]]
    last = rows[0] if rows else None
    succeeded = sum(number for status, number in counted.items() if status in _SUCCEEDED)
    return ScriptStatistics(
        script_id=script,
        jobs=sum(counted.values()),
        succeeded=succeeded,
        failed=sum(number for status, number in counted.items() if status in FINISHED) - succeeded,
        last_job=last["id"] if last else None,
        last_status=Status(last["status"]) if last else None,
        last_ended=last["ended"] if last else None,
        seconds=statistics.median(times) / 1e9 if times else None,
    )
