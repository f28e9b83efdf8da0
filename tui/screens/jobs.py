"""The root screen: the jobs, newest first, and what is done with them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from core.service import ServiceError, Status
from tui import job_filter, keys
from tui.changes import State
from tui.screens.base import LOOK_ONLY
from tui.screens.job_list import JobList
from tui.text import thousands
from tui.widgets.filter import FilterBar
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.job_acts import JobActs

#: the orders as `o` goes through them
_ORDERS = ("id", "duration", "ended", "started")
#: keys that change something
_ACTS = frozenset({"run", "cancel", "rerun", "answer", "delete"})


class JobsScreen(JobList):
    """The list of jobs, with its keys."""

    BINDINGS: ClassVar[Any] = keys.bindings("jobs")

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

    def action_order(self) -> None:
        """The next order: the newest first, the longest, those that ended last, those that started last."""
        now = self._filter.query.order_by
        self._reorder(_ORDERS[(_ORDERS.index(now) + 1) % len(_ORDERS)], True)

    def action_turn(self) -> None:
        """The order turned round."""
        query = self._filter.query
        self._reorder(query.order_by, not query.descending)

    def on_table_titled(self, event: Table.Titled) -> None:
        """A click on a title orders by it; another one turns it round."""
        query = self._filter.query
        self._reorder(event.order, not query.descending if event.order == query.order_by else True)

    def _reorder(self, order_by: str, descending: bool) -> None:
        self.set_filter(job_filter.with_order(self._filter.text, order_by, descending))

    # -- rows ------------------------------------------------------------------------------------------------------

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open the job."""
        self.deck.open("job", event.row.job.id)

    def action_expand(self) -> None:
        """Show the jobs that this one started."""
        row = self._table.cursor_row
        if row is None or self._rows is None:
            return
        if not row.job.children:
            self.deck.say(f"Job {row.job.id} started no other jobs.")
        elif not self._rows.nests:
            self.deck.say("Children stand below their parents where the newest job comes first: o changes the order.")
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
            self.deck.say(f"The first {thousands(len(ids))} are marked; narrow the filter to reach the others.")

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
