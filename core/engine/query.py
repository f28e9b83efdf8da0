"""Reading jobs: pages by key, filters in SQL, counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from core.model import ORDERS
from core.service import Invalid, Job, JobPage, JobQuery, NotFound, Status

from .conditions import ORDERED_BY, Allowed, Narrow, expand, narrowed, where
from .rows import job_of_row

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


def page(
    connection: sqlite3.Connection, query: JobQuery, allowed: Allowed = None, narrow: Narrow | None = None
) -> JobPage:
    """One page of jobs. Raises Invalid for an unknown order, or a page by key in another order than that of ids."""
    if query.order_by not in ORDERS:
        raise Invalid(f"Jobs cannot be ordered by {query.order_by!r}; they can by {', '.join(ORDERS)}.")
    if query.before is not None and query.order_by != "id":
        raise Invalid("A page behind a job is in the order of ids; in another order, skip to it by number.")
    clause, values = where(connection, query, allowed, narrowed(connection, query, narrow), paged=True)
    take = max(0, min(query.take, 1_000_000))
    order = " DESC" if query.descending else " ASC"
    by = f"{order}, ".join(dict.fromkeys((ORDERED_BY[query.order_by], "id"))) + order
    chosen = f"{clause} ORDER BY {by} LIMIT ? OFFSET ?"
    if query.order_by != "id":
        # Where no index leads to this order, what is sorted is numbers, not whole rows.
        chosen = f" WHERE id IN (SELECT id FROM job{chosen}) ORDER BY {by}"
    limits = [take + 1, max(0, query.skip)]
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
        wanted = expand(query.statuses)
        counted = counts(connection)
        return sum(number for status, number in counted.items() if not query.statuses or status in wanted)
    if allowed is None and query == JobQuery(hide_children=True, order_by=query.order_by, descending=query.descending,
                                             take=query.take, skip=query.skip, before=query.before):  # fmt: skip
        # Those that have a parent are in an index of their own.
        with_parent = connection.execute("SELECT count(*) FROM job WHERE parent_job IS NOT NULL").fetchone()[0]
        return sum(counts(connection).values()) - int(with_parent)
    clause, values = where(connection, query, allowed, narrowed(connection, query, narrow), paged=False)
    return int(connection.execute(f"SELECT count(*) FROM job{clause}", values).fetchone()[0])


_STATUSES = frozenset(int(status) for status in Status)


def counts(connection: sqlite3.Connection, allowed: Allowed = None) -> Mapping[Status, int]:
    """How many jobs are in each status that has any."""
    if allowed is None:
        rows = connection.execute("SELECT status, sum(jobs) FROM tally GROUP BY status HAVING sum(jobs) > 0")
    else:
        wanted = f"SELECT status, count(*) FROM job WHERE {allowed.indexed} GROUP BY +status"
        rows = connection.execute(wanted, allowed.values)
    found: dict[Status, int] = {}
    for number, count in rows:
        # What no status is called is shown as Failed, with a remark.
        status = Status(number) if number in _STATUSES else Status.Failed
        found[status] = found.get(status, 0) + count
    return found
