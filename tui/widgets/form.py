"""A form: fields below one another that scroll, checked as they are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import events
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from core.service import Parameter, Value
from tui import keys
from tui.widgets import plain
from tui.widgets.fields import SECRET_TYPES, Field, fields_of
from tui.widgets.inputs import Control, TextInput
from tui.widgets.paths import Complete, PathInput

#: from so many columns on the help stands beside the control
_WIDE = 110


class Form(VerticalScroll, can_focus=False):
    """Fields for parameters. `values` are what it is opened with, `kept` the secrets that have a value already.

    `controls`: by a parameter's name, what stands in the place of the control for its type.
    """

    DEFAULT_CSS = """
    Form { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    Form.-wide Field .control { max-width: 60; width: 60; }
    Form.-wide Field Toggle.control, Form.-wide Field Segments.control { width: 60; }
    Form.-wide Field .aside { display: block; }
    Form.-wide Field .below { display: none; }
    Form .section { color: $text-secondary; text-style: bold; padding: 0 1; margin: 0 0 1 0; }
    """
    BINDINGS: ClassVar[Any] = [
        *keys.bindings("form", ("next", "previous", "page_down", "page_up")),
        # Of priority, so that what is typed right behind them is for the next field already: it may be a password.
        Binding("tab", "leave_field(1)", "Next field", show=False, priority=True),
        Binding("shift+tab", "leave_field(-1)", "Previous field", show=False, priority=True),
        Binding("enter", "line_done", "Next field", show=False, priority=True),
    ]

    class Submitted(Message):
        """Enter was pressed in the last field's line."""

    def action_next(self) -> None:
        """To the next field."""
        self.screen.focus_next()

    def action_previous(self) -> None:
        """To the field before."""
        self.screen.focus_previous()

    def action_leave_field(self, by: int) -> None:
        """To the next field, or to the one before; where paths are typed, tab may have something to complete."""
        if by > 0 and isinstance(self._typed_into(), PathInput):
            raise SkipAction
        self.screen.focus_next() if by > 0 else self.screen.focus_previous()

    def action_line_done(self) -> None:
        """Enter in a line of text goes on; elsewhere it is the control's own."""
        fields = self.fields
        typed = self._typed_into()
        if not isinstance(typed, TextInput) or not fields or fields[-1] in typed.ancestors:
            raise SkipAction
        self.screen.focus_next()

    def _typed_into(self) -> Control | None:
        focused = self.screen.focused
        around = focused.parent if focused is not None else None
        return around if isinstance(around, PathInput) else focused if isinstance(focused, TextInput) else None

    def __init__(
        self,
        sections: Mapping[str, Sequence[Parameter]],
        values: Mapping[str, Value] | None = None,
        *,
        kept: frozenset[str] = frozenset(),
        complete: Complete | None = None,
        named: bool = False,
        controls: Mapping[str, Control] | None = None,
        id: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(id=id, disabled=disabled)
        self._sections = sections
        self._values = dict(values or {})
        self._kept = kept
        self._complete = complete
        self._named = named
        self._controls = dict(controls or {})

    def compose(self) -> ComposeResult:
        """The sections, each with its title where it has one."""
        for title, parameters in self._sections.items():
            if title:
                yield Static(plain.line(title), classes="section")
            for parameter in parameters:
                yield Field(
                    parameter,
                    self._values.get(parameter.name),
                    kept=parameter.name in self._kept,
                    complete=self._complete,
                    named=self._named,
                    control=self._controls.get(parameter.name),
                )

    def on_resize(self, event: events.Resize) -> None:
        """Help beside the control where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")

    @property
    def fields(self) -> list[Field]:
        """Every field, in order."""
        return fields_of(self)

    def field(self, name: str) -> Field | None:
        """The field of a parameter."""
        return next((field for field in self.fields if field.parameter.name == name), None)

    @property
    def given(self) -> dict[str, Value]:
        """What is given, by name; what is not given is left out."""
        return {field.parameter.name: field.given for field in self.fields if field.given is not None}

    @property
    def touched(self) -> bool:
        """Whether a person changed anything."""
        return any(field.touched for field in self.fields)

    def check(self) -> list[Field]:
        """Check every field, show what is wrong, and focus the first that is; those that are wrong."""
        wrong = [field for field in self.fields if field.check()]
        if wrong:
            wrong[0].focus()
        return wrong

    def focus_first(self) -> None:
        """Focus the first field that needs a value, else a password where the user name is there, else the first."""
        fields = self.fields
        needed = [f for f in fields if f.parameter.mandatory and f.given is None and f.parameter.default is None]
        if fields and (fields[0].given is not None or fields[0].parameter.default is not None):
            # The one right behind it: a secret among many parameters may be left empty.
            needed += [f for f in fields[1:2] if f.parameter.type in SECRET_TYPES and f.given is None]
        for field in (*needed[:1], *fields[:1]):
            field.focus()
            return

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the next field; in the last one it sends the form."""
        event.stop()
        fields = self.fields
        last = fields and fields[-1] in event.input.ancestors
        if last:
            self.post_message(self.Submitted())
        else:
            self.screen.focus_next()


def note(words: str) -> Content:
    """A sentence of the program's own, for empty states and hints."""
    return Content(words)
