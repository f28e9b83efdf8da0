"""`jobdeck audit`: who did what, newest first."""

from __future__ import annotations

import argparse

from core.service import Invalid
from tui import options, say
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of audit."""
    parser.add_argument("--take", type=int, default=100, metavar="N", help="at most so many (100)")
    parser.add_argument("--since", metavar="T", help="done since: 2026-11-24T10:00:00Z, 2026-11-24, 2h, 3d")
    options.add_json(parser, "a list of acts as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Show them."""
    if not 1 <= arguments.take <= 10_000_000:
        raise Invalid(f"--take {arguments.take} must be 1 or more.")
    since = options.moment(arguments.since) if arguments.since else None
    async with service("look") as engine:
        entries = await engine.audit(take=arguments.take, since=since)
    if arguments.json:
        say.write_json(list(entries))
    elif entries:
        say.table(
            ("WHEN", "WHO", "ROLE", "FROM", "ACT", "WHAT", "OUTCOME"),
            [
                (
                    say.local_time(entry.time), entry.identity, entry.role, entry.address or "here", entry.action,
                    entry.target, entry.outcome,
                )
                for entry in entries
            ],
            give=5,
        )  # fmt: skip
    else:
        say.tell("Nothing is on record" + (" since then." if since else " yet."))
    return 0
