"""A long-lived engine: jobs per second, ingest, time to the first byte, memory of a runner."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from benchmarks.table import Row
from core.config import Settings
from core.engine.engine import Engine
from core.journal import format as journal
from core.service import RunRequest

_CONCURRENCY = 16
_JOBS = 400
_GIGABYTE = 1 << 30
_LINE = "a line of one hundred bytes, its end included, which is what a log of a server has in the mean, ok."
_PRODUCER = f"yes '{_LINE[:99]}' | head -c {_GIGABYTE}\n"


def _settings(directory: str) -> Settings:
    return Settings.load({"JOBDECK_HOME": os.path.join(directory, "home")})


async def _at_once(count: int, one: Callable[[int], Coroutine[Any, Any, None]]) -> float:
    """Calls per second, `_CONCURRENCY` at a time."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await one(number)

    begin = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_CONCURRENCY)))
    return count / (time.perf_counter() - begin)


async def _spawn_loop(directory: str, script: str) -> float:
    async def one(number: int) -> None:
        process = await asyncio.create_subprocess_exec(
            "sh", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        descriptor = os.open(os.path.join(directory, f"result-{number}"), os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, out + err + str(process.returncode).encode())
        os.fsync(descriptor)
        os.close(descriptor)

    return await _at_once(_JOBS, one)


async def _jobs(engine: Engine, script: str) -> float:
    async def one(_: int) -> None:
        job = await engine.run(RunRequest(path=script, environment="sh", standard_input="none"))
        ended = await engine.wait(job.id)
        assert ended.exit_code == 0

    return await _at_once(_JOBS, one)


async def _first_byte(engine: Engine, script: str) -> list[float]:
    times = []
    for _ in range(50):
        begin = time.perf_counter()
        job = await engine.run(RunRequest(path=script, environment="sh", standard_input="none"))
        async for _record in engine.records(job.id, streams=frozenset({journal.STDOUT}), follow=True):
            times.append((time.perf_counter() - begin) * 1000)
            break
        await engine.wait(job.id)
    return times


async def _ingest(engine: Engine, script: str) -> float:
    job = await engine.run(RunRequest(path=script, environment="sh", standard_input="none"))
    ended = await engine.wait(job.id)
    assert ended.exit_code == 0 and ended.started and ended.ended and ended.bytes >= _GIGABYTE
    seconds = (ended.ended - ended.started) / 1e9
    await engine.delete(job.id)
    return _GIGABYTE / 1e6 / seconds


def _cat(directory: str, script: str) -> float:
    target = os.path.join(directory, "cat.out")
    begin = time.perf_counter()
    subprocess.run(["sh", "-c", f"sh {script} | cat > {target}"], check=True)
    seconds = time.perf_counter() - begin
    os.unlink(target)
    return _GIGABYTE / 1e6 / seconds


def _private_memory(pid: int) -> float:
    """Private memory of a process in MB."""
    kilobytes = sum(
        int(line.split()[1])
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        if line.startswith(("Private_Clean", "Private_Dirty"))
    )
    return kilobytes / 1024


async def _runner_memory(engine: Engine, script: str) -> float:
    job = await engine.run(RunRequest(path=script, environment="sh"))
    async for record in engine.records(job.id, streams=frozenset({journal.STATE}), follow=True):
        assert record.number
        break
    job = await engine.job(job.id)
    stat = Path(f"/proc/{job.process_id}/stat").read_text()
    parent = int(stat.rpartition(")")[2].split()[1])
    memory = _private_memory(parent)
    await engine.cancel(job.id)
    await engine.wait(job.id)
    return memory


async def _run(directory: str) -> list[Row]:
    def script(name: str, text: str) -> str:
        path = os.path.join(directory, name)
        Path(path).write_text(text)
        return path

    engine = await Engine.open(_settings(directory), "stay")
    try:
        noop = script("noop.sh", ":\n")
        await _jobs(engine, noop)
        spawned, ran = [], []
        for _ in range(3):
            spawned.append(await _spawn_loop(directory, noop))
            ran.append(await _jobs(engine, noop))
        first = await _first_byte(engine, script("echo.sh", "echo x\n"))
        producer = script("gigabyte.sh", _PRODUCER)
        cats, ingests = [], []
        for _ in range(3):
            cats.append(_cat(directory, producer))
            ingests.append(await _ingest(engine, producer))
        memory = await _runner_memory(engine, script("sleep.sh", "exec sleep 100\n"))
    finally:
        await engine.close()
    return [
        Row(
            f"no-op jobs, {_CONCURRENCY} at once, all records durable",
            statistics.median(ran),
            "jobs/s",
            statistics.median(spawned),
            "spawn loop, pipes, one synced file each",
            "≥ 0.25",
        ),
        Row(
            "ingest of 1 GB of 100-byte lines",
            statistics.median(ingests),
            "MB/s",
            statistics.median(cats),
            "cat to a file",
            "≥ 0.5",
        ),
        Row("submit to first byte seen by a follower, p50", statistics.median(first), "ms", target="≤ 20 ms"),
        Row("private memory of an idle forked runner", memory, "MB", target="≤ 4 MB"),
    ]


def run() -> list[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as directory:
        return asyncio.run(_run(directory))
