"""The user's own keys: what can be is given, what cannot is told, and nothing keeps the application from starting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.engine.engine import Engine
from tests.tui.conftest import Deck, take, until
from tui import told
from tui.key_names import NO_KEY, read_key, shown
from tui.keys import KEYS, TITLES
from tui.own_keys import FIXED, OwnKeys, Wish, resolve, together, usual, wishes
from tui.screens.own_pages import KeysPage
from tui.screens.settings import SettingsScreen
from tui.widgets.footer import KeyLine


def of(**table: Any) -> OwnKeys:
    """What becomes of a table; `__` stands for the dot."""
    found, wrong = wishes({id.replace("__", "."): keys for id, keys in table.items()}, {})
    assert not wrong
    return resolve(found)


@pytest.mark.parametrize("key", [key for row in KEYS for key in row.keys.split(",")])
def test_a_key_is_read_as_it_is_written(key: str) -> None:
    assert read_key(key) == key and read_key(shown(key)) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [("Ctrl+X", "ctrl+x"), ("shift+x", "X"), ("ESC", "escape"), ("PgUp", "pageup"), ("f5", "f5"), ("@", "at"),
     (" ", "space"), ("+", "plus"), ("ctrl++", "ctrl+plus"), ("é", "é"), ("del", "delete"), ("`", "grave_accent")],
)  # fmt: skip
def test_other_ways_to_write_a_key(written: str, key: str) -> None:
    assert read_key(written) == key


@pytest.mark.parametrize(
    ("written", "why"),
    [("", "no such key"), ("blub", "no such key"), ("ctrl+blub", "no such key"), ("hyper+x", "no such key"),
     ("F99", "no such key"), ("ctrl+i", "same as tab"), ("ctrl+m", "same as enter"), ("ctrl+[", "same as esc")],
)  # fmt: skip
def test_what_is_no_key_is_told(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_key(written)


def test_every_group_works_somewhere_with_others() -> None:
    groups = {key.group for key in KEYS}
    assert all(together(key.id, key.id) for key in KEYS) and groups <= set(TITLES)
    assert not together("jobs.cancel", "job.cancel") and together("list.down", "jobs.run")


def test_the_users_keys_are_taken_without_a_word() -> None:
    own = of(jobs__cancel="ctrl+x", jobs__rerun="r,f6", jobs__settings="", job={"cancel": "ctrl+k"}, jobs__copy=",")
    assert own.keys["jobs.cancel"] == ("ctrl+x",) and own.keys["jobs.rerun"] == ("r", "f6")
    assert own.keys["job.cancel"] == ("ctrl+k",) and own.keys["jobs.copy"] == ("comma",)
    assert own.keymap["jobs.settings"] == NO_KEY and not own.problems


def test_of_two_verbs_on_one_key_the_first_has_it() -> None:
    own = of(jobs__cancel="z", jobs__rerun="z", job__rerun="z")
    assert own.of("jobs.cancel") == ("z",) == own.of("job.rerun") and own.of("jobs.rerun") == usual("jobs.rerun")
    assert own.problems == [
        'config.toml: "z" for jobs.rerun is ignored, as jobs.cancel has it on the same screen (config.toml). It has R.'
    ]


def test_what_loses_its_only_key_is_told_and_what_keeps_another_is_noted() -> None:
    own = of(jobs__rerun="x,j")
    assert own.of("jobs.cancel") == () and own.of("list.down") == ("down",) and own.of("job.cancel") == ("x",)
    assert len(own.problems) == 1 and own.problems[0].startswith("jobs.cancel has no key left: x is jobs.rerun's now")
    assert own.notes["list.down"].startswith("j is jobs.rerun's now")
    assert not of(jobs__rerun="x", jobs__cancel="").problems
    assert not of(jobs__rerun="x", jobs__cancel="R").problems


@pytest.mark.parametrize(
    ("id", "keys", "why"),
    [
        ("jobs.nonsense", "k", "no key has this name"),
        ("jobs.cancle", "k", "Is it jobs.cancel?"),
        ("jobs.mark", "Ctrl+Blub", "no such key"),
        ("jobs.copy", 3, "no text"),
        ("jobs.copy", ["x", "y"], "no text"),
        ("jobs.copy", "u,,y", "no such key"),
        ("jobs.copy", "ctrl+q", "meaning everywhere"),
        ("jobs.copy", "ctrl+c", "meaning everywhere"),
        ("jobs.copy", "esc", "meaning everywhere"),
        ("app.quit", "t", "could not be typed"),
        ("form.send", "space", "could not be typed"),
        ("app.quit", "", "cannot be taken away"),
        ("confirm.no", "", "cannot be taken away"),
    ],
)
def test_what_cannot_be_is_told(id: str, keys: object, why: str) -> None:
    own = resolve([Wish(id, keys, "config.toml, line 7")])
    assert len(own.problems) == 1 and own.problems[0].startswith("config.toml, line 7: ") and why in own.problems[0]
    assert own.notes[id] == own.problems[0]


@pytest.mark.parametrize("id", [key.id for key in KEYS])
def test_ways_out_stay(id: str) -> None:
    fixed = {key for key in usual(id) if key in FIXED}
    for keys in ("", "f9", "ctrl+k"):
        assert fixed <= set(resolve([Wish(id, keys, "x")]).of(id))


def test_the_file_is_read_with_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "max_running = 3\n[keys]\n# mine\n'jobs.cancel' = \"z\"\njobs.rerun = 'z'\n[keys.job]\ncancel = 'blub'\n"
        '[terminal]\ntheme = "jobdeck-light"\n'
    )
    said = told.read(str(path))
    assert said.theme == "jobdeck-light" and not said.problems
    assert [(wish.id, wish.where) for wish in said.wishes] == [
        ("jobs.cancel", "config.toml, line 4"), ("jobs.rerun", "config.toml, line 5"),
        ("job.cancel", "config.toml, line 7"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wished", "lines"),
    [
        ('[keys]\n"jobs.cancel" = "z"\njobs.run = u\n"jobs.rerun" = "f6"\n', ["jobs.cancel", "jobs.rerun"], [3]),
        ('max_running = 3\n[keys\n"jobs.cancel" = "z"\nfoo\n', ["jobs.cancel"], [2, 4]),
        ('[keys]\n"jobs.cancel" = "z"\n"jobs.cancel" = "u"\n', ["jobs.cancel"], []),
        ('[terminal]\ntheme = blue\n[keys]\n"jobs.cancel" = "z"\n', ["jobs.cancel"], [2]),
        ('= 3\n[keys]\n"jobs.cancel" = "z"\n', ["jobs.cancel"], []),
        ("keys = 3\n", [], [None]),
        ("[terminal]\ntheme = 3\nfoo = 4\n", [], [None, None]),
        ("terminal = 3\n", [], [None]),
        ("\x00\x01", [], []),
    ],
)
def test_a_broken_file_is_told_line_by_line(
    tmp_path: Path, text: str, wished: list[str], lines: list[int | None]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    said = told.read(str(path))
    assert [wish.id for wish in said.wishes] == wished
    assert len(said.problems) == len(lines)
    for problem, line in zip(said.problems, lines, strict=True):
        assert problem.startswith("config.toml: " if line is None else f"config.toml, line {line}: ")


def test_a_slip_in_the_keys_keeps_no_job_from_running(settings: Settings) -> None:
    path = Path(settings.config_file)
    path.parent.mkdir(parents=True)
    path.write_text('max_running = 3\n[keys]\njobs.run = u\n[terminal]\n"theme = 4\n')
    assert Settings.load().max_running == 3


async def test_a_setting_is_changed_beside_a_slip_in_the_keys(settings: Settings, engine: Engine) -> None:
    path = Path(settings.config_file)
    path.write_text("max_running = 3\n[keys]\njobs.run = u\n")
    await engine.change_settings(max_running=4)
    assert path.read_text() == "max_running = 4\n[keys]\njobs.run = u\n"


async def test_a_taken_away_key_is_gone_and_the_verb_stays(deck: Deck) -> None:
    async with deck(wishes=[Wish("jobs.settings", "", "config.toml"), Wish("jobs.run", "f6", "config.toml")]) as pilot:
        screen = pilot.app.screen
        await pilot.press("comma")
        await pilot.pause()
        assert pilot.app.screen is screen
        labels = [told[:2] for told in KeyLine.keys(screen.query_one(KeyLine))]
        assert ("F6", "Run") in labels and not any(key in ("", NO_KEY) for key, _ in labels)
        assert "F6  run a script" in str(pilot.app.export_screenshot().replace("&#160;", " "))
        await pilot.press("question_mark")
        await pilot.pause()
        assert NO_KEY not in pilot.app.export_screenshot()
        await pilot.press("escape")
        await take(pilot, "jobs: settings", "themes")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))


async def test_what_is_wrong_is_told_at_the_start_and_in_the_settings(deck: Deck) -> None:
    wrong = [Wish(f"jobs.nonsense{number}", "k", f"config.toml, line {number}") for number in range(5)]
    async with deck(size=(80, 24), wishes=wrong, theme="blue", problems=["config.toml: told."]) as pilot:
        await until(pilot, lambda: len(pilot.app._notifications) == 3)
        said = [notification.message for notification in pilot.app._notifications]
        assert said[0] == "config.toml: told." and "no theme 'blue'" in said[1] and "5 more like these" in said[2]
        await pilot.press("comma")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, SettingsScreen) and bool(pilot.app.screen.query(KeysPage))
        )
        for _ in range(3):
            await pilot.press("right_square_bracket")
            await pilot.pause()
        await until(pilot, lambda: isinstance(pilot.app.screen.page, KeysPage))  # type: ignore[attr-defined]
        # Here they stand as a whole; messages would lie over them.
        await until(pilot, lambda: not len(pilot.app._notifications))
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "config.toml: told." in picture and "jobs.nonsense0" in picture


async def test_ctrl_c_says_how_to_leave(deck: Deck) -> None:
    async with deck() as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: any("ctrl+q leaves" in each.message for each in pilot.app._notifications))
