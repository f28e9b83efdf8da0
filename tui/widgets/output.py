"""The output of a job on the screen: ten million lines, drawn row by row, while the job writes them."""

from __future__ import annotations

import time as clock
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from core.journal import format as journal
from core.service import Line
from tui import glyphs, keys
from tui.widgets.beside import beside
from tui.widgets.looks import ground, ink
from tui.widgets.output_lines import LONGEST, OutputLines
from tui.widgets.output_search import OutputSearch
from tui.widgets.painted import Painted, paint

#: (stream, the letter that stands for it, its name)
STREAMS = (
    (journal.STDOUT, "o", "stdout"),
    (journal.STDERR, "e", "stderr"),
    (journal.TERMINAL, "t", "terminal"),
    (journal.INFORMATION, "i", "information"),
    (journal.WARNING, "w", "warning"),
    (journal.VERBOSE, "v", "verbose"),
    (journal.DEBUG, "d", "debug"),
    (journal.ERROR, "x", "error"),
    (journal.PROGRESS, "p", "progress"),
    (journal.PROMPT, "?", "prompt"),
    (journal.ANSWER, "a", "answer"),
)
_LETTERS = {stream: letter for stream, letter, _name in STREAMS}
#: what is shown until somebody asks for more: a job may tell its progress a million times
SHOWN = frozenset(stream for stream, _letter, _name in STREAMS) - {journal.PROGRESS}

STAMPS = ("off", "clock", "elapsed")
_PAINTED = 512
_WHEEL = 3


class Anchor(NamedTuple):
    """What stands at the top: a line, and which of its rows when it is wrapped."""

    line: int
    row: int = 0


class Row(NamedTuple):
    """One row on the screen: the characters [start, end) of a line; `end` -1 = a line that is not here yet."""

    line: int
    start: int
    end: int
    #: the line goes on behind it, but was not fetched so far
    cut: bool = False


