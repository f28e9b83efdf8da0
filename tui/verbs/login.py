"""`jobdeck login`: keep the app token of a server, so that --server needs no other."""

from __future__ import annotations

import argparse
import os
import sys

from core.service import Invalid
from tui import connection, kept_tokens, options, say

DETAILS = """\
The token is asked for hidden, or read as one line of a piped standard input; it is tried before it is kept: in the
keyring where there is one (the Python library keyring), else in servers.json beside the settings, for your eyes alone.
Whoever runs the server makes one: jobdeck token grant NAME --role Operator"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of login."""
    parser.add_argument("url", nargs="?", metavar="URL", help="the server, as http(s)://HOST:PORT (that of --server)")
    options.add_json(parser, "who the token is, as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Ask for the token, try it, keep it."""
    from core.addresses import checked_url, is_loopback, socket_path
    from core.client import Client

    address = arguments.url or connection.server()
    if not address:
        raise Invalid("Which server? jobdeck login URL, such as http://localhost:5000.")
    if socket_path(address):
        raise Invalid(f"{address} is a local socket, which needs no token.")
    url = checked_url(address)
    if url.startswith("http:") and not is_loopback(url):
        say.tell(f"{url} is not encrypted: the token and all output can be read on the way. https:// is safer.")
    token = await _token(url)
    client = Client(url, token)
    try:
        who = await client.sign_in()
    finally:
        await client.close()
    where = kept_tokens.keep(url, token)
    if arguments.json:
        say.write_json({"server": url, "identity": who["identity"], "role": who["role"], "kept_in": where})
    else:
        say.tell(f"Logged in at {url} as {who['identity']} ({who['role']}). The token is kept in {where}.")
    return 0


async def _token(url: str) -> str:
    if os.isatty(0):
        from tui.question import EndOfInput, Terminal

        try:
            token = await Terminal().line(f"App token for {url}: ", secret=True)
        except EndOfInput:
            raise Invalid("No token was given, so nothing is kept.") from None
    else:
        token = sys.stdin.buffer.readline(10_000).decode("utf-8", "replace")
    token = token.strip()
    if not token:
        raise Invalid("No token was given. Type it, or give it as one line on standard input.")
    return token
