"""`jobdeck settings`: what is in force, and changing it in config.toml."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core.service import Invalid, Setting
from tui import options, say
from tui.connection import service

DETAILS = """\
Engines that run take a change over within a second or two. A setting that an environment variable gives
(JOBDECK_MAX_RUNNING=10) is changed there."""
_ORIGINS = {"default": "", "file": "config.toml", "variable": "environment"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of settings."""
    parser.add_argument("setting", nargs="?", metavar="NAME", help="this one: its value")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="and give it this value")
    parser.add_argument("--default", action="store_true", help="put the default of NAME back")
    options.add_json(parser, "the setting, or all of them, as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Show or change."""
    name, value = arguments.setting, arguments.value
    if arguments.default and (name is None or value is not None):
        raise Invalid("--default needs the name of a setting and no value.")
    changes = value is not None or arguments.default
    async with service("act" if changes else "look") as engine:
        found = await engine.change_settings(**{name: value}) if changes else await engine.settings()
    if name is None:
        return _all(found, arguments.json)
    chosen = next((setting for setting in found if setting.name == name), None)
    if chosen is None:
        raise Invalid(f"There is no setting {name!r}. There are: {', '.join(setting.name for setting in found)}.")
    if arguments.json:
        say.write_json(chosen)
    elif changes:
        say.tell(f"{name} is {_text(chosen.value)} now.")
    else:
        say.write(f"{_text(chosen.value)}\n")
    return 0


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _all(found: Sequence[Setting], as_json: bool) -> int:
    if as_json:
        say.write_json(list(found))
        return 0
    say.table(
        ("NAME", "VALUE", "FROM", "DEFAULT", "WHAT IT IS"),
        [
            (item.name, _text(item.value), _ORIGINS.get(item.origin, item.origin), _text(item.default), item.help)
            for item in found
        ],
        give=4,
        right=frozenset({1, 3}),
    )
    return 0
