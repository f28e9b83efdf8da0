"""What the config file says to the terminal application: its tables `[terminal]` (theme) and `[keys]`.

Nothing that stands there, or that is wrong with the file, keeps the application from starting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.config import parted
from tui.own_keys import Wish, wishes

_ENTRY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([\w.-]+))\s*=""")
_HEADER = re.compile(r"\s*\[\s*([^\]]*?)\s*\]")


#: so many sentences are told at the start
_AT_ONCE = 2


@dataclass(slots=True)
class Told:
    """What the file says."""

    theme: str | None = None
    wishes: list[Wish] = field(default_factory=list)
    #: a sentence for everything that does not count
    problems: list[str] = field(default_factory=list)


def few(problems: Sequence[str], all_of_them: str) -> list[str]:
    """As many of the sentences as there is room for at the start, and where the others are."""
    if len(problems) <= _AT_ONCE + 1:
        return [*problems]
    return [*problems[:_AT_ONCE], f"{len(problems) - _AT_ONCE} more like these: {all_of_them}."]


def read(path: str) -> Told:
    """What the file says. That it cannot be read at all, or what is wrong with its settings, others tell."""
    told = Told()
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return told
    name = os.path.basename(path)
    table = _tables(text, name, told.problems)
    found, wrong = wishes(table.get("keys"), _lines(text), name)
    told.wishes = found
    told.problems += wrong
    _terminal(table.get("terminal"), name, told)
    return told


def _terminal(table: object, name: str, told: Told) -> None:
    if table is None:
        return
    if not isinstance(table, dict):
        told.problems.append(f'{name}: terminal is ignored. It must be a table: [terminal], and below it theme = "…".')
        return
    for key, value in table.items():
        if key == "theme" and isinstance(value, str):
            told.theme = value
        elif key == "theme":
            told.problems.append(f'{name}: the theme {value!r} is ignored, as it is no text: write theme = "…".')
        else:
            told.problems.append(
                f"{name}: {key!r} in [terminal] is ignored, as nothing has that name. It knows: theme."
            )


def _tables(text: str, name: str, problems: list[str]) -> dict[str, Any]:
    """The whole file, or as much as can be understood of the application's own tables, line by line."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        _, own = parted(text)
    try:
        return tomllib.loads(own)
    except tomllib.TOMLDecodeError:
        pass
    tables: dict[str, Any] = {}
    here = "[keys]"
    for number, line in enumerate(own.splitlines(), 1):
        try:
            if line.lstrip().startswith("["):
                here = line
                tomllib.loads(line)
                continue
            found = tomllib.loads(f"{here}\n{line}")
        except tomllib.TOMLDecodeError:
            if line.lstrip().startswith("["):
                here = "[keys]" if "keys" in line else "[terminal]"
                sample = here
            else:
                sample = '"jobs.cancel" = "ctrl+x"' if "keys" in here else 'theme = "jobdeck-light"'
            told = "is ignored" if sample != here else f"is read as {here}"
            problems.append(f"{name}, line {number}: '{line.strip()}' {told}, as it is no TOML. Write {sample}.")
            continue
        _merge(tables, found)
    return tables


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into.setdefault(key, value)


def _lines(text: str) -> dict[str, int]:
    """Where each verb stands in `[keys]`: its line, from 1."""
    lines: dict[str, int] = {}
    before: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            words = header[1].replace('"', "").replace("'", "").split(".")
            before = "".join(f"{word.strip()}." for word in words[1:]) if words[0].strip() == "keys" else None
        elif line.lstrip().startswith("["):
            before = "" if "keys" in line else None
        elif before is not None and (entry := _ENTRY.match(line)):
            lines.setdefault(before + next(name for name in entry.groups() if name), number)
    return lines