class OutputView(Widget, can_focus=True):
    """Draws lines of a job and moves among them. Whoever owns it tells it of growth (`refresh_output`)."""

    BINDINGS = [  # noqa: RUF012 (so Textual declares it)
        *keys.bindings("list", ("up", "down", "page_up", "page_down", "half_up", "half_down", "first", "last")),
        *keys.bindings("output", ("left", "right", "line_start", "line_end", "page_down")),
    ]
    DEFAULT_CSS = """
    OutputView { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    OutputView > .output--stderr { color: $text-error; }
    OutputView > .output--terminal { color: $text-secondary; }
    OutputView > .output--information { color: $text-primary; }
    OutputView > .output--warning { color: $text-warning; }
    OutputView > .output--verbose { color: $text-accent; }
    OutputView > .output--debug { color: $text-muted; }
    OutputView > .output--error { color: $text-error; text-style: bold; }
    OutputView > .output--progress { color: $text-success; }
    OutputView > .output--prompt { color: $text-accent; text-style: bold; }
    OutputView > .output--answer { color: $text-success; text-style: bold; }
    OutputView > .output--stamp { color: $text-muted; }
    OutputView > .output--hit { background: $warning-muted; color: $text; }
    OutputView > .output--current { background: $warning; color: $background; text-style: bold; }
    OutputView > .output--marked { background: $primary-muted; color: $text; }
    OutputView > .output--bar { color: $scrollbar-background; }
    OutputView > .output--thumb { color: $scrollbar; }
    OutputView.-stale { opacity: 60%; }
    """
    COMPONENT_CLASSES = {  # noqa: RUF012 (so Textual declares it)
        *(f"output--{name}" for _stream, _letter, name in STREAMS if name != "stdout"),
        *(f"output--{name}" for name in ("stamp", "hit", "current", "marked", "bar", "thumb")),
    }

    #: goes along with the end as it grows
    follow: reactive[bool] = reactive(True)
    wrap: reactive[bool] = reactive(False)
    stamps: reactive[str] = reactive("off")

    class Moved(Message):
        """What is shown changed: which lines, of how many (None: not counted), and whether it follows."""

        def __init__(self, view: OutputView) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, OutputView.Moved)

    class Failed(Message):
        """The service could not give what is to be shown."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: OutputLines | None = None
        self.search: OutputSearch | None = None
        #: nanoseconds: what elapsed time counts from
        self.began: int | None = None
        #: cells to the right of the first column
        self.across = 0
        #: selecting lines by keys: where it began, and where it stands
        self.mark: int | None = None
        self.cursor: int | None = None
        self._top = Anchor(0)
        self._rows: list[Row] = []
        self._tags = False
        self._painted: dict[int, tuple[Line, Painted]] = {}
        self._styles: dict[str, Style] = {}
        self._base: Style | None = None
        self._grabbed = False

    # -- where it stands -------------------------------------------------------------------------------------------

    @property
    def top(self) -> int:
        """The line at the top."""
        return self._top.line

    @property
    def shown(self) -> range:
        """The lines on the screen."""
        if not self._rows:
            return range(self._top.line, self._top.line)
        return range(self._rows[0].line, self._rows[-1].line + 1)

    @property
    def text_width(self) -> int:
        """Cells for the text: what times, tags and the bar leave."""
        return max(1, self.size.width - self._gutter - 1)

    @property
    def _gutter(self) -> int:
        return {"off": 0, "clock": 13, "elapsed": 13}[self.stamps] + (2 if self._tags else 0)

    # -- moving ----------------------------------------------------------------------------------------------------

    def go(self, line: int, row: int = 0) -> None:
        """Bring a line to the top, or as far up as the end allows; fetches what is missing first."""
        self._move(lambda: Anchor(line, row), line)

    def show_line(self, line: int) -> None:
        """Bring a line into view, a third from the top, unless it is there already."""
        self.follow = False
        if not (line in self.shown and self._rows and self._rows[-1].line > line):
            self.go(line - self.size.height // 3)
        else:
            self._show()

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
        painted = self._paint(here)
        first, stop = self._columns(here, painted, start, min(end, len(here.data)))
        if self.wrap:
            row = bisect_right(painted.rows(self.text_width), first) - 1
            if not any(
                each.line == line and each.start <= first < max(each.end, each.start + 1) for each in self._rows
            ):
                self._stand(self._moved(Anchor(line, row), -(height // 3)))
        else:
            begin, behind = painted.cell(first), painted.cell(stop)
            if begin < self.across or behind > self.across + self.text_width:
                self.across = 0 if behind <= self.text_width else max(0, begin - self.text_width // 3)
            if line not in self.shown:
                self._stand(Anchor(line - height // 3))
        self._show()
        self._ahead()

    def redraw(self) -> None:
        """What is marked changed: draw it."""
        self._show()

    def _by_rows(self, rows: int) -> None:
        if rows < 0:
            self.follow = False
        self._move(lambda: self._moved(self._top, rows), self._top.line + rows)

    def _move(self, where: Callable[[], Anchor], near: int) -> None:
        """Go to a place that is known once the lines near it are here."""
        lines = self.lines
        if lines is None:
            return
        height = self.size.height
        first, stop = min(near, self._top.line if abs(near - self._top.line) < 4 * height else near), near + height
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
        longer = self._cut_lines()
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
            self._show()
            if longer and self._cut_lines() not in ([], longer):
                self._ahead()

    def _cut_lines(self) -> list[tuple[int, int]]:
        """Lines of which the screen could show more than is here: (line, bytes worth having)."""
        found = []
        for row in self._rows:
            line = self.lines.line(row.line) if self.lines is not None and row.end >= 0 else None
            if line is None or len(line.data) >= min(line.size, LONGEST):
                continue
            need = self.across + self.text_width
            if row.cut or (not self.wrap and self._paint(line).cells < need) or b"\r" in line.data:
                found.append((row.line, max(4 * len(line.data), 4 * need)))
        return found

    def _moved(self, anchor: Anchor, rows: int) -> Anchor:
        """The place so many rows below (or above) another."""
        if self.lines is None:
            return anchor
        line, row = anchor
        if not self.wrap:
            return Anchor(line + rows)
        while rows > 0 and line < self.lines.stop:
            left = self._height(line) - row - 1
            if rows <= left:
                return Anchor(line, row + rows)
            rows -= left + 1
            line, row = line + 1, 0
        while rows < 0 and (line > self.lines.first or row > 0):
            if -rows <= row:
                return Anchor(line, row + rows)
            rows += row + 1
            line -= 1
            row = max(0, self._height(line) - 1)
        return Anchor(line, row)

    def _height(self, number: int) -> int:
        """How many rows a line takes."""
        line = self.lines.line(number) if self.lines is not None else None
        if line is None or not self.wrap:
            return 1
        return len(self._paint(line).rows(self.text_width)) + (len(line.data) < line.size)

    def _end(self) -> Anchor:
        """Where the top is when the last row is at the bottom."""
        if self.lines is None:
            return Anchor(0)
        height = max(1, self.size.height)
        if not self.wrap:
            return Anchor(max(self.lines.first, self.lines.stop - height))
        line, rows = self.lines.stop, 0
        while line > self.lines.first and rows < height:
            line -= 1
            rows += self._height(line)
        return Anchor(line, max(0, rows - height))

    def _stand(self, anchor: Anchor) -> None:
        """Have this at the top, within what there is."""
        if self.lines is None:
            return
        end = self._end()
        if anchor >= end:
            anchor = end
        if anchor.line < self.lines.first:
            anchor = Anchor(self.lines.first)
        self._top = anchor
        self._show()

    # -- what changes ----------------------------------------------------------------------------------------------

    async def open(self, lines: OutputLines) -> None:
        """Show other lines (another job's, or other streams), at their end. Raises ServiceError."""
        self.lines = lines
        self._painted.clear()
        self._rows = []
        await self.lines.look_at_end(self._many)
        self._stand(self._end())

    async def refresh_output(self) -> bool:
        """The job may have written more: look again. True when something on the screen changed. Raises ServiceError."""
        lines = self.lines
        if lines is None:
            return False
        before = (lines.total, self._rows, [lines.line(row.line) for row in self._rows])
        if self.follow:
            await lines.look_at_end(self._many)
            lines.grown(self.shown, looked=True)
            if lines is self.lines and self.follow:
                self._stand(self._end())
        else:
            lines.grown(self.shown)
            if lines.total is not None:
                await lines.count()
            await lines.fetch(self.shown.start, self.shown.stop + 1)
            if lines is self.lines:
                self._stand(self._top)
        return before != (lines.total, self._rows, [lines.line(row.line) for row in self._rows])

    async def settle(self) -> None:
        """Count the lines, and know the real number of the one at the top. Raises ServiceError."""
        lines = self.lines
        if lines is None or lines.total is not None:
            return
        top, mark, cursor = self._top, self.mark, self.cursor
        real = await lines.settle(top.line)
        if lines is not self.lines:
            return
        shift = real - top.line
        self._top = Anchor(self._top.line + shift, self._top.row) if self._top.line < 0 else self._top
        self.mark = None if mark is None else mark + shift
        self.cursor = None if cursor is None else cursor + shift
        self._painted.clear()
        await lines.fetch(self._top.line - self.size.height, self._top.line + 2 * self.size.height)
        self._stand(self._end() if self.follow else self._top)

    @property
    def _many(self) -> int:
        return max(64, 4 * self.size.height)

    def watch_follow(self, follow: bool) -> None:
        """Following begins at the end."""
        if follow and self.lines is not None:
            self._move(self._end, self.lines.stop - self.size.height)
        self.post_message(self.Moved(self))

    def watch_wrap(self) -> None:
        """Other rows."""
        self.across = 0
        self._again()

    def watch_stamps(self) -> None:
        """Another width."""
        self._again()

    def _again(self) -> None:
        if self.lines is not None:
            self._stand(self._end() if self.follow else Anchor(self._top.line))
            self._ahead()
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Other rows."""
        if self.lines is not None:
            self._move(lambda: self._end() if self.follow else self._top, self._top.line)

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._restyle()

    def _restyle(self) -> None:
        self._base = self.rich_style
        self._styles.clear()
        self._drawn = []

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _paint(self, line: Line) -> Painted:
        known = self._painted.get(line.number)
        if known is not None and (known[0] is line or known[0].data == line.data):
            return known[1]
        if len(self._painted) >= _PAINTED:
            self._painted.clear()
        painted = paint(line.data)
        self._painted[line.number] = line, painted
        return painted

    def _layout(self) -> list[Row]:
        lines = self.lines
        height = self.size.height
        if lines is None:
            return []
        rows: list[Row] = []
        number, skip = self._top
        while number < lines.stop and len(rows) < height:
            line = lines.line(number)
            if line is None:
                rows.append(Row(number, 0, -1))
            elif not self.wrap:
                painted = self._paint(line)
                start = painted.index(self.across)
                end = painted.index(self.across + self.text_width)
                if end > start and painted.cell(end) > self.across + self.text_width:
                    end -= 1
                rows.append(Row(number, start, end))
            else:
                painted = self._paint(line)
                starts = painted.rows(self.text_width)
                ends = [*starts[1:], len(painted.text)]
                rows += [Row(number, start, end) for start, end in zip(starts, ends, strict=True)][skip:]
                if len(line.data) < line.size:
                    rows.append(Row(number, len(painted.text), len(painted.text), cut=True))
            number += 1
            skip = 0
        return rows[:height]

    def _show(self) -> None:
        """Lay out, and draw the rows that are not as they were."""
        if self.lines is None:
            return
        if not self._tags:
            self._tags = any(
                line is not None and line.stream != journal.STDOUT
                for line in map(self.lines.line, range(self._top.line, self._top.line + self.size.height))
            )
            if self._tags:
                self.refresh()
        if self._base != self.rich_style:
            self._restyle()
        self._rows = self._layout()
        drawn = [self._draw(row) for row in range(self.size.height)]
        width = self.size.width
        for y, strip in enumerate(drawn):
            if y >= len(self._drawn) or self._drawn[y] != strip:
                self.refresh(Region(0, y, width, 1))
        self._drawn = drawn
        self.post_message(self.Moved(self))

    _drawn: list[Strip] = []  # noqa: RUF012 (replaced, never changed)

    def render_line(self, y: int) -> Strip:
        """One row, as it was laid out."""
        # Asked for once a screen: it is not cheap.
        if (y == 0 or self._base is None) and self._base != self.rich_style:
            self._restyle()
            self.refresh()
        return self._drawn[y] if y < len(self._drawn) else self._draw(y)

    def _draw(self, y: int) -> Strip:
        base = self._base or self.rich_style
        width = self.size.width
        if y >= len(self._rows) or self.lines is None:
            return Strip([Segment(" " * (width - 1), base), self._bar(y)], width)
        row = self._rows[y]
        line = self.lines.line(row.line)
        if line is None or row.end < 0:
            shown = Strip([Segment("…".ljust(width - 1), base + self._style("stamp"))], width - 1)
            return Strip([*shown, self._bar(y)], width)
        painted = self._paint(line)
        style = base + self._style(_NAMES[line.stream]) if line.stream in _NAMES else base
        if self._is_marked(row.line):
            style += self._style("marked")
        first = row.start == 0 or not self.wrap
        gutter = self._gutter_segments(line, base, style, first)
        if row.cut:
            left = line.size - len(line.data)
            told = [Segment(f"… {left:,} bytes more", base + self._style("stamp"))]
            text = Strip(told)
        else:
            end = min(row.end, len(painted.text))
            text = Strip(painted.segments(row.start, end, style, self._marks(line, painted)))
            text = text.apply_offsets(row.start, row.line)
        room = self.text_width
        text = text.adjust_cell_length(room, style)
        return Strip([*gutter, *text, self._bar(y)], width)

    def _gutter_segments(self, line: Line, base: Style, style: Style, first: bool) -> list[Segment]:
        found = []
        if self.stamps != "off":
            found.append(Segment(self._stamp(line.time).ljust(13) if first else " " * 13, base + self._style("stamp")))
        if self._tags:
            letter = _LETTERS.get(line.stream, " ") if line.stream != journal.STDOUT else " "
            found.append(Segment(letter if first else " ", style))
            found.append(Segment(" ", base))
        return found

    def _stamp(self, time: int) -> str:
        if self.stamps == "elapsed" and self.began is not None:
            seconds = max(0, time - self.began) / 1e9
            return f"{int(seconds // 3600):3}:{int(seconds // 60) % 60:02}:{seconds % 60:06.3f}"[-12:]
        return clock.strftime("%H:%M:%S", clock.localtime(time // 10**9)) + f".{time // 10**6 % 1000:03}"

    def _is_marked(self, line: int) -> bool:
        if self.cursor is None:
            return False
        mark = self.cursor if self.mark is None else self.mark
        return min(mark, self.cursor) <= line <= max(mark, self.cursor)

    def _marks(self, line: Line, painted: Painted) -> list[tuple[int, int, Style]]:
        """What lies on top of a line's own colours: hits of the search, and the selection."""
        found = []
        if self.search is not None:
            for start, end in self.search.on_line(line.number):
                current = self.search.current == (line.number, start, end)
                begin, stop = self._columns(line, painted, start, end)
                if stop > begin:
                    found.append((begin, stop, self._style("current" if current else "hit")))
        selection = self.text_selection
        span = selection.get_span(line.number) if selection is not None else None
        if span is not None:
            end = span[1] if span[1] >= 0 else len(painted.text)
            found.append((span[0], end, self.screen.get_component_rich_style("screen--selection")))
        return found

    def _columns(self, line: Line, painted: Painted, start: int, end: int) -> tuple[int, int]:
        """Characters of what is shown for byte columns of a line; where it was written over, the whole line."""
        data = line.data
        if b"\r" in data.rstrip(b"\r"):
            return 0, len(painted.text)
        if len(painted.text) == len(data):
            return start, end
        return len(paint(data[:start]).text), len(paint(data[:end]).text)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            make = ground if name in ("hit", "current", "marked") else ink
            style = self._styles[name] = make(self, f"output--{name}")
        return style

    # -- the bar ---------------------------------------------------------------------------------------------------

    def _bar(self, y: int) -> Segment:
        """One cell of the scroll bar."""
        height = max(1, self.size.height)
        if self.lines is None:
            return Segment(" ", self._base)
        whole = self.lines.stop - self.lines.first
        shown = max(1, len(self.shown))
        if whole <= shown and (self.lines.total is not None or not whole):
            return Segment(" ", self._base)
        if self.lines.total is None:
            # Not counted: all that is known is that this is near the end.
            begin, long = height - 1, 1
        else:
            long = max(1, height * shown // whole)
            begin = round((height - long) * (self.shown.start / max(1, whole - shown)))
        thumb = min(begin, height - long) <= y < begin + long
        return Segment(
            ("█" if thumb else "│") if glyphs.UNICODE else ("#" if thumb else "|"),
            (self._base or self.rich_style) + self._style("thumb" if thumb else "bar"),
        )

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
            text = self._paint(line).text
            found.append(text[span[0] : span[1] if span[1] >= 0 else None])
        return "\n".join(found), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw it."""
        self._show()

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
            self._show()

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
            self._move(self._end, self.lines.stop - self.size.height)
        self.follow = True

    def action_left(self) -> None:
        """Half a screen to the left."""
        self._shift(max(0, self.across - max(8, self.text_width // 2)))

    def action_right(self) -> None:
        """Half a screen to the right."""
        self._shift(self.across + max(8, self.text_width // 2))

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
        for row in list(self._rows):
            try:
                await self.lines.lengthen(row.line, LONGEST)
            except Exception as error:
                self.post_message(self.Failed(error))
                return
            line = self.lines.line(row.line)
            if line is not None:
                longest = max(longest, self._paint(line).cells)
        self._shift(max(0, longest - self.text_width))

    def _shift(self, across: int) -> None:
        if self.wrap or self.lines is None:
            return
        if across > self.across:
            widest = max(
                (
                    max(self._paint(line).cells, line.size if len(line.data) < line.size else 0)
                    for line in map(self.lines.line, self.shown)
                    if line is not None
                ),
                default=0,
            )
            across = max(self.across, min(across, widest - self.text_width // 2))
        if across != self.across:
            self.across = across
            self._show()
            self._ahead()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width


_NAMES = {stream: name for stream, _letter, name in STREAMS if name != "stdout"}
