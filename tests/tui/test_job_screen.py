"""The screen of one job: objects, errors, details, and what can be done with the job."""

from __future__ import annotations

import csv
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.color import Color
from textual.geometry import Region

from core.service import JobQuery, Status
from tests.powershell import pwsh
from tests.tui.conftest import Deck, until
from tests.tui.job_views import finished, open_job, screen_text, service, start
from tui import keys
from tui.screens.confirm import ConfirmScreen
from tui.screens.job import TABS, JobScreen
from tui.widgets.details import Details
from tui.widgets.errors import ErrorList
from tui.widgets.job_header import JobHeader
from tui.widgets.objects import ObjectTree
from tui.widgets.output import OutputView
from tui.widgets.output_pane import OutputPane
from tui.widgets.sparkline import Spark

OBJECTS = r"""
import jobdeck, subprocess
NUMBERS = '{"name": "numbers", "count": 1e400, "ok": 0.10000000000000000055, "in": 2.50}'
for number in range(250):
    inside = {"deep": [1, 2, {"x": None}]}
    if number == 200:
        subprocess.run(["jobdeck-job", "emit", NUMBERS], check=True)
        continue
    jobdeck.emit({"name": f"item {number}", "count": number, "ok": number % 2 == 0, "in": inside})
"""
HOSTILE = r"""
import jobdeck
long = "line one\nline two\n" + "x" * 5000
jobdeck.emit({"[/foo]": "\x1b]0;title\x07 \u202eabc", "long": long, "": "\x9b2J", "wide": "日本語" * 50})
jobdeck.emit("\x1b[2J" + "y" * 300)
jobdeck.emit(None)
jobdeck.emit([])
jobdeck.emit([[]] * 500)
jobdeck.error("\x1b]0;title\x07 [/red] broken \u202e", category="Cat[/]", id="\x1b[2J")
raise ValueError("the end [/]")
"""


def lines(tree: ObjectTree) -> list[str]:
    return ["".join(segment.text for segment in tree.draw_row(y)).rstrip() for y in range(tree.size.height)]


async def test_objects_open_level_by_level(deck: Deck, scripts: Path) -> None:
    async with deck(size=(100, 30)) as pilot:
        screen = await finished(pilot, scripts, "emit.py", OBJECTS)
        await pilot.press("2")
        tree = screen.pipeline.objects
        await until(pilot, lambda: tree.list.total == 250 and len(tree.rows) > 20)
        assert tree.has_focus and "Pipeline 250" in screen_text(pilot)
        assert lines(tree)[0].startswith("▸ [0]  name=item 0; count=0")
        await pilot.press("down", "enter")
        assert [line.split("  ")[0] or line.strip().split("  ")[0] for line in lines(tree)[1:3]] == [
            "▾ [1]",
            "name: item 1",
        ]
        for key in ("down", "down", "down", "down", "right", "down", "right", "down", "down", "down", "right", "down"):
            await pilot.press(key)
        assert tree.current is not None and tree.current.path == "[1].in.deep[2].x" and tree.current.kind == "null"
        await pilot.press("Y")
        assert pilot.app.clipboard == "[1].in.deep[2].x"
        await pilot.press("left", "y")
        assert json.loads(pilot.app.clipboard) == {"x": None}
        # Closing what is open; the cursor stays with what it was on.
        await pilot.press("home", "down", "left")
        assert tree.rows[2].index == 2
        rest = tree.rows[-1]
        assert (rest.label, rest.summary) == ("", f"… {250 - len(tree.list.here)} more")
        # The rest of a long list comes when somebody arrives there.
        while len(tree.list.here) < 250:
            have = len(tree.list.here)
            await pilot.press("end")
            await until(pilot, lambda have=have: len(tree.list.here) > have)  # type: ignore[misc]
        await pilot.press("end")
        await until(pilot, lambda: tree.current is not None and tree.current.index == 249)


