"""Text from outside as content of widgets: never markup, never an escape, whatever it holds."""

from __future__ import annotations

from rich.text import Text
from textual.content import Content

from tui import text


def line(words: object, style: str = "") -> Content:
    """Any text as one line."""
    return Content.styled(text.one_line(words), style) if style else Content(text.one_line(words))


def block(words: str) -> Content:
    """Any text with its lines, each made safe; colours are dropped."""
    return Content("\n".join(text.one_line(each.expandtabs()) for each in words.split("\n")))


def coloured(words: str) -> Content:
    """A line of a job's output with its colours, and nothing else a terminal would act on."""
    return Content.from_rich_text(Text.from_ansi(text.many_lines(words).replace("\n", " "))).expand_tabs()
