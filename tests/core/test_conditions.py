"""Whatever index leads a query, it gives the jobs that a look at each of them gives."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from core.access import Caller
from core.engine import callers, conditions, query
from core.engine.database import connect, create
from core.engine.rows import insert_job
from core.model import ORDERS
from core.service import FINISHED, UNFINISHED, Invalid, JobQuery, Status, Term

_JOBS = 60


def _job(id: int) -> dict[str, Any]:
    return {
        "id": id,
        "run_id": f"run-{id}",
        "status": (2, 2, 2, 3, 1)[id % 5],
        "script": ("a.sh", "a.sh", "b.sh")[id % 3],
        "script_path": f"/srv/{id % 2}/{('a.sh', 'a.sh', 'b.sh')[id % 3]}",
        "environment": "Bash" if id != 17 else "Zsh",
        "identity": ("ada", "bob", "eve", "ada")[id % 4],
        "source": "cli" if id % 2 else "api",
        "tags": json.dumps({0: ["x", "y"], 1: ["x"], 2: ["x", "x"], 3: []}[id % 4]),
        "parameters": json.dumps(
            {"host": f"db-{id}", "note": ("ärger", "ÄRGER", "Ärger", "")[id % 4]}, ensure_ascii=id % 3 == 0
        ),
        "created": id * 10,
        "started": None if id % 13 == 0 else id * 10 + 3 * (id % 4),
        "ended": None if id % 5 == 4 else id * 10 + 50 * (id % 6),
        "parent_job": id - 1 if id % 7 == 0 else None,
        "rerun_of": id - 2 if id % 11 == 0 else None,
    }


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database with some jobs."""
    path = str(tmp_path_factory.mktemp("store") / "jobdeck.db")
    create(path)
    with contextlib.closing(connect(path)) as connection:
        columns = [r for r in connection.execute("PRAGMA table_info(job)") if r["notnull"] and r["name"] != "changed"]
        blank = {row["name"]: 0 if "INT" in row["type"] else "[]" for row in columns} | {"request_key": None}
        for id in range(1, _JOBS + 1):
            insert_job(connection, blank | _job(id))
        yield connection


def _has(job: dict[str, Any], term: Term) -> bool:
    if term.field == "tag":
        found = bool(set(json.loads(job["tags"])) & set(term.values))
    elif term.field == "text":
        parameters = json.dumps(json.loads(job["parameters"]), ensure_ascii=False)
        found = any(value.lower() in (job["script"] + "\n" + parameters).lower() for value in term.values)
    else:
        found = job[term.field] in term.values
        if term.field == "script":
            found = found or job["script_path"] in term.values or job["script"].partition(".")[0] in term.values
    return found is not term.negate


def _sees(who: Caller | None, job: dict[str, Any]) -> bool:
    """Whether a caller may see a job."""
    seen = {job["script"], job["script_path"]}
    return who is None or bool(seen & set(who.scripts) or set(who.tags) & set(json.loads(job["tags"])))


def _wanted(wanted: JobQuery, among: list[list[int]], who: Caller | None = None) -> list[int]:
    """The numbers that a query has, by looking at every job."""
    statuses = set(wanted.statuses)
    statuses |= (FINISHED if Status.Historical in statuses else set()) | (
        UNFINISHED if Status.Active in statuses else set()
    )
    return [
        id
        for id in range(_JOBS, 0, -1)
        if _sees(who, job := _job(id))
        and (not statuses or Status(job["status"]) in statuses)
        and all(_has(job, term) for term in wanted.terms)
        and (wanted.since is None or job["created"] >= wanted.since)
        and (wanted.until is None or job["created"] < wanted.until)
        and (wanted.parent_job is None or job["parent_job"] == wanted.parent_job)
        and (wanted.rerun_of is None or job["rerun_of"] == wanted.rerun_of)
        and (not wanted.hide_children or job["parent_job"] is None)
        and (wanted.before is None or id < wanted.before)
        and all(id in ids for ids in among)
    ]


