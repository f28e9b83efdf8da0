"""The server's log on standard error: lines for people, or JSON for programs."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from core.times import rfc3339

FORMATS = ("lines", "json")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """`time LEVEL logger: message`, one line; a traceback goes on in lines below it."""
        text = f"{_time(record)} {record.levelname} {record.name}: {_one_line(record.getMessage())}"
        return text + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object: time, level, logger, message, and what else is known."""
        value: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        value |= getattr(record, "facts", {})
        if record.exc_info:
            value["traceback"] = self.formatException(record.exc_info)
        return json.dumps(value)


def _time(record: logging.LogRecord) -> str | None:
    return rfc3339(int(record.created * 1_000_000) * 1000)


def _one_line(text: str) -> str:
    """Outside text may hold line ends and escapes: they must not look like lines of ours."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def log_to_stderr(form: str, *, access: bool) -> None:
    """Let the server, uvicorn and the engine tell on standard error what they have to tell."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Lines())
    for name in ("jobdeck", "uvicorn"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logging.getLogger("jobdeck.access").setLevel(logging.INFO if access else logging.WARNING)


def log_to_the_engines_log() -> None:
    """Let what uvicorn has to tell go where the engine tells, not to the screen of whoever runs the engine."""
    logger = logging.getLogger("uvicorn")
    if not logger.handlers:
        for handler in logging.getLogger("jobdeck").handlers or [logging.NullHandler()]:
            logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