async def test_objects_are_filtered_and_told_as_a_table(deck: Deck, scripts: Path) -> None:
    async with deck(size=(100, 30)) as pilot:
        screen = await finished(pilot, scripts, "emit.py", OBJECTS)
        await pilot.press("2")
        tree = screen.pipeline.objects
        await until(pilot, lambda: len(tree.rows) > 20)
        await pilot.press("slash", *"ITEM 24")
        await until(pilot, lambda: tree.list.matching == [24, *range(240, 250)])
        await until(pilot, lambda: "11 of 250 objects" in screen_text(pilot))
        await pilot.press("enter", "t")
        shown = lines(tree)
        assert shown[0].split() == ["name", "count", "ok", "in"]
        assert shown[1].split()[:4] == ["item", "24", "24", "true"]
        await pilot.press("down", "enter")
        assert not tree.table and tree.current is not None and tree.current.index == 240 and tree.current.expanded
        await pilot.press("slash", "escape")
        await until(pilot, lambda: tree.list.matching is None and len(tree.rows) > 20)
        # A filter that was kept is taken away first; then the screen is left.
        await pilot.press("slash", *"nowhere", "enter")
        await until(pilot, lambda: "No object holds “nowhere”" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: tree.list.matching is None and len(tree.rows) > 20)
        assert pilot.app.screen is screen
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)


