"""Reading jobs: pages by key, filters in SQL, counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.service import FINISHED, UNFINISHED, Invalid, Job, JobPage, JobQuery, NotFound, Status, Term

from .rows import job_of_row

_FIELDS = ("script", "identity", "tag", "environment", "source", "run_id", "text")
_ORDERS = ("id", "started", "ended")
#: pages of more jobs tell no children, and no page tells of more children than this
_MOST_PARENTS = 1_000
_MOST_CHILDREN = 5_000


def job_row(connection: sqlite3.Connection, id: int) -> sqlite3.Row:
    """The row of one job. Raises NotFound."""
    row: sqlite3.Row | None = None
    if -(2**63) <= id < 2**63:
        row = connection.execute("SELECT * FROM job WHERE id = ?", (id,)).fetchone()
    if row is None:
        drawn = connection.execute("SELECT value FROM sequence WHERE name = 'job'").fetchone()
        if drawn and 0 < id <= drawn[0]:
            raise NotFound(f"Job {id} is gone: it was deleted or groomed. `jobdeck jobs` lists those that are there.")
        raise NotFound(f"There is no job {id}. `jobdeck jobs` lists them.")
    return row


def children(connection: sqlite3.Connection, id: int) -> tuple[int, ...]:
    """The jobs that a job started, by number."""
    rows = connection.execute("SELECT id FROM job WHERE parent_job = ? AND parent_job IS NOT NULL ORDER BY id", (id,))
    return tuple(row[0] for row in rows)


def unfinished(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Number and claim of every job that has not ended."""
    return connection.execute("SELECT id, claim FROM job WHERE status IN (0, 1, 4, 6) ORDER BY id").fetchall()


def unfinished_children(connection: sqlite3.Connection, parent: int) -> list[sqlite3.Row]:
    """The rows of the jobs that a job started and that have not ended."""
    return connection.execute(
        "SELECT * FROM job WHERE parent_job = ? AND parent_job IS NOT NULL AND status IN (0, 1, 4, 6) ORDER BY id",
        (parent,),
    ).fetchall()


