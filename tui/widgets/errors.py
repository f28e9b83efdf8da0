"""The Errors tab: what the job recorded as errors, each with all it tells."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence

from textual.message import Message

from core.service import ErrorRecord
from tui import glyphs, keys
from tui.text import cell_text
from tui.widgets.sheet import Parts, Sheet

#: rows of one error's text
_MOST = 2000


class ErrorList(Sheet[ErrorRecord]):
    """One row for each error; enter opens the rest of it."""

    BINDINGS = keys.bindings("errors")

    class Wanted(Message):
        """Somebody wants to see the error's place in the output."""

        def __init__(self, error: ErrorRecord) -> None:
            super().__init__()
            self.error = error

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._errors: Sequence[ErrorRecord] = ()
        self._opened: set[int] = set()

    def show_errors(self, errors: Sequence[ErrorRecord], ended: bool) -> None:
        """The errors there are now, and whether there will be no more."""
        heading = "No errors" if ended else "No errors yet"
        self.tell(heading, "", "What the script reports as an error stands here.", "Text on stderr is in the Output.")
        known = {error.record: error for error in self._errors}
        # The objects of those that are known stay, so that the cursor stays where it is.
        self._errors = [known[each.record] if known.get(each.record) == each else each for each in errors]
        self._lay_out()

    def resized(self) -> None:
        """Other line breaks."""
        self._lay_out()

    def _lay_out(self) -> None:
        rows: list[tuple[Parts, ErrorRecord | None]] = []
        for error in self._errors:
            opened = error.record in self._opened
            when = time.strftime("%H:%M:%S", time.localtime(error.time / 1e9))
            lines = error.message.strip().split("\n")
            head: list[tuple[str, str]] = [
                (f"{glyphs.mark(opened)} {when}  ", "muted"),
                (lines[0].strip() or "(no message)", "bad"),
            ]
            category = error.category or error.exception_type
            if category:
                head.append((f"  {category}", "muted"))
            place = error.position.strip().split("\n")[0].strip()
            if place:
                head.append((f"  {place}", "muted"))
            rows.append((head, error))
            if opened:
                rows += [(parts, error) for parts in self._whole(error)]
        self.show(rows)

    def _whole(self, error: ErrorRecord) -> list[Parts]:
        rows: list[Parts] = []
        for name, text in (
            ("message", error.message), ("category", error.category), ("exception", error.exception_type),
            ("id", error.id), ("target", error.target), ("position", error.position), ("stack trace", error.stack),
        ):  # fmt: skip
            if not text.strip():
                continue
            rows.append([(f"  {name}", "key")])
            for line in text.strip("\n").split("\n")[:_MOST]:
                rows += [[("    " + piece, "")] for piece in _wrapped(line, max(20, self.size.width - 5))]
        rows.append([("  o: its place in the output", "muted")])
        return rows

    def action_open(self) -> None:
        """Open the whole of it, or close it."""
        error = self.current
        if error is not None:
            self._opened ^= {error.record}
            if error.record not in self._opened:
                self.move(next(number for number, row in enumerate(self.rows) if row[1] is error))
            self._lay_out()

    def action_show(self) -> None:
        """Go to it in the output."""
        error = self.current
        if error is not None:
            self.post_message(self.Wanted(error))

    def action_copy(self) -> None:
        """Copy all of it."""
        error = self.current
        if error is None:
            return
        parts = [error.message, error.category, error.exception_type, error.id, error.position, error.stack]
        self.app.copy_to_clipboard("\n".join(part for part in parts if part))
        self.app.notify("Copied the error.", markup=False, timeout=3)


def _wrapped(line: str, width: int) -> list[str]:
    shown = cell_text(line.expandtabs(4))
    if len(shown) <= width:
        return [shown]
    return textwrap.wrap(shown, width, replace_whitespace=False, drop_whitespace=False, subsequent_indent="  ") or [""]
