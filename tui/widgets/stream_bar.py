"""The line above the output: which streams there are, which are shown, and where in the output we are."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from core.journal import format as journal
from tui.widgets.looks import ink
from tui.widgets.output_streams import NAMES, SHOWN, STREAMS


class StreamBar(Widget, can_focus=True):
    """While it has the focus it names every stream, and the letter of one turns it on or off."""

    DEFAULT_CSS = """
    StreamBar { height: auto; min-height: 1; width: 1fr; color: $text-muted; background: $surface; }
    StreamBar:focus { background: $primary-muted; color: $text; }
    """
    COMPONENT_CLASSES = {  # noqa: RUF012 (so Textual declares it)
        *(f"output--{name}" for name in NAMES.values())
    }

    streams: reactive[frozenset[int]] = reactive(SHOWN, layout=True)
    #: streams that were seen in this job
    seen: reactive[frozenset[int]] = reactive(frozenset({journal.STDOUT}), layout=True)
    place: reactive[str] = reactive("")

    class Chosen(Message):
        """Other streams are to be shown."""

        def __init__(self, streams: frozenset[int]) -> None:
            super().__init__()
            self.streams = streams

    class Left(Message):
        """It has nothing more to ask."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, int, int]] = []

    def watch_has_focus(self, _focused: bool) -> None:
        """It is larger with the focus."""
        super().watch_has_focus(_focused)
        self.refresh(layout=True)

    def render(self) -> Text:
        """Streams to the left, the place to the right."""
        told = Text(no_wrap=True, overflow="crop")
        self._places = []
        width = max(20, self.size.width)
        row = column = 0
        for stream, letter, name in STREAMS:
            on = stream in self.streams
            if not self.has_focus and not (stream in self.seen or (stream in SHOWN and not on)):
                continue
            chip = f" {letter} {name} " if self.has_focus else f" {'' if on else '-'}{name} "
            wide = cell_len(chip)
            if column + wide > width:
                if not self.has_focus:
                    break
                told.append("\n")
                row, column = row + 1, 0
            style = self._style(name)
            told.append(chip, style + Style(bold=True) if on else Style(dim=True, strike=True))
            self._places.append((row, column, column + wide, stream))
            column += wide
        if self.has_focus:
            hint = " letter: on/off · * all · enter: done "
            if column + len(hint) > width:
                told.append("\n")
            told.append(hint, Style(dim=True))
            return told
        room = width - column - cell_len(self.place) - 1
        if room >= 0:
            told.append(" " * room)
            told.append(self.place)
        return told

    def _style(self, name: str) -> Style:
        return Style() if name == "stdout" else ink(self, f"output--{name}")

    def turn(self, stream: int) -> None:
        """A stream on or off; one at least stays."""
        streams = self.streams ^ {stream}
        if streams:
            self.post_message(self.Chosen(streams))

    def on_key(self, event: events.Key) -> None:
        """Letters."""
        if event.key in ("escape", "enter"):
            event.stop()
            self.post_message(self.Left())
            return
        if event.character == "*":
            event.stop()
            everything = frozenset(stream for stream, _letter, _name in STREAMS)
            self.post_message(self.Chosen(SHOWN if self.streams == everything else everything))
        for stream, letter, _name in STREAMS:
            if event.character == letter:
                event.stop()
                event.prevent_default()
                self.turn(stream)

    def on_click(self, event: events.Click) -> None:
        """A click on one."""
        event.stop()
        for row, start, stop, stream in self._places:
            if event.y == row and start <= event.x < stop:
                self.turn(stream)
