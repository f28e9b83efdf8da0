"""Running a script by its form: over a real engine, with real jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Static

from core.service import Job, JobQuery, RunRequest, Status
from tests.tui.conftest import SIZES, Deck, Shot, drawn, settled, until
from tui.app import JobdeckApp
from tui.changes import Connection, State
from tui.screens.job import JobScreen
from tui.screens.run import RunScreen
from tui.widgets.form import Form
from tui.widgets.inputs import Pick, PlainSelect
from tui.widgets.paths import PathInput

ASKS = """\
#!/usr/bin/env bash
# Greets.
# @param {string} name "Your name" Who is greeted
# @param {integer 1..9} [times=2] How often
# @param {switch} [loud] In capitals
# @param {secret} [password] Kept
printf '%s|%s|%s|%s' "$1" "$2" "$3" "$(jobdeck-job parameter password)" >"$HOME/told"
"""


def app_of(pilot: Pilot[Any]) -> JobdeckApp:
    """The application."""
    assert isinstance(pilot.app, JobdeckApp)
    return pilot.app


def write(directory: Path, name: str, text: str) -> str:
    """A script in a directory; its path."""
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


async def opened(pilot: Pilot[Any], **about: Any) -> RunScreen:
    """The run screen with its form."""
    screen = app_of(pilot).open("run", **about)
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: screen.form is not None and screen.focused is not None)
    await pilot.pause()
    return screen


def form_of(screen: RunScreen) -> Form:
    """Its form."""
    assert screen.form is not None
    return screen.form


async def ran(pilot: Pilot[Any]) -> Job:
    """The job whose screen is open now, once it has ended."""
    await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
    assert isinstance(pilot.app.screen, JobScreen)
    return await app_of(pilot).service.wait(pilot.app.screen.job_id, 20)


def told(screen: RunScreen) -> str:
    """What stands above the buttons."""
    return "".join(str(banner.render()) for banner in screen.query(".banner").results(Static))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_a_script_runs_with_what_the_form_is_given(deck: Deck, scripts: Path, tmp_path: Path) -> None:
    async with deck() as pilot:
        script = await app_of(pilot).service.add_script(write(scripts, "greet.sh", ASKS))
        screen = await opened(pilot, script=script.id)
        assert "Greets." in str(screen.query_one(".about", Static).render())
        await pilot.press(*"Ada", "down", "backspace", "7", "down", "space", "down", *"s3")
        await pilot.press("f5")
        job = await ran(pilot)
        assert job.status is Status.Completed and job.source == "tui"
        assert job.parameters == {"name": "Ada", "times": 7, "loud": True, "password": None}
        assert (tmp_path / "told").read_text() == "Ada|7|true|s3"


async def test_wrong_and_missing_values_keep_it_from_running_and_have_the_focus(deck: Deck, scripts: Path) -> None:
    async with deck() as pilot:
        screen = await opened(pilot, script=write(scripts, "greet.sh", ASKS))
        await pilot.press("down", "backspace", "0", "ctrl+j")
        await pilot.pause()
        name, times = form_of(screen).fields[:2]
        assert name.problem == "A value is needed." and name.control.has_focus
        assert times.problem == "Must be a whole number from 1 to 9, not '0'."
        assert told(screen) == "2 values need attention."
        assert (await app_of(pilot).service.jobs(JobQuery())).jobs == ()


async def test_what_the_service_refuses_stands_at_its_field(deck: Deck, scripts: Path) -> None:
    async with deck() as pilot:
        screen = await opened(pilot, script=write(scripts, "true.sh", "#!/bin/sh\n"))
        directory = form_of(screen).field(":working_directory")
        assert directory is not None
        directory.focus()
        await pilot.pause()
        await pilot.press(*"/nowhere", "f5")
        await until(pilot, lambda: bool(directory.problem))
        assert "/nowhere does not exist" in directory.problem
        assert not screen.query_one("#send", Button).disabled


async def test_any_file_is_named_by_its_path_and_asks_for_its_parameters(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "greet.sh", ASKS)
    async with deck() as pilot:
        screen = app_of(pilot).open("run")
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.focused is not None)
        await pilot.press(*str(scripts), "/", "g")
        await pilot.press("tab")
        await until(pilot, lambda: screen.form is not None and "greet.sh" in screen.heading)
        assert [field.parameter.name for field in form_of(screen).fields[:4]] == ["name", "times", "loud", "password"]
        await pilot.press("tab", *"Bo", "f5")
        job = await ran(pilot)
        assert job.script_path == path and job.parameters["name"] == "Bo"


async def test_enter_behind_the_name_goes_on_to_the_parameters(deck: Deck, scripts: Path) -> None:
    async with deck() as pilot:
        await app_of(pilot).service.add_script(write(scripts, "greet.sh", ASKS))
        screen = app_of(pilot).open("run")
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.focused is not None)
        named = screen.focused
        await pilot.press(*"nothing", "enter")
        await until(pilot, lambda: "no script nothing on record" in str(screen.query_one("#body Static").render()))
        assert screen.focused is named
        await pilot.press(*["backspace"] * 7, *"greet.sh", "enter")
        await until(pilot, lambda: screen.form is not None and form_of(screen).fields[0].control.has_focus)
        # Once more, with the form there already.
        await pilot.press("shift+tab")
        await until(pilot, lambda: screen.focused is named)
        await pilot.press("enter", *"Eve", "f5")
        assert (await ran(pilot)).parameters["name"] == "Eve"


async def test_a_script_on_record_is_found_by_its_name(deck: Deck, scripts: Path) -> None:
    async with deck() as pilot:
        await app_of(pilot).service.add_script(write(scripts, "greet.sh", ASKS))
        screen = app_of(pilot).open("run")
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.focused is not None)
        await pilot.press(*"nothing")
        await until(pilot, lambda: "no script nothing on record" in str(screen.query_one("#body Static").render()))
        await pilot.press(*["backspace"] * 7, *"gre")
        await until(pilot, lambda: screen.query_one(PathInput).is_open)
        await pilot.press("down")
        await pilot.press("enter")
        await until(pilot, lambda: screen.form is not None)
        assert screen.heading == "Run · greet.sh"


async def test_without_declared_parameters_arguments_go_in_their_order(deck: Deck, scripts: Path) -> None:
    async with deck() as pilot:
        screen = await opened(pilot, script=write(scripts, "bare.sh", '#!/bin/sh\necho "$1-$2"\n'))
        form_of(screen).fields[0].focus()
        await pilot.pause()
        await pilot.press(*"b=2", "enter", *"nonsense", "f5")
        await until(pilot, lambda: "nonsense is not NAME=VALUE" in told(screen) + form_of(screen).fields[0].problem)
        await pilot.press(*["backspace"] * 8, *"a=1", "f5")
        job = await ran(pilot)
        assert job.parameters == {"b": "2", "a": "1"}


async def test_a_rerun_is_filled_and_keeps_its_secret(deck: Deck, scripts: Path, tmp_path: Path) -> None:
    path = write(scripts, "greet.sh", ASKS)
    async with deck() as pilot:
        service = app_of(pilot).service
        values = {"name": "Ada", "times": 5, "loud": True, "password": "s3"}
        first = await service.wait((await service.run(RunRequest(path=path, parameters=values, notes="once"))).id, 20)
        screen = await opened(pilot, rerun_of=first.id)
        assert form_of(screen).given["name"] == "Ada" and form_of(screen).given[":notes"] == "once"
        assert "password" not in form_of(screen).given
        times = form_of(screen).field("times")
        assert times is not None
        times.focus()
        await pilot.pause()
        await pilot.press("backspace", "6", "f5")
        job = await ran(pilot)
        assert (job.rerun_of, job.attempt, job.parameters["times"], job.notes) == (first.id, 2, 6, "once")
        assert (tmp_path / "told").read_text() == "Ada|6|true|s3"


async def test_a_rerun_of_a_script_that_is_gone_says_so_and_runs_the_copy(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "greet.sh", ASKS)
    async with deck() as pilot:
        service = app_of(pilot).service
        first = await service.wait((await service.run(RunRequest(path=path, parameters={"name": "Ada"}))).id, 20)
        Path(path).unlink()
        screen = await opened(pilot, rerun_of=first.id)
        assert f"The copy that job {first.id} ran will run." in told(screen)
        await pilot.press("f5")
        assert (await ran(pilot)).parameters["name"] == "Ada"


async def test_escape_keeps_what_was_typed_but_no_secret(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "greet.sh", ASKS)
    async with deck() as pilot:
        screen = await opened(pilot, script=path)
        await pilot.press(*"Ada", "down", "down", "down", *"s3", "escape")
        await until(pilot, lambda: pilot.app.screen is not screen)
        again = await opened(pilot, script=path)
        assert form_of(again).given == {"name": "Ada"}


async def test_a_file_that_cannot_be_read_is_told_in_place_of_the_form(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "wrong.sh", "# @param {nonsense} x\n")
    async with deck() as pilot:
        screen = app_of(pilot).open("run", script=path)
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: "nonsense" in told(screen))
        await until(pilot, lambda: screen.query_one("#back").has_focus)
        assert screen.form is None
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is not screen)


async def test_a_reader_sees_the_form_and_why_it_cannot_be_sent(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "greet.sh", ASKS)
    async with deck() as pilot:
        app_of(pilot).connection = Connection(State.OPEN, read_only=True)
        screen = app_of(pilot).open("run", script=path)
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.form is not None and "look only" in told(screen))
        assert screen.query_one("#send", Button).disabled and form_of(screen).disabled
        await pilot.press("f5")
        await settled(pilot)
        assert (await app_of(pilot).service.jobs(JobQuery())).jobs == ()


async def test_hostile_scripts_do_not_get_out_of_the_form(deck: Deck, scripts: Path) -> None:
    bad = "[/foo] \x1b]0;x\x07 \x1b[2J \u202e [@click=app.quit]q[/]"
    header = f'# {bad}\n# @param {{string}} [text={bad.replace("]", ")")}] "{bad}" {bad}\ntrue\n'
    async with deck() as pilot:
        await opened(pilot, script=write(scripts, "[b]\x07.sh", header))
        said = drawn(pilot).replace("\n", "")
        assert "[/foo]" in said and not any(ord(c) < 32 or c == "\u202e" for c in said)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.usefixtures("still")
async def test_pictures(deck: Deck, examples: Path, shot: Shot, size: tuple[int, int]) -> None:
    async with deck(size=size, still=True) as pilot:
        service = app_of(pilot).service
        script = await service.add_script(str(examples / "backup.sh"))
        await opened(pilot, script=script.id)
        shot(pilot, "run")
        await pilot.press("escape")
        other = await service.add_script(str(examples / "disk-usage.sh"))
        await opened(pilot, script=other.id)
        await pilot.press("backspace", *"00")
        await pilot.pause()
        shot(pilot, "run-wrong-value")


async def test_a_page_pasted_into_a_field_hides_nothing(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "plain.sh", "#!/bin/sh\necho $1\n")
    async with deck(size=(80, 24)) as pilot:
        screen = app_of(pilot).open("run", path)
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.form is not None and screen.focused is not None)
        pilot.app.post_message(events.Paste("lorem ipsum " * 80_000))
        await until(pilot, lambda: len(str(form_of(screen).fields[0].given)) > 900_000)
        await pilot.press("f5")
        await until(pilot, lambda: "lorem" in told(screen))
        assert len(told(screen)) <= 300
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "Arguments" in picture and "Back" in picture


async def test_typing_in_an_open_list_chooses(deck: Deck, scripts: Path) -> None:
    path = write(scripts, "plain.sh", "#!/bin/sh\necho $1\n")
    async with deck(size=(80, 24)) as pilot:
        screen = app_of(pilot).open("run", path)
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.form is not None and screen.focused is not None)
        pick = screen.query_one(Pick)
        choices = pick.query_one(PlainSelect)
        await until(pilot, lambda: "Bash" in [value for _, value in choices._options])
        choices.focus()
        await pilot.press("enter")
        await until(pilot, lambda: choices.expanded)
        await pilot.press("B", "a")
        await pilot.press("enter")
        await until(pilot, lambda: pick.given == "Bash")
