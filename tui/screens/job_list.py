"""The list of jobs: read by the filter, kept up as jobs change, and what stands there while there is none."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.timer import Timer

from core.service import Job, ServiceError
from tui import clock, job_filter
from tui.changes import Changes, Connection, State
from tui.job_columns import job_columns
from tui.job_rows import JobRow, JobRows
from tui.screens.base import BaseScreen
from tui.text import thousands
from tui.widgets.filter import FilterBar
from tui.widgets.table import Table


class JobList(BaseScreen[None]):
    """Reads and shows the jobs of a filter, as they change. What is done with them is up to who derives from it."""

    def __init__(self) -> None:
        super().__init__()
        self._table: Table[JobRow] = Table(job_columns(clock.now, 4), lambda row: row.job.id, id="jobs")
        self._bar = FilterBar(id="filterbar")
        self._filter = job_filter.read("")
        self._rows: JobRows | None = None
        #: something changed while another screen was on top
        self._missed = False
        self._digits = 4
        self._problem = ""
        self._ticking: Timer | None = None
        self._counting = 0
        #: what of the job under the cursor decides which keys count
        self._fits: tuple[bool, bool] | None = None
        #: there is something that escape takes away
        self._back = False
        #: keys that came before the list could have them; None once it can
        self._early_keys: list[events.Key] | None = []

    def compose_body(self) -> ComposeResult:
        """The filter and the table."""
        yield self._bar
        yield self._table

    def on_mount(self) -> None:
        """Wait for the service."""
        text = self.deck.remembered.text("filter")
        self._filter = job_filter.read(text)
        self._bar.set(text)
        self._ticking = self.set_interval(1.0, self._tick, pause=True)
        self._table.early.waits = True
        self._explain()
        self._summarise()
        self._table.focus()
        self.call_after_refresh(self._take_early_keys)

    def on_key(self, event: events.Key) -> None:
        """What is typed before the list can have it is kept for it."""
        if self._early_keys is not None and self.focused is None:
            event.stop()
            event.prevent_default()
            self._early_keys.append(event)

    def _take_early_keys(self) -> None:
        if self.focused is None and self.is_active:
            self.call_after_refresh(self._take_early_keys)
            return
        keys, self._early_keys = self._early_keys or (), None
        for key in keys:
            self.app.post_message(events.Key(key.key, key.character))

    @property
    def loaded(self) -> bool:
        """Whether the first jobs of the filter have been read."""
        return self._rows is not None and self._rows.loaded

    # -- what is shown ---------------------------------------------------------------------------------------------

    def on_connection(self, connection: Connection) -> None:
        """Read when there is a connection."""
        if connection.state is State.OPEN:
            self._problem = ""
            if self._rows is None:
                self._begin()
        elif connection.state is State.LOST:
            self._problem = connection.problem
        self._explain()
        self.refresh_bindings()

    def _begin(self) -> None:
        """Read the jobs of the filter from the newest on."""
        # What the filter before asked for is not waited for any longer.
        for group in ("rows", "counts"):
            self.workers.cancel_group(self, group)
        self._counting = 0
        self._rows = JobRows(self.service, self._filter.query, self._read, self._rows_changed)
        self._table.marked = set()
        query = self._filter.query
        self._table.order = None if self._rows.nests else (query.order_by, query.descending)
        self._table.show_rows(self._rows)
        self._table.early.waits = True
        # No job is under the cursor until they are read.
        self.on_table_moved()
        self._rows.refresh()

    def _read(self, work: Coroutine[Any, Any, None]) -> None:
        self.background(work, group="rows")

    def on_changes(self, changes: Changes) -> None:
        """Read again what is seen; below another screen, when it is seen again.

        Textual draws the whole of the screen on top for each line that changes below it.
        """
        if self._rows is None or "job" not in changes.kinds:
            return
        self._missed = not self.is_active
        if self.is_active:
            self._rows.refresh()
            self._count()

    def on_screen_resume(self) -> None:
        """What was missed."""
        if self._missed and self._rows is not None:
            self._missed = False
            self._rows.refresh()
            self._count()

    def _count(self) -> None:
        """Count the jobs of the filter; what takes long is not counted at every change."""
        if self._rows is not None and not self._counting:
            self._counting += 1
            self.background(self._counted(self._rows), group="counts")

    async def _counted(self, rows: JobRows) -> None:
        began = clock.now()
        try:
            rows.set_total(await self.service.count(rows.query))
        finally:
            took = (clock.now() - began) / 1e9
            self.set_timer(max(0.25, took * 10), self._may_count)

    def _may_count(self) -> None:
        self._counting = 0

    def failed(self, error: ServiceError) -> None:
        """Reading failed: say so where the rows would stand."""
        self.deck.broken(error)
        self._problem = str(error)
        self._explain()

    def _rows_changed(self, moved: int) -> None:
        if self._rows is None:
            return
        self._problem = ""
        if self._rows.total is None:
            # Only now: what is looked at comes before how many there are.
            self._count()
        self._keep_cursor()
        self._table.rows_changed(0 if self._table.scroll_offset.y == 0 else moved)
        self._widen()
        self._explain()
        self._summarise()
        self._wake()
        # The job under the cursor may have ended meanwhile.
        self.on_table_moved()
        if self._rows.loaded:
            self._table.early.here()

    def _keep_cursor(self) -> None:
        """The cursor stays with its job, wherever that is now."""
        key = self._table.cursor_key
        if self._rows is not None and isinstance(key, int):
            place = self._rows.find(key)
            if place is not None and self._table.scroll_offset.y == 0:
                self._table.cursor = place

    def _widen(self) -> None:
        row = self._rows.row(self._table.scroll_offset.y) if self._rows else None
        digits = len(str(row.job.id)) if row else 0
        if digits > self._digits:
            self._digits = digits
            self._table.set_columns(job_columns(clock.now, digits))

    def _summarise(self) -> None:
        rows = self._rows
        number = ""
        if rows is not None and rows.loaded:
            total = rows.total
            number = thousands(total) if total is not None else f"more than {thousands(rows.count - 1)}"
            everything = sum(self.deck.counts.values())
            if not self._filter.empty and everything:
                number += f" of {thousands(everything)}"
            number += " job" if number == "1" else " jobs"
        name = "Jobs" if self._filter.query.hide_children else "Jobs, children listed"
        self._bar.summarise(name, number, len(self._table.marked))
        back = bool(self._table.marked or self._filter.text)
        if back != self._back:
            self._back = back
            self.refresh_bindings()

    def _explain(self) -> None:
        """What stands there while there are no rows."""
        connection = self.deck.connection
        key = self.deck.key_of
        if self._problem and connection.state is State.LOST:
            lines = (
                "The jobs cannot be reached",
                "",
                *self.wrapped(self._problem),
                "",
                f"{key('jobs.refresh')} tries now.",
            )
        elif self._problem:
            lines = (
                "The jobs cannot be read",
                "",
                *self.wrapped(self._problem),
                "",
                f"{key('jobs.refresh')} tries again.",
            )
        elif connection.state is not State.OPEN or self._rows is None or not self._rows.loaded:
            where = self.deck.place
            lines = ("Loading …",)
            if connection.state is not State.OPEN and self.deck.remote:
                lines = (f"Connecting to {where} …",)
            elif connection.state is State.OPEN and not self._filter.empty:
                lines = ("Looking for such jobs …",)
        elif not self._filter.empty:
            change = f"{key('jobs.filter')} changes the filter, esc takes it away."
            lines = ("No job is like that", "", self._filter.text, "", change)
        else:
            told = {
                "jobs.run": "run a script",
                "jobs.scripts": "the scripts that jobdeck knows",
                "app.help": "all keys",
            }
            wide = max(len(key(id)) for id in told)
            keys = [f"{key(id):{wide}}  {does}" for id, does in told.items()]
            lines = ("No job has run yet", "", *keys, "", "In a shell: jobdeck run FILE")
        if tuple(lines) != self._table.blank:
            self._table.blank = tuple(lines)
            self._table.refresh()

    def on_table_moved(self) -> None:
        """The footer dims what does not fit the job."""
        job = self._job
        fits = (job is None, job is not None and job.status.finished)
        if fits != self._fits:
            self._fits = fits
            self.refresh_bindings()

    @property
    def _job(self) -> Job | None:
        row = self._table.cursor_row
        return None if row is None else row.job

    # -- time ------------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Tick while a job runs in view."""
        if self._ticking is not None:
            if self._live_places():
                self._ticking.resume()
            else:
                self._ticking.pause()

    def _live_places(self) -> list[int]:
        if self._rows is None:
            return []
        first, last = self._table.first_and_last()
        rows = ((place, self._rows.row(place)) for place in range(first, last + 1))
        return [place for place, row in rows if row and row.job.started and not row.job.status.finished]

    def _tick(self) -> None:
        if self.is_active:
            for place in self._live_places():
                self._table.refresh_place(place)

    def on_table_seen(self) -> None:
        """Other rows are in view."""
        self._wake()
