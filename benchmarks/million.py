"""A store with a million jobs, made by SQL: for what a list of jobs costs."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time

from core.config import Settings
from core.engine.engine import Engine

COUNT = 1_000_000
#: how many of a thousand jobs ended how: status, number
_STATUSES = ((2, 900), (3, 50), (11, 30), (5, 15), (10, 5))


def fill(settings: Settings, count: int = COUNT) -> None:
    """Make the store and put so many finished jobs into it, of 40 scripts and 5 people, one in ten a child."""
    asyncio.run(_make(settings))
    statuses = [status for status, number in _STATUSES for _ in range(number)]
    with contextlib.closing(sqlite3.connect(settings.database)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(job)")]
        start = time.time_ns() - count * 1_000_000_000

        def row(id: int) -> dict[str, object]:
            created = start + id * 1_000_000_000
            return {
                "id": id, "run_id": f"{id:032x}", "status": statuses[id * 7919 % 1000], "state_seq": 2, "claim": "x",
                "script": f"script-{id % 40}.sh", "script_id": id % 40 + 1, "script_path": f"/srv/script-{id % 40}.sh",
                "content_hash": "0" * 64, "git_commit": None, "environment": "Bash",
                "parameters": f'{{"target":"host-{id % 997}","days":{id % 30}}}', "identity": f"user-{id % 5}",
                "computer_name": "server", "process_id": 4242, "created": created, "started": created + 5_000_000,
                "ended": created + 2_000_000_000, "exit_code": 0, "signal": None, "reason": None,
                "parent_job": id - id % 10 if id % 10 == 3 and id > 10 else None, "parent_line_number": None,
                "attempt": 1, "rerun_of": None, "error_action": "Continue", "timeout": 0.0, "working_directory": "/srv",
                "tags": '["nightly"]' if id % 50 == 0 else "[]", "notes": "", "source": ("cli", "schedule")[id % 2],
                "records": 12, "bytes": 2000, "objects": 0, "errors": 0, "warnings": 0, "feedback": None,
                "activity": None, "current_operation": None, "status_description": None, "percent_complete": None,
                "seconds_remaining": None, "receipt": None, "remarks": "[]", "changed": id, "request_key": None,
            }  # fmt: skip

        known = [name for name in columns if name in row(1)]
        insert = f"INSERT INTO job ({', '.join(known)}) VALUES ({', '.join(':' + name for name in known)})"
        connection.executemany(insert, (row(id) for id in range(1, count + 1)))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _make(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    await engine.close()
