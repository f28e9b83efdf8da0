"""The lazy tree over a large JSON text: its members are found level by level, and decoded when they are looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from core import exact_json
from core.clixml.json_places import EVERY, LONG, Places, behind, next_member, places, skip_space, value_of
from core.clixml.tree import Node, Reading, Unreadable, counted, key_step, one_line, page, showable
from core.clixml.tree_json import JsonNode
from core.errors import Invalid

#: characters of a long text that a summary tells
_TOLD = 1000
#: letters and whole escapes
_WHOLE = re.compile(rb'(?:[^"\\]|\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))*', re.DOTALL)


def open_large(data: bytes, label: str, reading: Reading) -> Node:
    """The root of the tree of one large document, its first level read. Raises Invalid, Stopped."""
    start = skip_space(data, 3 if data.startswith(b"\xef\xbb\xbf") else 0)
    reading.begin(len(data))
    if data[start : start + 1] == b'"':
        return LongText(data, start, behind(data, start), label, "")
    if data[start : start + 1] not in (b"[", b"{"):
        return JsonNode(_decoded(data, start, len(data)), label, "")
    node = JsonBytes(data, start, len(data), label, "")
    node.read(reading)
    return node


class JsonBytes:
    """A list or object that stands in the bytes [start, stop) of a text; see `core.clixml.tree.Node`."""

    __slots__ = ("_data", "_places", "_start", "_stop", "label", "path")
    back_reference = False

    def __init__(self, data: bytes, start: int, stop: int, label: str, path: str) -> None:
        self._data = data
        self._start = start
        self._stop = stop
        self._places: Places | None = None
        self.label = label
        self.path = path

    @property
    def unread(self) -> bool:
        """Whether nobody has looked yet what is in it."""
        return self._places is None

    def read(self, reading: Reading) -> None:
        """Find what is in it. Raises Invalid, Stopped."""
        if self._places is None:
            reading.begin(self._stop - self._start, self._start)
            self._places = places(self._data, self._start, reading)

    @property
    def _named(self) -> bool:
        return self._data[self._start : self._start + 1] == b"{"

    @property
    def type(self) -> str:
        """JSON's word for it."""
        return "object" if self._named else "list"

    full_type = type
    kind = type

    @property
    def child_count(self) -> int:
        """Items or properties; 0 while it is unread."""
        return 0 if self._places is None else self._places.count

    @property
    def summary(self) -> str:
        """How large it is; what is in it once it was read."""
        if self._places is None:
            return f"{self._stop - self._start:,} bytes"
        if not self._named:
            return counted(self.child_count, "item")
        told = [f"{node.label}={_brief(node)}" for node in self.children(0, 6)]
        return one_line("; ".join(told) + ("; …" if self.child_count > 6 else ""))

    def text(self) -> str:
        """The text as it stands."""
        return showable(self._data[self._start : self._stop].decode("utf-8", "replace"))

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """Items, or properties in their order."""
        numbers = page(self.child_count, start, count)
        return list(self._members(numbers)) if numbers else ()

    def _members(self, numbers: range) -> Iterator[Node]:
        known = self._places
        assert known is not None
        data, named = self._data, self._named
        at, number = known.kept[numbers.start // EVERY], numbers.start // EVERY * EVERY
        while number < numbers.stop and at >= 0:
            name, value = value_of(data, at, named)
            end = known.ends.get(number) or behind(data, value)
            if number >= numbers.start:
                label, path = f"[{number}]", f"{self.path}[{number}]"
                if named:
                    label = _name(data, at, name)
                    path = key_step(self.path, label)
                yield _node(data, value, end, label, path)
            number += 1
            at = next_member(data, end)


class LongText(JsonNode):
    """A text of which only the beginning is decoded until it is read."""

    __slots__ = ("_data", "_start", "_stop", "_text")

    def __init__(self, data: bytes, start: int, stop: int, label: str, path: str) -> None:
        whole = _WHOLE.match(data, start + 1, min(start + 1 + _TOLD, stop - 1))
        assert whole is not None
        told = json.loads(f'"{whole.group().decode("utf-8", "ignore")}"', strict=False)
        super().__init__(told + "…", label, path)
        self._data, self._start, self._stop = data, start, stop
        self._text: str | None = None

    @property
    def unread(self) -> bool:
        """Whether only its beginning is known."""
        return self._text is None

    def read(self, reading: Reading) -> None:
        """Decode it. Raises Invalid."""
        if self._text is None:
            self._text = showable(_decoded(self._data, self._start, self._stop))

    def text(self) -> str:
        """All of it."""
        return self._text if self._text is not None else showable(_decoded(self._data, self._start, self._stop))


def _decoded(data: bytes, start: int, stop: int) -> Any:
    try:
        return exact_json.loads(data[start:stop])
    except (ValueError, RecursionError) as error:
        raise Invalid(f"This is no JSON: {error}.") from None


def _name(data: bytes, start: int, stop: int) -> str:
    try:
        return showable(_decoded(data, start, stop))
    except Invalid:
        # Its value can be looked at all the same.
        return showable(data[start + 1 : stop - 1].decode("utf-8", "replace"))


def _node(data: bytes, start: int, stop: int, label: str, path: str) -> Node:
    first = data[start : start + 1]
    if stop - start > LONG and first in (b'"', b"[", b"{"):
        return (LongText if first == b'"' else JsonBytes)(data, start, stop, label, path)
    try:
        return JsonNode(_decoded(data, start, stop), label, path)
    except Invalid as error:
        return Unreadable(label, path, str(error), data[start:stop])


def _brief(node: Node) -> str:
    if node.kind == "value":
        return node.summary[:60]
    if node.kind == "null":
        return "null"
    return "[…]" if node.kind == "list" else "{…}"
