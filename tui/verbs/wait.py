"""`jobdeck wait`: wait until jobs have ended."""

from __future__ import annotations

import argparse
import time

from core.service import Invalid, Job
from tui import options, outcome, say
from tui.connection import service

DETAILS = """\
Exit code: the job's own, as of `run`; of several, the first that is not 0; 124 when --timeout passed before the end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of wait."""
    options.add_id(parser, several=True)
    parser.add_argument("--timeout", type=float, metavar="S", help="wait at most so many seconds")
    options.add_json(parser, "the job as JSON; of several, a list")


async def run(arguments: argparse.Namespace) -> int:
    """Wait for all of them."""
    if arguments.timeout is not None and not arguments.timeout >= 0:
        raise Invalid(f"--timeout {arguments.timeout:g} must be a number of seconds, 0 or more.")
    deadline = None if arguments.timeout is None else time.monotonic() + arguments.timeout
    async with service("act") as engine:
        ids = await options.job_ids(engine, arguments.ids)

        async def wait(number: int) -> Job:
            return await engine.wait(number, None if deadline is None else max(0.0, deadline - time.monotonic()))

        jobs, code = await options.each(engine, ids, wait)
    if arguments.json:
        say.write_json(jobs[0] if len(ids) == 1 else jobs)
    for job in jobs:
        if not job.status.finished:
            say.tell(f"Job {job.id} has not ended after {arguments.timeout:g} s: it is {job.status.name}.")
        elif not arguments.json and (job.status.name != "Completed" or say.columns() is not None):
            say.tell(outcome.sentence(job))
    if any(not job.status.finished for job in jobs):
        return 124
    return code or next((outcome.exit_code(job) for job in jobs if outcome.exit_code(job)), 0)
