"""Environments, parameters and the state of health: what is asked now and then."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.params.read import read_interface
from core.service import Conflict, Environment, Invalid, NotFound, Parameter, Script

from .changes import note
from .environments import choose, find
from .programs import PLACEHOLDER, PYTHON_NAME, powershell, python_of
from .scripts import added_environments, put_environment

_LOW_DISK = 64 * 1024 * 1024

KINDS = ("command", "python", "powershell")
#: warm runners of one environment at most: each holds a whole PowerShell in memory
MOST_WARM = 32
_POWERSHELL_NAME = re.compile(r"pwsh(-[a-z]+)?(\.exe)?", re.IGNORECASE)
#: options of pwsh and of python that say what runs: their command line is the user's own
_OWN_COMMAND_LINE = {
    "powershell": re.compile(r"-(f(ile)?|c(ommand)?|cwa|commandwithargs|ec?|encodedcommand)", re.IGNORECASE),
    "python": re.compile("-[cm]"),
}


def known_probes(connection: sqlite3.Connection) -> dict[str, Any]:
    """What candidates said when they were tried before."""
    return {row["key"]: json.loads(row["result"]) for row in connection.execute("SELECT * FROM probe")}


def keep_probes(connection: sqlite3.Connection, probes: Mapping[str, Any]) -> None:
    """Remember what candidates said when they were tried."""
    for key, result in probes.items():
        connection.execute("INSERT OR REPLACE INTO probe (key, result) VALUES (?, ?)", (key, json.dumps(result)))


def found_environments(probes: dict[str, Any]) -> list[Environment]:
    """What is found on this computer. Tries candidates that `probes` does not know, which takes a second or two."""
    return find(os.environ.get("PATH", os.defpath), probes)


def with_added(connection: sqlite3.Connection, found: Sequence[Environment]) -> list[Environment]:
    """Every environment by name: the found ones, and those that users added or changed."""
    known = {environment.name: environment for environment in found} | added_environments(connection)
    return sorted(known.values(), key=lambda environment: environment.name.lower())


def _same(name: str, environments: Iterable[Environment]) -> Environment | None:
    for environment in environments:
        if environment.name.lower() == name.lower():
            return environment
    return None


def _checked(environment: Environment) -> Environment:
    if not environment.name.strip() or "\0" in environment.name:
        raise Invalid("An environment needs a name.")
    if environment.kind not in KINDS:
        raise Invalid(f"The kind {environment.kind!r} is not one of {', '.join(KINDS)}.")
    if environment.warm_runners is not None and not 0 <= environment.warm_runners <= MOST_WARM:
        raise Invalid(f"The environment may keep 0 to {MOST_WARM} warm runners, not {environment.warm_runners}.")
    if environment.startup_script and not os.path.isfile(environment.startup_script):
        raise Invalid(f"There is no startup script {environment.startup_script}.")
    path = environment.path
    if "/" not in path:
        path = shutil.which(path) or path
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        raise Invalid(
            f"The program {environment.path} of environment {environment.name} is not there or not executable."
        )
    arguments = tuple(environment.arguments)
    if environment.kind == "powershell":
        arguments = tuple(argument for argument in arguments if argument != PLACEHOLDER)
    elif environment.modules or environment.startup_script or environment.warm_runners:
        raise Invalid(
            f"Modules, a startup script and warm runners are PowerShell's, and the environment {environment.name} is of"
            f" the kind {environment.kind}. Leave them out, or give it the kind powershell."
        )
    if environment.kind == "command" and not any("{scriptPath}" in argument for argument in arguments):
        raise Invalid(
            f"The arguments of environment {environment.name} must hold {{scriptPath}}: the script's path goes there."
        )
    startup = os.path.abspath(environment.startup_script) if environment.startup_script else None
    return replace(
        environment,
        path=os.path.abspath(path),
        arguments=arguments,
        found=False,
        modules=tuple(environment.modules),
        startup_script=startup,
    )


def _kind(environment: Environment, path: str) -> str:
    """What the program is by its name, where the arguments make no command line of their own of it."""
    name = os.path.basename(path)
    kind = "powershell" if _POWERSHELL_NAME.fullmatch(name) else "python" if PYTHON_NAME.fullmatch(name) else "command"
    if kind == "command" or any(_OWN_COMMAND_LINE[kind].fullmatch(each) for each in environment.arguments):
        return "command"
    if kind == "python":
        answer = python_of(os.path.abspath(path), environment.name, {}) if os.access(path, os.X_OK) else None
        return answer.kind if answer else "command"
    return kind


def spoken(environment: Environment) -> Environment:
    """One to be added, with its kind, and the version of a PowerShell. Raises Invalid for a program that is none."""
    path = environment.path if "/" in environment.path else shutil.which(environment.path) or environment.path
    if not environment.kind:
        environment = replace(environment, kind=_kind(environment, path))
    if environment.kind != "powershell" or environment.version or not os.access(path, os.X_OK):
        return environment
    answer = powershell("", {}, os.path.abspath(path))
    if answer is None:
        raise Invalid(f"{environment.path} does not answer as a PowerShell does: give the path of a pwsh.")
    return replace(environment, version=answer.version)


def add_environment(
    connection: sqlite3.Connection, found: Sequence[Environment], environment: Environment
) -> Environment:
    """Add an environment. Raises Conflict when the name is taken, Invalid."""
    checked = _checked(environment)
    if _same(checked.name, with_added(connection, found)):
        raise Conflict(f"There is an environment {checked.name} already. Use `jobdeck environments change`.")
    put_environment(connection, checked)
    return checked


def changed_environment(
    connection: sqlite3.Connection, found: Sequence[Environment], name: str, settings: Mapping[str, Any]
) -> Environment:
    """An environment as it would be with other settings. Raises NotFound, Invalid."""
    known = with_added(connection, found)
    old = _same(name, known)
    if old is None:
        raise NotFound(f"There is no environment {name!r}. There are: {', '.join(e.name for e in known)}.")
    allowed = ("path", "arguments", "kind", "version", "variables", "modules", "startup_script", "warm_runners")
    for key in settings:
        if key not in allowed:
            raise Invalid(f"An environment has no setting {key!r} to change. It has: {', '.join(allowed)}.")
    return _checked(replace(old, **settings))


def change_environment(
    connection: sqlite3.Connection, found: Sequence[Environment], name: str, settings: Mapping[str, Any]
) -> Environment:
    """Change an environment; a found one becomes the user's own. Raises NotFound, Invalid."""
    new = changed_environment(connection, found, name, settings)
    put_environment(connection, new)
    return new


