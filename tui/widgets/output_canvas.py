"""What the Output tab draws: rows of lines with their times, tags, colours and marks, and a bar beside them."""

from __future__ import annotations

import time as clock

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from core.journal import format as journal
from core.service import Line
from tui import glyphs
from tui.widgets.drawn_rows import DrawnRows
from tui.widgets.looks import ground, ink
from tui.widgets.output_layout import OutputLayout
from tui.widgets.output_lines import OutputLines
from tui.widgets.output_search import OutputSearch
from tui.widgets.output_streams import LETTERS, NAMES
from tui.widgets.painted import Painted, paint

#: cells of the times
_STAMP = 13


class OutputCanvas(DrawnRows):
    """Draws what `plan` lays out. Where it stands, and what is fetched, is decided by who derives from it."""

    DEFAULT_CSS = """
    OutputCanvas { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    OutputCanvas > .output--stderr { color: $text-error; }
    OutputCanvas > .output--terminal { color: $text-secondary; }
    OutputCanvas > .output--information { color: $text-primary; }
    OutputCanvas > .output--warning { color: $text-warning; }
    OutputCanvas > .output--verbose { color: $text-accent; }
    OutputCanvas > .output--debug { color: $text-muted; }
    OutputCanvas > .output--error { color: $text-error; text-style: bold; }
    OutputCanvas > .output--progress { color: $text-success; }
    OutputCanvas > .output--prompt { color: $text-accent; text-style: bold; }
    OutputCanvas > .output--answer { color: $text-success; text-style: bold; }
    OutputCanvas > .output--stamp { color: $text-muted; }
    OutputCanvas > .output--hit { background: $warning-muted; color: $text; }
    OutputCanvas > .output--current { background: $warning; color: $background; text-style: bold; }
    OutputCanvas > .output--marked { background: $primary-muted; color: $text; }
    OutputCanvas > .output--bar { color: $scrollbar-background; }
    OutputCanvas > .output--thumb { color: $scrollbar; }
    OutputCanvas.-stale { opacity: 60%; }
    """
    COMPONENT_CLASSES = {  # noqa: RUF012 (so Textual declares it)
        *(f"output--{name}" for name in NAMES.values()),
        *(f"output--{name}" for name in ("stamp", "hit", "current", "marked", "bar", "thumb")),
    }

    MUTED = "output--stamp"

    stamps: reactive[str] = reactive("off")

    class Moved(Message):
        """What is shown changed: which lines, of how many (None: not counted), and whether it follows."""

        def __init__(self, view: OutputCanvas) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, OutputCanvas.Moved)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.plan = OutputLayout(lambda: (self.text_width, self.size.height))
        self.search: OutputSearch | None = None
        #: nanoseconds: what elapsed time counts from
        self.began: int | None = None
        #: selecting lines by keys: where it began, and where it stands
        self.mark: int | None = None
        self.cursor: int | None = None
        #: a line that somebody was led to; marked until he moves on
        self.spot: int | None = None
        self._tags = False
        self._styles: dict[str, Style] = {}

    @property
    def lines(self) -> OutputLines | None:
        """What is shown."""
        return self.plan.lines

    @property
    def text_width(self) -> int:
        """Cells for the text: what times, tags and the bar leave."""
        return max(1, self.size.width - self._gutter - 1)

    @property
    def _gutter(self) -> int:
        return (0 if self.stamps == "off" else _STAMP) + (2 if self._tags else 0)

    def restyled(self) -> None:
        """Styles are made from the theme."""
        self._styles.clear()

    def redraw(self) -> None:
        """Something on it changed: lay out, and draw the rows that are not as they were."""
        if self.lines is None:
            return
        if not self._tags:
            self._tags = any(
                line is not None and line.stream != journal.STDOUT
                for line in map(self.lines.line, range(self.plan.top.line, self.plan.top.line + self.size.height))
            )
            if self._tags:
                self.refresh()
        self.plan.lay_out()
        self.draw_changed()
        self.post_message(self.Moved(self))

    def draw_row(self, y: int) -> Strip:
        base = self._base or self.rich_style
        width = self.size.width
        if self.blank and not self.plan.rows:
            return self.blank_row(y)
        if y >= len(self.plan.rows) or self.lines is None:
            return Strip([Segment(" " * (width - 1), base), self._bar(y)], width)
        row = self.plan.rows[y]
        line = self.lines.line(row.line)
        if line is None or row.end < 0:
            shown = Strip([Segment("…".ljust(width - 1), base + self._style("stamp"))], width - 1)
            return Strip([*shown, self._bar(y)], width)
        painted = self.plan.paint(line)
        style = base + self._style(NAMES[line.stream]) if line.stream in NAMES else base
        if self._is_marked(row.line):
            style += self._style("marked")
        first = row.start == 0 or not self.plan.wrap
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
            found.append(
                Segment(self._stamp(line.time).ljust(_STAMP) if first else " " * _STAMP, base + self._style("stamp"))
            )
        if self._tags:
            letter = LETTERS.get(line.stream, " ") if line.stream != journal.STDOUT else " "
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
            return line == self.spot
        mark = self.cursor if self.mark is None else self.mark
        return min(mark, self.cursor) <= line <= max(mark, self.cursor)

    def _marks(self, line: Line, painted: Painted) -> list[tuple[int, int, Style]]:
        """What lies on top of a line's own colours: hits of the search, and the selection."""
        found = []
        if self.search is not None:
            for start, end in self.search.on_line(line.number):
                current = self.search.current == (line.number, start, end)
                begin, stop = self.columns(line, painted, start, end)
                if stop > begin:
                    found.append((begin, stop, self._style("current" if current else "hit")))
        selection = self.text_selection
        span = selection.get_span(line.number) if selection is not None else None
        if span is not None:
            end = span[1] if span[1] >= 0 else len(painted.text)
            found.append((span[0], end, self.screen.get_component_rich_style("screen--selection")))
        return found

    def columns(self, line: Line, painted: Painted, start: int, end: int) -> tuple[int, int]:
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

    def _bar(self, y: int) -> Segment:
        """One cell of the scroll bar."""
        height = max(1, self.size.height)
        if self.lines is None:
            return Segment(" ", self._base)
        whole = self.lines.stop - self.lines.first
        shown = max(1, len(self.plan.shown))
        if whole <= shown and (self.lines.total is not None or not whole):
            return Segment(" ", self._base)
        if self.lines.total is None:
            # Not counted: all that is known is that this is near the end.
            begin, long = height - 1, 1
        else:
            long = max(1, height * shown // whole)
            begin = round((height - long) * (self.plan.shown.start / max(1, whole - shown)))
        thumb = min(begin, height - long) <= y < begin + long
        return Segment(
            ("█" if thumb else "│") if glyphs.UNICODE else ("#" if thumb else "|"),
            (self._base or self.rich_style) + self._style("thumb" if thumb else "bar"),
        )

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width
