"""From the job's parameters, which are JSON, to the arguments that a Python function wants."""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import pathlib
import sys
import typing
import uuid
from typing import Any, Callable, Dict, List, Tuple

_NONE = type(None)


def arguments(function: Callable[..., Any], values: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
    """(positional, keyword) for `function` of the job's `values`; what is not given is left to its defaults.

    A parameter whose annotation allows None and that has no default gets None when it is not given.
    """
    signature = inspect.signature(function)
    values = dict(values)
    kinds = inspect.Parameter
    wanted = list(signature.parameters.values())
    spread = next((p for p in wanted if p.kind is kinds.VAR_POSITIONAL and values.get(p.name)), None)
    placed: List[Any] = []
    named: Dict[str, Any] = {}
    skipped = False
    for parameter in wanted:
        if parameter.kind is kinds.VAR_KEYWORD:
            continue
        hint = _hint(function, parameter)
        if parameter.kind is kinds.VAR_POSITIONAL:
            placed.extend(fit(item, hint) for item in values.pop(parameter.name, None) or ())
            continue
        given = parameter.name in values and values[parameter.name] is not None
        value = fit(values.pop(parameter.name, None), hint) if given else None
        values.pop(parameter.name, None)
        if not given and parameter.default is kinds.empty and _takes_none(hint):
            given = True
        by_place = parameter.kind is kinds.POSITIONAL_ONLY or (
            spread is not None and parameter.kind is kinds.POSITIONAL_OR_KEYWORD
        )
        if by_place:
            if not given and parameter.default is kinds.empty:
                skipped = True
            elif not skipped:
                placed.append(value if given else parameter.default)
        elif given:
            named[parameter.name] = value
    if any(parameter.kind is kinds.VAR_KEYWORD for parameter in wanted):
        named.update(values)
    return placed, named


def _hint(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """The annotation as an object; Any where it cannot be had in this Python."""
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        return type(parameter.default) if isinstance(parameter.default, (pathlib.PurePath, enum.Enum)) else typing.Any
    if isinstance(annotation, str):
        try:
            return eval(annotation, getattr(inspect.unwrap(function), "__globals__", {}))
        except Exception:
            # `int | None` in an older Python: its words are simple enough to read
            return _simple(annotation, getattr(inspect.unwrap(function), "__globals__", {}))
    return annotation


def _simple(text: str, names: Dict[str, Any]) -> Any:
    parts = [part.strip() for part in text.split("|")]
    found: List[Any] = []
    for part in parts:
        try:
            found.append(_NONE if part == "None" else eval(part, names))
        except Exception:
            base = part.partition("[")[0].strip()
            found.append({"list": list, "set": set, "tuple": tuple, "dict": dict}.get(base, typing.Any))
    return typing.Union[tuple(found)] if len(found) > 1 else found[0]


def _members(hint: Any) -> Tuple[Any, ...]:
    """The alternatives of a union, or the hint alone."""
    origin = typing.get_origin(hint)
    if origin is typing.Union or (origin is not None and getattr(origin, "__name__", "") == "UnionType"):
        return typing.get_args(hint)
    return (hint,)


def _takes_none(hint: Any) -> bool:
    return any(member is _NONE or member is None for member in _members(hint))


def fit(value: Any, hint: Any) -> Any:
    """`value` as the type that `hint` asks for; unchanged where it is that already or nothing is known."""
    members = [member for member in _members(hint) if member is not _NONE]
    if value is None or not members:
        return value
    if len(members) > 1:
        if any(isinstance(member, type) and type(value) is member for member in members):
            return value
        for member in members:
            try:
                return fit(value, member)
            except (ValueError, TypeError, KeyError, decimal.InvalidOperation):
                continue
        return value
    hint = members[0]
    origin = typing.get_origin(hint)
    if origin is not None and getattr(hint, "__metadata__", None) is not None:
        return fit(value, typing.get_args(hint)[0])
    if getattr(origin, "__name__", "") == "Literal" or origin is getattr(typing, "Literal", None):
        return next((choice for choice in typing.get_args(hint) if choice == value or str(choice) == str(value)), value)
    if origin is not None:
        return _container(value, origin, typing.get_args(hint))
    return _one(value, hint)


def _container(value: Any, origin: Any, inner: Tuple[Any, ...]) -> Any:
    if not isinstance(value, list):
        return value
    if origin is tuple and inner and inner[-1] is not Ellipsis and len(inner) == len(value):
        return tuple(fit(item, hint) for item, hint in zip(value, inner))  # noqa: B905
    item_hint = inner[0] if inner and not isinstance(inner[0], typing.TypeVar) else typing.Any
    items = [fit(item, item_hint) for item in value]
    return origin(items) if origin in (tuple, set, frozenset) else items


def _one(value: Any, hint: Any) -> Any:
    if not isinstance(hint, type):
        return value
    if issubclass(hint, enum.Enum):
        for member in hint:
            if value in (member.name, member.value) or str(member.value) == str(value):
                return member
        raise ValueError("%r is none of %s" % (value, [member.name for member in hint]))
    if hint is datetime.datetime and isinstance(value, str):
        # fromisoformat knows no Z before 3.11
        return hint.fromisoformat(
            value[:-1] + "+00:00" if value.endswith("Z") and sys.version_info < (3, 11) else value
        )
    if hint in (datetime.date, datetime.time) and isinstance(value, str):
        return hint.fromisoformat(value)
    if issubclass(hint, pathlib.PurePath) or hint is uuid.UUID:
        return hint(value)
    if hint is decimal.Decimal:
        return hint(str(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (tuple, set, frozenset) and isinstance(value, list):
        return hint(value)
    if issubclass(hint, str) and hint is not str and isinstance(value, str):
        return hint(value)
    return value
