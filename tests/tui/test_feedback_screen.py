"""Answering a job's question in the terminal application: every kind of question, and what may come between."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from core.service import Job, RunRequest, Status
from tests.tui.conftest import SIZES, Deck, Shot, caught_up, drawn, settled, until
from tests.tui.test_run_screen import app_of, write
from tui.changes import Connection, State
from tui.screens.confirm import ConfirmScreen
from tui.screens.feedback import FeedbackScreen
from tui.screens.jobs import JobsScreen
from tui.waiting import Waiting, is_typing
from tui.widgets.fields import Marks
from tui.widgets.form import Form
from tui.widgets.inputs import TextInput

ASK = """\
import json, os, socket, sys
for line in json.loads(open(sys.argv[0] + ".json").read()):
    print("Before the question", flush=True)
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(os.environ["JOBDECK_CHANNEL"])
    channel.sendall(json.dumps({"type": "ask", **line}).encode() + b"\\n")
    open(sys.argv[0] + ".answers", "a").write(channel.makefile().readline())
"""


def asking(scripts: Path, *questions: dict[str, Any]) -> str:
    """A script that asks these questions, one after the other; what it is answered is in PATH.answers."""
    (scripts / "ask.py.json").write_text(json.dumps(questions))
    return write(scripts, "ask.py", ASK)


def answers(scripts: Path) -> list[Any]:
    """What the script was answered."""
    return [json.loads(line)["answer"] for line in (scripts / "ask.py.answers").read_text().splitlines()]


async def waiting(pilot: Pilot[Any], path: str, **parameters: Any) -> Job:
    """A job of the script that waits for an answer."""
    service = app_of(pilot).service
    id = (await service.run(RunRequest(path=path, parameters=parameters))).id
    jobs: list[Job] = []

    async def look() -> None:
        jobs[:] = [await service.job(id)]

    await look()
    while jobs[0].status is not Status.WaitingOnFeedback:
        assert not jobs[0].status.finished, jobs[0].reason
        await pilot.pause(0.02)
        await look()
    return jobs[0]


async def opened(pilot: Pilot[Any], job: Job) -> FeedbackScreen:
    """The screen with the question."""
    screen = app_of(pilot).open("feedback", job.id)
    assert isinstance(screen, FeedbackScreen)
    await until(pilot, lambda: screen.question is not None and screen.focused is not None)
    await pilot.pause()
    return screen


async def closed(pilot: Pilot[Any], screen: FeedbackScreen) -> None:
    """Wait until it has gone."""
    await until(pilot, lambda: screen not in pilot.app.screen_stack)


@pytest.mark.parametrize(
    ("question", "keys", "answer"),
    [
        ({"message": "Name?"}, [*"Ada", "enter"], "Ada"),
        ({"message": "Name?", "default": "Bo"}, ["enter"], "Bo"),
        ({"message": "Pass", "secret": True}, [*"s3", "enter"], "s3"),
        ({"message": "How?", "choices": ["&plain", "&encrypted"]}, ["e"], "encrypted"),
        ({"message": "How?", "choices": ["&plain", "&encrypted"], "default": "encrypted"}, ["enter"], "encrypted"),
        ({"message": "How?", "choices": ["1", "0"]}, ["down", "enter"], "0"),
        ({"message": "W", "choices": ["a", "b", "c"], "multiple": True}, ["space", "end", "enter", "f5"], ["a", "c"]),
        ({"message": "W", "choices": ["a", "b"], "multiple": True, "default": "a"}, ["space", "f5"], []),
        ({"message": "W", "choices": ["x,y", "1"], "multiple": True}, ["space", "f5"], ["x,y"]),
        (
            {
                "message": "Account",
                "fields": [{"name": "User"}, {"name": "Count", "type": "integer"}, {"name": "Pw", "type": "secret"}],
            },
            [*"me", "down", "x", "f5", "backspace", "4", "down", *"s3", "enter"],
            {"User": "me", "Count": "4", "Pw": "s3"},
        ),
    ],
    ids=["text", "default", "secret", "hotkey", "default choice", "arrows", "several", "none", "comma", "fields"],
)  # fmt: skip
async def test_every_kind_of_question(deck: Deck, scripts: Path, question: Any, keys: list[str], answer: Any) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await waiting(pilot, asking(scripts, question))
        screen = await opened(pilot, job)
        await until(pilot, lambda: "Before the question" in str(screen.query_one(".output", Static).render()))
        assert question["message"] in str(screen.query_one(".message", Static).render())
        await pilot.press(*keys)
        await closed(pilot, screen)
        assert (await app_of(pilot).service.wait(job.id, 20)).status is Status.Completed
        assert answers(scripts) == [answer]


async def test_escape_keeps_what_was_typed_and_the_question_open(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await waiting(pilot, asking(scripts, {"message": "Name?"}, {"message": "Pass", "secret": True}))
        screen = await opened(pilot, job)
        await pilot.press(*"Ad", "escape")
        await closed(pilot, screen)
        again = await opened(pilot, job)
        assert again.query_one("#answer TextInput", TextInput).value == "Ad"
        await pilot.press("a", "enter")
        await closed(pilot, again)
        await until(pilot, lambda: (scripts / "ask.py.answers").exists())
        secret = await waiting_again(pilot, job)
        await pilot.press(*"s3", "escape")
        await closed(pilot, secret)
        last = await opened(pilot, job)
        assert last.query_one("#answer TextInput", TextInput).value == "", "a secret is no draft"


async def waiting_again(pilot: Pilot[Any], job: Job) -> FeedbackScreen:
    """The screen of the job's next question."""
    service = app_of(pilot).service
    while (await service.job(job.id)).feedback != 2:
        await pilot.pause(0.02)
    return await opened(pilot, job)


