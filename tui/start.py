"""Starting the terminal application: which service, which keys, which theme."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from core.config import Settings
from core.service import JobService
from tui import connection, keys
from tui.remembered import Remembered, state_path, told

if TYPE_CHECKING:
    from tui.app import JobdeckApp


def start() -> int:
    """Run the application over an engine of its own, or a server; the exit code. Raises Invalid for a wrong config."""
    settings = Settings.load()
    terminal, table = told(settings.config_file)
    keymap, wrong = keys.check_keys(table)
    theme = terminal.get("theme")

    from tui.app import JobdeckApp

    async def connect() -> JobService:
        return await connection.connect("stay", told=app.hear)

    address = connection.server()
    app = JobdeckApp(
        connect,
        place=address or _short(settings.data_directory),
        remote=address is not None,
        remembered=Remembered(state_path()),
        keymap=keymap,
        theme=theme if isinstance(theme, str) else None,
    )
    app.problems = wrong
    try:
        code = asyncio.run(_run(app))
    finally:
        app.thread.close()
    if app.keep_engine:
        from core.engine.local import start_local

        start_local(settings)
    return code


async def _run(app: JobdeckApp) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.end_by_signal, number)
    code = await app.run_async()
    return (app.return_code or 0) if code is None else code


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if home != "/" and path.startswith(home + "/") else path
