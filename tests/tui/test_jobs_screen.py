"""The jobs screen over a real engine: each key does what the table of keys says."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from core.config import Settings
from core.engine.engine import Engine
from core.service import RunRequest, Status
from tests.old_jobs import copies
from tests.tui.conftest import Deck, settled, take, until
from tests.tui.job_views import screen_text
from tui import keys
from tui.changes import State
from tui.job_filter import LONGEST
from tui.key_names import shown as shown_key
from tui.own_keys import Wish
from tui.remembered import Remembered
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import here
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.views import ViewsScreen
from tui.widgets import early
from tui.widgets.early import Early
from tui.widgets.filter import FilterBar, FilterInput
from tui.widgets.footer import KeyLine
from tui.widgets.table import Table


@pytest.fixture
async def beside(settings: Settings) -> Engine:
    """Another engine on the same store: what others do."""
    return await Engine.open(settings, "act")


async def ran(engine: Engine, scripts: Path, name: str, text: str, wait: bool = True, **options: object) -> int:
    """Run a script with these lines; its job's number."""
    path = scripts / name
    path.write_text(text)
    job = await engine.run(RunRequest(path=str(path), environment="sh", **options))  # type: ignore[arg-type]
    if wait:
        await engine.wait(job.id)
    return job.id


def table(pilot: Pilot[int]) -> Table[object]:
    found: Table[object] = jobs(pilot).query_one("#jobs", Table)
    return found


def jobs(pilot: Pilot[int]) -> JobsScreen:
    return next(screen for screen in pilot.app.screen_stack if isinstance(screen, JobsScreen))


def shown(pilot: Pilot[int]) -> list[str]:
    """The lines of the table as they are drawn."""
    drawn = table(pilot)
    return [drawn.render_line(y).text.rstrip() for y in range(drawn.size.height)]


def ids(pilot: Pilot[int]) -> list[int]:
    """The numbers of the jobs in the table, from the first row on."""
    rows = table(pilot).rows
    return [row.job.id for place in range(rows.count) if (row := rows.row(place)) is not None]  # type: ignore[attr-defined]


async def test_jobs_of_others_come_and_change_by_themselves(deck: Deck, beside: Engine, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        assert any("No job has run yet" in line for line in shown(pilot))
        job = await ran(
            beside, scripts, "ask.sh", "jobdeck-job progress 40 Working; jobdeck-job ask Really\n", wait=False
        )
        await until(pilot, lambda: any("Waiting" in line for line in shown(pilot)))
        await until(pilot, lambda: "? 1" in jobs(pilot).status_line.render_line(0).text)
        said = f"Job {job}, ask.sh, waits for an answer."
        await until(pilot, lambda: said in [message.message for message in pilot.app._notifications])
        await beside.answer(job, "yes")
        await until(pilot, lambda: any("Completed" in line for line in shown(pilot)))
        await settled(pilot)
        assert "? 1" not in jobs(pilot).status_line.render_line(0).text
    await beside.close()


async def test_the_filter_by_keys(deck: Deck, beside: Engine, scripts: Path) -> None:
    good = await ran(beside, scripts, "good.sh", "exit 0\n")
    bad = await ran(beside, scripts, "bad.sh", "exit 3\n")
    await beside.close()
    remembered = Remembered(None)
    async with deck(remembered=remembered) as pilot:
        assert ids(pilot) == [bad, good]
        await pilot.press("slash", *"sta", "tab", *"fai", "tab")
        await until(pilot, lambda: ids(pilot) == [bad])
        assert jobs(pilot).query_one(FilterInput).value == "status:failed"
        await pilot.press("enter")
        assert table(pilot).has_focus and remembered.text("filter") == "status:failed"
        assert "1 of 2 jobs" in jobs(pilot).query_one("#summary").render_line(0).text
        await pilot.press("slash", *"x", "escape")
        await until(pilot, lambda: jobs(pilot).query_one(FilterBar).text == "status:failed")
        await pilot.press("escape")
        await until(pilot, lambda: ids(pilot) == [bad, good])
        assert remembered.text("filter") == ""
        await pilot.press("slash", *"staus:x")
        await pilot.pause(0.2)
        assert "Is it status:" in jobs(pilot).query_one("#hint").render_line(0).text


async def test_a_remembered_filter_holds_at_the_next_start(
    deck: Deck, beside: Engine, scripts: Path, tmp_path: Path
) -> None:
    await ran(beside, scripts, "good.sh", "exit 0\n")
    await beside.close()
    remembered = Remembered(str(tmp_path / "state.json"))
    remembered.put("filter", "status:failed")
    async with deck(remembered=Remembered(str(tmp_path / "state.json"))) as pilot:
        assert ids(pilot) == []
        assert any("No job is like that" in line for line in shown(pilot))


async def test_views(deck: Deck, beside: Engine, scripts: Path) -> None:
    await ran(beside, scripts, "good.sh", "exit 0\n")
    bad = await ran(beside, scripts, "bad.sh", "exit 3\n")
    await beside.close()
    remembered = Remembered(None)
    async with deck(remembered=remembered) as pilot:
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, ViewsScreen))
        await pilot.press("j", "j", "j", "j", "enter")
        await until(pilot, lambda: ids(pilot) == [bad])
        assert jobs(pilot).query_one(FilterBar).text == "status:bad"
        await pilot.press("v", "s", *"mine", "enter")
        await until(pilot, lambda: remembered.texts("views") == {"mine": "status:bad"})
        await pilot.press("home", "X")
        await until(pilot, lambda: remembered.texts("views") == {})
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


