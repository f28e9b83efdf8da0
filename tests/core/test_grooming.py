"""Grooming by itself, and what is left when whoever grooms is killed: never half a job, never a directory for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.access import Caller, Role
from core.calling import caller
from core.config import Settings
from core.engine import clock, grooming, removal
from core.engine.audit import Audit
from core.engine.database import connect
from core.engine.engine import Engine
from core.engine.grooming import Round
from core.engine.locks import FileLock
from core.engine.paths import job_directories, job_directory
from core.engine.rebuild import rebuild
from core.service import Conflict, Forbidden, Groomed, JobQuery, NotFound, RunRequest, ServiceError
from tests.old_jobs import DAY, copies
from tests.waiting import until


async def ran(engine: Engine, scripts: Path, name: str = "t.sh") -> int:
    """A job that has just ended."""
    (scripts / name).write_text("echo hello\n")
    job = await engine.run(RunRequest(path=str(scripts / name)))
    await engine.wait(job.id)
    return job.id


async def numbers(engine: Engine) -> list[int]:
    """The numbers of all jobs, ascending; each of them can be opened."""
    jobs = (await engine.jobs(JobQuery(take=100_000))).jobs
    for job in jobs:
        assert [r.data async for r in engine.records(job.id, streams=frozenset({1}))] == [b"hello\n"], job
    return sorted(job.id for job in jobs)


def a_round(settings: Settings, go_on: Callable[[], bool] = lambda: True) -> Groomed:
    """One round, without pauses."""
    return Round(settings, Audit(settings.data_directory), go_on, lambda _: None).run()


def facts(settings: Settings) -> dict[str, str]:
    """The store's facts."""
    with contextlib.closing(connect(settings.database)) as connection:
        return {row[0]: row[1] for row in connection.execute("SELECT key, value FROM fact")}


def put_fact(settings: Settings, key: str, value: object) -> None:
    """Change a fact of the store."""
    with contextlib.closing(connect(settings.database)) as connection:
        connection.execute("INSERT OR REPLACE INTO fact (key, value) VALUES (?, ?)", (key, json.dumps(value)))


def left(settings: Settings) -> list[str]:
    """What lies among the jobs' directories and is no job's, and what is still to be finished."""
    root = Path(settings.data_directory)
    found = [str(path) for path in root.glob("jobs/*/*") if not path.name.isdigit()]
    return found + [str(path) for path in root.glob("removing/*")]


