"""Which environment runs a script, and how: the requested one, its `#!` line, its ending, or the script itself."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from core.engine.programs import (
    OLDEST_POWERSHELL,
    PLACEHOLDER,
    PROGRAMS,
    PYTHON_NAME,
    SHELLS,
    find,
    first_python,
    powershell,
    probe_python,
    python_of,
    pythons,
    version_numbers,
    where,
    working,
)
from core.service import Environment, Invalid

__all__ = ["choose", "command", "find"]

#: options of pwsh that are jobdeck's to give
_POWERSHELL_OWN = frozenset({"-s", "-nologo", "-noprofile", "-nop", "-file", "-f", "-command", "-c", "-noninteractive"})


def choose(
    requested: str | None,
    script_path: str,
    content: bytes,
    known: Mapping[str, Environment],
    search_path: str,
    probes: MutableMapping[str, Any],
) -> Environment:
    """The environment of one script: the requested one, or that of its `#!` line, its extension, or itself.

    `known` are those on record, by name; only what is needed is probed. Raises Invalid when there is none, with what
    there is; also for a shell script with Windows line ends.
    """
    if requested:
        named = _by_name(requested, known, search_path, probes)
        if named is None:
            raise Invalid(f"There is no environment '{requested}'. There are: {_names(known, search_path, probes)}.")
    else:
        chosen = _by_shebang(script_path, content, known, search_path, probes) or _by_extension(
            script_path, known, search_path, probes
        )
        named = chosen or _itself(script_path, content)
        if named is None:
            raise Invalid(
                f"Nothing says what runs {script_path}: it has no #! line and its name no known ending. Choose with"
                f" --environment; there are: {_names(known, search_path, probes)}."
            )
    _refuse_windows_lines(script_path, content, named)
    _refuse_old_powershell(script_path, named)
    return named


def command(environment: Environment, arguments: Sequence[str] = ()) -> list[str]:
    """The argv of a job: kind "command" with `{scriptPath}` kept and `arguments` behind; the others without both."""
    if environment.kind == "powershell":
        own = [each for each in environment.arguments if each != PLACEHOLDER and each.lower() not in _POWERSHELL_OWN]
        return [environment.path, *own, "-NoLogo", "-NoProfile", "-s"]
    if environment.kind == "python":
        return [environment.path, *(argument for argument in environment.arguments if argument != PLACEHOLDER)]
    own = list(environment.arguments)
    if environment.path != PLACEHOLDER and not any(PLACEHOLDER in argument for argument in own):
        own.append(PLACEHOLDER)
    return [environment.path, *own, *arguments]


def _by_name(
    name: str, known: Mapping[str, Environment], search_path: str, probes: MutableMapping[str, Any]
) -> Environment | None:
    wanted = " ".join(name.split()).casefold()
    for other, environment in known.items():
        if other.casefold() == wanted:
            return environment
    if wanted in ("powershell", "pwsh") or re.fullmatch(r"powershell ?[0-9]+", wanted):
        recorded = next((each for each in known.values() if each.kind == "powershell" and not each.found), None)
        if wanted in ("powershell", "pwsh") and recorded is not None:
            return recorded
        found = powershell(search_path, probes)
        return found if found and found.name.casefold().startswith(wanted.partition(" ")[0][:4]) else None
    if wanted == "python" or wanted == "python 3":
        return first_python(search_path, probes)
    match = re.fullmatch(r"python ?([0-9]+\.[0-9]+)", wanted)
    if match:
        candidates = where(f"python{match[1]}", search_path)
        for path in candidates:
            found = python_of(path, None, probes)
            if found and found.version.startswith(match[1] + "."):
                return found
        return next(
            (each for each in pythons(search_path, probes) if each.name.casefold() == f"python {match[1]}"), None
        )
    for program in PROGRAMS:
        if wanted == program.name.casefold() or wanted in program.commands:
            return working(program, search_path, probes)
    return None


def _names(known: Mapping[str, Environment], search_path: str, probes: MutableMapping[str, Any]) -> str:
    names = dict.fromkeys(known)
    if not any(environment.found for environment in known.values()):
        names.update(dict.fromkeys(environment.name for environment in find(search_path, probes)))
    return ", ".join(names) or "none at all"


def _by_shebang(
    script_path: str,
    content: bytes,
    known: Mapping[str, Environment],
    search_path: str,
    probes: MutableMapping[str, Any],
) -> Environment | None:
    interpreter, options, settings = _shebang(content)
    if not interpreter:
        return None
    base = os.path.basename(interpreter)
    if base != interpreter:
        if not os.access(interpreter, os.X_OK) or os.path.isdir(interpreter):
            raise Invalid(
                f"{script_path} asks for {interpreter} in its #! line, which is not there or may not be executed."
                " Correct the line, or choose with --environment."
            )
        paths = [interpreter]
    else:
        paths = where(base, search_path)
        if not paths:
            raise Invalid(
                f"{script_path} asks for {base} in its #! line, which is nowhere on PATH."
                " Install it, or choose with --environment."
            )
    if base in ("pwsh", "pwsh-lts", "pwsh-preview"):
        return _powershell_of_shebang(script_path, interpreter, paths, options, settings, known, search_path, probes)
    if PYTHON_NAME.fullmatch(base):
        environment = _python_of_shebang(base, paths, known, search_path, probes)
        if environment is None:
            raise Invalid(
                f"{script_path} asks for {interpreter} in its #! line, which does not run."
                " Choose with --environment: " + _names(known, search_path, probes) + "."
            )
        return _with_options(environment, options, settings)
    program = next((each for each in PROGRAMS if base in each.commands), None)
    name = program.name if program else base
    recorded = known.get(name)
    if recorded is not None and base == interpreter and not options and not settings:
        return recorded
    path = paths[0]
    if program is not None and base == interpreter:
        probed = working(program, search_path, probes)
        if probed is None:
            raise Invalid(f"{script_path} asks for {base} in its #! line, and {path} does not run.")
        path = probed.path
    base_environment = recorded or Environment(name, path, kind="command")
    plain = replace(base_environment, path=path, arguments=(PLACEHOLDER,), kind="command")
    return _with_options(plain, options, settings)


def _with_options(environment: Environment, options: Sequence[str], settings: Mapping[str, str]) -> Environment:
    if options:
        environment = replace(environment, arguments=(*options, *environment.arguments))
    if settings:
        environment = replace(environment, variables={**environment.variables, **settings})
    return environment


def _shebang(content: bytes) -> tuple[str, list[str], dict[str, str]]:
    """Interpreter ("" = no `#!` line), its options, and the variables that `env` was to set."""
    if not content.startswith(b"#!"):
        return "", [], {}
    line = content[2:4096].partition(b"\n")[0].decode("utf-8", "surrogateescape").strip()
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    settings: dict[str, str] = {}
    if words and os.path.basename(words[0]) == "env":
        words = _after_env(words[1:], settings)
    if not words:
        return "", [], {}
    return words[0], words[1:], settings


def _after_env(words: list[str], settings: dict[str, str]) -> list[str]:
    """What `env` would run; its assignments go into `settings`."""
    words = list(words)
    while words:
        word = words[0]
        if word in ("-S", "--split-string", "-i", "-", "--ignore-environment", "-v", "--debug", "--"):
            del words[0]
        elif word in ("-u", "--unset", "-C", "--chdir"):
            del words[:2]
        elif word.startswith("--split-string="):
            words[:1] = shlex.split(word.partition("=")[2])
        elif word.startswith("-S") and len(word) > 2:
            words[:1] = shlex.split(word[2:])
        elif word.startswith("-") and "S" in word[1:] and not word.startswith("--"):
            del words[0]
        elif re.match(r"[A-Za-z_][A-Za-z0-9_]*=", word):
            name, _, value = word.partition("=")
            settings[name] = value
            del words[0]
        else:
            break
    return words


def _by_extension(
    script_path: str, known: Mapping[str, Environment], search_path: str, probes: MutableMapping[str, Any]
) -> Environment | None:
    extension = os.path.splitext(script_path)[1].lower()
    if extension == ".psm1":
        raise Invalid(f"{script_path} is a PowerShell module: it is imported by scripts, and does not run by itself.")
    if extension == ".ps1":
        name = "PowerShell"
    elif extension in (".py", ".pyw", ".pyz"):
        name = "Python"
    else:
        program = next((each for each in PROGRAMS if extension in each.extensions), None)
        if program is None or not extension:
            return None
        name = program.name
    environment = _by_name(name, known, search_path, probes)
    if environment is None:
        raise Invalid(
            f"{script_path} needs {name} by its ending, and no {name} on PATH works."
            f" Install it, or choose with --environment: {_names(known, search_path, probes)}."
        )
    return environment


def _powershell_of_shebang(
    script_path: str,
    interpreter: str,
    paths: Sequence[str],
    options: Sequence[str],
    settings: Mapping[str, str],
    known: Mapping[str, Environment],
    search_path: str,
    probes: MutableMapping[str, Any],
) -> Environment:
    """The pwsh of a `#!` line; a recorded environment of the same name where it names none by its path."""
    named = os.path.basename(interpreter) != interpreter
    found = powershell(search_path, probes, paths[0]) or (None if named else powershell(search_path, probes))
    if found is None:
        raise Invalid(f"{script_path} asks for {interpreter} in its #! line, and {paths[0]} does not run.")
    chosen = found if named else known.get(found.name, found)
    own = [each for each in options if each.lower() not in _POWERSHELL_OWN]
    return _with_options(chosen, own, settings)


def _refuse_old_powershell(script_path: str, environment: Environment) -> None:
    version = version_numbers(environment.version)
    if environment.kind == "powershell" and version and version < OLDEST_POWERSHELL:
        oldest = ".".join(map(str, OLDEST_POWERSHELL))
        raise Invalid(
            f"{script_path} needs PowerShell {oldest} or newer, and {environment.path} is {environment.version}."
            " Install a newer one, or choose with --environment."
        )


def _itself(script_path: str, content: bytes) -> Environment | None:
    """An executable binary runs itself."""
    if not os.access(script_path, os.X_OK) or b"\0" not in content[:4096]:
        return None
    return Environment(os.path.basename(script_path), PLACEHOLDER, (), "command")


def _refuse_windows_lines(script_path: str, content: bytes, environment: Environment) -> None:
    """A shell takes the carriage return for a part of each word: say so before it does something else."""
    first = content[:65536].partition(b"\n")[0]
    is_shell = environment.kind == "command" and os.path.basename(environment.path) in SHELLS
    if is_shell and first.endswith(b"\r"):
        raise Invalid(
            f"{script_path} has Windows line ends (CRLF), which {environment.name} cannot run."
            f" Convert it once: sed -i 's/\\r$//' {shlex.quote(script_path)}"
        )


def _python_of_shebang(
    base: str,
    paths: Sequence[str],
    known: Mapping[str, Environment],
    search_path: str,
    probes: MutableMapping[str, Any],
) -> Environment | None:
    first = known.get("Python") or first_python(search_path, probes)
    if base in ("python", "python3") and first and any(_same(path, first, probes) for path in paths):
        return first
    for path in paths:
        environment = python_of(path, None, probes)
        if environment is not None:
            recorded = known.get(environment.name)
            return recorded if recorded and recorded.path == environment.path else environment
    if base == "python" and len(paths) and os.path.dirname(paths[0]):
        return first
    return None


def _same(path: str, environment: Environment, probes: MutableMapping[str, Any]) -> bool:
    if path == environment.path:
        return True
    answer = probe_python(path, probes)
    return answer is not None and answer[0] == environment.path