async def test_children_stand_below_their_parents(deck: Deck, beside: Engine, scripts: Path) -> None:
    parent = await ran(beside, scripts, "parent.sh", "exit 0\n")
    children = [await ran(beside, scripts, "child.sh", "exit 0\n", parent_job=parent) for _ in range(2)]
    grandchild = await ran(beside, scripts, "grandchild.sh", "exit 0\n", parent_job=children[0])
    last = await ran(beside, scripts, "last.sh", "exit 0\n", source="schedule")
    await beside.close()
    async with deck() as pilot:
        assert ids(pilot) == [last, parent]
        await pilot.press("down", "right")
        await until(pilot, lambda: ids(pilot) == [last, parent, *children])
        await pilot.press("down", "right")
        await until(pilot, lambda: ids(pilot) == [last, parent, children[0], grandchild, children[1]])
        await pilot.press("down", "left")
        assert table(pilot).cursor_row.job.id == children[0]  # type: ignore[attr-defined]
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: ids(pilot) == [last, parent])
        await pilot.press("c")
        await until(pilot, lambda: ids(pilot) == [last, grandchild, *reversed(children), parent])
        await pilot.press("c")
        await until(pilot, lambda: ids(pilot) == [last, parent])
        await pilot.press("S")
        await until(pilot, lambda: last not in ids(pilot) and parent in ids(pilot))
        await pilot.press("S")
        await until(pilot, lambda: ids(pilot) == [last, parent])


async def test_cancel_asks_and_the_safe_answer_comes_first(deck: Deck, beside: Engine, scripts: Path) -> None:
    job = await ran(beside, scripts, "long.sh", "exec sleep 60\n", wait=False)
    async with deck() as pilot:
        await until(pilot, lambda: any("Running" in line for line in shown(pilot)))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        assert not (await beside.job(job)).status.finished
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: any("Canceled" in line for line in shown(pilot)))
    assert (await beside.job(job)).status is Status.Canceled
    await beside.close()


async def test_a_dimmed_key_says_why(deck: Deck, beside: Engine, scripts: Path) -> None:
    def said(pilot: Pilot[int]) -> list[str]:
        return [str(notification.message) for notification in pilot.app._notifications]

    async with deck() as pilot:
        await until(pilot, lambda: pilot.app.connection.state is State.OPEN)  # type: ignore[attr-defined]
        await pilot.press("x")
        assert said(pilot) == ["There is no job under the cursor."]
        id = await ran(beside, scripts, "quick.sh", "true\n")
        await until(pilot, lambda: ids(pilot) == [id])
        await settled(pilot)
        await pilot.press("x", "a")
        assert said(pilot)[1:] == [f"Job {id} is Completed: there is nothing to cancel.", "No job waits for an answer."]
        await pilot.press("enter")
        await until(pilot, lambda: getattr(pilot.app.screen, "job", None) is not None)
        await pilot.press("x")
        # The same again: it is said once.
        assert len(said(pilot)) == 3 and "nothing to cancel" in said(pilot)[-1]
    await beside.close()