async def test_the_engine_that_leads_grooms_when_it_is_time(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await Engine.open(settings, "stay")
    young = await ran(engine, scripts)
    old = copies(settings, young, 90, days=31)
    await engine.close()
    put_fact(settings, "groomed", {"time": time.time_ns() - 2 * DAY})
    engine = await Engine.open(settings, "stay")
    try:
        assert not await engine.idle()
        await until(lambda: not os.path.exists(job_directory(settings.data_directory, old[-1])))
        await until(lambda: not left(settings))
        assert await numbers(engine) == [young]
        # the last of it: that it was done goes on record
        await until(engine.idle)
        (entry,) = [entry for entry in await engine.audit() if entry.action == "groom"]
        assert f"90 jobs from {old[0]} to {old[-1]}" in entry.target
        assert "groomed last" in (await engine.status()).retention
    finally:
        await engine.close()


async def test_who_grooms_a_store_is_killed_anywhere_and_no_job_is_half_there(
    settings: Settings, scripts: Path
) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    old = copies(settings, young, 1200, days=31)
    await engine.close()
    code = (
        "import asyncio\nfrom core.engine.engine import Engine\n"
        "async def main():\n    engine = await Engine.open(None, 'act')\n"
        "    await engine.groom()\nasyncio.run(main())\n"
    )
    chance = random.Random(5)
    survived = len(old)
    shard = Path(settings.data_directory, "jobs", "0")
    for _ in range(6):

        def fewer(before: int = len(list(shard.iterdir()))) -> bool:
            return len(list(shard.iterdir())) < before

        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=dict(os.environ))
        await until(fewer)
        await asyncio.sleep(chance.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        # Looking needs nobody to have cleared up.
        looks = await Engine.open(settings, "look")
        there = await numbers(looks)
        await looks.close()
        assert young in there and len(there) - 1 <= survived
        survived = len(there) - 1
    assert 0 < survived < len(old)
    engine = await Engine.open(settings, "act")
    while (await engine.groom()).more:
        pass
    assert await numbers(engine) == [young]
    assert job_directories(settings.data_directory) == [young] and not left(settings)
    told = [entry.target for entry in await engine.audit() if entry.action == "groom"]
    assert sum(int(text.split()[0]) for text in told) == len(old)
    assert any("cut off" in text for text in told)
    assert [key for key in facts(settings) if key.startswith("groom-")] == []
    await engine.close()


@pytest.mark.parametrize("lost", [False, True], ids=["the database is whole", "the database is lost"])
async def test_rebuild_brings_back_no_groomed_job_and_no_number(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    old = copies(settings, young, 10, days=31)
    await engine.close()
    # Killed when the rows are gone and no directory is.
    with monkeypatch.context() as patched:
        patched.setattr(removal, "discard", _killed)
        with pytest.raises(_Killed):
            a_round(settings)
    assert job_directories(settings.data_directory) == [young, *old]
    if lost:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(settings.database + suffix)
    assert rebuild(settings).jobs == 1
    assert job_directories(settings.data_directory) == [young]
    engine = await Engine.open(settings, "act")
    assert await numbers(engine) == [young]
    assert await ran(engine, scripts) > old[-1]
    await engine.close()


class _Killed(BaseException):
    pass


def _killed(*_: object) -> int:
    raise _Killed


@pytest.mark.parametrize("place", ["_write_down", "writing"])
async def test_a_round_that_is_cut_off_before_the_rows_go_takes_nothing(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    old = copies(settings, young, 10, days=31)
    real = getattr(removal.Removal, place)

    def cut_off(self: removal.Removal, *arguments: object) -> object:
        if arguments or os.path.getsize(self._path):
            if place == "_write_down":
                real(self, *arguments)
            raise _Killed
        return real(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(removal.Removal, place, cut_off)
        with pytest.raises(_Killed):
            a_round(settings)
    assert len(left(settings)) == 1
    assert await numbers(engine) == [young, *old]
    # Whoever comes next takes them, and clears the unfinished one away.
    assert a_round(settings).jobs == 10
    assert await numbers(engine) == [young] and not left(settings)
    await engine.close()


async def test_several_may_groom_at_once(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    old = copies(settings, young, 300, days=31)
    rounds = await asyncio.gather(*(asyncio.to_thread(a_round, settings) for _ in range(4)))
    assert sum(each.jobs for each in rounds) == len(old)
    assert await numbers(engine) == [young] and not left(settings)
    assert job_directories(settings.data_directory) == [young]
    await engine.close()


async def test_a_clock_that_jumps_ten_years_ahead_takes_nothing(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    kept = copies(settings, young, 5, days=3)
    real = clock.Tick.read
    ahead = 3650 * DAY
    monkeypatch.setattr(clock.Tick, "read", lambda: _ahead(real(), ahead))
    groomed = await engine.groom()
    assert groomed.jobs == 0 and "The clock has jumped ahead" in (groomed.waits or "")
    assert any("The clock has jumped ahead" in problem for problem in (await engine.status()).problems)
    # Too many is too many, whatever the time is.
    await engine.change_script("t.sh", max_history=3)
    assert (await engine.groom()).by_history == 2
    assert await numbers(engine) == [young, *kept[2:]]
    assert (await engine.groom(dry=True, trust_clock=True)).by_age == 4
    assert await numbers(engine) == [young, *kept[2:]]
    # Put right again, all is as it was.
    monkeypatch.setattr(clock.Tick, "read", real)
    assert (await engine.groom()).jobs == 0
    assert not (await engine.status()).problems
    monkeypatch.setattr(clock.Tick, "read", lambda: _ahead(real(), ahead))
    assert (await engine.groom(trust_clock=True)).by_age == 4
    await engine.close()


def _ahead(tick: clock.Tick, by: int) -> clock.Tick:
    return clock.Tick(tick.now + by, tick.up, tick.boot)


async def test_a_store_of_before_is_told_a_day_before_its_jobs_go(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    old = copies(settings, young, 150, days=60)
    await engine.close()
    with contextlib.closing(connect(settings.database)) as connection:
        connection.execute("DELETE FROM fact WHERE key IN ('clock', 'groomed')")
    engine = await Engine.open(settings, "act")
    groomed = await engine.groom()
    assert groomed.jobs == 0 and "never been groomed" in (groomed.waits or "")
    assert await numbers(engine) == [young, *old]
    assert any("never been groomed" in problem for problem in (await engine.status()).problems)
    since = json.loads(facts(settings)["clock"])
    for look in ("seen", "doubted"):
        since[look] = {**since[look], "now": since[look]["now"] - DAY, "up": since[look]["up"] - DAY}
    put_fact(settings, "clock", since)
    assert (await engine.groom()).jobs == 150
    await engine.close()


async def test_a_restricted_caller_grooms_nothing(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    token = caller.set(Caller("somebody", Role.Administrator, scripts=("a.sh",)))
    try:
        with pytest.raises(Forbidden):
            await engine.groom()
    finally:
        caller.reset(token)
    assert [entry.outcome != "done" for entry in await engine.audit() if entry.action == "groom"] == [True]
    await engine.close()


async def test_leftovers_of_crashes_and_empty_shards_go(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    with contextlib.closing(connect(settings.database)) as connection:
        connection.execute("UPDATE sequence SET value = 5000 WHERE name = 'job'")
    store = Path(settings.data_directory)
    (store / "jobs/0/7.deleted").mkdir()
    (store / "jobs/0/7.deleted/out.dat").write_bytes(b"x" * 9000)
    (store / "jobs/1/1001.deleted/deep").mkdir(parents=True)
    (store / "jobs/4").mkdir()
    # Somebody's own, named as they may be.
    for name in ("2", "²", "notes"):
        (store / "jobs" / name).write_text("mine")
    await engine.groom()
    assert sorted(path.name for path in (store / "jobs").iterdir()) == ["0", "2", "4", "notes", "²"]
    assert job_directories(settings.data_directory) == [young] and not left(settings)
    await engine.close()


async def test_the_database_gives_back_what_it_has_no_use_for(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    copies(settings, young, 1500, days=31, notes="x" * 6000)

    def pages() -> tuple[int, int]:
        with contextlib.closing(connect(settings.database)) as connection:
            size = connection.execute("PRAGMA page_count").fetchone()[0]
            return size, connection.execute("PRAGMA freelist_count").fetchone()[0]

    before = pages()[0]
    await asyncio.to_thread(a_round, settings)
    size, free = pages()
    assert free <= grooming._SPARE < before - size
    with contextlib.closing(connect(settings.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    await engine.close()


async def test_a_round_that_is_stopped_says_that_there_is_more(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    copies(settings, young, 200, days=31)
    steps = iter([True, True, False])
    part = await asyncio.to_thread(a_round, settings, lambda: next(steps, False))
    assert part.more and 0 < part.jobs < 200
    assert (await asyncio.to_thread(a_round, settings)).jobs == 200 - part.jobs
    await engine.close()


async def test_a_follower_of_a_job_that_goes_is_told(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    (old,) = copies(settings, young, 1, days=31)
    records = engine.records(old, follow=True)
    first = await anext(records)
    assert (await engine.groom()).jobs == 1
    # What was begun is read to its end; who comes later hears what became of it.
    rest = [record.number async for record in records]
    assert rest == list(range(first.number + 1, first.number + 1 + len(rest))) and rest
    with pytest.raises(NotFound, match="is gone: it was deleted or groomed"):
        await engine.job(old)
    with pytest.raises(NotFound, match="There is no job 123456"):
        await engine.job(123456)
    await engine.close()


async def test_submits_go_on_while_jobs_are_groomed(settings: Settings, scripts: Path) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    copies(settings, young, 400, days=31)
    done = threading.Event()

    def rounds() -> Groomed:
        try:
            return a_round(settings)
        finally:
            done.set()

    work = asyncio.ensure_future(asyncio.to_thread(rounds))
    submitted: list[int] = []
    while not done.is_set() or not submitted:
        submitted.append((await engine.run(RunRequest(path=str(scripts / "t.sh")))).id)
    assert (await work).jobs == 400
    for id in submitted:
        assert (await engine.wait(id)).exit_code == 0
    assert await numbers(engine) == [young, *submitted]
    await engine.close()


async def test_a_full_disk_stops_a_round_without_harm(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await Engine.open(settings, "act")
    young = await ran(engine, scripts)
    old = copies(settings, young, 10, days=31)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(ServiceError, match="No space left"):
            a_round(settings)
    assert await numbers(engine) == [young, *old]
    assert a_round(settings).jobs == 10
    await engine.close()


def test_a_file_that_somebody_took_for_left_over_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "mine")
    refused = threading.Event()

    class Watched(FileLock):
        def take(self, *, shared: bool = False) -> bool:
            took = super().take(shared=shared)
            if not took:
                refused.set()
            return took

    monkeypatch.setattr(removal, "FileLock", Watched)
    with FileLock(path) as thief:
        assert thief.take()
        found: list[FileLock] = []
        waiting = threading.Thread(target=lambda: found.append(removal._own_file(path)))
        waiting.start()
        assert refused.wait(10)
        os.unlink(path)
        thief.release()
        waiting.join(10)
    with found[0] as mine:
        assert os.path.samestat(os.stat(path), os.fstat(mine.fileno()))


async def test_a_file_that_another_has_just_finished_is_passed_by(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await Engine.open(settings, "act")
    kept = await ran(engine, scripts)
    file = Path(settings.data_directory, "removing", "delete-x")
    file.parent.mkdir(exist_ok=True)
    file.write_text("[77]")

    class Late(FileLock):
        def take(self, *, shared: bool = False) -> bool:
            file.unlink(missing_ok=True)
            return super().take(shared=shared)

    monkeypatch.setattr(removal, "FileLock", Late)
    with contextlib.closing(connect(settings.database)) as connection:
        removal.finish_removals(settings.data_directory, connection)
    assert await numbers(engine) == [kept] and not left(settings)
    await engine.close()


async def test_what_is_to_go_is_on_the_disk_before_the_rows_go(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await Engine.open(settings, "act")
    id = await ran(engine, scripts)
    steps: list[tuple[str, bool]] = []

    def watched(path: str) -> None:
        with contextlib.closing(connect(settings.database)) as connection:
            there = connection.execute("SELECT 1 FROM job WHERE id = ?", (id,)).fetchone() is not None
        steps.append((os.path.basename(path), there))

    monkeypatch.setattr(removal, "sync_directory", watched)
    await engine.delete(id)
    assert steps == [("removing", True), ("0", False)]
    await engine.close()


async def test_a_job_whose_runner_does_not_let_go_is_not_deleted(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.engine._LETS_GO", 0.1)
    engine = await Engine.open(settings, "act")
    id = await ran(engine, scripts)
    with FileLock(os.path.join(job_directory(settings.data_directory, id), "lock")) as lock:
        async with asyncio.timeout(10):
            while not lock.take():  # noqa: ASYNC110 (of the runner)
                await asyncio.sleep(0.01)
        with pytest.raises(Conflict, match="still holds its directory"):
            await engine.delete(id)
    await engine.delete(id)
    assert await numbers(engine) == []
    await engine.close()


def test_the_plan_of_a_look_reads_no_job_that_is_young(settings: Settings) -> None:
    from core.engine.database import create

    os.makedirs(settings.data_directory)
    create(settings.database)
    with contextlib.closing(sqlite3.connect(settings.database)) as connection:
        plan = " ".join(
            row[3]
            for row in connection.execute(
                "EXPLAIN QUERY PLAN SELECT id, created FROM job WHERE (created, id) > (5, 5) AND created < 9"
                " ORDER BY created, id LIMIT 10"
            )
        )
    assert "job_created" in plan and "TEMP B-TREE" not in plan
