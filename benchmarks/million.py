"""A store with a million jobs, made by SQL: for what a list of jobs costs."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time

from core.config import Settings
from core.engine.database import connect_for_reading
from core.engine.engine import Engine
from core.engine.text_index import TextIndex

COUNT = 1_000_000
#: status, how many of a thousand have it or one before it
_STATUSES = ((2, 900), (3, 950), (11, 980), (5, 995), (10, 1000))
#: column -> what it holds in row n
_VALUES = {
    "id": "n", "run_id": "printf('%032x', n)", "status": "{status}", "state_seq": "2", "claim": "'x'",
    "script": "'script-' || (n % 40) || '.sh'", "script_id": "n % 40 + 1",
    "script_path": "'/srv/script-' || (n % 40) || '.sh'", "content_hash": "printf('%064x', n % 40)",
    "environment": "'Bash'", "parameters": """'{{"target":"host-' || (n % 997) || '","days":' || (n % 30) || '}}'""",
    "identity": "'user-' || (n % 5)", "computer_name": "'server'", "process_id": "4242",
    "created": "{start} + n * 1000000000", "started": "{start} + n * 1000000000 + 5000000",
    "ended": "{start} + n * 1000000000 + 2000000000", "exit_code": "0",
    "parent_job": "CASE WHEN n % 10 = 3 AND n > 10 THEN n - 3 END", "attempt": "1", "error_action": "'Continue'",
    "timeout": "0", "working_directory": "'/srv'", "tags": """CASE WHEN n % 50 = 0 THEN '["nightly"]' ELSE '[]' END""",
    "notes": "''", "source": "CASE n % 2 WHEN 0 THEN 'cli' ELSE 'schedule' END", "records": "12", "bytes": "2000",
    "objects": "0", "errors": "0", "warnings": "0", "remarks": "'[]'", "changed": "n",
}  # fmt: skip


def fill(settings: Settings, count: int = COUNT) -> None:
    """Make the store and put so many finished jobs into it, of 40 scripts and 5 people, one in ten a child."""
    asyncio.run(_make(settings))
    with contextlib.closing(sqlite3.connect(settings.database)) as connection:
        # Indexes and counts are made when the rows are there: that takes seconds instead of minutes.
        apart = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'job' AND sql IS NOT NULL"
            " AND type IN ('index', 'trigger')"
        ).fetchall()
        for kind, name, _ in apart:
            connection.execute(f"DROP {kind} {name}")
        columns = {row[1] for row in connection.execute("PRAGMA table_info(job)")}
        known = [name for name in _VALUES if name in columns]
        statuses = " ".join(f"WHEN n * 7919 % 1000 < {below} THEN {status}" for status, below in _STATUSES)
        values = ", ".join(_VALUES[name] for name in known).format(
            start=time.time_ns() - count * 1_000_000_000, status=f"CASE {statuses} END"
        )
        connection.execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
            f" INSERT INTO job ({', '.join(known)}) SELECT {values} FROM numbers",
            (count,),
        )
        for _, _, statement in apart:
            connection.execute(statement)
        # Their last changes are behind us: who listens hears of new ones.
        connection.execute("INSERT OR REPLACE INTO sequence (name, value) VALUES ('change', ?)", (count,))
        connection.execute("INSERT INTO tally SELECT coalesce(script_id, 0), status, count(*) FROM job GROUP BY 1, 2")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # As an engine that stays open does within half a minute.
    with contextlib.closing(connect_for_reading(settings.database)) as jobs:
        while TextIndex(settings.data_directory).catch_up(jobs, settings.lock_timeout):
            pass


async def _make(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    await engine.close()
