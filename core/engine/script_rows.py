"""Between rows of the store and scripts and environments."""

from __future__ import annotations

import json
import sqlite3

from core.service import Environment, Script

from .rows import as_text

_SCRIPT_COLUMNS = ("id", "name", "path", "created", "changed")
SCRIPT_SETTINGS = tuple(name for name in Script.__dataclass_fields__ if name not in _SCRIPT_COLUMNS)


def script_of_row(row: sqlite3.Row) -> Script:
    """The script a row tells of."""
    settings = json.loads(row["settings"])
    settings["tags"] = tuple(settings.get("tags", ()))
    return Script(**{name: row[name] for name in _SCRIPT_COLUMNS}, **settings)


def script_settings(script: Script) -> str:
    """The settings column of a script."""
    return as_text({name: getattr(script, name) for name in SCRIPT_SETTINGS})


def environment_of_row(row: sqlite3.Row) -> Environment:
    """The environment a row tells of."""
    settings = json.loads(row["settings"])
    settings["arguments"] = tuple(settings["arguments"])
    settings["modules"] = tuple(settings.get("modules", ()))
    return Environment(name=row["name"], **settings)


def environment_settings(environment: Environment) -> str:
    """The settings column of an environment."""
    fields = {name: getattr(environment, name) for name in Environment.__dataclass_fields__ if name != "name"}
    return as_text(fields)
