"""One line of a job's output as text in cells: what of its bytes may be seen, with the colours it has.

Everything a terminal might act on is gone (`tui.text.Door`); what has no width a terminal is sure of is left out or
shown as a replacement character, so that a cell is where we think it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tui.text import Door
from tui.widgets.sgr import Pen

_PIECES = re.compile("(\t|\x1b\\[[0-9;:]*m)")
#: erases the line, whole or from the cursor on
_ERASE = re.compile(rb"\x1b\[[02]?K")
#: what joins, breaks, selects or tints without a cell of its own (of which terminals are not agreed): left out
_NOTHING = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f\ufeff"
    "\U0001bca0-\U0001bca3\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]"
)
#: what turns the direction, ends lines, has no agreed width or is no character: replaced
_REPLACED = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f\U0001d173-\U0001d17a"
    "\u061c\u200e\u200f\u2028-\u202e\u2065-\u206f\ud800-\udfff\ue000-\uf8ff\ufff9-\ufffc\U000f0000-\U0010ffff]"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
#: more marks than this on one character are no writing
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
_MARKS = re.compile(f"({_MARK}{{4}}){_MARK}+")
_TAB = 8
#: how many carriage returns back a line is looked at
_WRITINGS = 64


class Painted:
    """Text with styles. `spans` are (start, end, style) in characters, in order; `cells` is its width."""

    __slots__ = ("_edges", "cells", "spans", "text")

    def __init__(self, text: str, spans: tuple[tuple[int, int, Style], ...] = ()) -> None:
        self.text = text
        self.spans = spans
        self.cells = cell_len(text)
        #: cells before each character, where characters are not one cell each
        self._edges: list[int] | None = None

    def index(self, cell: int) -> int:
        """The character that begins at or behind a cell."""
        if self.cells == len(self.text) and self.text.isascii():
            return min(cell, len(self.text))
        return min(bisect_right(self._cell_edges(), cell - 1, lo=1), len(self.text)) if cell > 0 else 0

    def cell(self, index: int) -> int:
        """The cell at which a character begins."""
        if self.text.isascii():
            return min(index, len(self.text))
        edges = self._cell_edges()
        return edges[min(index, len(edges) - 1)]

    def _cell_edges(self) -> list[int]:
        if self._edges is None:
            edges = [0]
            at = 0
            for character in self.text:
                at += cell_len(character)
                edges.append(at)
            self._edges = edges
        return self._edges

    def rows(self, width: int) -> list[int]:
        """Where its rows begin (in characters) when it is wrapped to so many cells."""
        width = max(width, 2)
        if self.cells <= width:
            return [0]
        if self.text.isascii():
            return list(range(0, len(self.text), width))
        starts, begun = [0], 0
        edges = self._cell_edges()
        while edges[-1] - edges[begun] > width:
            # Marks stay with the character before them: they have no cell of their own.
            begun = bisect_right(edges, edges[begun] + width) - 1
            starts.append(begun)
        return starts

    def segments(self, start: int, end: int, base: Style, marked: list[tuple[int, int, Style]]) -> list[Segment]:
        """The characters [start, end) on a base style, with further styles on top of some (in characters, in order)."""
        end = min(end, len(self.text))
        edges = {start, end}
        for spans in (self.spans, marked):
            for begin, stop, _style in spans:
                if begin < end and stop > start:
                    edges.add(max(begin, start))
                    edges.add(min(stop, end))
        found = []
        places = sorted(edges)
        for begin, stop in pairwise(places):
            style = base
            for spans in (self.spans, marked):
                for first, last, on_top in spans:
                    if first <= begin < last:
                        style += on_top
            found.append(Segment(self.text[begin:stop], style))
        return found


def paint(data: bytes) -> Painted:
    """The bytes of one line, as a console would show it in the end: what a carriage return wrote over is gone."""
    if b"\r" in data:
        data = data.rstrip(b"\r")
    if b"\r" in data:
        return _overwritten(data)
    text = Door().pass_bytes(data, True)
    if not text.isascii():
        text = neutral(text)
    if _CONTROL.search(text) is None:
        return Painted(text)
    return _gather(_parts(text, Pen()))


def neutral(text: str) -> str:
    """Text without characters that have no certain width or that turn the writing around them."""
    return _MARKS.sub(r"\1", _REPLACED.sub("\N{REPLACEMENT CHARACTER}", _NOTHING.sub("", text)))


def _parts(text: str, pen: Pen) -> list[tuple[str, Style]]:
    """What `Door` let pass, as (text, style); tabs are spaces."""
    parts: list[tuple[str, Style]] = []
    column = 0
    for piece in _PIECES.split(text):
        if not piece:
            continue
        if piece[0] == "\x1b":
            pen.take(piece[2:-1])
            continue
        shown = " " * (_TAB - column % _TAB) if piece == "\t" else _CONTROL.sub("", piece)
        column += cell_len(shown)
        parts.append((shown, pen.style))
    return parts


def _overwritten(data: bytes) -> Painted:
    """A line that goes back to its beginning: the last writing, and behind it what longer ones left."""
    door, pen = Door(), Pen()
    writings = []
    for raw in data.rsplit(b"\r", _WRITINGS)[-_WRITINGS:]:
        text = door.pass_bytes(raw, False)
        writings.append((_parts(text if text.isascii() else neutral(text), pen), _ERASE.search(raw) is not None))
    shown: list[tuple[str, Style]] = []
    cells = 0
    for parts, erases in reversed(writings):
        for text, style in _behind(parts, cells):
            shown.append((text, style))
            cells += cell_len(text)
        if erases:
            break
    return _gather(shown)


def _behind(parts: list[tuple[str, Style]], cells: int) -> Iterator[tuple[str, Style]]:
    """The parts from a cell on."""
    for text, style in parts:
        wide = cell_len(text)
        if cells >= wide:
            cells -= wide
        else:
            yield (text[Painted(text).index(cells) :] if cells else text), style
            cells = 0


def _gather(parts: list[tuple[str, Style]]) -> Painted:
    spans = []
    at = 0
    for text, style in parts:
        if style:
            spans.append((at, at + len(text), style))
        at += len(text)
    return Painted("".join(text for text, _style in parts), tuple(spans))
