"""The pages of the settings that are this terminal's own: how the application looks, and its keys."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.theme import Theme
from textual.widgets import Static

from tui import keys
from tui.key_names import shown
from tui.keys import Key
from tui.own_keys import usual
from tui.screens import make
from tui.screens.settings_pages import Page
from tui.widgets import plain
from tui.widgets.columns import Cell, Column

#: where the application remembers the keys that were chosen here
REMEMBERED_KEYS = "keys"


class ThemePage(Page[Theme]):
    """How the application looks: shown as the cursor moves, taken by enter."""

    can = frozenset({"change"})
    asks = False
    verb = "Take"

    def __init__(self) -> None:
        super().__init__()
        self._chosen: str | None = None

    def columns(self) -> Sequence[Column[Theme]]:
        """Name, for which terminals."""
        return [
            Column("Theme", lambda row: row.name, 24, grow=1),
            Column("For", lambda row: [("dark terminals" if row.dark else "light terminals", "table--muted")], 16),
            Column("", self._mark, 10),
        ]

    def _mark(self, row: Theme) -> Cell:
        return [("✓ in use" if row.name == self._chosen else "", "table--good")]

    def row_key(self, row: Theme) -> Hashable:
        """Its name."""
        return row.name

    async def rows(self) -> Sequence[Theme]:
        """All of them, the application's own first."""
        first = self._chosen is None
        if first:
            self._chosen = self.app.theme
        themes = sorted(
            self.app.available_themes.values(), key=lambda theme: (not theme.name.startswith("jobdeck"), theme.name)
        )
        if first:
            self.table.place_cursor([theme.name for theme in themes].index(self.app.theme))
        return themes

    def about(self, row: Theme) -> Content:
        """How it is chosen."""
        return Content("The cursor shows it, enter takes it for good.")

    def moved(self) -> None:
        """Show the theme under the cursor."""
        super().moved()
        row = self.table.cursor_row
        if row is not None and self._chosen is not None and row.name != self.app.theme and self.table.has_focus:
            self.app.theme = row.name

    async def change(self, row: Theme) -> None:
        """Take it."""
        self.deck.choose_theme(row.name)
        self._chosen = row.name
        self.table.refresh()

    def take_back(self) -> None:
        """What was only looked at is not kept."""
        if self._chosen is not None and self.app.theme != self._chosen:
            self.app.theme = self._chosen


class KeysPage(Page[Key]):
    """Every key, and which it is."""

    DEFAULT_CSS = """
    KeysPage .told {
        height: auto; max-height: 7; padding: 0 2; color: $text-warning; border-bottom: solid $border;
    }
    KeysPage .told Static { height: auto; }
    """
    can = frozenset({"change", "default"})
    asks = False

    def columns(self) -> Sequence[Column[Key]]:
        """Where, what, which key."""
        return [
            Column("Where", lambda row: [(keys.TITLES.get(row.group, row.group), "table--muted")], 12),
            Column("Key", self._keys, 18),
            Column("Does", lambda row: row.help, 24, grow=3),
            Column("Name", lambda row: [(row.id, "table--muted")], 16, grow=1, drop=1),
        ]

    def _keys(self, row: Key) -> Cell:
        own = self.deck.own_keys
        names = " ".join(shown(key) for key in own.of(row.id)) or "none"
        return [(names, "table--warn" if row.id in own.keys else "table--accent")]

    def compose(self) -> ComposeResult:
        """What of the config file does not count, above the table."""
        with VerticalScroll(classes="told"):
            yield Static()
        yield from super().compose()

    def on_mount(self) -> None:
        """Say it."""
        self._tell()

    def focus_table(self) -> None:
        """What messages told at the start stands here as a whole."""
        super().focus_table()
        if self.deck.problems:
            self.app.clear_notifications()

    def _tell(self) -> None:
        problems = self.deck.problems
        self.query_one(".told").display = bool(problems)
        self.query_one(".told Static", Static).update(plain.block("\n".join(problems)))

    def row_key(self, row: Key) -> Hashable:
        """Its id."""
        return row.id

    async def rows(self) -> Sequence[Key]:
        """All of them, group by group."""
        groups = list(keys.TITLES)
        return sorted(keys.KEYS, key=lambda key: groups.index(key.group) if key.group in groups else len(groups))

    def about(self, row: Key) -> Content:
        """How it is changed, and what happened to its keys."""
        note = self.deck.own_keys.notes.get(row.id)
        if self._told(row):
            how = "It stands in the settings file, under [keys]: change it there."
        else:
            how = f"Enter: press another key for it. d: as usual ({' '.join(shown(key) for key in usual(row.id))})."
        # Beside the key there may be no room for all that it does.
        return Content("\n").join([plain.line(row.help), plain.line(how if note is None else f"{note} {how}")])

    def _told(self, row: Key) -> bool:
        return any(wish.id == row.id for wish in self.deck.told_keys)

    async def change(self, row: Key) -> None:
        """Ask for the key."""
        if self._told(row):
            self.deck.say(f"{row.id} stands in the settings file, under [keys]: change it there.", severity="warning")
            return
        taken = frozenset(wish.id for wish in self.deck.told_keys)
        pressed = await self.app.push_screen_wait(make("key", row, self.deck.own_keys, taken))
        if pressed is not None:
            self._put(row.id, pressed)

    async def put_default(self, row: Key) -> None:
        """The usual key."""
        self._put(row.id, None)

    def _put(self, id: str, pressed: str | None) -> None:
        remembered = self.deck.remembered.texts(REMEMBERED_KEYS)
        remembered.pop(id, None)
        if pressed is not None:
            # Of two that want a key the first has it: what was chosen last.
            remembered = {id: pressed, **remembered}
        self.deck.remembered.put(REMEMBERED_KEYS, remembered)
        self.deck.take_keys()
        self._tell()
        self.table.refresh()
        self.moved()
