"""`jobdeck attach`: follow a job from its beginning and answer it, as `run` does."""

from __future__ import annotations

import argparse

from tui import options
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of attach."""
    options.add_id(parser)
    options.add_json(parser, "output on standard error, the finished job as JSON on standard output")


async def run(arguments: argparse.Namespace) -> int:
    """Follow; the exit code is the job's."""
    from tui.follow import to_the_end

    async with service("act") as engine:
        job = await engine.job(await options.job_id(engine, arguments.id))
        return await to_the_end(engine, job, arguments.json)
