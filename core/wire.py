"""The data of the service as JSON: what the server sends and the client reads, and the other way round.

One table-driven codec for every data class. Keys are the field names in camelCase, or the original's where it has
another (`_NAMES`); on input in any case. Times are RFC 3339, UTC, with 7 digits of fraction; what is unknown is null;
a status is its number, a role its word; a Script's timeout is in minutes (`timeOut`). Bytes are text where that loses
nothing, else base64 under the field's name with `Base64` behind it. Standard library only.
"""

from __future__ import annotations

import base64
import enum
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from core.access import AppToken
from core.errors import Invalid
from core.model import Clixml, Job, Script, Status
from core.times import rfc3339
from core.wire_values import (
    READ,
    Mismatch,
    collection,
    from_base64,
    from_minutes,
    json_value,
    mapping,
    minutes,
    one_of,
    optional,
    status_of,
    time_or,
    word_of,
)

T = TypeVar("T")
Convert = Callable[[Any], Any]

#: fields that have another name in the original
_NAMES: dict[type, dict[str, str]] = {
    Job: {
        "created": "createdTime",
        "started": "startTime",
        "ended": "endTime",
        "script_path": "scriptFullPath",
    },
    Script: {"path": "fullPath", "timeout": "timeOut"},
    AppToken: {"expires": "expiration"},
}
#: fields that hold nanoseconds since the epoch
TIMES = frozenset(
    {"answered", "changed", "created", "ended", "expires", "last_ended", "last_used", "revoked", "since", "started"}
    | {"time", "until"}
)
_MOST = 2**63 - 1
_SECONDS_AS_MINUTES = {(Script, "timeout")}


def encode(value: Any) -> Any:
    """Any data class of the service, or a list or mapping of them, as values that JSON knows."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is Clixml:
        return {"clixml": value.document}
    if hasattr(kind, "__dataclass_fields__"):
        return _plan(kind).encode(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key.name if isinstance(key, enum.Enum) else str(key): encode(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(encode(item) for item in value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: Any, *, strict: bool = False) -> T:
    """An object of that data class from its JSON; `strict` refuses keys it does not know.

    Raises Invalid, with the name of the key, for what is missing or is not what it should be.
    """
    plan = _plan(kind)
    values = plan.decode(data, strict=strict)
    if missing := plan.mandatory.difference(values):
        lacking = ", ".join(plan.keys[name] for name in plan.names if name in missing)
        raise Invalid(f"The {plan.title} lacks {lacking}.")
    result: T = kind(**values)
    return result


def decode_list(kind: type[T], data: Any) -> list[T]:
    """A list of such objects."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise Invalid(f"A list of {_plan(kind).title}s is expected, not {_shown(data)}.")
    return [decode(kind, item) for item in data]


