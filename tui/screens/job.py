"""One job: its facts above; its output, objects, errors and details in tabs."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events, work
from textual.app import ComposeResult
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from core.service import Job, JobQuery, NotFound, ServiceError, Status, Usage
from tui import keys
from tui.changes import Changes, Connection, State
from tui.screens.base import BaseScreen
from tui.widgets.beside import beside
from tui.widgets.details import Details
from tui.widgets.errors import ErrorList
from tui.widgets.job_header import JobHeader
from tui.widgets.looks import ground, ink
from tui.widgets.object_pane import ObjectPane
from tui.widgets.output_pane import OutputPane
from tui.widgets.status import StatusLine

TABS = ("output", "pipeline", "errors", "details")
#: seconds between two looks at the clock and at what the processes use
_SECOND = 1.0
#: measurements without a change after which they are made seldom, and how seldom
_STILL = 5
_SELDOM = 5


class TabLine(Widget):
    """The names of the tabs, with the number of what is in them."""

    COMPONENT_CLASSES = {"tabs--on", "tabs--off", "tabs--bad"}  # noqa: RUF012 (so Textual declares it)
    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; background: $panel; }
    TabLine > .tabs--on { color: $background; background: $primary; text-style: bold; }
    TabLine > .tabs--off { color: $foreground; }
    TabLine > .tabs--bad { color: $error; }
    """
    ALLOW_SELECT = False

    class Chosen(Message):
        """A click on a tab."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self) -> None:
        super().__init__()
        self.on = TABS[0]
        self.numbers: dict[str, int] = {}
        self._places: list[tuple[int, int, str]] = []

    def show(self, on: str, numbers: dict[str, int]) -> None:
        """Which one is shown, and how many things are in each."""
        if (on, numbers) != (self.on, self.numbers):
            self.on, self.numbers = on, numbers
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        base = self.rich_style
        segments: list[Segment] = []
        self._places = []
        at = 0
        for number, tab in enumerate(TABS, 1):
            count = self.numbers.get(tab, 0)
            text = f" {number} {tab.capitalize()}" + (f" {count:,}" if count else "") + " "
            name = "on" if tab == self.on else "bad" if tab == "errors" and count else "off"
            style = ground(self, f"tabs--{name}") if name == "on" else base + ink(self, f"tabs--{name}")
            segments += [Segment(text, style), Segment(" ", base)]
            self._places.append((at, at + len(text), tab))
            at += len(text) + 1
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        """A tab."""
        at = event.get_content_offset_capture(self).x
        for first, stop, tab in self._places:
            if first <= at < stop:
                self.post_message(self.Chosen(tab))


class JobScreen(BaseScreen[None]):
    """One job, live."""

    BINDINGS: ClassVar[Any] = keys.bindings("job")
    DEFAULT_CSS = """
    JobScreen ContentSwitcher { height: 1fr; }
    """

    def __init__(self, job: int) -> None:
        super().__init__()
        self.job_id = job
        self.job: Job | None = None
        self.header = JobHeader()
        self.tabs = TabLine()
        self.output = OutputPane(id="output")
        self.pipeline = ObjectPane(id="pipeline")
        self.errors = ErrorList(id="errors")
        self.details = Details(id="details")
        self.switcher = ContentSwitcher(self.output, self.pipeline, self.errors, self.details, initial="output")
        self._looking = False
        self._again = False
        #: how many errors were shown, and whether there could be more
        self._told_errors = (-1, False)
        self._content: bytes | None = None
        #: seconds that passed, and measurements that told the same as those before
        self._seconds = 0
        self._still = 0

    def compose_body(self) -> ComposeResult:
        """Facts, tabs, what is in them."""
        yield self.header
        yield self.tabs
        yield self.switcher

    def on_mount(self) -> None:
        """Begin to look."""
        self.status_line.show(trail=f"job {self.job_id}")
        self.output.view.focus()
        self.set_interval(_SECOND, self._second)
        self._look()

    # -- looking ---------------------------------------------------------------------------------------------------

    def on_changes(self, changes: Changes) -> None:
        """It may stand otherwise."""
        if changes.touches(self.job_id):
            self._look()

    def on_connection(self, connection: Connection) -> None:
        """Without the service the last state stays, in grey."""
        lost = connection.state is not State.OPEN
        for widget in (self.header, self.pipeline, self.errors, self.details):
            widget.set_class(lost, "-stale")
        if lost:
            self.output.view.add_class("-stale")
        else:
            self.output.resume()
            self._look()

    def on_output_pane_lost(self, event: OutputPane.Lost) -> None:
        """The output could not be had."""
        if event.error is not None:
            self.deck.broken(event.error)

    def on_output_pane_changed(self, _event: OutputPane.Changed) -> None:
        """The job wrote something, and did something else perhaps."""
        self._still = 0
        self._look()

    def _look(self) -> None:
        # One look at a time; what changes meanwhile is worth one more.
        if self._looking:
            self._again = True
            return
        self._looking = True
        self.run_worker(self._looks(), group="look")

    async def _looks(self) -> None:
        try:
            while True:
                self._again = False
                await self._read()
                if not self._again:
                    return
                await asyncio.sleep(0.25)
        except NotFound:
            self.deck.say(f"Job {self.job_id} is gone: somebody deleted it.", severity="warning")
            self.dismiss()
        except ServiceError as error:
            self.deck.broken(error)
        finally:
            self._looking = False

    async def _read(self) -> None:
        before = self.job
        job = await self.service.job(self.job_id)
        if not self.is_attached:
            return
        self.job = job
        self.header.show(job)
        for line in self.query(StatusLine):
            line.show(trail=f"job {job.id} · {job.script}")
        if before is None:
            self.output.open(self.service, job)
        else:
            self.output.job_changed(job)
        self._show_tabs()
        if before is None or before.status is not job.status:
            self.refresh_bindings()
        await self._fill()

    def _show_tabs(self) -> None:
        if self.job is not None:
            numbers = {"pipeline": self.job.objects, "errors": self.job.errors}
            self.tabs.show(self.switcher.current or TABS[0], numbers)

    async def _fill(self) -> None:
        """Fill the tab that is seen; the others wait until they are."""
        job, tab = self.job, self.switcher.current
        if job is None:
            return
        if tab == "pipeline":
            await self.pipeline.show(self.service, job)
        elif tab == "errors" and self._told_errors != (job.errors, job.status.finished):
            errors = await self.service.errors(job.id)
            self._told_errors = job.errors, job.status.finished
            self.errors.show_errors(errors, job.status.finished)
        elif tab == "details":
            await self._fill_details(job)

    async def _fill_details(self, job: Job) -> None:
        if self._content is None:
            try:
                self._content = await self.service.job_content(job.id)
            except NotFound:
                self._content = b""
        reruns = await self.service.jobs(JobQuery(rerun_of=job.id, take=20))
        around = {again.id: again for again in reruns.jobs}
        if job.children:
            children = await self.service.jobs(JobQuery(parent_job=job.id, take=200))
            around |= {child.id: child for child in children.jobs}
        for other in (job.parent_job, job.rerun_of):
            if other and other not in around:
                try:
                    around[other] = await self.service.job(other)
                except NotFound:
                    continue
        self.details.show_job(job, around, reruns.jobs, self._content)

    def _second(self) -> None:
        """Each second while it runs: how long, and what it uses."""
        job = self.job
        if job is None or job.status.finished or not self.is_active:
            return
        self._seconds += 1
        due = self._still < _STILL or self._seconds % _SELDOM == 0
        if due and job.status is not Status.Queued and self.deck.connection.state is State.OPEN:
            beside(self, "usage", self._measure)
        else:
            self.header.tick()

    async def _measure(self) -> None:
        before = self.header.usage
        try:
            usage = await self.service.usage(self.job_id)
        except ServiceError as error:
            self.deck.broken(error)
            return
        quiet = usage is None or (usage.cpu_percent < 1 and before is not None and _alike(usage, before))
        self._still = self._still + 1 if quiet else 0
        # With the clock in one go.
        self.header.measure(usage)

    # -- tabs ------------------------------------------------------------------------------------------------------

    def action_show_tab(self, tab: str) -> None:
        """Show a tab."""
        self.switcher.current = tab
        self._show_tabs()
        shown: dict[str, Widget] = {
            "output": self.output.view,
            "pipeline": self.pipeline.objects,
            "errors": self.errors,
            "details": self.details,
        }
        shown[tab].focus()
        self._look()

    def action_next_tab(self) -> None:
        """The next tab."""
        self.action_show_tab(TABS[(TABS.index(self.switcher.current or TABS[0]) + 1) % len(TABS)])

    def action_previous_tab(self) -> None:
        """The tab before."""
        self.action_show_tab(TABS[(TABS.index(self.switcher.current or TABS[0]) - 1) % len(TABS)])

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """A click."""
        self.action_show_tab(event.tab)

    def on_error_list_wanted(self, event: ErrorList.Wanted) -> None:
        """Its place in the output."""
        from core.journal.format import ERROR

        self.action_show_tab("output")
        self.output.show_record(event.error.record, ERROR)

    def on_details_opened(self, event: Details.Opened) -> None:
        """Another job."""
        self.deck.open("job", event.job)

    # -- acting ----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done now is dim."""
        job = self.job
        if action in ("answer", "cancel", "delete", "rerun"):
            if self.deck.connection.read_only:
                return None
            if job is None:
                return None
            if action == "answer":
                return job.status is Status.WaitingOnFeedback
            if action == "cancel":
                return True if not job.status.finished else None
            if action == "delete":
                return True if job.status.finished else None
        return super().check_action(action, parameters)

    def why_not(self, action: str) -> str | None:
        """Why a dimmed key does nothing now."""
        job = self.job
        if job is None or self.deck.connection.read_only:
            return super().why_not(action)
        reasons = {
            "cancel": f"Job {job.id} is {job.status.name}: there is nothing to cancel.",
            "delete": f"Job {job.id} is {job.status.name}, not finished: cancel it first.",
        }
        return reasons.get(action)

    def action_answer(self) -> None:
        """Answer what the job asks."""
        self.deck.open("feedback", self.job_id)

    def action_rerun(self) -> None:
        """The form, filled."""
        self.deck.open("run", rerun_of=self.job_id)

    @work
    async def action_cancel(self) -> None:
        """End the job, after a question."""
        from tui.screens.confirm import ConfirmScreen

        if self.job is None:
            return
        name = f"job {self.job_id}"
        details = (f"{self.job.script}: its processes are asked to end, and killed when they do not.",)
        if not await self.app.push_screen_wait(ConfirmScreen(f"Cancel {name}?", f"Cancel {name}", details=details)):
            return
        try:
            await self.service.cancel(self.job_id)
        except ServiceError as error:
            self.deck.fail(error)
        self._look()

    @work
    async def action_delete(self) -> None:
        """Remove the job, after a question."""
        from tui.screens.confirm import ConfirmScreen

        if self.job is None:
            return
        name = f"job {self.job_id}"
        details = (f"{self.job.script}: its output, objects and errors are gone for good.",)
        if not await self.app.push_screen_wait(ConfirmScreen(f"Delete {name}?", f"Delete {name}", details=details)):
            return
        try:
            await self.service.delete(self.job_id)
        except ServiceError as error:
            self.deck.fail(error)
            return
        self.deck.say(f"Job {self.job_id} is deleted.")
        self.dismiss()


def _alike(one: Usage, other: Usage) -> bool:
    """Whether two measurements tell the same."""
    return one.processes == other.processes and abs(one.memory_bytes - other.memory_bytes) < 1 << 20
