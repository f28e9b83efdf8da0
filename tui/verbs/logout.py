"""`jobdeck logout`: let go of the app token that `jobdeck login` kept."""

from __future__ import annotations

import argparse

from core.service import Invalid, NotFound
from tui import connection, kept_tokens, options, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of logout."""
    parser.add_argument("url", nargs="?", metavar="URL", help="the server (that of --server, or the only one)")
    options.add_json(parser)


async def run(arguments: argparse.Namespace) -> int:
    """Forget the token; it stays valid."""
    from core.addresses import checked_url

    known = kept_tokens.servers()
    address = arguments.url or connection.server() or (known[0] if len(known) == 1 else None)
    if address is None:
        if not known:
            raise NotFound("No token is kept for any server.")
        raise Invalid(f"Which server? Tokens are kept for: {', '.join(known)}.")
    url = checked_url(address)
    if not kept_tokens.forget(url):
        raise NotFound(f"No token is kept for {url}." + (f" There are for: {', '.join(known)}." if known else ""))
    if arguments.json:
        say.write_json({"server": url})
    else:
        say.tell(f"The token of {url} is no longer kept here. It is still valid: `jobdeck token revoke` ends it.")
    return 0