async def test_texts_with_members_open_and_are_told_as_a_table(
    deck: Deck, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{os.path.dirname(pwsh())}:{os.environ['PATH']}")
    script = (
        "foreach ($word in 'one', 'two') { $word | Add-Member -PassThru Length2 6 | Add-Member -PassThru Next 'n' }\n"
    )
    async with deck(size=(100, 30)) as pilot:
        screen = await finished(pilot, scripts, "noted.ps1", script)
        await pilot.press("2")
        tree = screen.pipeline.objects
        await until(pilot, lambda: len(tree.rows) == 2)
        await pilot.press("right", "down")
        assert [line.split("  ")[0] or line.strip().split("  ")[0] for line in lines(tree)[1:4]] == [
            "value: one",
            "Length2: 6",
            "Next: n",
        ]
        await pilot.press("y")
        assert pilot.app.clipboard == "one" and tree.current is not None and tree.current.path == "[0]"
        await pilot.press("left", "y", "t")
        assert pilot.app.clipboard == "one"
        assert [line.split() for line in lines(tree)[:3]] == [
            ["value", "Length2", "Next"],
            ["one", "6", "n"],
            ["two", "6", "n"],
        ]


async def test_objects_are_saved(deck: Deck, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with deck(size=(100, 30)) as pilot:
        screen = await finished(pilot, scripts, "emit.py", OBJECTS)
        assert screen.job is not None
        id = screen.job.id
        await pilot.press("2")
        tree, ask = screen.pipeline.objects, screen.pipeline.ask
        await until(pilot, lambda: len(tree.rows) > 20)

        async def save(key: str, path: str) -> None:
            await pilot.press(key)
            await until(pilot, lambda: ask.open)
            ask._input.value = path
            await pilot.press("enter")
            await until(pilot, lambda: not ask.open)

        await save("S", "all.json")
        values = json.loads(Path("all.json").read_text())
        assert len(values) == 250 and values[7]["name"] == "item 7"
        await pilot.press("down", "down")
        await save("s", "one.json")
        assert json.loads(Path("one.json").read_text())["count"] == 2
        await save("S", "all.csv")
        with open("all.csv", newline="") as file:
            table = list(csv.DictReader(file))
        assert (table[200]["count"], table[200]["ok"], table[200]["in"]) == ("1e400", "0.10000000000000000055", "2.50")
        assert '"count": 1e400, "ok": 0.10000000000000000055, "in": 2.50}' in Path("all.json").read_text()
        assert len(table) == 250 and table[3]["count"] == "3" and json.loads(table[3]["in"]) == values[3]["in"]
        await save("S", "all.xml")
        from core.clixml.plain import plain
        from core.clixml.reader import read_streams

        # CliXml has no number that is as large; a decimal has all the digits, and is told as text
        values[200] |= {"count": "Infinity", "ok": "0.10000000000000000055"}
        assert [plain(value) for _stream, value in read_streams(Path("all.xml").read_bytes())] == values
        await pilot.press("S")
        await until(pilot, lambda: ask.open)
        assert ask._input.value == str(tmp_path / f"job-{id}.json")
        ask._input.value = "all.doc"
        await pilot.press("enter")
        await until(pilot, lambda: ".csv" in str(ask._note.content))
        assert not Path("all.doc").exists() and not Path("all.doc.part").exists()


async def test_hostile_objects_and_errors_leak_nothing(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "hostile.py", HOSTILE)
        assert screen.job is not None and screen.job.status is Status.Failed
        await pilot.press("2")
        tree = screen.pipeline.objects
        await until(pilot, lambda: len(tree.rows) == 5)
        for number in range(5):
            await pilot.press("home", *["down"] * number, "right", "home")
            screen_text(pilot)
            await pilot.press("end", "pageup")
            screen_text(pilot)
            await pilot.press("t", "t")
            tree.move(tree.rows.index(tree.list.roots[number]))
            await pilot.press("left")
            assert len(tree.rows) == 5, number
        await pilot.press("enter", "home", "enter", "down", "down", "enter")
        assert any("line two" in line for line in lines(tree))
        assert "(no" not in screen_text(pilot)
        await pilot.press("3")
        await until(pilot, lambda: len(screen.errors.rows) == 2)
        await pilot.press("enter")
        text = screen_text(pilot)
        assert "broken" in text and "Cat[/]" in text
        await pilot.press("y")
        assert "broken" in pilot.app.clipboard
        await pilot.press("4")
        await until(pilot, lambda: bool(screen.details.rows))
        for key in ("pagedown", "end", "home"):
            await pilot.press(key)
            screen_text(pilot)


async def test_an_error_leads_to_its_place_in_the_output(deck: Deck, scripts: Path) -> None:
    script = "for i in $(seq 1 200); do echo line $i; done; jobdeck-job error first\nfor i in $(seq 1 200); do echo b $i; done; jobdeck-job error second\n"  # noqa: E501
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "errors.sh", script)
        await pilot.press("s", "x", "enter", "3")
        await until(pilot, lambda: len(screen.errors.rows) == 2)
        await pilot.press("o")
        view = screen.output.view
        await until(pilot, lambda: screen.switcher.current == "output" and 200 in view.shown)
        await until(pilot, lambda: "ERROR: first" in screen_text(pilot))
        # It is marked until one moves on.
        assert view.spot == 200
        await pilot.press("down")
        assert view.spot is None


async def test_details_tell_everything_and_lead_to_other_jobs(deck: Deck, scripts: Path) -> None:
    async with deck(size=(100, 40)) as pilot:
        script = "#!/usr/bin/env bash\n# @param {string} word\n# @param {secret} key\necho $word\nsleep 0\n"
        job = await start(pilot, scripts, "given.sh", script, parameters={"word": "[/b] \x1b[2J", "key": "geheim"})
        await service(pilot).wait(job.id, 30)
        again = await service(pilot).rerun(job.id)
        await service(pilot).wait(again.id, 30)
        screen = await open_job(pilot, job.id)
        await pilot.press("4")
        await until(pilot, lambda: any("run again as" in part for parts, _ in screen.details.rows for part, _ in parts))
        text = screen_text(pilot)
        assert "(kept secret)" in text and "geheim" not in text and "# @param {string} word" in text and "[/b]" in text
        where = next(number for number, (parts, _) in enumerate(screen.details.rows) if "run again as" in parts[0][0])
        screen.details.move(where)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen) and pilot.app.screen.job_id == again.id)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_a_long_reason_leaves_the_number_in_sight(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        await finished(pilot, scripts, "long.sh", "exit 3")
        header = pilot.app.screen.query_one(JobHeader)
        assert header.job is not None
        header.show(replace(header.job, reason="It was ended by an error: " + "word " * 50))
        for width in (60, 80, 100, 133):
            line = "".join(part for part, _ in header._line(0, width))
            assert len(line) == width and line.endswith(f"  #{header.job.id}") and "…" in line


async def test_a_job_is_cancelled_and_deleted_after_a_question(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await start(
            pilot, scripts, "long.sh", "jobdeck-job progress 42 Copying --status here; echo one; sleep 600\n"
        )
        screen = await open_job(pilot, job.id)
        await until(pilot, lambda: screen.job is not None and screen.job.percent_complete == 42)
        await until(pilot, lambda: screen.header.usage is not None)
        text = screen_text(pilot)
        assert "42%" in text and "Copying: here" in text and "CPU" in text and "MEM" in text
        assert screen.check_action("delete", ()) is None and screen.check_action("cancel", ()) is True
        await pilot.press("X")
        assert pilot.app.screen is screen
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert not (await service(pilot).job(job.id)).status.finished
        await pilot.press("x", "y")
        await until(pilot, lambda: screen.job is not None and screen.job.status is Status.Canceled)
        await until(pilot, lambda: "Canceled" in screen_text(pilot))
        await pilot.press("4")
        await until(
            pilot, lambda: "How it was ended" in "".join(part for parts, _ in screen.details.rows for part, _ in parts)
        )
        await pilot.press("X", "y")
        await until(pilot, lambda: pilot.app.screen is not screen and not isinstance(pilot.app.screen, ConfirmScreen))
        assert not (await service(pilot).jobs(JobQuery())).jobs


async def test_a_deleted_job_closes_its_screen(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "a.sh", "echo a\n")
        assert screen.job is not None
        await service(pilot).delete(screen.job.id)
        await until(pilot, lambda: pilot.app.screen is not screen)


async def test_rerun_and_answer_open_their_forms(deck: Deck, scripts: Path) -> None:
    from tui.screens.feedback import FeedbackScreen
    from tui.screens.run import RunScreen

    async with deck(size=(80, 24)) as pilot:
        job = await start(pilot, scripts, "ask.sh", "jobdeck-job ask Name\n")
        screen = await open_job(pilot, job.id)
        await until(pilot, lambda: screen.job is not None and screen.job.feedback == 1)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeedbackScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_tabs(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "a.sh", "true\n")
        for tab in (*TABS[1:], TABS[0]):
            await pilot.press("right_square_bracket")
            assert screen.switcher.current == tab
        await pilot.press("left_square_bracket")
        assert screen.switcher.current == "details"
        await pilot.click(screen.tabs, offset=(16, 0))
        assert screen.switcher.current == "pipeline"
        assert "jobdeck.emit(value)" in screen_text(pilot)
        await pilot.press("3")
        await until(pilot, lambda: "No errors" in screen_text(pilot))
        await pilot.press("1")
        await until(pilot, lambda: "The script printed nothing." in screen_text(pilot))
        await pilot.press("s", "e", "enter")
        await until(pilot, lambda: "s  chooses which streams are shown" in screen_text(pilot))


@pytest.mark.parametrize("theme", ["jobdeck-dark", "jobdeck-light"])
async def test_what_stands_in_an_empty_tab_can_be_read(deck: Deck, scripts: Path, theme: str) -> None:
    async with deck(size=(80, 24)) as pilot:
        pilot.app.theme = theme
        screen = await finished(pilot, scripts, "a.sh", "true\n")
        for tab, word in (("1", "printed nothing"), ("2", "jobdeck.emit"), ("3", "stands here")):
            await pilot.press(tab)
            await until(pilot, lambda word=word: word in screen_text(pilot))  # type: ignore[misc]
            (style,) = {
                segment.style
                for strip in screen._compositor.render_strips()
                for segment in strip
                if word in segment.text
            }
            assert style is not None and style.color is not None and style.bgcolor is not None
            ink, ground = (Color.from_rich_color(each) for each in (style.color, style.bgcolor))
            assert abs(ink.brightness - ground.brightness) > 0.25


@pytest.mark.parametrize(
    ("group", "kinds"),
    [
        ("job", (JobScreen,)),
        ("output", (OutputPane, OutputView)),
        ("objects", (ObjectTree,)),
        ("errors", (ErrorList,)),
        ("details", (Details,)),
    ],
)
def test_every_key_does_something(group: str, kinds: tuple[type[Any], ...]) -> None:
    for key in keys.KEYS:
        if key.group == group:
            name = key.action.partition("(")[0]
            assert any(hasattr(kind, f"action_{name}") for kind in kinds), key.id


def test_sparklines() -> None:
    spark = Spark(kept=4, top=100.0)
    for value in (0, 50, 100, 200, -5):
        spark.add(value)
    assert spark.text(6) == "  ▃▅█▁"
    assert Spark().text(3) == "   "


LARGE = r"""
import json, os, socket
def send(text):
    channel.sendall(b'{"type": "object", "value": ' + text + b'}\n')
channel = socket.socket(socket.AF_UNIX)
channel.connect(os.environ["JOBDECK_CHANNEL"])
item = json.dumps({"name": "x" * 200, "tags": [[1, {"a": "]"}], 2]}).encode()
send(b'{"first": 1, "items": [' + b", ".join([item] * 60_000) + b'], "note": "' + b"line\\n" * 100_000 + b'"}')
send(b'{"small": true}')
"""


async def test_a_large_object_is_read_beside_the_screen_and_can_be_stopped(
    deck: Deck, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    from core.clixml.tree import Reading

    # The first reading stands still until somebody stops it: what is seen then does not depend on the machine.
    held = threading.Event()
    at = Reading.at

    def slowly(reading: Reading, place: int) -> None:
        if not held.is_set() and threading.current_thread() is not threading.main_thread():
            while not reading.stopped:
                held.wait(0.01)
        at(reading, place)

    monkeypatch.setattr(Reading, "at", slowly)
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "large.py", LARGE)
        await pilot.press("2")
        tree = screen.pipeline.objects
        await until(pilot, lambda: len(tree.rows) == 2)
        assert "bytes" in lines(tree)[0]
        await pilot.press("enter")
        await until(pilot, lambda: "Loading … 0%" in lines(tree)[0])
        await pilot.press("down", "right")
        assert tree.rows[2].label == "small"
        await pilot.press("up", "left")
        await until(pilot, lambda: "Loading" not in lines(tree)[0])
        assert not tree.rows[0].expanded
        held.set()
        await pilot.press("right")
        await until(pilot, lambda: tree.rows[0].expanded)
        assert [row.label for row in tree.rows[1:4]] == ["first", "items", "note"]
        await pilot.press("down", "down", "right")
        await until(pilot, lambda: tree.rows[2].expanded)
        assert tree.rows[2].children[0].node is not None and len(tree.rows[2].children) == 101
        await pilot.press("left", "down", "right")
        await until(pilot, lambda: tree.rows[3].expanded)
        assert [row.text for row in tree.rows[4:6]] == ["line", "line"]
        assert "characters" in tree.rows[3].children[-1].summary
        screen_text(pilot)
        # The filter finds what is deep within.
        await pilot.press("slash", *"small")
        await until(pilot, lambda: tree.list.matching == [1])


async def test_a_quiet_job_redraws_its_clock_alone(deck: Deck, scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await start(pilot, scripts, "quiet.sh", "echo one; sleep 600\n")
        screen = await open_job(pilot, job.id)
        header = screen.header
        await until(pilot, lambda: header.usage is not None)
        await pilot.pause()
        asked: list[Region] = []
        monkeypatch.setattr(header, "refresh", lambda *regions, **_options: asked.extend(regions))
        measured = header.usage
        header.tick()
        assert all(region.y == 0 and region.x > 60 and region.width < 12 for region in asked), asked
        # What was measured is as before: nothing but the columns that came in moves.
        header._processor.values.extend([0.0] * 60)
        header._memory.values.extend([1.0] * 60)
        header._change()
        asked.clear()
        header._memory.values.append(1.0)
        header.tick()
        assert all(region.y == 0 for region in asked), asked
        assert header.job is not None
        header.show(replace(header.job, activity="日本語", percent_complete=10.0))
        assert any(region.y == 2 for region in asked) and measured is not None
        await service(pilot).cancel(job.id)
