"""One field of a form: the name of a parameter, the control for its type, its help, and what is wrong with it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.params.check import problem_of, to_text, wanted
from core.service import Clixml, Parameter, Value
from tui import text
from tui.widgets import plain
from tui.widgets.inputs import (
    Control,
    CredentialInput,
    Edited,
    LinesInput,
    Pick,
    Segments,
    TextInput,
    Toggle,
)
from tui.widgets.paths import Complete, PathInput, files_below

#: what a person types into these is never shown
SECRET_TYPES = ("secret", "credential")
#: names of fields that are no parameter of a script begin with it, so that the two never meet
OWN = ":"
_LONGEST_HELP = 1500
_EXAMPLES = {"date": "like 2026-01-31", "datetime": "like 2026-01-31T18:00", "object": 'like {"name": "value"}'}


#: so much of a sentence is shown, in columns: it may quote a page that was pasted
MOST_TOLD = 300


class Field(Vertical):
    """A parameter with its control. `value` is what the form is opened with; None = the default.

    `kept`: a secret has a value already that holds unless another is typed. `named`: the help tells the name that a
    command line would use. `control` stands in the place of the one for the parameter's type.
    """

    DEFAULT_CSS = """
    Field { height: auto; padding: 0 1 0 0; border-left: blank; margin: 0 0 1 0; }
    Field:focus-within { border-left: outer $primary; }
    Field .row { height: auto; }
    Field .name { width: 22; padding: 0 1; height: auto; color: $text-muted; }
    Field:focus-within .name { color: $text; text-style: bold; }
    Field .control { width: 1fr; max-width: 64; }
    Field Toggle.control, Field Segments.control { width: auto; }
    Field .aside { width: 1fr; height: auto; padding: 0 1 0 2; color: $text-muted; display: none; }
    Field .below { margin-left: 22; padding: 0 1; height: auto; color: $text-muted; }
    Field .problem { margin-left: 22; padding: 0 1; height: auto; color: $text-error; display: none; }
    Field.-wrong .problem { display: block; }
    Field.-wrong .name { color: $text-error; }
    """

    problem = reactive("")

    class Changed(Message):
        """The field's value was changed by a person."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    def __init__(
        self,
        parameter: Parameter,
        value: Value = None,
        *,
        kept: bool = False,
        complete: Complete | None = None,
        named: bool = False,
        control: Control | None = None,
    ) -> None:
        super().__init__()
        self.parameter = parameter
        self._named = named
        self._value = value
        self._kept = kept
        self.control = control or make_control(parameter, value, kept, complete)
        self.control.add_class("control")
        self._first = self.control.given
        #: a problem is told once the field was changed or left, or the form is to be sent: not while it is still new
        self._shows = False

    def compose(self) -> ComposeResult:
        """The name, the control, the help beside it or below it."""
        help = describe(self.parameter, self._named)
        with Horizontal(classes="row"):
            yield Static(label(self.parameter), classes="name")
            yield self.control
            yield Static(help, classes="aside")
        if help.plain:
            yield Static(help, classes="below")
        yield Static(classes="problem")

    @property
    def given(self) -> Value:
        """What the parameter is given; None = nothing, so that its default holds."""
        now = self.control.given
        return self._value if now == self._first else now

    @property
    def touched(self) -> bool:
        """Whether something else stands there than at the beginning."""
        return bool(self.control.given != self._first)

    def check(self) -> str:
        """What is wrong with the value, "" when nothing is; it is shown from now on."""
        self._shows = True
        self._look()
        return self.problem

    def tell(self, problem: str) -> None:
        """Show a problem that somebody else found; it stays until the value changes."""
        self.problem = problem

    def _look(self) -> None:
        parameter = replace(self.parameter, mandatory=False) if self._kept else self.parameter
        self.problem = problem_of(parameter, self.given)

    def on_edited(self, event: Edited) -> None:
        """The control has a new value: check it."""
        event.stop()
        if not self._shows and not self.touched:
            return
        self._shows = True
        self._look()
        self.post_message(self.Changed(self))

    def watch_problem(self, problem: str) -> None:
        """Show or hide it."""
        self.set_class(bool(problem), "-wrong")
        if self.is_mounted:
            self.query_one(".problem", Static).update(
                plain.line(f"✗ {text.cut(problem, MOST_TOLD)}" if problem else "")
            )

    def focus(self, scroll_visible: bool = True) -> Field:
        """Focus the control, or the first part of it that takes the focus."""
        for widget in (self.control, *self.control.query("*")):
            if widget.focusable:
                widget.focus(scroll_visible)
                break
        return self


