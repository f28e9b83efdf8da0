"""`jobdeck serve --local`: an engine without a face that ends when nothing is left to do."""

from __future__ import annotations

import argparse

from core.config import Settings
from core.service import Invalid
from tui import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of serve."""
    parser.add_argument("--local", action="store_true", help="no TCP; end when nothing is left to do")
    options.add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """Serve until nothing is due."""
    if not arguments.local:
        raise Invalid("`jobdeck serve` over TCP is not there yet; `jobdeck serve --local` runs what is due and ends.")
    from core.engine.local import serve_local

    await serve_local(Settings.load())
    return 0
