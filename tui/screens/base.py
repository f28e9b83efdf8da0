"""What the screens have in common: the status line above, the keys below, and a word when the window is too small."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from core.service import JobService, ServiceError
from tui import keys
from tui.changes import Changes, Connection
from tui.text import one_line
from tui.widgets.beside import while_there
from tui.widgets.footer import KeyLine
from tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from tui.app import JobdeckApp

R = TypeVar("R")

#: the least columns and rows that a screen can be used in
SMALLEST = (60, 15)

LOOK_ONLY = "You may look only: the token of this connection has the role Reader."


class TooSmall(Widget):
    """Covers everything while the window is too small."""

    def render(self) -> str:
        """The word."""
        width, height = self.app.size
        return f"This window is {width}x{height}.\njobdeck needs {SMALLEST[0]}x{SMALLEST[1]}."


def cover_if_small(screen: Screen[Any], size: Size) -> None:
    """Say so where the window is too small for a screen."""
    small = size.width < SMALLEST[0] or size.height < SMALLEST[1]
    found = screen.query(TooSmall)
    if small and not found:
        screen.mount(TooSmall())
    elif small:
        found.first().refresh()
    elif found:
        found.remove()


class BaseScreen(Screen[R]):
    """A whole screen. Give its widgets in `compose_body`; hear of changes in `on_changes` and `on_connection`."""

    BINDINGS: ClassVar[Any] = keys.bindings("app", ("back",))
    #: what the status line says of this screen
    TRAIL: ClassVar[str] = ""

    @property
    def key_labels(self) -> Mapping[str, str]:
        """What the footer calls keys here, by their id, where the table's word is not the best."""
        return {}

    @property
    def key_meanings(self) -> Mapping[str, str]:
        """Keys of a part of the screen that are for something of the screen's own here: id -> id of that."""
        return {}

    @property
    def deck(self) -> JobdeckApp:
        """The application."""
        return cast("JobdeckApp", self.app)

    @property
    def service(self) -> JobService:
        """The service; its methods raise ServiceError."""
        return self.deck.service

    def compose(self) -> ComposeResult:
        """The frame with the screen's own widgets in it."""
        yield StatusLine(self.TRAIL, id="status")
        yield from self.compose_body()
        yield KeyLine(id="footer")

    def compose_body(self) -> ComposeResult:
        """The widgets between status line and footer."""
        yield from ()

    @property
    def status_line(self) -> StatusLine:
        """The first line."""
        return self.query_one(StatusLine)

    def on_mount(self) -> None:
        """Listen to the application."""
        deck = self.deck
        self.status_line.show(place=deck.place, connection=deck.connection, counts=deck.counts)
        deck.changed.subscribe(self, self.on_changes)
        deck.connection_changed.subscribe(self, self._on_connection)
        deck.counted.subscribe(self, lambda counts: self.status_line.show(counts=counts))

    def _on_connection(self, connection: Connection) -> None:
        self.status_line.show(connection=connection)
        self.on_connection(connection)

    def on_changes(self, changes: Changes) -> None:
        """Something changed in the service."""

    def on_connection(self, connection: Connection) -> None:
        """The connection fares otherwise than before."""

    def background(self, work: Coroutine[Any, Any, Any], *, group: str = "default", exclusive: bool = False) -> None:
        """Run a coroutine beside the screen; a ServiceError that it raises is told as a message."""

        async def guarded() -> None:
            try:
                await while_there(work)
            except ServiceError as error:
                self.failed(error)

        self.run_worker(guarded(), group=group, exclusive=exclusive)

    def failed(self, error: ServiceError) -> None:
        """Something in the background went wrong."""
        self.deck.fail(error)

    def wrapped(self, sentence: object) -> list[str]:
        """A sentence in lines, for the middle of the screen."""
        import textwrap

        return textwrap.wrap(one_line(sentence), max(30, min(self.size.width - 8, 76)))

    def action_back(self) -> None:
        """Leave this screen."""
        self.dismiss()

    def why_not(self, action: str) -> str | None:
        """Why an action that is dimmed cannot be done now, as a sentence."""
        return LOOK_ONLY if self.deck.connection.read_only else None

    def explain_key(self, key: str) -> None:
        """A key that nobody took: if it is dimmed here, say why."""
        active = self.active_bindings.get(key)
        if active is not None and not active.enabled:
            reason = self.why_not(active.binding.action.rpartition(".")[2])
            if reason is not None:
                self.deck.say(reason)

    def on_resize(self, event: events.Resize) -> None:
        """Say so where the window is too small."""
        cover_if_small(self, event.size)
