"""What the terminal application remembers from one start to the next.

`state.json` in the user's state directory (in JOBDECK_HOME where that is set). It cannot keep the application from
starting.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any


class Remembered:
    """A small mapping of names to JSON values, written whenever it changes."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if path is not None:
            try:
                with open(path, encoding="utf-8") as file:
                    values = json.load(file)
                if isinstance(values, dict):
                    self._values = values
            except (OSError, ValueError):
                # None yet, or one that nobody can read: begin anew.
                self._values = {}

    def text(self, name: str, default: str = "") -> str:
        """A remembered text; the default where there is none."""
        value = self._values.get(name)
        return value if isinstance(value, str) else default

    def texts(self, name: str) -> dict[str, str]:
        """A remembered mapping of texts to texts."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            return {}
        return {key: item for key, item in value.items() if isinstance(item, str)}

    def put(self, name: str, value: Any) -> None:
        """Remember a value; None forgets it. Where it cannot be written it holds until the end."""
        if self._values.get(name) == value and not isinstance(value, dict):
            return
        if value is None:
            del self._values[name]
        else:
            self._values[name] = value
        if self._path is None:
            return
        temporary = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(self._values, file, indent=1)
            os.replace(temporary, self._path)
        except OSError:
            self._path = None


def state_path(variables: Mapping[str, str] | None = None) -> str:
    """Where the application's state is kept."""
    variables = os.environ if variables is None else variables
    if home := variables.get("JOBDECK_HOME"):
        return os.path.join(os.path.abspath(os.path.expanduser(home)), "state.json")
    import platformdirs

    return os.path.join(platformdirs.user_state_dir("jobdeck", appauthor=False), "state.json")
