"""`jobdeck rebuild`: the database made again from the job directories, and from the snapshot what they cannot tell."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.config import Settings
from core.service import ServiceError, Unavailable

from . import scripts
from .changes import note_everything
from .damage import Damaged, damaged_columns, fit_row, understanding
from .database import SCHEMA_VERSION, connect, create, explain, transaction
from .locks import FileLock, is_held
from .migrations import bring_up_to_date
from .numbers import high_water
from .outcome import Progression, has_started, read_json
from .paths import job_directories, job_directory
from .query import job_with_key
from .removal import finish_removals
from .rows import insert_job, row_of_spec
from .text_index import TextIndex

log = logging.getLogger("jobdeck.engine")


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild found. `set_aside` is where a database that could not be opened lies now."""

    jobs: int
    scripts: int
    problems: tuple[str, ...]
    set_aside: str | None = None


def row_of_directory(store: str, id: int) -> dict[str, Any] | None:
    """The row of a job as its directory tells it; None for a submit that was never committed."""
    directory = job_directory(store, id)
    spec = read_json(os.path.join(directory, "spec.json"))
    if spec is None:
        return None
    with understanding(directory):
        row = fit_row(row_of_spec(spec), id)
    try:
        columns = Progression(directory).read()
    except Damaged as error:
        log.error("job %s: %s", id, error)
        if is_held(os.path.join(directory, "lock")):
            # Its runner lives: once it is gone its end is told.
            return row | {"claim": "rebuilt"}
        return row | damaged_columns(directory, str(error), row)
    row |= columns
    if columns.get("ended") is None and (has_started(directory) or is_held(os.path.join(directory, "lock"))):
        # Whose claim it was is told nowhere but in the database; that there is one is what counts.
        row["claim"] = "rebuilt"
    return row


def _rows(store: str, ids: Iterable[int], problems: list[str]) -> list[dict[str, Any]]:
    rows = []
    for id in ids:
        try:
            row = row_of_directory(store, id)
        except (ServiceError, OSError) as error:
            log.error("job %s could not be read: %s", id, error)
            problems.append(f"Job {id} could not be read: {error}")
            continue
        if row is not None:
            rows.append(row)
    return rows


def _insert(connection: sqlite3.Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Put rows on record. A request's key is the first job's that has it: a lost database may have let in a second."""
    for row in rows:
        key = row["request_key"]
        if key is not None and job_with_key(connection, row["identity"], key) is not None:
            row = row | {"request_key": None}
        insert_job(connection, row)


def import_missing(connection: sqlite3.Connection, store: str) -> int:
    """Put jobs on record whose rows a power loss took: directories newer than the newest row. How many there were."""
    finish_removals(store, connection)
    newest = connection.execute("SELECT max(id) FROM job").fetchone()[0] or 0
    problems: list[str] = []
    rows = _rows(store, job_directories(store, newest), problems)
    _insert(connection, rows)
    _raise_sequence(connection, store, rows[-1]["id"] if rows else newest)
    snapshot = read_json(os.path.join(store, "snapshot.json"))
    if snapshot:
        scripts.load_snapshot(connection, snapshot)
    return len(rows)


def _raise_sequence(connection: sqlite3.Connection, store: str, least: int) -> None:
    row = connection.execute("SELECT value FROM sequence WHERE name = 'job'").fetchone()
    value = max(least, high_water(store), row[0] if row else 0)
    connection.execute("INSERT OR REPLACE INTO sequence (name, value) VALUES ('job', ?)", (value,))


def rebuild(settings: Settings) -> RebuildReport:
    """Make the job tables again, in one transaction. No other engine may have the store open.

    Raises Unavailable when one has, or when the disk does not take it.
    """
    store = settings.data_directory
    if not os.path.isdir(store):
        raise Unavailable(f"There is no store at {store}. Set JOBDECK_HOME to the one you mean.")
    with FileLock(os.path.join(store, "store.lock")) as lock:
        deadline = time.monotonic() + 2.0
        while not lock.take():
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Other jobdeck processes have the store {store} open. End them (running jobs may go on), "
                    "then run `jobdeck rebuild` again."
                )
            time.sleep(0.02)
        set_aside = _set_aside(settings)
        lost = not os.path.exists(settings.database)
        problems: list[str] = []
        try:
            if not os.path.exists(settings.database):
                create(settings.database)
            bring_up_to_date(settings)
            TextIndex(store).discard()
            connection = connect(settings.database)
            try:
                finish_removals(store, None if lost else connection)
                return _fill(connection, settings, problems, set_aside)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise explain(error, settings.database) from error


def _fill(
    connection: sqlite3.Connection, settings: Settings, problems: list[str], set_aside: str | None
) -> RebuildReport:
    store = settings.data_directory
    snapshot = read_json(os.path.join(store, "snapshot.json")) or {}
    rows = _rows(store, job_directories(store), problems)
    with transaction(connection, settings.lock_timeout):
        # What takes tags from the index of tags trips over those that are no JSON.
        connection.execute("UPDATE job SET tags = '[]' WHERE NOT json_valid(tags)")
        connection.execute("DELETE FROM job")
        connection.execute("DELETE FROM tally")
        connection.execute("DELETE FROM job_tag")
        _insert(connection, rows)
        note_everything(connection)
        _raise_sequence(connection, store, rows[-1]["id"] if rows else 0)
        scripts.load_snapshot(connection, snapshot)
        connection.execute("DELETE FROM leader")
        on_record = connection.execute("SELECT count(*) FROM script").fetchone()[0]
    return RebuildReport(len(rows), on_record, tuple(problems), set_aside)


def _set_aside(settings: Settings) -> str | None:
    """Move a database away that cannot be read; where it lies then."""
    path = settings.database
    if not os.path.exists(path):
        return None
    try:
        connection = connect(path)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            healthy = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        finally:
            connection.close()
        if version > SCHEMA_VERSION:
            raise Unavailable(f"The store {path} was made by a newer jobdeck. Upgrade jobdeck to rebuild it.")
        if healthy and version:
            return None
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if not name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise explain(error, path) from error
    aside = f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.rename(path + suffix, aside + suffix)
    return aside
