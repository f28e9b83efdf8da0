"""What is on record of a script: putting a file on record, and changing its settings."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

from core.params.check import check
from core.service import ERROR_ACTIONS, Invalid, Parameter, Script, Value
from tui.screens.form_screen import Filling, FormScreen
from tui.text import one_line
from tui.widgets.paths import Complete, no_completion

_DEFAULTS = Script(0, "", "")
#: the names of the fields for PowerShell's preferences begin with it, the stream's name follows
_PREFERENCE = "preference."
_PREFERENCES = tuple(action for action in ERROR_ACTIONS if action != "Break")
_STREAMS = {
    "Verbose": "$VerbosePreference; none chosen: as PowerShell has it, not written",
    "Debug": "$DebugPreference; none chosen: not written",
    "Information": "$InformationPreference; none chosen: kept, not shown",
    "Warning": "$WarningPreference; none chosen: Continue",
    "Progress": "$ProgressPreference; none chosen: Continue",
}


def _sections(new: bool) -> dict[str, Sequence[Parameter]]:
    name = "What it is called; empty: the file's name" if new else "What it is called"
    return {
        "Script": [
            Parameter("path", "file", True, display_name="File", help="It runs from where it lies"),
            Parameter("name", display_name="Name", mandatory=not new, help=name),
            Parameter("description", display_name="Description"),
            Parameter("tags", "list", display_name="Tags"),
            Parameter("notes", display_name="Notes"),
        ],
        "How it runs": [
            Parameter("environment", display_name="Environment", help="None: as its file says"),
            Parameter("working_directory", "file", display_name="Directory", help="Empty: where its file lies"),
            Parameter("variables", "list", display_name="Variables", help="NAME=VALUE for its jobs' environment"),
            Parameter("error_action", choices=ERROR_ACTIONS, display_name="On an error", help="Stop ends the job"),
            Parameter("timeout", "number", minimum=0, display_name="Timeout", help="Seconds; 0 = never"),
            Parameter("concurrent_jobs", "integer", minimum=1, display_name="At once", help="Jobs of it; others wait"),
            Parameter("retry_limit", "integer", minimum=0, display_name="Retries", help="After it failed"),
            Parameter("max_history", "integer", minimum=0, display_name="History", help="Finished jobs kept; 0 = all"),
        ],
        "Details": [
            Parameter("disable_manual_invocation", "switch", display_name="Not by hand", help="People may not run it"),
            Parameter("cancel_children", "switch", display_name="Cancel children", help="With it, those it started"),
            Parameter("kill_leftovers", "switch", display_name="End leftovers", help="What it leaves running is ended"),
            Parameter("merge", "switch", display_name="One stream", help="stdout and stderr together, in exact order"),
            Parameter("discard_pipeline", "switch", display_name="No objects", help="Pipeline objects are not kept"),
        ],
        "PowerShell": [
            Parameter("object_depth", "integer", minimum=1, display_name="Depth", help="Of the objects it writes"),
            *(
                Parameter(_PREFERENCE + stream, choices=_PREFERENCES, display_name=stream, help=help)
                for stream, help in _STREAMS.items()
            ),
        ],
    }  # fmt: skip


class ScriptScreen(FormScreen):
    """The settings of a script (`script`: its id), or those of a file that is to be put on record (None)."""

    words: ClassVar[Mapping[str, str]] = {
        "working directory": "working_directory", "name must": "name", "no file": "path", "on record already": "path",
        "cannot be read": "path", "error action": "error_action", "environment": "environment",
        "setting timeout": "timeout", "setting concurrent": "concurrent_jobs", "setting max": "max_history",
    }  # fmt: skip

    def __init__(self, script: int | None = None) -> None:
        super().__init__()
        self._script_id = script
        self._script: Script | None = None

    @property
    def heading(self) -> str:
        """What is changed."""
        if self._script_id is None:
            return "Add a script"
        return f"Settings · {self._script.name}" if self._script else "Settings of a script"

    @property
    def draft_key(self) -> Hashable | None:
        """One draft for each script, and one for a new one."""
        return ("script", self._script_id)

    async def fill(self) -> Filling:
        """What is on record."""
        if self._script_id is None:
            return Filling(_sections(new=True), _values(_DEFAULTS), environment="environment")
        script = self._script = await self.service.script(self._script_id)
        return Filling(_sections(new=False), _values(script), environment="environment")

    def complete(self) -> Complete | None:
        """Paths are those of the service's computer."""
        return no_completion if self.deck.remote else None

    async def send(self, given: Mapping[str, Value]) -> None:
        """Put it on record, or change what differs."""
        old = self._script or _DEFAULTS
        wanted = _settings(given)
        changes = {name: value for name, value in wanted.items() if value != getattr(old, name)}
        if self._script is None:
            path = str(changes.pop("path"))
            if not changes.get("name"):
                changes.pop("name", None)
            script = await self.service.add_script(path, **changes)
            self.deck.say(f"{script.name} is on record.")
        elif changes:
            await self.service.change_script(self._script.id, **changes)
        self.leave()


def _values(script: Script) -> dict[str, Value]:
    """A script's settings as a form shows them; what is empty is not there."""
    values: dict[str, Any] = {name: getattr(script, name) for name in _names()}
    values |= {_PREFERENCE + stream: value for stream, value in script.preferences.items()}
    values["variables"] = [f"{name}={value}" for name, value in script.variables.items()]
    values["tags"] = list(script.tags)
    return {name: value for name, value in values.items() if value not in ("", None, [])}


def _names() -> list[str]:
    """The settings that are a field each; PowerShell's preferences are several."""
    names = [parameter.name for section in _sections(new=True).values() for parameter in section]
    return [name for name in names if not name.startswith(_PREFERENCE)]


def _settings(given: Mapping[str, Value]) -> dict[str, Value]:
    """What a form gives as settings of a script. Raises Invalid."""
    parameters = [parameter for section in _sections(new=True).values() for parameter in section]
    typed = check(parameters, given, declared=True, script="The script")
    settings = {name: typed.get(name, getattr(_DEFAULTS, name)) for name in _names()}
    settings["tags"] = tuple(settings["tags"] or ())
    settings["variables"] = assignments(typed.get("variables"))
    settings["timeout"] = float(settings["timeout"])
    settings["preferences"] = {
        stream: typed[_PREFERENCE + stream] for stream in _STREAMS if typed.get(_PREFERENCE + stream)
    }
    return settings


def assignments(lines: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE lines as a mapping. Raises Invalid."""
    values: dict[str, str] = {}
    for line in lines or ():
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise Invalid(f"variables must be NAME=VALUE, one on each line, not {one_line(line)!r}.")
        values[name.strip()] = value
    return values
