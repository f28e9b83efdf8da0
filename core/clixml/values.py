"""What CLIXML can say, as Python values that keep all that is needed to write it back.

null is None; text, `[bool]`, `[int]` and `[double]` are str, bool, int and float; `byte[]` is bytes, a `[guid]`
uuid.UUID, a `[decimal]` decimal.Decimal. Everything else has a class here. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.clixml.times import DateTime, TimeSpan
from core.errors import Invalid

__all__ = [
    "BoundedInteger",
    "Byte",
    "Char",
    "DateTime",
    "Dictionary",
    "Enumerable",
    "Int16",
    "Int64",
    "MemberSet",
    "PSObject",
    "ProgressRecord",
    "Queue",
    "SByte",
    "ScriptBlock",
    "SecureString",
    "SemanticVersion",
    "Single",
    "Stack",
    "TimeSpan",
    "UInt16",
    "UInt32",
    "UInt64",
    "Uri",
    "Version",
    "XmlDocument",
]


class BoundedInteger(int):
    """A whole number of a .NET type with bounds. Raises Invalid outside of them."""

    __slots__ = ()
    LOW: int
    HIGH: int

    def __new__(cls, value: int | str) -> BoundedInteger:
        number = super().__new__(cls, value)
        if not cls.LOW <= number <= cls.HIGH:
            raise Invalid(f"{int(number)} is no {cls.__name__}: that goes from {cls.LOW} to {cls.HIGH}.")
        return number

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"

    __str__ = int.__repr__


class Byte(BoundedInteger):
    """A `[byte]`."""

    __slots__ = ()
    LOW, HIGH = 0, 255


class SByte(BoundedInteger):
    """A `[sbyte]`."""

    __slots__ = ()
    LOW, HIGH = -128, 127


class Int16(BoundedInteger):
    """A `[int16]`."""

    __slots__ = ()
    LOW, HIGH = -(2**15), 2**15 - 1


class UInt16(BoundedInteger):
    """A `[uint16]`."""

    __slots__ = ()
    LOW, HIGH = 0, 2**16 - 1


class UInt32(BoundedInteger):
    """A `[uint32]`."""

    __slots__ = ()
    LOW, HIGH = 0, 2**32 - 1


class Int64(BoundedInteger):
    """A `[long]`."""

    __slots__ = ()
    LOW, HIGH = -(2**63), 2**63 - 1


class UInt64(BoundedInteger):
    """A `[ulong]`."""

    __slots__ = ()
    LOW, HIGH = 0, 2**64 - 1


class Single(float):
    """A `[single]`: the number is the nearest that 32 bits can hold."""

    __slots__ = ()

    def __new__(cls, value: float | str) -> Single:
        import struct

        number = float(value)
        try:
            return super().__new__(cls, struct.unpack("<f", struct.pack("<f", number))[0])
        except OverflowError:
            return super().__new__(cls, float("inf") if number > 0 else float("-inf"))

    def __repr__(self) -> str:
        return f"Single({float(self)!r})"


class Char(str):
    """A `[char]`: one UTF-16 code unit, half of a surrogate pair too."""

    __slots__ = ()

    def __new__(cls, value: int | str) -> Char:
        text = value if isinstance(value, str) else chr(value) if 0 <= value <= 0xFFFF else ""
        if len(text) != 1 or ord(text) > 0xFFFF:
            raise Invalid(f"{value!r} is no Char: that is one UTF-16 code unit, from 0 to 65535.")
        return super().__new__(cls, text)

    @property
    def code(self) -> int:
        """The code unit."""
        return ord(self)


class Uri(str):
    """A `[uri]`, as it was written."""

    __slots__ = ()


class ScriptBlock(str):
    """The text of a `[scriptblock]`."""

    __slots__ = ()


class XmlDocument(str):
    """The text of an `[xml]`; it is not parsed."""

    __slots__ = ()


class Version(str):
    """A `[version]`: two to four numbers. Raises Invalid for anything else."""

    __slots__ = ()
    _FORM = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10}){1,3}")

    def __new__(cls, text: str) -> Version:
        if not cls._FORM.fullmatch(text) or any(int(part) >= 2**31 for part in text.split(".")):
            raise Invalid(f"'{text[:60]}' is no Version: that is two to four numbers with dots between them.")
        return super().__new__(cls, text)


class SemanticVersion(str):
    """A `[semver]`, where a document gives it as a value; PowerShell itself writes it as an object."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SecureString:
    """A `[securestring]` as the document has it: it is shown nowhere, and read only by `reveal`."""

    #: base64 of UTF-16 in a conversation with `pwsh -s`, hexadecimal digits of the same in PSSerializer's documents
    protected: str = field(repr=False)

    @classmethod
    def of(cls, text: str, *, wire: bool = False) -> SecureString:
        """The secure string of a secret; `wire` for a conversation with `pwsh -s`, else for PSSerializer."""
        import base64

        data = text.encode("utf-16-le", "surrogatepass")
        return cls(base64.b64encode(data).decode("ascii") if wire else data.hex())

    def reveal(self) -> str:
        """The secret. Raises Invalid when it was protected otherwise (on Windows: for one user of one computer)."""
        import base64
        import binascii

        try:
            if re.fullmatch(r"(?:[0-9a-fA-F]{4})*", self.protected):
                return bytes.fromhex(self.protected).decode("utf-16-le", "surrogatepass")
            return base64.b64decode(self.protected, validate=True).decode("utf-16-le", "surrogatepass")
        except (ValueError, binascii.Error):
            raise Invalid("This SecureString cannot be read here: it was protected on another computer.") from None


