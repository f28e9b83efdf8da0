"""The forms of the settings: an environment, a setting, a token."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

from core.access import Role
from core.params.check import check
from core.service import Environment, Parameter, Setting, Value
from tui.screens import make
from tui.screens.form_screen import Filling, FormScreen
from tui.screens.script import assignments
from tui.widgets.paths import Complete, no_completion

_DAY = 86_400 * 10**9


class EnvironmentScreen(FormScreen):
    """What runs scripts: a new environment (None), or one that is there."""

    words: ClassVar[Mapping[str, str]] = {
        "kind": "kind", "needs a name": "name", "is taken": "name", "execut": "path", "arguments": "arguments",
        "variables": "variables",
    }  # fmt: skip

    def __init__(self, environment: Environment | None = None) -> None:
        super().__init__()
        self._environment = environment

    @property
    def heading(self) -> str:
        """What is changed."""
        return f"Environment · {self._environment.name}" if self._environment else "Add an environment"

    @property
    def draft_key(self) -> Hashable | None:
        """One draft for each."""
        return ("environment", self._environment.name if self._environment else None)

    def _sections(self) -> dict[str, Sequence[Parameter]]:
        name = Parameter("name", mandatory=True, display_name="Name", help="How scripts name it")
        return {
            "": [
                *([] if self._environment else [name]),
                Parameter("path", "file", True, display_name="Program", help="A path, or a name on PATH"),
                Parameter(
                    "arguments", "list", display_name="Arguments",
                    help="One on each line; {scriptPath} stands for the script, else it comes last",
                ),
                Parameter(
                    "kind", choices=("command", "python", "powershell"), display_name="Kind",
                    help="Where the program's name does not tell",
                ),
                Parameter("variables", "list", display_name="Variables", help="NAME=VALUE for its jobs' environment"),
            ],
            "PowerShell": [
                Parameter("modules", "list", display_name="Modules", help="Imported before the script"),
                Parameter("startup_script", "file", display_name="Startup script", help="Runs before the script"),
                Parameter("warm_runners", "integer", minimum=0, display_name="Warm runners", help="Kept ready"),
            ],
        }  # fmt: skip

    async def fill(self) -> Filling:
        """As it is."""
        known = self._environment or Environment("", "")
        values: dict[str, Any] = {
            "path": known.path, "arguments": list(known.arguments), "kind": known.kind,
            "variables": [f"{name}={value}" for name, value in known.variables.items()],
            "modules": list(known.modules), "startup_script": known.startup_script, "warm_runners": known.warm_runners,
        }  # fmt: skip
        about = ""
        if known.found and self._environment:
            about = f"{known.name} was found on this computer. Once it is changed it is your own."
        return Filling(self._sections(), {n: v for n, v in values.items() if v not in ("", None, [])}, about=about)

    def complete(self) -> Complete | None:
        """Paths are those of the service's computer."""
        return no_completion if self.deck.remote else None

    async def send(self, given: Mapping[str, Value]) -> None:
        """Add it, or change what differs."""
        parameters = [parameter for section in self._sections().values() for parameter in section]
        typed = check(parameters, given, declared=True, script="The environment")
        arguments = tuple(typed.get("arguments") or ())
        if not any("{scriptPath}" in argument for argument in arguments):
            arguments = (*arguments, "{scriptPath}")
        old = self._environment
        wanted: dict[str, Any] = {
            "path": typed["path"], "arguments": arguments, "kind": typed.get("kind") or (old.kind if old else ""),
            "variables": assignments(typed.get("variables")), "modules": tuple(typed.get("modules") or ()),
            "startup_script": typed.get("startup_script"), "warm_runners": typed.get("warm_runners"),
        }  # fmt: skip
        if old is None:
            await self.service.add_environment(Environment(typed["name"], found=False, **wanted))
        else:
            changes = {name: value for name, value in wanted.items() if value != getattr(old, name)}
            if changes:
                await self.service.change_environment(old.name, **changes)
        self.leave()


class SettingScreen(FormScreen):
    """One setting of the store."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting

    @property
    def heading(self) -> str:
        """Which."""
        return f"Settings · {self._setting.name}"

    @property
    def _parameter(self) -> Parameter:
        known = self._setting
        kinds = {bool: "switch", int: "integer", float: "number"}
        kind = kinds.get(type(known.default), "string")
        return Parameter(
            known.name, kind, True, help=known.help, minimum=known.minimum, maximum=known.maximum,
        )  # fmt: skip

    async def fill(self) -> Filling:
        """As it is."""
        return Filling({"": [self._parameter]}, {self._setting.name: self._setting.value})

    async def send(self, given: Mapping[str, Value]) -> None:
        """Change it."""
        typed = check([self._parameter], given, declared=True, script="The settings")
        await self.service.change_settings(**typed)
        self.leave()


class TokenScreen(FormScreen):
    """Granting a token."""

    verb = "Grant"

    @property
    def heading(self) -> str:
        """The title."""
        return "Grant a token"

    _PARAMETERS: ClassVar[Sequence[Parameter]] = (
        Parameter("identity", mandatory=True, display_name="Identity", help="Who, or which program, will use it"),
        Parameter(
            "role", choices=tuple(Role), mandatory=True, display_name="Role",
            help="Reader looks, Execute runs scripts, Operator changes scripts and jobs, Administrator does everything",
        ),
        Parameter("days", "integer", default=365, minimum=1, maximum=9_999, display_name="Days", help="Then it ends"),
        Parameter("description", display_name="Description"),
        Parameter("scripts", "list", display_name="Only scripts", help="Names; none = every script"),
        Parameter("tags", "list", display_name="Only tags", help="Scripts that have one of them"),
    )  # fmt: skip

    async def fill(self) -> Filling:
        """Empty."""
        return Filling({"": self._PARAMETERS})

    async def send(self, given: Mapping[str, Value]) -> None:
        """Grant it, and show it this once."""
        typed = check(self._PARAMETERS, given, declared=True, script="The token")
        token = await self.service.grant_token(
            typed["identity"],
            Role(typed["role"]),
            description=typed.get("description") or "",
            expires=time.time_ns() + typed["days"] * _DAY,
            scripts=tuple(typed.get("scripts") or ()),
            tags=tuple(typed.get("tags") or ()),
        )
        await self.app.push_screen_wait(make("granted", token))
        self.leave()
