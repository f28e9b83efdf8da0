"""The Output tab over a real engine and real jobs."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from textual.events import MouseScrollUp

import core.engine.reading as reading
from core.config import Settings
from core.engine.engine import Engine
from core.journal import format as journal
from core.service import JobService, LinePage, Status
from tests.tui.conftest import Deck, until
from tests.tui.job_views import finished, open_job, rows, screen_text, service, start
from tui import output_files
from tui.app import JobdeckApp
from tui.changes import Connection, State
from tui.widgets import output_lines
from tui.widgets.output import OutputView
from tui.widgets.painted import paint

HOSTILE = [
    *(b"first", b"", b"\x1b]0;title\x07after", b"\x1b]52;c;aGk=\x1b\\x", b"\x1b[2J\x1b[Hhome", b"\x9b2Jeight"),
    *(b"\x1bP1$r\x1b\\dcs", b"[/foo] [bold]markup[/bold] [", "\u202eabc \u2066x\u2069".encode()),
    *("zero\u200bwidth\u200d".encode(), "é e\u0301 日本語 👨\u200d👩\u200d👧".encode(), b"\xff\xfe\x00\x01binary\x07"),
    *(b"10%\r20%\rdone", b"tab\there", b"\x0cform feed", "next\u0085line \u2028sep".encode(), b"", b"   "),
    *(b"\x1b[31mred \x1b[1;4mbold", b"\x1b[8mhidden", b"\x1b", b"\x1b[", b"\x1b]", ("z" + "\u0301" * 200).encode()),
    *(b"x" * 5000, b"last"),
]
#: waits for an answer without a word in the output
ASK = "jobdeck-job ask go >/dev/null\n"


def counting(name: str, last: int) -> str:
    """A line of shell that prints "name 1" to "name last"."""
    return f"for i in $(seq 1 {last}); do echo {name} $i; done\n"


def printing(directory: Path, lines: list[bytes]) -> str:
    """A script that prints these lines."""
    data = directory / "data.bin"
    data.write_bytes(b"\n".join(lines) + b"\n")
    return f"cat {data}\n"


async def test_every_hostile_line_is_there_and_nothing_leaks(deck: Deck, scripts: Path) -> None:
    lines = HOSTILE * 4
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "hostile.sh", printing(scripts, lines))
        view = screen.output.view
        assert view.lines is not None and view.lines.total == len(lines)
        for key in ("", "t", "t", "w"):
            if key:
                await pilot.press(key)
            await pilot.press("home")
            await until(pilot, lambda: view.top == 0)
            seen: dict[int, str] = {}
            while True:
                screen_text(pilot)
                for row, text in zip(view.plan.rows, rows(view), strict=True):
                    seen[row.line] = text if not view.wrap else seen.get(row.line, "")
                if view.shown.stop == len(lines) and view.top in seen and len(seen) == len(lines):
                    break
                await pilot.press("pagedown")
                await pilot.pause()
            if not view.wrap:
                width = view.text_width
                assert [seen[number] for number in range(len(lines))] == [
                    (painted := paint(line)).text[: painted.index(width)] for line in lines
                ]


async def test_it_goes_along_with_the_end_until_somebody_scrolls(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        script = counting("line", 100) + ASK + counting("more", 100) + ASK
        job = await start(pilot, scripts, "long.sh", script)
        screen = await open_job(pilot, job.id)
        view = screen.output.view
        await until(pilot, lambda: rows(view)[-2:] == ["line 100", "go"])
        assert "follow" in screen.output.bar.place
        await pilot.press("up")
        assert rows(view)[-1] == "line 100" and not view.follow and "paused" in screen.output.bar.place
        top = view.top
        await until(pilot, lambda: screen.job is not None and screen.job.status is Status.WaitingOnFeedback)
        await service(pilot).answer(job.id, "go")
        # What comes is counted; what is looked at stays.
        await until(pilot, lambda: view.lines is not None and (view.lines.total or 0) >= 203)
        assert view.top == top and rows(view)[-1] == "line 100"
        await pilot.press("G")
        await until(pilot, lambda: rows(view)[-2:] == ["more 100", "go"])
        await pilot.press("f")
        await until(pilot, lambda: "paused" in screen.output.bar.place)
        await service(pilot).cancel(job.id)
        await until(pilot, lambda: screen.job is not None and screen.job.status.finished)
        await until(pilot, lambda: "follow" not in screen.output.bar.place and "paused" not in screen.output.bar.place)


async def test_what_comes_while_following_is_shown(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        script = f"echo one\n{ASK}printf unfinished\n{ASK}echo ' now done'\n{ASK}"
        job = await start(pilot, scripts, "live.sh", script)
        screen = await open_job(pilot, job.id)
        view = screen.output.view
        for number, last in enumerate(("one", "unfinished", "unfinished now done"), 1):
            await until(pilot, lambda last=last: last in rows(view))  # type: ignore[misc]
            await until(pilot, lambda number=number: screen.job is not None and screen.job.feedback == number)  # type: ignore[misc]
            await service(pilot).answer(job.id, "go")
        await until(pilot, lambda: screen.job is not None and screen.job.status.finished)


async def test_searching(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        script = counting("line", 300) + "echo Needle one needle\n" + counting("more", 300) + "echo needle two\n"
        screen = await finished(pilot, scripts, "words.sh", script)
        view, ask = screen.output.view, screen.output.ask
        await pilot.press("slash", *"needle")
        await until(pilot, lambda: view.search is not None and view.search.done and view.search.pattern == "needle")
        search = view.search
        assert search is not None and search.count == 3
        await until(pilot, lambda: "Needle one needle" in rows(view))
        assert search.current == (300, 0, 6) and "1 of 3" in str(ask._note.content)
        await pilot.press("enter", "n")
        await until(pilot, lambda: search.current == (300, 11, 17))
        await pilot.press("n")
        await until(pilot, lambda: "needle two" in rows(view))
        await pilot.press("n")
        await until(pilot, lambda: search.current == (300, 0, 6))
        assert "round the end" in str(ask._note.content)
        await pilot.press("N")
        await until(pilot, lambda: search.current is not None and search.current[0] == 601)
        assert "needle two" in screen_text(pilot)
        # Escape gives up the search first, and only then leaves.
        await pilot.press("escape")
        await until(pilot, lambda: view.search is None and not ask.open)
        assert pilot.app.screen is screen
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)


async def test_search_by_expression_and_by_case(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "words.sh", "echo abc123; echo ABC; echo abd; echo '[x'\n")
        view, ask = screen.output.view, screen.output.ask

        async def count(number: int) -> None:
            await until(pilot, lambda: view.search is not None and view.search.done and view.search.count == number)

        await pilot.press("slash", *"abc")
        await count(2)
        await pilot.press("ctrl+t")
        await count(1)
        await pilot.press("ctrl+r", "backspace", *"[cd]")
        await count(2)
        await pilot.press(*"[")
        await until(pilot, lambda: "no regular expression" in str(ask._note.content))
        await pilot.press("backspace", *"zzz")
        await until(pilot, lambda: "nothing found" in str(ask._note.content))


async def test_streams_are_turned_on_and_off_one_by_one(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(
            pilot, scripts, "streams.sh",
            "echo out\necho err >&2\nsleep 0.1\njobdeck-job warn careful\njobdeck-job verbose words\n"
            "jobdeck-job debug deep\njobdeck-job progress 10 Copying --status here\n"
            "jobdeck-job error broken\necho end\n",
        )  # fmt: skip
        view = screen.output.view
        every = ["out", "err", "WARNING: careful", "VERBOSE: words", "DEBUG: deep", "ERROR: broken", "end"]
        assert sorted(rows(view)) == sorted(every)
        text = screen_text(pilot)
        assert "w WARNING: careful" in text and "e err" in text and "x ERROR: broken" in text
        await pilot.press("s", "e")
        await until(pilot, lambda: "err" not in rows(view))
        await pilot.press("p")
        await until(pilot, lambda: "Copying: here 10%" in rows(view))
        for letter in "wvdx":
            await pilot.press(letter)
        await until(pilot, lambda: sorted(rows(view)) == sorted(["out", "Copying: here 10%", "end"]))
        await pilot.press("asterisk")
        await until(pilot, lambda: len(rows(view)) == 8)
        await pilot.press("enter")
        await until(pilot, lambda: view.has_focus)


async def test_questions_and_answers_are_told_in_their_place(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await start(
            pilot, scripts, "ask.sh",
            "echo before; a=$(jobdeck-job ask 'Which?' --choice '&red' --choice '&blue'); echo got $a\n"
            "b=$(jobdeck-job ask Pass --secret); echo end\n",
        )  # fmt: skip
        screen = await open_job(pilot, job.id)
        await until(pilot, lambda: screen.job is not None and screen.job.feedback == 1)
        assert screen.check_action("answer", ()) is True
        await service(pilot).answer(job.id, "red")
        await until(pilot, lambda: screen.job is not None and screen.job.feedback == 2)
        await service(pilot).answer(job.id, "geheim")
        view = screen.output.view
        await until(pilot, lambda: "end" in rows(view))
        shown = rows(view)
        assert shown.index("Which? [red, blue]") < next(i for i, row in enumerate(shown) if row.startswith("red  ("))
        assert "geheim" not in screen_text(pilot)
        assert any(row.startswith("••••  (") for row in shown)


async def test_going_to_a_line_a_share_and_a_time(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        script = counting("line", 1000) + "sleep 1.2\n" + counting("late", 50)
        screen = await finished(pilot, scripts, "long.sh", script)
        view = screen.output.view
        for typed, first in (
            ("500", "line 500"),
            ("10%", "line 106"),
            ("+1.0s", "late 1"),
            ("1", "line 1"),
            ("9999", "late 33"),
        ):
            await pilot.press("ctrl+g", *typed, "enter")
            await until(pilot, lambda first=first: rows(view)[:1] == [first])  # type: ignore[misc]
        await pilot.press("ctrl+g", *"nowhere", "enter")
        await until(pilot, lambda: len(pilot.app._notifications) > 0)


class _Slow:
    """A service whose lines come when `there` is set."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self.there = threading.Event()
        self.there.set()
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    async def lines(self, *arguments: Any, **named: Any) -> LinePage:
        """Some lines, in the end."""
        self.asked += 1
        await asyncio.to_thread(self.there.wait, 30)
        return await self._service.lines(*arguments, **named)


