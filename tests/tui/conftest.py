"""The application over a real engine, and pictures of it."""

from __future__ import annotations

import html
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.config import Settings
from core.engine.engine import Engine
from core.service import JobQuery, JobService, ServiceError
from tests.tui.frozen import NOW, frozen
from tui import clock, glyphs
from tui.app import JobdeckApp
from tui.changes import State
from tui.screens.jobs import JobsScreen

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "screenshots"
SIZES = ((80, 24), (120, 40))

Deck = Callable[..., AbstractAsyncContextManager[Pilot[int]]]
Shot = Callable[[Pilot[int], str], None]


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees what kind of terminal it is started from."""
    for name in list(os.environ):
        if name.startswith("TEXTUAL") or name in ("NO_COLOR", "COLORFGBG", "COLORTERM"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(glyphs, "UNICODE", True)
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
async def deck(tmp_path: Path, scripts: Path) -> AsyncIterator[Deck]:
    """`async with deck(size=(80, 24)) as pilot`: the application over an engine of its own on the test's store.

    `still=True`: times, paths and hosts are always the same, for pictures. Other arguments are JobdeckApp's.
    """

    @asynccontextmanager
    async def make(
        size: tuple[int, int] = (120, 40), still: bool = False, wait: bool = True, **options: Any
    ) -> AsyncIterator[Pilot[int]]:
        async def connect() -> JobService:
            engine: JobService = await Engine.open(Settings.load(), "stay")
            return frozen(engine, scripts) if still else engine

        options.setdefault("place", "~/.local/share/jobdeck")
        app = JobdeckApp(options.pop("connect", connect), **options)
        try:
            async with app.run_test(size=size) as pilot:
                if wait:
                    await until(pilot, lambda: app.connection.state is State.OPEN)
                    await until(pilot, lambda: getattr(app.screen_stack[1], "loaded", True))
                    await settled(pilot)
                yield pilot
        finally:
            app.thread.close()

    yield make
    await _end_jobs()


async def _end_jobs() -> None:
    """Jobs outlive the application; those that wait for an answer would outlive the tests, too."""
    settings = Settings.load()
    if not os.path.exists(settings.database):
        return
    with suppress(ServiceError):
        engine = await Engine.open(settings, "act")
        try:
            for job in (await engine.jobs(JobQuery(take=1000))).jobs:
                if not job.status.finished:
                    await engine.cancel(job.id)
        finally:
            await engine.close()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that the application shows stands."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def examples(scripts: Path) -> Path:
    """The example scripts, in the test's own directory."""
    shutil.copytree(ROOT / "examples", scripts, dirs_exist_ok=True)
    return scripts


@pytest.fixture
def shot() -> Shot:
    """`shot(pilot, "jobs")` compares what the screen says with screenshots/jobs-80x24.svg, line by line.

    A picture that is not there yet is written, and the test fails so that somebody looks at it.
    JOBDECK_TEST_SHOTS=write writes them all anew; =exact compares every byte, colours too, with the same Textual.
    """

    def compare(pilot: Pilot[int], name: str) -> None:
        width, height = pilot.app.size
        path = PICTURES / f"{name}-{width}x{height}.svg"
        svg = "\n".join(line.rstrip() for line in pilot.app.export_screenshot().splitlines()) + "\n"
        if os.environ.get("JOBDECK_TEST_SHOTS") == "write":
            PICTURES.mkdir(exist_ok=True)
            path.write_text(svg)
            return
        if not path.exists():
            PICTURES.mkdir(exist_ok=True)
            path.write_text(svg)
            pytest.fail(f"{path} was not there. Look at it, and add it if it is right.")
        exactly = os.environ.get("JOBDECK_TEST_SHOTS") == "exact"
        same = path.read_text() == svg if exactly else words(path.read_text()) == words(svg)
        if not same:
            other = path.with_suffix(".new.svg")
            other.write_text(svg)
            pytest.fail(f"{path} is not what is on the screen: see {other}. JOBDECK_TEST_SHOTS=write takes it.")

    return compare


def words(svg: str) -> list[str]:
    """The text of a picture, line by line."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', svg, re.DOTALL):
        lines.setdefault(float(y), []).append((float(x), html.unescape(text)))
    return ["".join(text for _, text in sorted(lines[y])).rstrip() for y in sorted(lines)]


async def until(pilot: Pilot[Any], condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for never came"
        await pilot.pause(0.01)


async def take(pilot: Pilot[Any], typed: str, told: str) -> None:
    """Take a verb from the palette: what is typed, and what tells that it is the one that is highlighted."""
    from textual.command import CommandList, CommandPalette

    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await pilot.press(*typed)
    found = pilot.app.screen.query_one(CommandList)
    # While the palette still looks, nothing is highlighted, and enter takes nothing.
    await until(pilot, lambda: found.highlighted_option is not None and told in str(found.highlighted_option.prompt))
    await pilot.press("enter")


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until nothing is being read or drawn any more; what listens for ever does not count."""
    app = pilot.app
    await until(
        pilot,
        lambda: not any(worker.group in ("rows", "default", "counts") and worker.is_running for worker in app.workers),
    )
    await pilot.pause()


async def caught_up(pilot: Pilot[Any]) -> None:
    """Wait until the application shows what the service has: its counts and, where it is on top, the list of jobs."""
    app = pilot.app
    assert isinstance(app, JobdeckApp)
    deadline = time.monotonic() + 20
    while True:
        shown: bool = app.counts == await app.service.counts()
        if isinstance(app.screen, JobsScreen):
            rows = app.screen._rows
            if rows is not None:
                there = (await app.service.jobs(replace(rows.query, take=20))).jobs
                seen = [row.job for place in range(min(20, rows.count)) if (row := rows.row(place)) is not None]
                shown = shown and [(job.id, job.status) for job in seen] == [(job.id, job.status) for job in there]
        if shown:
            break
        assert time.monotonic() < deadline, "the application does not show what there is"
        await pilot.pause(0.02)
    await settled(pilot)


Ready = Callable[[], Awaitable[None]]


def drawn(pilot: Pilot[Any]) -> str:
    """What stands on the screen, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
