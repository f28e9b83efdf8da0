"""Going along with a job: its lines are shown as it writes them, also when the service was lost meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, cast

from textual.containers import Vertical
from textual.message import Message

from core.journal import format as journal
from core.service import Job, JobService, ServiceError
from tui.widgets.beside import beside
from tui.widgets.output import OutputView
from tui.widgets.output_lines import OutputLines
from tui.widgets.stream_bar import StreamBar

#: seconds between two looks while the job writes
MOMENT = 0.1
#: the same while nobody follows: only the number of lines grows
REST = 0.5


class OutputFollowing(Vertical):
    """The output of one job, kept up as the job writes. `open` begins; the service may be lost meanwhile."""

    class Lost(Message, namespace="output_pane"):
        """The service does not answer; the pane tries again."""

        def __init__(self, error: ServiceError | None) -> None:
            super().__init__()
            #: None: it answers again
            self.error = error

    class Changed(Message, namespace="output_pane"):
        """The job wrote something, or ended."""

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, OutputFollowing.Changed)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.bar = StreamBar()
        self.view = OutputView(id="output-view")
        self.service: JobService | None = None
        self.job: Job | None = None

    def open(self, service: JobService, job: Job) -> None:
        """Show a job from its end on."""
        self.service, self.job = service, job
        self._has_streams(job)
        self.view.began = job.started or job.created
        beside(self, "live", self._live)

    def resume(self) -> None:
        """There is a connection again: go on; what was waited for belongs to the one before."""
        if self.service is not None and self.job is not None:
            beside(self, "live", self._live)

    def job_changed(self, job: Job) -> None:
        """The job as it is now, where somebody looked."""
        self.job = job
        self._has_streams(job)

    def _has_streams(self, job: Job) -> None:
        """Name the streams that the job has for certain, also where none of their lines was on the screen so far."""
        told = {journal.ERROR: job.errors, journal.WARNING: job.warnings, journal.PROMPT: job.feedback}
        there = frozenset(stream for stream, count in told.items() if count)
        if not there <= self.bar.seen:
            self.bar.seen |= there

    async def _live(self) -> None:
        """Show what the job writes as it writes it, at most ten times a second; sleep while it writes nothing."""
        assert self.service is not None and self.job is not None
        service, id = self.service, self.job.id
        lost = self.view.has_class("-stale")
        opened = self.view.lines is not None
        wait = 0.5
        #: the number of the last record that was there for certain
        read = 0
        while True:
            try:
                if not opened:
                    await self.view.open(OutputLines(service, id, self.bar.streams))
                    opened = True
                if self.job.status.finished:
                    # Read again: it may have written more between the look and its end.
                    await self.view.refresh_output()
                    await self.view.settle()
                    self._tell(lost)
                    return
                self.job = await service.job(id)
                # What the job is said to have written may not be readable yet: its last record is waited for, too.
                after = max(read, self.job.records - 1)
                seen = self.view.shown
                while await self.view.refresh_output():
                    lost = self._tell(lost)
                    # Nobody reads what is gone at the next look: half as often serves as well.
                    floods = self.view.shown.start >= seen.stop
                    seen = self.view.shown
                    await asyncio.sleep((2 * MOMENT if floods else MOMENT) if self.view.follow else REST)
                lost = self._tell(lost)
                await self.view.settle()
                if not self.job.status.finished:
                    await self._grown(service, id, after)
                    read = after + 1
                wait = 0.5
            except ServiceError as error:
                lost = True
                self.view.add_class("-stale")
                self.post_message(self.Lost(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 8.0)

    def _tell(self, lost: bool) -> bool:
        if lost:
            self.view.remove_class("-stale")
            self.post_message(self.Lost(None))
        return False

    async def _grown(self, service: JobService, id: int, after: int) -> None:
        """Until there is a record behind number `after`, or the job has ended."""
        async with aclosing(cast("Any", service.records(id, after=after, follow=True))) as records:
            async for _record in records:
                break
        self.job = await service.job(id)
        self.post_message(self.Changed())
