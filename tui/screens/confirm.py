"""A question before what cannot be undone: the safe answer comes first and has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui import keys
from tui.text import cell_text, fit

#: columns of what a button says
_LONGEST = 24


class ConfirmScreen(ModalScreen[bool]):
    """`question` in one sentence, `details` below it, `verb` names the act with its object: "Cancel 3 jobs"."""

    BINDINGS: ClassVar[Any] = keys.bindings("confirm")

    def __init__(self, question: str, verb: str, *, details: Sequence[str] = (), safe: str = "Go back") -> None:
        super().__init__()
        self._question = question
        self._verb = verb
        self._details = details
        self._safe = safe

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box"):
            yield Static(Text(cell_text(self._question), style="bold"), classes="question")
            if self._details:
                yield Static(Text("\n".join(map(cell_text, self._details))), classes="details")
            with Horizontal(classes="buttons"):
                yield Button(Text(f"{cell_text(self._safe)} [n]"), id="no")
                # The question names the object in full; here its key must be seen.
                verb = fit(cell_text(self._verb), _LONGEST, shrink=True)
                yield Button(Text(f"{verb} [y]"), id="yes", variant="error")

    def on_mount(self) -> None:
        """The safe answer first."""
        self.query_one("#no").focus()

    @on(Button.Pressed, "#yes")
    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)

    @on(Button.Pressed, "#no")
    def action_no(self) -> None:
        """Do nothing."""
        self.dismiss(False)

    def key_left(self) -> None:
        """The arrows go between the buttons."""
        self.focus_previous()

    def key_right(self) -> None:
        """The arrows go between the buttons."""
        self.focus_next()
