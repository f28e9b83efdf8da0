"""`jobdeck rebuild`: make the database again from the jobs' directories."""

from __future__ import annotations

import argparse
import inspect

from core.config import Settings
from tui import options, say
from tui.connection import refuse_server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of rebuild."""
    options.add_json(parser, 'what came of it, as JSON: {"jobs": 3, "scripts": 1, "problems": []}')


async def run(arguments: argparse.Namespace) -> int:
    """Rebuild; problems are told, job by job."""
    refuse_server("rebuild", "it needs the jobs' directories. Run it where the server runs.")
    from core.engine.rebuild import rebuild

    report = rebuild(Settings.load())
    if inspect.isawaitable(report):
        report = await report
    problems = [str(problem) for problem in report.problems]
    if arguments.json:
        say.write_json({"jobs": report.jobs, "scripts": report.scripts, "problems": problems})
    else:
        say.write(f"Rebuilt: {report.jobs} jobs, {report.scripts} scripts.\n")
        for problem in problems:
            say.tell(problem)
    return 0
