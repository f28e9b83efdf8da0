"""Leaving while jobs live: they go on; what shall look after those that are due?"""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui import keys
from tui.linger import what_keeps_jobs
from tui.text import thousands


class QuitScreen(ModalScreen[str | None]):
    """Gives "quit", "keep" (quit, and leave an engine in the background) or None (stay)."""

    BINDINGS: ClassVar[Any] = keys.bindings("quit")

    def __init__(self, running: int, queued: int, waiting: int) -> None:
        super().__init__()
        self._numbers = (running, queued, waiting)

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box"):
            yield Static(Text(self._head(), style="bold"), classes="question")
            yield Static(Text(self._details()), classes="details")
            with Horizontal(classes="buttons"):
                yield Button(Text("Stay [esc]"), id="stay")
                yield Button(Text("Keep an engine [e]"), id="keep")
                yield Button(Text("Quit [q]"), id="quit")

    def _head(self) -> str:
        running, queued, waiting = self._numbers
        parts = [
            f"{thousands(number)} {word}" for number, word in
            ((running, "running"), (queued, "queued"), (waiting, "waiting for an answer")) if number
        ]  # fmt: skip
        number = sum(self._numbers)
        return f"{'A job goes' if number == 1 else 'Jobs go'} on without this window: {', '.join(parts)}."

    def _details(self) -> str:
        said = (
            "Nothing is lost: `jobdeck` shows them again at any time. An engine kept in the background starts what is "
            "queued, and ends by itself when nothing is left to do."
        )
        if keeps := what_keeps_jobs():
            said += f"\n\nThis system ends your processes when you log out, jobs too. What keeps them: {keeps}."
        return said

    def on_mount(self) -> None:
        """The safe answer first."""
        self.query_one("#stay").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(None if event.button.id == "stay" else event.button.id)

    def action_leave(self) -> None:
        """Quit."""
        self.dismiss("quit")

    def action_keep(self) -> None:
        """Quit, and leave an engine."""
        self.dismiss("keep")

    def action_stay(self) -> None:
        """Do not quit."""
        self.dismiss(None)

    def key_left(self) -> None:
        """The arrows go between the buttons."""
        self.focus_previous()

    def key_right(self) -> None:
        """The arrows go between the buttons."""
        self.focus_next()
