"""Jobs whose own files say what cannot be: such a job alone is told as damaged, and everybody else goes on.

Files get damaged by disks, by restores that were cut short, by hands. What a job's files say passes here before it
reaches the database: one number that the database refuses must not keep an engine from all other jobs.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from typing import Any

from core.journal.format import JournalError
from core.service import Status, Unavailable

from .changes import draw

_SENSELESS = (
    JournalError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
    IsADirectoryError, NotADirectoryError,
)  # fmt: skip
_WHOLE = (
    "status", "state_seq", "records", "bytes", "objects", "errors", "warnings", "started", "ended", "process_id",
    "feedback", "exit_code", "signal",
)  # fmt: skip
_OWN_WHOLE = ("id", "script_id", "created", "parent_job", "parent_line_number", "attempt", "rerun_of")
_WORDS = ("reason", "receipt", "remarks", "activity", "current_operation", "status_description")
#: nanoseconds at the end of the year 9999: no calendar goes further
_LAST = 253_402_300_799 * 10**9
#: what is told behind the reason
_SHOWN = " What can be read of it is still shown; its outcome is not known."


class Damaged(Unavailable):
    """What a job's files say cannot be understood. Whoever looks at several jobs goes on with the others."""


@contextlib.contextmanager
def understanding(directory: str) -> Iterator[None]:
    """Raises Damaged for everything that only files which were damaged can lead to."""
    try:
        yield
    except _SENSELESS as error:
        told = str(error) if isinstance(error, JournalError | OSError) else f"{type(error).__name__}: {error}"
        raise Damaged(f"What {directory} holds of the job is damaged ({told.rstrip('.')}).") from error


def fit(columns: dict[str, Any]) -> dict[str, Any]:
    """The same columns, where the database and the faces can take them. Raises ValueError."""
    for name in _WHOLE:
        value = columns.get(name)
        if value is not None and (type(value) is not int or not -(1 << 63) <= value < 1 << 63):
            raise ValueError(f"{name} is {_short(value)}")
    for name in ("started", "ended"):
        if not 0 <= (columns.get(name) or 0) <= _LAST:
            raise ValueError(f"{name} is {columns[name]}")
    for name in _WORDS:
        value = columns.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is {_short(value)}")
    return columns


def fit_row(row: dict[str, Any], id: int) -> dict[str, Any]:
    """The same row of a job as its spec.json tells it, where the database can take it. Raises ValueError."""
    for name in _OWN_WHOLE:
        value = row[name]
        if value is None and name in ("id", "created", "attempt"):
            raise ValueError(f"{name} is missing")
        if value is not None and (type(value) is not int or not -(1 << 63) <= value < 1 << 63):
            raise ValueError(f"{name} is {_short(value)}")
    if row["id"] != id or not 0 <= row["created"] <= _LAST:
        raise ValueError(f"it is that of job {row['id']}, made at {row['created']}")
    for name in ("run_id", "script", "script_path", "content_hash", "environment", "identity", "computer_name",
                 "error_action", "working_directory", "notes", "source", "git_commit", "request_key"):  # fmt: skip
        value = row[name]
        if not isinstance(value, str) and not (value is None and name in ("git_commit", "request_key")):
            raise ValueError(f"{name} is {_short(value)}")
        (value or "").encode()
    if not isinstance(row["timeout"], int | float):
        raise ValueError(f"timeout is {_short(row['timeout'])}")
    return row


def _short(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 40 else told[:40] + "…"


def end_damaged(connection: sqlite3.Connection, id: int, directory: str, why: str) -> bool:
    """End a job's row whose files cannot be understood, or are gone; nobody holds its lock."""
    values = {
        "id": id,
        "status": int(Status.Failed),
        "ended": _last_written(directory),
        "reason": why + _SHOWN,
        "changed": draw(connection),
    }
    changed = connection.execute(
        "UPDATE job SET status = :status, ended = max(coalesce(started, created), :ended), reason = :reason,"
        " claim = NULL, feedback = NULL, state_seq = state_seq + 1, changed = :changed"
        " WHERE id = :id AND ended IS NULL",
        values,
    )
    return changed.rowcount == 1


def _last_written(directory: str) -> int:
    try:
        return os.stat(os.path.join(directory, "out.idx")).st_mtime_ns
    except OSError:
        return time.time_ns()


def damaged_columns(directory: str, why: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """As `end_damaged`, for a row that is made anew."""
    return {
        "status": int(Status.Failed),
        "ended": max(row["started"] or row["created"], _last_written(directory)),
        "reason": why + _SHOWN,
        "state_seq": 1,
    }
