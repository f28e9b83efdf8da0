"""Values to CLIXML, byte for byte as PSSerializer writes it. Standard library only."""

from __future__ import annotations

import base64
import datetime
import enum
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from core.clixml.escapes import attribute, encode, markup
from core.clixml.numbers import double_text, fits_decimal, single_text
from core.clixml.values import (
    ABSENT,
    ARRAY,
    BIG_INTEGER,
    HASHTABLE,
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
from core.exact_json import Number

__all__ = ["write", "write_streams"]

_ROOT = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
#: levels that are written; PowerShell reads 50
_DEEPEST = 64


def write(value: Any, *, wire: bool = False) -> str:
    """The document of one value: as PSSerializer writes it, or, for the `wire`, the bare element in one line.

    Takes the values of `core.clixml.values` and plain Python: a list becomes an array, a dict a hashtable, a whole
    number an Int32, Int64 or BigInteger. Raises Invalid for what has no form in CLIXML and for endless depth.
    """
    writer = _Writer(not wire)
    if wire:
        writer.value(value, "", 0)
        return "".join(writer.out)
    return write_streams([(None, value)])


def write_streams(values: Iterable[tuple[str | None, Any]]) -> str:
    """One document of several values, each with the name of its stream or None."""
    writer = _Writer(True)
    for stream, value in values:
        writer.value(value, f' S="{attribute(stream)}"' if stream else "", 1)
    return f"{_ROOT}{''.join(writer.out)}\n</Objs>" if writer.out else f"{_ROOT[:-1]} />"


def _text(value: str) -> str:
    return markup(encode(value))


def _exact(value: Number) -> float | Decimal:
    """A number of JSON as it was written, where CLIXML has a type that can say it; else the nearest double."""
    if "e" not in value.text.casefold():
        exact = Decimal(value.text)
        if fits_decimal(exact):
            return exact
    return float(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite() or not fits_decimal(value):
        raise Invalid(f"{value} does not fit into a Decimal.")
    return format(value, "f")


#: type -> tag and text; the tag is written in full even when the text is empty
_SIMPLE: dict[type, tuple[str, Callable[[Any], str]]] = {
    str: ("S", _text),
    bool: ("B", lambda value: "true" if value else "false"),
    float: ("Db", double_text),
    Byte: ("By", int.__repr__),
    SByte: ("SB", int.__repr__),
    Int16: ("I16", int.__repr__),
    UInt16: ("U16", int.__repr__),
    UInt32: ("U32", int.__repr__),
    Int64: ("I64", int.__repr__),
    UInt64: ("U64", int.__repr__),
    Single: ("Sg", single_text),
    Char: ("C", lambda value: str(ord(value))),
    Decimal: ("D", _decimal),
    DateTime: ("DT", str),
    TimeSpan: ("TS", str),
    datetime.datetime: ("DT", lambda value: str(DateTime.of(value))),
    datetime.date: ("DT", lambda value: f"{value.isoformat()}T00:00:00"),
    datetime.timedelta: ("TS", lambda value: str(TimeSpan.of(value))),
    uuid.UUID: ("G", str),
    Uri: ("URI", _text),
    Version: ("Version", str),
    SemanticVersion: ("SemanticVersion", str),
    XmlDocument: ("XD", _text),
    ScriptBlock: ("SBK", _text),
    SecureString: ("SS", lambda value: markup(value.protected)),
}
_LISTS: dict[type, str] = {list: "LST", Queue: "QUE", Stack: "STK", Enumerable: "IE"}


class _Writer:
    """One document: what it has numbered so far."""

    def __init__(self, indent: bool) -> None:
        self.out: list[str] = []
        self.indent = indent
        self.objects: dict[int, int] = {}
        self.types: dict[tuple[str, ...], int] = {}
        #: what is numbered stays alive until the end, so that no number is taken for another's
        self.alive: list[Any] = []

    def value(self, value: Any, attributes: str, level: int) -> None:
        """`attributes`: those that stand before RefId, with a space in front."""
        kind = type(value)
        simple = _SIMPLE.get(kind)
        if simple is not None:
            tag, text = simple
            self.out.append(f"{self.pad(level)}<{tag}{attributes}>{text(value)}</{tag}>")
        elif value is None:
            self.out.append(f"{self.pad(level)}<Nil{attributes} />")
        elif kind is int:
            self.integer(value, attributes, level)
        elif kind is PSObject:
            self.object(value, attributes, level, value)
        elif kind is bytes or kind is bytearray:
            coded = base64.b64encode(value).decode("ascii")
            self.out.append(self.pad(level) + (f"<BA{attributes}>{coded}</BA>" if coded else f"<BA{attributes} />"))
        elif kind is ProgressRecord:
            self.progress(value, attributes, level)
        else:
            self.python(value, attributes, level)

    def pad(self, level: int) -> str:
        return "\n" + "  " * level if self.indent else ""

    def integer(self, value: int, attributes: str, level: int) -> None:
        if -(2**31) <= value < 2**31:
            self.out.append(f"{self.pad(level)}<I32{attributes}>{value}</I32>")
        elif -(2**63) <= value < 2**63:
            self.out.append(f"{self.pad(level)}<I64{attributes}>{value}</I64>")
        else:
            self.object(_big_integer(value), attributes, level, value)

    def python(self, value: Any, attributes: str, level: int) -> None:
        """What Python has of its own."""
        if isinstance(value, Dictionary | Mapping):
            entries = value if isinstance(value, Dictionary) else Dictionary.of(value)
            self.object(PSObject(HASHTABLE, value=entries), attributes, level, value)
        elif isinstance(value, list | tuple | set | frozenset):
            kind = type(value) if type(value) in _LISTS else list
            self.object(PSObject(ARRAY, value=kind(value)), attributes, level, value)
        elif isinstance(value, enum.Enum):
            self.value(value.value, attributes, level)
        elif isinstance(value, str):
            self.value(str(value), attributes, level)
        elif isinstance(value, bool | int):
            self.value(int(value), attributes, level)
        elif isinstance(value, Number):
            # PowerShell is given what a script of its own would have read.
            self.value(_exact(value) if self.indent else float(value), attributes, level)
        elif isinstance(value, float):
            self.value(float(value), attributes, level)
        elif isinstance(value, os.PathLike):
            self.value(os.fspath(value), attributes, level)
        else:
            raise Invalid(f"A value of the type {type(value).__name__} has no form in CLIXML.")

    def object(self, value: PSObject, attributes: str, level: int, identity: Any) -> None:
        number = self.objects.get(id(identity))
        pad = self.pad(level)
        if number is not None:
            self.out.append(f'{pad}<Ref{attributes} RefId="{number}" />')
            return
        if level > 4 * _DEEPEST:
            raise Invalid(f"This value is nested deeper than {_DEEPEST} levels, which no PowerShell could read.")
        number = self.objects[id(identity)] = len(self.objects)
        self.alive.append(identity)
        out = self.out
        out.append(f'{pad}<Obj{attributes} RefId="{number}">')
        start = len(out)
        self.names(value.type_names, level + 1)
        if value.to_string is not None:
            text = _text(value.to_string)
            out.append(self.pad(level + 1) + (f"<ToString>{text}</ToString>" if text else "<ToString />"))
        if value.value is not ABSENT:
            self.base(value.value, level + 1)
        if value.adapted is not None:
            self.members("Props", "", value.adapted, level + 1)
        if value.extended is not None:
            self.members("MS", "", value.extended, level + 1)
        if len(out) == start:
            out[-1] = f'{pad}<Obj{attributes} RefId="{number}" />'
        else:
            out.append(f"{pad}</Obj>")

    def names(self, names: tuple[str, ...], level: int) -> None:
        if not names:
            return
        number = self.types.get(names)
        pad = self.pad(level)
        if number is not None:
            self.out.append(f'{pad}<TNRef RefId="{number}" />')
            return
        number = self.types[names] = len(self.types)
        self.out.append(f'{pad}<TN RefId="{number}">')
        inner = self.pad(level + 1)
        self.out.extend(f"{inner}<T>{_text(name)}</T>" if name else f"{inner}<T />" for name in names)
        self.out.append(f"{pad}</TN>")

    def base(self, value: Any, level: int) -> None:
        """What an object is besides its properties."""
        tag = _LISTS.get(type(value))
        if tag is not None:
            self.container(tag, value, level)
        elif type(value) is Dictionary:
            self.entries(value, level)
        else:
            self.value(value, "", level)

    def container(self, tag: str, items: list[Any], level: int) -> None:
        pad = self.pad(level)
        if not items:
            self.out.append(f"{pad}<{tag} />")
            return
        self.out.append(f"{pad}<{tag}>")
        for item in items:
            self.value(item, "", level + 1)
        self.out.append(f"{pad}</{tag}>")

    def entries(self, entries: Dictionary, level: int) -> None:
        pad = self.pad(level)
        if not entries:
            self.out.append(f"{pad}<DCT />")
            return
        inner = self.pad(level + 1)
        self.out.append(f"{pad}<DCT>")
        for key, value in entries:
            if key is None:
                raise Invalid("A dictionary has the key null, which PowerShell does not take.")
            self.out.append(f"{inner}<En>")
            self.value(key, ' N="Key"', level + 2)
            self.value(value, ' N="Value"', level + 2)
            self.out.append(f"{inner}</En>")
        self.out.append(f"{pad}</DCT>")

    def members(self, tag: str, attributes: str, members: Mapping[str, Any], level: int) -> None:
        pad = self.pad(level)
        if not members:
            self.out.append(f"{pad}<{tag}{attributes} />")
            return
        self.out.append(f"{pad}<{tag}{attributes}>")
        for name, value in members.items():
            named = f' N="{attribute(encode(name))}"'
            if type(value) is MemberSet:
                self.members("MS", named, value, level + 1)
            else:
                self.value(value, named, level + 1)
        self.out.append(f"{pad}</{tag}>")

    def progress(self, value: ProgressRecord, attributes: str, level: int) -> None:
        inner = self.pad(level + 1)
        operation = value.current_operation
        self.out += (
            f"{self.pad(level)}<PR{attributes}>",
            f"{inner}{_part('AV', value.activity)}",
            f"{inner}<AI>{value.activity_id}</AI>",
            f"{inner}<Nil />" if operation is None else f"{inner}<S>{_text(operation)}</S>",
            f"{inner}<PI>{value.parent_activity_id}</PI>",
            f"{inner}<PC>{value.percent_complete}</PC>",
            f"{inner}<T>{value.record_type}</T>",
            f"{inner}<SR>{value.seconds_remaining}</SR>",
            f"{inner}{_part('SD', value.status_description or '')}",
            f"{self.pad(level)}</PR>",
        )


def _part(tag: str, text: str) -> str:
    return f"<{tag}>{_text(text)}</{tag}>" if text else f"<{tag} />"


def _big_integer(value: int) -> PSObject:
    """A BigInteger as PowerShell writes it: its digits, and what its type says of it."""
    return PSObject(
        BIG_INTEGER,
        str(value),
        adapted={
            "IsPowerOfTwo": value > 0 and value & (value - 1) == 0,
            "IsZero": False,
            "IsOne": False,
            "IsEven": value % 2 == 0,
            "Sign": 1 if value > 0 else -1,
        },
    )
