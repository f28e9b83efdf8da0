"""A store of an older version opens, keeps what it had, and is like one that was made today."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

from core.config import Settings
from core.engine.database import SCHEMA_VERSION, connect, create
from core.engine.engine import Engine
from core.service import JobQuery, RunRequest, Status

_OLD = Path(__file__).with_name("schema_1.sql")
_ROW = {
    "run_id": "r", "status": 2, "state_seq": 2, "script": "s.sh", "script_id": 4, "script_path": "/s.sh",
    "content_hash": "", "environment": "Bash", "parameters": "{}", "identity": "ada", "computer_name": "c",
    "created": 10**18, "started": 10**18, "ended": 10**18 + 5 * 10**9, "attempt": 1, "error_action": "Continue",
    "timeout": 0.0, "working_directory": "/", "tags": "[]", "notes": "", "source": "cli", "records": 0, "bytes": 0,
    "objects": 0, "errors": 0, "warnings": 0, "remarks": "[]",
}  # fmt: skip


def old_store(settings: Settings, jobs: int) -> None:
    """A store of schema 1 with some finished jobs."""
    home = Path(settings.data_directory)
    for name in ("jobs", "content", "log"):
        (home / name).mkdir(parents=True)
    connection = sqlite3.connect(settings.database)
    connection.executescript(f"PRAGMA journal_mode = WAL; {_OLD.read_text()} PRAGMA user_version = 1;")
    for id in range(1, jobs + 1):
        row = _ROW | {"id": id, "run_id": f"r{id}", "status": 2 if id % 2 else 3}
        connection.execute(f"INSERT INTO job ({', '.join(row)}) VALUES ({', '.join(':' + name for name in row)})", row)
    connection.execute("INSERT INTO sequence (name, value) VALUES ('job', ?)", (jobs,))
    connection.execute(
        "INSERT INTO script (id, name, path, settings, created, changed) VALUES (4, 's.sh', '/s.sh', '{}', 1, 1)"
    )
    connection.commit()
    connection.close()


def shape(path: str) -> dict[str, object]:
    """Columns of tables, and the statements of indexes and triggers."""
    connection = connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, object] = {
        table: sorted(tuple(row)[1:] for row in connection.execute(f"PRAGMA table_info({table})")) for table in tables
    }
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master WHERE type <> 'table'"):
        found[f"{kind} {name}"] = sql
    connection.close()
    return found


async def test_a_store_of_the_first_schema_opens(settings: Settings, scripts: Path, tmp_path: Path) -> None:
    old_store(settings, 5)
    engine = await Engine.open(settings, "act")
    try:
        assert [job.id for job in (await engine.jobs(JobQuery())).jobs] == [5, 4, 3, 2, 1]
        assert await engine.counts() == {Status.Completed: 3, Status.Failed: 2}
        (statistics,) = await engine.script_statistics()
        assert (statistics.jobs, statistics.succeeded, statistics.last_job, statistics.seconds) == (5, 3, 5, 5.0)
        (scripts / "n.sh").write_text("true\n")
        job = await engine.wait((await engine.run(RunRequest(path=str(scripts / "n.sh")))).id, 20)
        assert (job.id, job.status) == (6, Status.Completed)
        assert (await engine.counts())[Status.Completed] == 4
    finally:
        await engine.close()
    create(str(tmp_path / "new.db"))
    assert shape(settings.database) == shape(str(tmp_path / "new.db"))


async def test_a_look_brings_it_up_as_well(settings: Settings) -> None:
    old_store(settings, 1)
    engine = await Engine.open(settings, "look")
    assert (await engine.job(1)).status is Status.Completed
    await engine.close()


def test_several_processes_open_an_old_store_at_once(settings: Settings) -> None:
    old_store(settings, 2000)
    code = (
        "import asyncio; from core.engine.engine import Engine\n"
        "async def main():\n"
        "    engine = await Engine.open(mode='act'); print(sum((await engine.counts()).values()))\n"
        "    await engine.close()\n"
        "asyncio.run(main())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    told = [process.communicate(timeout=60) for process in started]
    assert [out for out, _ in told] == [b"2000\n"] * 4, told
    connection = connect(settings.database)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    connection.close()


async def test_a_migration_that_is_cut_off_changes_nothing(settings: Settings) -> None:
    old_store(settings, 3)
    connection = connect(settings.database)
    connection.execute("CREATE TABLE tally (x)")
    connection.close()
    # It fails half way: the store is as it was, and says so as a sentence.
    try:
        await asyncio.wait_for(Engine.open(settings, "act"), 20)
    except Exception as error:
        assert "jobdeck.db" in str(error)
    else:
        raise AssertionError("it opened")
    connection = connect(settings.database)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    assert "changed" not in [row[1] for row in connection.execute("PRAGMA table_info(job)")]
    connection.close()
