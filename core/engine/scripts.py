"""Scripts and environments on record, and the snapshot of them that outlives the database."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.service import ERROR_ACTIONS, Conflict, Environment, Invalid, NotFound, Script

from .changes import note
from .paths import write_whole
from .script_rows import SCRIPT_SETTINGS, environment_of_row, environment_settings, script_of_row, script_settings

#: streams of PowerShell that have a preference of their own
PREFERENCES = ("Verbose", "Debug", "Information", "Warning", "Progress")
#: PowerShell writes no deeper
DEEPEST = 48


def all_scripts(connection: sqlite3.Connection) -> list[Script]:
    """Every script, by name."""
    return [script_of_row(row) for row in connection.execute("SELECT * FROM script ORDER BY name, path")]


def find_script(connection: sqlite3.Connection, script: int | str) -> Script:
    """One script by id, name or path. Raises NotFound, or Invalid when several have the name."""
    if isinstance(script, int):
        rows = connection.execute("SELECT * FROM script WHERE id = ?", (script,)).fetchall()
    else:
        rows = connection.execute("SELECT * FROM script WHERE name = ?", (script,)).fetchall()
        if not rows:
            rows = connection.execute("SELECT * FROM script WHERE path = ?", (os.path.abspath(script),)).fetchall()
        if not rows and script.isdecimal():
            rows = connection.execute("SELECT * FROM script WHERE id = ?", (int(script[:18]),)).fetchall()
    if not rows:
        raise NotFound(f"There is no script {script!r}. `jobdeck scripts list` shows those on record.")
    if len(rows) > 1:
        choice = ", ".join(f"{row['id']} ({row['path']})" for row in rows)
        raise Invalid(f"Several scripts are named {script!r}: name one by its number or path: {choice}.")
    return script_of_row(rows[0])


def script_at(connection: sqlite3.Connection, path: str) -> Script | None:
    """The script on record for a file."""
    row = connection.execute("SELECT * FROM script WHERE path = ?", (path,)).fetchone()
    return script_of_row(row) if row else None


def _checked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a script as they may stand. Raises Invalid."""
    allowed = ("name", "path", *SCRIPT_SETTINGS)
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in allowed:
            raise Invalid(f"A script has no setting {name!r}. It has: {', '.join(allowed)}.")
        checked[name] = value
    if "name" in checked and (not checked["name"] or "\0" in checked["name"]):
        raise Invalid("A script's name must not be empty.")
    action = checked.get("error_action")
    if action is not None:
        known = {word.lower(): word for word in ERROR_ACTIONS}
        if str(action).lower() not in known:
            raise Invalid(f"The error action {action!r} is not one of {', '.join(ERROR_ACTIONS)}.")
        checked["error_action"] = known[str(action).lower()]
    if "preferences" in checked:
        checked["preferences"] = _preferences(checked["preferences"])
    depth = checked.get("object_depth")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= DEEPEST):
        raise Invalid(f"The setting object_depth is {depth!r}; it must be a whole number from 1 to {DEEPEST}.")
    for name, least in (("concurrent_jobs", 1), ("max_history", 0), ("retry_limit", 0), ("timeout", 0)):
        value = checked.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < least):
            raise Invalid(f"The setting {name} is {value!r}; it must be a number of at least {least}.")
    if checked.get("working_directory"):
        checked["working_directory"] = os.path.abspath(checked["working_directory"])
    if "tags" in checked:
        checked["tags"] = tuple(checked["tags"])
    return checked


def _preferences(given: Any) -> dict[str, str]:
    """PowerShell's preferences by stream as they may stand. Raises Invalid."""
    streams = {name.lower(): name for name in PREFERENCES}
    values = {action.lower(): action for action in ERROR_ACTIONS if action != "Break"}
    checked: dict[str, str] = {}
    for name, value in dict(given).items():
        stream = streams.get(str(name).lower().removesuffix("preference"))
        if stream is None:
            raise Invalid(f"There is no preference {name!r}. There are: {', '.join(PREFERENCES)}.")
        if str(value).lower() not in values:
            raise Invalid(f"The preference {stream} is {value!r}; it must be one of {', '.join(values.values())}.")
        checked[stream] = values[str(value).lower()]
    return checked


def insert_script(connection: sqlite3.Connection, path: str, settings: Mapping[str, Any]) -> Script:
    """Put a file on record. Raises Conflict when it is there already."""
    if script_at(connection, path):
        raise Conflict(f"The script {path} is on record already. Use `jobdeck scripts change` to change it.")
    now = time.time_ns()
    script = Script(
        id=0, **{"name": os.path.basename(path), "path": path, **_checked(settings)}, created=now, changed=now
    )
    cursor = connection.execute(
        "INSERT INTO script (name, path, settings, created, changed) VALUES (?, ?, ?, ?, ?)",
        (script.name, script.path, script_settings(script), now, now),
    )
    assert cursor.lastrowid is not None
    note(connection, "script", cursor.lastrowid)
    return replace(script, id=cursor.lastrowid)


def update_script(connection: sqlite3.Connection, script: int | str, settings: Mapping[str, Any]) -> Script:
    """Change fields of a script. Raises NotFound, Invalid, Conflict."""
    old = find_script(connection, script)
    new = replace(old, **_checked(settings), changed=time.time_ns())
    other = script_at(connection, new.path)
    if other and other.id != old.id:
        raise Conflict(f"The script {new.path} is on record already, as number {other.id}.")
    connection.execute(
        "UPDATE script SET name = ?, path = ?, settings = ?, changed = ? WHERE id = ?",
        (new.name, new.path, script_settings(new), new.changed, new.id),
    )
    note(connection, "script", new.id)
    return new


def delete_script(connection: sqlite3.Connection, script: int | str) -> Script:
    """Forget a script; which one it was. Raises NotFound."""
    found = find_script(connection, script)
    connection.execute("DELETE FROM script WHERE id = ?", (found.id,))
    note(connection, "script", found.id)
    return found


def added_environments(connection: sqlite3.Connection) -> dict[str, Environment]:
    """The environments that users added or changed, by name."""
    return {row["name"]: environment_of_row(row) for row in connection.execute("SELECT * FROM environment")}


def put_environment(connection: sqlite3.Connection, environment: Environment) -> None:
    """Add or change an environment."""
    connection.execute(
        "INSERT INTO environment (name, settings) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
        (environment.name, environment_settings(environment)),
    )
    note(connection, "environment")


def take_snapshot(connection: sqlite3.Connection, store: str) -> None:
    """Write what no journal can give back beside the database. Called within the transaction that changes it."""
    snapshot = {
        "format": 1,
        "script": [dict(row) for row in connection.execute("SELECT * FROM script ORDER BY id")],
        "environment": [dict(row) for row in connection.execute("SELECT * FROM environment ORDER BY name")],
        "token": [dict(row) for row in connection.execute("SELECT * FROM token ORDER BY id")],
    }
    write_whole(os.path.join(store, "snapshot.json"), json.dumps(snapshot, ensure_ascii=False, indent=1).encode())


def load_snapshot(connection: sqlite3.Connection, snapshot: Mapping[str, Any]) -> int:
    """Put back what the database does not have; how many rows that were."""
    added = 0
    for table in ("script", "environment", "token"):
        for row in snapshot.get(table, ()):
            names = list(row)
            cursor = connection.execute(
                f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                [row[name] for name in names],
            )
            added += cursor.rowcount
    return added
