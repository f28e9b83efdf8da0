"""A runner that is started before its job: it loads meanwhile, runs that one job, or goes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import Settings
from core.engine.engine import Engine
from core.journal.format import STDOUT
from core.runner import start
from core.service import Invalid, RunRequest, Status
from tests.core.runner_jobs import Deck, locked, until


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


@contextlib.contextmanager
def waiting(powershell: bool = False) -> Iterator[tuple[socket.socket, int]]:
    """A runner that waits: the connection to it, and its process."""
    connection, process = started(powershell)
    with connection:
        connection.settimeout(20)
        yield connection, process
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, 0)


def started(powershell: bool = False) -> tuple[socket.socket, int]:
    before = children()
    connection = start.start_waiting(powershell=powershell)
    (process,) = children() - before
    return connection, process


def children() -> set[int]:
    found: set[int] = set()
    for thread in os.listdir("/proc/self/task"):
        found.update(map(int, Path(f"/proc/self/task/{thread}/children").read_text().split()))
    return found


def to_its_end(connection: socket.socket) -> bytes:
    said = b""
    while data := connection.recv(65536):
        said += data
    return said


def test_it_runs_the_job_that_is_handed_over_and_goes(deck: Deck) -> None:
    run = deck.job(script="ls /proc/self/fd; echo $PPID; exit 7")
    with waiting() as (connection, process):
        assert run.hand_over(connection, {"word": "a long secret"})
        assert to_its_end(connection).splitlines() == [b'{"state_seq":1}', b'{"state_seq":2}']
    assert run.values(12)[-1]["exit_code"] == 7
    assert run.stream(STDOUT).split() == [b"0", b"1", b"2", b"3", str(process).encode()]
    assert not locked(run.directory / "lock")
    assert run.log() == ""


def test_its_complaints_go_to_the_log_of_the_jobs_store(deck: Deck) -> None:
    run = deck.job("/bin/true")
    (run.directory / "spec.json").write_text("{")
    with waiting() as (connection, _):
        assert run.hand_over(connection)
        assert to_its_end(connection) == b""
    assert "a runner failed that was started before its job" in run.log()
    assert run.records() == []


@pytest.mark.parametrize("powershell", [False, True])
def test_it_goes_when_nobody_sends_a_job(powershell: bool) -> None:
    with waiting(powershell) as (connection, process):
        until(lambda: b"waiting" in Path(f"/proc/{process}/cmdline").read_bytes(), "that it waits")
        connection.close()
        _, status = os.waitpid(process, 0)
    assert status == 0


def test_a_job_handed_to_one_that_has_died_was_never_started(deck: Deck) -> None:
    run = deck.job(script=":")
    with waiting() as (connection, process):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        assert not run.hand_over(connection)
    assert run.records() == [] and not locked(run.directory / "lock")


async def test_an_engine_gives_it_its_first_job_and_later_ones_to_others(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "a.sh"
    script.write_text("echo $PPID\n")
    connection, process = started()
    engine = await Engine.open(settings, "act", connection)
    try:
        processes = []
        for _ in range(2):
            job = await engine.wait((await engine.run(RunRequest(path=str(script)))).id)
            assert job.status is Status.Completed
            processes.append(int(b"".join([r.data async for r in engine.records(job.id, streams=frozenset({STDOUT}))])))
        assert processes[0] == process != processes[1]
    finally:
        await engine.close()


async def test_one_that_has_died_costs_no_job(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "a.sh"
    script.write_text("exit 5\n")
    connection, process = started()
    engine = await Engine.open(settings, "act", connection)
    try:
        os.kill(process, signal.SIGKILL)
        await asyncio.to_thread(os.waitpid, process, 0)
        job = await engine.wait((await engine.run(RunRequest(path=str(script)))).id)
        assert job.exit_code == 5
    finally:
        await engine.close()


async def test_one_whose_job_was_refused_waits_for_the_next_and_goes_with_its_engine(
    settings: Settings, tmp_path: Path
) -> None:
    script = tmp_path / "a.sh"
    script.write_text("echo $PPID\n")
    engine = await Engine.open(settings, "act")
    before = children()
    try:
        with pytest.raises(Invalid):
            await engine.run(RunRequest(path=str(script), environment="No such environment"))
        (process,) = children() - before
        job = await engine.wait((await engine.run(RunRequest(path=str(script)))).id)
        said = b"".join([r.data async for r in engine.records(job.id, streams=frozenset({STDOUT}))])
        assert int(said) == process
        with pytest.raises(Invalid):
            await engine.run(RunRequest(path=str(script), environment="No such environment"))
        (process,) = children() - before - {process}
    finally:
        await engine.close()
    _, status = await asyncio.to_thread(os.waitpid, process, 0)
    assert status == 0
