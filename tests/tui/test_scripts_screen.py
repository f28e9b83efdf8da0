"""The list of scripts, and what can be done with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from core.service import RunRequest
from tests.tui.conftest import SIZES, Deck, Shot, caught_up, drawn, settled, until
from tests.tui.test_run_screen import app_of, told, write
from tui.changes import Connection, State
from tui.screens.confirm import ConfirmScreen
from tui.screens.form_screen import FormScreen
from tui.screens.help import here
from tui.screens.jobs import JobsScreen
from tui.screens.run import RunScreen
from tui.screens.script import ScriptScreen
from tui.screens.scripts import ScriptRow, ScriptsScreen
from tui.screens.source import SourceScreen, SourceView
from tui.widgets.beside import beside
from tui.widgets.inputs import PlainSelect
from tui.widgets.table import Table


async def opened(pilot: Pilot[Any]) -> tuple[ScriptsScreen, Table[ScriptRow]]:
    """The list of scripts, read."""
    screen = app_of(pilot).open("scripts")
    assert isinstance(screen, ScriptsScreen)
    await until(pilot, lambda: screen.is_mounted and "Scripts (" in screen.status_line._trail)
    await pilot.pause()
    return screen, screen.query_one(Table)


async def form_of(pilot: Pilot[Any], kind: type[FormScreen]) -> Any:
    """The form screen that was opened, with its form."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.form is not None)
    await until(pilot, lambda: pilot.app.screen.focused is not None)
    await pilot.pause()
    return pilot.app.screen


async def test_scripts_with_how_their_jobs_went(deck: Deck, scripts: Path) -> None:
    async with deck(size=(120, 24)) as pilot:
        service = app_of(pilot).service
        good = write(scripts, "good.sh", "# Does good.\n# @param {integer} [n=3] Times\ntrue\n")
        bad = write(scripts, "bad.sh", "exit 3\n")
        await service.add_script(write(scripts, "new.sh", "true\n"), tags=("nightly",))
        for path in (good, good, bad):
            await service.wait((await service.run(RunRequest(path=path))).id, 20)
        _, table = await opened(pilot)
        lines = drawn(pilot).splitlines()
        assert any("bad.sh" in line and "Failed" in line and "0%" in line for line in lines)
        assert any(
            "good.sh" in line and "Does good." in line and "Completed" in line and "100%" in line for line in lines
        )
        assert any("new.sh" in line and "never run" in line for line in lines)
        await pilot.press("down")
        await until(pilot, lambda: "n=3 integer" in drawn(pilot))
        await pilot.press("slash", *"nightly")
        await until(pilot, lambda: table.rows.count == 1)
        await pilot.press("enter")
        assert table.has_focus and table.cursor_row is not None and table.cursor_row.script.name == "new.sh"
        await pilot.press("escape")
        await until(pilot, lambda: table.rows.count == 3)


async def test_an_empty_list_says_how_to_fill_it(deck: Deck) -> None:
    async with deck(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "No scripts yet" in drawn(pilot) and "put a file on record" in drawn(pilot)


async def test_add_change_run_look_remove(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "work.sh", "# Works.\necho one\n")
    async with deck(size=(100, 40)) as pilot:
        service = app_of(pilot).service
        screen, table = await opened(pilot)
        await pilot.press("a")
        form = await form_of(pilot, ScriptScreen)
        await pilot.press(*"/nowhere", "f5")
        await until(pilot, lambda: "There is no file /nowhere" in form.form.field("path").problem)
        await pilot.press(*["backspace"] * 8, *path, "f5")
        await until(pilot, lambda: pilot.app.screen is screen)
        await until(pilot, lambda: table.rows.count == 1)
        await pilot.press("e")
        form = await form_of(pilot, ScriptScreen)
        for name, keys in {"timeout": ["backspace", "6", "0"], "tags": ["x", "enter", "y"], "merge": ["space"]}.items():
            form.form.field(name).focus()
            await pilot.pause()
            await pilot.press(*keys)
        form.form.field("variables").focus()
        await pilot.pause()
        await pilot.press(*"A=1", "enter", *"nonsense", "f5")
        await until(pilot, lambda: bool(told(form)))
        assert "NAME=VALUE" in form.form.field("variables").problem
        await pilot.press(*["backspace"] * 8, *"B=2", "f5")
        await until(pilot, lambda: pilot.app.screen is screen)
        script = await service.script("work.sh")
        assert (script.timeout, script.tags, script.merge, script.variables) == (
            60,
            ("x", "y"),
            True,
            {"A": "1", "B": "2"},
        )
        assert script.description == "Works." and script.concurrent_jobs == 100
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, SourceScreen) and "echo one" in drawn(pilot))
        await pilot.press("escape")
        await pilot.press("enter")
        await form_of(pilot, RunScreen)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert len(await service.scripts()) == 1
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: table.rows.count == 0)
        assert await service.scripts() == []


