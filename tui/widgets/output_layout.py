"""Which rows of a job's lines stand on the screen: lines as they are wrapped or cut, from a place at the top on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core.service import Line
from tui.widgets.output_lines import LONGEST, OutputLines
from tui.widgets.painted import Painted, paint

#: painted lines that are kept
_PAINTED = 512


class Anchor(NamedTuple):
    """What stands at the top: a line, and which of its rows when it is wrapped."""

    line: int
    row: int = 0


class Row(NamedTuple):
    """One row on the screen: the characters [start, end) of a line; `end` -1 = a line that is not here yet."""

    line: int
    start: int
    end: int
    #: the line goes on behind it, but was not fetched so far
    cut: bool = False


class OutputLayout:
    """Rows from `top` on. `room` gives the cells of a row and the rows of the screen."""

    def __init__(self, room: Callable[[], tuple[int, int]]) -> None:
        self._room = room
        self.lines: OutputLines | None = None
        self.top = Anchor(0)
        #: long lines in several rows, or cut
        self.wrap = False
        #: cells to the right of the first column
        self.across = 0
        self.rows: list[Row] = []
        self._painted: dict[int, tuple[Line, Painted]] = {}

    @property
    def width(self) -> int:
        """Cells of a row."""
        return self._room()[0]

    @property
    def height(self) -> int:
        """Rows of the screen."""
        return self._room()[1]

    @property
    def shown(self) -> range:
        """The lines on the screen."""
        if not self.rows:
            return range(self.top.line, self.top.line)
        return range(self.rows[0].line, self.rows[-1].line + 1)

    def forget(self) -> None:
        """Lines have other numbers now."""
        self._painted.clear()

    def paint(self, line: Line) -> Painted:
        """A line as text in cells."""
        known = self._painted.get(line.number)
        if known is not None and (known[0] is line or known[0].data == line.data):
            return known[1]
        if len(self._painted) >= _PAINTED:
            self._painted.clear()
        painted = paint(line.data)
        self._painted[line.number] = line, painted
        return painted

    def within(self, anchor: Anchor) -> Anchor:
        """The place, or the nearest that leaves no row empty."""
        end = self.end()
        if anchor >= end:
            anchor = end
        if self.lines is not None and anchor.line < self.lines.first:
            anchor = Anchor(self.lines.first)
        return anchor

    def moved(self, anchor: Anchor, rows: int) -> Anchor:
        """The place so many rows below (or above) another."""
        if self.lines is None:
            return anchor
        line, row = anchor
        if not self.wrap:
            return Anchor(line + rows)
        while rows > 0 and line < self.lines.stop:
            left = self.rows_of(line) - row - 1
            if rows <= left:
                return Anchor(line, row + rows)
            rows -= left + 1
            line, row = line + 1, 0
        while rows < 0 and (line > self.lines.first or row > 0):
            if -rows <= row:
                return Anchor(line, row + rows)
            rows += row + 1
            line -= 1
            row = max(0, self.rows_of(line) - 1)
        return Anchor(line, row)

    def rows_of(self, number: int) -> int:
        """How many rows a line takes."""
        line = self.lines.line(number) if self.lines is not None else None
        if line is None or not self.wrap:
            return 1
        return len(self.paint(line).rows(self.width)) + (len(line.data) < line.size)

    def end(self) -> Anchor:
        """Where the top is when the last row is at the bottom."""
        if self.lines is None:
            return Anchor(0)
        height = max(1, self.height)
        if not self.wrap:
            return Anchor(max(self.lines.first, self.lines.stop - height))
        line, rows = self.lines.stop, 0
        while line > self.lines.first and rows < height:
            line -= 1
            rows += self.rows_of(line)
        return Anchor(line, max(0, rows - height))

    def cut_lines(self) -> list[tuple[int, int]]:
        """Lines of which the screen could show more than is here: (line, bytes worth having)."""
        found = []
        for row in self.rows:
            line = self.lines.line(row.line) if self.lines is not None and row.end >= 0 else None
            if line is None or len(line.data) >= min(line.size, LONGEST):
                continue
            need = self.across + self.width
            if row.cut or (not self.wrap and self.paint(line).cells < need) or b"\r" in line.data:
                found.append((row.line, max(4 * len(line.data), 4 * need)))
        return found

    def behind_cut(self) -> Anchor | None:
        """The last row on the screen, where it stands behind a line that is not here as a whole."""
        cut = next((row.line for row in self.rows if row.cut), None)
        if cut is None or self.rows[-1].line == cut:
            return None
        return Anchor(self.rows[-1].line, sum(row.line == self.rows[-1].line for row in self.rows) - 1)

    def lay_out(self) -> None:
        """Make the rows anew."""
        self.rows = self._made()

    def _made(self) -> list[Row]:
        lines = self.lines
        height = self.height
        if lines is None:
            return []
        rows: list[Row] = []
        number, skip = self.top
        while number < lines.stop and len(rows) < height:
            line = lines.line(number)
            if line is None:
                rows.append(Row(number, 0, -1))
            elif not self.wrap:
                painted = self.paint(line)
                start = painted.index(self.across)
                end = painted.index(self.across + self.width)
                if end > start and painted.cell(end) > self.across + self.width:
                    end -= 1
                rows.append(Row(number, start, end))
            else:
                painted = self.paint(line)
                starts = painted.rows(self.width)
                ends = [*starts[1:], len(painted.text)]
                rows += [Row(number, start, end) for start, end in zip(starts, ends, strict=True)][skip:]
                if len(line.data) < line.size:
                    rows.append(Row(number, len(painted.text), len(painted.text), cut=True))
            number += 1
            skip = 0
        return rows[:height]