async def test_a_slow_service_loses_no_key(deck: Deck, scripts: Path) -> None:
    slow: list[_Slow] = []

    async def connect() -> JobService:
        slow.append(_Slow(await Engine.open(Settings.load(), "stay")))
        return cast(JobService, slow[0])

    async with deck(size=(80, 24), connect=connect) as pilot:
        screen = await finished(pilot, scripts, "long.sh", counting("line", 1000))
        view, there = screen.output.view, slow[0].there
        await until(pilot, lambda: rows(view)[-1:] == ["line 1000"])
        there.clear()
        top, page = view.top, view.size.height - 1
        await pilot.press(*["pageup"] * 9, "down", "up", "up")
        there.set()
        await until(pilot, lambda: rows(view)[:1] == [f"line {top - 9 * page}"])
        # Another size of the window, while what is seen may have changed, is no reason to stay.
        there.clear()
        asked = slow[0].asked
        assert view.lines is not None
        view.lines.grown(view.shown)
        view.go(499)
        await until(pilot, lambda: slow[0].asked > asked)
        await pilot.resize_terminal(80, 30)
        await until(pilot, lambda: slow[0].asked > asked + 1)
        there.set()
        await until(pilot, lambda: rows(view)[:1] == ["line 500"])
        await until(pilot, lambda: rows(view)[-1:] == [f"line {499 + view.size.height}"])
        # What is wished for last counts, also where its lines are here already.
        await pilot.press("end")
        await until(pilot, lambda: rows(view)[-1:] == ["line 1000"])
        there.clear()
        view.go(99)
        await pilot.press("end")
        there.set()
        await until(pilot, lambda: not any(worker.group == "lines" for worker in pilot.app.workers))
        assert rows(view)[-1] == "line 1000"


