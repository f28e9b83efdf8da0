"""The lazy tree over a CLIXML document: a node is an element, and opens into nodes of its child elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxml import etree

from core.clixml.document import LISTS, Document, Shape, target
from core.clixml.escapes import decode
from core.clixml.parsing import DEEPEST, between, parse, plain_tag
from core.clixml.reader import read_value
from core.clixml.text import text as value_text
from core.clixml.tree import Node, Ready, Unreadable, counted, key_step, one_line, page, showable, step
from core.clixml.type_names import short_type
from core.errors import Invalid

_TYPES = {
    "S": "System.String", "C": "System.Char", "B": "System.Boolean", "DT": "System.DateTime",
    "TS": "System.TimeSpan", "By": "System.Byte", "SB": "System.SByte", "I16": "System.Int16", "U16": "System.UInt16",
    "I32": "System.Int32", "U32": "System.UInt32", "I64": "System.Int64", "U64": "System.UInt64",
    "Sg": "System.Single", "Db": "System.Double", "D": "System.Decimal", "BA": "System.Byte[]", "G": "System.Guid",
    "URI": "System.Uri", "Version": "System.Version", "XD": "System.Xml.XmlDocument",
    "SBK": "System.Management.Automation.ScriptBlock", "SS": "System.Security.SecureString",
    "SemanticVersion": "System.Management.Automation.SemanticVersion",
    "PR": "System.Management.Automation.ProgressRecord",
}  # fmt: skip
_CUSTOM = "System.Management.Automation.PSCustomObject"
#: bytes of a document that are many
_LARGE = 256 << 10
#: the label of the value itself among the members that were added to it
_ITSELF = "value"
#: properties that a summary tells
_TOLD = 6
#: bytes of text that a summary decodes
_DECODED = 4000


def open_clixml(data: bytes | str, label: str = "") -> Node:
    """The root of the tree of one document; several values are its items. Raises Invalid."""
    root = parse(data)
    document = Document(root)
    if len(data) > _LARGE:
        # Now, where somebody waits for it on a thread, and not when the first row is drawn.
        document.index()
    if plain_tag(root) != "Objs":
        return ClixmlNode(document, root, label, "")
    if len(root) == 1:
        return ClixmlNode(document, root[0], label, "")
    return _Several(document, root, label)


class ClixmlNode(Ready):
    """One element; see `core.clixml.tree.Node`."""

    __slots__ = ("_document", "_element", "_shape", "back_reference", "label", "path")

    def __init__(self, document: Document, element: etree._Element, label: str, path: str) -> None:
        self._document = document
        self.label = label
        self.path = path
        self._shape: Shape | None
        self.back_reference = plain_tag(element) == "Ref"
        if self.back_reference:
            element = target(document, element)
        #: an object that is nothing but another value is shown as that value
        for _ in range(DEEPEST):
            self._shape = Shape(element) if plain_tag(element) == "Obj" else None
            if self._shape is None or self._shape.base is None or self._shape.properties:
                break
            if self._shape.base_tag not in ("Obj", "Ref"):
                break
            base = self._shape.base
            element = target(document, base) if self._shape.base_tag == "Ref" else base
        else:
            raise Invalid("This object is nothing but itself.")
        self._element = element

    @property
    def full_type(self) -> str:
        """The first type name, without `Deserialized.`."""
        tag = plain_tag(self._element)
        if self._shape is None:
            return "null" if tag == "Nil" else "members" if tag == "MS" else _TYPES.get(tag, tag)
        names = self._document.types(self._element)
        if names:
            return names[0].removeprefix("Deserialized.")
        return _TYPES.get(self._shape.base_tag, _CUSTOM)

    @property
    def type(self) -> str:
        """The type's name without namespace and assembly."""
        return short_type(self.full_type)

    @property
    def kind(self) -> str:
        """What it is to the tree."""
        shape = self._shape
        tag = plain_tag(self._element)
        if shape is None:
            return {"Nil": "null", "MS": "members", "PR": "object"}.get(tag, "value" if tag in _TYPES else "error")
        if shape.base_tag in LISTS:
            return "list"
        if shape.base_tag == "DCT":
            return "dictionary"
        if shape.properties == 0 and (shape.base is not None or shape.to_string is not None):
            return "value"
        return "value" if self._itself else "object"

    @property
    def _itself(self) -> int:
        """1 where it is a simple value with members: then the value is its first child; else 0."""
        shape = self._shape
        return 1 if shape is not None and shape.base_tag in _TYPES and shape.properties else 0

    @property
    def child_count(self) -> int:
        """Items or entries, or the value itself, and properties."""
        if self._shape is not None:
            return self._shape.items + self._itself + self._shape.properties
        tag = plain_tag(self._element)
        return len(self._element) if tag in ("MS", "PR") else 0

    @property
    def summary(self) -> str:
        """The value, or what is in it."""
        shape = self._shape
        if shape is None:
            return one_line(self._value_text(_DECODED))
        if shape.base_tag in LISTS:
            return counted(shape.items, "item")
        if shape.base_tag == "DCT":
            return counted(shape.items, "entry")
        if shape.to_string:
            return one_line(shape.to_string)
        if shape.base is not None and shape.base_tag not in ("Obj", "Ref"):
            return ClixmlNode(self._document, shape.base, "", "").summary
        told = [
            f"{showable(decode(element.get('N', '')))}={_brief(self._document, element)}"
            for element in shape.property_elements(range(_TOLD))
        ]
        return one_line("; ".join(told) + ("; …" if shape.properties > _TOLD else ""))

    def text(self) -> str:
        """The whole text: of a value its own, of an object what PowerShell says of it."""
        shape = self._shape
        if shape is None:
            return self._value_text(None)
        if shape.to_string is not None:
            return showable(shape.to_string)
        if shape.base is not None and shape.items == 0:
            return ClixmlNode(self._document, shape.base, "", "").text() if shape.base_tag in _TYPES else ""
        return self.summary

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """Items or entries first, or the value itself; then the type's own properties, then added ones."""
        shape = self._shape
        if shape is None:
            if plain_tag(self._element) == "MS":
                return [self._property(element) for element in self._slice(self._element, start, count)]
            return self._progress(start, count) if plain_tag(self._element) == "PR" else ()
        items = shape.items + self._itself
        numbers = page(items + shape.properties, start, count)
        nodes: list[Node] = []
        if shape.base is not None and self._itself and 0 in numbers:
            nodes.append(self._node(shape.base, _ITSELF, self.path))
        elif shape.base is not None and numbers.start < items:
            first = numbers.start
            elements = between(shape.base, first, min(numbers.stop, items))
            make = self._entry if shape.base_tag == "DCT" else self._item
            nodes.extend(make(element, first + place) for place, element in enumerate(elements))
        behind = range(max(0, numbers.start - items), max(0, numbers.stop - items))
        nodes.extend(self._property(element) for element in shape.property_elements(behind))
        return nodes

    def _slice(self, element: etree._Element, start: int, count: int | None) -> list[etree._Element]:
        numbers = page(len(element), start, count)
        return between(element, numbers.start, numbers.stop)

    def _item(self, element: etree._Element, number: int) -> Node:
        return self._node(element, f"[{number}]", f"{self.path}[{number}]")

    def _property(self, element: etree._Element) -> Node:
        name = showable(decode(element.get("N", "")))
        return self._node(element, name, step(self.path, name))

    def _entry(self, element: etree._Element, number: int) -> Node:
        if len(element) != 2:
            return Unreadable(f"[{number}]", self.path, "This entry has no key and value.")
        key = self._node(element[0], "", "")
        plain = key.text() if key.kind == "value" else key.summary
        name: Any = int(plain) if plain_tag(element[0]) == "I32" and plain.lstrip("-").isdecimal() else plain
        return self._node(element[1], plain, key_step(self.path, name))

    def _progress(self, start: int, count: int | None) -> Sequence[Node]:
        names = ("Activity", "ActivityId", "CurrentOperation", "ParentActivityId", "PercentComplete", "RecordType",
                 "SecondsRemaining", "StatusDescription")  # fmt: skip
        numbers = page(len(self._element), start, count)
        return [
            _Part(one_line(decode(self._element[number].text or "")), names[min(number, 7)], self.path)
            for number in numbers
        ]

    def _node(self, element: etree._Element, label: str, path: str) -> Node:
        try:
            return ClixmlNode(self._document, element, label, path)
        except Invalid as error:
            return Unreadable(label, path, str(error))

    def _value_text(self, most: int | None) -> str:
        element = self._element
        tag = plain_tag(element)
        if tag == "Nil":
            return "null"
        if tag == "SS":
            return "********"
        if tag == "MS":
            return counted(len(element), "member")
        if tag in ("S", "URI", "XD", "SBK"):
            raw = element.text or ""
            return showable(decode(raw if most is None else raw[:most]))
        if tag == "BA":
            raw = element.text or ""
            size = len("".join(raw.split())) * 3 // 4 - raw[-3:].count("=")
            return counted(size, "byte") if most is not None else raw
        try:
            return showable(value_text(read_value(element)))
        except Invalid as error:
            return str(error)


