"""Reading jobs: pages by key, filters in SQL, counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from core.service import FINISHED, UNFINISHED, Job, JobPage, JobQuery, NotFound, Status

from .rows import job_of_row


def job_row(connection: sqlite3.Connection, id: int) -> sqlite3.Row:
    """The row of one job. Raises NotFound."""
    row: sqlite3.Row | None = None
    if -(2**63) <= id < 2**63:
        row = connection.execute("SELECT * FROM job WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no job {id}. `jobdeck jobs` lists them.")
    return row


def children(connection: sqlite3.Connection, id: int) -> tuple[int, ...]:
    """The jobs that a job started, by number."""
    rows = connection.execute("SELECT id FROM job WHERE parent_job = ? AND parent_job IS NOT NULL ORDER BY id", (id,))
    return tuple(row[0] for row in rows)


def unfinished(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Number and claim of every job that has not ended."""
    return connection.execute("SELECT id, claim FROM job WHERE status IN (0, 1, 4, 6) ORDER BY id").fetchall()


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


def _where(query: JobQuery) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, *arguments: Any) -> None:
        conditions.append(condition)
        values.extend(arguments)

    if query.statuses:
        wanted = _expand(query.statuses)
        add(f"status IN ({', '.join('?' * len(wanted))})", *wanted)
    if query.script is not None:
        add("(script = ? OR script_path = ?)" if "/" in query.script else "script = ?",
            *([query.script] * (2 if "/" in query.script else 1)))  # fmt: skip
    if query.identity is not None:
        add("identity = ?", query.identity)
    if query.tag is not None:
        add("EXISTS (SELECT 1 FROM json_each(job.tags) WHERE json_each.value = ?)", query.tag)
    if query.text:
        pattern = "%" + query.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        add("(script LIKE ? ESCAPE '\\' OR notes LIKE ? ESCAPE '\\' OR parameters LIKE ? ESCAPE '\\')", *[pattern] * 3)
    if query.since is not None:
        add("created >= ?", query.since)
    if query.until is not None:
        add("created < ?", query.until)
    if query.parent_job is not None:
        add("parent_job = ?", query.parent_job)
    if query.hide_children:
        add("parent_job IS NULL")
    if query.before is not None:
        add("id < ?" if query.descending else "id > ?", query.before)
    return (" WHERE " + " AND ".join(conditions) if conditions else ""), values


def page(connection: sqlite3.Connection, query: JobQuery) -> JobPage:
    """One page of jobs, in the order of their numbers."""
    where, values = _where(query)
    take = max(0, min(query.take, 1_000_000))
    order = "DESC" if query.descending else "ASC"
    rows = connection.execute(f"SELECT * FROM job{where} ORDER BY id {order} LIMIT ?", [*values, take + 1]).fetchall()
    jobs: list[Job] = [job_of_row(row) for row in rows[:take]]
    return JobPage(tuple(jobs), len(rows) > take)


def counts(connection: sqlite3.Connection) -> Mapping[Status, int]:
    """How many jobs are in each status that has any."""
    return {Status(row[0]): row[1] for row in connection.execute("SELECT status, count(*) FROM job GROUP BY status")}
