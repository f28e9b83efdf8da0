"""A field for a path, with completion from the disk like a shell's."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from core.service import Value
from tui.widgets import plain
from tui.widgets.inputs import Control, Edited, TextInput

#: how many candidates are offered; a directory may hold a million files
_MOST = 200
#: seconds that tab waits for them
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be put in: the whole text of the field, and how it is shown in the list."""

    text: str
    shown: str


Complete = Callable[[str], Awaitable[Sequence[Candidate]]]


async def no_completion(typed: str) -> Sequence[Candidate]:
    """For a disk that this computer does not have."""
    return ()


def files_below(directory: str) -> Complete:
    """Completion of paths; relative ones begin at `directory`."""

    async def complete(typed: str) -> Sequence[Candidate]:
        return await asyncio.to_thread(complete_path, typed, directory)

    return complete


def complete_path(typed: str, directory: str) -> list[Candidate]:
    """The files and directories whose path begins with what is typed, directories first; hidden ones when asked for."""
    spelled = os.path.expanduser(typed) + ("/" if typed == "~" else "")
    head, slash, start = spelled.rpartition("/")
    head += slash
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(os.path.join(directory, head)) as entries:
            for entry in entries:
                if not entry.name.startswith(start) or (entry.name.startswith(".") and not start.startswith(".")):
                    continue
                found.append((not entry.is_dir(), entry.name))
                if len(found) > 20_000:
                    break
    except (OSError, ValueError):
        return []
    found.sort()
    ends = [(name + ("" if is_file else "/")) for is_file, name in found[:_MOST]]
    # What is no UTF-8, or holds control characters, cannot be typed: it is not offered.
    return [Candidate(head + name, name) for name in ends if name.isprintable()]


def _common(words: list[str]) -> str:
    """How far the words agree."""
    first, last = min(words, default=""), max(words, default="")
    agreed = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    return first if agreed is None else first[:agreed]


class PathInput(Control):
    """A path: down or a pause opens the candidates, tab completes, enter takes the one under the cursor."""

    DEFAULT_CSS = """
    PathInput { height: auto; width: 1fr; }
    PathInput OptionList {
        height: auto; max-height: 6; border: none; padding: 0 1; background: $panel; display: none; scrollbar-size: 1 1;
    }
    PathInput.-open OptionList { display: block; }
    PathInput OptionList > .option-list--option { padding: 0 1; }
    """

    def __init__(
        self, value: str = "", placeholder: str = "", *, complete: Complete = no_completion, **more: Any
    ) -> None:
        super().__init__(**more)
        self._input = _PathText(value, placeholder)
        self._complete = complete
        self._candidates: Sequence[Candidate] = ()
        #: for what the candidates are; a list that was closed by escape stays closed until something is typed
        self._settled = value
        #: something was typed since the focus came here: tab completes it
        self.unfinished = False

    def compose(self) -> ComposeResult:
        """The line and the list below it."""
        yield self._input
        candidates = OptionList(compact=True)
        candidates.can_focus = False
        yield candidates

    @property
    def value(self) -> str:
        """The text as it stands."""
        return self._input.value

    @value.setter
    def value(self, value: str) -> None:
        self._settled = value
        self._input.value = value
        self._input.cursor_position = len(value)

    @property
    def given(self) -> Value:
        """The path, `~` spelled out."""
        return os.path.expanduser(self.value) if self.value else None

    @property
    def is_open(self) -> bool:
        """Whether candidates are in sight."""
        return self.has_class("-open")

    def on_edited(self) -> None:
        """What was typed changed: look for candidates."""
        if self.value != self._settled:
            self._settled = self.value
            if self._input.has_focus:
                self.unfinished = True
                self.look()

    @work(exclusive=True, group="complete")
    async def look(self) -> None:
        """Find the candidates and show them."""
        typed = self.value
        candidates = await self._complete(typed)
        if typed == self.value:
            self._show(candidates, typed)

    async def complete(self) -> None:
        """Complete as far as the candidates agree; go on to the next field where there is nothing to complete."""
        typed = self.value
        spelled = os.path.expanduser(typed)
        candidates: Sequence[Candidate] = ()
        # A disk that does not answer must not keep one from going on.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                candidates = await self._complete(typed)
        if not candidates or [each.text for each in candidates] == [spelled]:
            self.close()
            self.screen.focus_next()
            return
        common = _common([each.text for each in candidates])
        if len(common) <= len(spelled):
            if self.is_open:
                # They were shown already: a second tab goes on.
                self.close()
                self.screen.focus_next()
            else:
                self._show(candidates, typed)
            return
        self.value = common
        self.post_message(Edited())
        if common.endswith("/") or len(candidates) > 1:
            self.look()
        else:
            self.close()

    def _show(self, candidates: Sequence[Candidate], typed: str) -> None:
        if len(candidates) == 1 and candidates[0].text == typed:
            candidates = ()
        self._candidates = candidates
        choices = self.query_one(OptionList)
        choices.clear_options()
        choices.add_options([Option(plain.line(each.shown)) for each in candidates])
        choices.highlighted = None
        self.set_class(bool(candidates) and self._input.has_focus, "-open")
        if candidates:
            self.call_after_refresh(self.scroll_visible, animate=False)

    def close(self) -> None:
        """Put the list away."""
        self.workers.cancel_group(self, "complete")
        self.remove_class("-open")

    def step(self, by: int) -> None:
        """Move the cursor among the candidates."""
        choices = self.query_one(OptionList)
        at = choices.highlighted
        last = len(self._candidates) - 1
        choices.highlighted = (0 if by > 0 else last) if at is None else max(0, min(last, at + by))

    def take(self) -> bool:
        """Take the candidate under the cursor; False when there is none."""
        at = self.query_one(OptionList).highlighted
        if not self.is_open or at is None or at >= len(self._candidates):
            return False
        self.value = self._candidates[at].text
        self.post_message(Edited())
        if self.value.endswith("/"):
            self.look()
        else:
            self.close()
        return True

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A candidate was clicked."""
        event.stop()
        self.query_one(OptionList).highlighted = event.option_index
        self.take()
        self._input.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Nobody else's business."""
        event.stop()

    def on_descendant_blur(self) -> None:
        """The list is there while one types."""
        self.unfinished = False
        self.close()


class _PathText(TextInput):
    """The line of a `PathInput`, with the keys of its list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "down", "Candidates", show=False),
        Binding("up", "up", "Candidates", show=False),
        Binding("tab", "complete", "Complete", show=False),
        Binding("enter", "take", "Take", show=False),
        Binding("escape", "close", "Close", show=False),
    ]

    @property
    def _path(self) -> PathInput:
        assert isinstance(self.parent, PathInput)
        return self.parent

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The list's keys are its own only while it is open; tab completes only what is unfinished."""
        if action in ("close", "up"):
            return self._path.is_open
        if action == "take":
            return True
        if action == "complete":
            return self._path.unfinished and bool(self.value) and self.cursor_at_end
        return True

    def action_down(self) -> None:
        """Into the list; open it first."""
        if self._path.is_open:
            self._path.step(1)
        else:
            self._path.look()

    def action_up(self) -> None:
        """Up in the list."""
        self._path.step(-1)

    async def action_complete(self) -> None:
        """Take the candidate under the cursor, else complete as far as the candidates agree, else go on."""
        if not self._path.take():
            await self._path.complete()

    async def action_take(self) -> None:
        """Take the candidate under the cursor, else what enter does elsewhere."""
        if not self._path.take():
            self._path.close()
            await self.action_submit()

    def action_close(self) -> None:
        """Close the list."""
        self._path.close()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Goes on to the form."""
