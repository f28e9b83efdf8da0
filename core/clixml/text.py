"""A value as PowerShell says it in a text: `"$value"`. Standard library only."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from core.clixml.numbers import single_text
from core.clixml.times import TICKS_PER_DAY, TICKS_PER_SECOND, DateTime, TimeSpan
from core.clixml.values import ABSENT, Dictionary, MemberSet, ProgressRecord, PSObject, SecureString, Single

#: items of a list, and properties of an object, that are told
_MOST = 1000
#: objects that are nothing but another object
_DEEPEST = 64


def text(value: Any) -> str:
    """PowerShell's text of a value. It goes one level deep; an enum is told by its name."""
    if isinstance(value, PSObject):
        return _object_text(value, inside=False)
    return _simple_text(value)


def _simple_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, int | uuid.UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return " ".join(map(str, value[:_MOST]))
    if isinstance(value, DateTime):
        year, month, day, hour, minute, second, _ = value.fields()
        return f"{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}"
    if isinstance(value, TimeSpan):
        return span_text(value)
    if isinstance(value, SecureString):
        return "System.Security.SecureString"
    if isinstance(value, ProgressRecord):
        return (
            f"parent = {value.parent_activity_id} id = {value.activity_id} act = {value.activity}"
            f" stat = {value.status_description or ''} cur = {value.current_operation or ''}"
            f" pct = {value.percent_complete} sec = {value.seconds_remaining} type = {value.record_type}"
        )
    if isinstance(value, MemberSet):
        return "; ".join(value)
    if isinstance(value, Dictionary | dict):
        return "System.Collections.Hashtable"
    if isinstance(value, list | tuple):
        return " ".join(_inside(item) for item in value[:_MOST])
    return str(value)


def _inside(value: Any) -> str:
    """The text of a value within a list or an object."""
    return _object_text(value, inside=True) if isinstance(value, PSObject) else _simple_text(value)


def _object_text(value: PSObject, *, inside: bool) -> str:
    for _ in range(_DEEPEST):
        if value.to_string is not None or not isinstance(value.value, PSObject):
            break
        value, inside = value.value, False
    else:
        # It is nothing but itself.
        return ""
    base = value.value
    if isinstance(base, list) and not isinstance(base, Dictionary):
        return value.type_name if inside else _simple_text(base)
    if value.to_string is not None:
        return value.to_string
    if isinstance(base, Dictionary):
        ordered = "System.Collections.Specialized.OrderedDictionary"
        return ordered if value.type_name == ordered else "System.Collections.Hashtable"
    if base is not ABSENT:
        return _simple_text(base)
    properties = value.properties()
    if value.type_names and "System.Management.Automation.PSCustomObject" not in (
        name.removeprefix("Deserialized.") for name in value.type_names
    ):
        return value.type_name
    if inside or not properties:
        return ""
    told = [f"{name}={_inside(item)}" for name, item in list(properties.items())[:_MOST]]
    return "@{" + "; ".join(told) + "}"


def float_text(value: float) -> str:
    """15 digits of a Double, 7 of a Single."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Single):
        return single_text(value)
    digits = f"{value:.15G}"
    mantissa, exponent, power = digits.partition("E")
    return f"{mantissa}E{power[0]}{power[1:].lstrip('0').rjust(2, '0')}" if exponent else digits


def span_text(value: TimeSpan) -> str:
    """`[-][d.]hh:mm:ss[.fffffff]`, which PowerShell reads back."""
    days, rest = divmod(abs(value.ticks), TICKS_PER_DAY)
    seconds, part = divmod(rest, TICKS_PER_SECOND)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if value.ticks < 0 else "") + (f"{days}." if days else "") + clock + (f".{part:07}" if part else "")
