"""One value against one parameter: from text or JSON to the parameter's type, and back to text."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime

from core.service import Parameter, Value

_TRUE = frozenset({"true", "yes", "on", "1", "y", "$true"})
_FALSE = frozenset({"false", "no", "off", "0", "n", "$false"})
#: where a value is shown in a message it is cut to so many characters
_SHOWN = 60


def convert(parameter: Parameter, given: Value) -> tuple[Value, str]:
    """The typed value and "", or None and what is wrong with it: words that go behind the parameter's name.

    `given` is text as a person typed it, True for a name without a value, a list for a repeated name, or a JSON value.
    """
    if parameter.type == "list":
        return _list(parameter, given)
    if isinstance(given, list | tuple) and parameter.type not in ("object",):
        return None, f"takes one value, {len(given)} were given"
    return _single(parameter, parameter.type, given)


def _list(parameter: Parameter, given: Value) -> tuple[Value, str]:
    if isinstance(given, str) and given.lstrip().startswith("["):
        try:
            parsed = json.loads(given)
        except ValueError:
            parsed = [given]
        given = parsed
    if not isinstance(given, list | tuple):
        given = [given]
    values = []
    for item in given:
        value, problem = _single(parameter, parameter.item_type, item)
        if problem:
            return None, problem
        values.append(value)
    return values, ""


def _single(parameter: Parameter, kind: str, given: Value) -> tuple[Value, str]:
    if given is True and kind not in ("boolean", "switch", "object"):
        return None, f"needs a value: {parameter.name}=…"
    if kind in ("boolean", "switch"):
        value, problem = _boolean(given)
    elif kind in ("integer", "number"):
        value, problem = _number(kind, given, parameter)
    elif kind == "date":
        value, problem = _date(given)
    elif kind == "datetime":
        value, problem = _datetime(given)
    elif kind == "object":
        value, problem = _object(given)
    elif kind == "credential":
        value, problem = _credential(given)
    else:
        value, problem = _text(kind, given)
    if problem:
        return None, problem
    if parameter.choices:
        return _choice(parameter, value)
    if parameter.pattern and isinstance(value, str) and not re.fullmatch(parameter.pattern, value):
        seen = "" if kind == "secret" else f", not {shown(value)}"
        return None, f"must match /{written_pattern(parameter.pattern)}/{seen}"
    return value, ""


def written_pattern(pattern: str) -> str:
    """A parameter's pattern as its script has it; what makes one for the whole text of PowerShell's is left out."""
    bare = pattern.removeprefix("(?i)")
    before, behind = r"[\s\S]*(?:", r")[\s\S]*"
    return bare[len(before) : -len(behind)] if bare.startswith(before) and bare.endswith(behind) else bare


def _choice(parameter: Parameter, value: Value) -> tuple[Value, str]:
    text = to_text(value)
    if text in parameter.choices:
        return value, ""
    folded = [choice for choice in parameter.choices if choice.casefold() == text.casefold()]
    if len(folded) == 1 and isinstance(value, str):
        return folded[0], ""
    seen = "" if parameter.type == "secret" else f", not {shown(value)}"
    return None, f"must be one of {', '.join(parameter.choices)}{seen}"


def _boolean(given: Value) -> tuple[Value, str]:
    if isinstance(given, bool):
        return given, ""
    word = str(given).strip().lower() if isinstance(given, str | int) else ""
    if word in _TRUE:
        return True, ""
    if word in _FALSE:
        return False, ""
    return None, f"must be true or false, not {shown(given)}"


def _number(kind: str, given: Value, parameter: Parameter) -> tuple[Value, str]:
    wanted = "a whole number" if kind == "integer" else "a number"
    limits = bounds(parameter)
    wrong = f"must be {wanted}{limits}, not {shown(given)}"
    value: int | float
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None, wrong
    if isinstance(given, str):
        text = given.strip()
        if re.fullmatch(r"[+-]?[0-9]{1,4000}", text):
            value = int(text)
        elif kind == "number" and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
            value = float(text)
        else:
            return None, wrong
    else:
        value = given
    if isinstance(value, float):
        if not math.isfinite(value):
            return None, wrong
        if kind == "integer":
            if not value.is_integer():
                return None, wrong
            value = int(value)
    too_low = parameter.minimum is not None and value < parameter.minimum
    too_high = parameter.maximum is not None and value > parameter.maximum
    if too_low or too_high:
        return None, wrong
    return value, ""


def _date(given: Value) -> tuple[Value, str]:
    try:
        return date.fromisoformat(str(given).strip()).isoformat(), ""
    except ValueError:
        return None, f"must be a date like 2026-01-31, not {shown(given)}"


def _datetime(given: Value) -> tuple[Value, str]:
    try:
        return datetime.fromisoformat(str(given).strip()).isoformat(), ""
    except ValueError:
        return None, f"must be a date and time like 2026-01-31T18:00 or 2026-01-31T18:00:00Z, not {shown(given)}"


def _object(given: Value) -> tuple[Value, str]:
    if not isinstance(given, str):
        return given, ""
    try:
        return json.loads(given), ""
    except ValueError as error:
        return None, f"must be JSON, not {shown(given)} ({error})"


def _credential(given: Value) -> tuple[Value, str]:
    if isinstance(given, str) and given.lstrip().startswith("{"):
        try:
            given = json.loads(given)
        except ValueError:
            given = None
    elif isinstance(given, str) and ":" in given:
        user, _, password = given.partition(":")
        given = {"username": user, "password": password}
    if isinstance(given, dict) and isinstance(given.get("username"), str) and isinstance(given.get("password"), str):
        return {"username": given["username"], "password": given["password"]}, ""
    return None, 'must be a user name and a password: {"username": "…", "password": "…"} or user:password'


def _text(kind: str, given: Value) -> tuple[Value, str]:
    if isinstance(given, bool | int | float):
        given = to_text(given)
    if not isinstance(given, str):
        return None, "must be text" if kind == "secret" else f"must be text, not {shown(given)}"
    if "\0" in given:
        return None, "holds a NUL character, which no command line can carry"
    if kind == "file" and not given:
        return None, "must be the path of a file, it is empty"
    return given, ""


def bounds(parameter: Parameter) -> str:
    """The range of a number in words, with a space before it: " from 1 to 10"; "" without one."""
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        return f" from {_limit(low)} to {_limit(high)}"
    if low is not None:
        return f" of at least {_limit(low)}"
    if high is not None:
        return f" of at most {_limit(high)}"
    return ""


def _limit(limit: float) -> str:
    """A limit with all its digits, as it would be typed."""
    return str(int(limit)) if limit == int(limit) and abs(limit) < 1e16 else repr(limit)


def to_text(value: Value) -> str:
    """A value as a shell sees it: text as it is, switches true/false, lists and objects as JSON, nothing as ""."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shown(value: Value) -> str:
    """A value within a message: quoted, control characters escaped, not too long."""
    text = value if isinstance(value, str) else to_text(value)
    if len(text) > _SHOWN:
        text = text[: _SHOWN - 1] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text) + "'"
