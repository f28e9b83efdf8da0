"""Starting the terminal application: which service, which keys, which theme."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from core.config import Settings, directories
from core.service import Invalid, JobService
from tui import connection, told
from tui.remembered import Remembered, state_path

if TYPE_CHECKING:
    from tui.app import JobdeckApp


def start() -> int:
    """Run the application over an engine of its own, or a server; the exit code."""
    data, config_file = directories()
    said = told.read(config_file)

    from tui.app import JobdeckApp

    async def connect() -> JobService:
        return await connection.connect("stay", told=app.hear)

    address = connection.server()
    app = JobdeckApp(
        connect,
        place=address or _short(data),
        remote=address is not None,
        remembered=Remembered(state_path()),
        wishes=said.wishes,
        problems=said.problems if address is None else [*_wrong_settings(), *said.problems],
        theme=said.theme,
    )
    try:
        code = asyncio.run(_run(app))
    finally:
        app.thread.close()
    if app.keep_engine:
        from core.engine.local import start_local

        start_local(Settings.load())
    return code


async def _run(app: JobdeckApp) -> int:
    loop = asyncio.get_running_loop()

    def end(number: int, _: object) -> None:
        # The loop may be waiting for a terminal that does not read: that ends now, and then the loop hears of it.
        if not loop.is_closed():
            app.waits_for_terminal_no_longer()
            loop.call_soon_threadsafe(app.end_by_signal, number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    # GNU screen keeps escape back until the next key while a program in it listens to the mouse.
    code = await app.run_async(mouse="STY" not in os.environ)
    return (app.return_code or 0) if code is None else code


def _wrong_settings() -> list[str]:
    """What is wrong with the settings, where no engine is here whose connection tells it."""
    try:
        Settings.load()
    except Invalid as error:
        return [str(error)]
    return []


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if home != "/" and path.startswith(home + "/") else path
