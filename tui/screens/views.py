"""Saved filters: those that everybody needs, and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui import keys
from tui.widgets.columns import Column
from tui.widgets.footer import KeyLine
from tui.widgets.line_input import LineInput
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.app import JobdeckApp

#: name -> filter
BUILT_IN: dict[str, str] = {
    "All jobs, as a tree": "",
    "All jobs, in one list": "children:listed",
    "Running, queued and waiting": "status:active",
    "Waiting for an answer": "status:waiting",
    "Failed": "status:bad",
    "Failed since yesterday": "status:bad since:1d",
    "Without scheduled jobs": "!source:schedule",
}


@dataclass(frozen=True, slots=True)
class View:
    """A filter with a name."""

    name: str
    text: str
    own: bool


class ViewsScreen(ModalScreen[str | None]):
    """Gives the filter that was chosen. `current` is the one that may be saved."""

    BINDINGS: ClassVar[Any] = keys.bindings("views")
    key_labels: ClassVar[Mapping[str, str]] = {"list.open": "Use"}

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    @property
    def _deck(self) -> JobdeckApp:
        return cast("JobdeckApp", self.app)

    def compose(self) -> ComposeResult:
        """A list, and a line for a name."""
        columns: list[Column[View]] = [
            Column("View", lambda view: [(view.name, "table--accent" if view.own else "")], 30, grow=1),
            Column("Filter", lambda view: [(view.text or "everything", "table--muted")], 24, grow=1),
        ]
        with Vertical(classes="box") as box:
            box.border_title = "Views"
            yield Table(columns, lambda view: view.name, id="views")
            yield LineInput(placeholder="name for the filter in force", id="name", compact=True)
            yield KeyLine()

    def on_mount(self) -> None:
        """Show them."""
        self.query_one("#name").display = False
        self._fill()
        self.query_one(Table).focus()

    def _fill(self) -> None:
        own = self._deck.remembered.texts("views")
        views = [View(name, text, True) for name, text in sorted(own.items())]
        views += [View(name, text, False) for name, text in BUILT_IN.items()]
        self.query_one(Table).show_list(views)

    @on(Table.Opened)
    def _chosen(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(event.row.text)

    def action_save(self) -> None:
        """Give the filter in force a name."""
        if not self._current:
            self._deck.say("There is no filter to save: press / first.", severity="warning")
            return
        field = self.query_one("#name", LineInput)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#name")
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if name:
            self._deck.remembered.put("views", self._deck.remembered.texts("views") | {name: self._current})
            self._fill()
        event.input.display = False
        self.query_one(Table).focus()

    def action_remove(self) -> None:
        """Forget one of the user's own."""
        view = self.query_one(Table).cursor_row
        if view is None:
            return
        if not view.own:
            self._deck.say("This view comes with jobdeck and stays.", severity="warning")
            return
        own = self._deck.remembered.texts("views")
        own.pop(view.name, None)
        self._deck.remembered.put("views", own)
        self._fill()

    def action_close(self) -> None:
        """Keep the filter that holds."""
        field = self.query_one("#name", LineInput)
        if field.display:
            field.display = False
            self.query_one(Table).focus()
        else:
            self.dismiss(None)
