"""Widgets that draw their own rows, and of those only the ones that are not as they were."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


def first_in_view(cursor: int, top: int, height: int, count: int) -> int:
    """The first of `height` rows in view, of `count`: `top`, or as near to it as the cursor lets it be."""
    if cursor < top:
        top = cursor
    elif cursor >= top + height:
        top = cursor - height + 1
    return max(0, min(top, count - height))


class DrawnRows(Widget):
    """Rows as `draw_row` gives them, kept until they change."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[Strip] = []
        self._base: Style | None = None

    def draw_row(self, y: int) -> Strip:
        """Row `y` of the widget, as wide as it is."""
        raise NotImplementedError

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
