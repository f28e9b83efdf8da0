"""What a person does to one job or to many: asked first where it cannot be undone, told where it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.service import Conflict, Job, JobQuery, NotFound, Status
from tui.text import thousands

if TYPE_CHECKING:
    from tui.screens.base import BaseScreen

#: jobs that "mark all" marks at most
MOST = 10_000
#: acts under way at once
_AT_ONCE = 8


class JobActs:
    """Acts on jobs, on behalf of a screen. Every one gives whether it was done; call them in a worker."""

    def __init__(self, screen: BaseScreen[Any]) -> None:
        self._screen = screen
        self._service = screen.service

    async def cancel(self, ids: Sequence[int]) -> bool:
        """End them."""
        jobs = [job for job in await self._look(ids) if not job.status.finished]
        if not jobs:
            self._screen.deck.say(f"{_these(ids)} finished already.")
            return False
        noun = _noun(len(jobs))
        question = f"Cancel {_named(jobs)}?"
        details = [
            "It ends with everything it started." if len(jobs) == 1 else "They end with everything they started."
        ]
        details += _lines(jobs)
        if not await self._ask(question, f"Cancel {noun}", details):
            return False
        await self._each(jobs, lambda job: self._service.cancel(job.id), "cancelled")
        return True

    async def delete(self, ids: Sequence[int]) -> bool:
        """Remove finished ones with all their records."""
        known = await self._look(ids)
        jobs = [job for job in known if job.status.finished]
        if not jobs:
            self._screen.deck.say(f"{_these(ids)} not finished: cancel first (x).", severity="warning")
            return False
        details = ["Output, objects, errors: everything is gone for good."]
        if len(jobs) < len(known):
            details.append(f"{len(known) - len(jobs)} unfinished of the marked ones stay.")
        details += _lines(jobs)
        if not await self._ask(f"Delete {_named(jobs)}?", f"Delete {_noun(len(jobs))}", details):
            return False
        await self._each(jobs, lambda job: self._service.delete(job.id), "deleted")
        return True

    async def rerun(self, ids: Sequence[int]) -> bool:
        """Run them again with the same parameters."""
        jobs = await self._look(ids)
        if not jobs:
            return False
        details = ["With the same parameters as before.", *_lines(jobs)]
        if not await self._ask(f"Run {_named(jobs)} again?", f"Run {_noun(len(jobs))} again", details):
            return False
        await self._each(jobs, lambda job: self._service.rerun(job.id), "started again")
        return True

    async def ids_of(self, query: JobQuery) -> tuple[list[int], bool]:
        """The numbers of a query's first jobs, and whether there are more than that."""
        page = await self._service.jobs(replace(query, take=MOST, hide_children=query.hide_children))
        return [job.id for job in page.jobs], page.more

    async def longest_waiting(self) -> int | None:
        """The job that waits longest for an answer; None when none does."""
        query = JobQuery(statuses=frozenset({Status.WaitingOnFeedback}), descending=False, take=1)
        page = await self._service.jobs(query)
        return page.jobs[0].id if page.jobs else None

    async def _look(self, ids: Sequence[int]) -> list[Job]:
        jobs: list[Job] = []

        async def one(id: int) -> None:
            try:
                jobs.append(await self._service.job(id))
            except NotFound:
                # Somebody deleted it since it was marked.
                return

        await _some_at_once([lambda id=id: one(id) for id in ids])  # type: ignore[misc]
        return sorted(jobs, key=lambda job: job.id)

    async def _ask(self, question: str, verb: str, details: Sequence[str]) -> bool:
        from tui.screens.confirm import ConfirmScreen

        return await self._screen.deck.confirm(ConfirmScreen(question, verb, details=details))

    async def _each(self, jobs: Sequence[Job], act: Callable[[Job], Awaitable[object]], done: str) -> None:
        refused: list[str] = []

        async def one(job: Job) -> None:
            try:
                await act(job)
            except (Conflict, NotFound) as error:
                refused.append(str(error))

        await _some_at_once([lambda job=job: one(job) for job in jobs])  # type: ignore[misc]
        went = len(jobs) - len(refused)
        deck = self._screen.deck
        if went and len(jobs) > 1:
            deck.say(f"{thousands(went)} jobs {done}.")
        if refused:
            more = f" And {len(refused) - 1} more like it." if len(refused) > 1 else ""
            deck.say(refused[0] + more, severity="warning")


async def _some_at_once(acts: Sequence[Callable[[], Awaitable[None]]]) -> None:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(act: Callable[[], Awaitable[None]]) -> None:
        async with limit:
            await act()

    await asyncio.gather(*map(one, acts))


def _noun(number: int) -> str:
    return "job" if number == 1 else f"{thousands(number)} jobs"


def _named(jobs: Sequence[Job]) -> str:
    return f"job {jobs[0].id}, {jobs[0].script}" if len(jobs) == 1 else f"{thousands(len(jobs))} jobs"


def _these(ids: Sequence[int]) -> str:
    return f"Job {ids[0]} is" if len(ids) == 1 else "These jobs are"


def _lines(jobs: Sequence[Job]) -> list[str]:
    if len(jobs) == 1:
        return []
    shown = [f"  {job.id}  {job.script}" for job in jobs[:6]]
    return [*shown, f"  … and {thousands(len(jobs) - 6)} more"] if len(jobs) > 6 else shown
