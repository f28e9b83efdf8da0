"""The application over a real engine, and pictures of it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.config import Settings
from core.engine.engine import Engine
from core.service import JobService
from tests.tui.frozen import NOW, frozen
from tui import clock, glyphs
from tui.app import JobdeckApp
from tui.changes import State

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
def deck(tmp_path: Path, scripts: Path) -> Deck:
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

    return make


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
    """`shot(pilot, "jobs")` compares the screen with screenshots/jobs-80x24.svg, byte by byte.

    A picture that is not there yet is written, and the test fails so that somebody looks at it.
    JOBDECK_TEST_SHOTS=write writes them all anew.
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
        if path.read_text() != svg:
            other = path.with_suffix(".new.svg")
            other.write_text(svg)
            pytest.fail(f"{path} is not what is on the screen: see {other}. JOBDECK_TEST_SHOTS=write takes it.")

    return compare


async def until(pilot: Pilot[Any], condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for never came"
        await pilot.pause(0.01)


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until nothing is being read or drawn any more; what listens for ever does not count."""
    app = pilot.app
    await until(
        pilot,
        lambda: not any(worker.group in ("rows", "default", "counts") and worker.is_running for worker in app.workers),
    )
    await pilot.pause()


Ready = Callable[[], Awaitable[None]]
