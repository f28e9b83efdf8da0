"""Keys that come before the rows they are meant for."""

from __future__ import annotations

import time
from collections.abc import Callable

#: what is older has been forgotten by who pressed it, in seconds
_FORGOTTEN = 3.0


class Early:
    """Keeps acts while rows are awaited, and does them in order once those are here."""

    def __init__(self) -> None:
        #: rows are being fetched
        self.waits = False
        self._acts: list[tuple[float, Callable[[], None]]] = []

    def later(self, act: Callable[[], None]) -> bool:
        """Whether the act has to wait; then it is kept."""
        if self.waits:
            self._acts.append((time.monotonic(), act))
        return self.waits

    def here(self) -> None:
        """The rows are here."""
        self.waits = False
        acts, self._acts = self._acts, []
        for when, act in acts:
            if time.monotonic() - when < _FORGOTTEN:
                act()
