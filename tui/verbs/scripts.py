"""`jobdeck scripts`: add, list, show, change and remove scripts."""

from __future__ import annotations

import argparse
import os
from typing import Any

from core.json_shapes import rfc3339, shape
from core.service import ERROR_ACTIONS, Invalid, JobService, Parameter, Script
from tui import options, say
from tui.connection import server, service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of scripts and of each of its verbs."""
    options.add_json(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=options.Parser)
    add = verbs.add_parser(
        "add", help="put a file on record; it runs from where it lies (on a server: its content is sent and kept)"
    )
    add.add_argument("file", metavar="FILE")
    _settings(add)
    every = verbs.add_parser("list", help="all scripts, by name")
    show = verbs.add_parser("show", help="one script, with the parameters it asks for")
    show.add_argument("script", metavar="SCRIPT", help="a script's name, number or path")
    change = verbs.add_parser("change", help="change what is on record")
    change.add_argument("script", metavar="SCRIPT", help="a script's name, number or path")
    change.add_argument("--content", metavar="FILE", help="put this file's content into a script that jobdeck keeps")
    _settings(change)
    remove = verbs.add_parser("remove", help="forget a script; its jobs stay")
    remove.add_argument("script", metavar="SCRIPT", help="a script's name, number or path")
    for verb in (add, every, show, change, remove):
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON value")


def _settings(parser: argparse.ArgumentParser) -> None:
    nothing = argparse.SUPPRESS
    parser.add_argument("--name", default=nothing, help="what it is called (the file's name)")
    parser.add_argument("--description", default=nothing, metavar="TEXT")
    parser.add_argument("--notes", default=nothing, metavar="TEXT")
    parser.add_argument("--environment", default=nothing, metavar="NAME", help="what runs it; empty = found out")
    parser.add_argument(
        "--working-directory", "--cwd", default=nothing, metavar="DIR", help="where it runs; empty = not fixed"
    )
    parser.add_argument("--timeout", default=nothing, type=float, metavar="S", help="in seconds; 0 = never")
    parser.add_argument("--error-action", default=nothing, metavar="ACTION", help=", ".join(ERROR_ACTIONS))
    parser.add_argument(
        "--object-depth", default=nothing, type=int, metavar="N", help="PowerShell: how deep objects are written (2)"
    )
    parser.add_argument(
        "--preference", dest="preferences", default=nothing, action="append", metavar="STREAM=VALUE",
        help="PowerShell: for Verbose, Debug, Information, Warning, Progress; e.g. Verbose=Continue",
    )  # fmt: skip
    parser.add_argument("--concurrent-jobs", default=nothing, type=int, metavar="N", help="how many may run at once")
    parser.add_argument(
        "--max-history", default=nothing, type=int, metavar="N", help="how many finished jobs are kept; 0 = all"
    )
    parser.add_argument("--env", dest="variables", default=nothing, action="append", metavar="NAME=VALUE")
    parser.add_argument("--tag", dest="tags", default=nothing, action="append", metavar="TAG")
    for name, about in (
        ("discard-pipeline", "do not keep objects"),
        ("merge", "stdout and stderr in one pipe, in exact order"),
        ("kill-leftovers", "end what the script leaves running"),
        ("disable-manual-invocation", "people may not run it"),
    ):
        parser.add_argument(f"--{name}", default=nothing, action=argparse.BooleanOptionalAction, help=about)


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name, value in vars(arguments).items() if name in Script.__dataclass_fields__}
    if "variables" in given:
        given["variables"] = options.assignments(given["variables"], "--env")
    if "preferences" in given:
        given["preferences"] = options.assignments([each for each in given["preferences"] if each], "--preference")
    if "tags" in given:
        given["tags"] = tuple(tag for tag in given["tags"] if tag)
    if "error_action" in given:
        known = {action.lower(): action for action in ERROR_ACTIONS}
        action = known.get(given["error_action"].lower())
        if action is None:
            raise Invalid(f"--error-action {given['error_action']!r} must be one of: {', '.join(ERROR_ACTIONS)}.")
        given["error_action"] = action
    for name in ("environment", "working_directory"):
        if given.get(name) == "":
            given[name] = None
    if given.get("working_directory") and server() is None:
        given["working_directory"] = os.path.abspath(given["working_directory"])
    return given


async def run(arguments: argparse.Namespace) -> int:
    """Do what the verb behind `scripts` says; without one, list them."""
    verb = arguments.verb or "list"
    async with service("look" if verb in ("list", "show") else "act") as engine:
        if verb == "list":
            return _list(list(await engine.scripts()), arguments.json)
        if verb == "show":
            script = await engine.script(arguments.script)
            return _show(script, list(await engine.script_parameters(script.id)), arguments.json)
        if verb == "remove":
            await engine.remove_script(arguments.script)
            if arguments.json:
                say.write_json({"removed": arguments.script})
            else:
                say.tell(f"Removed the script {arguments.script}. Its jobs stay.")
            return 0
        changes = _changes(arguments)
        if verb == "add":
            script = await _add(engine, arguments.file, changes)
        else:
            if arguments.content is not None:
                from tui.sending import read

                changes["content"] = read(arguments.content)
            if not changes:
                raise Invalid("Say what to change; `jobdeck scripts change --help` lists what there is.")
            script = await engine.change_script(arguments.script, **changes)
    if arguments.json:
        say.write_json(script)
    else:
        say.tell(f"{'Added' if verb == 'add' else 'Changed'} the script {script.name}.")
    return 0


async def _add(engine: JobService, file: str, changes: dict[str, Any]) -> Script:
    if not os.path.isfile(file):
        raise Invalid(f"There is no file {file!r}.")
    path = os.path.abspath(file)
    if server() is None:
        return await engine.add_script(path, **changes)
    from tui.sending import origin, read

    return await engine.add_script(os.path.basename(path), content=read(path), **{"notes": origin(path)} | changes)


def _list(scripts: list[Script], as_json: bool) -> int:
    if as_json:
        say.write_json(scripts)
    elif scripts:
        say.table(
            ("ID", "NAME", "ENVIRONMENT", "PATH"),
            [(str(script.id), script.name, script.environment or "", script.path) for script in scripts],
            give=3,
            right=frozenset({0}),
        )
    else:
        say.tell("There is no script yet. `jobdeck scripts add FILE` adds one; so does `jobdeck run FILE`.")
    return 0


def _show(script: Script, parameters: list[Parameter], as_json: bool) -> int:
    if as_json:
        say.write_json({**shape(script), "parameters": shape(parameters)})
        return 0
    say.facts(
        [
            ("Script", f"{script.name} ({script.id})"),
            ("Path", script.path),
            ("Description", script.description),
            ("Notes", script.notes),
            ("Environment", script.environment),
            ("Directory", script.working_directory),
            ("Timeout", f"{script.timeout:g} s" if script.timeout else None),
            ("Error action", script.error_action),
            ("At once", script.concurrent_jobs),
            ("Keeps", f"{script.max_history} finished jobs" if script.max_history else "all its jobs"),
            ("Object depth", script.object_depth if script.object_depth != 2 else None),
            ("Preferences", "\n".join(f"{name}={value}" for name, value in script.preferences.items())),
            ("Variables", "\n".join(f"{name}={value}" for name, value in script.variables.items())),
            ("Tags", ", ".join(script.tags)),
            ("Also", ", ".join(_flags(script))),
            ("Changed", rfc3339(script.changed)),
            ("Parameters", "\n".join(map(_parameter, parameters)) or "none declared"),
        ]
    )
    return 0


def _flags(script: Script) -> list[str]:
    names = ("discard_pipeline", "merge", "kill_leftovers", "disable_manual_invocation")
    return [name.replace("_", "-") for name in names if getattr(script, name)]


def _parameter(parameter: Parameter) -> str:
    from core.params.values import written_pattern

    listed = parameter.type == "list" and parameter.item_type != "string"
    said = f"{parameter.name}: {parameter.type}{' of ' + parameter.item_type if listed else ''}"
    if parameter.minimum is not None or parameter.maximum is not None:
        least, greatest = ("" if end is None else f"{end:.15g}" for end in (parameter.minimum, parameter.maximum))
        said += f" {least}..{greatest}"
    if parameter.pattern:
        said += f" /{written_pattern(parameter.pattern)}/"
    if parameter.choices:
        said += f" ({' | '.join(parameter.choices)})"
    if parameter.mandatory:
        said += ", mandatory"
    elif parameter.default is not None:
        said += f", default {say.json_text(parameter.default)}"
    if parameter.parameter_set:
        said += f", of set {parameter.parameter_set}"
    return said + (f": {parameter.help}" if parameter.help else "")
