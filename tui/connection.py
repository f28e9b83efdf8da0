"""The service that a verb talks to: an engine of its own on the user's data directory, or a server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from core.config import Settings
from core.service import Invalid, JobService

if TYPE_CHECKING:
    import socket

Mode = Literal["look", "act", "stay"]
Told = Callable[[str | None], None]

_chosen: str | None = None


def use(server: str) -> None:
    """Talk to that server from now on, whatever the environment says."""
    global _chosen
    _chosen = server


def server() -> str | None:
    """The server that verbs talk to, of --server or JOBDECK_SERVER; None = the store of this computer."""
    return _chosen or os.environ.get("JOBDECK_SERVER") or None


def tell(sentence: str | None) -> None:
    """Tell a person at the command line that a server is waited for, or (None) that it is back."""
    from tui import say

    say.tell("The server is back." if sentence is None else sentence)


async def connect(
    mode: Mode = "look",
    *,
    patience: float | None = None,
    told: Told | None = tell,
    runner: socket.socket | None = None,
) -> JobService:
    """The service, to be closed by who asked. Raises ServiceError.

    `mode`: "look" only reads, "act" changes things and leads while it is open if nobody else does, "stay" is "act"
    for a process that lives long. `patience`: how long (s) a server is waited for that goes away; `told` hears that it
    is, and None once it is back. `runner`: one that waits for the first job that an engine of our own starts.
    """
    address = server()
    if address is None:
        from core.engine.engine import Engine

        return await Engine.open(Settings.load(), mode=mode, runner=runner)
    from core.addresses import checked_url, socket_path
    from core.client import Client
    from core.transport import PATIENCE
    from tui import kept_tokens

    # An empty JOBDECK_TOKEN is none: a unit file or a shell may set it so.
    token = os.environ.get("JOBDECK_TOKEN", "").strip() or None
    if token is None and socket_path(address) is None:
        token = kept_tokens.token_of(checked_url(address))
    return Client(address, token, patience=PATIENCE if patience is None else patience, told=told)


@asynccontextmanager
async def service(mode: Mode = "look", *, runner: socket.socket | None = None) -> AsyncIterator[JobService]:
    """Open the service for a while; `mode` and `runner` as for `connect`."""
    opened = await connect(mode, runner=runner)
    try:
        yield opened
    finally:
        await opened.close()


def refuse_server(verb: str, why: str) -> None:
    """Raises Invalid for a verb that only means something where the store is, when it shall go to a server."""
    if server() is not None:
        where = "--server" if _chosen else "JOBDECK_SERVER"
        raise Invalid(f"`jobdeck {verb}` does not go to a server: {why} Leave out {where}.")