class _Several(ClixmlNode):
    """A document of several values."""

    __slots__ = ()

    def __init__(self, document: Document, root: etree._Element, label: str) -> None:
        self._document = document
        self._element = root
        self._shape = None
        self.label = label
        self.path = ""
        self.back_reference = False

    @property
    def full_type(self) -> str:
        """As PowerShell reads it."""
        return "System.Object[]"

    @property
    def kind(self) -> str:
        """A list."""
        return "list"

    @property
    def child_count(self) -> int:
        """Values."""
        return len(self._element)

    @property
    def summary(self) -> str:
        """How many."""
        return counted(len(self._element), "item")

    def text(self) -> str:
        """How many."""
        return self.summary

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """The values."""
        return [
            self._item(element, max(0, start) + place)
            for place, element in enumerate(self._slice(self._element, start, count))
        ]


class _Part(Ready):
    """A part of a progress record."""

    type = "String"
    full_type = "System.String"
    kind = "value"
    child_count = 0
    back_reference = False

    def __init__(self, summary: str, label: str, parent: str) -> None:
        self.summary = summary
        self.label = label
        self.path = step(parent, label)

    def text(self) -> str:
        """The value."""
        return self.summary

    def children(self, start: int = 0, count: int | None = None) -> Sequence[Node]:
        """None."""
        return ()


def _brief(document: Document, element: etree._Element) -> str:
    """A property's value within the summary of its object."""
    tag = plain_tag(element)
    if tag == "Nil":
        return ""
    if tag in ("Ref", "MS"):
        return "…"
    if tag != "Obj":
        return ClixmlNode(document, element, "", "").summary[:60]
    shape = Shape(element)
    if shape.to_string is not None:
        return one_line(shape.to_string, 60)
    if shape.base is not None and shape.base_tag not in ("Obj", "Ref", "DCT", *LISTS):
        return ClixmlNode(document, shape.base, "", "").summary[:60]
    return "{…}" if shape.base_tag == "DCT" else "[…]" if shape.base_tag in LISTS else "@{…}"
