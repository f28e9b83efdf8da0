"""The jobs of a query as rows of a table: a window on them, with the children of expanded jobs below their parents."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, NamedTuple

from core.service import Job, JobQuery, JobService
from tui.window import CHUNK, Reach, Window

#: children that are shown below one parent
_CHILDREN = 500


class JobRow(NamedTuple):
    """A job and how deep it stands below others."""

    job: Job
    depth: int = 0
    expanded: bool = False


class JobRows:
    """Rows of a table. `start` runs a coroutine in the background, one at a time: reading never holds up a key.

    `changed(moved)` is called when rows are other than before.
    """

    def __init__(
        self,
        service: JobService,
        query: JobQuery,
        start: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[int], None],
    ) -> None:
        self._service = service
        self.query = query
        self._start = start
        self._changed = changed
        #: children may stand below their parents: only by number is it known what stands above
        self.nests = query.order_by == "id" and query.descending
        self._window: Window[Job] = Window(self._fetch, lambda job: job.id, by_key=self.nests)
        #: children of expanded jobs, by parent; in the order of their numbers
        self._below: dict[int, tuple[Job, ...]] = {}
        self._flat: list[JobRow] = []
        self._above = 0
        self._wanted: tuple[int, int] = (0, CHUNK)
        self._reading = False
        self._stale = False
        #: the first rows have been read
        self.loaded = False

    # -- what the table asks ---------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many rows there are, as far as is known."""
        return self._window.count + self._extra if self.loaded else 0

    @property
    def total(self) -> int | None:
        """How many jobs the query has; None while nobody counted."""
        return self._window.count if self._window.known else None

    @property
    def _extra(self) -> int:
        return sum(len(self._flatten_children(id, 1)) for id in self._roots())

    def row(self, place: int) -> JobRow | None:
        """The row at a place."""
        at = place - self._window.start - self._above
        return self._flat[at] if 0 <= at < len(self._flat) else None

    def want(self, first: int, last: int) -> None:
        """These places are looked at."""
        self._wanted = (first, last)
        if not self._reading and not self._here():
            self._read()

    # -- reading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """What is seen may have changed: read it again."""
        self._stale = True
        if not self._reading:
            self._read()

    def set_total(self, total: int) -> None:
        """So many jobs has the query."""
        if total != self._window.total:
            self._window.total = total
            self._changed(0)

    def _read(self) -> None:
        self._reading = True
        self._start(self._work())

    async def _work(self) -> None:
        try:
            while self._stale or not self.loaded or not self._here():
                moved = 0
                first, last = self._base(self._wanted[0]), self._base(self._wanted[1])
                if self._stale or not self.loaded:
                    self._stale = False
                    moved = await self._window.refresh(first, last)
                    await self._read_children()
                else:
                    margin = CHUNK // 2
                    await self._window.show(first - margin, last + margin)
                self.loaded = True
                self._flatten()
                self._changed(moved)
        finally:
            self._reading = False

    async def _fetch(self, before: int | None, newest_first: bool, skip: int, take: int) -> Reach[Job]:
        descending = newest_first is self.query.descending
        query = replace(self.query, before=before, descending=descending, skip=skip, take=take)
        page = await self._service.jobs(query)
        return Reach(page.jobs, page.more)

    def _here(self) -> bool:
        return self._window.covers(self._base(self._wanted[0]), self._base(self._wanted[1]))

    def _base(self, place: int) -> int:
        """The place in the window for a place in the table, exact where rows are here."""
        at = place - self._window.start - self._above
        if at < 0:
            # Expanded jobs further up: nobody knows at which places, so the first ones are taken off last.
            return min(max(0, place), max(0, self._window.start - 1))
        if at >= len(self._flat):
            return self._window.start + len(self._window.rows) + (at - len(self._flat))
        roots = -1
        for row in self._flat[: at + 1]:
            roots += row.depth == 0
        return self._window.start + max(roots, 0)

    # -- children --------------------------------------------------------------------------------------------------

    def expanded(self, id: int) -> bool:
        """Whether a job's children are shown."""
        return id in self._below

    def expand(self, id: int) -> None:
        """Show the jobs that this one started."""
        if id not in self._below:
            self._below[id] = ()
            self.refresh()

    def collapse(self, id: int) -> None:
        """Hide them, and theirs."""
        for child in self._below.pop(id, ()):
            self.collapse(child.id)
        self._flatten()
        self._changed(0)

    def collapse_all(self) -> None:
        """Hide all children."""
        self._below.clear()
        self._flatten()

    async def _read_children(self) -> None:
        for id in list(self._below):
            query = JobQuery(parent_job=id, descending=False, take=_CHILDREN)
            self._below[id] = (await self._service.jobs(query)).jobs

    def _roots(self) -> list[int]:
        children = {child.id for jobs in self._below.values() for child in jobs}
        return [id for id in self._below if id not in children]

    def _flatten_children(self, id: int, depth: int) -> list[JobRow]:
        rows: list[JobRow] = []
        for child in self._below.get(id, ()):
            rows.append(JobRow(child, depth, child.id in self._below))
            if child.id in self._below:
                rows += self._flatten_children(child.id, depth + 1)
        return rows

    def _flatten(self) -> None:
        flat: list[JobRow] = []
        for job in self._window.rows:
            flat.append(JobRow(job, 0, job.id in self._below))
            if job.id in self._below:
                flat += self._flatten_children(job.id, 1)
        self._flat = flat
        first = self._window.rows[0].id if self._window.rows else 0
        self._above = sum(len(self._flatten_children(id, 1)) for id in self._roots() if id > first)

    # -- what is here ----------------------------------------------------------------------------------------------

    def find(self, id: int) -> int | None:
        """The place of a job that is here."""
        for at, row in enumerate(self._flat):
            if row.job.id == id:
                return self._window.start + self._above + at
        return None

    def here(self) -> list[Job]:
        """The jobs that are here."""
        return [row.job for row in self._flat]
