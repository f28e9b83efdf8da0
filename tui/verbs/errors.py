"""`jobdeck errors`: the records of a job's error stream."""

from __future__ import annotations

import argparse

from core.json_shapes import rfc3339
from tui import options, say, text
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of errors."""
    options.add_id(parser)
    options.add_json(parser, "a list of {time, message, category, exception_type, id, position, stack} as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Write them."""
    async with service("look") as engine:
        number = await options.job_id(engine, arguments.id)
        await engine.job(number)
        records = list(await engine.errors(number))
    if arguments.json:
        say.write_json(records)
        return 0
    for record in records:
        kind = f"{record.exception_type}: " if record.exception_type else ""
        say.write(f"{rfc3339(record.time)} {text.many_lines(kind + record.message)}\n")
        for block in (record.position, record.stack):
            for line in block.splitlines():
                say.write(f"    {text.one_line(line)}\n")
    if not records:
        say.tell(f"Job {number} has no error records. (Text on stderr: jobdeck output {number} --stream stderr.)")
    return 0
