"""JSON whose numbers stay as they were written: `1e400`, `1.10`, more digits than a float has.

Standard library only.
"""

from __future__ import annotations

import json
import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Number", "dumps", "loads"]

#: Python makes no int of more digits
_DIGITS = 4000
_HALF = re.compile("[\ud800-\udfff]")
_END = object()


class Number(float):
    """A number that a float, or an int, cannot say as it was written: `text` does; it counts as the nearest float."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _float(text: str) -> float:
    value = float(text)
    return value if float.__repr__(value) == text else Number(text)


def _int(text: str) -> int | float:
    return Number(text) if len(text) > _DIGITS or text == "-0" else int(text)


_decoder = json.JSONDecoder(parse_float=_float, parse_int=_int)
_wire_decoder = json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=lambda _name: None)
#: what holds these alone is written at once
_SIMPLE = frozenset({str, int, bool, float, type(None)})
_ENCODERS = {
    False: json.JSONEncoder(ensure_ascii=False).encode,
    True: json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode,
}


def loads(data: bytes | str, *, wire: bool = False) -> Any:
    """As `json.loads`, with a `Number` where it would change what was written; with `wire` null for NaN and the like.

    Raises ValueError, RecursionError.
    """
    if not isinstance(data, str):
        data = data.decode(json.detect_encoding(data), "surrogatepass")
    return (_wire_decoder if wire else _decoder).decode(data)


def dumps(value: Any, indent: int | None = None, *, wire: bool = False) -> str:
    """As `json.dumps` without escapes for what is not ASCII; of any depth.

    For the `wire` without blanks, and with null for NaN and the infinities, for which JSON has no words; halves of
    surrogate pairs are escapes there.
    """
    parts: list[str] = []
    #: what is open: the members that are left, and the bracket that ends it
    opened: list[tuple[Iterator[Any], str]] = []
    comma, colon = (",", ":") if wire else (", " if indent is None else ",", ": ")
    while True:
        at_once = _at_once(value, wire) if indent is None else None
        if at_once is not None:
            parts.append(at_once)
            between = comma
        elif isinstance(value, dict | list | tuple) and value:
            named = isinstance(value, dict)
            members: Iterator[Any] = iter(value.items() if isinstance(value, dict) else value)
            opened.append((members, "}" if named else "]"))
            parts.append("{" if named else "[")
            between = ""
        else:
            parts.append(_scalar(value, wire))
            between = comma
        while opened:
            members, bracket = opened[-1]
            value = next(members, _END)
            if value is not _END:
                break
            opened.pop()
            parts += (_line(indent, len(opened)), bracket)
            between = comma
        else:
            text = "".join(parts)
            return _HALF.sub(lambda found: f"\\u{ord(found.group()):04x}", text) if wire else text
        parts += (between, _line(indent, len(opened)))
        if bracket == "}":
            name, value = value
            parts += (_ENCODERS[False](name), colon)


def _at_once(value: Any, wire: bool) -> str | None:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if members is None or not _SIMPLE.issuperset(map(type, members)):
        return None
    try:
        return _ENCODERS[wire](value)
    except ValueError:
        return None


def _line(indent: int | None, depth: int) -> str:
    return "" if indent is None else "\n" + " " * (indent * depth)


def _scalar(value: Any, wire: bool) -> str:
    if isinstance(value, Number):
        return value.text
    if wire and isinstance(value, float) and not math.isfinite(value):
        return "null"
    return _ENCODERS[False](value)
