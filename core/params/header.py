"""The comment header of a script: `# @param {integer 1..365} [days=7] How many days to keep`.

The syntax is described in docs/parameters.md. It is read from the leading block of comments, in any language whose
comments begin with `#`, `//`, `--` or `;`, or stand between `/*` and `*/`.
"""

from __future__ import annotations

import re

from core.params.interface import Interface
from core.params.values import convert
from core.service import Invalid, Parameter, Value

#: the header must stand in so much of the file's beginning, in bytes
HEADER_BYTES = 65536

_TYPES = {
    "string": "string", "str": "string", "text": "string",
    "integer": "integer", "int": "integer",
    "number": "number", "float": "number",
    "boolean": "boolean", "bool": "boolean",
    "switch": "switch", "flag": "switch",
    "list": "list", "array": "list",
    "date": "date", "datetime": "datetime",
    "file": "file", "path": "file", "directory": "file", "folder": "file",
    "secret": "secret", "password": "secret",
    "credential": "credential",
    "object": "object", "json": "object",
}  # fmt: skip
_KNOWN = "string, integer, number, boolean, switch, list, date, datetime, file, secret, credential, object"
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_PARAM = re.compile(r"@param\s+(?:\{(?P<type>[^}]*)\}\s*)?(?P<rest>\S.*)")
_PLAIN = re.compile(rf"(?P<name>{_NAME})(?![\w=-])(?P<help>.*)")
_OPTIONAL = re.compile(rf"\[\s*(?P<name>{_NAME})\s*(?:=\s*(?P<default>(?:\"[^\"]*\"|'[^']*'|[^\]])*))?\](?P<help>.*)")
_DISPLAY = re.compile(r"\"(?P<display>[^\"]+)\"\s*(?P<help>.*)")
_RANGE = re.compile(r"(?P<low>-?[0-9.]*?[0-9])?\.\.(?P<high>-?[0-9][0-9.]*)?")
#: comments that speak to a tool, not to a person
_DIRECTIVE = re.compile(r"(-\*-.*-\*-|vim?:|shellcheck\b|copyright\b|spdx-|eslint|pylint|noqa|!|coding[:=])", re.I)


def read_header(content: bytes, file_name: str) -> Interface:
    """The interface that the comment header declares. Raises Invalid where it says something unknown."""
    parameters: list[Parameter] = []
    described: list[str] = []
    prose: list[str] = []
    prose_ended = False
    target = ""
    for number, text, indent in _comments(content):
        where = f"{file_name}, line {number}"
        if text.startswith("@"):
            prose_ended = prose_ended or bool(prose)
            target = ""
            if text.startswith("@description"):
                described.append(text.removeprefix("@description").strip())
                target = "description"
            elif text.startswith("@param"):
                parameter = _parameter(text, where)
                if parameter is not None:
                    if any(parameter.name == other.name for other in parameters):
                        raise Invalid(f"{where}: the parameter '{parameter.name}' is declared twice.")
                    parameters.append(parameter)
                    target = "parameter"
        elif not text:
            target = ""
            prose_ended = prose_ended or bool(prose)
        elif target == "parameter" and indent >= 2:
            parameters[-1] = _more_help(parameters[-1], text)
        elif target == "description":
            described.append(text)
        elif not prose_ended and not _DIRECTIVE.match(text):
            prose.append(text)
    description = "\n".join(described or prose).strip()
    if not parameters:
        return Interface(description=description)
    return Interface(parameters=tuple(parameters), description=description, style="header")