async def test_long_lines(deck: Deck, scripts: Path) -> None:
    script = f"echo start\n{sys.executable} -c \"print('a' * 999_990 + 'THE END!!!')\"\necho end\n"
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "wide.sh", script)
        view = screen.output.view
        assert rows(view) == ["start", "a" * 79, "end"]
        await pilot.press("right")
        await until(pilot, lambda: view.plan.across > 0)
        await pilot.press("dollar_sign")
        await until(pilot, lambda: rows(view)[1].endswith("THE END!!!"))
        await pilot.press("0")
        await until(pilot, lambda: rows(view)[0] == "start")
        # A hit far to the right is brought into view.
        await pilot.press("slash", *"THE END", "enter")
        await until(pilot, lambda: "THE END!!!" in rows(view)[1])
        await pilot.press("escape", "w")
        await pilot.press("home")
        await until(pilot, lambda: rows(view)[:2] == ["start", "a" * 79])
        await pilot.press("end")
        await until(pilot, lambda: rows(view)[-2:] == [("a" * 999_990 + "THE END!!!")[-(1_000_000 % 79) :], "end"])
        screen_text(pilot)


async def test_what_stands_behind_a_long_line_that_is_wrapped(deck: Deck, scripts: Path) -> None:
    long = f"{sys.executable} -c \"print('a' * 999_930 + 'THE END!!!')\"\n"
    script = counting("first", 30) + long + counting("last", 2) + "jobdeck-job error broken\n" + counting("more", 3)
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "behind.sh", script)
        view = screen.output.view
        await until(pilot, lambda: rows(view)[-1] == "more 3")
        await pilot.press("w")
        # The whole of the long line comes above what is looked at.
        await until(pilot, lambda: any(row.endswith("THE END!!!") for row in rows(view)))
        assert rows(view)[-1] == "more 3"
        await pilot.press("home")
        await until(pilot, lambda: rows(view)[0] == "first 1")
        await pilot.press("3", "o")
        await until(pilot, lambda: "ERROR: broken" in rows(view))
        await pilot.press("G")
        await until(pilot, lambda: rows(view)[-1] == "more 3")
        await until(pilot, lambda: any(row.endswith("THE END!!!") for row in rows(view)))
        await pilot.press("home", "w")
        await until(pilot, lambda: rows(view)[0] == "first 1" and not view.wrap)
        view.wrap = True
        await pilot.press("ctrl+g", *"33", "enter")
        await until(pilot, lambda: "last 2" in rows(view))


