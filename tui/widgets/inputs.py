"""The controls of a form: what is typed, switched or chosen, each safe for whatever a script puts into it.

Every control has `given` (what a person gave: text, a truth value, a list; None = nothing) and sends `Edited`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Mount
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Select, TextArea
from textual.widgets.text_area import Edit, EditResult

from core.service import Value
from tui import text
from tui.widgets import plain


class Edited(Message):
    """A control's value was changed by a person."""


class Control(Widget):
    """What every control offers."""

    @property
    def given(self) -> Value:
        """What a person gave; None = nothing."""
        raise NotImplementedError


class TextInput(Input, Control):
    """One line of text. An empty one counts as not given, unless `empty_counts`."""

    DEFAULT_CSS = """
    TextInput, TextInput.-textual-compact { height: 1; padding: 0 1; background: $surface-lighten-1; }
    TextInput:focus { background: $primary 25%; }
    TextInput > .input--placeholder { color: $text-muted; }
    """

    def __init__(
        self, value: str = "", placeholder: str = "", *, password: bool = False, empty_counts: bool = False, **more: Any
    ) -> None:
        super().__init__(
            text.one_line(value), text.one_line(placeholder), password=password, compact=True,
            select_on_focus=False, **more,
        )  # fmt: skip
        self._empty_counts = empty_counts
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """No control character enters, typed, pasted or set."""
        return text.one_line(value)

    @property
    def given(self) -> Value:
        """The text as typed."""
        return self.value if self.value or self._empty_counts else None

    def render_line(self, y: int) -> Strip:
        """The line, scrolled so that the cursor is in sight and no room is left empty beside a long text."""
        room = max(1, self.content_size.width)
        cursor = text.width(self.value[: self.cursor_position])
        most = max(0, text.width(self.value) + 1 - room)
        left = max(cursor + 1 - room, min(round(self.scroll_x), cursor, most))
        # Silently: Input scrolls when its cursor moves, which may be before it has a width.
        self.set_reactive(Widget.scroll_x, float(left))
        return super().render_line(y)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the form."""
        event.stop()
        self.post_message(Edited())


class LinesInput(TextArea, Control):
    """Several lines: a list with one value on each, or a whole text."""

    DEFAULT_CSS = """
    LinesInput, LinesInput.-textual-compact {
        height: auto; min-height: 2; max-height: 6; padding: 0 1; background: $surface-lighten-1; border: none;
    }
    LinesInput:focus { background: $primary 25%; }
    LinesInput .text-area--cursor-line { background: transparent; }
    LinesInput .text-area--placeholder { color: $text-muted; }
    """

    def __init__(self, value: str = "", placeholder: str = "", *, items: bool = False, **more: Any) -> None:
        super().__init__(
            _lines(value), compact=True, show_line_numbers=False, soft_wrap=True, tab_behavior="focus",
            placeholder=plain.line(placeholder), **more,
        )  # fmt: skip
        self._items = items
        self.cursor_blink = False

    def edit(self, edit: Edit) -> EditResult:
        """No control character but a line's end enters."""
        edit.text = _lines(edit.text)
        return super().edit(edit)

    @property
    def given(self) -> Value:
        """The lines that hold something, or the whole text."""
        if not self._items:
            return self.text if self.text.strip() else None
        return [each for each in self.text.split("\n") if each.strip()] or None

    def action_cursor_down(self, select: bool = False) -> None:
        """One row down; from the last one to the next field."""
        if select or self._row < self.wrapped_document.height - 1:
            super().action_cursor_down(select)
        else:
            self.screen.focus_next()

    def action_cursor_up(self, select: bool = False) -> None:
        """One row up; from the first one to the field before."""
        if select or self._row:
            super().action_cursor_up(select)
        else:
            self.screen.focus_previous()

    @property
    def _row(self) -> int:
        """The row of the cursor; lines are wrapped."""
        return self.wrapped_document.location_to_offset(self.cursor_location).y

    def action_cursor_page_down(self) -> None:
        """The page is the form's: all lines of a list are hardly more than one."""
        for around in self.ancestors:
            if isinstance(around, VerticalScroll):
                around.action_page_down()
                return

    def action_cursor_page_up(self) -> None:
        """The page is the form's."""
        for around in self.ancestors:
            if isinstance(around, VerticalScroll):
                around.action_page_up()
                return

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell the form."""
        event.stop()
        self.post_message(Edited())


def _lines(words: str) -> str:
    return "\n".join(text.one_line(each) for each in words.replace("\r\n", "\n").expandtabs(4).split("\n"))


class Toggle(Control, can_focus=True):
    """Yes or no."""

    DEFAULT_CSS = """
    Toggle { width: auto; height: 1; padding: 0 1; color: $text-muted; }
    Toggle.-on { color: $text-success; }
    Toggle:focus { background: $primary 25%; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "turn", "Switch", show=False)]

    value = reactive(False)

    def __init__(self, value: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.set_reactive(Toggle.value, value)
        self.set_class(value, "-on")

    def render(self) -> RenderResult:
        """The mark and the word: never the colour alone."""
        return Content("[x] yes" if self.value else "[ ] no")

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the longer state."""
        return 7

    @property
    def given(self) -> Value:
        """True or False."""
        return self.value

    def action_turn(self) -> None:
        """Turn it over."""
        self.value = not self.value
        self.set_class(self.value, "-on")
        self.post_message(Edited())

    def on_click(self) -> None:
        """A click turns it over."""
        self.action_turn()


class Segments(Control, can_focus=True):
    """One of a few words, all in sight: left and right choose, so does a click or a word's first letter."""

    DEFAULT_CSS = """
    Segments { width: auto; height: 1; color: $text-muted; }
    Segments:focus { background: $primary 25%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Previous", show=False),
        Binding("right,space", "step(1)", "Next", show=False),
        Binding("delete,backspace", "clear", "None", show=False),
    ]

    chosen = reactive[int | None](None)

    def __init__(self, words: Sequence[str], chosen: int | None = None, *, values: Sequence[Value] = (), **more: Any):
        super().__init__(**more)
        self._words = [text.one_line(word) or "(empty)" for word in words]
        self._values = list(values or words)
        self.set_reactive(Segments.chosen, chosen)

    def render(self) -> RenderResult:
        """The words, the chosen one marked by more than its colour."""
        parts: list[Content] = []
        for number, word in enumerate(self._words):
            if number == self.chosen:
                parts.append(Content.styled(f"[{word}]", "bold $text-primary" if self.has_focus else "bold $text"))
            else:
                parts.append(Content(f" {word} "))
        return Content("").join(parts)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as all words."""
        return sum(text.width(word) + 2 for word in self._words)

    @property
    def given(self) -> Value:
        """The chosen value."""
        return None if self.chosen is None else self._values[self.chosen]

    def action_step(self, by: int) -> None:
        """Choose the next or the previous word."""
        count = len(self._words)
        self._choose((0 if by > 0 else count - 1) if self.chosen is None else (self.chosen + by) % count)

    def action_clear(self) -> None:
        """Choose none."""
        self._choose(None)

    def on_key(self, event: events.Key) -> None:
        """A letter chooses the next word that begins with it."""
        if not event.character or not event.character.isalnum():
            return
        start = -1 if self.chosen is None else self.chosen
        for offset in range(1, len(self._words) + 1):
            number = (start + offset) % len(self._words)
            if self._words[number].casefold().startswith(event.character.casefold()):
                event.stop()
                self._choose(number)
                return

    def on_click(self, event: events.Click) -> None:
        """The word under the pointer."""
        left = 0
        for number, word in enumerate(self._words):
            left += text.width(word) + 2
            if event.x < left:
                self._choose(number)
                return

    def _choose(self, number: int | None) -> None:
        self.chosen = number
        self.post_message(Edited())


class Pick(Control):
    """One of many words, from a list that opens."""

    DEFAULT_CSS = """
    Pick { height: 1; width: 1fr; }
    Pick PlainSelect.-textual-compact > SelectCurrent { background: $surface-lighten-1; padding: 0 1; }
    Pick PlainSelect.-textual-compact:focus > SelectCurrent { background: $primary 25%; }
    """

    def __init__(self, words: Sequence[str], value: str | None = None, placeholder: str = "not given", **more: Any):
        super().__init__(**more)
        self._options = _named(words)
        self._value = value if value in words else None
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """The list."""
        yield PlainSelect(
            self._options,
            prompt=text.one_line(self._placeholder),
            value=Select.NULL if self._value is None else self._value,
            compact=True,
        )

    def offer(self, words: Sequence[str]) -> None:
        """Other words than before; what is chosen stays chosen."""
        chosen = self.given
        every = [*words, *([chosen] if chosen is not None and chosen not in words else [])]
        self._options = _named(every)
        if self.query(PlainSelect) and not self.query("SelectOverlay"):
            # It was made with the old words and is not drawn yet.
            self.call_after_refresh(self.offer, words)
        elif self.query(PlainSelect):
            choices = self.query_one(PlainSelect)
            with choices.prevent(Select.Changed):
                choices.set_options(self._options)
                if chosen is not None:
                    choices.value = chosen

    @property
    def given(self) -> Value:
        """The chosen word."""
        if not self.is_mounted or not self.query(PlainSelect):
            return self._value
        value = self.query_one(PlainSelect).value
        return None if value is Select.NULL else value

    def on_select_changed(self, event: Select.Changed) -> None:
        """Tell the form; not of the value it began with."""
        event.stop()
        if event.value != (Select.NULL if self._value is None else self._value):
            self._value = None if event.value is Select.NULL else str(event.value)
            self.post_message(Edited())


def _named(words: Sequence[str]) -> list[tuple[Text, str]]:
    # Not as Content: typing in the open list looks for the word in texts alone.
    return [(Text(text.one_line(word) or "(empty)"), word) for word in words]


class PlainSelect(Select[str]):
    """The list of `Pick`: opens by enter or space; arrows are the form's. Typing goes to the word that begins so."""

    DEFAULT_CSS = """
    PlainSelect > SelectOverlay { constrain: none inflect; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "Choose", show=False)]
    BINDING_GROUP_TITLE = "List"

    def _on_mount(self, _event: Mount) -> None:
        # Left while it was made, it has no parts: Select's own handler would look for them, and fail.
        if not self.query("SelectOverlay"):
            _event.prevent_default()


class CredentialInput(Control):
    """A user name and a password."""

    DEFAULT_CSS = """
    CredentialInput { height: 1; width: 1fr; }
    CredentialInput Horizontal { height: 1; }
    CredentialInput TextInput { width: 1fr; }
    CredentialInput #password { margin-left: 1; }
    """

    def __init__(self, user: str = "", placeholder: str = "password", **more: Any) -> None:
        super().__init__(**more)
        self._user = user
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """Two inputs, the second masked."""
        with Horizontal():
            yield TextInput(self._user, "user name", id="user", empty_counts=True)
            yield TextInput("", self._placeholder, password=True, id="password", empty_counts=True)

    @property
    def given(self) -> Value:
        """Both, once either is typed."""
        if not self.query("#password"):
            return None
        user, password = self.query_one("#user", TextInput).value, self.query_one("#password", TextInput).value
        return {"username": user, "password": password} if user or password else None