def _place(job: dict[str, Any], order_by: str) -> tuple[float, int]:
    """Where a job stands in an order."""
    started, ended = job["started"] or job["created"], job["ended"]
    place = {
        "id": 0,
        "started": started,
        "ended": math.inf if ended is None else ended,
        "duration": 10**18 - started if ended is None else ended - (job["started"] or ended),
    }
    return place[order_by], job["id"]


def _some(*values: str) -> strategies.SearchStrategy[tuple[str, ...]]:
    return strategies.lists(strategies.sampled_from(values), max_size=3).map(tuple)


_VALUES = {
    "script": _some("a.sh", "b.sh", "c.sh", "a", "b", "c", "s", "/srv/0/a.sh", "/srv/1/b.sh", "/none"),
    "identity": _some("ada", "bob", "eve", "zoe", ""),
    "environment": _some("Bash", "Zsh", "Ruby"),
    "source": _some("cli", "api", "job"),
    "run_id": _some("run-3", "run-30", "none", "\udcff"),
    "tag": _some("x", "y", "z"),
    "text": _some("a", "db-1", "B.SH", "host", "nothing", "%", "ärger", "ÄRGER", "Ärger"),
}
_TERMS = strategies.sampled_from(sorted(_VALUES)).flatmap(
    lambda field: strategies.builds(Term, strategies.just(field), _VALUES[field], strategies.booleans())
)
_STATUSES = strategies.frozensets(
    strategies.sampled_from([Status.Completed, Status.Failed, Status.Running, Status.Historical, Status.Active]),
    max_size=3,
)
#: few conditions, of which each may lead, or many at once
_QUERIES = strategies.builds(
    JobQuery, terms=strategies.lists(_TERMS, min_size=1, max_size=2).map(tuple), take=strategies.just(1000)
) | strategies.builds(
    JobQuery,
    statuses=_STATUSES,
    terms=strategies.lists(_TERMS, max_size=4).map(tuple),
    since=strategies.none() | strategies.integers(0, 700),
    until=strategies.none() | strategies.integers(0, 700),
    parent_job=strategies.none() | strategies.integers(1, 60),
    rerun_of=strategies.none() | strategies.integers(1, 60),
    hide_children=strategies.booleans(),
    take=strategies.just(1000),
    before=strategies.none() | strategies.integers(1, 61),
)

_CALLERS = strategies.none() | strategies.builds(
    Caller,
    strategies.just("eve"),
    scripts=_some("a.sh", "b.sh", "c.sh", "/srv/0/a.sh", "/srv/1/b.sh", "/none"),
    tags=_some("x", "y", "z"),
).filter(callers.is_restricted)


