"""The line between status and table: what is shown, how many; and, after `/`, the filter as it is typed.

While it is typed the filter holds already; what is not understood, and what may stand there, is told below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from tui import job_filter, keys
from tui.text import cell_text, fit
from tui.widgets.line_input import LineInput

#: seconds after the last key before the filter is tried
_PAUSE = 0.12


class FilterInput(LineInput):
    """The text of the filter."""

    BINDINGS: ClassVar[Any] = keys.bindings("filter")

    class Left(Message):
        """Enter (`keep`) or escape."""

        def __init__(self, keep: bool) -> None:
            super().__init__()
            self.keep = keep

    class Complete(Message):
        """Tab."""

    def validate_value(self, value: str) -> str:
        """What is pasted may be far too long: one character more than counts, so that this is told."""
        return super().validate_value(value[: job_filter.LONGEST + 1])

    def action_accept(self) -> None:
        """Keep it."""
        self.post_message(self.Left(True))

    def action_leave(self) -> None:
        """Take back what was typed."""
        self.post_message(self.Left(False))

    def action_complete(self) -> None:
        """Take the completion."""
        self.post_message(self.Complete())


class _Told(Widget):
    """One line made of pieces, with something at its right end."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"told--muted", "told--strong", "told--bad", "told--accent"}  # noqa: RUF012

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._left: Sequence[tuple[str, str]] = ()
        self._right: Sequence[tuple[str, str]] = ()

    def say(self, left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]] = ()) -> None:
        """Show these pieces: texts with names of component classes."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        width, base = self.size.width, self.rich_style
        if y:
            return Strip.blank(width, base)
        right = [Segment(cell_text(text), base + self._part(name)) for text, name in self._right]
        room = width - sum(segment.cell_length for segment in right) - 2
        segments = [Segment(" ", base)]
        left = room - 1
        for text, name in self._left:
            piece = fit(cell_text(text), left, shrink=True)
            segments.append(Segment(piece, base + self._part(name)))
            left -= segments[-1].cell_length
        segments.append(Segment(" " * max(0, left + 1), base))
        return Strip([*segments, *right]).adjust_cell_length(width, base)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True) if name else Style.null()


class FilterBar(Widget):
    """Shows the filter in force, and lets it be changed."""

    class Changed(Message):
        """Another filter is to hold."""

        def __init__(self, text: str, kept: bool) -> None:
            super().__init__()
            self.text = text
            #: it was accepted, not only tried
            self.kept = kept

    class Closed(Message):
        """The list is to have the keys again."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.text = text
        #: values that may be completed, by field
        self.known: Mapping[str, Sequence[str]] = {}
        self._before = text
        self._timer: Timer | None = None
        self._completion: job_filter.Completion | None = None
        self._completed = -1
        self._title = ""
        self._number = ""
        self._marked = 0

    def compose(self) -> ComposeResult:
        """The summary; the input comes when it is first wanted."""
        yield _Told(id="summary")

    @property
    def editing(self) -> bool:
        """Whether the filter is being typed."""
        return self.has_class("-editing")

    def summarise(self, name: str, number: str, marked: int) -> None:
        """What the list is called, how many it has, how many are marked."""
        self._title, self._number, self._marked = name, number, marked
        self._show_summary()

    def _show_summary(self) -> None:
        right: list[tuple[str, str]] = []
        if self._marked:
            right.append((f"{self._marked} marked  ", "told--accent"))
        right.append((f"{self._number} ", "told--muted"))
        left = [(self._title, "told--strong")] if not self.text else [("/", "told--muted"), (self.text, "told--accent")]
        problems = job_filter.read(self.text).problems
        if problems and not self.editing:
            left.append((f"   {problems[0]}", "told--bad"))
        for summary in self.query("#summary").results(_Told):
            # None is there any more while the screen goes.
            summary.say(left, right)
        if self.editing:
            self._hint()

    async def edit(self) -> None:
        """Let the filter be typed."""
        self._before = self.text
        found = self.query(FilterInput)
        if not found:
            await self.mount(FilterInput(self.text, id="filter"), _Told(id="hint"))
        field = self.query_one(FilterInput)
        self.add_class("-editing")
        with field.prevent(Input.Changed):
            field.value = self.text + (" " if self.text and not self.text.endswith(" ") else "")
        field.cursor_position = len(field.value)
        # At once, not at the next turn of the loop: what is typed right behind is for the filter.
        self.screen.set_focus(field)
        self._hint()

    def set(self, text: str) -> None:
        """Another filter holds, from elsewhere."""
        self.text = self._before = text
        self._show_summary()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._completed = -1
        self._hint()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._try)

    def _try(self) -> None:
        text = " ".join(job_filter.words(self.query_one(FilterInput).value))
        if text != self.text:
            self.text = text
            self.post_message(self.Changed(text, False))

    @on(FilterInput.Left)
    def _left(self, event: FilterInput.Left) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        if event.keep:
            self.text = " ".join(job_filter.words(self.query_one(FilterInput).value))
        else:
            self.text = self._before
        self.remove_class("-editing")
        self.post_message(self.Changed(self.text, True))
        self.post_message(self.Closed())
        self._show_summary()

    @on(FilterInput.Complete)
    def _complete(self, event: FilterInput.Complete) -> None:
        event.stop()
        field = self.query_one(FilterInput)
        if self._completed < 0 or self._completion is None:
            self._completion = job_filter.complete(field.value, field.cursor_position, self.known)
        words = self._completion.words
        if not words:
            return
        self._completed = (self._completed + 1) % len(words)
        word = words[self._completed]
        start = self._completion.start
        with field.prevent(Input.Changed):
            field.value = field.value[:start] + word + field.value[self._completion.end :]
        self._completion = job_filter.Completion(start, start + len(word), words)
        field.cursor_position = start + len(word)
        if word.endswith(":"):
            self._completed = -1
        self._hint()
        self._timer = self.set_timer(_PAUSE, self._try)

    def _hint(self) -> None:
        """What is wrong, else what may stand here."""
        field = self.query_one(FilterInput)
        hint = self.query_one("#hint", _Told)
        problems = job_filter.read(field.value).problems
        completion = job_filter.complete(field.value, field.cursor_position, self.known)
        if self._completed >= 0 and self._completion is not None:
            completion = self._completion
        typed = field.value[completion.start : field.cursor_position]
        if problems and not (completion.words and typed):
            hint.say([("  ", ""), (problems[0], "told--bad")])
            return
        pieces: list[tuple[str, str]] = [("  ", "")]
        room = self.size.width - len(self._number) - 6
        for number, word in enumerate(completion.words[:20]):
            if sum(len(piece) for piece, _ in pieces) + len(word) > room and number and number != self._completed:
                # Half a word helps nobody.
                pieces.append(("…", "told--muted"))
                break
            shown = word if word.endswith(":") else word.partition(":")[2].rpartition(",")[2] or word
            pieces.append((shown, "told--accent" if number == self._completed else "told--muted"))
            pieces.append(("  ", ""))
        if not completion.words:
            pieces.append(("Words look in script, notes and parameters; ! before a condition negates.", "told--muted"))
        hint.say(pieces, [(f"{self._number} ", "told--muted")])
