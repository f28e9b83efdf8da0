"""The Output tab: lines, the streams above them, and a bar below that searches, goes to a place or saves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult

from core.service import Job, JobService, ServiceError
from tui import keys
from tui.goal import goal
from tui.text import one_line
from tui.widgets.ask_bar import AskBar, Switch
from tui.widgets.beside import beside
from tui.widgets.output import STAMPS, OutputView
from tui.widgets.output_following import MOMENT, OutputFollowing
from tui.widgets.output_lines import OutputLines
from tui.widgets.output_search import OutputSearch
from tui.widgets.output_streams import SHOWN
from tui.widgets.output_taking import Said, Taking
from tui.widgets.stream_bar import StreamBar

if TYPE_CHECKING:
    from tui.app import JobdeckApp

#: seconds after the last key before a search begins
_PAUSE = 0.2


class OutputPane(OutputFollowing):
    """Shows the output of one job, with the keys for it."""

    BINDINGS = keys.bindings(
        "output",
        (
            "search", "next_hit", "previous_hit", "follow", "wrap", "streams", "stamps", "go_to", "select", "copy",
            "save", "pager", "leave",
        ),
    )  # fmt: skip
    DEFAULT_CSS = """
    OutputPane { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ask = AskBar((Switch("regex", ".*", "ctrl+r"), Switch("case", "Aa", "ctrl+t")))
        self._typed: str | None = None
        self._taking = Taking(self.view, self.ask)

    def compose(self) -> ComposeResult:
        """Streams, lines, questions."""
        yield self.bar
        yield self.view
        yield self.ask

    # -- what is said ----------------------------------------------------------------------------------------------

    def on_output_canvas_moved(self, event: OutputView.Moved) -> None:
        """Tell where we are."""
        view, lines = self.view, self.view.lines
        if event.view is not view or lines is None:
            return
        seen = {line.stream for line in map(lines.line, view.shown) if line is not None}
        if not seen <= self.bar.seen:
            self.bar.seen |= seen
        total = lines.total
        if total is None:
            place = "counting lines…"
        elif not total:
            ended = self.job is None or self.job.status.finished
            place = "no output" if ended else "no output yet"
            self._tell_nothing(ended)
        else:
            first, last = view.shown.start + 1, min(view.shown.stop, total)
            place = f"{first:,}-{last:,} of {total:,}"
        if view.plan.across:
            place += f"  → {view.plan.across:,}"
        if view.wrap:
            place += "  wrap"
        if view.cursor is not None:
            count = abs(view.cursor - (view.cursor if view.mark is None else view.mark)) + 1
            place += f"  {count:,} selected"
        if self.job is not None and not self.job.status.finished:
            place += "  follow" if view.follow else "  paused"
        if self.bar.place != place:
            self.bar.place = place

    def on_output_view_failed(self, event: OutputView.Failed) -> None:
        """The view could not get its lines: the loop tries again, and says so where the service is lost."""
        self._say(str(event.error), wrong=True)

    def _say(self, text: str, *, wrong: bool = False, title: str = "") -> None:
        self.app.notify(
            one_line(text), title=title, severity="error" if wrong else "information", timeout=6, markup=False
        )

    # -- streams ---------------------------------------------------------------------------------------------------

    def action_streams(self) -> None:
        """Choose streams by their letters."""
        self.bar.focus()

    def on_stream_bar_left(self) -> None:
        """Back to the lines."""
        self.view.focus()

    def on_stream_bar_chosen(self, event: StreamBar.Chosen) -> None:
        """Show other streams, at the same place."""
        self.show_streams(event.streams)

    def show_streams(self, streams: frozenset[int], record: int | None = None) -> None:
        """Show these streams; where `record` is told, go to its line and mark it."""
        self.bar.streams = streams
        self._end_search()
        beside(self, "streams", self._show_streams, streams, record)

    async def _show_streams(self, streams: frozenset[int], record: int | None) -> None:
        view = self.view
        if self.service is None or self.job is None or view.lines is None:
            return
        top = view.lines.line(view.top)
        led = record is not None
        if record is not None:
            view.follow = False
        elif top is not None and not view.follow:
            record = top.record
        try:
            lines = view.lines
            if lines.streams != streams:
                lines = OutputLines(self.service, self.job.id, streams)
                await view.open(lines)
            await view.settle()
            if record is not None:
                line = await lines.of_record(record)
                view.spot = line if led else None
                view.show_line(line)
        except ServiceError as error:
            self._say(str(error), wrong=True)

    def show_record(self, record: int, stream: int) -> None:
        """Go to the line that begins in a record, with its stream shown."""
        self.show_streams(self.bar.streams | {stream}, record)

    # -- how it is shown -------------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        """Go along with the end, or stay."""
        self.view.follow = not self.view.follow

    def action_wrap(self) -> None:
        """Long lines in several rows, or cut."""
        self.view.wrap = not self.view.wrap

    def _tell_nothing(self, ended: bool) -> None:
        """What stands in the place of the lines while there are none."""
        key = cast("JobdeckApp", self.app).key_of("output.streams")
        some = [] if self.bar.streams >= SHOWN else ["", f"{key}  chooses which streams are shown"]
        said = "The script printed nothing." if ended else "What the script prints comes here by itself."
        self.view.tell("No output" if ended else "No output yet", "", said, *some)

    def action_stamps(self) -> None:
        """Times: none, of the day, since the start."""
        self.view.stamps = STAMPS[(STAMPS.index(self.view.stamps) + 1) % len(STAMPS)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Going from hit to hit is for those who search."""
        if action in ("next_hit", "previous_hit"):
            return self.view.search is not None
        return super().check_action(action, parameters)

    # -- search ----------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Ask what to search for."""
        text = self.view.search.pattern if self.view.search is not None else ""
        self.ask.ask("search", "/", text, hint="text to find, ctrl+r regex, ctrl+t case", switches=True)

    def on_ask_bar_typed(self, event: AskBar.Typed) -> None:
        """Search while it is typed."""
        if event.kind == "search":
            self._typed = event.text
            beside(self, "search", self._search, event.text, _PAUSE)

    def on_ask_bar_left(self, event: AskBar.Left) -> None:
        """Never mind."""
        self.ask.close()
        self.view.focus()
        if event.kind == "search":
            self._end_search()

    def on_ask_bar_given(self, event: AskBar.Given) -> None:
        """Do what was asked for."""
        if event.kind == "search":
            self.view.focus()
            search = self.view.search
            if not event.text:
                self.ask.close()
                self._end_search()
            elif search is None or search.pattern != event.text or self._typed is not None:
                beside(self, "search", self._search, event.text, 0)
        elif event.kind == "goto":
            self.ask.close()
            self.view.focus()
            beside(self, "goto", self._go_to, event.text)
        elif event.kind == "save":
            beside(self, "save", self._save, event.text)

    def _end_search(self) -> None:
        self.workers.cancel_group(self, "search")
        self.view.search = None
        self.refresh_bindings()
        if self.ask.kind == "search":
            self.ask.close()
        self.view.redraw()

    async def _search(self, text: str, pause: float) -> None:
        view = self.view
        if self.service is None or self.job is None:
            return
        if not text:
            view.search = None
            self.ask.note("")
            view.redraw()
            return
        await asyncio.sleep(pause)
        self._typed = None
        if view.lines is not None and view.lines.total is None:
            # What is found has a place among the lines: of an output that still grows fast that takes a while.
            self.ask.note("counting lines…")
        try:
            await view.settle()
            origin = 0 if view.follow else max(0, view.top)
            search = view.search = OutputSearch(
                text, regex=self.ask.on_switch("regex"), ignore_case=not self.ask.on_switch("case"), origin=origin
            )
            jumped = False
            async with aclosing(cast("Any", search.run(self.service, self.job.id, self.bar.streams))) as found:
                said = 0.0
                async for _count in found:
                    now = asyncio.get_running_loop().time()
                    if not jumped:
                        jumped = True
                        self._to_hit(*search.step(False, origin, -1))
                    if now - said >= MOMENT:
                        said = now
                        self._count(search)
                        view.redraw()
            if not jumped and search.count:
                self._to_hit(*search.step(False, origin, -1))
            self._count(search)
            view.redraw()
        except ServiceError as error:
            view.search = None
            self.ask.note(one_line(error), wrong=True)
            view.redraw()

    def _count(self, search: OutputSearch) -> None:
        more = "+" if search.more else "" if search.done else "…"
        position = search.position
        if not search.count:
            self.ask.note("nothing found" if search.done else "searching…", wrong=search.done)
        else:
            self.ask.note(f"{position:,} of {search.count:,}{more}" if position else f"{search.count:,}{more} found")

    def _to_hit(self, hit: tuple[int, int, int] | None, round_the_end: bool) -> None:
        search, view = self.view.search, self.view
        if search is None:
            return
        self.refresh_bindings()
        if hit is None:
            self._count(search)
            return
        view.reveal(*hit)
        self._count(search)
        if round_the_end and search.done:
            self.ask.note(f"{search.position or 0:,} of {search.count:,}, round the end")
        view.redraw()

    def action_next_hit(self) -> None:
        """The next place that was found."""
        self._step(backwards=False)

    def action_previous_hit(self) -> None:
        """The one before."""
        self._step(backwards=True)

    def _step(self, *, backwards: bool) -> None:
        search = self.view.search
        if search is None:
            return
        line, column = (search.current or (self.view.top, -1, -1))[:2]
        if search.more and not backwards and search.step(False, line, column)[1]:
            # Behind the last hit that was kept: search on from there.
            self.view.follow = False
            self.view.go(line + 1)
            beside(self, "search", self._search, search.pattern, 0)
            return
        self._to_hit(*search.step(backwards, line, column))

    async def action_leave(self) -> None:
        """Give up what is under way: a selection, a search; where there is nothing, leave the screen."""
        view = self.view
        if view.cursor is not None:
            view.mark = view.cursor = None
            view.redraw()
        elif view.search is not None or self.ask.open:
            self._end_search()
            self.ask.close()
            view.focus()
        else:
            await self.screen.run_action("back")

    # -- going to a place ------------------------------------------------------------------------------------------

    def action_go_to(self) -> None:
        """Ask for a line or a time."""
        self.ask.ask("goto", "Go to", hint="line 1200, 50%, time 14:05:30, or +90s since the start")

    async def _go_to(self, text: str) -> None:
        view = self.view
        if view.lines is None or self.job is None or not text.strip():
            return
        where = goal(text, self.job.started or self.job.created)
        if isinstance(where, str):
            self._say(where, wrong=True)
            return
        try:
            await view.settle()
            total = await view.lines.count()
            if where.time is not None:
                line = await view.lines.at_time(where.time)
            elif where.share is not None:
                line = int(total * where.share)
            else:
                line = where.line or 0
        except ServiceError as error:
            self._say(str(error), wrong=True)
            return
        view.follow = False
        view.go(min(max(line, 0), max(total - 1, 0)))

    # -- taking it along -------------------------------------------------------------------------------------------

    def action_select(self) -> None:
        """Begin to select lines with the arrows, or leave it."""
        view = self.view
        if view.lines is None or not view.shown:
            return
        if view.cursor is None:
            view.follow = False
            current = view.search.current if view.search is not None else None
            view.mark = view.cursor = current[0] if current is not None and current[0] in view.shown else view.top
        else:
            view.mark = view.cursor = None
        view.redraw()

    def action_copy(self) -> None:
        """Copy the selected lines, or the line of the current hit, or the one at the top."""
        beside(self, "copy", self._told, self._taking.copy)

    def action_save(self) -> None:
        """Ask for a file's name."""
        if self.job is not None:
            self.ask.ask("save", "Save to", self._taking.default_path(self.job))

    async def action_pager(self) -> None:
        """Leave the screen to $PAGER with the output."""
        await self._told(self._taking.page)

    async def _told(self, take: Callable[[JobService, Job, frozenset[int]], Awaitable[Said]]) -> None:
        """Take something along, and tell how it went."""
        if self.service is None or self.job is None:
            return
        try:
            said = await take(self.service, self.job, self.bar.streams)
        except ServiceError as error:
            said = Said(str(error), wrong=True)
        if said.text:
            self._say(said.text, wrong=said.wrong, title=said.title)

    async def _save(self, text: str) -> None:
        if self.service is None or self.job is None:
            return
        said = await self._taking.save(self.service, self.job, self.bar.streams, text)
        if said is not None:
            self.ask.close()
            self.view.focus()
            self._say(said.text, title=said.title)
