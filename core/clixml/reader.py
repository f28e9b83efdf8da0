"""CLIXML documents to values."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from typing import Any

from lxml import etree

from core.clixml.escapes import decode
from core.clixml.numbers import parse_decimal, parse_float, parse_integer
from core.clixml.parsing import DEEPEST, LARGEST, NAMESPACE, parse, plain_tag
from core.clixml.values import (
    BoundedInteger,
    Byte,
    Char,
    DateTime,
    Dictionary,
    Enumerable,
    Int16,
    Int64,
    MemberSet,
    ProgressRecord,
    PSObject,
    Queue,
    SByte,
    ScriptBlock,
    SecureString,
    SemanticVersion,
    Single,
    Stack,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
    Version,
    XmlDocument,
)
from core.errors import Invalid

__all__ = ["read", "read_streams", "read_value"]


def read(document: bytes | str, *, largest: int = LARGEST) -> Any:
    """The value of a document; of several values a list, of none None, as PSSerializer has it.

    Takes documents with `<Objs>`, those of the wire without, and `#< CLIXML` in front. Raises Invalid.
    """
    values = [value for _, value in read_streams(document, largest=largest)]
    return values[0] if len(values) == 1 else values or None


def read_streams(document: bytes | str, *, largest: int = LARGEST) -> list[tuple[str | None, Any]]:
    """Every value of a document, with the stream it names ("Output", "Error", …) or None. Raises Invalid."""
    root = parse(document, largest=largest)
    reader = _Reader()
    if plain_tag(root) != "Objs":
        return [(root.get("S"), reader.value(root, 0))]
    return [(element.get("S"), reader.value(element, 0)) for element in root]


def read_value(element: etree._Element) -> Any:
    """The value of one parsed element that holds no reference to anything outside of it. Raises Invalid."""
    return _Reader().value(element, 0)


def _whole(low: int, high: int, kind: type[int] = int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text) if text.isdecimal() and text.isascii() and len(text) < 20 else parse_integer(text)
        if not low <= number <= high:
            raise Invalid(f"{number} is outside of {low} to {high}.")
        return number if kind is int else int.__new__(kind, number)

    return read


def _bounded(kind: type[BoundedInteger]) -> Callable[[str], int]:
    return _whole(kind.LOW, kind.HIGH, kind)


def _boolean(text: str) -> bool:
    word = text.strip()
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise Invalid(f"'{word[:60]}' is neither true nor false.")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        raise Invalid("These bytes are no base64.") from None


def _guid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        raise Invalid(f"'{text[:60]}' is no GUID.") from None


def _protected(text: str) -> SecureString:
    if not re.fullmatch(r"[\x20-\x7e\s]*", text):
        raise Invalid("This SecureString is none.")
    return SecureString(text)


def _semantic(text: str) -> SemanticVersion:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}([-+][0-9A-Za-z.+-]*)?", text.strip()):
        raise Invalid(f"'{text[:60]}' is no SemanticVersion.")
    return SemanticVersion(text.strip())


_INT32 = _whole(-(2**31), 2**31 - 1)
_PRIMITIVES: dict[str, Callable[[str], Any]] = {
    "S": decode,
    "I32": _INT32,
    "B": _boolean,
    "Db": parse_float,
    "DT": lambda text: DateTime.parse(text.strip()),
    "I64": _bounded(Int64),
    "TS": lambda text: TimeSpan.parse(text.strip()),
    "G": _guid,
    "By": _bounded(Byte),
    "SB": _bounded(SByte),
    "I16": _bounded(Int16),
    "U16": _bounded(UInt16),
    "U32": _bounded(UInt32),
    "U64": _bounded(UInt64),
    "C": lambda text: Char(parse_integer(text)),
    "Sg": lambda text: Single(parse_float(text)),
    "D": parse_decimal,
    "BA": _bytes,
    "URI": lambda text: Uri(decode(text)),
    "Version": lambda text: Version(text.strip()),
    "SemanticVersion": _semantic,
    "XD": lambda text: XmlDocument(decode(text)),
    "SBK": lambda text: ScriptBlock(decode(text)),
    "SS": _protected,
}
_LISTS: dict[str, type[list[Any]]] = {"LST": list, "QUE": Queue, "STK": Stack, "IE": Enumerable}


def _both(table: dict[str, Any]) -> dict[str, Any]:
    """With and without the namespace: looking up is cheaper than cutting."""
    return table | {f"{{{NAMESPACE}}}{tag}": value for tag, value in table.items()}


_READ = _both(_PRIMITIVES)
_LIST = _both(_LISTS)
_KIND: dict[str, str] = _both(
    {tag: tag for tag in ("Nil", "Obj", "Ref", "PR", "TN", "TNRef", "T", "ToString", "Props", "MS", "DCT", "En")}
)


class _Reader:
    """What one document has defined so far."""

    def __init__(self) -> None:
        self.objects: dict[str, PSObject] = {}
        self.types: dict[str, tuple[str, ...]] = {}

    def value(self, element: etree._Element, depth: int) -> Any:
        tag: Any = element.tag
        read = _READ.get(tag)
        if read is not None:
            if len(element):
                raise _wrong(element, "it holds other elements")
            try:
                return read(element.text or "")
            except Invalid as error:
                raise _wrong(element, str(error)) from None
        kind = _KIND.get(tag)
        if kind == "Nil":
            return None
        if kind == "Obj":
            return self.object(element, depth + 1)
        if kind == "Ref":
            found = self.objects.get(element.get("RefId", ""))
            if found is None:
                raise _wrong(element, f"there is no object {element.get('RefId')!r} before it")
            return found
        if kind == "PR":
            return _progress(element)
        raise _wrong(element, "no PowerShell writes such an element there")

    def object(self, element: etree._Element, depth: int) -> PSObject:
        if depth > DEEPEST:
            raise Invalid("This CLIXML is nested deeper than PowerShell can write it: it is not read.")
        result = PSObject()
        number = element.get("RefId")
        if number is not None:
            self.objects[number] = result
        for child in element:
            tag: Any = child.tag
            kind = _KIND.get(tag)
            if kind == "MS":
                result.extended = self.members(child, depth)
            elif kind == "Props":
                result.adapted = self.members(child, depth)
            elif kind == "ToString":
                result.to_string = decode(child.text or "")
            elif kind == "TN":
                result.type_names = tuple([decode(name.text or "") for name in child])
                self.types[child.get("RefId", "")] = result.type_names
            elif kind == "TNRef":
                names = self.types.get(child.get("RefId", ""))
                if names is None:
                    raise _wrong(child, f"there are no type names {child.get('RefId')!r} before it")
                result.type_names = names
            elif kind == "DCT":
                result.value = Dictionary([self.entry(entry, depth) for entry in child])
            elif tag in _LIST:
                result.value = _LIST[tag]([self.value(item, depth) for item in child])
            else:
                result.value = self.value(child, depth)
        return result

    def members(self, element: etree._Element, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for child in element:
            name = child.get("N")
            if name is None:
                raise _wrong(child, "it has no name")
            tag: Any = child.tag
            read = _READ.get(tag)
            if read is decode and not len(child):
                # most members are texts: no call for them
                result[decode(name)] = decode(child.text or "")
            elif read is not None:
                result[decode(name)] = self.value(child, depth)
            elif _KIND.get(tag) == "MS":
                if depth >= DEEPEST:
                    raise Invalid("This CLIXML is nested deeper than PowerShell can write it: it is not read.")
                result[decode(name)] = MemberSet(self.members(child, depth + 1))
            else:
                result[decode(name)] = self.value(child, depth)
        return result

    def entry(self, element: etree._Element, depth: int) -> tuple[Any, Any]:
        tag: Any = element.tag
        parts = list(element)
        if _KIND.get(tag) != "En" or [part.get("N") for part in parts] != ["Key", "Value"]:
            raise _wrong(element, "an entry of a dictionary is a Key and a Value")
        key = self.value(parts[0], depth)
        if key is None:
            raise _wrong(element, "a key is never null")
        return key, self.value(parts[1], depth)


def _progress(element: etree._Element) -> ProgressRecord:
    """A progress record: its parts in their order, an operation or null third."""
    parts = list(element)
    tags = [plain_tag(part) for part in parts]
    if len(parts) != 8 or tags[:2] + tags[3:] != ["AV", "AI", "PI", "PC", "T", "SR", "SD"] or len(parts[2]):
        raise _wrong(element, "a progress record has eight parts")
    texts = [part.text or "" for part in parts]
    try:
        return ProgressRecord(
            activity=decode(texts[0]),
            activity_id=_INT32(texts[1]),
            current_operation=None if tags[2] == "Nil" else decode(texts[2]),
            parent_activity_id=_INT32(texts[3]),
            percent_complete=_INT32(texts[4]),
            record_type=texts[5].strip(),
            seconds_remaining=_INT32(texts[6]),
            status_description=decode(texts[7]),
        )
    except Invalid as error:
        raise _wrong(element, str(error)) from None


def _wrong(element: etree._Element, what: str) -> Invalid:
    return Invalid(
        f"This CLIXML cannot be read: <{plain_tag(element)}> in line {element.sourceline}: {what.rstrip('.')}."
    )
