"""Records of a journal as text: what a person reads of each, and lines put together across records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.journal import format as journal
from core.service import Record

#: a line longer than this is given out in pieces
_LONGEST = 1 << 20

#: what stands before a message at a terminal, so that it can be told from output
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
    except ValueError:
        value = record.data.decode("utf-8", "replace")
    return value if isinstance(value, dict) else {"message": value}


def message(record: Record) -> str:
    """The text of a record that is no raw output, without a line end."""
    if record.stream == journal.PROGRESS:
        return progress_line(content(record))
    said = content(record).get("message")
    return said if isinstance(said, str) else "" if said is None else json.dumps(said, ensure_ascii=False)


def progress_line(fields: dict[str, Any]) -> str:
    """A progress record in one line: `42% Copying: 3 of 7 (12 s left)`."""
    percent, seconds = fields.get("percent"), fields.get("seconds")
    parts = []
    if isinstance(percent, (int, float)) and percent >= 0:
        parts.append(f"{percent:.0f}%")
    words = [str(fields[key]) for key in ("activity", "status", "current_operation") if fields.get(key)]
    if words:
        parts.append(": ".join(words))
    if fields.get("completed"):
        parts.append("(done)")
    elif isinstance(seconds, (int, float)) and seconds >= 0:
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
            yield stream, record.time, message(record).encode("utf-8", "replace"), True
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
