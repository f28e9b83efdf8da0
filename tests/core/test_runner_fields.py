"""Questions with several fields, with a caption, with several choices: from the channel to the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.journal.format import ANSWER, PROMPT, STDOUT
from core.runner.answers import items
from tests.core.runner_jobs import Deck, Run, until
from tests.core.test_runner_channel import client

FIELDS = [
    {"name": "Host", "mandatory": True, "help": "where to"},
    {"name": "Port", "type": "integer", "default": 22, "label": "Its port"},
    {"name": "Fast", "type": "switch"},
    {"name": "Password", "type": "secret"},
]


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def asking(deck: Deck, **question: Any) -> Run:
    message = {"type": "ask", "message": "Where to?", **question}
    run = client(deck, f"print(json.dumps(ask(json.loads({json.dumps(message)!r}))))").go()
    run.until_state("WaitingOnFeedback")
    return run


def said(run: Run) -> Any:
    return json.loads(run.stream(STDOUT))


def test_fields_and_their_answers(deck: Deck) -> None:
    run = asking(deck, fields=FIELDS, caption="Log in")
    assert run.values(PROMPT) == [
        {
            "feedback": 1, "message": "Where to?", "secret": False, "choices": None, "default": None,
            "caption": "Log in", "fields": [
                {"name": "Host", "type": "string", "mandatory": True, "default": None, "help": "where to", "label": ""},
                {"name": "Port", "type": "integer", "mandatory": False, "default": "22", "help": "",
                 "label": "Its port"},
                {"name": "Fast", "type": "switch", "mandatory": False, "default": None, "help": "", "label": ""},
                {"name": "Password", "type": "secret", "mandatory": False, "default": None, "help": "", "label": ""},
            ],
        }
    ]  # fmt: skip
    for fields, words in (
        ({"host": "x", "Colour": "red"}, 'no field "Colour"'),
        ({"Port": "1"}, "Host needs a value."),
        ({"Host": "x", "Port": "many"}, 'Port must be a whole number, not "many".'),
        ({"Host": "x", "Fast": "perhaps"}, "Fast must be true or false"),
        ({"Host": 3}, "The value of Host must be a text."),
    ):
        refused = run.ask(op="answer", fields=fields)["error"]
        assert refused["kind"] == "invalid" and words in refused["message"]
    refused = run.ask(op="answer", text="somewhere")["error"]
    assert refused["kind"] == "invalid" and "NAME=VALUE" in refused["message"]
    assert run.ask(op="answer", fields={"host": "é.example", "Password": "open-sesame"}, by="bob") == {"ok": True}
    run.ended()
    assert said(run)["answer"] == {"Host": "é.example", "Port": "22", "Fast": "", "Password": "***"}
    assert run.values(ANSWER) == [
        {
            "feedback": 1, "text": None, "by": "bob",
            "fields": {"Host": "é.example", "Port": "22", "Fast": "", "Password": None},
        }
    ]  # fmt: skip
    assert b"open-sesame" not in (run.directory / "out.dat").read_bytes()


def test_dates_are_checked(deck: Deck) -> None:
    run = asking(deck, fields=[{"name": "Day", "type": "date"}, {"name": "When", "type": "datetime"}])
    refused = run.ask(op="answer", fields={"Day": "soon", "When": "2026-01-31 at 6"})["error"]
    assert refused["message"] == (
        'Day must be a date like 2026-01-31, not "soon". '
        'When must be a date and time like 2026-01-31T18:00, not "2026-01-31 at 6".'
    )
    assert run.ask(op="answer", fields={"Day": "2026-01-31", "When": "2026-01-31T18:00Z"}) == {"ok": True}
    run.ended()


def test_one_field_takes_a_plain_text(deck: Deck) -> None:
    run = asking(deck, fields=["Name"])
    assert run.ask(op="answer", text="Ann") == {"ok": True}
    run.ended()
    assert said(run) == {"answer": {"Name": "Ann"}}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("b, 0", ["Apples", "Beans"]),
        ("Peas, sweet", ["Peas, sweet"]),
        ("", ["Apples", "Beans"]),
        ("2,2", ["Peas, sweet"]),
        (" , ", []),
    ],
)
def test_several_choices(deck: Deck, text: str, labels: list[str]) -> None:
    run = asking(deck, choices=["&Apples", "&Beans", "Peas, sweet"], multiple=True, default=[0, "Beans"])
    assert run.values(PROMPT)[0]["multiple"] is True and run.values(PROMPT)[0]["default"] == "Apples, Beans"
    refused = run.ask(op="answer", text="a, turnips")["error"]["message"]
    assert refused.startswith('"turnips" is not one of the choices. Answer with some of, separated by commas: Apples')
    assert run.ask(op="answer", text=text) == {"ok": True}
    run.ended()
    assert said(run) == {"answer": labels}
    assert run.values(ANSWER)[0]["text"] == ", ".join(labels)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"fields": [{"name": ""}]}, "a name"),
        ({"fields": ["a", "A"]}, "differ by more than case"),
        ({"fields": [{"name": "a", "type": "colour"}]}, "'colour'"),
        ({"fields": "a"}, "must be a list"),
        ({"fields": ["a"], "choices": ["b"]}, "not both"),
    ],
)
def test_questions_that_cannot_be_asked(deck: Deck, question: dict[str, Any], words: str) -> None:
    message = {"type": "ask", "message": "?", **question}
    run = client(deck, f"print(json.dumps(ask(json.loads({json.dumps(message)!r}))))").go()
    run.ended()
    assert words in said(run)["error"]


def test_fields_for_a_plain_question_are_refused(deck: Deck) -> None:
    run = asking(deck)
    assert "no fields" in run.ask(op="answer", fields={"a": "b"})["error"]["message"]
    run.ask(op="cancel")
    until(lambda: run.values(ANSWER), "the answer's record")
    assert run.values(ANSWER)[0]["cancelled"] is True
    assert run.ended()["status"] == "Canceled"


@pytest.mark.parametrize(
    ("text", "values"),
    [("a, b", ["a", "b"]), ("a\nb, c\n", ["a", "b, c"]), ('["a", 1]', ["a", "1"]), ("[a", ["[a"]), ("", [])],
)
def test_lists(text: str, values: list[str]) -> None:
    assert items(text) == values
