"""Settings and directories: where jobdeck keeps its data and how it behaves.

`JOBDECK_HOME` holds both data and configuration; without it, the user's directories of the system are used. Each key
of `config.toml` can also be given as the environment variable `JOBDECK_<KEY>`, which wins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

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
        data, config_file = _directories(variables)
        values: dict[str, object] = {}
        if os.path.exists(config_file):
            values = _read_file(config_file)
        for key in _LIMITS:
            if (text := variables.get("JOBDECK_" + key.upper())) is not None:
                values[key] = _number(key, text, f"The environment variable JOBDECK_{key.upper()}")
        return cls(data, config_file, **values)  # type: ignore[arg-type]


#: every key with its type and its least and greatest value
_LIMITS: dict[str, tuple[type, float, float]] = {
    "max_running": (int, 1, 1_000_000),
    "cancel_grace": (float, 0, 86_400),
    "lock_timeout": (float, 0, 3_600),
}


def _directories(variables: Mapping[str, str]) -> tuple[str, str]:
    home = variables.get("JOBDECK_HOME")
    if home:
        home = os.path.abspath(os.path.expanduser(home))
        return home, os.path.join(home, "config.toml")
    import platformdirs

    return (
        platformdirs.user_data_dir("jobdeck", appauthor=False),
        os.path.join(platformdirs.user_config_dir("jobdeck", appauthor=False), "config.toml"),
    )


def _read_file(path: str) -> dict[str, object]:
    import tomllib

    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not valid TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}.") from error
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in _LIMITS:
            raise Invalid(f"{path} has a setting {key!r} that jobdeck does not know. It knows: {', '.join(_LIMITS)}.")
        values[key] = _number(key, value, f"The setting {key} in {path}")
    return values


def _number(key: str, value: object, where: str) -> object:
    kind, least, greatest = _LIMITS[key]
    try:
        if isinstance(value, bool):
            raise ValueError
        number = kind(value)
        if not least <= number <= greatest:
            raise ValueError
    except (TypeError, ValueError):
        word = "a whole number" if kind is int else "a number"
        raise Invalid(f"{where} is {value!r}; it must be {word} from {least:g} to {greatest:g}.") from None
    return number