async def test_preferences_of_powershell_are_fields(deck: Deck, scripts: Path) -> None:
    async with deck(size=(100, 40)) as pilot:
        service = app_of(pilot).service
        path = write(scripts, "p.ps1", "<#\n.SYNOPSIS\n    Says x.\n#>\n'x'\n")
        assert (await service.add_script(path, preferences={"Debug": "Stop"})).description == "Says x."
        screen, _ = await opened(pilot)
        await pilot.press("e")
        form = await form_of(pilot, ScriptScreen)
        assert form.form.field("preference.Debug").given == "Stop"
        verbose = form.form.field("preference.Verbose")
        verbose.query_one(PlainSelect).value = "Continue"
        await until(pilot, lambda: verbose.given == "Continue")
        form.form.field("preference.Debug").query_one(PlainSelect).clear()
        await until(pilot, lambda: form.form.field("preference.Debug").given is None)
        await pilot.press("f5")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert (await service.script("p.ps1")).preferences == {"Verbose": "Continue"}


async def test_its_jobs_are_the_jobs_screen_with_a_filter(deck: Deck, scripts: Path) -> None:
    async with deck(size=(100, 30)) as pilot:
        service = app_of(pilot).service
        for name in ("a b.sh", "other.sh"):
            await service.wait((await service.run(RunRequest(path=write(scripts, name, "true\n")))).id, 20)
        await opened(pilot)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await settled(pilot)
        await until(pilot, lambda: "1 of 2 jobs" in drawn(pilot))
        assert "a b.sh" in drawn(pilot)


async def test_another_process_adds_a_script_and_it_is_there(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        _, table = await opened(pilot)
        await app_of(pilot).service.add_script(write(scripts, "late.sh", "true\n"))
        await until(pilot, lambda: table.rows.count == 1)


async def test_hostile_names_descriptions_and_sources(deck: Deck, scripts: Path) -> None:
    bad = "[/foo] \x1b]0;x\x07 \x1b[2J \u202e [@click=app.quit]q"
    async with deck(size=(100, 30)) as pilot:
        path = write(scripts, "bad.sh", f"# {bad}\n# @param {{string}} [x] {bad}\necho '{bad}'\n\n\x0c\ttab\n")
        await app_of(pilot).service.add_script(path, name=bad, description=bad, tags=(bad,), notes=bad)
        await opened(pilot)
        await until(pilot, lambda: "Parameters" in drawn(pilot))
        first = drawn(pilot)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, SourceScreen) and "tab" in drawn(pilot))
        second = drawn(pilot)
        await pilot.press("escape", "e")
        await form_of(pilot, ScriptScreen)
        third = drawn(pilot)
        for told_ in (first, second, third):
            assert "[/foo]" in told_ and not any((ord(c) < 32 and c != "\n") or c == "\u202e" for c in told_)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, ScriptsScreen))
        (script,) = await app_of(pilot).service.scripts()
        assert script.name == bad and script.notes == bad, "what nobody touched is as it was"


async def test_opened_without_a_connection_it_says_why(deck: Deck) -> None:
    sentence = "The data directory /srv/jobdeck is not a directory. Move it away, or set JOBDECK_HOME."
    async with deck(size=(80, 24)) as pilot:
        app_of(pilot)._tell_connection(Connection(State.LOST, sentence, 60.0))
        screen = app_of(pilot).open("scripts")
        await until(pilot, lambda: pilot.app.screen is screen and "Not connected" in drawn(pilot))
        # Every word of it, in lines.
        assert sentence.split() == drawn(pilot).partition("Not connected")[2].split()[: len(sentence.split())]


