"""The options of an argparse script, as far as its calls of add_argument say them in literals."""

from __future__ import annotations

import ast
from typing import Any

from core.params.annotations import Names, literal
from core.params.interface import Interface, Option
from core.service import Value

_TYPES = {
    "int": "integer", "float": "number", "Decimal": "number", "Path": "file", "open": "file", "FileType": "file",
    "fromisoformat": "", "loads": "object",
}  # fmt: skip
_FLAGS = {"store_true", "store_false", "store_const", "append_const"}
_SKIPPED = {"help", "version"}
_LISTS = {"append", "extend"}


def read_argparse(tree: ast.Module, description: str) -> Interface:
    """The interface of a script that uses argparse; `open` when a part of it could not be read."""
    names = Names(tree)
    options: list[Option] = []
    whole = True
    parser_description = ""
    for call in sorted(_calls(tree), key=lambda call: (call.lineno, call.col_offset)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "ArgumentParser":
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            text = literal(keywords.get("description"), names)
            parser_description = parser_description or (text if isinstance(text, str) else "")
            whole = whole and not {"parents", "prefix_chars", "fromfile_prefix_chars", None} & set(keywords)
        elif name in ("add_subparsers", "set_defaults"):
            if name == "add_subparsers":
                # which options belong to which command cannot be said by a list of parameters
                return Interface((), description or parser_description, "argparse", open=True)
        elif name == "parse_known_args":
            whole = False
        elif name == "add_argument":
            option = _option(call, names)
            if option is None:
                whole = False
            elif option.action not in _SKIPPED and all(option.name != other.name for other in options):
                options.append(option)
    if _in_loop(tree):
        whole = False
    return Interface(tuple(options), description or parser_description, "argparse", open=not whole)


def _calls(tree: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _in_loop(tree: ast.Module) -> bool:
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While))
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        for loop in loops
        for call in ast.walk(loop)
        if isinstance(call, ast.Call)
    )


def _option(call: ast.Call, names: Names) -> Option | None:
    """One call of add_argument, None where it cannot be read."""
    flags = [literal(argument, names) for argument in call.args]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if not all(isinstance(flag, str) and flag for flag in flags) or None in keywords:
        return None
    dest = literal(keywords.get("dest"), names)
    positional = not flags or not flags[0].startswith("-")
    if not flags and not isinstance(dest, str):
        return None
    long = [flag for flag in flags if flag.startswith("--")]
    flag = "" if positional else (long or flags)[0]
    name = dest if isinstance(dest, str) else (flags[0] if positional else flag.lstrip("-").replace("-", "_"))
    action = _action(keywords.get("action"), names)
    if action is None:
        return None
    nargs = literal(keywords.get("nargs"), names)
    if isinstance(keywords.get("nargs"), ast.expr) and nargs is None:
        nargs = "*" if _word(keywords["nargs"]) in ("REMAINDER", "ZERO_OR_MORE") else "+"
    settings: dict[str, Any] = {"flag": flag, "action": action, "nargs": "" if nargs is None else str(nargs)}
    default = literal(keywords.get("default"), names)
    required = literal(keywords.get("required"), names) is True
    settings["mandatory"] = required or (positional and nargs not in ("?", "*") and action == "store")
    settings["help"] = _help(keywords.get("help"), default, names)
    settings.update(_kind(keywords, names))
    if action in _SKIPPED:
        return Option(name, action=action)
    if action in _FLAGS:
        # with a name of its own (dest="cache" for --no-cache) the parameter is the value, else it is the flag
        off = action == "store_false" and isinstance(dest, str)
        kind = "boolean" if off else "switch"
        return Option(name, kind, default=off, help=settings["help"], flag=flag, action="flag")
    if action == "boolean":
        return Option(name, "boolean", required, default if isinstance(default, bool) else None, (), settings["help"],
                      flag=flag, action="boolean")  # fmt: skip
    if action == "count":
        count = default if isinstance(default, int) else 0
        return Option(name, "integer", default=count, help=settings["help"], minimum=0, flag=flag, action="count")
    several = action in _LISTS or (nargs is not None and nargs != "?")
    if several:
        settings["item_type"] = settings.pop("type")
        settings["type"] = "list"
        default = list(default) if isinstance(default, list | tuple) else None
    settings["default"] = default if isinstance(default, str | bool | int | float | list) else None
    if settings["type"] == "integer" and isinstance(settings["default"], str):
        settings["default"] = None
    return Option(name, **settings)


def _action(node: ast.expr | None, names: Names) -> str | None:
    if node is None:
        return "store"
    word = literal(node, names)
    if isinstance(word, str):
        return word
    return "boolean" if _word(node) == "BooleanOptionalAction" else None


def _kind(keywords: dict[str | None, ast.expr], names: Names) -> dict[str, Value]:
    node = keywords.get("type")
    word = _word(node)
    kind = _TYPES.get(word, "string")
    if word == "fromisoformat" and isinstance(node, ast.Attribute):
        kind = "datetime" if _word(node.value) == "datetime" else "date"
    settings: dict[str, Value] = {"type": kind or "string"}
    choices = keywords.get("choices")
    if isinstance(choices, ast.Call) and _word(choices) == "range":
        bounds = [literal(argument, names) for argument in choices.args]
        if all(isinstance(bound, int) for bound in bounds) and 1 <= len(bounds) <= 2:
            settings["minimum"] = float(bounds[0] if len(bounds) == 2 else 0)
            settings["maximum"] = float(bounds[-1] - 1)
        return settings
    values = literal(choices, names)
    if isinstance(values, list | tuple | set | dict):
        settings["choices"] = tuple(str(value) for value in (sorted(values) if isinstance(values, set) else values))
    elif isinstance(values, str):
        settings["choices"] = tuple(values)
    return settings


def _help(node: ast.expr | None, default: Value, names: Names) -> str:
    text = literal(node, names)
    if not isinstance(text, str):
        return ""
    return " ".join(text.replace("%(default)s", str(default)).replace("%%", "%").split())


def _word(node: ast.expr | None) -> str:
    """The last name of `argparse.FileType("r")`, `pathlib.Path`, `int`."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