def encode_settings(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Some fields of a data class, by name, as the JSON of these alone; a name it does not know is kept."""
    plan = _plan(kind)
    out: dict[str, Any] = {}
    for name, value in settings.items():
        convert = plan.encoders.get(name, encode)
        try:
            out[plan.keys.get(name, name)] = None if value is None else convert(value)
        except (TypeError, ValueError, OverflowError):
            out[plan.keys.get(name, name)] = encode(value)
    return out


def decode_settings(kind: type, data: Any) -> dict[str, Any]:
    """The fields that are there, by name; a key it does not know is kept, for the service to refuse."""
    return _plan(kind).decode(data, strict=False, keep=True)


def encode_counts(counts: Mapping[Status, int]) -> dict[str, int]:
    """How many jobs are in each status, under the statuses' words."""
    return {status.name: number for status, number in counts.items()}


def decode_counts(data: Any) -> dict[Status, int]:
    """The same backwards."""
    try:
        return {Status[word]: int(number) for word, number in data.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Invalid(f"Counts are numbers under the words of statuses, not {_shown(data)}.") from error


def keys(kind: type) -> Mapping[str, str]:
    """The JSON key of each field of a data class, by the field's name."""
    return _plan(kind).keys


def content_fields(content: bytes) -> dict[str, str]:
    """A file's bytes as fields of a body: `content`, or `contentBase64` where they are no UTF-8 text."""
    try:
        return {"content": content.decode()}
    except UnicodeDecodeError:
        return {"contentBase64": base64.b64encode(content).decode()}


def dumps(value: Any) -> bytes:
    """JSON text of what `encode` gave. A number that is none (NaN, infinite) becomes null."""
    try:
        return _JSON(value).encode()
    except UnicodeEncodeError:  # a lone surrogate, a byte of a path that is no UTF-8: as an escape it goes through
        return _ASCII(value).encode()
    except ValueError:
        return _ASCII(_finite(value)).encode()


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False).encode
_ASCII = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode
_AS_THEY_ARE = frozenset({str, int, float, bool, types.NoneType})


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class _Plan:
    """How one data class goes to JSON and back, worked out once."""

    def __init__(self, kind: type) -> None:
        self.title = "".join(f" {c.lower()}" if c.isupper() else c for c in kind.__name__).strip()
        hints = typing.get_type_hints(kind)
        fields: dict[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
        self.names = tuple(fields)
        renamed = _NAMES.get(kind, {})
        #: field name -> key
        self.keys = {name: renamed.get(name) or _camel(name) for name in self.names}
        self.mandatory = frozenset(name for name, field in fields.items() if _mandatory(field))
        self.encoders: dict[str, Convert] = {}
        #: key, also simplified -> field name, what reads it, types that are taken as they are
        self.readers: dict[str, tuple[str, Convert, frozenset[type]]] = {}
        self._bytes: list[tuple[str, str]] = []
        for name in self.names:
            key, hint = self.keys[name], hints[name]
            write, read = _converters(kind, name, hint)
            if hint is bytes:
                self._bytes.append((key, key + "Base64"))
                self._reader(key + "Base64", name, from_base64, frozenset())
            elif write is not None:
                self.encoders[name] = write
            taken = frozenset() if name in TIMES else _taken(hint)
            self._reader(key, name, read, taken)
            self.readers.setdefault(_simple(name), (name, read, taken))
        self._order = tuple(self.keys.values())
        self._values = attrgetter(*self.names)
        self._convert = tuple((self.keys[name], convert) for name, convert in self.encoders.items())

    def _reader(self, key: str, name: str, read: Convert, taken: frozenset[type]) -> None:
        self.readers[key] = self.readers[_simple(key)] = (name, read, taken)

    def encode(self, value: Any) -> dict[str, Any]:
        out = dict(zip(self._order, self._values(value), strict=True))
        for key, convert in self._convert:
            item = out[key]
            if item is not None:
                out[key] = convert(item)
        for key, other in self._bytes:
            data = out[key]
            try:
                out[key] = data.decode()
            except UnicodeDecodeError:
                del out[key]
                out[other] = base64.b64encode(data).decode()
        return out

    def decode(self, data: Any, *, strict: bool, keep: bool = False) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise Invalid(f"The {self.title} must be a JSON object, not {_shown(data)}.")
        values: dict[str, Any] = {}
        for key, item in data.items():
            found = self.readers.get(key) or self.readers.get(_simple(key))
            if found is None:
                if strict:
                    raise Invalid(f"The {self.title} has no field {key!r}: it has {', '.join(self._order)}.")
                if keep:
                    values[key] = item
                continue
            name, read, taken = found
            as_it_is = type(item)
            if as_it_is in taken and (as_it_is is not int or -_MOST <= item <= _MOST):
                values[name] = item
                continue
            try:
                values[name] = read(item)
            except Mismatch as wanted:
                raise Invalid(f"The {self.title}'s {self.keys[name]} must be {wanted}, not {_shown(item)}.") from None
        return values


_plans: dict[type, _Plan] = {}


def _plan(kind: type) -> _Plan:
    plan = _plans.get(kind)
    if plan is None:
        plan = _plans[kind] = _Plan(kind)
    return plan


def _mandatory(field: Any) -> bool:
    from dataclasses import MISSING

    return field.default is MISSING and field.default_factory is MISSING


@cache
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _simple(key: object) -> str:
    return str(key).replace("_", "").lower()


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _taken(hint: Any) -> frozenset[type]:
    """The types of JSON values that are a field's value without more ado."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return frozenset(options) if _AS_THEY_ARE - {float} >= set(options) else frozenset()


def _converters(kind: type, name: str, hint: Any) -> tuple[Convert | None, Convert]:
    """What writes and what reads a field; None = it is written as it is."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    nullable = types.NoneType in options
    options = tuple(option for option in options if option is not types.NoneType)
    if name in TIMES:
        return rfc3339, time_or(None if nullable else 0)
    if (kind, name) in _SECONDS_AS_MINUTES:
        return minutes, from_minutes
    if len(options) > 1:
        return None, one_of(*options, nullable=nullable)
    write, read = _of(options[0])
    return write, (optional(read) if nullable else read)


def _of(hint: Any) -> tuple[Convert | None, Convert]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, object):
        return encode, json_value
    if hint in READ:
        return None, READ[hint]
    if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
        return int, status_of(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return str, word_of(hint)
    if origin is tuple or origin is frozenset:
        write, read = _of(arguments[0])
        ordered = origin is tuple
        if write is None:
            return (list if ordered else sorted), collection(origin, read)
        each: Convert = write
        return (lambda items: [each(item) for item in (items if ordered else sorted(items))]), collection(origin, read)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        write, read = _of(arguments[1])
        if write is None:
            return dict, mapping(read)
        member: Convert = write
        return (lambda items: {str(key): member(item) for key, item in items.items()}), mapping(read)
    return _plan(hint).encode, lambda item: decode(hint, item)
