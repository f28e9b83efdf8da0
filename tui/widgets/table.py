"""A table over rows that are fetched as they are looked at: a million rows cost what is on the screen.

Columns leave by priority where there is no room. Whatever a cell says passes the door for outside text.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import keys
from tui.text import cell_text, fit
from tui.widgets.columns import Column, at_column, joined, lay_out, titles
from tui.widgets.drawn_rows import blank_line
from tui.widgets.early import Early
from tui.window import Listed, Rows

T = TypeVar("T")


class Table(ScrollView, Generic[T], can_focus=True, inherit_bindings=False):
    """Rows, a cursor, and marks. `key` names a row: cursor and marks stay with it while others come and go."""

    BINDINGS: ClassVar[Any] = keys.bindings("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header", "table--cursor", "table--cursor-away", "table--mark", "table--absent", "table--muted",
        "table--strong", "table--accent", "table--good", "table--bad", "table--warn", "table--ask", "table--live",
    }  # fmt: skip
    ALLOW_SELECT = False

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, table: Table[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table[Any]:
            """The table."""
            return self.table

    class Opened(Message):
        """Enter or a double click on a row that is here."""

        def __init__(self, table: Table[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> Table[Any]:
            """The table."""
            return self.table

    class Seen(Message):
        """Other rows than before are in view."""

        def __init__(self, table: Table[Any]) -> None:
            super().__init__()
            self.table = table

    class Titled(Message):
        """A click on the title of a column that rows can be ordered by."""

        def __init__(self, order: str) -> None:
            super().__init__()
            self.order = order

    def __init__(
        self,
        columns: Sequence[Column[T]],
        key: Callable[[T], Hashable],
        rows: Rows[T] | None = None,
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = columns
        self._key = key
        self._rows: Rows[T] = rows if rows is not None else Listed[T]()
        #: the columns that there is room for, with their widths; and the width that is so laid out
        self._laid: list[tuple[Column[T], int]] = []
        self._laid_width = -1
        #: what the rows are ordered by, and whether the greatest comes first; None = nothing to tell
        self.order: tuple[str, bool] | None = None
        #: the place of the cursor
        self.cursor = 0
        self._cursor_key: Hashable | None = None
        self.marked: set[Hashable] = set()
        #: lines that stand there while there are no rows; the first one is the heading
        self.blank: Sequence[str] = ()
        #: keys that came before the rows
        self.early = Early()

    # -- rows ------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Rows[T]:
        """What is drawn from."""
        return self._rows

    def show_rows(self, rows: Rows[T]) -> None:
        """Draw from other rows, from the first one on."""
        self._rows = rows
        self.cursor, self._cursor_key = 0, None
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.rows_changed()

    def show_list(self, rows: Sequence[T]) -> None:
        """Draw a short list; the cursor stays on its row where that is still there."""
        kept = self._cursor_key
        self._rows = Listed(rows)
        for place, row in enumerate(rows):
            if kept is not None and self._key(row) == kept:
                self.cursor = place
        self.rows_changed()
        self.early.here()

    def columns_changed(self) -> None:
        """Lay the columns out anew: a width or a cell's meaning changed."""
        self._laid_width = -1
        self.refresh()

    def set_columns(self, columns: Sequence[Column[T]]) -> None:
        """Show other columns."""
        self._columns = columns
        self.columns_changed()

    def rows_changed(self, moved: int = 0) -> None:
        """Rows came, went or changed. `moved`: the row that is first in view is so many places further down now."""
        count = self._rows.count
        self.virtual_size = Size(self.size.width, count + 1)
        if moved:
            self.cursor += moved
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, force=True, immediate=True)
        self.cursor = max(0, min(self.cursor, count - 1))
        self._note_cursor()
        self._keep_in_view()
        self._want()
        self.refresh()

    def place_cursor(self, place: int) -> None:
        """Put the cursor on a place without a word, for rows that moved under it."""
        self.cursor = place
        self._note_cursor()

    @property
    def cursor_row(self) -> T | None:
        """The row under the cursor; None while it is not here."""
        return self._rows.row(self.cursor)

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the row under the cursor, also while it is being fetched again."""
        return self._cursor_key

    def first_and_last(self) -> tuple[int, int]:
        """The places in view."""
        first = self.scroll_offset.y
        return first, first + max(self.size.height - 2, 0)

    def _note_cursor(self) -> None:
        row = self._rows.row(self.cursor)
        key = None if row is None else self._key(row)
        if key is not None and key != self._cursor_key:
            self._cursor_key = key
            self.post_message(self.Moved(self))
        elif row is None and self._rows.count == 0:
            self._cursor_key = None

    def _want(self) -> None:
        if self.size.height > 1:
            first, last = self.first_and_last()
            self._rows.want(first, last)

    # -- moving ----------------------------------------------------------------------------------------------------

    def move_to(self, place: int) -> None:
        """Put the cursor on a place and bring it into view."""
        count = self._rows.count
        place = max(0, min(place, count - 1))
        before, self.cursor = self.cursor, place
        if not self._keep_in_view() and before != place:
            self.refresh_place(before)
            self.refresh_place(place)
        self._want()
        self._note_cursor()

    def _keep_in_view(self) -> bool:
        """Scroll so that the cursor is seen; whether that was needed."""
        height = self.size.height - 1
        first = self.scroll_offset.y
        if height <= 0 or first <= self.cursor < first + height:
            return False
        target = self.cursor if self.cursor < first else self.cursor - height + 1
        self.scroll_to(y=target, animate=False, force=True, immediate=True)
        return True

    def refresh_place(self, place: int) -> None:
        """Draw one row again."""
        y = place - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 2)

    def action_up(self) -> None:
        """One up."""
        self.move_to(self.cursor - 1)

    def action_down(self) -> None:
        """One down."""
        if not self.early.later(self.action_down):
            self.move_to(self.cursor + 1)

    def action_page_up(self) -> None:
        """A page up."""
        self._leap(-self._page)

    def action_page_down(self) -> None:
        """A page down."""
        if not self.early.later(self.action_page_down):
            self._leap(self._page)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._leap(-(self._page // 2 or 1))

    def action_half_down(self) -> None:
        """Half a page down."""
        self._leap(self._page // 2 or 1)

    def _leap(self, by: int) -> None:
        # The view goes along with the cursor, so that the eye finds it where it was.
        limit = max(0, self._rows.count + 1 - self.size.height)
        target = max(0, min(self.scroll_offset.y + by, limit))
        if target != self.scroll_offset.y:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)
        self.move_to(self.cursor + by)

    def action_first(self) -> None:
        """To the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """To the last row."""
        if not self.early.later(self.action_last):
            self.move_to(self._rows.count - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        row = self.cursor_row
        if not self.early.later(self.action_open) and row is not None:
            self.post_message(self.Opened(self, row))

    # -- marks -----------------------------------------------------------------------------------------------------

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away; the cursor goes one down."""
        row = self.cursor_row
        if row is None:
            return
        self.marked ^= {self._key(row)}
        self.refresh_place(self.cursor)
        self.move_to(self.cursor + 1)

    def clear_marks(self) -> None:
        """No row is marked."""
        if self.marked:
            self.marked = set()
            self.refresh()

    # -- mouse and size --------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there, a second one opens; one on a title asks for its order."""
        column = at_column(self._lay_out(self.size.width), event.x - 2) if event.y == 0 else None
        if column is not None and column.order:
            self.post_message(self.Titled(column.order))
        place = self.scroll_offset.y + event.y - 1
        if event.y < 1 or place >= self._rows.count:
            return
        event.stop()
        self.move_to(place)
        if event.chain == 2:
            self.action_open()

    def on_resize(self) -> None:
        """Columns come and go with the width."""
        self.rows_changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """See that what comes into view is fetched."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._want()
            self.post_message(self.Seen(self))

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _lay_out(self, width: int) -> list[tuple[Column[T], int]]:
        if self._laid_width != width:
            # The bar stands in front of the last cell, where there is one.
            bar = width - self.scrollable_content_region.width
            self._laid, self._laid_width = lay_out(self._columns, width - 2 - bar), width
        return self._laid

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True) if name else Style.null()

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, a row, or nothing."""
        width = self.size.width
        base = self.rich_style
        if y == 0:
            return self._header(width, base)
        place = self.scroll_offset.y + y - 1
        count = self._rows.count
        if count == 0:
            return self._blank_line(y, base)
        if place >= count:
            return Strip.blank(width, base)
        return self._row_line(place, width, base)

    def _header(self, width: int, base: Style) -> Strip:
        style = base + self.get_component_rich_style("table--header")
        return Strip([Segment(fit("  " + titles(self._lay_out(width), self.order), width), style)], width)

    def _row_line(self, place: int, width: int, base: Style) -> Strip:
        row = self._rows.row(place)
        style = base
        if place == self.cursor:
            name = "table--cursor" if self.has_focus else "table--cursor-away"
            style = base + self.get_component_rich_style(name)
        if row is None:
            return Strip([Segment(fit("  …", width), style + self._style("table--absent"))], width)
        marked = self._key(row) in self.marked
        segments = [Segment("▌ ", style + self._style("table--mark")) if marked else Segment("  ", style)]
        left = width - 2
        for number, (column, size) in enumerate(self._lay_out(width)):
            if number:
                segments.append(Segment("  ", style))
                left -= 2
            segments += self._cell(column, row, min(size, max(left, 0)), style)
            left -= size
        if left > 0:
            segments.append(Segment(" " * left, style))
        return Strip(joined(segments)).adjust_cell_length(width, style)

    def _cell(self, column: Column[T], row: T, size: int, style: Style) -> list[Segment]:
        said = column.cell(row)
        if isinstance(said, str):
            return [Segment(fit(cell_text(said), size, column.right), style)]
        left = size
        segments: list[Segment] = []
        for text, name in said:
            if segments and left < 4 and len(text.strip()) > left:
                # A letter and an ellipsis tell nothing.
                break
            piece = fit(cell_text(text), left, shrink=True)
            segments.append(Segment(piece, style + self._style(name)))
            left -= Segment(piece).cell_length
            if left <= 0:
                break
        if left > 0:
            segments.insert(0 if column.right else len(segments), Segment(" " * left, style))
        return segments

    def _blank_line(self, y: int, base: Style) -> Strip:
        strong, muted = base + self._style("table--strong"), base + self._style("table--muted")
        return blank_line(self.blank, y, self.size, strong, muted)

    def on_focus(self) -> None:
        """The cursor shows who listens."""
        self.refresh_place(self.cursor)

    def on_blur(self) -> None:
        """The cursor shows who listens."""
        self.refresh_place(self.cursor)

    @property
    def cursor_offset(self) -> Offset:
        """Where the cursor stands on the screen: terminals for the blind follow it."""
        return Offset(self.region.x, self.region.y + 1 + self.cursor - self.scroll_offset.y)
