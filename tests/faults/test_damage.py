"""Files and rows of one job that say what cannot be: that job is told as damaged, and everything else goes on."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.engine.database import transaction
from core.engine.engine import Engine
from core.engine.rebuild import rebuild
from core.service import Job, JobQuery, RunRequest, Status

Damage = Callable[[Path], object]

_SCRIPT = "#!/bin/bash\necho said\njobdeck-job progress 40 half\nexit 7\n"


def _exit(**changes: Any) -> Damage:
    """exit.json with other values; `summary__x` is x in its summary."""

    def change(directory: Path) -> None:
        value = json.loads((directory / "exit.json").read_text())
        for name, given in changes.items():
            part, _, inner = name.partition("__")
            if inner:
                value[part][inner] = given
            else:
                value[part] = given
        (directory / "exit.json").write_text(json.dumps(value))

    return change


def _holds(name: str, data: bytes) -> Damage:
    return lambda directory: (directory / name).write_bytes(data)


def _gone(name: str) -> Damage:
    """No such file."""
    return lambda directory: os.unlink(directory / name)


def _a_directory(name: str) -> Damage:
    """A directory where the file was."""

    def change(directory: Path) -> None:
        os.unlink(directory / name)
        os.mkdir(directory / name)

    return change


def _without_end(*damages: Damage) -> Damage:
    """No exit.json, and a journal that goes to the start record at most; then more damage."""

    def change(directory: Path) -> None:
        (directory / "exit.json").unlink()
        os.truncate(directory / "out.idx", 32)
        for damage in damages:
            damage(directory)

    return change


#: the journal still tells how the job ended
_HEALED: dict[str, Damage] = {
    "no JSON": _holds("exit.json", b"\xff{{"),
    "a list": _holds("exit.json", b"[1]"),
    "nothing in it": _holds("exit.json", b"{}"),
    "nested without end": _holds("exit.json", b"[" * 100_000),
    "a directory": _a_directory("exit.json"),
    "no summary": _exit(summary=None),
    "an exit code that is text": _exit(exit_code="seven"),
    "an exit code without end": _exit(exit_code=10**30),
    "a status that is none": _exit(status="Nope"),
    "an end in no calendar": _exit(ended=10**18 * 9),
    "an end that is text": _exit(ended="yesterday"),
    "remarks that are a number": _exit(remarks=5),
    "remarks that are objects": _exit(remarks=[{}]),
    "counts that are text": _exit(summary__records="six"),
    "progress that is a list": _exit(summary__progress=[1]),
}


def _garbage(directory: Path) -> None:
    (directory / "exit.json").unlink()
    (directory / "out.dat").write_bytes(b"\xff" * 4096)


#: nothing tells it any more
_LOST: dict[str, Damage] = {
    "a journal of garbage": _garbage,
    "an index of garbage": _without_end(_holds("out.idx", b"\xfe" * 320)),
    "no data": _without_end(_gone("out.dat")),
    "no index": _without_end(_gone("out.idx")),
    "no directory": shutil.rmtree,
    "a lock that is a directory": _without_end(_a_directory("lock")),
    "no index, and a garbage end": lambda directory: (
        _holds("exit.json", b"{")(directory), _gone("out.idx")(directory)
    ),
    "no spec": _without_end(_holds("spec.json", b"{{{")),
}  # fmt: skip


async def _job(engine: Engine, scripts: Path) -> Job:
    script = scripts / "seven.sh"
    script.write_text(_SCRIPT)
    return await engine.wait((await engine.run(RunRequest(path=str(script), current_directory=str(scripts)))).id, 30)


@asynccontextmanager
async def _open(settings: Settings, mode: Any) -> AsyncIterator[Engine]:
    engine = await Engine.open(settings, mode)
    try:
        yield engine
    finally:
        await engine.close()


def _change(settings: Settings, sql: str) -> None:
    connection = sqlite3.connect(settings.database, isolation_level=None)
    try:
        with transaction(connection, 10):
            connection.execute(sql)
    finally:
        connection.close()


async def _damaged(settings: Settings, scripts: Path, damage: Damage) -> None:
    """Job 1, whose end no engine has seen so far, with its files damaged; job 2 is as it should be."""
    async with _open(settings, "act") as engine:
        first, second = await _job(engine, scripts), await _job(engine, scripts)
    assert (first.id, second.id) == (1, 2)
    _change(
        settings,
        "UPDATE job SET status = 1, ended = NULL, exit_code = NULL, reason = NULL, claim = 'x', state_seq = 1,"
        " records = 6 WHERE id = 1",
    )
    damage(Path(settings.data_directory) / "jobs" / "0" / "1")


async def _both(engine: Engine, scripts: Path) -> Job:
    """The damaged job, in an engine in which everything else works."""
    found = {job.id: job for job in (await engine.jobs(JobQuery())).jobs}
    assert found[2].exit_code == 7 and (await engine.job(2)).exit_code == 7
    assert sum((await engine.counts()).values()) == len(found)
    job = await engine.wait(1, 20)
    await engine.lines(1, 0, 10) if os.path.exists(engine._shared.directory(1)) else None
    return job


@pytest.mark.parametrize("mode", ["look", "act"])
@pytest.mark.parametrize("name", _HEALED)
async def test_a_damaged_end_is_told_by_the_journal(settings: Settings, scripts: Path, name: str, mode: str) -> None:
    await _damaged(settings, scripts, _HEALED[name])
    async with _open(settings, mode) as engine:
        job = await _both(engine, scripts)
        assert (job.status, job.exit_code, job.reason) == (Status.Failed, 7, None)
        if mode == "act":
            assert (await _job(engine, scripts)).exit_code == 7


@pytest.mark.parametrize("mode", ["look", "act"])
@pytest.mark.parametrize("name", _LOST)
async def test_a_job_whose_files_tell_nothing_ends_alone(
    settings: Settings, scripts: Path, name: str, mode: str
) -> None:
    await _damaged(settings, scripts, _LOST[name])
    async with _open(settings, mode) as engine:
        job = await _both(engine, scripts)
        assert job.status is Status.Failed and job.exit_code is None and job.reason, job
        if mode == "act":
            assert (await _job(engine, scripts)).exit_code == 7
    assert rebuild(settings).jobs >= 1


async def test_a_queued_job_whose_spec_is_damaged_holds_up_nobody(settings: Settings, scripts: Path) -> None:
    async with _open(settings, "act") as engine:
        await _job(engine, scripts)
        await _job(engine, scripts)
    for id, damage in ((1, b"{{{"), (2, b'{"id": 2}')):
        directory = Path(settings.data_directory) / "jobs" / "0" / str(id)
        _without_end(_holds("spec.json", damage))(directory)
        os.truncate(directory / "out.idx", 0)
        (directory / "out.dat").write_bytes(b"")
        _change(settings, f"UPDATE job SET status = 0, ended = NULL, claim = NULL, state_seq = 0 WHERE id = {id}")
    async with _open(settings, "act") as engine:
        assert (await _job(engine, scripts)).exit_code == 7
        for id in (1, 2):
            job = await engine.wait(id, 20)
            assert (job.status is Status.Failed and "spec.json" in str(job.reason)) or "KeyError" in str(job.reason)


@pytest.mark.parametrize(
    "change",
    [
        "percent_complete = 'abc'", "started = 'abc'", "exit_code = '[1]'", "timeout = 'x'", "tags = '{{'",
        "remarks = '5'", "parameters = 'x'", "receipt = '[[['", "status = 99", "notes = x'ff00'",
    ],
)  # fmt: skip
async def test_a_row_that_holds_what_cannot_be_is_told_and_the_others_are_shown(
    settings: Settings, scripts: Path, change: str
) -> None:
    async with _open(settings, "act") as engine:
        await _job(engine, scripts)
        await _job(engine, scripts)
    _change(settings, f"UPDATE job SET {change} WHERE id = 1")
    async with _open(settings, "look") as engine:
        job = await _both(engine, scripts)
        assert any("damaged" in remark and "jobdeck rebuild" in remark for remark in job.remarks), job.remarks
    rebuild(settings)
    async with _open(settings, "look") as engine:
        assert (await engine.job(1)).remarks == ()


async def test_a_rebuild_puts_the_others_on_record(settings: Settings, scripts: Path) -> None:
    async with _open(settings, "act") as engine:
        for _ in range(4):
            await _job(engine, scripts)
    jobs = Path(settings.data_directory) / "jobs" / "0"
    (jobs / "1" / "spec.json").write_bytes(b"[]")
    spec = json.loads((jobs / "2" / "spec.json").read_text())
    (jobs / "2" / "spec.json").write_text(json.dumps(spec | {"created": 10**30}))
    (jobs / "3" / "exit.json").unlink()
    (jobs / "3" / "out.dat").write_bytes(b"\xff" * 4096)
    report = rebuild(settings)
    assert report.jobs == 2 and len(report.problems) == 2
    assert all("Job " in problem and "damaged" in problem for problem in report.problems)
    async with _open(settings, "act") as engine:
        third = await engine.job(3)
        assert third.status is Status.Failed and "damaged" in str(third.reason)
        assert (await engine.job(4)).exit_code == 7
