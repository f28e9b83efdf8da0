"""What the verbs' arguments mean: job numbers, times, NAME=VALUE, statuses. Wrong ones raise `Invalid`."""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Sequence
from typing import Any

from core.service import FINISHED, UNFINISHED, Conflict, Invalid, JobQuery, JobService, NotFound, Status

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")
_AGE_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As argparse's, but it does not load `shutil` for every verb to learn how wide the terminal is."""

    def __init__(self, prog: str) -> None:
        try:
            width = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns
        except (OSError, ValueError):
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and a hint; exit code 2."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        named.setdefault("allow_abbrev", False)
        super().__init__(*positional, **named)

    def error(self, message: str) -> Any:
        """Say what is wrong and how to learn more, and exit with 2."""
        from tui.text import one_line

        self.exit(2, f"jobdeck: {one_line(message)}\nTry `{self.prog} --help`.\n")


def add_json(parser: argparse.ArgumentParser, what: str = "one JSON value on standard output") -> None:
    """Give the verb its `--json`."""
    parser.add_argument("--json", action="store_true", help=what)


def add_id(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Give the verb its job: `id`, or `ids` where it takes several."""
    if several:
        parser.add_argument("ids", nargs="+", metavar="ID", help="a job's number, or last")
    else:
        parser.add_argument("id", metavar="ID", help="a job's number, or last")


async def job_id(service: JobService, word: str) -> int:
    """The number that `word` means: a number, or `last` for the newest job."""
    if word.lower() == "last":
        page = await service.jobs(JobQuery(take=1))
        if not page.jobs:
            raise NotFound("There is no job yet. `jobdeck run FILE` runs one.")
        return page.jobs[0].id
    number = word.removeprefix("#")
    if not (number.isascii() and number.isdigit()) or int(number) >= 2**63:
        raise Invalid(f"{word!r} is no job. Give a job's number, or `last` for the newest; `jobdeck jobs` lists them.")
    return int(number)


async def job_ids(service: JobService, words: Sequence[str]) -> list[int]:
    """The numbers that the words mean, each once, in their order."""
    return list(dict.fromkeys([await job_id(service, word) for word in words]))


def moment(word: str) -> int:
    """Nanoseconds since the epoch: RFC 3339, a date, a date and time (local), or an age (`90s`, `30m`, `2h`, `3d`)."""
    if found := _AGE.fullmatch(word.strip().lower()):
        return time.time_ns() - int(float(found[1]) * _AGE_SECONDS[found[2]] * 1e9)
    from datetime import datetime

    try:
        when = datetime.fromisoformat(word.strip())
        return int(when.timestamp()) * 1_000_000_000 + when.microsecond * 1000
    except (ValueError, OverflowError, OSError):
        raise Invalid(
            f"{word!r} is no time. Give 2026-11-24T10:00:00Z, 2026-11-24, 2026-11-24T10:00 (local), or an age: 2h, 3d."
        ) from None


def moment_to_come(word: str) -> int:
    """The same for what is still to come: an age counts from now on (`30d` = in thirty days)."""
    then = moment(word)
    return 2 * time.time_ns() - then if _AGE.fullmatch(word.strip().lower()) else then


def statuses(words: Sequence[str] | None) -> frozenset[Status]:
    """The statuses of the words, in any case, also separated by commas; Active and Historical stand for their sets."""
    known = {status.name.lower(): status for status in Status}
    chosen: set[Status] = set()
    for word in (part.strip() for words_ in words or () for part in words_.split(",")):
        status = known.get(word.lower())
        if status is None:
            raise Invalid(f"{word!r} is no status. There are: {', '.join(status.name for status in Status)}.")
        chosen |= UNFINISHED if status is Status.Active else FINISHED if status is Status.Historical else {status}
    return frozenset(chosen)


def assignments(words: Sequence[str] | None, what: str) -> dict[str, str]:
    """NAME=VALUE words as a mapping, in their order; a later one wins."""
    result: dict[str, str] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Invalid(f"{what} {word!r} must be NAME=VALUE.")
        if "\0" in word:
            raise Invalid(f"{what} {name!r} holds a null character.")
        result[name] = value
    return result


def parameters(words: Sequence[str] | None) -> dict[str, Any]:
    """What `-p` gave: NAME is true, NAME=VALUE a text, a repeated name a list; `@@` at the beginning is one @."""
    result: dict[str, Any] = {}
    repeated: set[str] = set()
    for word in words or ():
        name, equals, text = word.partition("=")
        if not name:
            raise Invalid(f"-p {word!r} has no name. Give -p NAME=VALUE, or -p NAME for true.")
        value: Any = True
        if equals:
            if text.startswith("@@"):
                text = text[1:]
            elif text.startswith("@"):
                raise Invalid(
                    f"-p {word!r} asks for the variable {text[1:]!r}, and there are no variables yet. "
                    f"For a value that begins with @ write {name}=@{text}."
                )
            value = text
        if name not in result:
            result[name] = value
        elif name in repeated:
            result[name].append(value)
        else:
            result[name] = [result[name], value]
            repeated.add(name)
    return result


async def each(service: JobService, ids: Sequence[int], act: Any) -> tuple[list[Any], int]:
    """Do `await act(id)` for every job; one that fails is told and does not keep the others. Results and exit code."""
    from tui.say import complain

    if len(ids) == 1:
        return [await act(ids[0])], 0
    results: list[Any] = []
    code = 0
    for number in ids:
        try:
            results.append(await act(number))
        except (Conflict, NotFound) as error:
            complain(error)
            code = 1
    return results, code
