"""The lazy tree over a JSON value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from core import exact_json
from core.clixml.tree import Node, Ready, counted, key_step, one_line, page, showable
from core.errors import Invalid


def open_json(data: bytes | str, label: str = "") -> Node:
    """The root of the tree of one JSON document. Raises Invalid."""
    try:
        return JsonNode(exact_json.loads(data), label, "")
    except RecursionError:
        raise Invalid("This JSON value is nested too deeply to be shown.") from None
    except ValueError as error:
        raise Invalid(f"This is no JSON: {error}.") from None


class JsonNode(Ready):
    """One value of a JSON document; see `core.clixml.tree.Node`."""

    __slots__ = ("label", "path", "value")
    back_reference = False

    def __init__(self, value: Any, label: str, path: str) -> None:
        self.value = value
        self.label = label
        self.path = path

    @property
    def type(self) -> str:
        """JSON's word for it."""
        value = self.value
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, int | float):
            return "number"
        return "string" if isinstance(value, str) else "list" if isinstance(value, list) else "object"

    full_type = type

    @property
    def kind(self) -> str:
        """What it is to the tree."""
        if self.value is None:
            return "null"
        return "list" if isinstance(self.value, list) else "object" if isinstance(self.value, dict) else "value"

    @property
    def child_count(self) -> int:
        """Items or properties."""
        return len(self.value) if isinstance(self.value, list | dict) else 0

    @property
    def summary(self) -> str:
        """The value, or what is in it."""
        value = self.value
        if isinstance(value, list):
            return counted(len(value), "item")
        if isinstance(value, dict):
            told = [f"{showable(name)}={_brief(item)}" for name, item in islice(value.items(), 6)]
            return one_line("; ".join(told) + ("; …" if len(value) > 6 else ""))
        return one_line(value[:1000] if isinstance(value, str) else exact_json.dumps(value))

    def text(self) -> str:
        """A string as it is, all else as indented JSON; numbers as they were written."""
        if isinstance(self.value, str):
            return showable(self.value)
        return showable(exact_json.dumps(self.value, indent=2))

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """Items, or properties in their order."""
        value = self.value
        numbers = page(self.child_count, start, count)
        if isinstance(value, list):
            return [JsonNode(value[number], f"[{number}]", f"{self.path}[{number}]") for number in numbers]
        if isinstance(value, dict):
            names = islice(value.items(), numbers.start, max(numbers.start, numbers.stop))
            return [JsonNode(item, showable(name), key_step(self.path, showable(name))) for name, item in names]
        return ()


def _brief(value: Any) -> str:
    if isinstance(value, str):
        return value[:60]
    if isinstance(value, list):
        return "[…]" if value else "[]"
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    return exact_json.dumps(value)[:60]
