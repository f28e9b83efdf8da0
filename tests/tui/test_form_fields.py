"""The fields of a form: one for each type of parameter, checked as they are typed, safe whatever a script says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.color import Color
from textual.pilot import Pilot
from textual.theme import Theme

from core.params.check import check
from core.service import Invalid, Parameter, Value
from tests.tui.conftest import drawn, until
from tui.theme import THEMES
from tui.widgets.fields import Field
from tui.widgets.form import Form
from tui.widgets.paths import PathInput, complete_path

#: several in one text: a form with every control costs a second to draw
HOSTILE = [
    "[/foo] [b]x [@click=app.quit]x[/]", "[", "\x1b]0;title\x07 \x1b[2J \x9b2J \x00", "a\rb\nc\n\t\u202eabc \ud800",
    "é 👩‍👩‍👧 " + "x" * 100_000, "",
]  # fmt: skip


class FormApp(App[None]):
    """A form and nothing else."""

    def __init__(self, *parameters: Parameter, values: Mapping[str, Value] | None = None, **more: Any) -> None:
        super().__init__()
        self.form = Form({"Parameters": parameters}, values, **more)

    def compose(self) -> ComposeResult:
        """The form."""
        yield self.form


def control(app: FormApp, name: str) -> Any:
    """The control of a field."""
    field = app.form.field(name)
    assert field is not None
    return field.control


async def typed(pilot: Pilot[None], field: Field, text: str) -> None:
    """Type into a field as a person does."""
    field.focus()
    await pilot.pause()
    await pilot.press(*text)
    await pilot.pause()


@pytest.mark.parametrize(
    ("parameter", "keys", "expected"),
    [
        (Parameter("x"), "hi", "hi"),
        (Parameter("x", "integer"), "42", 42),
        (Parameter("x", "number"), "2.5", 2.5),
        (Parameter("x", "switch"), ["space"], True),
        (Parameter("x", "boolean"), ["right"], True),
        (Parameter("x", "boolean"), ["left"], False),
        (Parameter("x", "boolean", default=True), ["space"], False),
        (Parameter("x", choices=("low", "high")), ["h"], "high"),
        (Parameter("x", choices=tuple(f"pick {n}" for n in range(20))), ["enter", *["down"] * 2, "enter"], "pick 1"),
        (Parameter("x", "list"), ["a", "enter", "b"], ["a", "b"]),
        (Parameter("x", "list", item_type="integer"), ["1", "enter", "2"], [1, 2]),
        (Parameter("x", "list", choices=("p", "q", "r")), ["space", "down", "enter"], ["p", "q"]),
        (Parameter("x", "date"), "2026-02-28", "2026-02-28"),
        (Parameter("x", "datetime"), "2026-02-28T10:00", "2026-02-28T10:00:00"),
        (Parameter("x", "file"), "/etc/hosts", "/etc/hosts"),
        (Parameter("x", "secret"), "s3", "s3"),
        (Parameter("x", "credential"), ["m", "e", "tab", "p"], {"username": "me", "password": "p"}),
        (Parameter("x", "object"), '{"a":1}', {"a": 1}),
    ],
    ids=lambda value: value.type if isinstance(value, Parameter) else "",
)  # fmt: skip
async def test_each_type_takes_what_is_typed(parameter: Parameter, keys: Any, expected: Value) -> None:
    app = FormApp(parameter)
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_first()
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        assert app.form.check() == []
        assert check([parameter], app.form.given, declared=True, script="s") == {"x": expected}


@pytest.mark.parametrize(
    ("parameter", "keys"),
    [
        (Parameter("x", "integer", minimum=1, maximum=9), "10"),
        (Parameter("x", "number"), "a"),
        (Parameter("x", "date"), "2026-02-30"),
        (Parameter("x", "datetime"), "soon"),
        (Parameter("x", "object"), "{"),
        (Parameter("x", pattern="[a-z]+"), "A"),
        (Parameter("x", "list", item_type="integer"), "x"),
    ],
    ids=lambda value: value.type if isinstance(value, Parameter) else "",
)
async def test_wrong_values_are_told_at_the_field_in_the_words_of_the_check(parameter: Parameter, keys: str) -> None:
    app = FormApp(parameter)
    async with app.run_test(size=(80, 24)) as pilot:
        (field,) = app.form.fields
        await typed(pilot, field, keys)
        assert field.problem and field.has_class("-wrong")
        with pytest.raises(Invalid) as caught:
            check([parameter], app.form.given, declared=True, script="s")
        assert str(caught.value) == f"s: x {field.problem[0].lower()}{field.problem[1:]}"
        await pilot.press(*["backspace"] * len(keys))
        await pilot.pause()
        assert not field.problem and app.form.given == {}


async def test_a_new_form_complains_of_nothing_until_it_is_sent() -> None:
    app = FormApp(Parameter("name", mandatory=True, help="Who"), Parameter("days", "integer", default=7))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert not any(field.problem for field in app.form.fields)
        assert [field.parameter.name for field in app.form.check()] == ["name"]
        assert app.form.fields[0].problem == "A value is needed." and app.form.fields[0].control.has_focus


async def test_defaults_are_shown_and_not_sent_unless_they_are_changed() -> None:
    parameters = [
        Parameter("text", default="x y"), Parameter("days", "integer", default=7),
        Parameter("on", "switch", default=True),
        Parameter("level", choices=("low", "high"), default="low"), Parameter("hosts", "list", default=["a", "b"]),
        Parameter("options", "object", default={"a": [1]}),
    ]  # fmt: skip
    app = FormApp(*parameters)
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.pause()
        assert control(app, "text").value == "x y" and control(app, "days").value == "7"
        assert control(app, "hosts").text == "a\nb" and control(app, "options").given
        assert app.form.given == {} and not app.form.touched
        control(app, "text").value = ""
        control(app, "days").value = ""
        await pilot.pause()
        # An emptied text is empty; an emptied number is the default again.
        assert app.form.given == {"text": ""}


async def test_a_secret_is_masked_and_one_that_is_kept_is_not_sent() -> None:
    secret = Parameter("pw", "secret", mandatory=True)
    app = FormApp(secret, kept=frozenset({"pw"}))
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.form.check() == [] and app.form.given == {}
        await typed(pilot, app.form.fields[0], "swordfish")
        assert app.form.given == {"pw": "swordfish"}
        assert "swordfish" not in app.export_screenshot() and "kept" not in app.export_screenshot()


@pytest.mark.parametrize("hostile", HOSTILE, ids=[ascii(text[:12]) for text in HOSTILE])
async def test_whatever_a_script_says_reaches_the_terminal_as_text(hostile: str) -> None:
    kinds = ["string", "integer", "number", "date", "datetime", "file", "secret", "object", "list", "credential"]
    parameters = [
        Parameter(f"{hostile}{kind}", kind, help=hostile, display_name=hostile, default=hostile) for kind in kinds
    ]
    words = tuple(dict.fromkeys((hostile, "other", hostile + "2")))
    parameters += [
        Parameter("few", choices=words, default=hostile, help=hostile),
        Parameter("many", choices=(*words, *map(str, range(20))), default=hostile),
        Parameter("marks", "list", choices=words, default=[hostile]),
        Parameter("lines", default=f"{hostile}\n{hostile}"),
    ]
    app = FormApp(*parameters)
    async with app.run_test(size=(100, 150)) as pilot:
        await pilot.pause()
        with app.batch_update():
            for field in app.form.fields:
                field.tell(hostile[:2000])
        await pilot.pause()
        assert app.form.given == {}, "what nobody touched is the script's own default, not what is shown of it"
        shown = drawn(pilot).replace("\n", "")
        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
        assert not any(character in "\u202e\u2028\ud800" for character in shown)


@pytest.mark.parametrize("text", ["\x1b[2J", "a\x07b", "\u202e"])
async def test_what_is_pasted_is_no_escape(text: str) -> None:
    app = FormApp(Parameter("line"), Parameter("lines", "list"), Parameter("path", "file"))
    async with app.run_test() as pilot:
        control(app, "line").insert_text_at_cursor(text)
        control(app, "lines").insert(text)
        control(app, "path").query("TextInput").first().insert_text_at_cursor(text)
        await pilot.pause()
        assert not any(c in str(app.form.given) for c in ("\x1b", "\x07", "\u202e"))


def test_paths_complete_like_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("file.sh", "file.py", ".hidden", "esc\x1b[2J"):
        (tmp_path / name).touch()
    monkeypatch.setenv("HOME", str(tmp_path))

    def texts(typed: str) -> list[str]:
        return [each.text.replace(str(tmp_path), "~") for each in complete_path(typed, str(tmp_path))]

    assert texts("") == ["folder/", "file.py", "file.sh"]
    assert texts("fi") == ["file.py", "file.sh"]
    assert texts(".h") == [".hidden"]
    assert texts(f"{tmp_path}/fo") == ["~/folder/"]
    assert texts("~") == ["~/folder/", "~/file.py", "~/file.sh"]
    assert texts("~/file.s") == ["~/file.sh"]
    assert texts("/nowhere/at/all") == [] and texts("a\0b/") == []


async def test_tab_completes_and_then_goes_on(tmp_path: Path) -> None:
    (tmp_path / "some-long-name.sh").touch()
    (tmp_path / "some-other.sh").touch()
    app = FormApp(Parameter("path", "file"), Parameter("next"))
    async with app.run_test(size=(80, 24)) as pilot:
        path = control(app, "path")
        assert isinstance(path, PathInput)
        app.form.focus_first()
        path.value = f"{tmp_path}/s"
        await pilot.press("o", "tab")
        await until(pilot, lambda: path.value.endswith("/some-"))
        await pilot.press("l", "tab")
        await until(pilot, lambda: path.value.endswith("some-long-name.sh"))
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is control(app, "next"))
        app.form.focus_first()
        await pilot.pause()
        await pilot.press("tab")
        assert app.focused is control(app, "next"), "what is there already is not completed"


async def test_tab_is_no_trap_where_there_are_many_candidates(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    app = FormApp(Parameter("path", "file"), Parameter("next"))
    async with app.run_test(size=(80, 24)) as pilot:
        path = control(app, "path")
        app.form.focus_first()
        path.value = str(tmp_path)
        await pilot.press("slash")
        await until(pilot, lambda: path.is_open)
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is control(app, "next"))


async def test_arrows_choose_among_paths_and_escape_closes_the_list(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    app = FormApp(Parameter("path", "file"))
    async with app.run_test(size=(80, 24)) as pilot:
        path = control(app, "path")
        app.form.focus_first()
        path.value = f"{tmp_path}/"
        await pilot.press("down")
        await until(pilot, lambda: path.is_open)
        await pilot.press("escape")
        assert not path.is_open and path.value == f"{tmp_path}/"
        await pilot.press("down")
        await until(pilot, lambda: path.is_open)
        await pilot.press("down", "down", "enter")
        assert path.value == f"{tmp_path}/two"


async def test_the_arrows_go_from_field_to_field() -> None:
    app = FormApp(Parameter("a"), Parameter("b", "switch"), Parameter("c", choices=("x", "y")))
    async with app.run_test() as pilot:
        app.form.focus_first()
        for name in ("b", "c"):
            await pilot.press("down")
            assert app.focused is control(app, name)
        await pilot.press("up", "up")
        assert app.focused is control(app, "a")


async def test_the_arrows_leave_a_list_at_its_ends() -> None:
    app = FormApp(Parameter("a"), Parameter("b", "list"), Parameter("c"))
    async with app.run_test() as pilot:
        app.form.focus_first()
        await pilot.press("down", *"one", "enter", *"two", "up", "down")
        assert app.focused is control(app, "b")
        await pilot.press("down")
        assert app.focused is control(app, "c")
        await pilot.press("up", "up")
        assert app.focused is control(app, "b")
        await pilot.press("up")
        assert app.focused is control(app, "a")
        assert app.form.given == {"b": ["one", "two"]}


async def test_a_page_down_in_a_list_is_the_forms() -> None:
    app = FormApp(Parameter("first", "list"), *(Parameter(f"a{n}") for n in range(12)), Parameter("last", "list"))
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_first()
        await pilot.press("pagedown")
        await until(pilot, lambda: app.form.scroll_y > 0)
        await pilot.press("pageup")
        await until(pilot, lambda: app.form.scroll_y == 0)


@pytest.mark.parametrize("key", ["tab", "enter"])
async def test_what_is_typed_fast_goes_into_the_field_that_is_meant(key: str) -> None:
    app = FormApp(Parameter("user"), Parameter("password", "secret"), Parameter("more"))
    async with app.run_test() as pilot:
        app.form.focus_first()
        await pilot.pause()
        # As one read of a terminal gives them: all at once.
        for pressed in (*"me", key, *"secret"):
            app.post_message(events.Key(pressed, pressed if len(pressed) == 1 else None))
        await until(pilot, lambda: app.form.given == {"user": "me", "password": "secret"})


async def test_help_stands_beside_where_there_is_room_and_below_where_not() -> None:
    app = FormApp(Parameter("a", help="the help"))
    async with app.run_test(size=(120, 24)) as pilot:
        (field,) = app.form.fields
        await pilot.pause()
        assert field.query_one(".aside").region.x > field.control.region.x and not field.query_one(".below").display
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert field.query_one(".below").display and not field.query_one(".aside").display


async def test_the_parameter_set_is_told() -> None:
    app = FormApp(Parameter("count", help="How many", parameter_set="Few"), Parameter("all", "switch"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "How many · Of set Few" in drawn(pilot)


async def test_a_password_is_typed_first_where_the_user_is_there() -> None:
    for given, first in (("admin", "password"), (None, "user")):
        app = FormApp(Parameter("user", mandatory=True, default=given), Parameter("password", "secret"))
        async with app.run_test(size=(80, 24)) as pilot:
            app.form.focus_first()
            await pilot.pause()
            assert app.focused is not None
            assert app.form.field(first) in app.focused.ancestors


@pytest.mark.parametrize("kind", ["string", "file"])
async def test_the_end_of_a_long_value_is_in_sight(kind: str) -> None:
    app = FormApp(*(Parameter(f"a{n}", kind, default="x" * 200 + f"end{n}") for n in range(12)))
    async with app.run_test(size=(80, 24)) as pilot:
        app.form.focus_first()
        for _ in range(3):
            await pilot.pause()
        lines = drawn(pilot).splitlines()
        assert any("xxxxend0" in line for line in lines) and any("xxxxend3" in line for line in lines)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_an_empty_field_is_to_be_seen(theme: Theme) -> None:
    colours = theme.to_color_system().generate()
    field, around = Color.parse(colours["surface-lighten-1"]), Color.parse(colours["background"])
    assert abs(field.brightness - around.brightness) > 0.05
