"""Given values against declared parameters, before the job starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from core.params.values import bounds, convert, shown, to_text
from core.service import Clixml, Invalid, Parameter, Value

#: the words for a type where a person is asked for a value
_WORDS = {
    "integer": "a whole number", "number": "a number", "boolean": "true or false", "switch": "true or false",
    "list": "one or more values", "date": "a date", "datetime": "a date and time", "file": "a path",
    "secret": "a secret", "credential": "a user name and a password", "object": "JSON",
}  # fmt: skip


def check(
    parameters: Sequence[Parameter],
    given: Mapping[str, Value],
    *,
    declared: bool,
    script: str,
    accepted: Collection[str] = (),
    untyped: Collection[str] = (),
    asks: bool = False,
    answered: bool = True,
) -> dict[str, Value]:
    """The typed values, defaults filled in, in the order declared; then undeclared ones in the order given.

    `given`: text as typed, True for a bare name, a list for a repeated one, or JSON values; None counts as not given.
    `declared`: names that are not among the parameters are mistakes. `script` is its name, for messages.
    A parameter without a value and without a default that is known is left out: the script's own default holds.
    `accepted`: names that are taken besides, in any case. `untyped`: parameters that take any value as it is.
    `asks`: the script itself knows its defaults and asks for what is missing (PowerShell): neither is filled in here,
    and what is missing is a mistake only where nobody will answer (`answered` is false).
    A `Clixml` is only looked at: whether it can be read.
    Raises Invalid: every problem is named, each with the parameter, the value and what is allowed.
    """
    problems: list[str] = []
    named: dict[str, Value] = {}
    others: dict[str, Value] = {}
    by_name = {parameter.name: parameter for parameter in parameters}
    besides = {name.casefold() for name in accepted}
    for name, value in given.items():
        parameter = by_name.get(name) or _near(name, parameters)
        if parameter is None:
            if declared and name.casefold() not in besides:
                problems.append(_unknown(name, parameters, script))
            elif not name or "=" in name or "\0" in name:
                problems.append(f"{shown(name)} is not a name for a parameter.")
            else:
                others[name] = value
        elif parameter.name in named or (parameter.name != name and parameter.name in given):
            problems.append(f"{script}: '{parameter.name}' and '{name}' are the same parameter; give one of them.")
        elif value is not None:
            named[parameter.name] = value
    values: dict[str, Value] = {}
    for parameter in parameters:
        if parameter.name in named:
            value, problem = _value(parameter, named[parameter.name], parameter.name in untyped)
            if problem:
                problems.append(f"{script}: {parameter.name} {problem}.")
            values[parameter.name] = value
        elif asks:
            if parameter.mandatory and not answered:
                problems.append(_missing(parameter, script))
        elif parameter.default is not None:
            values[parameter.name] = parameter.default
        elif parameter.mandatory:
            problems.append(_missing(parameter, script))
    if problems:
        raise Invalid(" ".join(problems))
    return values | others


def problem_of(parameter: Parameter, given: Value) -> str:
    """What is wrong with what one parameter is given, as a sentence without its name; "" when nothing is.

    `given` as in `check`. For a form that has the name beside it: "Must be a whole number, not 'x'."
    """
    if given is None:
        if not parameter.mandatory or parameter.default is not None:
            return ""
        asked = wanted(parameter)
        return "A value is needed." if asked == "text" else f"Needed: {asked}."
    _, problem = convert(parameter, given)
    return f"{problem[0].upper()}{problem[1:]}." if problem else ""


def wanted(parameter: Parameter) -> str:
    """What a person is asked for, in words: "a whole number from 1 to 100", "one of plain, encrypted", "text"."""
    what = f"one of {', '.join(parameter.choices)}" if parameter.choices else _WORDS.get(parameter.type, "text")
    return what + bounds(parameter)


def _value(parameter: Parameter, given: Value, any_type: bool) -> tuple[Value, str]:
    """The value that the parameter gets and "", or None and what is wrong with it."""
    if isinstance(given, Clixml):
        from core.clixml.reader import read

        try:
            read(given.document)
        except Invalid as error:
            return None, f"is no CLIXML that can be read: {str(error).rstrip('.')}"
        return given, ""
    if any_type and not isinstance(given, str) and not parameter.choices:
        return given, ""
    return convert(parameter, given)


def _near(name: str, parameters: Sequence[Parameter]) -> Parameter | None:
    """The only parameter of that name when case, and - for _, do not count."""
    folded = name.casefold().replace("-", "_")
    found = [parameter for parameter in parameters if parameter.name.casefold().replace("-", "_") == folded]
    return found[0] if len(found) == 1 else None


def _unknown(name: str, parameters: Sequence[Parameter], script: str) -> str:
    if not parameters:
        return f"{script} takes no parameters, {shown(name)} was given."
    import difflib

    names = [parameter.name for parameter in parameters]
    sentence = f"{script} has no parameter {shown(name)}. It takes: {', '.join(names)}."
    close = difflib.get_close_matches(name.casefold(), [name.casefold() for name in names], 1, 0.6)
    if close:
        meant = next(name for name in names if name.casefold() == close[0])
        sentence += f" Did you mean '{meant}'?"
    return sentence


def _missing(parameter: Parameter, script: str) -> str:
    help_text = parameter.help.strip().partition("\n")[0].rstrip(".")
    reason = f" ({help_text})" if help_text else ""
    return f"{script} needs {parameter.name}{reason}: {wanted(parameter)}."


__all__ = ["check", "problem_of", "to_text", "wanted"]
