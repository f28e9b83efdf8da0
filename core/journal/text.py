"""What a record is as text on a console."""

from __future__ import annotations

import json

from core.journal.format import (
    ANSWER,
    DEBUG,
    ERROR,
    FLAG_OPEN,
    INFORMATION,
    PROGRESS,
    PROMPT,
    RAW_STREAMS,
    VERBOSE,
    WARNING,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: percentages and seconds are smaller
_MOST = 10**15
_PREFIXES = {INFORMATION: "", WARNING: "WARNING: ", VERBOSE: "VERBOSE: ", DEBUG: "DEBUG: ", ERROR: "ERROR: "}


def record_text(stream: int, data: bytes, flags: int = 0) -> bytes:
    """The record as console text, UTF-8.

    Raw streams: the bytes themselves. Streams with a message: prefix, message, newline (none with FLAG_OPEN); nothing
    for one that nobody was to see. Progress: a line like `Copying: disk 2 42%`. A question: its message and choices;
    an answer: what was answered (a secret is not told). Anything else, and what is no JSON of the expected shape: the
    bytes and a newline.
    """
    if stream in RAW_STREAMS:
        return data
    value = _parse(data)
    if value is not None:
        if stream == PROGRESS:
            return _encode(_progress(value)) + b"\n"
        if stream == PROMPT:
            return _encode(_prompt(value)) + b"\n"
        if stream == ANSWER:
            return _encode(_answer(value)) + b"\n"
        message = value.get("message")
        if stream in _PREFIXES and isinstance(message, str):
            if value.get("silent"):
                return b""
            return _encode(_PREFIXES[stream] + message) + (b"" if flags & FLAG_OPEN else b"\n")
    return data if data.endswith(b"\n") else data + b"\n"


def as_number(value: object) -> int | float | None:
    """What stands where a percentage or seconds should: None where it is no number, or none that is meant."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MOST <= value <= _MOST:
        return None
    return value


def record_message(data: bytes) -> str:
    """The `message` of a JSON record; where there is none, its bytes as text."""
    value = _parse(data)
    message = None if value is None else value.get("message")
    return message if isinstance(message, str) else data.decode("utf-8", "replace")


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _progress(value: dict[str, Any]) -> str:
    activity = str(value.get("activity") or "")
    status = " ".join(str(value[name]) for name in ("status", "current_operation") if value.get(name))
    percent = as_number(value.get("percent"))
    told = "" if percent is None else f"{percent:.0f}%"
    if value.get("completed") and not told:
        told = "done"
    rest = " ".join(part for part in (status, told) if part)
    return ": ".join(part for part in (activity, rest) if part)


def _prompt(value: dict[str, Any]) -> str:
    caption, message = str(value.get("caption") or ""), str(value.get("message") or "").rstrip()
    given = value.get("choices") or value.get("fields") or ()
    told = ", ".join(str(each.get("label") or each.get("name", "")) for each in given if isinstance(each, dict))
    return "\n".join(part for part in (caption, message + (f" [{told}]" if told else "")) if part)


def _answer(value: dict[str, Any]) -> str:
    if value.get("cancelled"):
        return "(the question was withdrawn)"
    text, fields = value.get("text"), value.get("fields")
    if isinstance(fields, dict):
        text = ", ".join(f"{name}={'••••' if given is None else given}" for name, given in fields.items())
    who = value.get("by")
    return ("••••" if text is None else str(text)) + (f"  ({who})" if who else "")


def _encode(text: str) -> bytes:
    """UTF-8; a lone surrogate, which JSON can say and UTF-8 cannot, becomes a question mark."""
    return text.encode("utf-8", "replace")