@hypothesis_settings(
    deadline=None, max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(
    wanted=_QUERIES,
    among=strategies.just([]) | strategies.lists(strategies.lists(strategies.integers(1, 70), max_size=20), max_size=2),
    bounds=strategies.sampled_from([(2, 5, 20), (100, 200, 300), (1, 1, 1)]),
    ordered=strategies.sampled_from([0, 4, 1000]),
    order_by=strategies.sampled_from(ORDERS),
    descending=strategies.booleans(),
    who=_CALLERS,
)
def test_every_query_has_the_jobs_that_a_look_at_each_finds(
    jobs: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, wanted: JobQuery, among: list[list[int]],
    bounds: tuple[int, ...], ordered: int, order_by: str, descending: bool, who: Caller | None,
) -> None:  # fmt: skip
    # Every choice of what leads comes up among so few jobs.
    monkeypatch.setattr(conditions, "_BOUNDS", bounds)
    monkeypatch.setattr(conditions, "_SORTED", ordered)
    allowed = callers.condition(who)
    clause, values = conditions.where(jobs, wanted, allowed, among, paged=True)
    rows = jobs.execute(f"SELECT id FROM job{clause} ORDER BY id DESC", values)
    assert [row[0] for row in rows] == _wanted(wanted, among, who), clause
    clause, values = conditions.where(jobs, wanted, allowed, among, paged=False)
    everything = len(_wanted(replace(wanted, before=None), among, who))
    assert jobs.execute(f"SELECT count(*) FROM job{clause}", values).fetchone()[0] == everything, clause
    if not among:
        assert [job.id for job in query.page(jobs, wanted, allowed).jobs] == _wanted(wanted, [], who)
        assert query.count(jobs, wanted, allowed) == everything
        assert sum(query.counts(jobs, allowed).values()) == len(_wanted(JobQuery(), [], who))
        if wanted.before is None:
            turned = replace(wanted, order_by=order_by, descending=descending, skip=2, take=7)
            expected = sorted(_wanted(wanted, [], who), key=lambda id: _place(_job(id), order_by), reverse=descending)
            page = query.page(jobs, turned, allowed)
            assert ([job.id for job in page.jobs], page.more) == (expected[2:9], len(expected) > 9)


def _plan(jobs: sqlite3.Connection, wanted: JobQuery) -> str:
    clause, values = conditions.where(jobs, wanted, None, paged=True)
    rows = jobs.execute(f"EXPLAIN QUERY PLAN SELECT * FROM job{clause} ORDER BY id DESC LIMIT 10", values)
    return " ".join(row["detail"] for row in rows)


def test_the_rarest_condition_leads(jobs: sqlite3.Connection) -> None:
    common, rare = Term("source", ("cli",)), Term("environment", ("Zsh",))
    for terms in ((common, rare), (rare, common)):
        assert "job_environment (environment=?)" in _plan(jobs, JobQuery(terms=terms))
    assert "job_source (source=?)" in _plan(jobs, JobQuery(terms=(common, Term("environment", ("Bash",)))))
    assert "job_parent (parent_job=?)" in _plan(jobs, JobQuery(terms=(common,), parent_job=6))
    assert "job_rerun (rerun_of=?)" in _plan(jobs, JobQuery(terms=(common,), rerun_of=20))


@pytest.mark.parametrize(
    "who",
    [
        Caller("eve", scripts=("c.sh",)), Caller("eve", scripts=("/none",)), Caller("eve", tags=("z",)),
        Caller("eve", scripts=("c.sh", "/none"), tags=("z", "none")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wanted", [JobQuery(), JobQuery(order_by="duration"), JobQuery(hide_children=True)])
def test_what_a_token_may_see_leads_where_it_is_little(jobs: sqlite3.Connection, who: Caller, wanted: JobQuery) -> None:
    told: list[str] = []
    jobs.set_trace_callback(told.append)
    allowed = callers.condition(who)
    found = query.page(jobs, wanted, allowed).jobs, query.count(jobs, wanted, allowed), query.counts(jobs, allowed)
    jobs.set_trace_callback(None)
    assert found == ((), 0, {})
    asked = [statement for statement in told if statement.startswith("SELECT") and "IN ()" not in statement]
    assert len(asked) >= 3
    for statement in asked:
        plan = [row["detail"] for row in jobs.execute("EXPLAIN QUERY PLAN " + statement)]
        assert not any(re.match(r"SCAN job\b", step) for step in plan), (statement, plan)


@pytest.mark.parametrize("order_by", ["started", "ended", "duration"])
def test_an_order_has_its_index(jobs: sqlite3.Connection, order_by: str) -> None:
    told: list[str] = []
    jobs.set_trace_callback(told.append)
    query.page(jobs, JobQuery(order_by=order_by))
    jobs.set_trace_callback(None)
    asked = next(statement for statement in told if "ORDER BY" in statement)
    rows = jobs.execute("EXPLAIN QUERY PLAN " + asked)
    assert f"job_{order_by}" in " ".join(row["detail"] for row in rows)


def test_a_tag_goes_with_its_job(jobs: sqlite3.Connection) -> None:
    jobs.execute("BEGIN")
    tagged = "SELECT count(*) FROM job_tag"
    assert jobs.execute(tagged).fetchone()[0] == 60
    jobs.execute("DELETE FROM job WHERE id = 4")
    assert jobs.execute(tagged).fetchone()[0] == 58
    jobs.execute("DELETE FROM job")
    assert jobs.execute(tagged).fetchone()[0] == 0
    jobs.execute("ROLLBACK")


def test_an_unknown_field_is_refused(jobs: sqlite3.Connection) -> None:
    with pytest.raises(Invalid, match="cannot be chosen by 'color'"):
        conditions.where(jobs, JobQuery(terms=(Term("color", ("red",)),)), None, paged=True)
