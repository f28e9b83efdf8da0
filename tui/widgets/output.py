"""The output of a job on the screen: how one moves among ten million lines, while the job writes them."""

from __future__ import annotations

from textual import events
from textual.selection import Selection

from tui import keys
from tui.widgets.output_lines import LONGEST
from tui.widgets.output_moving import OutputMoving

STAMPS = ("off", "clock", "elapsed")
_WHEEL = 3


class OutputView(OutputMoving, can_focus=True):
    """Moves among the lines of a job. Whoever owns it tells it of growth (`refresh_output`)."""

    BINDINGS = [  # noqa: RUF012 (so Textual declares it)
        *keys.bindings("list", ("up", "down", "page_up", "page_down", "half_up", "half_down", "first", "last")),
        *keys.bindings("output", ("left", "right", "line_start", "line_end", "page_down")),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._grabbed = False

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
            self.by_rows(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        if event.shift:
            self.action_left()
        else:
            self.by_rows(-_WHEEL)

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
            self.by_rows(by)
            return
        self.cursor = min(max(self.cursor + by, self.lines.first), self.lines.stop - 1)
        if self.cursor not in range(self.shown.start, max(self.shown.stop - 1, self.shown.start + 1)):
            self.by_rows(by)
        else:
            self.redraw()

    def action_page_up(self) -> None:
        """A screen up."""
        self.by_rows(1 - self.size.height)

    def action_page_down(self) -> None:
        """A screen down."""
        self.by_rows(self.size.height - 1)

    def action_half_up(self) -> None:
        """Half a screen up."""
        self.by_rows(-(self.size.height // 2))

    def action_half_down(self) -> None:
        """Half a screen down."""
        self.by_rows(self.size.height // 2)

    def action_first(self) -> None:
        """To the first line."""
        self.follow = False
        self.instead(self._to_first)

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
            self.to_end()
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
        self.instead(self._to_line_end)

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
            self.ahead()
