"""Running a script: the form made from what the script asks for. Also any file on disk, and a job once more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from core.service import Invalid, Job, NotFound, Parameter, RunRequest, Script, Value
from tui import text
from tui.screens import make
from tui.screens.form_screen import Filling, FormScreen
from tui.widgets.fields import OWN, SECRET_TYPES, Field
from tui.widgets.paths import Candidate, Complete, complete_path, no_completion

#: seconds of quiet after which what was typed as the script is looked up
_QUIET = 0.2
_ENVIRONMENT = OWN + "environment"


class RunScreen(FormScreen):
    """The form of one script (`script`: id, name or path), of a job to run again (`rerun_of`), or of any file."""

    DEFAULT_CSS = """
    RunScreen #what { height: auto; padding: 1 1 0 1; }
    RunScreen #what Field { margin: 0; }
    """

    verb = "Run"
    named = True
    waiting = "Reading the script…"
    words: ClassVar[Mapping[str, str]] = {
        "working directory": OWN + "working_directory",
        "timeout": OWN + "timeout",
        "environment": OWN + "environment",
    }

    def __init__(self, script: int | str | None = None, rerun_of: int | None = None) -> None:
        super().__init__()
        self._script = script
        self._rerun_of = rerun_of
        self._any_file = script is None and rerun_of is None
        self._job: Job | None = None
        self._found: Script | None = None
        self._path: str | None = None
        self._typing: object = None
        #: what was typed when the form was made
        self._looked_up = ""
        self._names: Sequence[Script] | None = None

    @property
    def heading(self) -> str:
        """What is to be run."""
        if self._rerun_of is not None:
            return f"Run again · job {self._rerun_of}" + (f" · {self._job.script}" if self._job else "")
        name = self._found.name if self._found else os.path.basename(self._path or "")
        return f"Run · {name}" if name else "Run a script"

    @property
    def draft_key(self) -> Hashable | None:
        """One draft for each script."""
        return ("run", self._rerun_of, self._found.id if self._found else self._path)

    def compose_above(self) -> ComposeResult:
        """The line for the file, where it is not known."""
        if self._any_file:
            about = Parameter(
                OWN + "what", "file", True, display_name="Script",
                help="A file, or the name of a script on record. Tab completes.",
            )  # fmt: skip
            with Vertical(id="what"):
                yield Field(about, complete=self._complete_what)

    def begin(self) -> None:
        """Read the script, or wait for its name."""
        if self._any_file:
            self.query_one("#what Field", Field).focus()
            self.call_later(self.show_note, "Its parameters are asked for here once it is named.")
        else:
            self.load()

    # -- any file --------------------------------------------------------------------------------------------------

    async def _complete_what(self, typed: str) -> Sequence[Candidate]:
        if self._names is None:
            self._names = await self.service.scripts()
        folded = typed.casefold()
        named = [
            Candidate(script.name, f"{script.name}   {script.path}")
            for script in self._names
            if folded and "/" not in typed and folded in script.name.casefold() and script.name.isprintable()
        ]
        if self.deck.remote:
            return named
        files = await asyncio.to_thread(complete_path, typed, os.getcwd())
        return named + [each for each in files if all(each.text != other.text for other in named)]

    def on_field_changed(self, event: Field.Changed) -> None:
        """Another file: look it up when the typing pauses."""
        if event.field.parameter.name == OWN + "what":
            self._look_soon()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter behind the script's name: on to its parameters, once they are here."""
        event.stop()
        form = self.form
        if form is not None and event.value == self._looked_up:
            form.focus_first()
        else:
            # It is looked up at once, not when the typing pauses.
            self._typing = None
            self.load()

    def _look_soon(self) -> None:
        stamp = self._typing = object()

        def look() -> None:
            if stamp is self._typing:
                self.load(focus=False)

        self.set_timer(_QUIET, look)

    async def _look_up(self, what: str) -> None:
        """Find what was typed: a script on record by name or path, or a file. Raises ServiceError."""
        self._found = self._path = None
        self._looked_up = what
        if not what:
            raise NotFound("Its parameters are asked for here once it is named.")
        path = what if self.deck.remote else os.path.abspath(os.path.expanduser(what))
        try:
            self._found = await self.service.script(what)
        except NotFound:
            if not self.deck.remote and not os.path.exists(path):
                raise NotFound(f"There is no script {text.one_line(what)} on record, and no such file.") from None
            self._path = path

    # -- the form --------------------------------------------------------------------------------------------------

    async def show_note(self, words: str, error: bool = False) -> None:
        """While a file is being typed, what is wrong with it is no error yet."""
        await super().show_note(words, error and not self._any_file)

    async def fill(self) -> Filling:
        """Ask what the script takes."""
        if self._rerun_of is not None:
            return await self._fill_again(self._rerun_of)
        if self._any_file:
            field = self.query_one("#what Field", Field)
            await self._look_up(str(field.given or ""))
        elif isinstance(self._script, int):
            self._found = await self.service.script(self._script)
        else:
            await self._look_up(self._script or "")
        target = self._found.id if self._found else self._path
        assert target is not None
        parameters = await self.service.script_parameters(target)
        script = self._found or Script(id=0, name="", path=self._path or "")
        if script.disable_manual_invocation:
            raise Invalid(f"The script {script.name} may not be started by hand (DisableManualInvocation).")
        sections: dict[str, Sequence[Parameter]] = {"Parameters": [*parameters] or [_ARGUMENTS]}
        sections["This run"] = _own(script)
        return Filling(sections, environment=_ENVIRONMENT, about=script.description)

    async def _fill_again(self, id: int) -> Filling:
        job = self._job = await self.service.job(id)
        parameters: Sequence[Parameter] = ()
        warning = ""
        try:
            parameters = await self.service.script_parameters(job.script_id or job.script_path)
        except (Invalid, NotFound) as error:
            warning = f"{error} The copy that job {id} ran will run."
        declared = {parameter.name for parameter in parameters}
        others = [_guessed(name, value) for name, value in job.parameters.items() if name not in declared]
        sections: dict[str, Sequence[Parameter]] = {"Parameters": [*parameters, *others]}
        if not sections["Parameters"]:
            sections["Parameters"] = [_ARGUMENTS]
        script = Script(
            0, job.script, job.script_path, working_directory=job.working_directory, timeout=job.timeout, tags=job.tags
        )
        sections["This run"] = _own(script)
        kept = {p.name for p in (*parameters, *others) if p.type in SECRET_TYPES and p.name in job.parameters}
        values = {name: value for name, value in job.parameters.items() if name not in kept}
        own = {_ENVIRONMENT: job.environment, OWN + "notes": job.notes or None}
        return Filling(sections, {**values, **own}, frozenset(kept), environment=_ENVIRONMENT, warning=warning)

    def complete(self) -> Complete | None:
        """Paths are completed from the disk only where the job sees the same one."""
        return no_completion if self.deck.remote else None

    def action_send(self) -> None:
        """Without a script there is nothing to run."""
        if self._any_file and self.form is None and not self.read_only:
            self.query_one("#what Field", Field).check()
            self.query_one("#what Field", Field).focus()
            return
        if self._any_file and str(self.query_one("#what Field", Field).given or "") != self._looked_up:
            self.tell("Another script was named just now: look at its parameters, and send once more.", "warning")
            self._look_soon()
            return
        super().action_send()

    async def send(self, given: Mapping[str, Value]) -> None:
        """Run it, and look at the job."""
        own = {name.removeprefix(OWN): value for name, value in given.items() if name.startswith(OWN)}
        parameters = {name: value for name, value in given.items() if not name.startswith(OWN)}
        parameters |= _assignments(own.get("arguments"))
        job = await self.service.run(
            RunRequest(
                path=self._path or (self._job.script_path if self._job else None),
                script=self._found.id if self._found else None,
                rerun_of=self._rerun_of,
                parameters=parameters,
                environment=own.get("environment"),
                timeout=None if own.get("timeout") is None else float(own["timeout"]),
                working_directory=own.get("working_directory"),
                current_directory=None if self.deck.remote else os.getcwd(),
                tags=tuple(own.get("tags") or ()),
                notes=own.get("notes") or "",
                source="tui",
            )
        )
        if self._left:
            self.deck.say(f"Job {job.id} of {job.script} was started.")
            return
        self._left = True
        self.app.switch_screen(make("job", job.id))


