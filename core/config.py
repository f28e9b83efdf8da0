"""Settings and directories: where jobdeck keeps its data and how it behaves.

`JOBDECK_HOME` holds both data and configuration; without it, the user's directories of the system are used. Each key
of `config.toml` can also be given as the environment variable `JOBDECK_<KEY>`, which wins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.service import Invalid

VERSION = "0.1.0"


@dataclass(frozen=True, slots=True)
class Settings:
    """Directories are absolute paths; times are in seconds."""

    data_directory: str
    config_file: str
    #: jobs that may run at once on this store
    max_running: int = 100
    #: how long a cancelled job may take to end by itself before it is killed
    cancel_grace: float = 5.0
    #: how long to wait for a database that others keep locked
    lock_timeout: float = 30.0
    #: how deep jobs may start jobs that start jobs
    max_depth: int = 16
    #: finished jobs are kept so many days; 0 = for ever
    retention_days: int = 30

    @property
    def database(self) -> str:
        """The database file."""
        return os.path.join(self.data_directory, "jobdeck.db")

    @property
    def log_file(self) -> str:
        """The file that engines and runners write their log to."""
        return os.path.join(self.data_directory, "log", "jobdeck.log")

    @classmethod
    def load(cls, variables: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process. Raises Invalid for a file or a variable that cannot be understood."""
        variables = os.environ if variables is None else variables
        return cls.from_file(*directories(variables), variables)

    @classmethod
    def from_file(cls, data: str, config_file: str, variables: Mapping[str, str]) -> Settings:
        """The settings that a file and environment variables give. Raises Invalid."""
        values: dict[str, object] = {}
        if os.path.exists(config_file):
            values = read_file(config_file)
        for key in RULES:
            if (text := variables.get(variable(key))) is not None:
                values[key] = checked(key, text, f"The environment variable {variable(key)}")
        return cls(data, config_file, **values)  # type: ignore[arg-type]


class Rule(NamedTuple):
    """What a setting may be, and what it does."""

    kind: type
    least: float
    greatest: float
    help: str


#: every key of config.toml
RULES: dict[str, Rule] = {
    "max_running": Rule(int, 1, 1_000_000, "Jobs that may run at once; further ones wait in the queue."),
    "cancel_grace": Rule(float, 0, 86_400, "Seconds that a cancelled job has to end by itself before it is killed."),
    "lock_timeout": Rule(float, 0, 3_600, "Seconds to wait for a database that others keep locked."),
    "max_depth": Rule(int, 1, 1_000, "How deep jobs may start jobs that start jobs."),
    "retention_days": Rule(
        int,
        0,
        36_500,
        "Days that finished jobs are kept, with all their records; 0 = for ever. A script's max_history"
        " may end them sooner.",
    ),
}


#: tables of config.toml that are the terminal application's own
TERMINAL = ("keys", "terminal")


def directories(variables: Mapping[str, str] | None = None) -> tuple[str, str]:
    """The data directory, and the settings file, whatever that holds."""
    variables = os.environ if variables is None else variables
    home = variables.get("JOBDECK_HOME")
    if home:
        home = os.path.abspath(os.path.expanduser(home))
        return home, os.path.join(home, "config.toml")
    import platformdirs

    return (
        platformdirs.user_data_dir("jobdeck", appauthor=False),
        os.path.join(platformdirs.user_config_dir("jobdeck", appauthor=False), "config.toml"),
    )


def variable(key: str) -> str:
    """The environment variable that overrides a setting."""
    return "JOBDECK_" + key.upper()


def read_file(path: str) -> dict[str, object]:
    """The settings that a config.toml holds, checked. Raises Invalid."""
    from tomllib import TOMLDecodeError

    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = parse(file.read())
    except TOMLDecodeError as error:
        raise Invalid(f"{path} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}.") from error
    values: dict[str, object] = {}
    for key, value in table.items():
        if key in TERMINAL:
            continue
        if key not in RULES:
            raise Invalid(f"{path} has a setting {key!r} that jobdeck does not know. It knows: {', '.join(RULES)}.")
        values[key] = checked(key, value, f"The setting {key} in {path}")
    return values


def parse(text: str) -> dict[str, object]:
    """What a settings file says. Raises TOMLDecodeError.

    A slip in the terminal application's own tables keeps no job from running: they are left out then.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        settings, _ = parted(text)
        return tomllib.loads(settings)


def parted(text: str) -> tuple[str, str]:
    """A settings file without the terminal application's own tables, and those alone; lines keep their number."""
    settings: list[str] = []
    own: list[str] = []
    here, there = settings, own
    for line in text.splitlines(keepends=True):
        begin = line.lstrip()
        if begin.startswith("["):
            name = begin.strip("[ \t\"'").split("]")[0].split(".")[0].strip("\"' \t\r\n")
            here, there = (own, settings) if name in TERMINAL else (settings, own)
        here.append(line)
        there.append("\n")
    return "".join(settings), "".join(own)


def checked(key: str, value: object, where: str) -> int | float:
    """The value of a setting as a number. Raises Invalid, saying `where` it stands."""
    kind, least, greatest, _ = RULES[key]
    try:
        if isinstance(value, bool) or (kind is int and isinstance(value, float) and not value.is_integer()):
            raise ValueError
        number: int | float = kind(value)
        if not least <= number <= greatest:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        word = "a whole number" if kind is int else "a number"
        raise Invalid(f"{where} is {value!r}; it must be {word} from {least:.0f} to {greatest:.0f}.") from None
    return number
