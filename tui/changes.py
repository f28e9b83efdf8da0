"""What the application tells its screens: that something changed, and how the connection fares."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from core.service import Event


class State(enum.Enum):
    """How the connection to the service fares."""

    CONNECTING = "connecting"
    OPEN = "open"
    #: it broke, or could not be made; it is tried again
    LOST = "lost"
    #: it is let go on purpose: the application is suspended or ends
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection as the status line shows it. `problem` is a sentence.

    `retry_in`: seconds until it is tried again, 0 = it is being tried all the time, None = when somebody asks for it.
    """

    state: State
    problem: str = ""
    retry_in: float | None = None
    #: the token's role allows to look only
    read_only: bool = False
    #: the token's role; "" = there is none, and its user may everything
    role: str = ""
    #: there has been none so far
    first: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the last time: kinds of `core.model.Event`, and which jobs; `jobs` None = any of them."""

    kinds: frozenset[str]
    jobs: frozenset[int] | None

    def touches(self, job: int) -> bool:
        """Whether that job may have changed."""
        return "job" in self.kinds and (self.jobs is None or job in self.jobs)


#: everything may be different: after a connection was made
EVERYTHING = Changes(frozenset({"job", "script", "environment", "setting"}), None)


class Gathered:
    """Events on their way to the screens: many become one."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._jobs: set[int] | None = set()

    def add(self, event: Event) -> None:
        """Take an event in."""
        self._kinds.add(event.kind)
        if event.kind == "job" and self._jobs is not None:
            if event.id is None:
                self._jobs = None
            else:
                self._jobs.add(event.id)

    def take(self) -> Changes | None:
        """What has come together, once; None when nothing has."""
        if not self._kinds:
            return None
        changes = Changes(frozenset(self._kinds), None if self._jobs is None else frozenset(self._jobs))
        self._kinds, self._jobs = set(), set()
        return changes
