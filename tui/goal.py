"""What somebody typed to say where in the output to go: a line, a share of it, a time."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

_CLOCK = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[ T])?(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")
_SINCE = re.compile(r"\+(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")
_SINCE_CLOCK = re.compile(r"\+(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")


class Goal(NamedTuple):
    """One of the three: a line from 0, a share from 0 to 1, a time in nanoseconds."""

    line: int | None = None
    share: float | None = None
    time: int | None = None


def goal(text: str, began: int) -> Goal | str:
    """What is meant; a sentence where nothing is. `began` (ns): what times since the start count from."""
    told = text.strip().replace(",", "").replace("_", "")
    if told.isdecimal():
        return Goal(line=max(0, int(told) - 1))
    if told.endswith("%") and told[:-1].strip().replace(".", "", 1).isdecimal():
        return Goal(share=min(1.0, float(told[:-1]) / 100))
    if found := _SINCE_CLOCK.fullmatch(told):
        hours, minutes, seconds = int(found[1] or 0), int(found[2]), float(found[3])
        return Goal(time=began + int((hours * 3600 + minutes * 60 + seconds) * 1e9))
    if len(told) > 1 and (found := _SINCE.fullmatch(told)):
        hours, minutes, seconds = int(found[1] or 0), int(found[2] or 0), float(found[3] or 0)
        return Goal(time=began + int((hours * 3600 + minutes * 60 + seconds) * 1e9))
    if found := _CLOCK.fullmatch(told):
        start = datetime.datetime.fromtimestamp(began / 1e9).astimezone()
        try:
            day = datetime.date.fromisoformat(found[1]) if found[1] else start.date()
            second = float(found[4] or 0)
            moment = datetime.datetime(day.year, day.month, day.day, int(found[2]), int(found[3]), int(second))
        except ValueError as error:
            return f"{text.strip()!r} is no time: {error}."
        when = int(moment.astimezone().timestamp() * 1e9) + int((second % 1) * 1e9)
        if not found[1] and when < began - 10**9:
            when += 24 * 3600 * 10**9
        return Goal(time=when)
    return (
        f"{text.strip()!r} is no place: give a line (1200), a share (50%), a time (14:05:30, or +90s since the start)."
    )
