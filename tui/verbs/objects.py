"""`jobdeck objects`: the objects that a job sent down the pipeline."""

from __future__ import annotations

import argparse

from tui import options, say
from tui.connection import service

#: objects fetched at a time
_PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of objects."""
    options.add_id(parser)
    options.add_json(parser, "a list of plain values as JSON; without it, one value per line")


async def run(arguments: argparse.Namespace) -> int:
    """Write them page by page."""
    async with service("look") as engine:
        number = await options.job_id(engine, arguments.id)
        await engine.job(number)
        count = 0
        while page := await engine.objects(number, count, _PAGE):
            for item in page:
                before = "" if not arguments.json else "[" if count == 0 else ",\n"
                say.write(before + say.json_text(item) + ("" if arguments.json else "\n"))
                count += 1
    if arguments.json:
        say.write("]\n" if count else "[]\n")
    elif not count:
        say.tell(f"Job {number} sent no objects.")
    return 0
