"""The source of a script, as plain text."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.service import Script, ServiceError
from tui import keys
from tui.screens.base import BaseScreen
from tui.text import cell_text, fit, width

#: more of a line than this is cut
_LONGEST = 2000


class SourceView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines with their numbers; only those in view are drawn."""

    BINDINGS: ClassVar[Any] = [
        *keys.bindings("list", ("up", "down", "page_up", "page_down", "half_up", "half_down", "first", "last")),
        *keys.bindings("source"),
    ]
    DEFAULT_CSS = """
    SourceView { height: 1fr; scrollbar-size: 1 1; }
    SourceView > .source--number { color: $text-muted; }
    """
    COMPONENT_CLASSES = {"source--number"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def show(self, content: bytes) -> None:
        """Show a text, which may be no text at all."""
        lines = content.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\n").split("\n")
        self._lines = [cell_text(line[:_LONGEST].expandtabs(4)) for line in lines]
        self.virtual_size = Size(max(map(width, self._lines)) + self._margin, len(self._lines))
        self.refresh()

    @property
    def _margin(self) -> int:
        return len(str(len(self._lines))) + 3

    def _go(self, down: int = 0, right: int = 0) -> None:
        self.scroll_relative(x=right, y=down, animate=False)

    def action_up(self) -> None:
        """One line up."""
        self._go(-1)

    def action_down(self) -> None:
        """One line down."""
        self._go(1)

    def action_page_up(self) -> None:
        """A page up."""
        self._go(1 - self.size.height)

    def action_page_down(self) -> None:
        """A page down."""
        self._go(self.size.height - 1)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._go(-(self.size.height // 2))

    def action_half_down(self) -> None:
        """Half a page down."""
        self._go(self.size.height // 2)

    def action_first(self) -> None:
        """To the first line."""
        self.scroll_to(y=0, animate=False)

    def action_last(self) -> None:
        """To the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def action_left(self) -> None:
        """Half a screen to the left."""
        self._go(right=-(self.size.width // 2))

    def action_right(self) -> None:
        """Half a screen to the right."""
        self._go(right=self.size.width // 2)

    def action_line_start(self) -> None:
        """Back to the first column."""
        self.scroll_to(x=0, animate=False)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        left, top = self.scroll_offset
        base = self.rich_style
        if top + y >= len(self._lines):
            return Strip.blank(self.size.width, base)
        number = base + self.get_component_rich_style("source--number", partial=True)
        text = Strip([Segment(self._lines[top + y], base)]).crop(left)
        margin = Strip([Segment(fit(str(top + y + 1), self._margin - 2, right=True) + "  ", number)])
        return Strip([*margin, *text]).adjust_cell_length(self.size.width, base)


class SourceScreen(BaseScreen[None]):
    """What stands in the file of a script now."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def compose_body(self) -> ComposeResult:
        """The lines."""
        yield SourceView()

    def on_mount(self) -> None:
        """Read them."""
        self.status_line.show(trail=f"{self._script.name} · {self._script.path}")
        self.query_one(SourceView).focus()
        self.background(self._read())

    async def _read(self) -> None:
        self.query_one(SourceView).show(await self.service.script_content(self._script.id))

    def failed(self, error: ServiceError) -> None:
        """It cannot be read: say so in its place."""
        self.query_one(SourceView).show(str(error).encode())
