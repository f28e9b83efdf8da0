"""Pictures of the application's frame and of the jobs, from the example scripts: screenshots/."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Settings
from core.engine.engine import Engine
from core.service import JobService, RunRequest, Status, Unavailable
from tests.tui.conftest import SIZES, Deck, Shot, settled, until
from tui.screens.jobs import JobsScreen

pytestmark = pytest.mark.usefixtures("still")


async def run_examples(engine: Engine, examples: Path) -> None:
    """Jobs of every kind, always with the same numbers."""

    async def run(name: str, wait: bool = True, parent: int | None = None, **parameters: object) -> int:
        source = "job" if parent else "cli"
        job = await engine.run(
            RunRequest(path=str(examples / name), parameters=parameters, parent_job=parent, source=source)
        )
        if wait:
            await engine.wait(job.id)
        return job.id

    log = examples / "server.log"
    log.write_text("2026-11-24 09:00:00 ERROR disk full\n2026-11-24 09:00:01 INFO started\n" * 20)
    await run("log-digest.py", log=str(log))
    await run("service-check.py", targets=["localhost:1"], strict=True)
    nightly = await run("disk-usage.sh", threshold=100)
    await run("disk-usage.sh", parent=nightly, threshold=100)
    await run("service-check.py", parent=nightly, targets=["localhost:1"])
    await run("backup.sh", mode="plain")
    (examples / "reindex.sh").write_text("jobdeck-job progress 40 Reindexing --status orders\nexec sleep 600\n")
    working = await run("reindex.sh", wait=False)
    asking = await run("backup.sh", wait=False)
    for id, status in ((working, Status.Running), (asking, Status.WaitingOnFeedback)):
        while (job := await engine.job(id)).status is not status or (id == working and not job.percent_complete):
            await engine.wait(id, 0.05)


@pytest.fixture
async def worked(settings: Settings, examples: Path) -> Path:
    """A store on which the examples have run; where they lie."""
    engine = await Engine.open(settings, "stay")
    await run_examples(engine, examples)
    await engine.close()
    return examples


async def test_jobs(deck: Deck, shot: Shot, worked: Path) -> None:
    for size in SIZES:
        async with deck(size=size, still=True) as pilot:
            await until(pilot, lambda: "Waiting" in pilot.app.export_screenshot())
            shot(pilot, "jobs")
            await pilot.press("end", "up", "up", "right")
            screen = pilot.app.screen
            assert isinstance(screen, JobsScreen)
            await until(pilot, lambda: screen._table.rows.count > 6)  # noqa: B023
            await pilot.press("space", "up", "up", "space", "down")
            await settled(pilot)
            shot(pilot, "jobs-tree")
            await pilot.press("escape", "slash", *"status:fa", "tab")
            await until(pilot, lambda: screen._bar.text == "status:failed" and screen._table.rows.count == 1)  # noqa: B023
            await settled(pilot)
            shot(pilot, "jobs-filter")
            await pilot.press("escape", "v")
            await pilot.pause(0.2)
            shot(pilot, "views")
            await pilot.press("escape", "question_mark")
            await pilot.pause(0.2)
            shot(pilot, "help")
            await pilot.press("escape", "home", "x")
            await pilot.pause(0.2)
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "ConfirmScreen")
            await pilot.pause(0.2)
            shot(pilot, "confirm")
            await pilot.press("escape", "q")
            await pilot.pause(0.2)
            shot(pilot, "quit")
            await pilot.press("escape")


async def test_light(deck: Deck, shot: Shot, worked: Path) -> None:
    async with deck(size=(120, 40), still=True, theme="jobdeck-light") as pilot:
        await until(pilot, lambda: "Waiting" in pilot.app.export_screenshot())
        shot(pilot, "jobs-light")


async def test_without_colour(deck: Deck, shot: Shot, worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with deck(size=(80, 24), still=True) as pilot:
        await until(pilot, lambda: "Waiting" in pilot.app.export_screenshot())
        shot(pilot, "jobs-no-color")


@pytest.mark.parametrize("size", SIZES)
async def test_no_job_yet(deck: Deck, shot: Shot, size: tuple[int, int]) -> None:
    async with deck(size=size, still=True) as pilot:
        await until(pilot, lambda: "has" in pilot.app.export_screenshot())
        await settled(pilot)
        shot(pilot, "jobs-empty")


@pytest.mark.parametrize("size", SIZES)
async def test_not_connected(deck: Deck, shot: Shot, size: tuple[int, int]) -> None:
    async def connect() -> JobService:
        raise Unavailable("The server https://jobs.example.org cannot be reached: connection refused. Is it running?")

    async with deck(size=size, connect=connect, wait=False, remote=True, place="https://jobs.example.org") as pilot:
        await until(pilot, lambda: "cannot" in pilot.app.export_screenshot())
        shot(pilot, "jobs-not-connected")
