"""What the Pipeline tab draws: objects and what is open of them, row by row, or a table of their properties."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tui import glyphs
from tui.text import cut
from tui.widgets.drawn_rows import DrawnRows, first_in_view
from tui.widgets.looks import ground, ink
from tui.widgets.object_list import ObjectList, safe
from tui.widgets.object_rows import Item

_KINDS = ("key", "value", "null", "more", "type", "cursor", "hit", "head", "error")


class ObjectCanvas(DrawnRows):
    """Draws the rows around the cursor. What they are, and where it stands, is decided by who derives from it."""

    MUTED = "objects--null"
    COMPONENT_CLASSES = {f"objects--{name}" for name in _KINDS}  # noqa: RUF012
    DEFAULT_CSS = """
    ObjectCanvas { height: 1fr; width: 1fr; background: $background; color: $foreground; }
    ObjectCanvas > .objects--key { color: $text-primary; }
    ObjectCanvas > .objects--value { color: $text-success; }
    ObjectCanvas > .objects--null { color: $text-muted; }
    ObjectCanvas > .objects--error { color: $text-error; }
    ObjectCanvas > .objects--more { color: $text-accent; text-style: italic; }
    ObjectCanvas > .objects--type { color: $text-muted; }
    ObjectCanvas > .objects--cursor { background: $panel; }
    ObjectCanvas:focus > .objects--cursor { background: $cursor-row; text-style: bold; }
    ObjectCanvas > .objects--hit { text-style: underline; }
    ObjectCanvas > .objects--head { color: $text-muted; text-style: bold; }
    """

    #: a table of properties instead of a tree
    table: reactive[bool] = reactive(False)

    class Moved(Message):
        """The cursor, or what there is, changed."""

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, ObjectCanvas.Moved)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.list = ObjectList(self.list_changed, lambda: self.size.height)
        self.rows: list[Item] = []
        self.cursor = 0
        self.top = 0
        self.across = 0
        self._styles: dict[str, Style] = {}

    def list_changed(self) -> None:
        """There are other objects."""

    @property
    def page_height(self) -> int:
        """Rows of objects on the screen."""
        return max(1, self.size.height - (1 if self.table else 0))

    def on_resize(self) -> None:
        """More or fewer rows."""
        self.redraw()

    def restyled(self) -> None:
        """Styles are made from the theme."""
        self._styles.clear()

    def redraw(self) -> None:
        """Keep the cursor in view, and draw the rows that are not as they were."""
        self.top = first_in_view(self.cursor, self.top, self.page_height, len(self.rows))
        self.draw_changed()
        self.post_message(self.Moved())

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = ink(self, f"objects--{name}")
        return style

    def draw_row(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if not self.rows:
            return self.blank_row(y)
        if self.table:
            if y == 0:
                return self._draw_head(base, width)
            y -= 1
        number = self.top + y
        if number >= len(self.rows):
            return Strip.blank(width, base)
        item = self.rows[number]
        on = number == self.cursor
        row = ground(self, "objects--cursor") if on else base
        segments = self._draw_cells(item, row) if self.table else self._draw_item(item, row, width)
        strip = Strip(segments)
        if self.table:
            strip = strip.crop(self.across, self.across + width)
        return strip.adjust_cell_length(width, row)

    def _draw_head(self, base: Style, width: int) -> Strip:
        style = base + self._style("head")
        text = "".join(_fit(safe(name), wide) + "  " for name, wide in self.list.columns)
        return Strip([Segment(text, style)]).crop(self.across, self.across + width).adjust_cell_length(width, style)

    def _draw_cells(self, item: Item, row: Style) -> list[Segment]:
        if item.more or item.large:
            return [Segment(item.summary, row + self._style("more"))]
        cells = item.cells()
        found = []
        for name, wide in self.list.columns:
            node = cells.get(name)
            text = safe(node.summary) if node is not None else ""
            right = node is not None and node.kind == "value" and _is_number(text)
            style = row if node is None or node.kind != "null" else row + self._style("null")
            found.append(Segment(_fit(text, wide, right) + "  ", style))
        return found

    def _draw_item(self, item: Item, row: Style, width: int) -> list[Segment]:
        if item.record is not None and not item.large:
            item.decode()
        mark = f"{glyphs.mark(item.expanded)} " if item.opens else "  "
        found = [Segment("  " * item.depth + mark, row)]
        label = cut(safe(item.label), max(8, width // 3))
        if label:
            found.append(Segment(label, row + self._style("key")))
            found.append(Segment("  " if item.parent is None else ": ", row))
        used = sum(cell_len(segment.text) for segment in found)
        told = cut(safe(item.type), 24) if width >= 60 else ""
        room = width - used - (cell_len(told) + 2 if told else 0)
        kind = item.kind if item.kind in _KINDS else "value" if item.kind == "text" else ""
        style = row if not kind else row + self._style(kind)
        if self.list.wanted and self.list.wanted.lower() in item.summary.lower() and item.parent is not None:
            style += self._style("hit")
        found.append(Segment(cut(safe(item.summary), max(1, room)), style))
        used = sum(cell_len(segment.text) for segment in found)
        if told:
            found.append(Segment(" " * max(1, width - used - cell_len(told) - 1), row))
            found.append(Segment(told + " ", row + self._style("type")))
        return found


def _fit(text: str, width: int, right: bool = False) -> str:
    text = cut(text, width)
    space = " " * max(0, width - cell_len(text))
    return space + text if right else text + space


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