async def test_many_are_marked_rerun_and_deleted(deck: Deck, beside: Engine, scripts: Path) -> None:
    first = [await ran(beside, scripts, f"s{number}.sh", "exit 0\n") for number in range(3)]
    async with deck() as pilot:
        await pilot.press("space", "space")
        assert table(pilot).marked == {first[2], first[1]}
        assert "2 marked" in jobs(pilot).query_one("#summary").render_line(0).text
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: len(ids(pilot)) == 5)
        for job in ids(pilot):
            await beside.wait(job)
        await pilot.press("asterisk")
        await until(pilot, lambda: len(table(pilot).marked) == 5)
        await pilot.press("asterisk")
        await until(pilot, lambda: not table(pilot).marked)
        await pilot.press("asterisk")
        await until(pilot, lambda: len(table(pilot).marked) == 5)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: ids(pilot) == [])
        assert not await beside.counts()
    await beside.close()


async def test_the_cursor_stays_with_its_job(deck: Deck, beside: Engine, scripts: Path) -> None:
    older = await ran(beside, scripts, "older.sh", "exit 0\n")
    await ran(beside, scripts, "newer.sh", "exit 0\n")
    async with deck() as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 2)
        await pilot.press("down")
        await ran(beside, scripts, "newest.sh", "exit 0\n")
        await until(pilot, lambda: len(ids(pilot)) == 3)
        await until(pilot, lambda: table(pilot).cursor_row.job.id == older)  # type: ignore[attr-defined]
        await pilot.press("y")
        assert pilot.app.clipboard == str(older)
    await beside.close()


async def test_moving(deck: Deck, beside: Engine, scripts: Path, settings: Settings) -> None:
    job = await ran(beside, scripts, "one.sh", "exit 0\n")
    with contextlib.closing(sqlite3.connect(settings.database)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(job)")]
        same = ", ".join(name for name in names if name not in ("id", "run_id", "request_key"))
        for number in range(job + 1, job + 501):
            connection.execute(
                f"INSERT INTO job (id, run_id, {same}) SELECT ?, ?, {same} FROM job WHERE id = ?",
                (number, f"run-{number}", job),
            )
        connection.commit()
    await beside.close()
    async with deck(size=(80, 24)) as pilot:
        page = table(pilot).size.height - 2
        moves = [("down", 1), ("j", 2), ("k", 1), ("up", 0), ("pagedown", page), ("ctrl+d", page + page // 2),
                ("ctrl+u", page), ("pageup", 0), ("end", 500), ("home", 0), ("G", 500), ("g", 0)]  # fmt: skip
        for key, place in moves:
            await pilot.press(key)
            await until(pilot, lambda place=place: table(pilot).cursor == place)  # type: ignore[misc]
            await settled(pilot)
            row = table(pilot).cursor_row
            assert row is not None and row.job.id == job + 500 - place  # type: ignore[attr-defined]


async def test_quitting_with_live_jobs_says_that_they_go_on(deck: Deck, beside: Engine, scripts: Path) -> None:
    job = await ran(beside, scripts, "long.sh", "exec sleep 60\n", wait=False)
    async with deck() as pilot:
        await until(pilot, lambda: bool(pilot.app.counts.get(Status.Running)))  # type: ignore[attr-defined]
        await pilot.press("q")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "QuitScreen")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "QuitScreen")
        await pilot.press("e")
        await until(pilot, lambda: not pilot.app.is_running)
        assert pilot.app.keep_engine  # type: ignore[attr-defined]
    assert not (await beside.job(job)).status.finished
    await beside.cancel(job)
    await beside.wait(job)
    await beside.close()


