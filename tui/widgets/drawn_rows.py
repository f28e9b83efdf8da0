"""Widgets that draw their own rows, and of those only the ones that are not as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tui.text import cell_text, fit
from tui.widgets.looks import ink


def first_in_view(cursor: int, top: int, height: int, count: int) -> int:
    """The first of `height` rows in view, of `count`: `top`, or as near to it as the cursor lets it be."""
    if cursor < top:
        top = cursor
    elif cursor >= top + height:
        top = cursor - height + 1
    return max(0, min(top, count - height))


def blank_line(lines: Sequence[str], y: int, size: Size, strong: Style, muted: Style) -> Strip:
    """Row `y` of what stands in the place of rows: a heading, and what there is to know."""
    width = size.width
    top = max(2, (size.height - len(lines)) // 3)
    if not top <= y < top + len(lines):
        return Strip.blank(width, muted)
    widest = max(Segment(cell_text(line)).cell_length for line in lines)
    indent = max(2, (width - widest) // 2)
    text = " " * indent + cell_text(lines[y - top])
    return Strip([Segment(fit(text, width), strong if y == top else muted)], width)


class DrawnRows(Widget):
    """Rows as `draw_row` gives them, kept until they change."""

    #: the component class of what is less important
    MUTED: ClassVar[str]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        #: lines that stand there while there are no rows; the first one is the heading
        self.blank: Sequence[str] = ()
        self._drawn: list[Strip] = []
        self._base: Style | None = None

    def draw_row(self, y: int) -> Strip:
        """Row `y` of the widget, as wide as it is."""
        raise NotImplementedError

    def tell(self, *lines: str) -> None:
        """What stands there while there are no rows."""
        if self.blank != lines:
            self.blank = lines
            self.draw_changed()

    def blank_row(self, y: int) -> Strip:
        """Row `y` while there are no rows."""
        base = self.rich_style
        muted = base + ink(self, self.MUTED)
        return blank_line(self.blank, y, self.size, base + Style(bold=True), muted)

    def restyled(self) -> None:
        """The style of the whole changed: what was made from it is no good any more."""

    def restyle(self) -> None:
        """Take the style as it is now."""
        self._base, self._drawn = self.rich_style, []
        self.restyled()

    def draw_changed(self) -> None:
        """Draw the rows that are not as they were."""
        if self._base != self.rich_style:
            self.restyle()
        drawn = [self.draw_row(y) for y in range(self.size.height)]
        for y, strip in enumerate(drawn):
            if y >= len(self._drawn) or self._drawn[y] != strip:
                self.refresh(Region(0, y, self.size.width, 1))
        self._drawn = drawn

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._base = None

    def render_line(self, y: int) -> Strip:
        """One row."""
        # Asked for once a screen: it is not cheap.
        if (y == 0 or self._base is None) and self._base != self.rich_style:
            self.restyle()
        return self._drawn[y] if y < len(self._drawn) else self.draw_row(y)
