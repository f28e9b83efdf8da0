"""From any Python value to one that JSON can say."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Set


def plain(value: Any) -> Any:
    """`value` of nothing but dict, list, str, int, float, bool and None.

    Dates become ISO 8601 text, paths text, sets sorted lists, dataclasses and named tuples objects, bytes text when
    they are UTF-8 and base64 otherwise; NaN and the infinities become "NaN", "Infinity", "-Infinity".
    Raises ValueError for a value that holds itself, or that is nested too deep.
    """
    try:
        return _plain(value, set())
    except RecursionError:
        raise ValueError("The object is nested too deep.") from None


def _plain(value: Any, above: Set[int]) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is str:
        return _text(value)
    if kind is float:
        return value if math.isfinite(value) else _not_finite(value)
    if id(value) in above:
        raise ValueError("The object holds itself (a %s): emit a part of it." % kind.__name__)
    above.add(id(value))
    try:
        if kind is dict:
            return {_key(key): _plain(item, above) for key, item in value.items()}
        if kind is list:
            return [_plain(item, above) for item in value]
        return _other(value, kind, above)
    finally:
        above.discard(id(value))


def _other(value: Any, kind: Any, above: Set[int]) -> Any:
    import datetime
    import enum
    import os
    from collections import abc

    if isinstance(value, enum.Enum):
        return _plain(value.value if isinstance(value.value, str) else value.name, above)
    if isinstance(value, (str, bool)):
        return _text(str(value)) if isinstance(value, str) else bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _not_finite(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, os.PathLike):
        return _plain(os.fspath(value), above)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(bytes(value))
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        return {name: _plain(getattr(value, name), above) for name in fields if hasattr(value, name)}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {name: _plain(item, above) for name, item in zip(kind._fields, value)}  # noqa: B905
    if isinstance(value, abc.Mapping):
        return {_key(key): _plain(item, above) for key, item in value.items()}
    if isinstance(value, abc.Set):
        return _sorted([_plain(item, above) for item in value])
    if isinstance(value, (abc.Sequence, abc.ValuesView)) or kind.__name__ == "deque":
        return [_plain(item, above) for item in value]
    if isinstance(value, BaseException):
        return {"type": kind.__name__, "message": _text(str(value))}
    return _stranger(value, kind, above)


def _stranger(value: Any, kind: Any, above: Set[int]) -> Any:
    """A number of some library, an array, or any object: its public attributes, or its text when it has one."""
    if kind.__name__ == "Decimal":
        number = float(value)
        return number if math.isfinite(number) and kind(repr(number)) == value else str(value)
    for convert in ("tolist", "item", "isoformat"):
        method = getattr(value, convert, None)
        if callable(method) and not isinstance(value, type):
            return _plain(method(), above)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__ and hasattr(value, "__dict__"):
        return {name: _plain(item, above) for name, item in vars(value).items() if not name.startswith("_")}
    return _text(str(value))


def _key(key: Any) -> str:
    if type(key) is str:
        return _text(key)
    if key is None or type(key) is bool:
        return {None: "null", True: "true", False: "false"}[key]
    value = _plain(key, set())
    return value if isinstance(value, str) else _text(str(key))


def _text(text: str) -> str:
    """Text without lone surrogates: names of files that are not UTF-8 have them."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape" if _escapes(text) else "replace").decode("utf-8", "replace")
    return text


def _escapes(text: str) -> bool:
    return all("\udc80" <= letter <= "\udcff" for letter in text if "\ud800" <= letter <= "\udfff")


def _bytes(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        import base64

        return base64.b64encode(data).decode("ascii")


def _not_finite(value: float) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _sorted(items: List[Any]) -> List[Any]:
    try:
        return sorted(items)
    except TypeError:
        return items
