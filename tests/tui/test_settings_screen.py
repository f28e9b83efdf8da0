"""The settings: environments, limits, theme, keys, tokens."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from core.access import Role
from core.config import Settings
from core.errors import Forbidden
from core.service import JobQuery, RunRequest
from tests.old_jobs import copies
from tests.tui.conftest import SIZES, Deck, Shot, drawn, until
from tests.tui.test_run_screen import app_of
from tests.tui.test_scripts_screen import form_of
from tui.changes import Connection, State
from tui.remembered import Remembered
from tui.screens.confirm import ConfirmScreen
from tui.screens.own_pages import KeysPage, ThemePage
from tui.screens.settings import SettingsScreen
from tui.screens.settings_forms import EnvironmentScreen, SettingScreen, TokenScreen
from tui.screens.settings_modals import GrantedScreen, KeyScreen
from tui.screens.settings_pages import EnvironmentsPage, LimitsPage, Page, TokensPage
from tui.widgets.footer import KeyLine


@pytest.fixture(autouse=True)
def _few_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program on PATH is tried before the environments are told: let there be few."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "cat"):
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    (programs / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(programs))


async def opened(pilot: Pilot[Any], kind: type[Page[Any]]) -> SettingsScreen:
    """The settings with this page in sight, read."""
    screen = app_of(pilot).open("settings")
    assert isinstance(screen, SettingsScreen)
    await until(pilot, lambda: screen.is_mounted and bool(screen.query(Page)) and screen.page.table.has_focus)
    for _ in range(5):
        if isinstance(screen.page, kind):
            break
        before = screen.page
        await pilot.press("right_square_bracket")
        await until(pilot, lambda before=before: screen.page is not before)  # type: ignore[misc]
    await until(pilot, lambda: screen.page.table.has_focus and screen.page.table.blank != ("Loading …",))
    await pilot.pause()
    return screen


def said(pilot: Pilot[Any]) -> list[str]:
    """What messages tell."""
    return [each.message for each in pilot.app._notifications]


async def on(pilot: Pilot[Any], screen: SettingsScreen, name: str) -> None:
    """Put the cursor on the row with this key."""
    table = screen.page.table
    await until(pilot, lambda: any(screen.page.row_key(table.rows.row(n)) == name for n in range(table.rows.count)))
    table.move_to(next(n for n in range(table.rows.count) if screen.page.row_key(table.rows.row(n)) == name))


async def test_an_environment_is_added_changed_and_removed(deck: Deck) -> None:
    async with deck(size=(100, 30)) as pilot:
        service = app_of(pilot).service
        screen = await opened(pilot, EnvironmentsPage)
        await pilot.press("a")
        form = await form_of(pilot, EnvironmentScreen)
        await pilot.press(*"Cat", "down", *"/nonexistent", "f5")
        await until(pilot, lambda: "/nonexistent" in form.form.field("path").problem)
        await pilot.press(*["backspace"] * 12, *"/bin/cat", "f5")
        await until(pilot, lambda: pilot.app.screen is screen)
        await on(pilot, screen, "Cat")
        await pilot.press("enter")
        form = await form_of(pilot, EnvironmentScreen)
        form.form.field("variables").focus()
        await pilot.pause()
        await pilot.press(*"A=1", "f5")
        await until(pilot, lambda: pilot.app.screen is screen)
        (cat,) = [each for each in await service.environments() if each.name == "Cat"]
        assert (cat.path, cat.arguments, dict(cat.variables)) == ("/bin/cat", ("{scriptPath}",), {"A": "1"})
        await on(pilot, screen, "Cat")
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.screen is screen and "/bin/cat" not in drawn(pilot))
        assert "Cat" not in [each.name for each in await service.environments()]


async def test_a_key_before_the_tabs_are_there_is_for_the_first_page(deck: Deck) -> None:
    async with deck(size=(100, 30)) as pilot:
        screen = await opened(pilot, LimitsPage)
        pages = screen.query_one(TabbedContent)
        # as it is while they are made
        pages.active = ""
        await until(pilot, lambda: pages.active_pane is None)
        assert isinstance(screen.page, EnvironmentsPage)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: isinstance(screen.page, LimitsPage))


async def test_a_limit_is_changed_within_its_range_and_put_back(deck: Deck) -> None:
    async with deck(size=(100, 30)) as pilot:
        service = app_of(pilot).service
        screen = await opened(pilot, LimitsPage)
        await on(pilot, screen, "max_running")
        await pilot.press("enter")
        form = await form_of(pilot, SettingScreen)
        await pilot.press(*["backspace"] * 3, "0", "f5")
        assert form.form.fields[0].problem.startswith("Must be a whole number from 1 to")
        await pilot.press("backspace", "7", "f5")
        await until(pilot, lambda: pilot.app.screen is screen and "settings file" in drawn(pilot))
        assert {each.name: each.value for each in await service.settings()}["max_running"] == 7
        await on(pilot, screen, "max_running")
        await pilot.press("d")
        await until(pilot, lambda: "settings file" not in drawn(pilot))
        assert {each.name: each.value for each in await service.settings()}["max_running"] == 100


async def test_a_theme_is_looked_at_and_taken(deck: Deck) -> None:
    async with deck(size=(100, 30)) as pilot:
        app = app_of(pilot)
        before = app.theme
        await opened(pilot, ThemePage)
        await pilot.press("down")
        await until(pilot, lambda: app.theme != before)
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == before)
        screen = await opened(pilot, ThemePage)
        await pilot.press("down")
        await until(pilot, lambda: app.theme != before)
        taken = app.theme
        await pilot.press("enter", "escape")
        await until(pilot, lambda: app.screen is not screen)
        assert app.theme == taken and app.remembered.text("theme") == taken


async def test_a_key_is_given_another_one_and_back(deck: Deck, tmp_path: Path) -> None:
    remembered = Remembered(str(tmp_path / "state.json"))
    async with deck(size=(100, 30), remembered=remembered) as pilot:
        screen = await opened(pilot, KeysPage)
        await on(pilot, screen, "jobs.rerun")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, KeyScreen))
        await pilot.press("tab")
        assert "meaning everywhere" in drawn(pilot)
        await pilot.press("x")
        assert "is Cancel" in drawn(pilot)
        await pilot.press("f9")
        assert "F9 is free" in drawn(pilot)
        await pilot.press("f9")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert Remembered(str(tmp_path / "state.json")).texts("keys") == {"jobs.rerun": "f9"}
        jobs = pilot.app.screen_stack[1]
        assert "f9" in jobs.active_bindings or any(
            b.id == "jobs.rerun" for b in jobs._bindings.get_bindings_for_key("f9")
        )
        await pilot.press("d")
        await until(pilot, lambda: remembered.texts("keys") == {})


async def test_what_retention_would_remove_is_told_and_removed_once_confirmed(
    deck: Deck, settings: Settings, scripts: Path
) -> None:
    async with deck(size=(100, 30)) as pilot:
        service = app_of(pilot).service
        (scripts / "t.sh").write_text("echo hello\n")
        job = await service.run(RunRequest(path=str(scripts / "t.sh")))
        await service.wait(job.id, 30)
        screen = await opened(pilot, LimitsPage)
        await on(pilot, screen, "retention_days")
        await until(pilot, lambda: "r tells which jobs would go now" in drawn(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "No job was kept long enough to go." in said(pilot))
        old = copies(settings, job.id, 5, days=31)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await until(pilot, lambda: f"Remove 5 jobs, numbers {old[0]} to {old[-1]}?" in drawn(pilot))
        assert "5 as too old, 0 as too many of their script." in drawn(pilot)
        # The safe answer has the focus.
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert len((await service.jobs(JobQuery())).jobs) == 6
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: any(told.startswith("5 jobs removed: ") for told in said(pilot)))
        assert [each.id for each in (await service.jobs(JobQuery())).jobs] == [job.id]


async def test_the_keys_below_tell_what_enter_does(deck: Deck) -> None:
    async with deck(size=(120, 40)) as pilot:
        wanted: dict[type[Page[Any]], str] = {
            EnvironmentsPage: "enter Change  a Add  X Remove  ] Next tab", ThemePage: "enter Take  ] Next tab",
            LimitsPage: "enter Change  d Default  r Groom  ] Next tab", TokensPage: "a Add  X Remove  ] Next tab",
        }  # fmt: skip
        for kind, keys in wanted.items():
            screen = await opened(pilot, kind)
            footer = screen.query_one(KeyLine)
            await until(pilot, lambda footer=footer, keys=keys: footer.render_line(0).text.startswith(f" {keys}  "))  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda screen=screen: pilot.app.screen is not screen)  # type: ignore[misc]


async def test_what_a_key_does_is_told_in_full(deck: Deck) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await opened(pilot, KeysPage)
        await on(pilot, screen, "jobs.order")
        await until(pilot, lambda: "the newest first, the longest, those that ended or started last" in drawn(pilot))


async def test_a_token_is_granted_shown_once_and_revoked(deck: Deck) -> None:
    async with deck(size=(100, 30)) as pilot:
        service = app_of(pilot).service
        screen = await opened(pilot, TokensPage)
        assert "No tokens" in drawn(pilot)
        await pilot.press("a")
        form = await form_of(pilot, TokenScreen)
        await pilot.press(*"robot", "f5")
        assert form.form.field("role").problem.startswith("Needed: one of")
        await pilot.press("e", "f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, GrantedScreen))
        (token,) = await service.tokens()
        assert (token.identity, token.role, token.token) == ("robot", Role.Execute, None)
        assert "shown this once" in drawn(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: pilot.app.screen is screen and "robot" in drawn(pilot))
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: "revoked" in drawn(pilot))


async def test_a_reader_changes_nothing(deck: Deck) -> None:
    async with deck(size=(100, 30)) as pilot:
        screen = await opened(pilot, LimitsPage)
        app_of(pilot)._tell_connection(Connection(State.OPEN, read_only=True))
        await pilot.pause()
        enabled = {id: able for _, _, able, id in KeyLine.keys(screen.query_one(KeyLine))}
        assert enabled["settings.change"] is enabled["settings.default"] is False and enabled["settings.next"]
        for key in ("enter", "e", "d", "e"):
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.screen is screen
        # Said once, however often it is meant.
        assert ["look only" in each.message for each in pilot.app._notifications] == [True]
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: isinstance(screen.page, ThemePage))
        assert all(able for _, _, able, _ in KeyLine.keys(screen.query_one(KeyLine)))


async def test_what_may_not_be_read_is_told_as_a_whole(deck: Deck) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await opened(pilot, LimitsPage)
        screen.page.table.show_list([])
        screen.failed(Forbidden("This asks for the role Administrator; the token of somebody has the role Reader."))
        await pilot.pause()
        assert "has the role" in drawn(pilot) and "Reader." in drawn(pilot) and not len(pilot.app._notifications)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.usefixtures("still")
async def test_pictures(deck: Deck, shot: Shot, size: tuple[int, int]) -> None:
    async with deck(size=size, still=True) as pilot:
        pages: tuple[type[Page[Any]], ...] = (EnvironmentsPage, LimitsPage, ThemePage, TokensPage)
        for kind, name in zip(pages, ("environments", "limits", "theme", "tokens"), strict=True):
            screen = await opened(pilot, kind)
            await until(pilot, lambda screen=screen: "…" not in drawn(pilot) or screen.page.table.rows.count > 0)  # type: ignore[misc]
            shot(pilot, f"settings-{name}")
            await pilot.press("escape")
            await until(pilot, lambda screen=screen: pilot.app.screen is not screen)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("state", "problem", "told"),
    [
        (State.CONNECTING, "", ["Loading …"]),
        (State.CONNECTING, "Nobody listens.", ["Not connected", "Nobody listens."]),
        (State.LOST, "Nobody listens.", ["Not connected", "Nobody listens."]),
    ],
)
async def test_a_page_without_a_connection_says_which_it_is(
    deck: Deck, state: State, problem: str, told: list[str]
) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await opened(pilot, EnvironmentsPage)
        app_of(pilot).connection = Connection(state, problem)
        screen.read()
        await until(pilot, lambda: [line for line in screen.page.table.blank if line] == told)