async def test_the_smallest_window_shows_every_column_and_button_whole(
    deck: Deck, beside: Engine, scripts: Path, settings: Settings
) -> None:
    copies(settings, await ran(beside, scripts, "done.sh", "exit 0\n"), 40, days=1)
    long = await ran(beside, scripts, "long.sh", "exec sleep 60\n", wait=False)
    async with deck(size=(60, 15)) as pilot:
        # There is a scroll bar, and the time that a job took is the last column.
        await until(pilot, lambda: len(re.findall(r" done\.sh +\d\.\ds", screen_text(pilot))) == 10)
        await until(pilot, lambda: bool(pilot.app.counts.get(Status.Running)))  # type: ignore[attr-defined]
        await pilot.press("q")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "QuitScreen")
        await settled(pilot)
        assert re.search(r"Stay \[esc\] +Keep an engine \[e\] +Quit \[q\]", screen_text(pilot))
        await pilot.press("escape")
    await beside.cancel(long)
    await beside.close()


async def test_a_long_name_hides_no_button_of_a_question(deck: Deck) -> None:
    async with deck(size=(60, 15)) as pilot:
        name = "rotate-the-certificates-of-every-host-in-the-cluster.sh"
        pilot.app.push_screen(ConfirmScreen(f"Remove {name}?", f"Remove {name}"))
        await settled(pilot)
        assert re.search(r"Go back \[n\] +Remove rotate-the-cert.*… \[y\]", screen_text(pilot))
        assert name in re.sub(r"[│\s]", "", screen_text(pilot))


async def test_the_keys_below_are_those_of_the_job_under_the_cursor_after_a_view(
    deck: Deck, beside: Engine, scripts: Path
) -> None:
    await ran(beside, scripts, "done.sh", "exit 0\n")
    async with deck() as pilot:
        jobs(pilot).set_filter("children:listed")
        await settled(pilot)
        footer = jobs(pilot).query_one(KeyLine)

        def marks() -> list[bool]:
            return [enabled for _, _, enabled, id in footer._shown if id == "jobs.mark"]

        await until(pilot, lambda: marks() == [True])
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, ViewsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen) and ids(pilot) == [1])
        await settled(pilot)
        await until(pilot, lambda: marks() == [True], 5)
    await beside.close()


async def test_without_live_jobs_quitting_asks_nothing(deck: Deck) -> None:
    async with deck() as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)
        assert pilot.app.return_code == 0


async def test_a_store_that_cannot_be_opened_is_told_and_tried_again(deck: Deck, settings: Settings) -> None:
    from core.service import JobService, Unavailable

    refused = True

    async def connect() -> JobService:
        if refused:
            raise Unavailable("The data directory is on the moon.")
        engine: JobService = await Engine.open(settings, "act")
        return engine

    async with deck(connect=connect, wait=False) as pilot:
        await until(pilot, lambda: any("on the moon" in line for line in shown(pilot)))
        assert "not connected" in jobs(pilot).status_line.render_line(0).text
        refused = False
        await pilot.press("ctrl+r")
        await until(pilot, lambda: pilot.app.connection.state is State.OPEN)  # type: ignore[attr-defined]
        await until(pilot, lambda: any("No job has run yet" in line for line in shown(pilot)))


async def test_a_window_that_is_too_small_says_so(deck: Deck) -> None:
    async with deck(size=(80, 24)) as pilot:
        await pilot.resize_terminal(50, 10)
        await pilot.pause()
        assert "needs 60x15" in pilot.app.export_screenshot().replace("&#160;", " ")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "needs 60x15" not in pilot.app.export_screenshot().replace("&#160;", " ")


