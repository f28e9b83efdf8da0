"""The root screen: the jobs, newest first."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.timer import Timer

from core.service import Job, ServiceError, Status
from tui import clock, job_filter, keys
from tui.changes import Changes, Connection, State
from tui.job_columns import job_columns
from tui.job_rows import JobRow, JobRows
from tui.screens.base import LOOK_ONLY, BaseScreen
from tui.text import thousands
from tui.widgets.filter import FilterBar
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.job_acts import JobActs

#: keys that change something
_ACTS = frozenset({"run", "cancel", "rerun", "answer", "delete"})


class JobsScreen(BaseScreen[None]):
    """The list of jobs."""

    BINDINGS: ClassVar[Any] = keys.bindings("jobs")

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
        self._explain()
        self._summarise()
        self._table.focus()

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
        self._table.show_rows(self._rows)
        self._rows.refresh()
        self._count()

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
        self._keep_cursor()
        self._table.rows_changed(0 if self._table.scroll_offset.y == 0 else moved)
        self._widen()
        self._explain()
        self._summarise()
        self._wake()
        # The job under the cursor may have ended meanwhile.
        self.on_table_moved()

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
        if self._problem and connection.state is State.LOST:
            lines = ("The jobs cannot be reached.", "", *self._wrapped(), "", "ctrl+r tries now.")
        elif self._problem:
            lines = ("The jobs cannot be read.", "", *self._wrapped(), "", "ctrl+r tries again.")
        elif connection.state is not State.OPEN or self._rows is None or not self._rows.loaded:
            where = self.deck.place
            lines = ("Loading …",)
            if connection.state is not State.OPEN and self.deck.remote:
                lines = (f"Connecting to {where} …",)
            elif connection.state is State.OPEN and not self._filter.empty:
                lines = ("Looking for such jobs …",)
        elif not self._filter.empty:
            lines = ("No job is like that.", "", self._filter.text, "", "/ changes the filter, esc takes it away.")
        else:
            lines = (
                "No job has run yet.",
                "",
                "n     run a script",
                "s     the scripts that jobdeck knows",
                "?     all keys",
                "",
                "In a shell: jobdeck run FILE",
            )
        if tuple(lines) != self._table.blank:
            self._table.blank = tuple(lines)
            self._table.refresh()

    def _wrapped(self) -> list[str]:
        import textwrap

        return textwrap.wrap(self._problem, max(30, min(self.size.width - 8, 76)))

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

    # -- the filter ------------------------------------------------------------------------------------------------

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Show what the filter asks for."""
        self._apply(event.text)
        if event.kept:
            self.deck.remembered.put("filter", event.text or None)

    def on_filter_bar_closed(self) -> None:
        """The list has the keys again."""
        self._table.focus()

    def _apply(self, text: str) -> None:
        chosen = job_filter.read(text)
        before, self._filter = self._filter, chosen
        if self._rows is not None and before.query != chosen.query:
            self._begin()
        self._explain()
        self._summarise()

    def set_filter(self, text: str) -> None:
        """Let this filter hold, and remember it."""
        self._bar.set(text)
        self._apply(text)
        self.deck.remembered.put("filter", text or None)

    async def action_filter(self) -> None:
        """Type the filter."""
        # Awaited here: what is typed next is for the filter already.
        await self._bar.edit()
        self.background(self._learn_words(), group="words")

    async def _learn_words(self) -> None:
        scripts = await self.service.scripts()
        here = self._rows.here() if self._rows else []
        tags = {tag for script in scripts for tag in script.tags} | {tag for job in here for tag in job.tags}
        self._bar.known = {
            "script": [script.name for script in scripts],
            "env": sorted({job.environment for job in here}),
            "tag": sorted(tags),
            "user": sorted({job.identity for job in here}),
        }

    def action_views(self) -> None:
        """Choose a saved filter."""
        from tui.screens.views import ViewsScreen

        self.app.push_screen(
            ViewsScreen(self._filter.text), lambda text: None if text is None else self.set_filter(text)
        )

    def action_children(self) -> None:
        """Children below their parents, or in the list as others."""
        listed = self._filter.query.hide_children
        rest = job_filter.without(job_filter.without(self._filter.text, "children:below"), "children:listed")
        wanted = "children:listed" if listed else "children:below"
        # What holds anyway need not be said.
        plain = job_filter.read(rest).query.hide_children
        self.set_filter(rest if plain is not listed else job_filter.with_word(rest, wanted))

    def action_scheduled(self) -> None:
        """Show or hide what a schedule started."""
        word = "!source:schedule"
        text = self._filter.text
        hidden = word in job_filter.words(text)
        self.set_filter(job_filter.without(text, word) if hidden else job_filter.with_word(text, word))

    # -- rows ------------------------------------------------------------------------------------------------------

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open the job."""
        self.deck.open("job", event.row.job.id)

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

    def action_expand(self) -> None:
        """Show the jobs that this one started."""
        row = self._table.cursor_row
        if row is None or self._rows is None:
            return
        if not row.job.children:
            self.deck.say(f"Job {row.job.id} started no other jobs.")
        elif row.expanded:
            self._table.action_down()
        else:
            self._rows.expand(row.job.id)

    def action_collapse(self) -> None:
        """Hide them; from a child, go to its parent."""
        row = self._table.cursor_row
        if row is None or self._rows is None:
            return
        if row.expanded:
            self._rows.collapse(row.job.id)
        elif row.depth and row.job.parent_job is not None:
            place = self._rows.find(row.job.parent_job)
            if place is not None:
                self._table.move_to(place)

    def action_mark(self) -> None:
        """Mark the job under the cursor, or take its mark away."""
        self._table.toggle_mark()
        self._summarise()

    def action_mark_all(self) -> None:
        """Mark every job of the filter, or none."""
        if self._table.marked:
            self._clear_marks()
        else:
            self.background(self._mark_all())

    async def _mark_all(self) -> None:
        ids, more = await self._acts().ids_of(self._filter.query)
        self._table.marked = set(ids)
        self._table.refresh()
        self._summarise()
        if more:
            self.deck.say(f"The newest {thousands(len(ids))} are marked; narrow the filter to reach the others.")

    def _clear_marks(self) -> None:
        self._table.clear_marks()
        self._summarise()

    def _targets(self) -> list[int]:
        """The marked jobs, else the one under the cursor."""
        if self._table.marked:
            return sorted(key for key in self._table.marked if isinstance(key, int))
        job = self._job
        return [] if job is None else [job.id]

    # -- acts ------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what cannot be done."""
        if action == "back":
            return bool(self._table.marked or self._filter.text)
        if action in _ACTS and self.deck.connection.read_only:
            return None
        job = self._job
        if action == "cancel" and not self._table.marked:
            return True if job is not None and not job.status.finished else None
        if action in ("rerun", "delete", "mark", "open") and not self._table.marked and job is None:
            return None
        if action == "answer":
            return True if self.deck.counts.get(Status.WaitingOnFeedback) else None
        return True

    def why_not(self, action: str) -> str | None:
        """Why a dimmed key does nothing now."""
        job = self._job
        if action in _ACTS and self.deck.connection.read_only:
            return LOOK_ONLY
        if action == "answer":
            return "No job waits for an answer."
        if job is None:
            return "There is no job under the cursor."
        return f"Job {job.id} is {job.status.name}: there is nothing to cancel." if action == "cancel" else None

    def action_run(self) -> None:
        """Run a script."""
        self.deck.open("scripts")

    def action_scripts(self) -> None:
        """The scripts."""
        self.deck.open("scripts")

    def action_settings(self) -> None:
        """Environments, limits, themes."""
        self.deck.open("settings")

    def action_cancel(self) -> None:
        """End the marked jobs, or the one under the cursor."""
        self._act(self._acts().cancel(self._targets()))

    def action_delete(self) -> None:
        """Remove finished jobs."""
        self._act(self._acts().delete(self._targets()))

    def action_rerun(self) -> None:
        """Run them again."""
        targets = self._targets()
        if len(targets) == 1 and not self._table.marked:
            self.deck.open("run", rerun_of=targets[0])
        elif targets:
            self._act(self._acts().rerun(targets))

    def _acts(self) -> JobActs:
        from tui.job_acts import JobActs

        return JobActs(self)

    def _act(self, act: Coroutine[Any, Any, bool]) -> None:
        async def then() -> None:
            try:
                if await act:
                    self._clear_marks()
            except ServiceError as error:
                self.deck.fail(error)

        self.run_worker(then(), group="acts")

    def action_answer(self) -> None:
        """Answer the job that waits: the one under the cursor, else the one that waits longest."""
        job = self._job
        if job is not None and job.status is Status.WaitingOnFeedback:
            self.deck.open("feedback", job.id)
            return

        async def find() -> None:
            waiting = await self._acts().longest_waiting()
            if waiting is None:
                self.deck.say("No job waits for an answer.")
            else:
                self.deck.open("feedback", waiting)

        self.background(find())

    def action_copy(self) -> None:
        """Copy the job's number."""
        targets = self._targets()
        if targets:
            self.app.copy_to_clipboard(" ".join(map(str, targets)))
            self.deck.say(f"Copied {targets[0]}." if len(targets) == 1 else f"Copied {len(targets)} numbers.")

    def action_refresh(self) -> None:
        """Read everything again."""
        if self.deck.connection.state is not State.OPEN:
            self.deck.reconnect()
        elif self._rows is None:
            self._begin()
        else:
            self._rows.refresh()
            self._count()

    def action_back(self) -> None:
        """Take away marks, then the filter; this is the root."""
        if self._table.marked:
            self._clear_marks()
        elif self._filter.text:
            self.set_filter("")

    async def action_quit(self) -> None:
        """Leave."""
        await self.app.action_quit()
