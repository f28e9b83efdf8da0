"""The scripts that jobdeck knows: how their jobs went, and all that can be done with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from core.params.check import to_text
from core.service import Parameter, Script, ScriptStatistics, ServiceError
from tui import clock, keys, text
from tui.changes import Changes, Connection, State
from tui.glyphs import LOOKS, glyph, word
from tui.job_columns import short_time
from tui.say import duration
from tui.screens.base import BaseScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.jobs import JobsScreen
from tui.widgets import plain
from tui.widgets.columns import Cell, Column
from tui.widgets.inputs import Edited, TextInput
from tui.widgets.status import StatusLine
from tui.widgets.table import Table

#: statistics are read again at most so often while jobs come and go, in seconds
_AGAIN = 2.0


@dataclass(frozen=True, slots=True)
class ScriptRow:
    """A script with how its jobs went."""

    script: Script
    statistics: ScriptStatistics | None

    def matches(self, words: Sequence[str]) -> bool:
        """Whether every word stands somewhere in name, path, description or tags."""
        script = self.script
        told = " ".join((script.name, script.path, script.description, *script.tags)).casefold()
        return all(word in told for word in words)


class ScriptsScreen(BaseScreen[None]):
    """The list of scripts, and what there is to know of the one under the cursor."""

    TRAIL = "Scripts"
    DEFAULT_CSS = """
    ScriptsScreen #scripts { margin: 0 1 0 0; }
    ScriptsScreen #filter { display: none; margin: 0 1; }
    ScriptsScreen.-filtering #filter { display: block; }
    ScriptsScreen #about { height: auto; max-height: 9; padding: 0 2; border-top: solid $border; }
    """
    BINDINGS: ClassVar[Any] = keys.bindings("scripts", (
        "run", "add", "change", "source", "jobs", "remove", "filter", "refresh",
    ))  # fmt: skip

    @property
    def key_labels(self) -> Mapping[str, str]:
        """Enter runs the script."""
        return {"list.open": "Run"}

    def __init__(self) -> None:
        super().__init__()
        self._table: Table[ScriptRow] = Table(_columns(), lambda row: row.script.id, id="scripts")
        self._table.early.waits = True
        self._all: list[ScriptRow] = []
        self._loaded = False
        self._due = False
        self._parameters: dict[int, Sequence[Parameter] | str] = {}

    def compose_body(self) -> ComposeResult:
        """Filter, table, and the script under the cursor."""
        yield TextInput("", "words of the name, path, description, tags", id="filter")
        yield self._table
        yield Static(id="about")

    def on_mount(self) -> None:
        """Read the scripts."""
        self._table.blank = ("Loading …",)
        self._table.focus()
        self.query_one("#about").display = False
        self.on_connection(self.deck.connection)

    def on_connection(self, connection: Connection) -> None:
        """Read again when there is a connection."""
        self.refresh_bindings()
        if connection.state is State.OPEN:
            self.action_refresh()
        elif connection.state is State.LOST and not self._loaded:
            self._table.blank = ("Not connected", "", *self.wrapped(connection.problem))
            self._table.refresh()

    def on_changes(self, changes: Changes) -> None:
        """Scripts changed at once; what jobs change of their statistics comes in a moment."""
        if "script" in changes.kinds:
            self.action_refresh()
        elif "job" in changes.kinds and not self._due:
            self._due = True
            self.set_timer(_AGAIN, self.action_refresh)

    def action_refresh(self) -> None:
        """Read everything again."""
        self._due = False
        self._read()

    @work(exclusive=True, group="scripts")
    async def _read(self) -> None:
        try:
            scripts = await self.service.scripts()
            statistics = {each.script_id: each for each in await self.service.script_statistics()}
        except ServiceError as error:
            self.failed(error)
            return
        if not self.query(StatusLine):
            # The application is ending: the parts have gone.
            return
        self._all = [ScriptRow(script, statistics.get(script.id)) for script in scripts]
        self._parameters.clear()
        self._loaded = True
        self._show()

    def failed(self, error: ServiceError) -> None:
        """Reading failed: say so where the scripts would be, or as a message."""
        if not self._loaded:
            self._table.blank = (
                "The scripts cannot be read",
                "",
                *self.wrapped(error),
                "",
                f"{self.deck.key_of('scripts.refresh')}  try again",
            )
            self._table.refresh()
        self.deck.fail(error)

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def row(self) -> ScriptRow | None:
        """The script under the cursor."""
        return self._table.cursor_row

    def _show(self) -> None:
        words = self.query_one("#filter", TextInput).value.casefold().split()
        rows = [row for row in self._all if row.matches(words)]
        if self._all:
            self._table.blank = ("No script matches", "", "esc  shows all again")
        else:
            add, run = self.deck.key_of("scripts.add"), self.deck.key_of("scripts.run")
            told = (f"{add}  put a file on record", f"{run}  run any file: that puts it on record as well")
            self._table.blank = ("No scripts yet", "", *told)
        self._table.show_list(rows)
        count = f"{len(rows)} of {len(self._all)}" if words else str(len(self._all))
        self.status_line.show(trail=f"Scripts ({count})")
        self._show_about()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Another script under the cursor."""
        event.stop()
        self._show_about()

    def _show_about(self) -> None:
        about = self.query_one("#about", Static)
        row = self.row
        about.display = row is not None and self.size.height >= 18
        if row is None:
            return
        known = self._parameters.get(row.script.id)
        about.update(_about(row, known))
        if known is None:
            self._read_parameters(row.script.id)

    @work(exclusive=True, group="parameters")
    async def _read_parameters(self, id: int) -> None:
        try:
            self._parameters[id] = await self.service.script_parameters(id)
        except ServiceError as error:
            self._parameters[id] = str(error)
        if self.row is not None and self.row.script.id == id:
            self._show_about()

    # -- the filter ------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Type a filter."""
        self.add_class("-filtering")
        self.query_one("#filter").focus()

    def on_edited(self, event: Edited) -> None:
        """The filter changed."""
        event.stop()
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter stands: back to the list."""
        event.stop()
        self.set_class(bool(event.value), "-filtering")
        self._table.focus()

    def on_key(self, event: events.Key) -> None:
        """Down leaves the filter for the list."""
        if event.key == "down" and isinstance(self.focused, TextInput):
            event.stop()
            self._table.focus()

    def action_back(self) -> None:
        """Take the filter away first, then leave."""
        field = self.query_one("#filter", TextInput)
        if self.has_class("-filtering"):
            field.value = ""
            self.remove_class("-filtering")
            self._table.focus()
            self._show()
        else:
            self.dismiss()

    # -- what is done with a script --------------------------------------------------------------------------------

    def on_table_opened(self, event: Table.Opened) -> None:
        """Run it."""
        event.stop()
        self.deck.open("run", script=event.row.script.id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What changes something is dimmed for who may look only; a script's settings may be looked at."""
        return None if action in ("run", "add", "remove") and self.deck.connection.read_only else True

    def action_run(self) -> None:
        """Run any file."""
        self.deck.open("run")

    def action_add(self) -> None:
        """Put a file on record."""
        self.deck.open("script", None)

    def action_change(self) -> None:
        """Change the script's settings."""
        if self.row is not None:
            self.deck.open("script", self.row.script.id)

    def action_source(self) -> None:
        """Look at its source."""
        if self.row is not None:
            self.deck.open("source", self.row.script)

    def action_jobs(self) -> None:
        """Its jobs: the list of jobs with a filter for them."""
        if self.row is None:
            return
        name = self.row.script.name.replace("\\", "\\\\").replace('"', '\\"')
        jobs = next(screen for screen in reversed(self.app.screen_stack) if isinstance(screen, JobsScreen))
        jobs.set_filter(f'script:"{name}"' if not name.isascii() or set(name) & set(' ",\\') else f"script:{name}")
        self.dismiss()

    def action_remove(self) -> None:
        """Forget it, once that is confirmed."""
        row = self.row
        if row is None:
            return
        self.background(self._remove(row.script), group="remove")

    async def _remove(self, script: Script) -> None:
        name = text.cell_text(script.name)
        details = [script.path, "Its jobs stay, with all their records. The file stays where it is."]
        if not await self.app.push_screen_wait(ConfirmScreen(f"Remove {name}?", f"Remove {name}", details=details)):
            return
        await self.service.remove_script(script.id)
        self.action_refresh()


