"""Records of a journal as text: what a person reads of each, and lines put together across records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.journal import format as journal
from core.journal.text import as_number
from core.service import Record
from tui.sink import Sink

#: a line longer than this is given out in pieces
_LONGEST = 1 << 20

#: what stands before a message where it would not be told from output otherwise
PREFIXES = {
    journal.WARNING: "WARNING: ",
    journal.ERROR: "ERROR: ",
    journal.VERBOSE: "VERBOSE: ",
    journal.DEBUG: "DEBUG: ",
}


def content(record: Record) -> dict[str, Any]:
    """The JSON object of a record that holds one; a damaged one reads as its text under "message"."""
    try:
        value = json.loads(record.data)
    except (ValueError, RecursionError):
        value = record.data.decode("utf-8", "replace")
    return value if isinstance(value, dict) else {"message": value}


def message(record: Record) -> str:
    """The text of a record that is no raw output, without a line end."""
    if record.stream == journal.PROGRESS:
        return progress_line(content(record))
    said = content(record).get("message")
    return said if isinstance(said, str) else "" if said is None else json.dumps(said, ensure_ascii=False)


def silent(record: Record) -> bool:
    """Whether the script meant nobody to see it."""
    return record.stream in (journal.ERROR, journal.INFORMATION) and bool(content(record).get("silent"))


def is_open(record: Record) -> bool:
    """Whether the record's line goes on in the next one of its stream."""
    return record.stream == journal.INFORMATION and bool(record.flags & journal.FLAG_OPEN)


def told(record: Record, sink: Sink, mixed: bool = False) -> bytes:
    """A message as it is written: at a terminal with a word for its kind, and on a line of its own.

    Where it is `mixed` with output of all kinds it has that word elsewhere too; the bytes around it stay as they are.
    Nothing where nobody was to see it.
    """
    if silent(record):
        return b""
    before = PREFIXES.get(record.stream, "") if sink.terminal or mixed else ""
    if sink.terminal:
        goes_on = record.stream == journal.INFORMATION and sink.open_message
        before = ("\n" if sink.mid_line and not goes_on else "") + before
    sink.open_message = is_open(record)
    return f"{before}{message(record)}{'' if sink.open_message else chr(10)}".encode("utf-8", "replace")


def progress_line(fields: dict[str, Any]) -> str:
    """A progress record in one line: `42% Copying: 3 of 7 (12 s left)`."""
    percent, seconds = as_number(fields.get("percent")), as_number(fields.get("seconds"))
    parts = []
    if percent is not None and percent >= 0:
        parts.append(f"{percent:.0f}%")
    words = [str(fields[key]) for key in ("activity", "status", "current_operation") if fields.get(key)]
    if words:
        parts.append(": ".join(words))
    if fields.get("completed"):
        parts.append("(done)")
    elif seconds is not None and seconds >= 0:
        parts.append(f"({seconds:.0f} s left)")
    return " ".join(parts)


class Lines:
    """Puts the lines of every stream together. Each comes as (stream, time, bytes with the line end, begins a line).

    A raw line's time is that of the record it begins in. A message is one piece and may hold several lines.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, list[bytes], bool]] = {}
        self._size: dict[int, int] = {}

    def add(self, record: Record) -> Iterator[tuple[int, int, bytes, bool]]:
        """What is complete now that this record came."""
        stream = record.stream
        if stream not in journal.RAW_STREAMS:
            if silent(record):
                return
            time, parts, _fresh = self._open.pop(stream, (record.time, [], True))
            parts.append(message(record).encode("utf-8", "replace"))
            if is_open(record):
                self._open[stream] = time, parts, True
            else:
                yield stream, time, b"".join(parts), True
            return
        lines = record.data.splitlines(keepends=True) if b"\r" not in record.data else _split(record.data)
        for line in lines:
            time, parts, fresh = self._open.pop(stream, (record.time, [], True))
            parts.append(line)
            if line.endswith(b"\n"):
                self._size.pop(stream, None)
                yield stream, time, b"".join(parts), fresh
            else:
                size = self._size.get(stream, 0) + len(line)
                if size > _LONGEST:
                    yield stream, time, b"".join(parts), fresh
                    parts, fresh, size = [], False, 0
                self._open[stream] = time, parts, fresh
                self._size[stream] = size

    def rest(self) -> Iterator[tuple[int, int, bytes, bool]]:
        """The lines that never ended, in the order they began."""
        for stream, (time, parts, fresh) in sorted(self._open.items(), key=lambda item: item[1][0]):
            if parts:
                yield stream, time, b"".join(parts), fresh
        self._open.clear()
        self._size.clear()


def _split(data: bytes) -> list[bytes]:
    # a lone carriage return ends no line
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines
