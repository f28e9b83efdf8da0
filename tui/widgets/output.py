"""The output of a job on the screen: how one moves among ten million lines, while the job writes them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection

from tui import keys
from tui.widgets.beside import beside
from tui.widgets.output_canvas import OutputCanvas
from tui.widgets.output_layout import Anchor
from tui.widgets.output_lines import LONGEST, OutputLines

STAMPS = ("off", "clock", "elapsed")
_WHEEL = 3


class OutputView(OutputCanvas, can_focus=True):
    """Moves among the lines of a job. Whoever owns it tells it of growth (`refresh_output`)."""

    BINDINGS = [  # noqa: RUF012 (so Textual declares it)
        *keys.bindings("list", ("up", "down", "page_up", "page_down", "half_up", "half_down", "first", "last")),
        *keys.bindings("output", ("left", "right", "line_start", "line_end", "page_down")),
    ]
    #: goes along with the end as it grows
    follow: reactive[bool] = reactive(True)
    wrap: reactive[bool] = reactive(False)

    class Failed(Message):
        """The service could not give what is to be shown."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._grabbed = False

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
            self.go(line - self.size.height // 3)
        else:
            self.redraw()

    def reveal(self, line: int, start: int, end: int) -> None:
        """Bring the bytes [start, end) of a line into view."""
        self.follow = False
        beside(self, "lines", self._reveal, line, start, end)

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
        self._ahead()

    def _by_rows(self, rows: int) -> None:
        self.spot = None
        if rows < 0:
            self.follow = False
        self._move(lambda: self.plan.moved(self.plan.top, rows), self.plan.top.line + rows)

    def _move(self, where: Callable[[], Anchor], near: int) -> None:
        """Go to a place that is known once the lines near it are here."""
        lines = self.lines
        if lines is None:
            return
        height = self.size.height
        at = self.plan.top.line
        first, stop = min(near, at if abs(near - at) < 4 * height else near), near + height
        if lines.missing(first - 1, stop + 1):
            beside(self, "lines", self._fetch_and_move, where, first, stop)
        else:
            self._stand(where())
            self._ahead()

    async def _fetch_and_move(self, where: Callable[[], Anchor], first: int, stop: int) -> None:
        if self.lines is None:
            return
        try:
            await self.lines.fetch(first - 1, stop + 1)
            if self.lines.total is not None and stop >= self.lines.stop:
                await self.lines.fetch(self.lines.stop - self.size.height, self.lines.stop)
        except Exception as error:
            self.post_message(self.Failed(error))
            return
        self._stand(where())
        self._ahead()

    def _ahead(self) -> None:
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
        try:
            for number, size in longer:
                await lines.lengthen(number, size)
            await lines.fetch(first, stop)
        except Exception as error:
            self.post_message(self.Failed(error))
            return
        if lines is self.lines:
            self.redraw()
            if longer and self.plan.cut_lines() not in ([], longer):
                self._ahead()

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
        if follow and self.lines is not None:
            self._move(self.plan.end, self.lines.stop - self.size.height)
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
            self._ahead()
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Other rows."""
        if self.lines is not None:
            self._move(lambda: self.plan.end() if self.follow else self.plan.top, self.plan.top.line)

    # -- the mouse -------------------------------------------------------------------------------------------------

    def _to_bar(self, y: int) -> None:
        if self.lines is None or self.lines.total is None:
            return
        height = max(1, self.size.height - 1)
        line = round(self.lines.stop * min(max(y, 0), height) / height)
        self.follow = False
        self.go(line)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the bar."""
        if event.x == self.size.width - 1:
            self._grabbed = True
            self.capture_mouse()
            self._to_bar(event.y)
            event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pull the bar."""
        if self._grabbed:
            self._to_bar(event.y)
            event.stop()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go of it."""
        if self._grabbed:
            self._grabbed = False
            self.release_mouse()
            event.stop()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        if event.shift:
            self.action_right()
        else:
            self._by_rows(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        if event.shift:
            self.action_left()
        else:
            self._by_rows(-_WHEEL)

    # -- selecting -------------------------------------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that the mouse selected, as far as it is here."""
        if self.lines is None:
            return None
        start = selection.start.y if selection.start is not None else self.lines.first
        stop = selection.end.y + 1 if selection.end is not None else self.lines.stop
        found = []
        for number in range(max(start, self.shown.start - 10_000), min(stop, self.shown.stop + 10_000)):
            line = self.lines.line(number)
            span = selection.get_span(number)
            if line is None or span is None:
                continue
            text = self.plan.paint(line).text
            found.append(text[span[0] : span[1] if span[1] >= 0 else None])
        return "\n".join(found), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw it."""
        self.redraw()

    # -- keys ------------------------------------------------------------------------------------------------------

    def action_up(self) -> None:
        """One row up."""
        self._step(-1)

    def action_down(self) -> None:
        """One row down."""
        self._step(1)

    def _step(self, by: int) -> None:
        if self.cursor is None or self.lines is None:
            self._by_rows(by)
            return
        self.cursor = min(max(self.cursor + by, self.lines.first), self.lines.stop - 1)
        if self.cursor not in range(self.shown.start, max(self.shown.stop - 1, self.shown.start + 1)):
            self._by_rows(by)
        else:
            self.redraw()

    def action_page_up(self) -> None:
        """A screen up."""
        self._by_rows(1 - self.size.height)

    def action_page_down(self) -> None:
        """A screen down."""
        self._by_rows(self.size.height - 1)

    def action_half_up(self) -> None:
        """Half a screen up."""
        self._by_rows(-(self.size.height // 2))

    def action_half_down(self) -> None:
        """Half a screen down."""
        self._by_rows(self.size.height // 2)

    def action_first(self) -> None:
        """To the first line."""
        self.follow = False
        beside(self, "lines", self._to_first)

    async def _to_first(self) -> None:
        try:
            await self.settle()
        except Exception as error:
            self.post_message(self.Failed(error))
            return
        self.go(0)

    def action_last(self) -> None:
        """To the end, and along with it."""
        if self.follow and self.lines is not None:
            self._move(self.plan.end, self.lines.stop - self.size.height)
        self.follow = True

    def action_left(self) -> None:
        """Half a screen to the left."""
        self._shift(max(0, self.plan.across - max(8, self.text_width // 2)))

    def action_right(self) -> None:
        """Half a screen to the right."""
        self._shift(self.plan.across + max(8, self.text_width // 2))

    def action_line_start(self) -> None:
        """Back to the first column."""
        self._shift(0)

    def action_line_end(self) -> None:
        """To the end of the longest line on the screen."""
        beside(self, "lines", self._to_line_end)

    async def _to_line_end(self) -> None:
        if self.lines is None:
            return
        longest = 0
        for row in list(self.plan.rows):
            try:
                await self.lines.lengthen(row.line, LONGEST)
            except Exception as error:
                self.post_message(self.Failed(error))
                return
            line = self.lines.line(row.line)
            if line is not None:
                longest = max(longest, self.plan.paint(line).cells)
        self._shift(max(0, longest - self.text_width))

    def _shift(self, across: int) -> None:
        if self.wrap or self.lines is None:
            return
        if across > self.plan.across:
            widest = max(
                (
                    max(self.plan.paint(line).cells, line.size if len(line.data) < line.size else 0)
                    for line in map(self.lines.line, self.shown)
                    if line is not None
                ),
                default=0,
            )
            across = max(self.plan.across, min(across, widest - self.text_width // 2))
        if across != self.plan.across:
            self.plan.across = across
            self.redraw()
            self._ahead()
