"""`jobdeck environments`: add, list, change and remove what runs scripts."""

from __future__ import annotations

import argparse
from typing import Any

from core.service import Environment, Invalid
from tui import options, say
from tui.connection import service


class _Parser(options.Parser):
    """Takes what stands behind `--` as it stands, whatever options came before it."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse, which would take none of it once an option has come between."""
        words = list(args or ())
        cut = words.index("--") if "--" in words else len(words)
        found, unknown = super().parse_known_args(words[:cut], namespace)
        behind = words[cut + 1 :]
        if hasattr(found, "rest"):
            found.rest = [*found.rest, *behind]
        else:
            unknown = [*unknown, *behind]
        return found, unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of environments and of each of its verbs."""
    options.add_json(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)
    every = verbs.add_parser("list", help="all of them, found or added")
    add = verbs.add_parser("add", help="add one: a PowerShell, a Python, any command line")
    add.add_argument("name", metavar="NAME")
    add.add_argument("path", metavar="EXECUTABLE", help="a path, or a name on PATH")
    change = verbs.add_parser("change", help="change one; a found one becomes your own")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--path", metavar="EXECUTABLE", default=argparse.SUPPRESS)
    for verb in (add, change):
        verb.add_argument(
            "--argument", dest="arguments", action="append", default=argparse.SUPPRESS, metavar="ARGUMENT",
            help="once per argument (--argument=-x); {scriptPath} stands for the script, else it comes last",
        )  # fmt: skip
        verb.add_argument(
            "--kind", choices=("command", "python", "powershell"), default=argparse.SUPPRESS,
            help="what it is, where the program's name does not tell",
        )  # fmt: skip
        verb.add_argument(
            "--module", dest="modules", action="append", default=argparse.SUPPRESS, metavar="MODULE",
            help="PowerShell: import it before the script; once per module",
        )  # fmt: skip
        verb.add_argument(
            "--startup-script", default=argparse.SUPPRESS, metavar="FILE", help="PowerShell: runs before the script"
        )
        verb.add_argument(
            "--warm-runners", type=int, default=argparse.SUPPRESS, metavar="N",
            help="PowerShell: how many are kept warm (1 where PowerShell jobs run; 0 = none)",
        )  # fmt: skip
        verb.add_argument("--env", dest="variables", action="append", default=argparse.SUPPRESS, metavar="NAME=VALUE")
        verb.add_argument(
            "rest", nargs="*", metavar="-- ARGUMENT", help="the arguments, as they stand on its command line"
        )
    remove = verbs.add_parser("remove", help="remove one that was added")
    remove.add_argument("name", metavar="NAME")
    for verb in (every, add, change, remove):
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON value")


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name, value in vars(arguments).items() if name in Environment.__dataclass_fields__}
    given.pop("name", None)
    words = tuple(given.pop("arguments", ())) + tuple(getattr(arguments, "rest", ()))
    if words:
        given["arguments"] = words if any("{scriptPath}" in word for word in words) else (*words, "{scriptPath}")
    if "modules" in given:
        given["modules"] = tuple(module for module in given["modules"] if module)
    if given.get("startup_script") == "":
        given["startup_script"] = None
    if "variables" in given:
        given["variables"] = options.assignments(given["variables"], "--env")
    return given


async def run(arguments: argparse.Namespace) -> int:
    """Do what the verb behind `environments` says; without one, list them."""
    verb = arguments.verb or "list"
    async with service("look" if verb == "list" else "act") as engine:
        if verb == "list":
            return _list(list(await engine.environments()), arguments.json)
        if verb == "remove":
            await engine.remove_environment(arguments.name)
            if arguments.json:
                say.write_json({"removed": arguments.name})
            else:
                say.tell(f"Removed the environment {arguments.name}.")
            return 0
        settings = _settings(arguments)
        if verb == "add":
            environment = await engine.add_environment(Environment(name=arguments.name, found=False, **settings))
        elif not settings:
            raise Invalid("Say what to change; `jobdeck environments change --help` lists what there is.")
        else:
            environment = await engine.change_environment(arguments.name, **settings)
    if arguments.json:
        say.write_json(environment)
    else:
        say.tell(f"{'Added' if verb == 'add' else 'Changed'} the environment {environment.name}.")
    return 0


def _list(environments: list[Environment], as_json: bool) -> int:
    if as_json:
        say.write_json(environments)
        return 0
    say.table(
        ("NAME", "", "VERSION", "COMMAND LINE"),
        [
            (item.name, "found" if item.found else "added", item.version, " ".join((item.path, *item.arguments)))
            for item in environments
        ],
        give=3,
    )
    return 0
