"""The command line: wall time of `jobdeck run` and of `jobdeck jobs` over 100 000 jobs."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row
from core.config import Settings
from core.engine.database import begin, connect
from core.engine.engine import Engine
from core.service import RunRequest

_BARE = [sys.executable, "-c", "import asyncio, argparse, sqlite3"]
_JOBDECK = [os.path.join(os.path.dirname(sys.executable), "jobdeck")]
_ROUNDS = 15


def _wall(command: list[str], variables: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


async def _one_job(settings: Settings, script: str) -> None:
    engine = await Engine.open(settings, "act")
    job = await engine.run(RunRequest(path=script, standard_input="none"))
    await engine.wait(job.id)
    await engine.close()


def fill(settings: Settings, script: str, count: int) -> None:
    """A store of `count` finished jobs: copies of the row of a real one."""
    asyncio.run(_one_job(settings, script))
    connection = connect(settings.database)
    names = [row["name"] for row in connection.execute("PRAGMA table_info(job)") if row["name"] not in ("id", "run_id")]
    begin(connection, 10)
    connection.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {int(count)})"
        f" INSERT INTO job (id, run_id, {', '.join(names)})"
        f" SELECT i, 'run-' || i, {', '.join(names)} FROM n, job WHERE id = 1"
    )
    connection.execute("UPDATE sequence SET value = ? WHERE name = 'job'", (count,))
    connection.execute("COMMIT")
    connection.close()


def run() -> list[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as directory:
        home = os.path.join(directory, "home")
        # A user's interpreter keeps the code that it compiled.
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        variables["JOBDECK_HOME"] = home
        script = os.path.join(directory, "noop.sh")
        Path(script).write_text(":\n")
        fill(Settings.load({"JOBDECK_HOME": home}), script, 100_000)
        bare, ran, listed = [], [], []
        for _ in range(_ROUNDS):
            bare.append(_wall(_BARE, variables))
            ran.append(_wall([*_JOBDECK, "run", script], variables))
            listed.append(_wall([*_JOBDECK, "jobs"], variables))
    floor = statistics.median(bare)
    name = "bare interpreter with asyncio, argparse, sqlite3"
    return [
        Row("`jobdeck run` of a no-op script, wall", statistics.median(ran), "ms", floor, name, "≤ 4"),
        Row("`jobdeck jobs` over 100 000 jobs, wall", statistics.median(listed), "ms", floor, name, "≤ 2"),
    ]
