"""What time it is, for everything that the application shows; tests put their own clock here."""

from __future__ import annotations

import time


def now() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()
