"""Between rows of the store, a job's files and the data classes of the service."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from core.service import Job, Status

from .changes import draw

log = logging.getLogger("jobdeck.engine")
#: jobs whose rows were told as damaged
_told: set[int] = set()

_JSON = ("parameters", "tags", "receipt", "remarks")
#: numbers in a row: SQLite would keep anything there
_NUMBERS = (
    "process_id", "created", "started", "ended", "exit_code", "signal", "parent_job", "parent_line_number", "attempt",
    "rerun_of", "timeout", "records", "bytes", "objects", "errors", "warnings", "feedback", "percent_complete",
    "seconds_remaining",
)  # fmt: skip
_numbers = itemgetter(*_NUMBERS)
#: those that every job has
_NEEDED = ("created", "attempt", "timeout", "records", "bytes", "objects", "errors", "warnings")
#: columns that are the store's own
_OWN = ("state_seq", "claim", "request_key", "changed")


def as_text(value: object) -> str:
    """A value as a JSON column holds it."""
    # Lone surrogates (bytes of a command line that are no UTF-8) can stand in JSON escapes, but not in SQLite's text.
    return json.dumps(value, separators=(",", ":"))


def row_of_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a job that was only queued, from its spec.json."""
    script = spec["script"]
    return {
        "id": spec["id"],
        "run_id": spec["run_id"],
        "status": int(Status.Queued),
        "state_seq": 0,
        "claim": None,
        "script": script["name"],
        "script_id": script["id"],
        "script_path": script["path"],
        "content_hash": script["hash"],
        "git_commit": script["git_commit"],
        "environment": spec["environment"],
        "parameters": as_text(spec["parameters"]),
        "identity": spec["identity"],
        "computer_name": spec["computer_name"],
        "process_id": None,
        "created": spec["created"],
        "started": None,
        "ended": None,
        "exit_code": None,
        "signal": None,
        "reason": None,
        "parent_job": spec["parent_job"],
        "parent_line_number": spec["parent_line_number"],
        "attempt": spec["attempt"],
        "rerun_of": spec["rerun_of"],
        "error_action": spec["error_action"],
        "timeout": spec["timeout"],
        "working_directory": spec["cwd"],
        "tags": as_text(spec["tags"]),
        "notes": spec["notes"],
        "source": spec["source"],
        "records": 0,
        "bytes": 0,
        "objects": 0,
        "errors": 0,
        "warnings": 0,
        "feedback": None,
        "activity": None,
        "current_operation": None,
        "status_description": None,
        "percent_complete": None,
        "seconds_remaining": None,
        "receipt": None,
        "remarks": "[]",
        "request_key": spec.get("key"),
    }


def insert_job(connection: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    """Add a job's row."""
    values = dict(row, changed=draw(connection))
    connection.execute(_insert(tuple(values)), values)


@cache
def _insert(names: tuple[str, ...]) -> str:
    return f"INSERT INTO job ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"


@cache
def _update(names: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = :{name}" for name in names)
    # An end counts also where the journal was cut and tells of less than the row does.
    end = " OR (:ended IS NOT NULL AND ended IS NULL)" if "ended" in names else ""
    return (
        f"UPDATE job SET {changes} WHERE id = :id AND (state_seq < :state_seq"
        f" OR (state_seq = :state_seq AND ended IS NULL AND records <= :records){end})"
    )


def update_job(connection: sqlite3.Connection, id: int, state: Mapping[str, Any]) -> bool:
    """Bring a row up to a later state of its journal; False when it is there or further already.

    `state` is what `core.engine.outcome` read. The same state may be written again, for its counts and progress;
    a finished job never changes.
    """
    values = dict(state, changed=draw(connection))
    statement = _update(tuple(values))
    values["id"] = id
    changed = connection.execute(statement, values)
    return changed.rowcount == 1


def job_of_row(row: sqlite3.Row | Mapping[str, Any]) -> Job:
    """The job a row tells of, without its children and the reason it is queued."""
    # dict(row) would look every column up by its name, one after the other.
    values: dict[str, Any] = dict(row) if isinstance(row, Mapping) else dict(zip(row.keys(), row, strict=True))
    for name in _OWN:
        values.pop(name, None)
    try:
        if str in map(type, _numbers(values)):
            raise ValueError("there is text where a number belongs")
        if bytes in map(type, values.values()):
            raise ValueError("there is what is no text")
        read = dict(values)
        for name in _JSON:
            text = values[name]
            if text is not None:
                # Most jobs have none of these.
                read[name] = [] if text == "[]" else {} if text == "{}" else json.loads(text)
        read["tags"] = tuple(read["tags"])
        read["remarks"] = tuple(read["remarks"])
        read["status"] = Status(values["status"])
    except (ValueError, TypeError, RecursionError) as error:
        read = _damaged(values, error)
    return Job(**read)


def _damaged(values: dict[str, Any], error: Exception) -> dict[str, Any]:
    """A row that holds what cannot be: as much of it as there is, with a remark. It must not hide all other jobs."""
    if values["id"] not in _told:
        log.warning("the row of job %s is damaged: %s", values["id"], error)
        _told.add(values["id"])
    for name, value in values.items():
        if isinstance(value, bytes):
            values[name] = value.decode("utf-8", "replace")
    for name in _NUMBERS:
        if not isinstance(values[name], int | float):
            values[name] = 0 if name in _NEEDED else None
    kinds: dict[str, type] = {"parameters": dict, "receipt": dict, "tags": list, "remarks": list}
    for name, kind in kinds.items():
        try:
            found = json.loads(values[name])
        except (ValueError, TypeError, RecursionError):
            found = None
        values[name] = found if isinstance(found, kind) else None if name == "receipt" else kind()
    values["tags"] = tuple(filter(_is_text, values["tags"]))
    remark = f"The row of this job is damaged ({error}). `jobdeck rebuild` makes it again from the job's directory."
    values["remarks"] = (*filter(_is_text, values["remarks"]), remark)
    known = {int(status) for status in Status}
    values["status"] = Status(values["status"]) if values["status"] in known else Status.Failed
    return values


def _is_text(value: object) -> bool:
    return isinstance(value, str)