async def test_jobs_in_another_order(deck: Deck, beside: Engine, scripts: Path) -> None:
    slow = await ran(beside, scripts, "slow.sh", "sleep 0.4\n")
    quick = await ran(beside, scripts, "quick.sh", "true\n")
    family = await ran(beside, scripts, "family.sh", "jobdeck-job run quick.sh\nsleep 0.1\n")
    child = family + 1
    async with deck(size=(120, 40)) as pilot:
        await until(pilot, lambda: ids(pilot) == [family, quick, slow])
        await pilot.press("o")
        await until(pilot, lambda: set(ids(pilot)) == {child, family, quick, slow} and ids(pilot)[-1] in (quick, child))
        took = [
            job.ended - job.started for id in ids(pilot) if (job := await beside.job(id)) and job.ended and job.started
        ]
        assert took == sorted(took, reverse=True) and len(took) == 4
        assert "Took ▾" in shown(pilot)[0] and jobs(pilot)._filter.text == "by:duration"
        await pilot.press("O")
        await until(pilot, lambda: "Took ▴" in shown(pilot)[0] and ids(pilot)[-1] in (slow, family))
        # Where nobody knows what stands above, nothing stands below.
        await pilot.press("home")
        while table(pilot).cursor_key != family:
            await pilot.press("j")
        await pilot.press("l")
        await until(pilot, lambda: any("o changes the order" in told.message for told in pilot.app._notifications))
        # The titles can be clicked.
        place = shown(pilot)[0].index("ID")
        await pilot.click(Table, offset=(place, 0))
        await until(pilot, lambda: ids(pilot) == [family, quick, slow] and "▾" not in shown(pilot)[0])
        await pilot.click(Table, offset=(place, 0))
        await until(pilot, lambda: ids(pilot) == [slow, quick, family, child] and "ID ▴" in shown(pilot)[0])
        await pilot.click(Table, offset=(shown(pilot)[0].index("Progress"), 0))
        await pilot.press("o")
        await until(pilot, lambda: jobs(pilot)._filter.text == "by:duration")
        for order in ("ended", "started"):
            await pilot.press("o")
            await until(pilot, lambda order=order: jobs(pilot)._filter.text == f"by:{order}")  # type: ignore[misc]
        await pilot.press("o")
        await until(pilot, lambda: jobs(pilot)._filter.text == "" and ids(pilot) == [family, quick, slow])


async def test_help_and_palette_show_the_keys_as_the_user_has_them(deck: Deck) -> None:
    async with deck(wishes=[Wish("jobs.cancel", "f9", "config.toml")]) as pilot:
        assert "F9 Cancel" in jobs(pilot).query_one("#footer").render_line(0).text
        await pilot.press("question_mark")
        await pilot.pause()
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "F9" in picture and "end the marked jobs" in picture
        await pilot.press("escape")
        await take(pilot, "jobs: views", "Views")
        await until(pilot, lambda: isinstance(pilot.app.screen, ViewsScreen))


async def test_the_cursor_is_seen_on_a_light_terminal_of_sixteen_colours(
    deck: Deck, beside: Engine, scripts: Path
) -> None:
    await ran(beside, scripts, "done.sh", "exit 0\n")
    async with deck(theme="jobdeck-light") as pilot:
        await until(pilot, lambda: bool(ids(pilot)))
        assert not any(segment.style and segment.style.reverse for segment in table(pilot).render_line(1))
        pilot.app.add_class("-few-colours")
        await pilot.pause()
        assert all(segment.style and segment.style.reverse for segment in table(pilot).render_line(1))
    await beside.close()


async def test_help_tells_every_key_of_the_table(deck: Deck) -> None:
    async with deck() as pilot:
        told = {key.id: set(names.split()) for group in here(jobs(pilot)).values() for names, key in group}
        for key in keys.KEYS:
            if key.group in ("jobs", "list"):
                assert told.get(key.id) == {shown_key(name) for name in key.keys.split(",")}, key.id


async def test_keys_open_the_screens(deck: Deck, beside: Engine, scripts: Path) -> None:
    asking = await ran(beside, scripts, "ask.sh", "jobdeck-job ask Really\n", wait=False)
    await ran(beside, scripts, "done.sh", "exit 0\n")
    async with deck() as pilot:
        await until(pilot, lambda: bool(pilot.app.counts.get(Status.WaitingOnFeedback)))  # type: ignore[attr-defined]
        opened = [
            ("enter", "JobScreen"), ("n", "ScriptsScreen"), ("s", "ScriptsScreen"), ("comma", "SettingsScreen"),
            ("a", "FeedbackScreen"), ("R", "RunScreen"), ("question_mark", "HelpScreen"), ("f1", "HelpScreen"),
            ("v", "ViewsScreen"), ("colon", "CommandPalette"),
        ]  # fmt: skip
        for key, name in opened:
            await pilot.press(key)
            await until(pilot, lambda name=name: type(pilot.app.screen).__name__ == name)  # type: ignore[misc]
            await pilot.pause()
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
    await beside.cancel(asking)
    await beside.wait(asking)
    await beside.close()


