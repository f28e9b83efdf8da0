"""The language of the filter."""

from __future__ import annotations

import time

import pytest

from core.service import FINISHED, Status, Term
from tui.job_filter import complete, quoted, read, with_order, with_word, without


def test_nothing_means_every_job_as_a_tree() -> None:
    nothing = read("  ")
    assert nothing.empty and nothing.query.hide_children and not nothing.problems


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("script:backup.sh", [Term("script", ("backup.sh",))]),
        ("user:root,bob", [Term("identity", ("root", "bob"))]),
        ("!tag:nightly", [Term("tag", ("nightly",), True)]),
        ("env:Bash source:cli", [Term("environment", ("Bash",)), Term("source", ("cli",))]),
        ("plain", [Term("text", ("plain",))]),
        ("!plain", [Term("text", ("plain",), True)]),
        ('"two words"', [Term("text", ("two words",))]),
        ('script:"my script.sh",b', [Term("script", ("my script.sh", "b"))]),
        ("10:30", [Term("text", ("10:30",))]),
        ("https://example.org", [Term("text", ("https://example.org",))]),
        ("!", [Term("text", ("!",))]),
        ("script:", []),
    ],
)
def test_conditions(text: str, terms: list[Term]) -> None:
    chosen = read(text)
    assert list(chosen.query.terms) == terms and not chosen.problems


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("status:failed", {Status.Failed}),
        ("status:Failed,running", {Status.Failed, Status.Running}),
        ("status:waiting", {Status.WaitingOnFeedback}),
        ("status:active", {Status.Active}),
        ("status:q", {Status.Queued}),
        ("!status:finished", {Status.Queued, Status.Running, Status.WaitingOnFeedback, Status.Canceling}),
        ("status:finished !status:completed", FINISHED - {Status.Completed}),
    ],
)
def test_statuses(text: str, statuses: set[Status]) -> None:
    chosen = read(text)
    assert chosen.query.statuses == statuses and not chosen.problems


def test_an_order_is_a_word_of_the_filter() -> None:
    ordered = read("by:duration user:ada")
    assert (ordered.query.order_by, ordered.query.descending, len(ordered.query.terms)) == ("duration", True, 1)
    turned = read("!by:id")
    assert (turned.query.order_by, turned.query.descending) == ("id", False)
    # Every job is meant; only children stand where their place is, not below their parents.
    assert turned.empty and not turned.query.hide_children and not turned.problems
    assert "by: takes one of id, started, ended, duration" in read("by:size").problems[0]
    assert read("by:started,ended").problems and read("by:size").query == read("").query
    assert with_order("status:failed !by:ended", "duration", False) == "status:failed !by:duration"
    assert with_order("by:ended x", "id", True) == "x" and with_order("", "id", False) == "!by:id"
    assert complete("by:du", 5, {}).words == ("by:duration",)


def test_a_contradiction_finds_nothing() -> None:
    assert Term("script", ()) in read("status:failed !status:failed").query.terms


def test_time() -> None:
    since = read("since:1d").query.since
    assert since is not None and abs(time.time_ns() - since - 86_400 * 10**9) < 10**10
    assert read("until:2026-01-01T00:00:00Z").query.until == 1_767_225_600 * 10**9


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("status:fialed", "is no status"),
        ("staus:failed", "Is it status:"),
        ("since:yesterday", "is no time"),
        ("!since:1d", "Use until:"),
        ("parent:x", "number of a job"),
        ("children:maybe", "below"),
        ("since:1d,2d", "one value"),
    ],
)
def test_what_is_not_understood_is_told_and_the_rest_holds(text: str, told: str) -> None:
    chosen = read(f"{text} script:a")
    assert len(chosen.problems) == 1 and told in chosen.problems[0]
    assert chosen.query.terms == (Term("script", ("a",)),)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [("", True), ("children:listed", False), ("status:failed", False), ("status:failed children:below", True),
     ("parent:7", False)],
)  # fmt: skip
def test_children(text: str, hidden: bool) -> None:
    assert read(text).query.hide_children is hidden


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("sta", ["status:"]),
        ("!ta", ["!tag:"]),
        ("status:fai", ["status:failed"]),
        ("status:failed,r", ["status:failed,running"]),
        ("script:back", ["script:backup.sh", "script:my back.sh"]),
        ("script:nothing", []),
        ("nowhere", []),
    ],
)
def test_completion(text: str, offered: list[str]) -> None:
    known = {"script": ["backup.sh", "my back.sh", "other.py"]}
    words = [word.replace('"', "") for word in complete(text, len(text), known).words]
    assert [word for word in words if word in offered] == offered and (offered or not words)


def test_completion_takes_the_word_at_the_cursor() -> None:
    completion = complete("status:failed scr more", 17, {})
    assert (completion.start, completion.end, completion.words) == (14, 17, ("script:",))


@pytest.mark.parametrize("value", ["plain", "two words", 'a "quote"', "a,b", "back\\slash", "", "!x"])
def test_a_quoted_value_is_read_as_it_is(value: str) -> None:
    terms = read(f"tag:{quoted(value)}").query.terms
    assert terms == ((Term("tag", (value,)),) if value else ())


def test_words_come_and_go() -> None:
    assert with_word("a !source:schedule", "!source:schedule") == "a !source:schedule"
    assert with_word("children:below x", "children:listed") == "x children:listed"
    assert without("a !source:schedule b", "!source:schedule") == "a b"


def test_a_page_that_was_pasted_is_cut_and_that_is_told() -> None:
    long = read("word " * 200_000)
    assert len(long.query.terms) == 100 and len(long.problems) == 2
    assert "2,000 characters" in long.problems[0] and "first 100" in long.problems[1]
    assert not read("word " * 100).problems