async def test_copying(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        await finished(
            pilot, scripts, "few.sh", "for i in $(seq 1 9); do printf 'line %s \\033[31mred\\033[0m\\n' $i; done\n"
        )
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.clipboard == "line 1 \x1b[31mred\x1b[0m")
        await pilot.press("v", "down", "down", "y")
        await until(pilot, lambda: pilot.app.clipboard.count("\n") == 2)
        await pilot.press("v", "escape")
        assert pilot.app.screen.id != "_default"


async def test_saving(deck: Deck, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "hostile.sh", printing(scripts, HOSTILE))
        ask = screen.output.ask
        await pilot.press("S")
        await until(pilot, lambda: ask.open)
        assert screen.job is not None
        path = tmp_path / f"hostile.sh-{screen.job.id}.txt"
        assert ask._input.value == str(path)
        await pilot.press("enter")
        await until(pilot, lambda: not ask.open)
        assert path.read_bytes() == b"\n".join(HOSTILE) + b"\n"
        path.write_text("mine")
        await pilot.press("S", "enter")
        await until(pilot, lambda: "It exists" in str(ask._note.content))
        assert path.read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: not ask.open)
        assert path.read_bytes() == b"\n".join(HOSTILE) + b"\n"


async def test_a_pager_gets_letters_and_colours_alone(
    deck: Deck, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    pager = tmp_path / "pager.sh"
    pager.write_text(f"#!/bin/sh\ncat > {taken}\n")
    pager.chmod(0o755)
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "hostile.sh", printing(scripts, HOSTILE))
        assert screen.job is not None
        monkeypatch.setenv("PAGER", str(pager))
        assert await output_files.page(service(pilot), screen.job.id, screen.output.bar.streams) is None
        text = taken.read_bytes().decode()
        assert text.count("\n") == len(HOSTILE) and "\x1b]" not in text and "\x1b[31mred" in text
        assert "\u202e" not in text
        monkeypatch.setenv("PAGER", "no-such-pager")
        told = await output_files.page(service(pilot), screen.job.id, screen.output.bar.streams)
        assert told is not None and "PAGER" in told
        nothing = tmp_path / "nothing"
        nothing.write_bytes(b"\x7fELF")
        nothing.chmod(0o755)
        for wrong in ("less '", str(nothing), "' '"):
            monkeypatch.setenv("PAGER", wrong)
            told = await output_files.page(service(pilot), screen.job.id, screen.output.bar.streams)
            assert told is not None and told.endswith("."), wrong
        # Here, under a test, there is no terminal to leave: it is said.
        await pilot.press("o")
        await until(pilot, lambda: len(pilot.app._notifications) > 0)


