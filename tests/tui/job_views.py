"""Helpers: a job on the screen, and what a person reads there."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from core.service import Job, JobService, RunRequest
from tests.tui.conftest import until
from tui.app import JobdeckApp
from tui.screens.job import JobScreen
from tui.widgets.output import OutputView


def service(pilot: Pilot[Any]) -> JobService:
    """The application's service."""
    assert isinstance(pilot.app, JobdeckApp)
    return pilot.app.service


async def start(pilot: Pilot[Any], directory: Path, name: str, text: str, **options: Any) -> Job:
    """Run a script of this text."""
    path = directory / name
    path.write_text(text)
    return await service(pilot).run(RunRequest(path=str(path), current_directory=str(directory), **options))


async def open_job(pilot: Pilot[Any], id: int) -> JobScreen:
    """Show a job; its facts and its output are there."""
    assert isinstance(pilot.app, JobdeckApp)
    screen = pilot.app.open("job", id)
    assert isinstance(screen, JobScreen)
    await until(pilot, lambda: screen.job is not None and screen.output.view.lines is not None)
    await until(pilot, lambda: screen.output.bar.place != "")
    await pilot.pause()
    return screen


async def finished(pilot: Pilot[Any], directory: Path, name: str, text: str, **options: Any) -> JobScreen:
    """Run a script to its end and show the job."""
    job = await start(pilot, directory, name, text, **options)
    assert (await service(pilot).wait(job.id, 30)).status.finished
    screen = await open_job(pilot, job.id)
    await until(pilot, lambda: screen.output.view.lines is not None and screen.output.view.lines.total is not None)
    await pilot.pause()
    return screen


def rows(view: OutputView) -> list[str]:
    """The text of the rows on the screen, without tags and bar."""
    found = []
    for row in view.plan.rows:
        line = view.lines.line(row.line) if view.lines is not None else None
        if line is None or row.end < 0:
            found.append("…")
        elif row.cut:
            found.append("(more)")
        else:
            found.append(view.plan.paint(line).text[row.start : row.end])
    return found


def screen_text(pilot: Pilot[Any]) -> str:
    """Everything on the screen, as it goes to the terminal; fails where something is no letter."""
    width, height = pilot.app.size
    lines = []
    for strip in pilot.app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in strip if not segment.control)
        wrong = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
        assert not wrong, (wrong, text)
        assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200d"), text
        assert strip.cell_length == width, text
        lines.append(text.rstrip())
    assert len(lines) == height
    return "\n".join(lines)