def _columns() -> list[Column[ScriptRow]]:
    return [
        Column("Script", lambda row: row.script.name, 18, grow=2),
        Column("Description", lambda row: row.script.description.partition("\n")[0], 16, grow=4, drop=3),
        Column("Last result", _last, 11),
        Column("When", _when, 12, drop=2),
        Column("Success", _success, 7, right=True),
        Column("Median", _median, 6, right=True, drop=1),
        Column(
            "Jobs", lambda row: text.thousands(row.statistics.jobs) if row.statistics else "", 6, right=True, drop=4
        ),
    ]


def _last(row: ScriptRow) -> Cell:
    status = row.statistics.last_status if row.statistics else None
    if status is None:
        return [("never run", "table--muted")]
    return [(f"{glyph(status)} {word(status)}", LOOKS[status])]


def _when(row: ScriptRow) -> Cell:
    return [(short_time(row.statistics.last_ended if row.statistics else None, clock.now()), "table--muted")]


def _success(row: ScriptRow) -> Cell:
    known = row.statistics
    ended = known.succeeded + known.failed if known else 0
    if known is None or not ended:
        return ""
    rate = 100 * known.succeeded / ended
    shown = "99%" if 99 <= rate < 100 else f"{rate:.0f}%"
    return [(shown, "table--good" if rate >= 90 else "table--warn" if rate >= 50 else "table--bad")]


