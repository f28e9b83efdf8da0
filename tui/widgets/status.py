"""The first line: where we are, what runs, what waits for an answer, and how the connection fares."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from core.service import Status
from tui.changes import Connection, State
from tui.glyphs import glyph
from tui.text import cell_text, fit, middle, thousands

#: status -> word behind its count, component class
_COUNTED: tuple[tuple[Status, str, str], ...] = (
    (Status.WaitingOnFeedback, "waiting", "status--ask"),
    (Status.Running, "running", "status--live"),
    (Status.Canceling, "canceling", "status--warn"),
    (Status.Queued, "queued", "status--muted"),
    (Status.Failed, "failed", "status--bad"),
)


class StatusLine(Widget):
    """One line. `trail` says which screen this is."""

    COMPONENT_CLASSES = {  # noqa: RUF012
        "status--name", "status--muted", "status--live", "status--ask", "status--bad", "status--warn", "status--good",
    }  # fmt: skip
    ALLOW_SELECT = False

    def __init__(self, trail: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._trail = trail
        self._counts: Mapping[Status, int] = {}
        self._connection = Connection(State.CONNECTING)
        self._place = ""

    def show(
        self,
        *,
        trail: str | None = None,
        counts: Mapping[Status, int] | None = None,
        connection: Connection | None = None,
        place: str | None = None,
    ) -> None:
        """Say something new."""
        before = (self._trail, self._counts, self._connection, self._place)
        self._trail = self._trail if trail is None else trail
        self._counts = self._counts if counts is None else counts
        self._connection = self._connection if connection is None else connection
        self._place = self._place if place is None else place
        if before != (self._trail, self._counts, self._connection, self._place):
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        base = self.rich_style
        if y:
            return Strip.blank(width, base)
        right = self._right(width >= 100)
        room = width - sum(len(text) for text, _ in right) - 1
        left = self._left(room)
        segments = [Segment(text, base + self._part(name)) for text, name in left]
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(1, room - used), base))
        segments += [Segment(text, base + self._part(name)) for text, name in right]
        return Strip(segments).adjust_cell_length(width, base)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True) if name else Style.null()

    def _left(self, room: int) -> list[tuple[str, str]]:
        parts = [(" jobdeck", "status--name")]
        state = self._connection
        if state.state is State.CONNECTING and not state.problem:
            said = ("connecting …", "status--warn")
        elif state.state is State.CONNECTING:
            said = ("connecting again …", "status--warn")
        elif state.state is State.LOST:
            said = (_lost(state), "status--bad")
        elif state.read_only:
            said = ("read only", "status--warn")
        else:
            said = ("", "")
        if said[0]:
            parts.append((f"  {said[0]}", said[1]))
        used = sum(len(text) for text, _ in parts)
        where = cell_text(self._trail or self._place)
        if where and room - used > 8:
            parts.append(("  " + fit(middle(where, room - used - 3), room - used - 3, shrink=True), "status--muted"))
        return parts

    def _right(self, wide: bool) -> list[tuple[str, str]]:
        parts: list[tuple[str, str]] = []
        for status, word, name in _COUNTED:
            number = self._counts.get(status, 0)
            if number:
                parts.append((f"{glyph(status)} {thousands(number)}{' ' + word if wide else ''}  ", name))
        return parts


def _lost(state: Connection) -> str:
    if state.retry_in is None:
        return "not connected"
    if state.retry_in:
        return f"not connected, again in {state.retry_in:.0f} s"
    return "not connected, trying again …" if state.first else "connection lost, trying again …"
