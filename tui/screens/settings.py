"""The settings: what runs scripts, limits, how the application looks, its keys, and who has a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.widgets import TabbedContent, TabPane

from core.service import ServiceError
from tui import keys
from tui.changes import Changes, Connection, State
from tui.screens.base import LOOK_ONLY, BaseScreen
from tui.screens.own_pages import KeysPage, ThemePage
from tui.screens.settings_pages import EnvironmentsPage, LimitsPage, Page, TokensPage
from tui.widgets.table import Table

_PAGES: tuple[tuple[str, type[Page[Any]]], ...] = (
    ("Environments", EnvironmentsPage),
    ("Limits", LimitsPage),
    ("Theme", ThemePage),
    ("Keys", KeysPage),
    ("Tokens", TokensPage),
)


class SettingsScreen(BaseScreen[None]):
    """One page for each kind of setting; `[` and `]` go from one to the next."""

    TRAIL = "Settings"
    DEFAULT_CSS = """
    SettingsScreen TabbedContent { height: 1fr; }
    SettingsScreen ContentSwitcher { height: 1fr; }
    SettingsScreen TabPane { padding: 0; height: 1fr; }
    """
    BINDINGS: ClassVar[Any] = keys.bindings("settings")

    @property
    def key_labels(self) -> Mapping[str, str]:
        """A theme is taken."""
        return {"settings.change": self.page.verb} if self.query(Page) else {}

    @property
    def key_meanings(self) -> Mapping[str, str]:
        """Enter changes the row."""
        return {"list.open": "settings.change"}

    def compose_body(self) -> ComposeResult:
        """The pages."""
        with TabbedContent(id="pages"):
            for number, (title, page) in enumerate(_PAGES):
                with TabPane(title, id=f"page{number}"):
                    yield page()

    def on_mount(self) -> None:
        """Read what the first page shows."""
        self.call_after_refresh(self._focus_page)

    @property
    def page(self) -> Page[Any]:
        """The page in sight: the first one, until the tabs are there."""
        pane = self.query_one(TabbedContent).active_pane
        return self.query(Page).first() if pane is None else pane.query_one(Page)

    def _focus_page(self) -> None:
        self.page.focus_table()
        self.read()

    @work(exclusive=True, group="read")
    async def read(self) -> None:
        """Read anew what the page shows."""
        page = self.page
        try:
            if self.deck.connection.state is State.OPEN or not page.asks:
                await page.read()
            else:
                connection = self.deck.connection
                first = connection.state is State.CONNECTING and not connection.problem
                page.show_trouble("Loading …" if first else "Not connected", connection.problem)
        except ServiceError as error:
            self.failed(error)

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Another page."""
        event.stop()
        self._focus_page()
        self.refresh_bindings()

    def on_connection(self, connection: Connection) -> None:
        """Read again when there is a connection; what may be done may be another."""
        self.refresh_bindings()
        if connection.state is State.OPEN and self.is_mounted:
            self.read()

    def on_changes(self, changes: Changes) -> None:
        """Somebody changed what the page shows."""
        if changes.kinds & {"environment", "setting"}:
            self.read()

    def on_screen_resume(self) -> None:
        """A form was left: what it changed is to be seen."""
        if self.query(Page):
            self.call_after_refresh(self.read)

    def failed(self, error: ServiceError) -> None:
        """What went wrong, in the place of the rows where there are none, else as a message."""
        if self.page.table.rows.count:
            self.deck.fail(error)
        else:
            self.page.show_trouble("This cannot be read", str(error))
            self.deck.broken(error)

    # -- keys ------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the page can do; dimmed where the role does not allow it."""
        if action in ("add", "change", "remove", "default", "groom"):
            if not self.query(Page):
                return False
            if action not in self.page.can:
                return False
            return None if self.why_not(action) else True
        return True

    def why_not(self, action: str) -> str | None:
        """Settings of the server are for administrators; those of this application for everybody."""
        connection = self.deck.connection
        if not self.page.asks or connection.role in ("", "Administrator"):
            return super().why_not(action) if self.page.asks else None
        if connection.read_only:
            return LOOK_ONLY
        return f"This asks for the role Administrator; the token of this connection has the role {connection.role}."

    def _refused(self) -> bool:
        """Whether the role does not allow it; then it is said."""
        why = self.why_not("change")
        if why is not None:
            self.deck.say(why, severity="warning")
        return why is not None

    def on_table_opened(self, event: Table.Opened) -> None:
        """Enter or a double click changes the row."""
        event.stop()
        self.action_change()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Tell the page."""
        event.stop()
        if event.table is self.page.table:
            self.page.moved()

    def action_change(self) -> None:
        """Change what is under the cursor."""
        if "change" in self.page.can and self.page.table.cursor_row is not None and not self._refused():
            self.background(self.page.change(self.page.table.cursor_row))

    def action_add(self) -> None:
        """Add one."""
        if not self._refused():
            self.background(self.page.add())

    def action_remove(self) -> None:
        """Remove what is under the cursor."""
        if self.page.table.cursor_row is not None and not self._refused():
            self.background(self.page.remove_row(self.page.table.cursor_row))

    def action_default(self) -> None:
        """Put the default back."""
        if self.page.table.cursor_row is not None and not self._refused():
            self.background(self.page.put_default(self.page.table.cursor_row))

    def action_groom(self) -> None:
        """Tell which jobs were kept long enough, and remove them once that is confirmed."""
        if not self._refused():
            # Of the application: it goes on, and tells of its end, when somebody leaves the settings meanwhile.
            self.deck.run_worker(self._groomed(), group="groom", exclusive=False)

    async def _groomed(self) -> None:
        try:
            await self.page.groom()
        except ServiceError as error:
            self.deck.fail(error)

    def action_next_tab(self) -> None:
        """The next page."""
        self._turn(1)

    def action_previous_tab(self) -> None:
        """The page before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        pages = self.query_one(TabbedContent)
        at = int(pages.active.removeprefix("page") or 0)
        pages.active = f"page{(at + by) % len(_PAGES)}"
        # At once: told of it later, Textual would turn back to this page from the next one.
        self._focus_page()

    def action_back(self) -> None:
        """Leave; a theme that was only looked at is taken back."""
        self.query_one(ThemePage).take_back()
        self.dismiss()