def children_to_cancel(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """The rows of jobs that go on although the job that started them is cancelled or timed out."""
    return connection.execute(
        "SELECT child.* FROM job AS child JOIN job AS parent ON parent.id = child.parent_job"
        " WHERE child.status IN (0, 1, 4, 6) AND child.status <> 6 AND parent.status IN (5, 6, 9) ORDER BY child.id"
    ).fetchall()


def job_with_key(connection: sqlite3.Connection, identity: str, key: str) -> int | None:
    """The job that a request with this key of this identity made."""
    row = connection.execute(
        "SELECT id FROM job WHERE identity = ? AND request_key = ? AND request_key IS NOT NULL", (identity, key)
    ).fetchone()
    return None if row is None else int(row[0])


def _expand(statuses: frozenset[Status]) -> list[int]:
    expanded: set[Status] = set()
    for status in statuses:
        if status is Status.Historical:
            expanded |= FINISHED
        elif status is Status.Active:
            expanded |= UNFINISHED
        else:
            expanded.add(status)
    return sorted(int(status) for status in expanded)


#: the jobs that may hold one of some texts, by number; None = any may
Narrow = Callable[[sqlite3.Connection, Sequence[str]], list[int] | None]


def _narrowed(connection: sqlite3.Connection, query: JobQuery, narrow: Narrow | None) -> list[list[int]]:
    """For each text that jobs must hold, those that may, as far as an index knows."""
    if narrow is None:
        return []
    wanted = (term.values for term in query.terms if term.field == "text" and not term.negate)
    return [ids for values in wanted if (ids := narrow(connection, values)) is not None]


def _term(term: Term) -> tuple[str, list[Any]]:
    """One condition in SQL. Raises Invalid for a field that is none."""
    marks = ", ".join("?" * len(term.values))
    if not term.values:
        return "0", []
    if term.field == "script":
        paths = [value for value in term.values if "/" in value]
        condition = f"script IN ({marks})"
        if paths:
            condition += f" OR script_path IN ({', '.join('?' * len(paths))})"
        return condition, [*term.values, *paths]
    if term.field in ("identity", "environment", "source", "run_id"):
        return f"{term.field} IN ({marks})", list(term.values)
    if term.field == "tag":
        # Most jobs have none: they are not to cost a look into JSON.
        condition = f"tags <> '[]' AND EXISTS (SELECT 1 FROM json_each(job.tags) WHERE json_each.value IN ({marks}))"
        return condition, list(term.values)
    if term.field == "text":
        patterns = [
            "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" for value in term.values
        ]
        one = "script LIKE ? ESCAPE '\\' OR notes LIKE ? ESCAPE '\\' OR parameters LIKE ? ESCAPE '\\'"
        return " OR ".join([one] * len(patterns)), [pattern for pattern in patterns for _ in range(3)]
    raise Invalid(f"Jobs cannot be chosen by {term.field!r}; they can by {', '.join(_FIELDS)}.")


#: a condition in SQL with its values: which jobs a caller may see; None = all
Allowed = tuple[str, list[Any]] | None


def _where(
    query: JobQuery, allowed: Allowed, among: Sequence[Sequence[int]], *, paged: bool = True
) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if allowed is not None:
        conditions.append(allowed[0])
        values.extend(allowed[1])

    def add(condition: str, *arguments: Any) -> None:
        conditions.append(condition)
        values.extend(arguments)

    if query.statuses:
        wanted = _expand(query.statuses)
        add(f"status IN ({', '.join('?' * len(wanted))})", *wanted)
    for term in query.terms:
        condition, arguments = _term(term)
        add(f"NOT ({condition})" if term.negate else f"({condition})", *arguments)
    if query.since is not None:
        add("created >= ?", query.since)
    if query.until is not None:
        add("created < ?", query.until)
    if query.parent_job is not None:
        add("parent_job = ?", query.parent_job)
    if query.hide_children:
        add("parent_job IS NULL")
    if query.rerun_of is not None:
        add("rerun_of = ?", query.rerun_of)
    if paged and query.before is not None:
        add("id < ?" if query.descending else "id > ?", query.before)
    for ids in among:
        add("id IN (SELECT value FROM json_each(?))", json.dumps(ids))
    return (" WHERE " + " AND ".join(conditions) if conditions else ""), values


def page(
    connection: sqlite3.Connection, query: JobQuery, allowed: Allowed = None, narrow: Narrow | None = None
) -> JobPage:
    """One page of jobs. Raises Invalid for an unknown order, or a page by key in another order than that of ids."""
    if query.order_by not in _ORDERS:
        raise Invalid(f"Jobs cannot be ordered by {query.order_by!r}; they can by {', '.join(_ORDERS)}.")
    if query.before is not None and query.order_by != "id":
        raise Invalid("A page behind a job is in the order of ids; in another order, skip to it by number.")
    where, values = _where(query, allowed, _narrowed(connection, query, narrow))
    take = max(0, min(query.take, 1_000_000))
    order = "DESC" if query.descending else "ASC"
    by = "id" if query.order_by == "id" else f"{query.order_by} IS NULL {order}, {query.order_by} {order}, id"
    limits = [take + 1, max(0, query.skip)]
    if query.order_by == "id":
        chosen = f"{where} ORDER BY {by} {order} LIMIT ? OFFSET ?"
    else:
        # No index knows these orders: what is sorted is numbers, not whole rows.
        chosen = (
            f" WHERE id IN (SELECT id FROM job{where} ORDER BY {by} {order} LIMIT ? OFFSET ?) ORDER BY {by} {order}"
        )
    rows = connection.execute(f"SELECT * FROM job{chosen}", [*values, *limits]).fetchall()
    jobs: list[Job] = [job_of_row(row) for row in rows[:take]]
    return JobPage(tuple(_with_children(connection, jobs)), len(rows) > take)


def _with_children(connection: sqlite3.Connection, jobs: list[Job]) -> list[Job]:
    """The jobs with the numbers of those they started, as far as a page has room for them."""
    if len(jobs) > _MOST_PARENTS:
        return jobs
    marks = ", ".join("?" * len(jobs))
    started: dict[int, list[int]] = {}
    for parent, child in connection.execute(
        f"SELECT parent_job, id FROM job WHERE parent_job IN ({marks}) AND parent_job IS NOT NULL"
        " ORDER BY parent_job, id LIMIT ?",
        [*(job.id for job in jobs), _MOST_CHILDREN],
    ):
        started.setdefault(parent, []).append(child)
    return [replace(job, children=tuple(started[job.id])) if job.id in started else job for job in jobs]


def count(
    connection: sqlite3.Connection, query: JobQuery, allowed: Allowed = None, narrow: Narrow | None = None
) -> int:
    """How many jobs a query has in all."""
    if allowed is None and query == JobQuery(
        statuses=query.statuses, order_by=query.order_by, descending=query.descending, take=query.take,
        skip=query.skip, before=query.before,
    ):  # fmt: skip
        wanted = _expand(query.statuses)
        counted = counts(connection)
        return sum(number for status, number in counted.items() if not query.statuses or status in wanted)
    if allowed is None and query == JobQuery(hide_children=True, order_by=query.order_by, descending=query.descending,
                                             take=query.take, skip=query.skip, before=query.before):  # fmt: skip
        # Those that have a parent are in an index of their own.
        with_parent = connection.execute("SELECT count(*) FROM job WHERE parent_job IS NOT NULL").fetchone()[0]
        return sum(counts(connection).values()) - int(with_parent)
    where, values = _where(query, allowed, _narrowed(connection, query, narrow), paged=False)
    return int(connection.execute(f"SELECT count(*) FROM job{where}", values).fetchone()[0])


def counts(connection: sqlite3.Connection, allowed: Allowed = None) -> Mapping[Status, int]:
    """How many jobs are in each status that has any."""
    if allowed is None:
        rows = connection.execute("SELECT status, sum(jobs) FROM tally GROUP BY status HAVING sum(jobs) > 0")
    else:
        rows = connection.execute(f"SELECT status, count(*) FROM job WHERE {allowed[0]} GROUP BY status", allowed[1])
    return {Status(row[0]): row[1] for row in rows}
