"""What the service itself costs: counts and statistics over a million jobs, changes told, tokens checked."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from benchmarks.million import fill
from benchmarks.table import Row
from core.access import Role
from core.config import Settings
from core.engine.changes import newest, note
from core.engine.engine import Engine
from core.service import JobQuery, RunRequest

_SCRIPTS = 40
_LISTENERS = 100


async def _median_ms(act: Callable[[], Coroutine[Any, Any, Any]], times: int = 15) -> float:
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


def _group_by(path: str) -> float:
    """Milliseconds that counting all jobs by script and status takes, without what the store keeps for it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        taken = []
        for _ in range(3):
            begin = time.perf_counter()
            connection.execute("SELECT script_id, status, count(*) FROM job GROUP BY script_id, status").fetchall()
            taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


async def _delays(engine: Engine, path: str, count: int) -> tuple[list[float], int]:
    """Milliseconds from a change to each of many listeners hearing of it; how many did not hear the last one."""
    delays: list[float] = []
    heard = [0] * _LISTENERS

    async def listen(number: int) -> None:
        async for event in engine.events():
            if event.kind == "setting":
                # A sequence is the clock's microsecond in which it was drawn.
                delays.append(time.time_ns() / 1e6 - event.sequence / 1e3)
                heard[number] = event.sequence

    listeners = [asyncio.ensure_future(listen(number)) for number in range(_LISTENERS)]
    await asyncio.sleep(0.5)
    # Another process's change: a connection of its own.
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        for _ in range(count):
            other.execute("BEGIN IMMEDIATE")
            note(other, "setting")
            last = newest(other)
            other.execute("COMMIT")
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    return delays, sum(sequence < last for sequence in heard)


async def _idle_cpu(engine: Engine) -> float:
    """Percent of a core that a leading engine with many listeners takes while nothing happens."""
    listeners = [asyncio.ensure_future(anext(aiter(engine.events()))) for _ in range(_LISTENERS)]
    await asyncio.sleep(0.5)
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.sleep(3)
    after, end = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, return_exceptions=True)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / (end - begin) * 100


def _per_second(act: Callable[[], object], count: int = 5000) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        act()
    return count / (time.perf_counter() - begin)


async def _run(settings: Settings) -> list[Row]:
    with contextlib.closing(sqlite3.connect(settings.database)) as connection:
        for number in range(_SCRIPTS):
            connection.execute(
                "INSERT INTO script (id, name, path, settings, created, changed) VALUES (?, ?, ?, ?, 1, 1)",
                (number + 1, f"script-{number}.sh", f"/srv/script-{number}.sh", '{"max_history": 0}'),
            )
        # The jobs were put there by their numbers: the next one is behind them.
        connection.execute("INSERT OR REPLACE INTO sequence (name, value) SELECT 'job', max(id) FROM job")
        connection.commit()
    engine = await Engine.open(settings, "stay")
    try:
        grouped = _group_by(settings.database)
        told = await _median_ms(engine.script_statistics)
        counted = await _median_ms(engine.counts)
        total = await _median_ms(lambda: engine.count(JobQuery()))
        delays, missed = await _delays(engine, settings.database, 20)
        idle = await _idle_cpu(engine)
        token = (await engine.grant_token("somebody", Role.Reader)).token or ""
        checked = _per_second(lambda: engine.authenticate(token))
        digest = hashlib.sha256(token.encode()).hexdigest()
        with contextlib.closing(sqlite3.connect(settings.database)) as alone:
            select = "SELECT * FROM token WHERE hash = ?"
            looked_up = _per_second(lambda: alone.execute(select, (digest,)).fetchone())
        script = os.path.join(settings.data_directory, "sleep.sh")
        Path(script).write_text("sleep 100 & sleep 100\n")
        job = await engine.run(RunRequest(path=script))
        while await engine.usage(job.id) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        usage = await _median_ms(lambda: engine.usage(job.id))
        await engine.cancel(job.id)
        await engine.wait(job.id)
    finally:
        await engine.close()
    return [
        Row("statistics of 40 scripts, a million jobs", told, "ms", grouped, "GROUP BY over the jobs", "≤ 0.1"),
        Row("counts by status, a million jobs", counted, "ms", grouped, "GROUP BY over the jobs", "≤ 0.02"),
        Row("how many jobs there are, a million", total, "ms", target="≤ 5 ms"),
        Row(f"a change heard by {_LISTENERS} listeners, p50", statistics.median(delays), "ms", target="≤ 50 ms"),
        Row(f"the same, p99 ({missed} listeners missed it)", sorted(delays)[int(len(delays) * 0.99)], "ms",
            target="≤ 250 ms"),
        Row(f"idle engine with {_LISTENERS} listeners", idle, "% of a core", target="≤ 1 %"),
        Row("tokens checked", checked, "/s", looked_up, "the row by its hash alone", "≥ 0.2"),
        Row("usage of a job's process tree", usage, "ms", target="≤ 50 ms"),
    ]  # fmt: skip


def run() -> list[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as directory:
        settings = Settings.load({"JOBDECK_HOME": os.path.join(directory, "home")})
        fill(settings)
        return asyncio.run(_run(settings))
