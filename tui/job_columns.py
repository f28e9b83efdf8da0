"""What the columns of the jobs say."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.service import Job, Status
from tui.glyphs import LOOKS, UNICODE, glyph, word
from tui.job_rows import JobRow
from tui.say import duration
from tui.widgets.columns import Cell, Column

Now = Callable[[], int]
_BAR = 8


def short_time(nanoseconds: int | None, now: int) -> str:
    """A time in a list: the time of day today, the day this year, else the date. Local."""
    if not nanoseconds:
        return ""
    then, today = time.localtime(nanoseconds // 1_000_000_000), time.localtime(now // 1_000_000_000)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M:%S", then)
    if then.tm_year == today.tm_year:
        return time.strftime("%b %d %H:%M", then)
    return time.strftime("%Y-%m-%d", then)


def bar(percent: float, width: int = _BAR) -> str:
    """A bar of so many columns for 0 to 100 percent."""
    done = max(0, min(width, round(percent / 100 * width)))
    full, empty = ("━", "╌") if UNICODE else ("#", ".")
    return full * done + empty * (width - done)


def _status(row: JobRow) -> Cell:
    status = row.job.status
    return [(f"{glyph(status)} {word(status)}", LOOKS[status])]


def _script(row: JobRow) -> Cell:
    opened, closed = ("▾ ", "▸ ") if UNICODE else ("- ", "+ ")
    sign = opened if row.expanded else closed
    indent = "  " * row.depth
    children = len(row.job.children)
    if not children:
        return [(indent + ("  " if row.depth else ""), ""), (row.job.script, "")]
    return [(indent + sign, "table--accent"), (row.job.script, ""), (f" ({children})", "table--muted")]


def _who(row: JobRow) -> Cell:
    return [(row.job.identity, ""), (f" · {row.job.source}" if UNICODE else f" {row.job.source}", "table--muted")]


def how_it_fares(job: Job) -> Cell:
    """What there is to know beyond the status, in a few words: progress, or how it ended."""
    if job.status is Status.WaitingOnFeedback:
        return [("waits for you", "table--ask")]
    if job.status is Status.Queued:
        return [(job.queue_reason or "", "table--muted")]
    if not job.status.finished:
        told = job.activity or job.status_description or ""
        if job.percent_complete is not None and job.percent_complete >= 0:
            percent = max(0.0, min(100.0, job.percent_complete))
            return [
                (bar(percent), "table--live"),
                (f" {percent:3.0f}%", ""),
                (f"  {told}" if told else "", "table--muted"),
            ]
        return [(told, "table--muted")]
    if job.status is Status.Completed:
        return ""
    if job.status in (Status.Error, Status.Warning):
        count = job.errors if job.status is Status.Error else job.warnings
        noun = "error" if job.status is Status.Error else "warning"
        return [(f"{count} {noun}{'' if count == 1 else 's'}", "table--muted")]
    # what was said is the more telling part of it, and the column is narrow
    why = (job.reason or "").removeprefix("It was ended by an error: ") or (
        f"signal {job.signal}" if job.signal else f"exit code {job.exit_code}" if job.exit_code else ""
    )
    return [(why, "table--muted")]


def job_columns(now: Now, digits: int) -> list[Column[JobRow]]:
    """The columns; `digits` is how wide the greatest number is."""
    return [
        Column("ID", lambda row: str(row.job.id), max(digits, 3), right=True, order="id"),
        Column("Status", _status, 11),
        Column("Script", _script, 18, grow=3),
        Column(
            "Started", lambda row: short_time(row.job.started or row.job.created, now()), 12, drop=2, order="started"
        ),
        Column("Took", lambda row: _took(row.job, now()), 6, right=True, order="duration"),
        Column("Who", _who, 14, grow=1, drop=3),
        Column("Progress", lambda row: how_it_fares(row.job), 14, grow=3, drop=1),
    ]


def _took(job: Job, now: int) -> Cell:
    text = duration(job.started, job.ended or now)
    return text if job.status.finished else [(text, "table--live")]
