"""Changes: told in order, by every process, over restarts and a lost database."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from core.config import Settings
from core.engine import changes
from core.engine.database import connect, create
from core.engine.engine import Engine
from core.engine.rebuild import rebuild
from core.service import Event, JobQuery, RunRequest, Unavailable

_RUN = """\
import asyncio, sys
from core.engine.engine import Engine
from core.service import RunRequest
async def main():
    engine = await Engine.open(mode="act")
    for key in sys.argv[2:]:
        job = await engine.run(RunRequest(path=sys.argv[1], key=key or None))
        print(job.id, flush=True)
        await engine.wait(job.id)
    await engine.close()
asyncio.run(main())
"""


async def first(events: AsyncIterator[Event], kind: str, id: int | None) -> Event:
    async with asyncio.timeout(30):
        async for event in events:
            if event.kind == kind and event.id == id:
                return event
    raise AssertionError("the events ended")


def run_elsewhere(path: str, *keys: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _RUN, path, *keys], stdout=subprocess.PIPE)


async def test_other_processes_are_heard_within_a_moment(engine: Engine, scripts: Path) -> None:
    (scripts / "x.sh").write_text("true\n")
    events = engine.events()
    waiting = asyncio.ensure_future(first(events, "script", 1))
    await asyncio.sleep(0.2)
    other = run_elsewhere(str(scripts / "x.sh"), "")
    seen = await waiting
    # The sequence is the time of the change in microseconds, or a little more.
    assert time.time_ns() // 1000 - seen.sequence < 250_000
    await first(events, "job", 1)
    await asyncio.to_thread(other.communicate)
    assert other.returncode == 0
    await events.aclose()  # type: ignore[attr-defined]


async def test_the_sequence_goes_on_when_the_database_was_lost(settings: Settings, scripts: Path) -> None:
    (scripts / "x.sh").write_text("true\n")
    engine = await Engine.open(settings, "act")
    events = engine.events(since=0)
    job = await engine.run(RunRequest(path=str(scripts / "x.sh")))
    before = (await first(events, "job", job.id)).sequence
    await engine.wait(job.id, 20)
    await engine.close()
    for path in Path(settings.data_directory).glob("jobdeck.db*"):
        path.unlink()
    rebuild(settings)
    engine = await Engine.open(settings, "act")
    again = engine.events(since=before)
    # Everything may be another: who heard the old one looks at all anew.
    assert (await first(again, "job", None)).sequence > before
    assert (await first(again, "script", None)).sequence > before
    await again.aclose()  # type: ignore[attr-defined]
    await engine.close()


async def test_who_knows_a_sequence_of_the_future_is_told_to_look_anew(engine: Engine) -> None:
    events = engine.events(since=2**62)
    assert {(await anext(events)).kind for _ in changes.KINDS} == set(changes.KINDS)
    await events.aclose()  # type: ignore[attr-defined]


def test_sequences_ascend_even_when_the_clock_does_not(tmp_path: Path) -> None:
    create(str(tmp_path / "x.db"))
    connection = connect(str(tmp_path / "x.db"))
    drawn = [changes.draw(connection) for _ in range(500)]
    assert drawn == sorted(set(drawn)) and drawn[0] >= time.time_ns() // 1000 - 10**7
    connection.execute("UPDATE sequence SET value = value + 3600000000 WHERE name = 'change'")
    assert changes.draw(connection) > drawn[-1] + 3_599_000_000
    connection.close()


def test_deletions_are_kept_for_a_week(tmp_path: Path) -> None:
    create(str(tmp_path / "x.db"))
    connection = connect(str(tmp_path / "x.db"))
    changes.note_deleted(connection, 7)
    now = changes.newest(connection)
    assert changes.behind(connection, now - 1, 10) == [Event(now, "job", 7)]
    week = 7 * 86_400 * 10**6
    connection.execute("UPDATE change SET sequence = sequence - ?", (week + 1,))
    changes.note_deleted(connection, 8)
    told = changes.behind(connection, now - week - 10**6, 10)
    # 7 is forgotten: who was away so long hears that any job may be gone.
    assert [(event.kind, event.id) for event in told] == [("job", None), ("job", 8)]
    connection.close()


async def test_listening_to_a_quiet_store_costs_next_to_nothing(engine: Engine) -> None:
    listeners = [engine.events() for _ in range(50)]
    waiting = [asyncio.ensure_future(first(events, "script", 1)) for events in listeners]
    await asyncio.sleep(0.5)
    reads = 0
    read = engine._database.read

    async def counted(function):  # type: ignore[no-untyped-def]
        nonlocal reads
        reads += 1
        return await read(function)

    engine._database.read = counted  # type: ignore[method-assign]
    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.sleep(3)
    after = resource.getrusage(resource.RUSAGE_SELF)
    # One look every two seconds for all of them, and what leading costs.
    assert reads < 3 * 5
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.5
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for events in listeners:
        await events.aclose()  # type: ignore[attr-defined]


async def test_a_slow_listener_hears_everything(engine: Engine, scripts: Path) -> None:
    (scripts / "x.sh").write_text("true\n")
    script = await engine.add_script(str(scripts / "x.sh"))
    events = engine.events(since=time.time_ns() // 1000 - 10**9)
    assert (await anext(events)).id == script.id
    # More than is kept for those who listen.
    names = []
    for number in range(30):
        (scripts / f"{number}.sh").write_text("true\n")
        names.append((await engine.add_script(str(scripts / f"{number}.sh"))).id)
    feed = engine._changes
    assert feed is not None
    feed._recent.clear()
    feed._from = feed._newest
    heard = [(await anext(events)).id for _ in names]
    assert heard == names and script.id not in heard
    await events.aclose()  # type: ignore[attr-defined]


async def test_listeners_are_let_go_at_the_end(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    events = engine.events()
    waiting = asyncio.ensure_future(anext(events, None))
    await asyncio.sleep(0.2)
    await engine.close()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_a_damaged_store_is_told_to_listeners(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    events = engine.events()
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.2)

    async def refuse(_: object) -> None:
        raise Unavailable("The database is damaged.")

    engine._database.read = refuse  # type: ignore[assignment,method-assign]
    await engine.add_script(__file__)
    try:
        await asyncio.wait_for(waiting, 10)
    except Unavailable as error:
        assert "damaged" in str(error)
    else:
        raise AssertionError("it was not told")
    del engine._database.read
    await engine.close()


async def test_a_key_is_one_job_over_processes_and_a_rebuild(settings: Settings, scripts: Path) -> None:
    (scripts / "x.sh").write_text("true\n")
    path = str(scripts / "x.sh")
    keys = [f"key-{number}" for number in range(8)]
    processes = [run_elsewhere(path, *keys) for _ in range(3)]
    told = [(await asyncio.to_thread(process.communicate))[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert told[0] == told[1] == told[2] and len(set(told[0].split())) == 8
    rebuild(settings)
    engine = await Engine.open(settings, "act")
    assert await engine.count(JobQuery()) == 8
    again = [(await engine.run(RunRequest(path=path, key=key))).id for key in keys]
    assert again == [int(word) for word in told[0].split()]
    # Whose key it is counts.
    other = await engine.run(RunRequest(path=path, key=keys[0], identity="somebody"))
    assert other.id not in again
    await engine.wait(other.id, 20)
    # A second one is no act of its own.
    assert len([entry for entry in await engine.audit() if entry.action == "run"]) == 9
    # No directory is left of those that came second.
    assert len(list((Path(settings.data_directory) / "jobs").glob("*/*"))) == 9
    await engine.close()


async def test_a_key_that_two_jobs_have_is_the_first_ones(settings: Settings, scripts: Path) -> None:
    (scripts / "x.sh").write_text("true\n")
    request = RunRequest(path=str(scripts / "x.sh"), key="k")
    engine = await Engine.open(settings, "act")
    first = await engine.run(request)
    await engine.wait(first.id, 20)
    # As if the database had been put back from before that job.
    await engine._database.write(lambda c: c.execute("DELETE FROM job"))
    second = await engine.run(request)
    await engine.wait(second.id, 20)
    assert second.id != first.id
    await engine.close()
    assert rebuild(settings).jobs == 2
    engine = await Engine.open(settings, "act")
    assert (await engine.run(request)).id == first.id
    await engine.close()