_ARGUMENTS = Parameter(
    OWN + "arguments", "list", display_name="Arguments",
    help="The script declares no parameters. NAME=VALUE on each line: given in this order, and as variables.",
)  # fmt: skip


def _own(script: Script) -> list[Parameter]:
    """What every run may be told."""
    usual = f"as usual: {script.environment}" if script.environment else "as the script says"
    return [
        Parameter(
            _ENVIRONMENT, display_name="Environment",
            help=f"What runs it; none chosen: {usual}",
        ),
        Parameter(
            OWN + "working_directory", "file", default=script.working_directory, display_name="Directory",
            help="Where it runs",
        ),
        Parameter(
            OWN + "timeout", "number", default=script.timeout or None, minimum=0,
            display_name="Timeout", help="Seconds; 0 = never",
        ),
        Parameter(OWN + "tags", "list", default=list(script.tags) or None, display_name="Tags"),
        Parameter(OWN + "notes", display_name="Notes", help="For whoever looks at the job later"),
    ]  # fmt: skip


def _guessed(name: str, value: Value) -> Parameter:
    """A parameter that the script does not declare, from the value it was given."""
    kinds = {bool: "boolean", int: "integer", float: "number", list: "list", dict: "object", type(None): "secret"}
    return Parameter(name, kinds.get(type(value), "string"))


def _assignments(lines: Value) -> dict[str, Value]:
    """NAME=VALUE lines. Raises Invalid."""
    values: dict[str, Value] = {}
    for line in lines or ():
        name, equals, value = str(line).partition("=")
        if not equals or not name.strip():
            raise Invalid(f"{text.one_line(line)} is not NAME=VALUE: write each argument like mode=fast.")
        values[name.strip()] = value
    return values
