"""The columns of a table: what their cells say, and which of them there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from rich.segment import Segment
from rich.style import Style

from tui.glyphs import UNICODE
from tui.text import fit

T = TypeVar("T")

#: what a cell says: a text, or pieces of text, each with the name of a component class (or "")
Cell = str | Sequence[tuple[str, str]]


class Column(NamedTuple, Generic[T]):
    """One column. `width` is the least it needs; `grow` is its share of what room is left."""

    title: str
    cell: Callable[[T], Cell]
    width: int
    grow: int = 0
    right: bool = False
    #: columns with greater numbers leave first where there is no room; 0 stays
    drop: int = 0
    #: what rows are ordered by when its title is clicked; "" = by nothing
    order: str = ""


def lay_out(columns: Sequence[Column[T]], room: int) -> list[tuple[Column[T], int]]:
    """The columns that there is room for, in cells, each with its width."""
    shown = list(columns)
    while len(shown) > 1 and sum(column.width + 2 for column in shown) - 2 > room:
        leaves = max(shown, key=lambda column: column.drop)
        if leaves.drop == 0:
            break
        shown.remove(leaves)
    rest = max(0, room - (sum(column.width + 2 for column in shown) - 2))
    shares = sum(column.grow for column in shown)
    return [(column, column.width + (rest * column.grow // shares if shares else 0)) for column in shown]


def titles(laid: Sequence[tuple[Column[T], int]], order: tuple[str, bool] | None) -> str:
    """The line above the rows. `order` (what they are ordered by, whether the greatest comes first) is marked in it."""
    down, up = ("▾", "▴") if UNICODE else ("v", "^")
    told = []
    for column, size in laid:
        title = column.title
        if order is not None and column.order == order[0]:
            mark = down if order[1] else up
            title += f" {mark}" if len(title) + 2 <= size else mark
        told.append(fit(title, size, column.right))
    return "  ".join(told)


def at_column(laid: Sequence[tuple[Column[T], int]], x: int) -> Column[T] | None:
    """The column at a place in a line of cells; None behind the last."""
    for column, size in laid:
        if x < size + 2:
            return column
        x -= size + 2
    return None


def joined(segments: list[Segment]) -> list[Segment]:
    """The same to the eye in fewer pieces: blanks take the colour of what stands before them. Bytes count over SSH."""
    joined: list[Segment] = []
    texts: list[str] = []
    style: Style | None = None
    for text, own, _ in segments:
        if style is None or (own != style and not text.isspace()):
            if texts:
                joined.append(Segment("".join(texts), style))
            texts, style = [text], own
        else:
            texts.append(text)
    if texts:
        joined.append(Segment("".join(texts), style))
    return joined
