"""`jobdeck cancel`: end jobs with everything they started, and wait for the end."""

from __future__ import annotations

import argparse

from core.service import Job
from tui import options, outcome, say
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of cancel."""
    options.add_id(parser, several=True)
    options.add_json(parser, "the job as it ended, as JSON; of several, a list")


async def run(arguments: argparse.Namespace) -> int:
    """Ask all of them to end, then wait for each."""
    async with service("act") as engine:
        ids = await options.job_ids(engine, arguments.ids)
        asked, code = await options.each(engine, ids, engine.cancel)
        jobs: list[Job] = [await engine.wait(job.id) for job in asked]
    if arguments.json:
        say.write_json(jobs[0] if len(ids) == 1 else jobs)
        return code
    for job in jobs:
        say.tell(outcome.sentence(job))
        survived = (job.receipt or {}).get("survived") or ()
        for process in survived:
            say.tell(f"Process {process.get('process_id')} ({process.get('name')}) could not be ended.")
    return code
