"""Starting the terminal application: which service, which keys, which theme."""

from __future__ import annotations

import os

from core.config import Settings
from core.service import JobService
from tui import keys
from tui.remembered import Remembered, state_path, told


async def _engine() -> JobService:
    from core.engine.engine import Engine

    engine: JobService = await Engine.open(Settings.load(), "stay")
    return engine


def start() -> int:
    """Run the application over an engine of its own; the exit code. Raises Invalid for a config file that is wrong."""
    settings = Settings.load()
    terminal, table = told(settings.config_file)
    keymap, wrong = keys.check_keys(table)
    theme = terminal.get("theme")

    from tui.app import JobdeckApp

    app = JobdeckApp(
        _engine,
        place=_short(settings.data_directory),
        remembered=Remembered(state_path()),
        keymap=keymap,
        theme=theme if isinstance(theme, str) else None,
    )
    app.problems = wrong
    try:
        code = app.run()
    finally:
        app.thread.close()
    return app.return_code or 0 if code is None else code


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if home != "/" and path.startswith(home + "/") else path
