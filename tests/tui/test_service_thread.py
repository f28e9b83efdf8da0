"""The service on its own thread: calls, iterators, cancelling, closing; over a real engine."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from core.config import Settings
from core.engine.engine import Engine
from core.service import JobQuery, JobService, NotFound, RunRequest, Unavailable
from tui.remembered import Remembered
from tui.service_thread import ServiceThread


@pytest.fixture
def thread(settings: Settings) -> ServiceThread:
    """A thread with an engine, not opened yet."""

    async def connect() -> JobService:
        engine: JobService = await Engine.open(settings, "act")
        return engine

    return ServiceThread(connect)


async def test_calls_and_errors_come_over(thread: ServiceThread, scripts: Path) -> None:
    service = await thread.open()
    path = scripts / "lines.sh"
    path.write_text("seq 3\n")
    job = await service.run(RunRequest(path=str(path), environment="sh"))
    assert (await service.wait(job.id)).exit_code == 0
    assert [one.id for one in (await service.jobs(JobQuery())).jobs] == [job.id]
    assert [line.data for line in (await service.lines(job.id, 0, 10)).lines] == [b"1", b"2", b"3"]
    assert b"".join([record.data async for record in service.records(job.id, streams=frozenset({1}))]) == b"1\n2\n3\n"
    with pytest.raises(NotFound):
        await service.job(99)
    with pytest.raises(NotFound):
        async for _ in service.records(99):
            raise AssertionError("there is no such job")
    thread.close()
    assert not [one for one in threading.enumerate() if one.name == "service"]


async def test_an_iterator_that_is_left_stops_on_the_other_side(thread: ServiceThread, scripts: Path) -> None:
    service = await thread.open()
    path = scripts / "long.sh"
    path.write_text("yes | head -n 200000; exec sleep 60\n")
    job = await service.run(RunRequest(path=str(path), environment="sh"))
    records = service.records(job.id, follow=True)
    assert await anext(records)
    await records.aclose()  # type: ignore[attr-defined]
    waiting = asyncio.ensure_future(service.wait(job.id))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    async def left() -> int:
        return len([task for task in asyncio.all_tasks() if "there" in str(task.get_coro()) or "_Pump" in str(task)])

    for _ in range(100):
        if not await thread.run(left()):
            break
        await asyncio.sleep(0.02)
    assert not await thread.run(left())
    await service.cancel(job.id)
    await service.wait(job.id)
    thread.close()


async def test_without_a_connection_it_says_so(thread: ServiceThread) -> None:
    with pytest.raises(Unavailable):
        await thread.service.counts()
    await thread.open()
    await thread.let_go()
    with pytest.raises(Unavailable):
        await thread.service.counts()
    await thread.open()
    assert await thread.service.counts() == {}
    thread.close()
    with pytest.raises(Unavailable):
        await thread.service.counts()


def test_what_is_remembered(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "state.json")
    remembered = Remembered(path)
    remembered.put("filter", "status:failed")
    remembered.put("views", {"mine": "tag:x", "bad": 3})
    again = Remembered(path)
    assert again.text("filter") == "status:failed" and again.texts("views") == {"mine": "tag:x"}
    again.put("filter", None)
    assert Remembered(path).text("filter", "none") == "none"
    Path(path).write_text("{not json")
    assert Remembered(path).texts("views") == {}
    unwritable = Remembered("/proc/nowhere/state.json")
    unwritable.put("filter", "x")
    assert unwritable.text("filter") == "x"