def _median(row: ScriptRow) -> Cell:
    seconds = row.statistics.seconds if row.statistics else None
    return "" if seconds is None else duration(1, 1 + int(seconds * 1e9))


def _about(row: ScriptRow, parameters: Sequence[Parameter] | str | None) -> Content:
    """What there is to know of a script, in a few lines."""
    script = row.script
    facts: Mapping[str, str] = {
        "Path": script.path,
        "About": script.description,
        "Runs with": _how(script),
        "Tags": ", ".join(script.tags),
        "Notes": script.notes,
    }
    lines = [_fact(name, plain.line(text.cut(text.one_line(told), 400))) for name, told in facts.items() if told]
    if isinstance(parameters, str):
        lines.append(_fact("Parameters", Content.styled(text.one_line(parameters), "$text-error")))
    elif parameters is not None:
        asked = Content(", ").join(map(_parameter, parameters)) if parameters else Content("none declared")
        lines.append(_fact("Parameters", asked))
    return Content("\n").join(lines)


def _fact(name: str, told: Content) -> Content:
    return Content.assemble((f"{name:<11}", "dim"), told)


def _how(script: Script) -> str:
    said = [script.environment or "what the file says"]
    if script.timeout:
        said.append(f"ended after {script.timeout:g} s")
    if script.concurrent_jobs != Script.__dataclass_fields__["concurrent_jobs"].default:
        said.append(f"{script.concurrent_jobs} at once")
    if script.disable_manual_invocation:
        said.append("not by hand")
    return ", ".join(said)


def _parameter(parameter: Parameter) -> Content:
    said = plain.line(parameter.name)
    if parameter.mandatory:
        return Content.assemble(said, ("*", "$text-warning"), (f" {parameter.type}", "dim"))
    default = "" if parameter.default in (None, "") else f"={text.cut(text.one_line(to_text(parameter.default)), 20)}"
    return Content.assemble(said, (f"{default} {parameter.type}", "dim"))
