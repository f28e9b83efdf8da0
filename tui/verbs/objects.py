"""`jobdeck objects`: the objects that a job sent down the pipeline."""

from __future__ import annotations

import argparse
import sys

from core.json_shapes import object_clixml
from core.service import PipelineObject
from tui import options, say, text
from tui.connection import service

#: objects fetched at a time
_PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of objects."""
    options.add_id(parser)
    options.add_json(parser, "a list of plain values as JSON; without it, one value per line")
    parser.add_argument("--clixml", action="store_true", help="PowerShell's documents instead of plain values")


async def run(arguments: argparse.Namespace) -> int:
    """Write them page by page."""
    async with service("look") as engine:
        number = await options.job_id(engine, arguments.id)
        await engine.job(number)
        count = 0
        while page := await engine.objects(number, count, _PAGE):
            for item in page:
                before = "" if not arguments.json else "[" if count == 0 else ",\n"
                say.write(before + _told(item, arguments) + ("" if arguments.json else "\n"))
                count += 1
    if arguments.json:
        say.write("]\n" if count else "[]\n")
    elif not count:
        say.tell(f"Job {number} sent no objects.")
    return 0


def _told(item: PipelineObject, arguments: argparse.Namespace) -> str:
    """A value as JSON, or a document: as a JSON text, or as it is."""
    if not arguments.clixml:
        return say.json_text(item)
    document = object_clixml(item)
    if arguments.json:
        return say.json_text(document)
    return "\n".join(map(text.one_line, document.splitlines())) if sys.stdout.isatty() else document