async def test_every_line_of_a_source_is_there(deck: Deck, scripts: Path) -> None:
    lines = ["", "a\tb", "", "x" * 5000, "é 👩‍👩‍👧", "\x0c", "end"]
    async with deck(size=(80, 24)) as pilot:
        script = await app_of(pilot).service.add_script(write(scripts, "s.sh", "\n".join(lines) + "\n"))
        screen = app_of(pilot).open("source", script)
        await until(pilot, lambda: any(v.virtual_size.height == len(lines) for v in screen.query(SourceView)))
        text = drawn(pilot)
        assert [line.split()[0] for line in text.splitlines()[1 : len(lines) + 1]] == [str(n + 1) for n in range(7)]


async def test_the_keys_of_lists_move_in_a_source_too(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        script = await app_of(pilot).service.add_script(write(scripts, "s.sh", ("x" * 300 + "\n") * 200))
        screen = app_of(pilot).open("source", script)
        await until(pilot, lambda: any(v.virtual_size.height == 200 for v in screen.query(SourceView)))
        view = screen.query_one(SourceView)
        page, half, wide = view.size.height - 1, view.size.height // 2, view.size.width // 2
        end = view.max_scroll_y
        for key, at in (
            ("j", (0, 1)), ("down", (0, 2)), ("k", (0, 1)), ("up", (0, 0)), ("pagedown", (0, page)),
            ("space", (0, 2 * page)), ("pageup", (0, page)), ("home", (0, 0)), ("ctrl+d", (0, half)),
            ("ctrl+u", (0, 0)), ("G", (0, end)), ("g", (0, 0)), ("end", (0, end)), ("l", (wide, end)),
            ("right", (2 * wide, end)), ("h", (wide, end)), ("left", (0, end)), ("l", (wide, end)), ("0", (0, end)),
        ):  # fmt: skip
            await pilot.press(key)
            await until(pilot, lambda at=at: tuple(view.scroll_offset) == at, 5)  # type: ignore[misc]
        assert {"Source", "Lists"} <= here(screen).keys()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.usefixtures("still")
async def test_pictures(deck: Deck, examples: Path, shot: Shot, size: tuple[int, int]) -> None:
    async with deck(size=size, still=True) as pilot:
        service = app_of(pilot).service
        await opened(pilot)
        shot(pilot, "scripts-empty")
        await pilot.press("escape")
        for name in ("backup.sh", "disk-usage.sh", "log-digest.py", "service-check.py"):
            await service.add_script(str(examples / name))
        for parameters in ({"mode": "plain"}, {"mode": "plain"}, {"source": "/nowhere", "mode": "plain"}):
            await service.wait((await service.run(RunRequest(script="backup.sh", parameters=parameters))).id, 30)
        for parameters in ({"log": str(examples / "README.md")},):
            await service.wait((await service.run(RunRequest(script="log-digest.py", parameters=parameters))).id, 30)
        screen, _ = await opened(pilot)
        await until(pilot, lambda: "Parameters" in str(screen.query_one("#about", Static).render()))
        await caught_up(pilot)
        shot(pilot, "scripts")
        await pilot.press("e")
        await form_of(pilot, ScriptScreen)
        shot(pilot, "script-settings")
        await pilot.press("escape", "o")
        await until(pilot, lambda: isinstance(pilot.app.screen, SourceScreen) and "set -euo" in drawn(pilot))
        shot(pilot, "script-source")


async def test_work_that_ends_while_its_screen_goes_harms_nobody(deck: Deck) -> None:
    async with deck() as pilot:
        screen, _ = await opened(pilot)
        ended: list[str] = []

        async def late(how: str) -> None:
            ended.append(how)
            screen.query_one("#gone")

        screen.background(late("in the background"))
        beside(screen, "late", late, "beside")
        await until(pilot, lambda: len(ended) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
