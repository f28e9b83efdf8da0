"""Pictures of the job screen, made from the example scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.service import RunRequest
from tests.tui.conftest import SIZES, Deck, Shot, caught_up, until
from tests.tui.job_views import open_job, service
from tui.screens.job import JobScreen

MESSAGES = (
    ("INFO", "request 17 served in 12 ms", 61),
    ("ERROR", "database at 10.0.0.7:5432 does not answer", 9),
    ("WARNING", "disk /var is 91% full", 14),
    ("INFO", "session 4f opened for user 12", 33),
    ("CRITICAL", "worker 3 died", 2),
    ("DEBUG", "cache: 128 entries", 40),
)


@pytest.fixture
def log(examples: Path) -> Path:
    """A log to digest."""
    path = examples / "server.log"
    path.write_text("".join(f"{level}: {text}\n" * count for level, text, count in MESSAGES))
    return path


async def digested(pilot: Pilot[int], log: Path) -> JobScreen:
    """The job that digests the log, at its end."""
    request = RunRequest(
        path=str(log.parent / "log-digest.py"), parameters={"log": str(log)}, current_directory=str(log.parent)
    )
    job = await service(pilot).run(request)
    assert (await service(pilot).wait(job.id, 60)).status.finished
    screen = await open_job(pilot, job.id)
    await until(pilot, lambda: "of" in screen.output.bar.place)
    await pilot.pause()
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_the_job_screen(
    deck: Deck, log: Path, shot: Shot, still: None, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(log.parent)
    async with deck(size=size, still=True) as pilot:
        screen = await digested(pilot, log)
        shot(pilot, "job-output")
        await pilot.press("slash", *"served")
        await until(pilot, lambda: "of" in str(screen.output.ask._note.content))
        await pilot.pause()
        shot(pilot, "job-search")
        await pilot.press("escape", "2")
        objects = screen.pipeline.objects
        await until(pilot, lambda: len(objects.rows) == 6)
        await pilot.press("end", "right", "down", "down", "down", "right")
        await pilot.pause()
        shot(pilot, "job-pipeline")
        await pilot.press("4")
        await until(pilot, lambda: bool(screen.details.rows))
        await pilot.pause()
        shot(pilot, "job-details")


@pytest.mark.parametrize("size", SIZES)
async def test_the_errors_of_a_job(deck: Deck, examples: Path, shot: Shot, still: None, size: tuple[int, int]) -> None:
    async with deck(size=size, still=True) as pilot:
        targets = ["127.0.0.1:1", "nowhere"]
        path = str(examples / "service-check.py")
        job = await service(pilot).run(
            RunRequest(path=path, parameters={"targets": targets}, current_directory=str(examples))
        )
        await service(pilot).wait(job.id, 60)
        screen = await open_job(pilot, job.id)
        await pilot.press("3")
        await until(pilot, lambda: len(screen.errors.rows) == 2)
        await pilot.press("enter")
        await pilot.pause()
        shot(pilot, "job-errors")


@pytest.mark.parametrize("size", SIZES)
async def test_a_job_that_waits(
    deck: Deck, examples: Path, shot: Shot, still: None, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What it uses is measured by the test, not each second.
    monkeypatch.setattr("tui.screens.job._SECOND", 3600)
    async with deck(size=size, still=True) as pilot:
        path = str(examples / "backup.sh")
        request = RunRequest(path=path, parameters={"source": str(examples)}, current_directory=str(examples))
        job = await service(pilot).run(request)
        screen = await open_job(pilot, job.id)
        await until(pilot, lambda: screen.job is not None and screen.job.feedback == 1)
        view = screen.output.view
        await until(pilot, lambda: view.lines is not None and view.lines.total == 1)
        measured = await service(pilot).usage(job.id)
        assert measured is not None
        for percent in (12, 40, 85, 97, 90, 60, 33, 20, 8, 5, 37):
            screen.header.measure(replace(measured, cpu_percent=percent, memory_bytes=(30 + percent // 4) << 20))
        await until(pilot, lambda: screen.check_action("answer", ()) is True)
        await caught_up(pilot)
        shot(pilot, "job-waiting")
