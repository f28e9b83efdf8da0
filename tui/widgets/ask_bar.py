"""One line at the bottom that asks for a text: what to search for, where to go, where to save."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class Switch(Static):
    """A choice beside the text that a click or a key turns on and off."""

    def __init__(self, name: str, label: str, key: str) -> None:
        super().__init__(Text(label), name=name)
        self.key = key
        self.on = False

    def turn(self) -> None:
        """The other way."""
        self.on = not self.on
        self.set_class(self.on, "-on")


class AskBar(Horizontal):
    """Hidden until `ask`; gone again after enter or escape."""

    DEFAULT_CSS = """
    AskBar { height: 1; background: $surface; }
    AskBar > .ask--label { width: auto; padding: 0 1; color: $text-accent; }
    AskBar > Input { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
    AskBar > Input:focus { border: none; }
    AskBar > .ask--note { width: auto; padding: 0 1; color: $text-muted; }
    AskBar > .ask--note.-wrong { color: $text-error; }
    AskBar > Switch { width: auto; padding: 0 1; color: $text-muted; }
    AskBar > Switch.-on { color: $text; background: $primary-muted; text-style: bold; }
    """

    class Typed(Message):
        """The text, or a switch, changed."""

        def __init__(self, kind: str, text: str) -> None:
            super().__init__()
            self.kind = kind
            self.text = text

    class Given(Typed):
        """Enter."""

    class Left(Message):
        """Escape."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind

    def __init__(self, switches: Iterable[Switch] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.kind = ""
        self.display = False
        self._switches = tuple(switches)
        self._label = Static("", classes="ask--label")
        self._input = Input(select_on_focus=True)
        self._input.cursor_blink = False
        self._note = Static("", classes="ask--note")

    def compose(self) -> ComposeResult:
        """Label, text, note, switches."""
        yield self._label
        yield self._input
        yield self._note
        yield from self._switches

    @property
    def open(self) -> bool:
        """Whether it asks something now."""
        return bool(self.display)

    def on_switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return any(switch.on for switch in self._switches if switch.name == name)

    def ask(self, kind: str, label: str, text: str = "", *, hint: str = "", switches: bool = False) -> None:
        """Ask; the answer comes as Given or Left with this kind."""
        self.kind = kind
        self._label.update(Text(label))
        # In an empty line it stands in the line itself.
        self.note(hint if text else "")
        self._input.placeholder = hint
        with self._input.prevent(Input.Changed):
            self._input.value = text
        for switch in self._switches:
            switch.display = switches
        self.display = True
        # At once, so that what is typed right behind the key that asked is not lost.
        self.screen.set_focus(self._input)

    def note(self, text: str, *, wrong: bool = False) -> None:
        """A word beside the text."""
        self._note.set_class(wrong, "-wrong")
        self._note.update(Text(text))

    def close(self) -> None:
        """Away with it."""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell it as ours."""
        event.stop()
        self.post_message(self.Typed(self.kind, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tell it as ours."""
        event.stop()
        self.post_message(self.Given(self.kind, event.value))

    def on_click(self, event: events.Click) -> None:
        """A click on a switch."""
        if isinstance(event.widget, Switch):
            event.widget.turn()
            self.post_message(self.Typed(self.kind, self._input.value))

    def on_key(self, event: events.Key) -> None:
        """Escape leaves; the keys of switches turn them."""
        if event.key == "escape":
            event.stop()
            self.post_message(self.Left(self.kind))
            return
        for switch in self._switches:
            if switch.display and event.key == switch.key:
                event.stop()
                event.prevent_default()
                switch.turn()
                self.post_message(self.Typed(self.kind, self._input.value))
