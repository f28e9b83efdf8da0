"""`jobdeck delete`: remove finished jobs with all their records."""

from __future__ import annotations

import argparse

from tui import options, say
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of delete."""
    options.add_id(parser, several=True)
    options.add_json(parser, 'the numbers as JSON: {"deleted": [1, 2]}')


async def run(arguments: argparse.Namespace) -> int:
    """Remove them; one that is unfinished stays and is told."""
    async with service("act") as engine:

        async def delete(number: int) -> int:
            await engine.delete(number)
            return number

        deleted, code = await options.each(engine, await options.job_ids(engine, arguments.ids), delete)
    if arguments.json:
        say.write_json({"deleted": deleted})
    elif deleted:
        say.tell(f"Deleted {'job' if len(deleted) == 1 else 'jobs'} {', '.join(map(str, deleted))}.")
    return code