@dataclass(slots=True)
class ProgressRecord:
    """A `[System.Management.Automation.ProgressRecord]`; -1 = unknown."""

    activity: str = ""
    activity_id: int = 0
    current_operation: str | None = None
    parent_activity_id: int = -1
    percent_complete: int = -1
    #: "Processing" or "Completed"
    record_type: str = "Processing"
    seconds_remaining: int = -1
    status_description: str | None = ""


class Queue(list[Any]):
    """The items of a queue, the next one first."""

    __slots__ = ()


class Stack(list[Any]):
    """The items of a stack, the top first."""

    __slots__ = ()


class Enumerable(list[Any]):
    """The items of something that can be gone through but is no list: a set, a range."""

    __slots__ = ()


class Dictionary(list[tuple[Any, Any]]):
    """The entries of a dictionary, in order. A key can be any value, an object too."""

    __slots__ = ()

    @classmethod
    def of(cls, mapping: Mapping[Any, Any]) -> Dictionary:
        """The entries of a mapping."""
        return cls(mapping.items())

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of the first entry whose key equals `key` (text in any case, as PowerShell has it)."""
        folded = key.casefold() if isinstance(key, str) else None
        for own, value in self:
            if own == key or (folded is not None and isinstance(own, str) and own.casefold() == folded):
                return value
        return default


class MemberSet(dict[str, Any]):
    """A set of members under one name (`PSStandardMembers`)."""

    __slots__ = ()


class _Absent:
    """Not there at all, which is something else than null."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(slots=True, eq=False)
class PSObject:
    """An object. Two are the same only when they are one: documents may point back to what they hold.

    `value` is what it is besides its properties: an enum's number, a list's items (list, Queue, Stack, Enumerable),
    a Dictionary, another value, or ABSENT. `adapted` are the properties of the type, `extended` those added to it.
    """

    type_names: tuple[str, ...] = ()
    to_string: str | None = None
    value: Any = ABSENT
    adapted: dict[str, Any] | None = None
    extended: dict[str, Any] | None = None

    @classmethod
    def custom(cls, properties: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> PSObject:
        """A `[pscustomobject]`."""
        return cls(CUSTOM, extended=dict(properties))

    @property
    def type_name(self) -> str:
        """The first type name, without `Deserialized.`; "" when there is none."""
        return self.type_names[0].removeprefix("Deserialized.") if self.type_names else ""

    def properties(self) -> dict[str, Any]:
        """All of its properties: those of the type first."""
        return {**(self.adapted or {}), **(self.extended or {})}

    def get(self, name: str, default: Any = None) -> Any:
        """One property, in any case of its name."""
        for members in (self.extended, self.adapted):
            if members:
                if name in members:
                    return members[name]
                folded = name.casefold()
                for own, value in members.items():
                    if own.casefold() == folded:
                        return value
        return default


CUSTOM = ("System.Management.Automation.PSCustomObject", "System.Object")
ARRAY = ("System.Object[]", "System.Array", "System.Object")
HASHTABLE = ("System.Collections.Hashtable", "System.Object")
BIG_INTEGER = ("System.Numerics.BigInteger", "System.ValueType", "System.Object")
