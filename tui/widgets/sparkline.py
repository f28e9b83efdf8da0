"""A few numbers as a line of small columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tui import glyphs

_UNICODE = "▁▂▃▄▅▆▇█"
_ASCII = "._-=+*%#"


class Spark:
    """The last values of something, drawn against the largest of them or a least top."""

    def __init__(self, kept: int = 60, top: float = 0.0) -> None:
        self.values: deque[float] = deque(maxlen=kept)
        self._top = top

    def add(self, value: float) -> None:
        """One more; the oldest goes."""
        self.values.append(max(0.0, value))

    def text(self, width: int) -> str:
        """The last `width` values as columns, the newest to the right."""
        return columns(list(self.values)[-width:], self._top).rjust(width)


def columns(values: Sequence[float], top: float = 0.0) -> str:
    """One column for each value."""
    steps = _UNICODE if glyphs.UNICODE else _ASCII
    highest = max([top, *values], default=0.0)
    if highest <= 0:
        return steps[0] * len(values)
    return "".join(steps[min(len(steps) - 1, int(value / highest * (len(steps) - 1) + 0.5))] for value in values)