def _comments(content: bytes) -> list[tuple[int, str, int]]:
    """Line number, text and indentation of every line of the leading comments; code ends them."""
    text = content[:HEADER_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    lines: list[tuple[int, str, int]] = []
    block = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if number == 1 and (line.startswith("#!") or line in ("<?php", "<?")):
            continue
        if block:
            body, closed, _ = line.partition("*/")
            lines.append((number, *_indented(body.removeprefix("*"))))
            block = not closed
            continue
        if line.startswith("/*"):
            body, closed, _ = line[2:].partition("*/")
            lines.append((number, *_indented(body.lstrip("*"))))
            block = not closed
            continue
        for leader in ("#", "//", "--", ";"):
            if line.startswith(leader):
                lines.append((number, *_indented(line.lstrip(leader[0]))))
                break
        else:
            if line and line not in ("<?php", "'use strict';", '"use strict";'):
                break
            lines.append((number, "", 0))
    return lines


def _indented(body: str) -> tuple[str, int]:
    text = body.strip()
    return text, len(body) - len(body.lstrip())


def _parameter(text: str, where: str) -> Parameter | None:
    """One `@param` line, or None where it documents something else (`@param $1 …`)."""
    match = _PARAM.fullmatch(text)
    if match is None:
        return None
    rest = match["rest"]
    optional = _OPTIONAL.fullmatch(rest)
    plain = None if optional else _PLAIN.fullmatch(rest)
    found = optional or plain
    if found is None:
        if re.match(rf"{_NAME}\s*=", rest):
            name, _, default = (part.strip() for part in rest.partition("="))
            raise Invalid(f"{where}: a parameter with a default stands in brackets: [{name}={default}].")
        return None
    name, help_text = found["name"], found["help"].strip().removeprefix("- ").strip()
    display = _DISPLAY.fullmatch(help_text)
    settings: dict[str, Value] = {"mandatory": optional is None}
    if display:
        settings["display_name"], help_text = display["display"], display["help"].strip()
    settings["help"] = help_text
    settings.update(_type((match["type"] or "string").strip(), where))
    if settings.get("type") == "switch":
        settings["mandatory"] = False
    parameter = Parameter(name, **settings)
    default = optional["default"] if optional else None
    if default is None:
        return parameter
    value = _default(parameter, default.strip(), where)
    return Parameter(name, **{**settings, "default": value})


def _default(parameter: Parameter, text: str, where: str) -> Value:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    elif not text and parameter.type != "string":
        return None
    if parameter.type in ("secret", "credential"):
        raise Invalid(f"{where}: the secret '{parameter.name}' may not have its default in the script.")
    if parameter.type == "list" and not text.startswith("["):
        given: Value = [part.strip() for part in text.split(",")]
    else:
        given = text
    value, problem = convert(parameter, given)
    if problem:
        raise Invalid(f"{where}: the default of {parameter.name} {problem}.")
    return value


def _type(text: str, where: str) -> dict[str, Value]:
    """What stands in braces: a type, `a|b|c`, and behind it a range, `/pattern/` or "in environment"."""
    settings: dict[str, Value] = {}
    base, _, rest = text.partition(" ")
    base, rest = base.rstrip(":"), rest.strip()
    many = base.endswith("[]")
    base = base.removesuffix("[]")
    if "|" in text and not rest.startswith("/"):
        choices = tuple(choice.strip().strip("\"'") for choice in text.removesuffix("[]").strip("()").split("|"))
        if not all(choices):
            raise Invalid(f"{where}: write the choices as {{one|two|three}}.")
        return {"type": "list" if many else "string", "choices": choices}
    kind = _TYPES.get(base.lower())
    if kind is None:
        raise Invalid(f"{where}: there is no type '{base}'. Types are {_KNOWN}; choices are written {{one|two}}.")
    settings["type"] = "list" if many else kind
    item = kind if many else "string"
    if kind == "list" and rest.startswith("of "):
        item_name, _, rest = rest[3:].partition(" ")
        item = _TYPES.get(item_name.lower().removesuffix("s"), "")
        if not item:
            raise Invalid(f"{where}: there is no type '{item_name}'. Types are {_KNOWN}.")
        settings["type"] = "list"
    if settings["type"] == "list":
        if item in ("list", "secret", "credential", "switch"):
            raise Invalid(f"{where}: a list of {item} cannot be given.")
        settings["item_type"] = item
    if not rest:
        return settings
    bounds = _RANGE.fullmatch(rest)
    if bounds and (bounds["low"] or bounds["high"]):
        if "integer" not in (kind, item) and "number" not in (kind, item):
            raise Invalid(f"{where}: only numbers have a range, {base} has none.")
        settings["minimum"] = float(bounds["low"]) if bounds["low"] else None
        settings["maximum"] = float(bounds["high"]) if bounds["high"] else None
    elif len(rest) > 2 and rest[0] == rest[-1] == "/":
        try:
            re.compile(rest[1:-1])
        except re.error as error:
            raise Invalid(f"{where}: the pattern {rest} is not a regular expression ({error}).") from error
        settings["pattern"] = rest[1:-1]
    elif kind == "secret" and rest.lower() in ("in environment", "environment", "env"):
        settings["in_environment"] = True
    else:
        raise Invalid(
            f"{where}: '{rest}' is not understood. Behind a type may stand a range (1..10), a /pattern/,"
            " or, for a secret, 'in environment'."
        )
    return settings


def _more_help(parameter: Parameter, text: str) -> Parameter:
    from dataclasses import replace

    return replace(parameter, help=f"{parameter.help} {text}".strip())