async def test_help_scrolls_and_closes(deck: Deck) -> None:
    async with deck(size=(80, 24)) as pilot:
        for close in ("escape", "q", "question_mark", "f1"):
            await pilot.press("question_mark")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "HelpScreen")
            await pilot.pause()
            box = pilot.app.screen.query_one(".box")
            await pilot.press("down", "j", "j")
            await until(pilot, lambda box=box: box.scroll_offset.y == 3)  # type: ignore[misc]
            await pilot.press("up", "k")
            await until(pilot, lambda box=box: box.scroll_offset.y == 1)  # type: ignore[misc]
            await pilot.press(close)
            await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


async def test_refresh_reads_what_nobody_told(deck: Deck, beside: Engine, scripts: Path, settings: Settings) -> None:
    job = await ran(beside, scripts, "done.sh", "exit 0\n")
    await beside.close()
    async with deck() as pilot:
        await until(pilot, lambda: ids(pilot) == [job])
        with contextlib.closing(sqlite3.connect(settings.database)) as connection:
            # No engine made this change, so that no event tells of it.
            connection.execute("UPDATE job SET script = 'renamed' WHERE id = ?", (job,))
            connection.commit()
        await pilot.press("ctrl+r")
        await until(pilot, lambda: any("renamed" in line for line in shown(pilot)))


@pytest.mark.parametrize(("key", "gives"), [("y", True), ("n", False), ("escape", False), ("enter", False)])
async def test_a_question_is_answered_by_keys(deck: Deck, key: str, gives: bool) -> None:
    async with deck() as pilot:
        answers: list[bool | None] = []
        pilot.app.push_screen(ConfirmScreen("Do it?", "Do it"), answers.append)
        await pilot.pause()
        await pilot.press(key)
        await until(pilot, lambda: bool(answers))
        assert answers == [gives]
        pilot.app.push_screen(ConfirmScreen("Do it?", "Do it"), answers.append)
        await pilot.pause()
        await pilot.press("right", "enter")
        await until(pilot, lambda: len(answers) == 2)
        assert answers[1] is True


async def test_keys_that_come_before_the_jobs_wait_for_them(deck: Deck, beside: Engine, scripts: Path) -> None:
    first = await ran(beside, scripts, "first.sh", "exit 0\n")
    await ran(beside, scripts, "second.sh", "exit 0\n")
    async with deck(wait=False) as pilot:
        # At once: there is no engine yet.
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        assert pilot.app.screen.job_id == first  # type: ignore[attr-defined]


async def test_keys_that_waited_too_long_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    waiting = Early()
    waiting.waits = True
    assert waiting.later(lambda: done.append("old"))
    monkeypatch.setattr(early, "_FORGOTTEN", -1.0)
    waiting.here()
    assert not done and not waiting.later(lambda: done.append("now"))


async def test_a_page_pasted_into_the_filter(deck: Deck, beside: Engine, scripts: Path) -> None:
    await ran(beside, scripts, "quick.sh", "true\n")
    async with deck() as pilot:
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(pilot.app.focused, FilterInput))
        pilot.app.post_message(events.Paste("lorem ipsum " * 90_000))
        field = jobs(pilot).query_one(FilterInput)
        await until(pilot, lambda: len(field.value) == LONGEST + 1)
        await until(pilot, lambda: "too long" in pilot.app.export_screenshot().replace("&#160;", " "))
        await pilot.press("enter")
        await until(pilot, lambda: "No job is like that" in pilot.app.export_screenshot().replace("&#160;", " "))
