"""The rows of the Pipeline tab: objects, what was opened of them, and what stands for the rest of a long list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from core.errors import Invalid
from core.service import PipelineObject

if TYPE_CHECKING:
    from core.clixml.tree import Node, Reading

#: children that are shown at once; the rest is asked for
PAGE = 100
#: an object of more bytes is decoded only when it is opened, and on a thread
LARGE = 256 << 10
#: characters of a text that are shown in one row when it is opened
_TEXT_ROW = 200


class Item:
    """One row: an object or a value (`node`), a piece of a long text (`text`), or the rest of a list (`more`)."""

    __slots__ = (
        "_cells", "_rest", "children", "depth", "expanded", "index", "more", "node", "parent", "reading", "record",
        "text",
    )  # fmt: skip

    def __init__(self, depth: int, parent: Item | None, index: int = 0) -> None:
        self.depth = depth
        self.parent = parent
        #: for an object: its number among those of the job, from 0
        self.index = index
        self.node: Node | None = None
        self.record: PipelineObject | None = None
        self.text: str | None = None
        #: how many are not shown
        self.more = 0
        self.expanded = False
        self.children: list[Item] = []
        #: set while it is read on a thread
        self.reading: Reading | None = None
        self._cells: dict[str, Node] | None = None
        #: the rows of a long text that were not shown so far
        self._rest: Iterator[str] = iter(())

    @property
    def root(self) -> Item:
        """The object it belongs to."""
        return self if self.parent is None else self.parent.root

    @property
    def large(self) -> bool:
        """An object, or a part of one, that was not read because of its size."""
        if self.node is not None:
            return self.node.unread
        return self.record is not None and len(self.record.data) > LARGE

    def read(self, reading: Reading) -> None:
        """Read what is large, on a thread. Raises Stopped; what cannot be read is told by the node."""
        from core.clixml.tree import Unreadable, open_object

        if self.node is None and self.record is not None:
            self.node = open_object(self.record.format, self.record.data, label=f"[{self.index}]", reading=reading)
        if self.node is not None:
            try:
                self.node.read(reading)
            except Invalid as error:
                self.node = Unreadable(self.node.label, self.node.path, str(error))

    def decode(self) -> None:
        """Open the object. Never raises: what cannot be read is told by the node."""
        if self.node is None and self.record is not None:
            from core.clixml.tree import open_object

            self.node = open_object(self.record.format, self.record.data, label=f"[{self.index}]")

    @property
    def label(self) -> str:
        """The name in front; the rest of a list has none."""
        if self.more:
            return ""
        return f"[{self.index}]" if self.parent is None else self.node.label if self.node is not None else ""

    @property
    def path(self) -> str:
        """Where it is, as one would write it: `[3].name`."""
        if self.node is None:
            return self.parent.path if self.parent is not None else f"[{self.index}]"
        return f"[{self.root.index}]{self.node.path}"

    @property
    def summary(self) -> str:
        """What it is, in a line."""
        if self.reading is not None:
            return f"Loading … {self.reading.share:.0%}   (← stops it)"
        if self.more:
            of_text = " characters" if self.parent is not None and self.parent.of_text else ""
            return f"… {self.more:,} more{of_text}"
        if self.text is not None:
            return self.text
        if self.node is None and self.large and self.record is not None:
            return f"{len(self.record.data):,} bytes"
        return self.node.summary if self.node is not None else "…"

    @property
    def kind(self) -> str:
        """The node's kind, or "more", "text", "object" for what is not decoded."""
        if self.more:
            return "more"
        if self.text is not None:
            return "text"
        return self.node.kind if self.node is not None else "object"

    @property
    def type(self) -> str:
        """The type's short name."""
        return "" if self.more or self.text is not None or self.node is None else self.node.type

    @property
    def opens(self) -> bool:
        """Whether there is something in it."""
        if self.more or self.text is not None:
            return False
        if self.node is None:
            return self.record is not None
        if self.node.child_count or self.node.unread:
            return True
        return self.node.kind in ("value", "error") and (self.node.summary.endswith("…") or "\n" in self.node.text())

    def expand(self) -> None:
        """Make the first page of children."""
        self.decode()
        self.expanded = True
        if self.children or self.node is None:
            return
        if self.node.child_count:
            self._add(self.node.children(0, PAGE))
        else:
            self._rest = _text_rows(self.node.text())
            self._add_text(len(self.node.text()))

    def _add(self, nodes: Sequence[Node]) -> None:
        assert self.node is not None
        for node in nodes:
            item = Item(self.depth + 1, self)
            item.node = node
            self.children.append(item)
        left = self.node.child_count - len(self.children)
        if left > 0 and nodes:
            rest = Item(self.depth + 1, self)
            rest.more = left
            self.children.append(rest)

    @property
    def of_text(self) -> bool:
        """Whether what is in it are the rows of its own text."""
        return bool(self.children) and self.children[0].text is not None

    def _add_text(self, left: int) -> None:
        for row in islice(self._rest, PAGE):
            item = Item(self.depth + 1, self)
            item.text = row
            self.children.append(item)
            left -= max(1, len(row))
        following = next(self._rest, None)
        if following is not None:
            self._rest = chain((following,), self._rest)
            rest = Item(self.depth + 1, self)
            rest.more = max(1, left)
            self.children.append(rest)

    def load_more(self) -> None:
        """The next page of children, in place of the row that stands for them."""
        if not self.children or not self.children[-1].more or self.node is None:
            return
        left = self.children.pop().more
        if self.node.child_count:
            self._add(self.node.children(len(self.children), PAGE))
        else:
            self._add_text(left)

    def shown(self) -> list[Item]:
        """It and what is open of it, from above."""
        found = [self]
        if self.expanded:
            for child in self.children:
                found += child.shown()
        return found

    def cells(self) -> dict[str, Node]:
        """Its properties by name, for a table."""
        if self._cells is None:
            self.decode()
            nodes = self.node.children(0, PAGE) if self.node is not None else ()
            self._cells = {node.label: node for node in nodes}
        return self._cells


def _text_rows(text: str) -> Iterator[str]:
    """A text in pieces that fit a row, line by line."""
    at = 0
    while at <= len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        for start in range(at, max(end, at + 1), _TEXT_ROW):
            yield text[start : min(end, start + _TEXT_ROW)]
        at = end + 1


def alike(items: Sequence[Item]) -> list[str]:
    """The names of the columns of a table of these objects; none where they have too little in common."""
    names: dict[str, int] = {}
    counted = 0
    for item in items:
        if item.more or item.large:
            continue
        item.decode()
        # a text or number that bears members has something to stand in columns, a bare one has not
        membered = item.kind == "value" and item.node is not None and item.node.child_count > 0
        if item.kind not in ("object", "dictionary", "members") and not membered:
            return []
        counted += 1
        for name in item.cells():
            names[name] = names.get(name, 0) + 1
    common = [name for name, count in names.items() if count * 5 >= counted * 4]
    return list(names) if counted and len(common) * 2 >= len(names) else []