async def test_answered_elsewhere_it_says_so_and_closes(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await waiting(pilot, asking(scripts, {"message": "Name?"}))
        screen = await opened(pilot, job)
        await pilot.press(*"mine")
        await app_of(pilot).service.answer(job.id, "theirs", identity="somebody")
        await closed(pilot, screen)
        said = [notification.message for notification in pilot.app._notifications]
        assert any("somebody has answered already" in message or "has ended" in message for message in said)


async def test_the_job_can_be_cancelled_from_there(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await waiting(pilot, asking(scripts, {"message": "Name?"}))
        screen = await opened(pilot, job)
        await pilot.press("ctrl+x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await closed(pilot, screen)
        assert (await app_of(pilot).service.wait(job.id, 20)).status is Status.Canceled


async def test_a_refused_answer_stays_and_says_why(deck: Deck, scripts: Path) -> None:
    question = {"message": "Both", "fields": [{"name": "N", "mandatory": True}, {"name": "M", "type": "number"}]}
    async with deck(size=(80, 24)) as pilot:
        job = await waiting(pilot, asking(scripts, question))
        screen = await opened(pilot, job)
        await pilot.press("f5")
        assert screen.query_one(Form).fields[0].problem == "A value is needed."
        await pilot.press("escape")
        await closed(pilot, screen)
        assert (await app_of(pilot).service.job(job.id)).status is Status.WaitingOnFeedback


async def test_a_reader_may_look_at_the_question(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        job = await waiting(pilot, asking(scripts, {"message": "Name?"}))
        app_of(pilot).connection = Connection(State.OPEN, read_only=True)
        screen = await opened(pilot, job)
        assert "look only" in str(screen.query_one(".problem", Static).render())
        await pilot.press("f5", "ctrl+x", "escape")
        await closed(pilot, screen)
        assert (await app_of(pilot).service.job(job.id)).status is Status.WaitingOnFeedback


async def test_hostile_questions(deck: Deck, scripts: Path) -> None:
    bad = "[/foo] \x1b]0;x\x07 \x1b[2J \u202e [@click=app.quit]q[/]"
    questions: list[dict[str, Any]] = [
        {"message": bad, "caption": bad, "default": bad},
        {"message": bad, "choices": [bad, {"label": "b", "help": bad}], "default": bad},
        {"message": bad, "choices": [bad, "c"], "multiple": True},
        {"message": bad, "fields": [{"name": bad, "label": bad, "help": bad, "default": bad}]},
    ]
    async with deck(size=(80, 40)) as pilot:
        job = await waiting(pilot, asking(scripts, *questions))
        for number, keys in enumerate((["enter"], ["enter"], ["space", "f5"], ["f5"]), 1):
            while (await app_of(pilot).service.job(job.id)).feedback != number:
                await pilot.pause(0.02)
            screen = await opened(pilot, job)
            said = drawn(pilot).replace("\n", "")
            assert "[/foo]" in said and not any(ord(c) < 32 or c == "\u202e" for c in said)
            await pilot.press(*keys)
            await closed(pilot, screen)
        await app_of(pilot).service.wait(job.id, 20)
        assert answers(scripts) == [bad, bad, [bad], {bad: bad}], (
            "the answer is what the script meant, not what is seen"
        )


async def test_a_new_question_is_told_of_once_and_steals_no_focus(deck: Deck, scripts: Path) -> None:
    async with deck(size=(80, 24)) as pilot:
        known = Waiting()
        service = app_of(pilot).service
        assert await known.look(service) == await known.look(service)
        job = await waiting(pilot, asking(scripts, {"message": "One?"}, {"message": "Two?"}))
        assert [new.id for new in (await known.look(service)).new] == [job.id]
        news = await known.look(service)
        assert news.new == () and [each.id for each in news.waiting] == [job.id]
        await service.answer(job.id, "1")
        while (await service.job(job.id)).feedback != 2:
            await pilot.pause(0.02)
        assert [new.id for new in (await known.look(service)).new] == [job.id]
        assert isinstance(pilot.app.screen, JobsScreen) and not is_typing(pilot.app)
        screen = await opened(pilot, job)
        assert is_typing(pilot.app) and isinstance(screen.focused, Input)


async def quiet(pilot: Pilot[Any], count: int) -> None:
    """Wait until so many jobs wait and nothing else is told of, behind the question too."""
    app = app_of(pilot)
    await until(pilot, lambda: {s: n for s, n in app.counts.items() if n} == {Status.WaitingOnFeedback: count}, 30)
    await settled(pilot)
    app.clear_notifications()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.usefixtures("still")
async def test_pictures(deck: Deck, examples: Path, scripts: Path, shot: Shot, size: tuple[int, int]) -> None:
    fields = [
        {"name": "User", "mandatory": True, "help": "As the directory knows it"},
        {"name": "Servers", "type": "integer", "default": "3", "label": "How many servers"},
        {"name": "Password", "type": "secret"},
    ]
    async with deck(size=size, still=True) as pilot:
        job = await waiting(pilot, str(examples / "backup.sh"), source=str(examples))
        await caught_up(pilot)
        screen = await opened(pilot, job)
        assert isinstance(screen.focused, OptionList) and not screen.query(Marks)
        await quiet(pilot, 1)
        shot(pilot, "feedback")
        await pilot.press("escape")
        await closed(pilot, screen)
        many = await waiting(pilot, asking(scripts, {"caption": "New account", "message": "Whose?", "fields": fields}))
        await caught_up(pilot)
        await opened(pilot, many)
        await quiet(pilot, 2)
        shot(pilot, "feedback-fields")
        for each in (job, many):
            await app_of(pilot).service.cancel(each.id)


async def test_in_a_low_window_the_question_is_there_as_a_whole(deck: Deck, scripts: Path) -> None:
    fields = [{"name": "User"}, {"name": "Port", "type": "integer"}, {"name": "Password", "type": "secret"}]
    async with deck(size=(60, 15)) as pilot:
        path = asking(scripts, {"message": "Log in", "fields": fields})
        job = await waiting(pilot, write(scripts, "talks.sh", f"seq 20; exec {sys.executable} {path}\n"))
        await opened(pilot, job)
        for word in ("Log in", "User", "Port", "Password", "Answer", "Later [esc]", "Cancel job [ctrl+x]"):
            await until(pilot, lambda word=word: word in drawn(pilot), 5)  # type: ignore[misc]
        await pilot.resize_terminal(50, 12)
        await until(pilot, lambda: "needs 60x15" in drawn(pilot))
        assert "Log in" not in drawn(pilot)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "needs 60x15" not in drawn(pilot) and "Log in" in drawn(pilot))
        assert "20" in drawn(pilot), "there is room for the output again"


async def test_what_is_typed_before_the_question_is_here_is_not_lost(deck: Deck, scripts: Path) -> None:
    path = asking(scripts, {"message": "Name?"})
    async with deck() as pilot:
        job = await waiting(pilot, path)
        screen = FeedbackScreen(job.id)
        pilot.app.push_screen(screen)
        # Neither the question nor the field is there yet.
        for letter in "Ada":
            pilot.app.post_message(events.Key(letter, letter))
        await until(pilot, lambda: [field.value for field in screen.query(TextInput)] == ["Ada"])
        await pilot.press("enter")
        await closed(pilot, screen)
        assert answers(scripts) == ["Ada"]
