"""`jobdeck serve`: the engine and its REST without a terminal; `--local`: an engine that ends when nothing is due."""

from __future__ import annotations

import argparse

from core.config import Settings
from core.service import Invalid
from tui import options

DETAILS = """\
Every request needs an app token: `jobdeck token grant NAME --role ROLE` makes one. The API is described at /docs.
SIGTERM ends the server; jobs go on, and are found again by the next one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of serve."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this computer alone)")
    parser.add_argument("--port", default="5000", help="port to listen on (5000); 0: any that is free")
    parser.add_argument("--cert", metavar="FILE", help="speak TLS with this certificate (PEM)")
    parser.add_argument("--key", metavar="FILE", help="and its key (PEM)")
    parser.add_argument(
        "--root-path", metavar="PATH", default="", help="the path a proxy serves this under, like /jobdeck"
    )
    parser.add_argument(
        "--proxies", metavar="ADDRESSES", default="", help="proxies whose X-Forwarded-For counts, like 127.0.0.1"
    )
    parser.add_argument("--log-format", choices=("lines", "json"), default="lines", help="how the log is written")
    parser.add_argument("--access-log", action="store_true", help="a line in the log for every request")
    parser.add_argument("--local", action="store_true", help="no TCP; end when nothing is left to do")
    options.add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes; with --local until nothing is due."""
    settings = Settings.load()
    if arguments.local:
        from core.engine.local import serve_local

        await serve_local(settings)
        return 0
    if not arguments.port.isascii() or not arguments.port.isdigit():
        raise Invalid(f"--port {arguments.port} is no number.")
    from core.server.serving import serve

    await serve(
        settings,
        arguments.host,
        int(arguments.port),
        certificate=arguments.cert,
        key=arguments.key,
        root_path=arguments.root_path,
        proxies=arguments.proxies,
        log_format="json" if arguments.json else arguments.log_format,
        access_log=arguments.access_log,
    )
    return 0
