"""`jobdeck rerun`: run jobs again with the same parameters."""

from __future__ import annotations

import argparse

from tui import options, say
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of rerun."""
    options.add_id(parser, several=True)
    options.add_json(parser, "the new job as JSON; of several, a list")


async def run(arguments: argparse.Namespace) -> int:
    """Submit them; the new jobs' numbers go to standard output."""
    async with service("act") as engine:
        ids = await options.job_ids(engine, arguments.ids)
        jobs, code = await options.each(engine, ids, engine.rerun)
        if arguments.json:
            say.write_json(jobs[0] if len(ids) == 1 else jobs)
        else:
            say.write("".join(f"{job.id}\n" for job in jobs))
    return code
