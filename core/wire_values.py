"""What the wire's JSON values must be to become the value of a field; `Mismatch` says what was expected instead."""

from __future__ import annotations

import base64
import binascii
import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core.model import Clixml
from core.times import nanoseconds

Convert = Callable[[Any], Any]


class Mismatch(Exception):
    """A value that is not what its key wants; the text says what that is."""


def minutes(seconds: float) -> float:
    """Seconds as minutes."""
    return seconds / 60


def from_minutes(value: Any) -> float:
    """Minutes as seconds."""
    return round(float(_number(value)) * 60, 6)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Mismatch("a number")
    return value


def _float(value: Any) -> float:
    return float(_number(value))


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise Mismatch("a whole number of 64 bits")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch("a text")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Mismatch("true or false")
    return value


def _text_bytes(value: Any) -> bytes:
    try:
        return _string(value).encode()
    except UnicodeEncodeError:
        raise Mismatch("a text without lone surrogates") from None


def from_base64(value: Any) -> bytes:
    """Bytes from base64."""
    try:
        return base64.b64decode(_string(value), validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch("base64") from None


READ: dict[Any, Convert] = {int: _integer, float: _float, str: _string, bool: _boolean, bytes: _text_bytes}


def time_or(unknown: int | None) -> Convert:
    """Reads a time; null is `unknown`."""

    def read(value: Any) -> int | None:
        if value is None:
            return unknown
        try:
            return nanoseconds(_string(value))
        except (ValueError, Mismatch):
            raise Mismatch("a time as of RFC 3339, like 2026-11-24T04:18:00Z") from None

    return read


def optional(read: Convert) -> Convert:
    """The same, with null for None."""
    return lambda value: None if value is None else read(value)


def one_of(*options: Any, nullable: bool) -> Convert:
    """Reads what the first of the types that takes it makes of it."""

    def read(value: Any) -> Any:
        if value is None and nullable:
            return None
        for option in options:
            try:
                return READ[option](value)
            except Mismatch:
                continue
        raise Mismatch("a text or a whole number" if str in options else "something else")

    return read


def status_of(kind: type[enum.IntEnum]) -> Convert:
    """Reads a member of an enumeration by its number, or by its word in any case."""
    words = {member.name.lower(): member for member in kind}
    numbers = {int(member): member for member in kind}

    def read(value: Any) -> enum.IntEnum:
        word = value.lower() if isinstance(value, str) else None
        found = words.get(word) if word is not None else None if isinstance(value, bool) else numbers.get(value)
        if found is None:
            raise Mismatch(f"one of {', '.join(f'{int(member)} ({member.name})' for member in kind)}")
        return found

    return read


def word_of(kind: type[enum.Enum]) -> Convert:
    """Reads a member of an enumeration by its word in any case."""
    words = {str(member.value).lower(): member for member in kind}

    def read(value: Any) -> enum.Enum:
        found = words.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise Mismatch(f"one of {', '.join(str(member.value) for member in kind)}")
        return found

    return read


def collection(kind: Callable[[Iterable[Any]], Any], read: Convert) -> Convert:
    """Reads a list, as a tuple or a set."""

    def collect(value: Any) -> Any:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise Mismatch("a list")
        return kind([read(item) for item in value])

    return collect


def mapping(read: Convert) -> Convert:
    """Reads an object whose values are all of a kind."""

    def collect(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Mismatch("an object of names and values")
        return {str(key): read(item) for key, item in value.items()}

    return collect


def json_value(value: Any) -> Any:
    """A JSON value, in which `{"clixml": "<Objs …"}` stands for a CLIXML document."""
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(document := value.get("clixml"), str) and document.startswith("<"):
            return Clixml(document)
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value