def remove_environment(connection: sqlite3.Connection, found: Sequence[Environment], name: str) -> None:
    """Remove an environment that a user added. Raises NotFound, Conflict for one that is found by itself."""
    added = _same(name, added_environments(connection).values())
    if added is None:
        known = with_added(connection, found)
        if _same(name, known):
            raise Conflict(f"The environment {name} was found on this computer; only added ones can be removed.")
        raise NotFound(f"There is no environment {name!r}. There are: {', '.join(e.name for e in known)}.")
    connection.execute("DELETE FROM environment WHERE name = ?", (added.name,))
    note(connection, "environment")


def unrecorded(path: str) -> Script:
    """A file that is not on record, as the script it would be. Raises NotFound."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise NotFound(f"There is no file {path}, and no such script on record.")
    return Script(id=0, name=os.path.basename(path), path=path)


def parameters_of(connection: sqlite3.Connection, known: Script, store: str) -> tuple[Parameter, ...]:
    """What a script asks for, read from its file as it is now. Raises Invalid."""
    try:
        with open(known.path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Invalid(f"{known.path} cannot be read: {error.strerror}.") from error
    environment = choose(
        known.environment,
        known.path,
        content,
        added_environments(connection),
        os.environ.get("PATH", os.defpath),
        known_probes(connection),
    )
    return read_interface(
        content, environment.kind, known.name, program=environment.path, cache=os.path.join(store, "interfaces")
    ).parameters


def problems(store: str) -> tuple[str, ...]:
    """What keeps the store from working as it should, as sentences."""
    found: list[str] = []
    free = shutil.disk_usage(store).free
    if free < _LOW_DISK:
        found.append(f"The disk that holds {store} has only {free // 1024} KiB left: jobs wait when it is full.")
    directories = (os.path.join(store, name) for name in ("jobs", "content", "log"))
    found.extend(
        f"The directory {directory} cannot be used: check its permissions."
        for directory in directories
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK)
    )
    return tuple(found)
