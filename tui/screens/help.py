"""The keys that work on the screen below, those of the focused thing first; made from the table of keys."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui import keys
from tui.key_names import NO_KEY, shown
from tui.keys import BY_ID, TITLES, Key


class HelpScreen(ModalScreen[None]):
    """What each key does on the screen `of`, with the keys as the user has them."""

    BINDINGS: ClassVar[Any] = keys.bindings("help")

    def __init__(self, of: Screen[Any]) -> None:
        super().__init__()
        self._groups = here(of)
        self._wide = max((len(names) for group in self._groups.values() for names, _ in group), default=0)

    def compose(self) -> ComposeResult:
        """A list that scrolls."""
        with VerticalScroll(classes="box") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            yield Static(self._text())

    def _text(self) -> Group:
        primary = self.app.theme_variables.get("primary", "")
        parts: list[RenderableType] = []
        for title, group in self._groups.items():
            parts.append(Text(title, "bold"))
            grid = RichTable.grid(padding=(0, 2, 0, 0))
            grid.add_column(width=self._wide + 2)
            grid.add_column()
            for names, key in group:
                grid.add_row(Text("  " + names, primary), Text(key.help))
            parts += [grid, Text()]
        muted = self.app.theme_variables.get("muted", "dim")
        parts.append(Text('Other keys for these: [keys] in the config file, such as "jobs.cancel" = "ctrl+x".', muted))
        parts.append(Text("Shift and drag selects text with the mouse, as the terminal does it.", muted))
        return Group(*parts)

    def action_close(self) -> None:
        """Back."""
        self.dismiss()

    def action_up(self) -> None:
        """Scroll up."""
        self.query_one(VerticalScroll).scroll_up(animate=False)

    def action_down(self) -> None:
        """Scroll down."""
        self.query_one(VerticalScroll).scroll_down(animate=False)


def here(screen: Screen[Any]) -> dict[str, list[tuple[str, Key]]]:
    """By the title of their group: the keys that work on a screen, as names that people read."""
    names: dict[str, list[str]] = {}
    for name, active in screen.active_bindings.items():
        id = active.binding.id or ""
        if id in BY_ID and name != NO_KEY and shown(name) not in names.setdefault(id, []):
            names[id].append(shown(name))
    groups: dict[str, list[tuple[str, Key]]] = {}
    for key in keys.KEYS:
        if key.id in names:
            groups.setdefault(TITLES[key.group], []).append((" ".join(names[key.id]), key))
    # What is special here comes first.
    for last in ("list", "app"):
        if (group := groups.pop(TITLES[last], None)) is not None:
            groups[TITLES[last]] = group
    return groups
