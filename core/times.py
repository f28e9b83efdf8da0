"""Times as text: nanoseconds since the epoch (UTC) and RFC 3339. Standard library only."""

from __future__ import annotations

import re
import time
from datetime import date
from functools import lru_cache

_RFC3339 = re.compile(
    # A `+` in a query string arrives as a blank.
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+ -])(\d\d):?(\d\d))",
    re.ASCII,
)
_EPOCH = date(1970, 1, 1).toordinal()


def rfc3339(nanoseconds: int) -> str | None:
    """A time as `2026-11-24T04:18:00.1234567Z`, as .NET's format "O" has it; unknown (0) is None."""
    if not nanoseconds:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_second(seconds)}.{rest // 100:07d}Z"


@lru_cache(4096)
def _second(seconds: int) -> str:
    moment = time.gmtime(seconds)
    return (
        f"{moment.tm_year:04d}-{moment.tm_mon:02d}-{moment.tm_mday:02d}"
        f"T{moment.tm_hour:02d}:{moment.tm_min:02d}:{moment.tm_sec:02d}"
    )


def nanoseconds(text: str) -> int:
    """Any time of RFC 3339, to the nanosecond; ValueError for what is none."""
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time as of RFC 3339")
    year, month, day, hour, minute, second, fraction, sign, ahead_hours, ahead_minutes = match.groups()
    days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60 or int(ahead_hours or 0) > 23:
        raise ValueError(f"{text!r} is no time of a day")
    seconds = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    ahead = (int(ahead_hours or 0) * 60 + int(ahead_minutes or 0)) * 60
    seconds += ahead if sign == "-" else -ahead
    return seconds * 1_000_000_000 + int((fraction or "")[:9].ljust(9, "0"))
