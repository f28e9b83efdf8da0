"""Whatever comes from outside reaches the terminal as letters: no escape, no markup, no line that moves another."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from core.service import Job, Status
from tests.tui.conftest import Deck, drawn, settled
from tui.job_columns import job_columns
from tui.job_rows import JobRow
from tui.screens.confirm import ConfirmScreen
from tui.text import cell_text, fit, middle
from tui.widgets.filter import FilterInput
from tui.widgets.table import Table

HOSTILE = [
    "[/foo]", "[bold", "[red]x[/]", "[@click=app.quit]x[/]", "$primary", "\\[",
    "\x1b]0;title\x07", "\x1b[2J\x1b[H", "\x9b2J", "\x1bPq\x1b\\", "a\rb", "a\nb", "a\tb", "\x00\x7f", "\x0e\x0f",
    "\u202eevil\u202c", "\u2066x\u2069", "a\u200bb\u200d", "e\u0301", "👩‍👩‍👧", "🇩🇪", "日本語", "\ufeff",
    "\ud800", "\u2028",
    "x" * 100_000, "", " ", "́" * 500,
]  # fmt: skip
#: what a terminal acts on, and what turns a line's direction
_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

JOB = Job(7, "run", Status.Failed, "x")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
@pytest.mark.parametrize("columns", [0, 1, 5, 12])
def test_a_cell_is_as_wide_as_it_is_counted(text: str, columns: int) -> None:
    said = fit(cell_text(text), columns)
    assert cell_len(said) == columns and not _ACTS.search(said)
    assert cell_len(fit(cell_text(text), columns, shrink=True)) <= columns


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_a_path_is_cut_in_its_middle(text: str) -> None:
    assert len(middle(text, 20)) <= 20
    assert middle("/a/long/path/to/some/script.sh", 20).endswith("script.sh")


class _Tables(App[None]):
    def compose(self) -> ComposeResult:
        table: Table[JobRow] = Table(job_columns(lambda: 0, 5), lambda row: row.job.id)
        yield table


async def test_jobs_of_any_name_in_the_table() -> None:
    app = _Tables()
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.query_one(Table)
        for text in HOSTILE:
            job = replace(JOB, script=text, identity=text, source=text, reason=text, activity=text)
            waiting = replace(job, id=8, status=Status.Queued, queue_reason=text)
            running = replace(job, id=9, status=Status.Running, percent_complete=float("nan"), status_description=text)
            table.show_list([JobRow(one, depth) for depth, one in enumerate((job, waiting, running))])
            table.blank = (text, text)
            await pilot.pause()
            lines = [table.render_line(y) for y in range(table.size.height)]
            assert all(line.cell_length == table.size.width for line in lines), ascii(text)[:40]
            assert not any(_ACTS.search(line.text) for line in lines), ascii(text)[:40]
            table.show_list([])
            await pilot.pause()
            lines = [table.render_line(y) for y in range(table.size.height)]
            assert not any(_ACTS.search(line.text) for line in lines), ascii(text)[:40]


async def test_questions_messages_and_places(deck: Deck) -> None:
    async with deck(place="\x1b]0;x\x07[/foo]") as pilot:
        app = pilot.app
        for text in HOSTILE:
            app.say(text, title=text)  # type: ignore[attr-defined]
            app.push_screen(ConfirmScreen(text, text, details=[text, text], safe=text))
            await pilot.pause()
            assert not _ACTS.search(drawn(pilot).replace("\n", "")), ascii(text)[:40]
            await pilot.press("escape")
            app.clear_notifications()
        await settled(pilot)


async def test_the_filter_takes_any_text(deck: Deck) -> None:
    async with deck() as pilot:
        await pilot.press("slash")
        field = pilot.app.screen.query_one(FilterInput)
        for text in HOSTILE:
            if len(text) < 10_000:
                field.value = text
                await pilot.pause()
                assert not _ACTS.search(field.value)
                assert not _ACTS.search(drawn(pilot).replace("\n", "")), ascii(text)[:40]
        await pilot.pause(0.2)
        await pilot.press("enter")
        await settled(pilot)
        assert pilot.app.is_running