async def test_the_end_is_shown_before_anybody_counted(
    deck: Deck, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_SLICE", 64)
    async with deck(size=(80, 24)) as pilot:
        job = await start(pilot, scripts, "long.sh", counting("line", 3000))
        await service(pilot).wait(job.id, 30)
        lines = output_lines.OutputLines(service(pilot), job.id, frozenset({journal.STDOUT}))
        await lines.look_at_end(100)
        assert lines.total is None and (lines.first, lines.stop) == (-100, 0)
        line = lines.line(-1)
        assert line is not None and line.data == b"line 3000"
        assert (await lines.settle(-30), await lines.count()) == (2970, 3000)
        screen = await open_job(pilot, job.id)
        await pilot.press("pageup")
        view = screen.output.view
        await until(pilot, lambda: view.lines is not None and view.lines.total == 3000)
        await until(pilot, lambda: rows(view)[:1] == [f"line {view.top + 1}"])


async def test_a_search_tells_that_it_waits_for_the_count(
    deck: Deck, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = asyncio.Event()
    settle = OutputView.settle

    asked = asyncio.Event()

    async def slowly(self: OutputView) -> None:
        asked.set()
        await counted.wait()
        await settle(self)

    monkeypatch.setattr(OutputView, "settle", slowly)
    async with deck(size=(80, 24)) as pilot:
        job = await start(pilot, scripts, "long.sh", counting("line", 3000))
        await service(pilot).wait(job.id, 30)
        screen = await open_job(pilot, job.id)
        await until(pilot, asked.is_set)
        lines = screen.output.view.lines
        assert lines is not None
        # As it is of an output that grows faster than its lines were counted so far.
        lines.total = None
        await pilot.press("slash", *"line 29")
        await until(pilot, lambda: "counting lines…" in str(screen.output.ask._note.content))
        counted.set()
        await until(pilot, lambda: " of 111" in str(screen.output.ask._note.content))


async def test_the_mouse(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "long.sh", counting("line", 1000))
        view = screen.output.view
        last = view.top
        await pilot._post_mouse_events([MouseScrollUp], view, (5, 5))
        await until(pilot, lambda: view.top == last - 3)
        await pilot.mouse_down(view, offset=(79, 0))
        await pilot.mouse_up(view, offset=(79, 0))
        await until(pilot, lambda: view.top == 0)
        # A click on a stream's name turns it off, or on.
        await pilot.click(screen.output.bar, offset=(3, 0))
        assert screen.output.bar.streams != frozenset()


async def test_without_the_service_the_last_lines_stay(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await start(pilot, scripts, "live.sh", f"echo one\n{ASK}echo two\n{ASK}")
        screen = await open_job(pilot, job.id)
        view = screen.output.view
        await until(pilot, lambda: "one" in rows(view))
        await until(pilot, lambda: screen.job is not None and screen.job.feedback == 1)
        app = pilot.app
        assert isinstance(app, JobdeckApp)
        await app.thread.let_go()
        app._tell_connection(Connection(State.LOST, "gone"))
        await until(pilot, lambda: view.has_class("-stale"))
        assert "one" in rows(view) and "one" in screen_text(pilot)
        await app.thread.open()
        app._tell_connection(Connection(State.OPEN))
        await until(pilot, lambda: not view.has_class("-stale"))
        await service(pilot).answer(job.id, "go")
        await until(pilot, lambda: "two" in rows(view))


async def test_a_job_without_output_says_so(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        screen = await finished(pilot, scripts, "quiet.sh", "true\n")
        assert screen.output.bar.place == "no output"
        for key in ("up", "pagedown", "home", "end", "right", "dollar_sign", "v", "y", "n", "w", "t", "f"):
            await pilot.press(key)
        screen_text(pilot)
