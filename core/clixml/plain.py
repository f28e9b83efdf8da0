"""CLIXML values as plain values that JSON knows: for `jobdeck objects`, exports, and scripts of other kinds."""

from __future__ import annotations

import base64
import uuid
from decimal import Decimal
from typing import Any

from core.clixml.numbers import single_text
from core.clixml.text import float_text, span_text, text
from core.clixml.times import DateTime, TimeSpan
from core.clixml.values import ABSENT, Dictionary, MemberSet, ProgressRecord, PSObject, SecureString, Single
from core.errors import Invalid

#: values of one document; references can make few bytes into endlessly many
_MOST = 2_000_000


def simple(document: bytes | str) -> Any:
    """What a CLIXML document says to a script that is no PowerShell: its plain value, secrets clear.

    Raises Invalid for a document that cannot be read.
    """
    from core.clixml.reader import read

    return plain(read(document), reveal=True)


def plain(value: Any, *, reveal: bool = False) -> Any:
    """null, true, number, text, list or dict.

    An enum is its name, a date its ISO form, a duration `[d.]hh:mm:ss[.fffffff]`, bytes are base64, an object is its
    properties, and one without any its text. A secret is null, or with `reveal` clear. What JSON numbers cannot say
    (NaN, 29 digits) is text. A reference to what it stands in is the text of that. Raises Invalid when it is too much.
    """
    return _Plain(reveal).value(value)


class _Plain:
    def __init__(self, reveal: bool) -> None:
        self.reveal = reveal
        self.count = 0
        #: objects that are being told: one that comes again within itself is told by its text
        self.open: set[int] = set()

    def value(self, value: Any) -> Any:
        self.count += 1
        if self.count > _MOST:
            raise Invalid(f"This object has more than {_MOST:,} values: it refers to the same parts again and again.")
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return _number(value)
        if isinstance(value, PSObject):
            return self.object(value)
        if isinstance(value, bytes):
            return base64.b64encode(value).decode("ascii")
        if isinstance(value, DateTime | uuid.UUID):
            return str(value)
        if isinstance(value, TimeSpan):
            return span_text(value)
        if isinstance(value, Decimal):
            return _decimal(value)
        if isinstance(value, SecureString):
            return value.reveal() if self.reveal else None
        if isinstance(value, ProgressRecord):
            return {
                "Activity": value.activity,
                "ActivityId": value.activity_id,
                "CurrentOperation": value.current_operation,
                "ParentActivityId": value.parent_activity_id,
                "PercentComplete": value.percent_complete,
                "RecordType": value.record_type,
                "SecondsRemaining": value.seconds_remaining,
                "StatusDescription": value.status_description,
            }
        if isinstance(value, Dictionary):
            return self.dictionary(value)
        if isinstance(value, MemberSet | dict):
            return {str(name): self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return str(value)

    def object(self, value: PSObject) -> Any:
        if id(value) in self.open:
            return text(value)
        self.open.add(id(value))
        try:
            return self.opened(value)
        finally:
            self.open.discard(id(value))

    def opened(self, value: PSObject) -> Any:
        if value.type_name == "System.Numerics.BigInteger" and value.to_string is not None:
            return _big(value.to_string)
        if value.value is not ABSENT:
            if value.to_string is not None and isinstance(value.value, int):
                return value.to_string
            return self.value(value.value)
        if value.adapted or value.extended:
            if value.to_string and value.type_name in _TOLD:
                return value.to_string
            return {name: self.value(item) for name, item in value.properties().items()}
        return value.to_string if value.to_string is not None else {}

    def dictionary(self, entries: Dictionary) -> Any:
        names = [text(key) for key, _ in entries]
        if len(set(names)) == len(names) and not any(isinstance(key, PSObject) for key, _ in entries):
            return {name: self.value(value) for name, (_, value) in zip(names, entries, strict=True)}
        return [{"Key": self.value(key), "Value": self.value(value)} for key, value in entries]


#: types whose text says all that their properties say
_TOLD = frozenset(
    {
        "System.Management.Automation.SemanticVersion",
        "System.DateOnly",
        "System.TimeOnly",
        "System.Net.IPAddress",
        "System.Globalization.CultureInfo",
    }
)


def _number(value: float) -> float | str:
    if value != value or value in (float("inf"), float("-inf")):
        return float_text(value)
    return float(single_text(value)) if isinstance(value, Single) else float(value)


def _decimal(value: Decimal) -> int | float | str:
    if value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else format(value, "f")


def _big(digits: str) -> int | str:
    return int(digits) if digits.lstrip("-").isdecimal() and len(digits) < 4000 else digits
