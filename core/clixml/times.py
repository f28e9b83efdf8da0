"""Dates and durations to 100 nanoseconds, as .NET has them. Standard library only."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from core.errors import Invalid

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:(Z)|([+-])(\d\d):(\d\d))?", re.ASCII)
_DURATION = re.compile(
    r"(-)?P(?=.)(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?"
    r"(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d+))?S)?)?",
    re.ASCII,
)
#: the last tick of the year 9999
_LATEST = datetime.date.max.toordinal() * TICKS_PER_DAY - 1
_EPOCH_DAYS = datetime.date(1970, 1, 1).toordinal() - 1


@dataclass(frozen=True, slots=True)
class DateTime:
    """A `[datetime]`: the clock's reading in ticks (100 ns) since 0001-01-01.

    `offset`: None = not said which zone, 0 with `utc` = UTC, else local time so many minutes ahead of UTC.
    """

    ticks: int
    offset: int | None = None
    utc: bool = False

    @classmethod
    def parse(cls, text: str) -> DateTime:
        """From XML's form. Raises Invalid."""
        match = _DATE.fullmatch(text)
        if match is None:
            raise Invalid(f"'{text[:60]}' is no date and time.")
        year, month, day, hour, minute, second, fraction, zulu, sign, ahead, minutes = match.groups()
        try:
            days = datetime.date(int(year), int(month), int(day)).toordinal() - 1
            clock = datetime.time(int(hour or 0), int(minute or 0), int(second or 0))
        except ValueError:
            raise Invalid(f"'{text[:60]}' is no date and time.") from None
        ticks = (days * 86_400 + clock.hour * 3600 + clock.minute * 60 + clock.second) * TICKS_PER_SECOND
        if fraction:
            ticks = min(ticks + _fraction(fraction), _LATEST)
        if zulu:
            return cls(ticks, 0, True)
        if sign is None:
            return cls(ticks)
        offset = int(ahead) * 60 + int(minutes)
        if offset > 14 * 60 or int(minutes) > 59:
            raise Invalid(f"'{text[:60]}' is no date and time: no zone is more than 14 hours from UTC.")
        return cls(ticks, -offset if sign == "-" else offset)

    @classmethod
    def of(cls, moment: datetime.datetime) -> DateTime:
        """From Python's."""
        day = (moment.toordinal() - 1) * TICKS_PER_DAY
        clock = (moment.hour * 3600 + moment.minute * 60 + moment.second) * TICKS_PER_SECOND
        ticks = day + clock + moment.microsecond * 10
        if moment.tzinfo is None:
            return cls(ticks)
        offset = moment.utcoffset() or datetime.timedelta()
        return cls(ticks, int(offset.total_seconds() // 60), moment.tzinfo is datetime.UTC)

    @property
    def nanoseconds(self) -> int | None:
        """Since 1970, UTC; None when it is not said which zone."""
        if self.offset is None:
            return None
        return (self.ticks - _EPOCH_DAYS * TICKS_PER_DAY - self.offset * 60 * TICKS_PER_SECOND) * 100

    def fields(self) -> tuple[int, int, int, int, int, int, int]:
        """Year, month, day, hour, minute, second, ticks of the second."""
        days, rest = divmod(self.ticks, TICKS_PER_DAY)
        date = datetime.date.fromordinal(days + 1)
        seconds, part = divmod(rest, TICKS_PER_SECOND)
        return date.year, date.month, date.day, seconds // 3600, seconds // 60 % 60, seconds % 60, part

    def __str__(self) -> str:
        """XML's form, which `parse` reads."""
        year, month, day, hour, minute, second, part = self.fields()
        text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{_shown(part)}"
        if self.utc:
            return text + "Z"
        if self.offset is None:
            return text
        sign = "-" if self.offset < 0 else "+"
        return f"{text}{sign}{abs(self.offset) // 60:02}:{abs(self.offset) % 60:02}"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A `[timespan]` in ticks (100 ns)."""

    ticks: int

    @classmethod
    def parse(cls, text: str) -> TimeSpan:
        """From XML's form; a year is 365 days and a month 30, as .NET has it. Raises Invalid."""
        match = _DURATION.fullmatch(text)
        if match is None:
            raise Invalid(f"'{text[:60]}' is no duration.")
        minus, years, months, days, hours, minutes, seconds, fraction = match.groups()
        whole = int(years or 0) * 365 + int(months or 0) * 30 + int(days or 0)
        clock = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
        ticks = whole * TICKS_PER_DAY + clock * TICKS_PER_SECOND + (_fraction(fraction) if fraction else 0)
        ticks = -ticks if minus else ticks
        if not -(2**63) <= ticks < 2**63:
            raise Invalid(f"'{text[:60]}' is longer than a TimeSpan can be.")
        return cls(ticks)

    @classmethod
    def of(cls, span: datetime.timedelta) -> TimeSpan:
        """From Python's. Raises Invalid for one of more than 10 675 199 days."""
        ticks = span.days * TICKS_PER_DAY + span.seconds * TICKS_PER_SECOND + span.microseconds * 10
        if not -(2**63) <= ticks < 2**63:
            raise Invalid(f"{span} is longer than a TimeSpan can be.")
        return cls(ticks)

    @property
    def seconds(self) -> float:
        """The whole of it in seconds."""
        return self.ticks / TICKS_PER_SECOND

    def __str__(self) -> str:
        """XML's form, which `parse` reads."""
        days, rest = divmod(abs(self.ticks), TICKS_PER_DAY)
        seconds, part = divmod(rest, TICKS_PER_SECOND)
        hours, minutes, second = seconds // 3600, seconds // 60 % 60, seconds % 60
        clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        if second or part or not (days or clock):
            clock += f"{second}{_shown(part)}S"
        return ("-" if self.ticks < 0 else "") + "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _fraction(digits: str) -> int:
    """Ticks of a fraction of a second; the eighth digit rounds."""
    return int(digits[:7].ljust(7, "0")) + (len(digits) > 7 and digits[7] >= "5")


def _shown(part: int) -> str:
    return f".{part:07}".rstrip("0") if part else ""
