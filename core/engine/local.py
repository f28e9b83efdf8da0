"""`jobdeck serve --local`: an engine without a face, for what is due when the last other engine has gone."""

from __future__ import annotations

import asyncio
import os
import sys

from core.config import Settings

_IDLE = 1.0


async def serve_local(settings: Settings) -> None:
    """Lead until nothing is due any more, or until another engine leads. Raises ServiceError."""
    from .engine import Engine

    engine = await Engine.open(settings, "stay")
    try:
        quiet = 0.0
        while quiet < _IDLE:
            await asyncio.sleep(0.25)
            quiet = quiet + 0.25 if await engine.idle() or not engine.leading else 0.0
    finally:
        await engine.close()


def start_local(settings: Settings) -> None:
    """Start `jobdeck serve --local` in a session of its own: nothing of this process stays but its user and store."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JOBDECK_") or name in ("JOBDECK_HOME", *_SETTINGS)
    }
    variables["JOBDECK_ROLE"] = "engine"
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    log = os.open(settings.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
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


_SETTINGS = ("JOBDECK_MAX_RUNNING", "JOBDECK_CANCEL_GRACE", "JOBDECK_LOCK_TIMEOUT")
