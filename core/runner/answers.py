"""What a question allows: its choices, its fields, and whether an answer fits them."""

from __future__ import annotations

import json
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: types of a field, as of a parameter
TYPES = (
    "string", "integer", "number", "boolean", "switch", "list", "date", "datetime", "file", "secret", "credential",
    "object",
)  # fmt: skip
_TRUE = ("true", "yes", "on", "1", "y", "$true")
_FALSE = ("false", "no", "off", "0", "n", "$false")


def read_choices(values: object) -> list[dict[str, str]] | None:
    """Choices as a job sends them (strings or {"label", "help"}, `&` before the hotkey). Raises ValueError."""
    if not values:
        return None
    if not isinstance(values, list):
        raise ValueError("choices must be a list.")
    choices = []
    for value in values:
        label = value.get("label") if isinstance(value, dict) else value
        if not isinstance(label, str) or not label.replace("&", ""):
            raise ValueError("Each of the choices must be a text or an object with a label.")
        help_text = str(value.get("help") or "") if isinstance(value, dict) else ""
        before, _, behind = label.partition("&")
        choices.append({"label": before + behind, "hotkey": behind[:1], "help": help_text})
    return choices


def read_fields(values: object) -> list[dict[str, Any]] | None:
    """Fields as a job sends them: names, or {"name", "type", "mandatory", "default", "help", "label"}. ValueError."""
    if not values:
        return None
    if not isinstance(values, list):
        raise ValueError("fields must be a list.")
    fields: list[dict[str, Any]] = []
    for value in values:
        given = value if isinstance(value, dict) else {"name": value}
        name = given.get("name")
        if not isinstance(name, str) or not name:
            raise ValueError("Each of the fields must be a name or an object with a name.")
        if any(field["name"].casefold() == name.casefold() for field in fields):
            raise ValueError(f'Two of the fields are named "{name}"; names differ by more than case.')
        kind = given.get("type") or "string"
        if kind not in TYPES:
            raise ValueError(f"The type of the field {name} is {kind!r}; it must be one of: {', '.join(TYPES)}.")
        default = given.get("default")
        if default is not None and not isinstance(default, str):
            default = json.dumps(default)
        fields.append(
            {
                "name": name,
                "type": kind,
                "mandatory": bool(given.get("mandatory")),
                "default": default,
                "help": str(given.get("help") or ""),
                "label": str(given.get("label") or ""),
            }
        )
    return fields


def match(choices: list[dict[str, str]], text: str) -> int | None:
    """Which choice `text` means: a label or a hotkey in any case, an index from 0; None if it means none."""
    wanted = text.strip().casefold()
    for key in ("label", "hotkey"):
        for number, choice in enumerate(choices):
            if choice[key] and choice[key].casefold() == wanted:
                return number
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(choices):
        return int(wanted)
    return None


def match_several(choices: list[dict[str, str]], text: str) -> list[int] | str:
    """Which choices `text` means, several separated by commas, each once and in order; else the part that is none."""
    whole = match(choices, text)
    if whole is not None:
        return [whole]
    chosen = set()
    for part in text.split(","):
        if part.strip():
            number = match(choices, part)
            if number is None:
                return part.strip()
            chosen.add(number)
    return sorted(chosen)


def allowed(choices: list[dict[str, str]]) -> str:
    """The choices as a person reads them: "Yes (Y), No (N)"."""
    return ", ".join(f"{each['label']} ({each['hotkey']})" if each["hotkey"] else each["label"] for each in choices)


def complete(fields: list[dict[str, Any]], given: Mapping[str, object]) -> dict[str, str]:
    """The value of every field, defaults filled in. Raises ValueError with a sentence for each that does not fit."""
    by_name = {field["name"].casefold(): field["name"] for field in fields}
    values: dict[str, str] = {}
    problems = []
    for name, value in given.items():
        field_name = by_name.get(name.casefold())
        if field_name is None:
            known = ", ".join(field["name"] for field in fields)
            problems.append(f'The question has no field "{name}". It asks for: {known}.')
        elif not isinstance(value, str):
            problems.append(f"The value of {field_name} must be a text.")
        else:
            values[field_name] = value
    for field in fields:
        name = field["name"]
        value = values.get(name)
        if not value and field["default"] is not None:
            value = field["default"]
        value = value or ""
        if not value and field["mandatory"]:
            problems.append(f"{name} needs a value.")
        problem = wrong(field["type"], value) if value else ""
        if problem:
            shown = "" if field["type"] in ("secret", "credential") else f', not "{value}"'
            problems.append(f"{name} must be {problem}{shown}.")
        values[name] = value
    if problems:
        raise ValueError(" ".join(problems))
    return {field["name"]: values[field["name"]] for field in fields}


def wrong(kind: str, text: str) -> str:
    """What `text` must be to be of this type, as words; "" when it is."""
    if kind == "integer":
        try:
            int(text)
        except ValueError:
            return "a whole number"
    elif kind == "number":
        try:
            if not math.isfinite(float(text)):
                return "a number"
        except ValueError:
            return "a number"
    elif kind in ("boolean", "switch"):
        return "" if truth(text) is not None else "true or false"
    elif kind == "object":
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "JSON"
    elif kind in ("date", "datetime"):
        # loaded where it is needed: a runner is to be small
        import datetime

        try:
            (datetime.date if kind == "date" else datetime.datetime).fromisoformat(text.strip())
        except ValueError:
            return "a date like 2026-01-31" if kind == "date" else "a date and time like 2026-01-31T18:00"
    return ""


def truth(text: str) -> bool | None:
    """What a word says: true, false, or neither."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def items(text: str) -> list[str]:
    """The values of a list field: a JSON list, else one per line, else separated by commas."""
    if text.lstrip().startswith("["):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list):
            return [item if isinstance(item, str) else json.dumps(item) for item in parsed]
    parts = text.split("\n") if "\n" in text else text.split(",")
    return [part.strip() for part in parts if part.strip()]
