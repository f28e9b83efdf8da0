"""The settings of a store: what is in force and why, and changing them in config.toml."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from core.config import RULES, Settings, checked, parse, read_file, variable
from core.service import Conflict, Invalid, Unavailable

from .locks import FileLock
from .paths import write_whole

if TYPE_CHECKING:
    from core.service import Setting, Value

_PATIENCE = 5.0
_TABLE = re.compile(r"(?m)^[ \t]*\[")
#: a setting on its line: the indentation and name, the value, a comment behind it
_LINE = r"(?m)^([ \t]*(?P<quote>[\"']?){name}(?P=quote)[ \t]*=[ \t]*)([^#\n]*?)([ \t]*(?:#.*)?)$"


class Live:
    """The settings of one engine, which follow the file while it runs."""

    def __init__(self, settings: Settings) -> None:
        self.now = settings
        self._stamp = _stamp(settings.config_file)
        self._file = _values(settings)

    def refresh(self) -> bool:
        """Look at the file; whether a setting changed. Raises Invalid for a file that cannot be understood."""
        stamp = _stamp(self.now.config_file)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        values = _values(self.now)
        # Only what changed in the file: other settings of this engine may have been given to it otherwise.
        changed = {name: value for name, value in values.items() if self._file[name] != value}
        self._file = values
        self.now = replace(self.now, **changed)  # type: ignore[arg-type]
        return bool(changed)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _values(settings: Settings) -> dict[str, int | float]:
    """What file and environment variables say, defaults for the rest."""
    loaded = Settings.from_file(settings.data_directory, settings.config_file, os.environ)
    return {name: getattr(loaded, name) for name in RULES}


def all_settings(settings: Settings) -> list[Setting]:
    """Every setting, with the value that is in force now. Raises Invalid for a file that cannot be understood."""
    from core.service import Setting

    in_file = read_file(settings.config_file) if os.path.exists(settings.config_file) else {}
    found = []
    for name, rule in RULES.items():
        origin = "variable" if variable(name) in os.environ else "file" if name in in_file else "default"
        default = Settings.__dataclass_fields__[name].default
        found.append(Setting(name, getattr(settings, name), default, origin, rule.least, rule.greatest, rule.help))
    return found


def change(settings: Settings, values: Mapping[str, Value]) -> None:
    """Change the settings file; None takes a setting out. Comments stay. Raises Invalid, Conflict, Unavailable."""
    new: dict[str, int | float | None] = {}
    for name, value in values.items():
        if name not in RULES:
            raise Invalid(f"There is no setting {name!r}. There are: {', '.join(RULES)}.")
        if variable(name) in os.environ:
            raise Conflict(
                f"The setting {name} is given by the environment variable {variable(name)}, which wins over the file."
                " Change it there."
            )
        new[name] = None if value is None else checked(name, value, f"The setting {name}")
    path = settings.config_file
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with FileLock(os.path.join(settings.data_directory, "store.lock"), byte=2) as lock:
            deadline = time.monotonic() + _PATIENCE
            while not lock.take():
                if time.monotonic() > deadline:
                    raise Unavailable("Another process is changing the settings and does not finish. Try again.")
                time.sleep(0.01)
            text = ""
            if os.path.exists(path):
                read_file(path)
                with open(path, encoding="utf-8", newline="") as file:
                    text = file.read()
            for name, number in new.items():
                text = _edited(text, name, number, path)
            write_whole(path, text.encode())
    except OSError as error:
        raise Unavailable(f"The settings file {path} cannot be written: {error.strerror}.") from error


def _edited(text: str, name: str, value: float | None, path: str) -> str:
    """The file with one setting changed. What it means is checked: everything else must stay as it was."""
    import tomllib

    wanted = parse(text)
    line = re.compile(_LINE.replace("{name}", re.escape(name)))
    # Settings stand before the first table.
    tables = _TABLE.search(text)
    head, rest = (text, "") if tables is None else (text[: tables.start()], text[tables.start() :])
    if value is None:
        wanted.pop(name, None)
        head = re.sub(line.pattern.removesuffix("$") + r"(?:\n|\Z)", "", head, count=1)
    else:
        wanted[name] = value
        if line.search(head):
            head = line.sub(lambda found: f"{found[1]}{value!r}{found[4]}", head, count=1)
        else:
            head += f"{'' if not head or head.endswith(chr(10)) else chr(10)}{name} = {value!r}\n"
    text = head + rest
    try:
        result = parse(text)
    except tomllib.TOMLDecodeError:
        result = {}
    if result != wanted:
        raise Conflict(f"The setting {name} stands in {path} in a way that only a person can change. Edit the file.")
    return text
