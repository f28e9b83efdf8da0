"""An input of one line whose text cannot act on the terminal, wherever it came from."""

from __future__ import annotations

from textual.widgets import Input

from tui.text import one_line


class LineInput(Input):
    """As Input; what is typed, pasted or set loses its control characters."""

    def validate_value(self, value: str) -> str:
        """Take out what a terminal would act on."""
        return one_line(value)
