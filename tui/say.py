"""What the verbs write: data to standard output, words for people to standard error."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from core.json_shapes import object_json, shape
from tui import text

#: what JSON allows and a terminal might act on, or what UTF-8 cannot say
_ESCAPED = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(value: Any, pretty: bool = False) -> str:
    """The value (data classes included) as JSON without any character that a terminal would act on."""
    from core.service import PipelineObject

    if isinstance(value, PipelineObject):
        said = object_json(value)
    else:
        said = json.dumps(shape(value), ensure_ascii=False, indent=2 if pretty else None)
    if said.isascii() and "\x7f" not in said:
        return said
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", said)


def write(data: str) -> None:
    """Text to standard output, as UTF-8 whatever the locale says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data.encode("utf-8", "replace"))


def write_json(value: Any) -> None:
    """One JSON value to standard output: indented for a person, on one line for a program."""
    write(json_text(value, pretty=sys.stdout.isatty()) + "\n")


def complain(sentence: object) -> None:
    """`jobdeck: sentence` on standard error, on lines without control characters."""
    tell("jobdeck: " + str(sentence))


def tell(sentence: str) -> None:
    """A sentence for a person on standard error. A closed standard error is no reason to fail."""
    lines = [text.one_line(line) for line in sentence.splitlines()] or [""]
    data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
    try:
        os.write(2, data)
    except OSError:
        return


def coloured() -> bool:
    """Whether standard output is a terminal that may have colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int | None:
    """How wide the terminal is that standard output goes to; None = it is no terminal, nothing need be cut."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def facts(pairs: Sequence[tuple[str, Any]]) -> None:
    """Names and values below each other; unknown and empty ones are left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "", (), {}, [])]
    wide = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        lines = str(value).splitlines() or [""]
        write(f"{name:<{wide}}  {text.one_line(lines[0])}\n")
        for line in lines[1:]:
            write(f"{'':<{wide}}  {text.one_line(line)}\n")


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    give: int,
    right: frozenset[int] = frozenset(),
    colours: Sequence[str] = (),
) -> None:
    """A table as wide as its cells; at a terminal column `give` is cut. `colours`: SGR of each row's first cell."""
    cells = [[text.one_line(cell) for cell in row] for row in rows]
    widths = [max(text.width(row[at]) for row in [list(titles), *cells]) for at in range(len(titles))]
    room = columns()
    if room is not None:
        widths[give] = max(min(widths[give], room - sum(widths) + widths[give] - 2 * (len(widths) - 1)), 6)
    paint = coloured()
    for number, row in enumerate([list(titles), *cells]):
        parts = [text.pad(cell, widths[at], at in right) for at, cell in enumerate(row)]
        if paint and number == 0:
            parts = [f"\x1b[2m{part}\x1b[0m" for part in parts]
        elif paint and colours:
            parts[0] = f"\x1b[{colours[number - 1]}m{parts[0]}\x1b[0m"
        write("  ".join(parts).rstrip() + "\n")


def local_time(nanoseconds: int | None) -> str:
    """A time as a person reads it here: local, to the second, today without its date; unknown is empty."""
    if not nanoseconds:
        return ""
    import time

    then, now = time.localtime(nanoseconds // 1_000_000_000), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def duration(start: int | None, end: int | None) -> str:
    """How long something took: `0.4s`, `12s`, `3m05s`, `2h03m`, `4d02h`; still going on when `end` is None."""
    if not start:
        return ""
    import time

    seconds = max(0, (end or time.time_ns()) - start) / 1e9
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
