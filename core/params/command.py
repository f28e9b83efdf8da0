"""Checked values on their way to the script: positional arguments, argparse options, environment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from core.params.interface import Option
from core.params.values import shown, to_text
from core.service import Invalid, Parameter, Value

__all__ = ["argparse_arguments", "positional", "to_text", "variables"]

#: Linux takes no single argument or variable longer than this, its end included
LONGEST_ARGUMENT = 131072
_SECRET = ("secret", "credential")
_REFUSED = re.compile(
    r"(PATH|HOME|SHELL|USER|LOGNAME|PWD|OLDPWD|TERM|TMPDIR|TZ|LANG|LC_.*|IFS|ENV|BASH_.*|BASHOPTS|SHELLOPTS|CDPATH"
    r"|GLOBIGNORE|PROMPT_COMMAND|PS[0-4]|ZDOTDIR|FPATH|LD_.*|DYLD_.*|GCONV_PATH|LOCPATH|NLSPATH|HOSTALIASES"
    r"|MALLOC_.*|GLIBC_TUNABLES|PYTHON.*|NODE_.*|PERL5.*|PERLLIB|PERL_.*|RUBY.*|GEM_.*|BUNDLE_.*|PHPRC|PHP_INI_SCAN_DIR"
    r"|LUA_.*|AWKPATH|AWKLIBPATH|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|PSMODULEPATH|DOTNET_.*"
    r"|GIT_.*|SSH_.*|SUDO_.*|EDITOR|VISUAL|PAGER|.*_PROXY|XDG_.*|DBUS_.*|JOBDECK_.*|_)"
)


def positional(parameters: Sequence[Parameter], values: Mapping[str, Value]) -> list[str]:
    """The values as positional arguments, in the order declared, undeclared ones behind in the order given.

    What is omitted at the end is dropped, what is omitted before a given one is "". Lists are JSON, switches
    true/false. A secret is never an argument: "" stands in its place. Raises Invalid for a value that is too long.
    """
    arguments: list[str] = []
    used = 0
    for parameter in parameters:
        value = values.get(parameter.name)
        if value is None or parameter.type in _SECRET:
            arguments.append("")
            continue
        arguments.append(_argument(parameter.name, value))
        used = len(arguments)
    del arguments[used:]
    declared = {parameter.name for parameter in parameters}
    rest = [(name, value) for name, value in values.items() if name not in declared]
    if rest:
        arguments.extend("" for _ in parameters[len(arguments) :])
    arguments.extend(_argument(name, value) for name, value in rest)
    return arguments


def argparse_arguments(parameters: Sequence[Parameter], values: Mapping[str, Value]) -> list[str]:
    """The values as the command line of an argparse script; `parameters` are those `read_interface` gave.

    Values equal to the default are left out where the place of others does not depend on them. Undeclared names
    become options. Raises Invalid for a value that is too long, and for a secret (argv is public).
    """
    options: list[str] = []
    spread: list[str] = []
    places: list[tuple[Parameter, Value]] = []
    declared = set()
    for parameter in parameters:
        declared.add(parameter.name)
        value = values.get(parameter.name)
        if parameter.type in _SECRET and value is not None:
            raise Invalid(f"{parameter.name} is a secret and cannot be given as an option, which everybody could read.")
        if isinstance(parameter, Option) and not parameter.flag:
            places.append((parameter, value))
        elif value is not None:
            (spread if _is_spread(parameter) else options).extend(_option(parameter, value))
    for name, value in values.items():
        if name not in declared and value is not None and value is not False:
            options.extend(_flagged(f"--{name.replace('_', '-')}", name, value))
    while places and (places[-1][1] is None or places[-1][1] == places[-1][0].default):
        if places[-1][0].mandatory:
            break
        places.pop()
    tail: list[str] = []
    for parameter, value in places:
        items = value if isinstance(value, list) and parameter.type == "list" else ["" if value is None else value]
        tail.extend(_argument(parameter.name, item) for item in items)
    if tail and (spread or any(argument.startswith("-") for argument in tail)):
        tail.insert(0, "--")
    return options + spread + tail


def _is_spread(parameter: Parameter) -> bool:
    return isinstance(parameter, Option) and parameter.action in ("store", "extend") and parameter.type == "list"


def _option(parameter: Parameter, value: Value) -> list[str]:
    name = parameter.name
    option = parameter if isinstance(parameter, Option) else Option(name, flag=f"--{name.replace('_', '-')}")
    if option.action == "flag":
        # a flag that switches something off has the default true
        return [option.flag] if bool(value) is not bool(option.default) else []
    if option.action == "boolean":
        if value == option.default:
            return []
        return [option.flag if value else f"--no-{option.flag.removeprefix('--')}"]
    if value == option.default and not option.mandatory:
        return []
    if option.action == "count":
        return [option.flag] * int(value)
    if option.type == "list" and option.action == "append" and isinstance(value, list):
        return [argument for item in value for argument in _flagged(option.flag, name, item)]
    if option.type == "list" and isinstance(value, list):
        return [option.flag, *(_argument(name, item) for item in value)]
    return _flagged(option.flag, name, value)


def _flagged(flag: str, name: str, value: Value) -> list[str]:
    """Flag and value in one argument, so that a value may begin with a dash."""
    if value is True:
        return [flag]
    if isinstance(value, list):
        return [argument for item in value for argument in _flagged(flag, name, item)]
    text = _argument(name, value)
    if flag.startswith("--"):
        return [f"{flag}={text}"]
    return [flag + text] if text else [flag, ""]


def variables(values: Mapping[str, Value], parameters: Sequence[Parameter]) -> dict[str, str]:
    """Each value as an environment variable of its exact name; secrets only where the script asks for it.

    A value too long for a variable is left out: the channel gives it. Raises Invalid for a name that would change how
    programs run (PATH, LD_PRELOAD, …) or that no variable can have.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    result: dict[str, str] = {}
    for name, value in values.items():
        refuse_name(name)
        parameter = declared.get(name)
        if parameter is not None and parameter.type in _SECRET and not parameter.in_environment:
            continue
        if value is None:
            continue
        text = to_text(value)
        if len(name) + 1 + len(text.encode("utf-8", "surrogateescape")) < LONGEST_ARGUMENT and "\0" not in text:
            result[name] = text
    return result


def refuse_name(name: str) -> None:
    """Raise Invalid for a parameter's name that may not become an environment variable."""
    if not name or "=" in name or "\0" in name:
        raise Invalid(f"{shown(name)} is not a name for a parameter: a name is not empty and holds no '='.")
    if _REFUSED.fullmatch(name):
        raise Invalid(
            f"A parameter cannot be called {name}: it becomes an environment variable, and {name} changes how programs"
            " run. Give the parameter another name; a variable is set with --env."
        )


def _argument(name: str, value: Value) -> str:
    text = to_text(value)
    if "\0" in text:
        raise Invalid(f"{name} holds a NUL character, which no command line can carry.")
    size = len(text.encode("utf-8", "surrogateescape"))
    if size >= LONGEST_ARGUMENT:
        raise Invalid(
            f"{name} has {size} bytes; a command line takes at most {LONGEST_ARGUMENT - 1} in one argument."
            " Put it into a file and give the file's path."
        )
    return text
