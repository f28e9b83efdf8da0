"""Which jobs wait for an answer, and whether a person is told of a new question now or finds a badge later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from core.service import Job, JobQuery, JobService, Status

#: so many waiting jobs are looked at; the count of all of them is the service's
_MOST = 200


@dataclass(frozen=True, slots=True)
class News:
    """What waits now, the oldest first, and which of it was not known before."""

    waiting: tuple[Job, ...]
    new: tuple[Job, ...]


class Waiting:
    """Remembers which questions were seen, so that each is told of once."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int | None]] = set()
        self._first = True

    async def look(self, service: JobService) -> News:
        """Ask the service. What waits already at the first look is not new. Raises ServiceError."""
        query = JobQuery(statuses=frozenset({Status.WaitingOnFeedback}), descending=False, take=_MOST)
        jobs = (await service.jobs(query)).jobs
        now = {(job.id, job.feedback) for job in jobs}
        new = () if self._first else tuple(job for job in jobs if (job.id, job.feedback) not in self._seen)
        self._first = False
        self._seen = now
        return News(jobs, new)


def is_typing(app: App[Any]) -> bool:
    """Whether a person is in the middle of something: typing, or answering another question."""
    return isinstance(app.focused, Input | TextArea) or isinstance(app.screen, ModalScreen)