class Marks(Control):
    """Some of several words: enter or space marks one, or takes its mark away."""

    DEFAULT_CSS = """
    Marks { height: auto; width: 1fr; }
    Marks OptionList {
        height: auto; max-height: 6; border: none; padding: 0 1; background: $surface-lighten-1; scrollbar-size: 1 1;
    }
    """

    def __init__(self, words: tuple[str, ...], marked: list[str]) -> None:
        super().__init__()
        self._words = words
        self._marked = {at for at, word in enumerate(words) if word in marked}

    def compose(self) -> ComposeResult:
        """The list."""
        yield _MarksList(*(Option(self._line(at)) for at in range(len(self._words))), compact=True)

    def _line(self, at: int) -> Content:
        return Content.assemble("[x] " if at in self._marked else "[ ] ", plain.line(self._words[at]))

    @property
    def marked(self) -> list[int]:
        """The places of the marked words."""
        return sorted(self._marked)

    @property
    def given(self) -> Value:
        """The marked words, in the order they are declared."""
        return [self._words[at] for at in self.marked] or None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Turn one over."""
        event.stop()
        self._marked ^= {event.option_index}
        event.option_list.replace_option_prompt_at_index(event.option_index, self._line(event.option_index))
        self.post_message(Edited())


class _MarksList(OptionList):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Mark", show=False)]


def label(parameter: Parameter) -> Content:
    """The name beside the control, with a star where a value is needed."""
    name = plain.line(text.cut(text.one_line(parameter.display_name or parameter.name), 60))
    return Content.assemble(name, (" *", "$text-warning")) if parameter.mandatory else name


def describe(parameter: Parameter, named: bool = False) -> Content:
    """The help of a parameter: what the script says, and what it takes where no example stands in the control.

    `named`: with the parameter's name, where another one stands beside the control.
    """
    told = parameter.help.strip()[:_LONGEST_HELP]
    parts = [plain.block(told)] if told else []
    # That a count is not negative goes without saying.
    has_range = parameter.maximum is not None or parameter.minimum not in (None, 0, 1)
    if parameter.type in ("integer", "number") and has_range:
        parts.append(Content(wanted(parameter).capitalize()))
    if parameter.parameter_set:
        parts.append(Content.assemble("Of set ", plain.line(parameter.parameter_set)))
    if named and parameter.display_name not in ("", parameter.name) and not parameter.name.startswith(OWN):
        parts.append(Content.assemble("Parameter ", plain.line(parameter.name)))
    return Content(" · ").join(parts)


def make_control(parameter: Parameter, value: Value, kept: bool, complete: Complete | None) -> Control:
    """The control for a parameter, showing `value` or its default."""
    shown = parameter.default if value is None else value
    kind = parameter.type
    if kind == "credential":
        user = shown.get("username", "") if isinstance(shown, dict) else ""
        return CredentialInput(user, "kept; type to replace it" if kept else "password")
    if kind == "secret":
        return TextInput("", "kept; type to replace it" if kept else "hidden while typed", password=True)
    if kind == "list":
        return _list_control(parameter, shown)
    if parameter.choices:
        return _choice_control(parameter, shown)
    if kind == "switch" or (kind == "boolean" and isinstance(shown, bool)):
        return Toggle(problem_of(Parameter("x", "boolean"), shown) == "" and _truth(shown))
    if kind == "boolean":
        return Segments(("yes", "no"), values=(True, False))
    if kind == "object":
        return LinesInput(_json(shown), _EXAMPLES["object"])
    if kind == "number" and isinstance(shown, float) and shown.is_integer():
        shown = int(shown)
    words = to_text(shown) if not isinstance(shown, Clixml) else shown.document
    if kind == "file":
        asked = wanted(parameter) if parameter.mandatory else "a path, or nothing"
        return PathInput(words, asked, complete=complete or files_below(os.getcwd()))
    if kind == "string" and "\n" in words:
        return LinesInput(words)
    placeholder = _EXAMPLES.get(kind, "" if kind == "string" else wanted(parameter))
    return TextInput(words, placeholder, empty_counts=kind == "string" and bool(words))


def _truth(value: Value) -> bool:
    return value is True or (value is not None and str(value).strip().lower() in ("true", "yes", "on", "1", "y"))


def _json(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, Clixml):
        return value.document
    return json.dumps(value, ensure_ascii=False, indent=2)


def _list_control(parameter: Parameter, shown: Value) -> Control:
    items = shown if isinstance(shown, list | tuple) else [] if shown is None else [shown]
    words = [to_text(item) for item in items]
    if parameter.choices:
        return Marks(parameter.choices, words)
    return LinesInput("\n".join(words), "one on each line", items=True)


def _choice_control(parameter: Parameter, shown: Value) -> Control:
    chosen = None if shown is None else to_text(shown)
    words = [text.one_line(choice) for choice in parameter.choices]
    if len(words) <= 6 and sum(text.width(word) + 2 for word in words) <= 50:
        at = parameter.choices.index(chosen) if chosen in parameter.choices else None
        return Segments(parameter.choices, at)
    return Pick(parameter.choices, chosen, "none chosen")


def fields_of(widget: Widget) -> list[Field]:
    """The fields below a widget, in order."""
    return list(widget.query(Field))
