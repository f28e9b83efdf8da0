"""Small boxes of the settings: a key is pressed, a token is shown."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from core.access import AppToken
from tui.key_names import shown, types
from tui.keys import Key
from tui.own_keys import FIXED, OwnKeys
from tui.widgets import plain


class KeyScreen(ModalScreen[str]):
    """Asks for one key. Gives its name, None when it stays as it is."""

    DEFAULT_CSS = """
    KeyScreen .box { width: 64; max-width: 96%; height: auto; }
    KeyScreen .told { height: auto; margin-top: 1; color: $text-warning; }
    """
    BINDINGS: ClassVar[Any] = [Binding("escape", "leave", "Leave", show=False)]

    def __init__(self, key: Key, own: OwnKeys, told: frozenset[str]) -> None:
        """`told` are the verbs whose keys stand in the settings file."""
        super().__init__()
        self._key = key
        self._own = own
        self._told = told
        self._pressed: str | None = None

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box"):
            yield Static(Content.assemble((f"{self._key.label}: ", "bold"), self._key.help))
            yield Static(Content("Press the key for it; the same key once more takes it. esc leaves it as it is."))
            yield Static(classes="told")

    def on_key(self, event: events.Key) -> None:
        """The key, or why not that one."""
        if event.key == "escape":
            return
        event.stop()
        event.prevent_default()
        told = self.query_one(".told", Static)
        fixed = next((other for other in self._own.holders(event.key, self._key.id) if other.id in self._told), None)
        if event.key in FIXED:
            told.update(Content(f"{shown(event.key)} has a meaning everywhere: press another one."))
        elif self._key.priority and types(event.key):
            told.update(
                Content(f"{shown(event.key)} could not be typed into fields any more: take one like ctrl+x or F5.")
            )
        elif fixed is not None:
            told.update(Content(f"The settings file gives {shown(event.key)} to {fixed.id}: change it there."))
        elif event.key == self._pressed:
            self.dismiss(event.key)
        else:
            self._pressed = event.key
            told.update(Content(self._meaning(event.key)))

    def _meaning(self, pressed: str) -> str:
        others = self._own.holders(pressed, self._key.id)
        if others:
            return f"{shown(pressed)} is {others[0].label} ({others[0].help}) already. Once more takes it from there."
        return f"{shown(pressed)} is free. Once more takes it."

    def action_leave(self) -> None:
        """It stays as it is."""
        self.dismiss(None)


class GrantedScreen(ModalScreen[None]):
    """A token, shown this once."""

    DEFAULT_CSS = """
    GrantedScreen .box { width: 84; max-width: 98%; height: auto; }
    GrantedScreen .token { margin: 1 0; padding: 0 1; background: $panel; height: auto; text-style: bold; }
    GrantedScreen .buttons { height: 1; margin-top: 1; }
    GrantedScreen Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[Any] = [Binding("y", "copy", "Copy", show=False)]

    def __init__(self, token: AppToken) -> None:
        super().__init__()
        self._token = token

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(classes="box"):
            yield Static(plain.line(f"Token {self._token.id} for {self._token.identity} ({self._token.role.value})"))
            yield Static(plain.line(self._token.token or ""), classes="token")
            yield Static(Content("It is shown this once. Keep it like a password: only its hash stays here."))
            with Horizontal(classes="buttons"):
                yield Button(Content("Copy [y]"), id="copy")
                yield Button(Content("I have it"), id="done")

    def on_mount(self) -> None:
        """The harmless button first."""
        self.query_one("#copy").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        if event.button.id == "copy":
            self.action_copy()
        else:
            self.dismiss(None)

    def action_copy(self) -> None:
        """Copy it, where the terminal lets us."""
        self.app.copy_to_clipboard(self._token.token or "")
        self.app.notify("Sent to the terminal's clipboard. See that it arrived.", markup=False)
        self.query_one("#done").focus()
