"""`jobdeck serve --local`: an engine without a face, for what is due when the last other engine has gone.

A runner calls for one as well, and the modules inside jobs do: so this module loads next to nothing.
"""

from __future__ import annotations

import os
import sys

from core.runner.spec import OWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.config import Settings

#: it stays so long when nothing is due any more: whoever started it may be about to connect
_IDLE = 3.0
_LOOK = 0.25
#: what the environment of a job or of its submitter says, and an engine must not hear
_OF_JOBS = (*OWN, "JOBDECK_PYTHON_STYLE", "JOBDECK_TOKEN", "JOBDECK_SERVER")


async def serve_local(settings: Settings) -> None:
    """Lead until nothing is due any more, nobody is connected, or another engine leads. Raises ServiceError."""
    import asyncio

    from .engine import Engine

    engine = await Engine.open(settings, "stay")
    try:
        quiet, seen = 0.0, engine.local_requests
        while quiet < _IDLE:
            await asyncio.sleep(_LOOK)
            used = engine.local_connections or engine.local_requests != seen
            seen = engine.local_requests
            busy = used or (engine.leading and not await engine.idle())
            quiet = 0.0 if busy else quiet + _LOOK
    finally:
        await engine.close()


def start_local(settings: Settings) -> None:
    """Start `jobdeck serve --local` in a session of its own: nothing of this process stays but its user and store."""
    call_engine(settings.log_file)


def call_engine(log_file: str) -> None:
    """The same, for whoever knows no settings; what it has to say on its way goes to the log. Raises OSError."""
    variables = {name: value for name, value in os.environ.items() if name not in _OF_JOBS}
    variables["JOBDECK_ROLE"] = "engine"
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_spawn(
            "/bin/sh",
            # A shell in between changes the directory and lets go of us, as posix_spawn itself cannot.
            ["sh", "-c", 'cd / && "$@" &', "sh", sys.executable, "-P", "-m", "tui", "serve", "--local"],
            variables,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(null)
        os.close(log)
