"""`jobdeck groom`: remove the finished jobs that were kept long enough, now, or tell which would go."""

from __future__ import annotations

import argparse

from core.service import Groomed
from tui import options, say
from tui.connection import service
from tui.grooming import groom

DETAILS = """\
How long jobs are kept is said by the setting retention_days (jobdeck settings retention_days 90; 0 = for ever) and by
each script (jobdeck scripts change SCRIPT --max-history 500; 0 = all). The engine that leads grooms by itself every ten
minutes; jobs that are unfinished, whose children run, or that ended within the last ten minutes stay."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of groom."""
    parser.add_argument("--dry-run", action="store_true", help="only tell what would go")
    parser.add_argument(
        "--trust-clock", action="store_true", help="the clock is right although it jumped ahead (see jobdeck status)"
    )
    options.add_json(parser, "what went, as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Groom until nothing is left to groom."""

    def told(total: Groomed) -> None:
        if not arguments.json:
            say.tell(f"{total.jobs} jobs so far …")

    async with service("look" if arguments.dry_run else "act") as engine:
        total = await groom(engine, dry=arguments.dry_run, trust_clock=arguments.trust_clock, told=told)
    if arguments.json:
        say.write_json(total)
        return 0
    say.tell(_said(total))
    if total.waits:
        say.tell(total.waits)
    return 0


def _said(groomed: Groomed) -> str:
    if not groomed.jobs:
        return "No job would go." if groomed.dry else "No job had to go."
    jobs = f"{groomed.jobs} jobs, numbers {groomed.first} to {groomed.last}" if groomed.jobs > 1 else "1 job"
    why = f"{groomed.by_age} as too old, {groomed.by_history} as too many of their script"
    if groomed.dry:
        return f"{jobs}, would go: {why}. They wrote {groomed.bytes} bytes."
    return f"Removed {jobs}: {why}. {groomed.bytes} bytes of disk are free again."
