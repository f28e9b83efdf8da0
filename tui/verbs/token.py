"""`jobdeck token`: grant, list and revoke app tokens, the keys to `jobdeck serve`."""

from __future__ import annotations

import argparse
import time

from core.access import AppToken, Role
from core.service import Invalid, JobService
from tui import options, say
from tui.connection import service

DETAILS = """\
Roles: Administrator (everything), Operator (scripts and jobs, no settings, no tokens), Execute (run scripts on record,
act on own jobs), Reader (look). `grant` prints the token alone on standard output; only its hash is kept:
    jobdeck token grant backup-server --role Execute --script backup.sh --expires 90d > token"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of token and of each of its verbs."""
    options.add_json(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=options.Parser)
    every = verbs.add_parser("list", help="all of them, without the keys")
    grant = verbs.add_parser("grant", help="make one; it is shown this once")
    grant.add_argument("name", metavar="NAME", help="the identity it is for: a person, a program")
    grant.add_argument("--role", required=True, choices=[role.value for role in Role], help="what it may do")
    grant.add_argument("--description", default="", metavar="TEXT")
    grant.add_argument("--expires", metavar="T", help="when it ends: 30d from now, 2027-01-31, … (a year)")
    grant.add_argument(
        "--script", action="append", default=[], metavar="NAME", help="for this script only; a path where it has a /"
    )
    grant.add_argument("--tag", action="append", default=[], metavar="TAG", help="for scripts with this tag only")
    revoke = verbs.add_parser("revoke", help="end some at once")
    revoke.add_argument("tokens", nargs="+", metavar="ID", help="a token's number, as `list` shows it")
    for verb in (every, grant, revoke):
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON value")


async def run(arguments: argparse.Namespace) -> int:
    """Do what the verb behind `token` says; without one, list them."""
    verb = arguments.verb or "list"
    async with service("look" if verb == "list" else "act") as engine:
        if verb == "list":
            return _list(list(await engine.tokens()), arguments.json)
        if verb == "grant":
            return await _grant(engine, arguments)
        revoked = [await engine.revoke_token(id) for id in map(_number, arguments.tokens)]
    if arguments.json:
        say.write_json(revoked[0] if len(revoked) == 1 else revoked)
    else:
        for token in revoked:
            say.tell(f"Revoked token {token.id} of {token.identity}.")
    return 0


async def _grant(engine: JobService, arguments: argparse.Namespace) -> int:
    token = await engine.grant_token(
        arguments.name,
        Role(arguments.role),
        description=arguments.description,
        expires=None if arguments.expires is None else options.moment_to_come(arguments.expires),
        scripts=tuple(arguments.script),
        tags=tuple(arguments.tag),
    )
    if arguments.json:
        say.write_json(token)
        return 0
    say.tell(
        f"Token {token.id} for {token.identity} ({token.role.value}), good until {say.local_time(token.expires)}."
        " It is shown this once:"
    )
    say.write(f"{token.token}\n")
    return 0


def _number(word: str) -> int:
    number = word.removeprefix("#")
    if not (number.isascii() and number.isdigit()) or int(number) >= 2**63:
        raise Invalid(f"{word!r} is no token's number; `jobdeck token list` shows them.")
    return int(number)


def _list(tokens: list[AppToken], as_json: bool) -> int:
    if as_json:
        say.write_json(tokens)
    elif tokens:
        say.table(
            ("ID", "IDENTITY", "ROLE", "STATE", "LAST USE", "ONLY FOR", "DESCRIPTION"),
            [
                (
                    str(token.id), token.identity, token.role.value, _state(token), say.local_time(token.last_used),
                    ", ".join([*token.scripts, *(f"tag {tag}" for tag in token.tags)]), token.description,
                )
                for token in tokens
            ],
            give=6,
            right=frozenset({0}),
        )  # fmt: skip
    else:
        say.tell("There is no token yet. `jobdeck token grant NAME --role ROLE` makes one.")
    return 0


def _state(token: AppToken) -> str:
    if token.revoked is not None:
        return "revoked"
    if token.expires is None:
        return "good"
    return "expired" if token.expires <= time.time_ns() else f"until {say.local_time(token.expires)}"
