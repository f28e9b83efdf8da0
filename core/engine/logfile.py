"""The log of a store: lines of every engine, appended to one file; nothing of it reaches a user's screen."""

from __future__ import annotations

import logging
import os


class _Appending(logging.Handler):
    """Appends each line by itself: several engines write to the file, and it may be moved away at any time."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, where the disk takes it: a log that fails must not fail what it tells of."""
        line = self.format(record) + "\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.write(descriptor, line.encode("utf-8", "backslashreplace"))
        except OSError:
            return
        finally:
            os.close(descriptor)


def log_to(path: str) -> None:
    """Let everything that is logged under "jobdeck" go to the file, and only there."""
    logger = logging.getLogger("jobdeck")
    for handler in list(logger.handlers):
        if isinstance(handler, _Appending):
            if handler.path == path:
                return
            logger.removeHandler(handler)
    logger.addHandler(_Appending(path))
    logger.setLevel(logging.INFO)
    logger.propagate = False
