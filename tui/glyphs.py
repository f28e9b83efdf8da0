"""How statuses look: a glyph and a word, never colour alone; ASCII where the terminal knows no others."""

from __future__ import annotations

import os
from collections.abc import Mapping

from core.service import Status
from tui.outcome import GLYPHS

_ASCII = {
    Status.Queued: "o",
    Status.Running: "*",
    Status.Completed: "+",
    Status.Failed: "x",
    Status.WaitingOnFeedback: "?",
    Status.Canceled: "#",
    Status.Canceling: "~",
    Status.TimedOut: "t",
    Status.Warning: "!",
    Status.Error: "E",
}

#: status -> component class of a table's cell
LOOKS = {
    Status.Queued: "table--muted",
    Status.Running: "table--live",
    Status.Completed: "table--good",
    Status.Failed: "table--bad",
    Status.WaitingOnFeedback: "table--ask",
    Status.Canceled: "table--muted",
    Status.Canceling: "table--warn",
    Status.TimedOut: "table--bad",
    Status.Warning: "table--warn",
    Status.Error: "table--bad",
}


def speaks_unicode(variables: Mapping[str, str] | None = None) -> bool:
    """Whether the terminal is told to take more than ASCII."""
    variables = os.environ if variables is None else variables
    told = variables.get("LC_ALL") or variables.get("LC_CTYPE") or variables.get("LANG") or ""
    return "utf-8" in told.lower() or "utf8" in told.lower() or not told


UNICODE = speaks_unicode()


def glyph(status: Status) -> str:
    """The glyph of a status."""
    return GLYPHS[status] if UNICODE else _ASCII[status]


def mark(opened: bool) -> str:
    """What stands before a thing that opens."""
    return ("▾" if opened else "▸") if UNICODE else ("-" if opened else "+")


def word(status: Status) -> str:
    """The word of a status, short enough for a column."""
    return "Waiting" if status is Status.WaitingOnFeedback else status.name
