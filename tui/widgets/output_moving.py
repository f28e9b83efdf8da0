"""Where a view of a job's output stands: it goes to places whose lines must come first, and along with the end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Coroutine
from typing import Any

from textual import events
from textual.message import Message
from textual.reactive import reactive

from tui.widgets.beside import beside
from tui.widgets.output_canvas import OutputCanvas
from tui.widgets.output_layout import Anchor
from tui.widgets.output_lines import OutputLines


class OutputMoving(OutputCanvas):
    """Goes to lines, fetches what is missing there, and keeps its place while the job writes."""

    #: goes along with the end as it grows
    follow: reactive[bool] = reactive(True)
    wrap: reactive[bool] = reactive(False)

    class Failed(Message, namespace="output_view"):
        """The service could not give what is to be shown."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        #: where it goes once the lines there are here: the place, and the line that it is near
        self._heading: tuple[Callable[[], Anchor], int] | None = None

    # -- where it stands -------------------------------------------------------------------------------------------

    @property
    def top(self) -> int:
        """The line at the top."""
        return self.plan.top.line

    @property
    def shown(self) -> range:
        """The lines on the screen."""
        return self.plan.shown

    # -- moving ----------------------------------------------------------------------------------------------------

    def go(self, line: int, row: int = 0) -> None:
        """Bring a line to the top, or as far up as the end allows; fetches what is missing first."""
        self._move(lambda: Anchor(line, row), line)

    def show_line(self, line: int) -> None:
        """Bring a line into view, a third from the top, unless it is there already."""
        self.follow = False
        if not (line in self.shown and self.plan.rows and self.plan.rows[-1].line > line):
            above = self.size.height // 3
            self._move(lambda: self.plan.moved(Anchor(line), -above), line - above)
        else:
            self.redraw()

    def reveal(self, line: int, start: int, end: int) -> None:
        """Bring the bytes [start, end) of a line into view."""
        self.follow = False
        self.instead(self._reveal, line, start, end)

    async def _reveal(self, line: int, start: int, end: int) -> None:
        lines, height = self.lines, self.size.height
        if lines is None:
            return
        try:
            await lines.fetch(line - height, line + height)
            here = lines.line(line)
            if here is not None and end > len(here.data):
                await lines.lengthen(line, end + 4096)
        except Exception as error:
            self.post_message(self.Failed(error))
            return
        here = lines.line(line)
        if here is None or lines is not self.lines:
            return
        painted = self.plan.paint(here)
        first, stop = self.columns(here, painted, start, min(end, len(here.data)))
        if self.wrap:
            row = bisect_right(painted.rows(self.text_width), first) - 1
            if not any(
                each.line == line and each.start <= first < max(each.end, each.start + 1) for each in self.plan.rows
            ):
                self._stand(self.plan.moved(Anchor(line, row), -(height // 3)))
        else:
            begin, behind = painted.cell(first), painted.cell(stop)
            if begin < self.plan.across or behind > self.plan.across + self.text_width:
                self.plan.across = 0 if behind <= self.text_width else max(0, begin - self.text_width // 3)
            if line not in self.shown:
                self._stand(Anchor(line - height // 3))
        self.redraw()
        self.ahead()

    def to_end(self) -> None:
        """Go to the last line."""
        if self.lines is not None:
            self._move(self.plan.end, self.lines.stop - self.size.height)

    def instead(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
        """Run work that ends at another place; a place that it is on the way to is forgotten."""
        self._heading = None
        beside(self, "lines", work, *arguments)

    def by_rows(self, rows: int) -> None:
        """Go so many rows down, or up."""
        self.spot = None
        if rows < 0:
            self.follow = False
        # Where it is on its way somewhere, from there on: keys come faster than a slow server's lines.
        start, near = self._heading or (lambda: self.plan.top, self.plan.top.line)
        self._move(lambda: self.plan.moved(self.plan.within(start()), rows), near + rows)

    def _move(self, where: Callable[[], Anchor], near: int) -> None:
        """Go to a place that is known once the lines near it are here; the place before it is forgotten."""
        if self.lines is None:
            return
        missing = self._missing(near)
        if missing is not None:
            self._heading = where, near
            beside(self, "lines", self._fetch_and_move, self._heading, *missing)
        else:
            self._heading = None
            self.workers.cancel_group(self, "lines")
            self._stand(where())
            self.ahead()

    def _missing(self, near: int) -> tuple[int, int] | None:
        """The lines that must be here before one that is near this can be at the top; None where they are."""
        assert self.lines is not None
        height, at = self.size.height, self.plan.top.line
        first, stop = min(near, at if abs(near - at) < 4 * height else near), near + height
        return (first, stop) if self.lines.missing(first - 1, stop + 1) else None

    async def _fetch_and_move(self, heading: tuple[Callable[[], Anchor], int], first: int, stop: int) -> None:
        try:
            if await self._fetch_near(first, stop):
                self._stand(heading[0]())
                self.ahead()
        finally:
            if self._heading is heading:
                self._heading = None

    async def _fetch_near(self, first: int, stop: int) -> bool:
        """Have [first, stop) here, and the end where it is near. False, and that is told, where they cannot be had."""
        lines = self.lines
        if lines is None:
            return False
        try:
            await lines.fetch(first - 1, stop + 1)
            if lines.total is not None and stop >= lines.stop:
                await lines.fetch(lines.stop - self.size.height, lines.stop)
        except Exception as error:
            self.post_message(self.Failed(error))
            return False
        return lines is self.lines

    def ahead(self) -> None:
        """Fetch what comes next in either direction, and the rest of lines that the screen shows more of."""
        lines = self.lines
        if lines is None:
            return
        height = self.size.height
        longer = self.plan.cut_lines()
        first, stop = self.shown.start - height, self.shown.stop + height
        if longer or lines.missing(first, stop):
            beside(self, "ahead", self._fetch_ahead, longer, first, stop)

    async def _fetch_ahead(self, longer: list[tuple[int, int]], first: int, stop: int) -> None:
        lines = self.lines
        if lines is None:
            return
        top, last, above = self.plan.top, self.plan.behind_cut(), len(self.plan.rows) - 1
        try:
            for number, size in longer:
                await lines.lengthen(number, size)
            await lines.fetch(first, stop)
        except Exception as error:
            self.post_message(self.Failed(error))
            return
        if lines is self.lines:
            if last is not None and top == self.plan.top:
                # What stands behind a line that becomes longer stays where it is: the new rows come above it.
                self.plan.top = self.plan.moved(last, -above)
            self.redraw()
            if longer and self.plan.cut_lines() not in ([], longer):
                self.ahead()

    def _stand(self, anchor: Anchor) -> None:
        """Have this at the top, within what there is."""
        if self.lines is None:
            return
        self.plan.top = self.plan.within(anchor)
        self.redraw()

    # -- what changes ----------------------------------------------------------------------------------------------

    async def open(self, lines: OutputLines) -> None:
        """Show other lines (another job's, or other streams), at their end. Raises ServiceError."""
        self.plan.lines = lines
        self.spot = None
        self.plan.forget()
        self.plan.rows = []
        await lines.look_at_end(self._many)
        self._stand(self.plan.end())

    async def refresh_output(self) -> bool:
        """The job may have written more: look again. True when something on the screen changed. Raises ServiceError."""
        lines = self.lines
        if lines is None:
            return False
        before = (lines.total, self.plan.rows, [lines.line(row.line) for row in self.plan.rows])
        if self.follow:
            await lines.look_at_end(self._many)
            lines.grown(self.shown, looked=True)
            if lines is self.lines and self.follow:
                self._stand(self.plan.end())
        else:
            lines.grown(self.shown)
            if lines.total is not None:
                await lines.count()
            await lines.fetch(self.shown.start, self.shown.stop + 1)
            if lines is self.lines:
                self._stand(self.plan.top)
        return before != (lines.total, self.plan.rows, [lines.line(row.line) for row in self.plan.rows])

    async def settle(self) -> None:
        """Count the lines, and know the real number of the one at the top. Raises ServiceError."""
        lines = self.lines
        if lines is None or lines.total is not None:
            return
        top, mark, cursor = self.plan.top.line, self.mark, self.cursor
        real = await lines.settle(top)
        if lines is not self.lines:
            return
        shift = real - top
        if self.plan.top.line < 0:
            self.plan.top = Anchor(self.plan.top.line + shift, self.plan.top.row)
        self.mark = None if mark is None else mark + shift
        self.cursor = None if cursor is None else cursor + shift
        self.plan.forget()
        await lines.fetch(self.plan.top.line - self.size.height, self.plan.top.line + 2 * self.size.height)
        self._stand(self.plan.end() if self.follow else self.plan.top)

    @property
    def _many(self) -> int:
        return max(64, 4 * self.size.height)

    def watch_follow(self, follow: bool) -> None:
        """Following begins at the end."""
        if follow:
            self.to_end()
        self.post_message(self.Moved(self))

    def watch_wrap(self, wrap: bool) -> None:
        """Other rows."""
        self.plan.wrap = wrap
        self.plan.across = 0
        self._again()

    def watch_stamps(self) -> None:
        """Another width."""
        self._again()

    def _again(self) -> None:
        if self.lines is not None:
            self._stand(self.plan.end() if self.follow else Anchor(self.plan.top.line))
            self.ahead()
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Other rows. Apart from what somebody wished for, which goes on."""
        if self.lines is None:
            return
        missing = self._missing(self.plan.top.line)
        if missing is not None:
            beside(self, "resize", self._fetch_and_stay, *missing)
        else:
            self._stay()

    async def _fetch_and_stay(self, first: int, stop: int) -> None:
        if await self._fetch_near(first, stop):
            self._stay()

    def _stay(self) -> None:
        self._stand(self.plan.end() if self.follow else self.plan.top)
        self.ahead()
