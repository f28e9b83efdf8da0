"""A pipeline object as a tree of nodes that open one level at a time; CLIXML and JSON look alike.

`open_object` gives the root of one. Only what is opened is decoded: a node is an element of the parsed document (or a
part of the JSON value), and `children(start, count)` makes nodes for that page alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from core.errors import Invalid

__all__ = ["Node", "Reading", "Ready", "Stopped", "open_object"]

#: characters of a summary
SUMMARY = 200
#: JSON of more bytes than this is not decoded: its parts are found, and decoded when they are looked at
LARGE = 1 << 20


class Stopped(Exception):
    """Somebody stopped the reading."""


class Reading:
    """Something large that is being read, on a thread perhaps: how far it is, and whether it is to stop."""

    __slots__ = ("_first", "_size", "share", "stopped")

    def __init__(self) -> None:
        self.stopped = False
        #: from 0 to 1
        self.share = 0.0
        self._first, self._size = 0, 1

    def begin(self, size: int, first: int = 0) -> None:
        """So many bytes are to be read, from byte `first` on."""
        self._first, self._size = first, max(1, size)

    def at(self, place: int) -> None:
        """It came so far. Raises Stopped."""
        self.share = (place - self._first) / self._size
        if self.stopped:
            raise Stopped


class Node(Protocol):
    """One place in the tree. Texts are as the job sent them: they pass a door before they reach a terminal.

    Only halves of surrogate pairs are U+FFFD already.
    """

    @property
    def label(self) -> str:
        """The property's name, the dictionary's key, `[3]` for an item; "" for the root."""

    @property
    def type(self) -> str:
        """The type, short: `Process`, `Int32`, `List<String>`, `string`, `list`, `object`; "null" for null."""

    @property
    def full_type(self) -> str:
        """The type's whole name."""

    @property
    def kind(self) -> str:
        """ "value", "null", "list", "dictionary", "object", "members" or "error" (what cannot be read; see `text`)."""

    @property
    def summary(self) -> str:
        """One line that says what it is: a value's text, `3 items`, an object's text or first properties."""

    @property
    def child_count(self) -> int:
        """How many children it has; 0 = it cannot be opened."""

    @property
    def path(self) -> str:
        """Where it is, as PowerShell would write it: `.Modules[3].'File name'`; "" for the root."""

    @property
    def back_reference(self) -> bool:
        """Whether it is an object that stands elsewhere in the document too: it may hold what it stands in."""

    @property
    def unread(self) -> bool:
        """Whether it is so large that `read` comes before `children` and `text`."""

    def read(self, reading: Reading) -> None:
        """Find what is in it: may take seconds. Raises Invalid, Stopped."""

    def text(self) -> str:
        """All of a value's text, with its line ends; an object's text form."""

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """`count` children from the `start`-th on; None = all. Items come first, then properties."""


class Ready:
    """A node that needs no reading."""

    __slots__ = ()

    @property
    def unread(self) -> bool:
        """Never."""
        return False

    def read(self, reading: Reading) -> None:
        """Nothing is left to be read."""


def open_object(format: str, data: bytes | str, *, label: str = "", reading: Reading | None = None) -> Node:
    """The tree of one pipeline object (`PipelineObject.format` and `.data`). Raises Stopped when `reading` says so.

    What cannot be read is a node of the kind "error" whose summary says why.
    """
    try:
        if format == "clixml":
            from core.clixml.tree_clixml import open_clixml

            return open_clixml(data, label)
        if len(data) > LARGE:
            from core.clixml.tree_json_large import open_large

            raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
            return open_large(raw, label, reading or Reading())
        from core.clixml.tree_json import open_json

        return open_json(data, label)
    except Invalid as error:
        return Unreadable(label, "", str(error), data)


class Unreadable(Ready):
    """What cannot be read: why, and the text of it."""

    type = ""
    full_type = ""
    kind = "error"
    child_count = 0
    back_reference = False

    def __init__(self, label: str, path: str, why: str, data: bytes | str = b"") -> None:
        self.label = label
        self.path = path
        self.summary = why
        self._data = data

    def text(self) -> str:
        """Why, and what was there."""
        data = self._data if isinstance(self._data, str) else self._data.decode("utf-8", "replace")
        return f"{self.summary}\n\n{data}" if data else self.summary

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """None."""
        return ()


def page(total: int, start: int, count: int | None) -> range:
    """The numbers of the children that were asked for."""
    start = max(0, start)
    return range(start, total if count is None else min(total, start + max(0, count)))


def showable(text: str) -> str:
    """The text with U+FFFD for what no encoding can say: halves of surrogate pairs."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def one_line(text: str, longest: int = SUMMARY) -> str:
    """The beginning of a text on one line; line ends and tabs become spaces."""
    head = " ".join(showable(text[: longest * 4]).split())
    if len(head) > longest or len(text) > longest * 4:
        return head[: longest - 1] + "…"
    return head


def counted(count: int, word: str) -> str:
    """`1 item`, `3 items`."""
    if word.endswith("y") and count != 1:
        return f"{count:,} {word[:-1]}ies"
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def step(parent: str, name: str) -> str:
    """The path of a property: quoted where it is no plain word."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[:1].isdigit()
    if plain:
        return f"{parent}.{name}"
    return parent + ".'" + name.replace("'", "''") + "'"


def key_step(parent: str, key: Any) -> str:
    """The path of a dictionary's entry."""
    if isinstance(key, int | float) and not isinstance(key, bool):
        return f"{parent}[{key}]"
    return step(parent, str(key))
