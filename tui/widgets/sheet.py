"""Rows of styled text with a cursor, some of which open: what the lists of errors and details are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from tui import keys
from tui.text import cell_text, fit
from tui.widgets.drawn_rows import DrawnRows, first_in_view
from tui.widgets.looks import ground, ink

T = TypeVar("T")
#: a row: its parts as (text, component class without the prefix), and what it belongs to
Parts = Sequence[tuple[str, str]]


class Sheet(DrawnRows, Generic[T], can_focus=True):
    """Give the rows with `show`; what is opened is the affair of who owns it."""

    BINDINGS = keys.bindings("list")
    MUTED = "sheet--muted"
    COMPONENT_CLASSES = {  # noqa: RUF012 (so Textual declares it)
        f"sheet--{name}" for name in ("cursor", "key", "muted", "bad", "warn", "good", "head", "link")
    }
    DEFAULT_CSS = """
    Sheet { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    Sheet > .sheet--cursor { background: $panel; }
    Sheet:focus > .sheet--cursor { background: $cursor-row; text-style: bold; }
    Sheet > .sheet--key { color: $primary; }
    Sheet > .sheet--muted { color: $text-muted; }
    Sheet > .sheet--bad { color: $error; }
    Sheet > .sheet--warn { color: $warning; }
    Sheet > .sheet--good { color: $success; }
    Sheet > .sheet--head { color: $text-muted; text-style: bold; }
    Sheet > .sheet--link { color: $primary; text-style: underline; }
    Sheet.-stale { opacity: 60%; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[tuple[Parts, T | None]] = []
        self.cursor = 0
        self.top = 0

    @property
    def current(self) -> T | None:
        """What the row under the cursor belongs to."""
        return self.rows[self.cursor][1] if 0 <= self.cursor < len(self.rows) else None

    def show(self, rows: list[tuple[Parts, T | None]]) -> None:
        """Other rows; the cursor stays with what it was on."""
        here = self.current
        if here is not None and self.cursor < len(self.rows):
            first = next(number for number, row in enumerate(self.rows) if row[1] is here)
            into = self.cursor - first
            for number, row in enumerate(rows):
                if row[1] is here:
                    end = number
                    while end + 1 < len(rows) and rows[end + 1][1] is here:
                        end += 1
                    self.cursor = min(number + into, end)
                    break
        self.rows = rows
        self.move(self.cursor)

    def move(self, to: int) -> None:
        """Put the cursor on a row."""
        self.cursor = max(0, min(to, len(self.rows) - 1))
        self.top = first_in_view(self.cursor, self.top, max(1, self.size.height), len(self.rows))
        self.draw_changed()

    def on_resize(self) -> None:
        """More or fewer rows."""
        self.resized()

    def resized(self) -> None:
        """The size changed."""
        self.move(self.cursor)

    def draw_row(self, y: int) -> Strip:
        """One row."""
        base, width = self.rich_style, self.size.width
        number = self.top + y
        if not self.rows:
            return self.blank_row(y)
        if number >= len(self.rows):
            return Strip.blank(width, base)
        if number == self.cursor:
            base = ground(self, "sheet--cursor")
        segments = []
        room = width
        for text, name in self.rows[number][0]:
            shown = fit(cell_text(text), room, shrink=True)
            style = ink(self, f"sheet--{name}") if name else Style.null()
            segments.append(Segment(shown, base + style))
            room -= segments[-1].cell_length
            if room <= 0:
                break
        return Strip(segments).adjust_cell_length(width, base)

    def action_up(self) -> None:
        """One row up."""
        self.move(self.cursor - 1)

    def action_down(self) -> None:
        """One row down."""
        self.move(self.cursor + 1)

    def action_page_up(self) -> None:
        """A page up."""
        self.move(self.cursor - self.size.height + 1)

    def action_page_down(self) -> None:
        """A page down."""
        self.move(self.cursor + self.size.height - 1)

    def action_half_up(self) -> None:
        """Half a page up."""
        self.move(self.cursor - self.size.height // 2)

    def action_half_down(self) -> None:
        """Half a page down."""
        self.move(self.cursor + self.size.height // 2)

    def action_first(self) -> None:
        """The first row."""
        self.move(0)

    def action_last(self) -> None:
        """The last row."""
        self.move(len(self.rows) - 1)

    def action_open(self) -> None:
        """Open what is under the cursor."""

    def on_click(self, event: events.Click) -> None:
        """Choose a row; a second click opens it."""
        number = self.top + event.y
        if number < len(self.rows):
            self.move(number)
            if event.chain > 1:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.top = max(0, min(self.top + 3, len(self.rows) - self.size.height))
        self.move(max(self.cursor, self.top))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.top = max(0, self.top - 3)
        self.move(min(self.cursor, self.top + max(1, self.size.height) - 1))
