"""The pages of the settings that are the service's: each a table, and what can be done with its rows."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from core.access import AppToken
from core.params.check import to_text
from core.service import Environment, Groomed, JobService, Setting
from tui import clock, text
from tui.grooming import groom
from tui.screens.confirm import ConfirmScreen
from tui.widgets import plain
from tui.widgets.columns import Cell, Column
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.app import JobdeckApp

T = TypeVar("T")


class Page(Vertical, Generic[T]):
    """A table with a line about the row under the cursor."""

    DEFAULT_CSS = """
    Page { height: 1fr; }
    Page Table { margin: 0 1 0 0; }
    Page .about {
        height: auto; max-height: 6; min-height: 2; padding: 0 2; color: $text-muted; border-top: solid $border;
    }
    """
    #: what can be done here: add, change, remove, default, groom
    can: ClassVar[frozenset[str]] = frozenset()
    #: what changing a row is called
    verb: ClassVar[str] = "Change"
    #: whether the rows come from the service
    asks: ClassVar[bool] = True
    #: what stands there while there are no rows; {add} is the key that adds one
    blank: ClassVar[Sequence[str]] = ("Nothing here",)

    def __init__(self) -> None:
        super().__init__()
        self.table: Table[T] = Table(self.columns(), self.row_key)
        self.table.blank = ("Loading …",)
        self.table.early.waits = True

    def columns(self) -> Sequence[Column[T]]:
        """The columns of the table."""
        raise NotImplementedError

    def row_key(self, row: T) -> Hashable:
        """What names a row."""
        raise NotImplementedError

    async def rows(self) -> Sequence[T]:
        """The rows. Raises ServiceError."""
        raise NotImplementedError

    def about(self, row: T) -> Content:
        """What there is to know of a row beyond its cells."""
        return Content("")

    async def add(self) -> None:
        """Add one."""

    async def change(self, row: T) -> None:
        """Change a row."""

    async def remove_row(self, row: T) -> None:
        """Remove a row."""

    async def groom(self) -> None:
        """Remove the jobs that were kept long enough."""

    async def put_default(self, row: T) -> None:
        """Put a row's default back."""

    def compose(self) -> ComposeResult:
        """Table and line."""
        yield self.table
        yield Static(classes="about")

    @property
    def deck(self) -> JobdeckApp:
        """The application."""
        return cast("JobdeckApp", self.app)

    @property
    def service(self) -> JobService:
        """The service."""
        return self.deck.service

    def focus_table(self) -> None:
        """Put the focus where the rows are."""
        self.table.focus()

    async def read(self) -> None:
        """Read the rows again. Raises ServiceError."""
        rows = await self.rows()
        self.table.blank = [line.replace("{add}", self.deck.key_of("settings.add")) for line in self.blank]
        self.table.show_list(rows)
        self.moved()

    def show_trouble(self, heading: str, sentence: str) -> None:
        """Say in the place of the rows why there are none."""
        wide = max(30, min(self.app.size.width - 8, 76))
        self.table.blank = (heading, "", *textwrap.wrap(text.one_line(sentence), wide))
        self.table.refresh()

    def moved(self) -> None:
        """The cursor stands on another row."""
        row = self.table.cursor_row
        self.query_one(".about", Static).update(Content("") if row is None else self.about(row))

    async def sure(self, question: str, verb: str, *details: str) -> bool:
        """Whether a person confirms it."""
        answer: bool | None = await self.deck.push_screen_wait(ConfirmScreen(question, verb, details=details))
        return bool(answer)


class EnvironmentsPage(Page[Environment]):
    """What runs scripts."""

    can = frozenset({"add", "change", "remove"})
    blank = ("No environment was found", "", "{add}  add one: any command line")

    def columns(self) -> Sequence[Column[Environment]]:
        """Name, version, kind, where from, path."""
        return [
            Column("Environment", lambda row: row.name, 16, grow=1),
            Column("Version", lambda row: row.version, 10, drop=1),
            Column("Kind", lambda row: row.kind, 10, drop=2),
            Column("From", lambda row: [("found" if row.found else "your own", "table--muted")], 8),
            Column("Path", lambda row: [(row.path, "table--muted")], 20, grow=3),
        ]

    def row_key(self, row: Environment) -> Hashable:
        """Its name."""
        return row.name

    async def rows(self) -> Sequence[Environment]:
        """All of them."""
        return await self.service.environments()

    def about(self, row: Environment) -> Content:
        """Its command line."""
        words = [row.path, *row.arguments]
        said = Content.assemble(("Runs  ", "dim"), plain.line(" ".join(words)))
        if row.variables:
            with_ = ", ".join(f"{name}={value}" for name, value in row.variables.items())
            said = Content.assemble(said, ("\nWith  ", "dim"), plain.line(with_))
        return said

    async def add(self) -> None:
        """Ask for a new one."""
        self.deck.open("environment", None)

    async def change(self, row: Environment) -> None:
        """Its form."""
        self.deck.open("environment", row)

    async def remove_row(self, row: Environment) -> None:
        """Remove one that was added; one that was changed is as it was found again."""
        if row.found:
            self.deck.say(f"{row.name} was found on this computer: only your own can be removed.", severity="warning")
            return
        name = text.cell_text(row.name)
        if await self.sure(f"Remove the environment {name}?", f"Remove {name}", "Scripts that name it run no more."):
            await self.service.remove_environment(row.name)
            await self.read()


class LimitsPage(Page[Setting]):
    """The settings of the store."""

    can = frozenset({"change", "default", "groom"})

    def columns(self) -> Sequence[Column[Setting]]:
        """Name, value, where from, default."""
        return [
            Column("Setting", lambda row: row.name, 18, grow=1),
            Column("Value", lambda row: [(to_text(row.value), "table--strong")], 12, right=True),
            Column("Default", lambda row: [(to_text(row.default), "table--muted")], 12, right=True),
            Column("From", lambda row: [(_ORIGINS.get(row.origin, row.origin), "table--muted")], 20, grow=1),
        ]

    def row_key(self, row: Setting) -> Hashable:
        """Its name."""
        return row.name

    async def rows(self) -> Sequence[Setting]:
        """All of them."""
        return await self.service.settings()

    def about(self, row: Setting) -> Content:
        """What it does, and its range."""
        told = plain.line(row.help)
        low, high = row.minimum, row.maximum
        if low is not None and high is not None:
            told = Content.assemble(told, (f"  From {low:,.15g} to {high:,.15g}.", "dim"))
        if row.name == "retention_days" and (key := self.deck.key_of("settings.groom")):
            told = Content.assemble(told, f"\n{key} tells which jobs would go now, and removes them once you confirm.")
        return told

    async def change(self, row: Setting) -> None:
        """Its form."""
        if row.origin == "variable":
            name = f"JOBDECK_{row.name.upper()}"
            self.deck.say(
                f"{row.name} is given by the environment variable {name}: change it there.", severity="warning"
            )
            return
        self.deck.open("setting", row)

    async def put_default(self, row: Setting) -> None:
        """Take it out of the settings file."""
        if row.origin == "file":
            await self.service.change_settings(**{row.name: None})
            await self.read()

    async def groom(self) -> None:
        """Tell what would go, and remove it."""
        looked = await groom(self.service, dry=True)
        if not looked.jobs:
            self.deck.say(f"No job was kept long enough to go. {looked.waits or ''}".strip())
            return
        jobs = _jobs(looked.jobs)
        numbers = f"number {looked.first}" if looked.jobs == 1 else f"numbers {looked.first} to {looked.last}"
        old, many = text.thousands(looked.by_age), text.thousands(looked.by_history)
        details = [
            f"{old} as too old, {many} as too many of their script. They wrote {text.size(looked.bytes)}.",
            "Output, objects, errors: everything is gone for good.",
            *([looked.waits] if looked.waits else []),
        ]
        if not await self.sure(f"Remove {jobs}, {numbers}?", f"Remove {jobs}", *details):
            return

        def told(part: Groomed) -> None:
            self.deck.say(f"{_jobs(part.jobs)} gone so far …")

        gone = await groom(self.service, dry=False, told=told)
        self.deck.say(f"{_jobs(gone.jobs)} removed: {text.size(gone.bytes)} of disk are free again.")


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{text.thousands(number)} jobs"


_ORIGINS = {"default": "default", "file": "settings file", "variable": "environment variable"}


class TokensPage(Page[AppToken]):
    """Keys to the service for people and programs elsewhere."""

    can = frozenset({"add", "remove"})
    blank = ("No tokens", "", "{add}  grant one, for somebody who reaches this service over HTTP")

    def columns(self) -> Sequence[Column[AppToken]]:
        """Who, role, until when, last use."""
        return [
            Column("ID", lambda row: str(row.id), 4, right=True),
            Column("Identity", lambda row: row.identity, 14, grow=2),
            Column("Role", lambda row: row.role.value, 13),
            Column("State", _state, 20),
            Column("Last used", lambda row: [(_date(row.last_used) or "never", "table--muted")], 10, drop=1),
            Column("Description", lambda row: row.description, 14, grow=3, drop=2),
        ]

    def row_key(self, row: AppToken) -> Hashable:
        """Its number."""
        return row.id

    async def rows(self) -> Sequence[AppToken]:
        """All of them, the newest first."""
        return sorted(await self.service.tokens(), key=lambda token: -token.id)

    def about(self, row: AppToken) -> Content:
        """What it is restricted to."""
        only = [*row.scripts, *(f"tag {tag}" for tag in row.tags)]
        return plain.line(f"Only for: {', '.join(only)}" if only else "For every script.")

    async def add(self) -> None:
        """Ask whom it is for."""
        self.deck.open("token")

    async def remove_row(self, row: AppToken) -> None:
        """Revoke it."""
        if row.revoked is not None:
            self.deck.say("It is revoked already.")
            return
        who = text.cell_text(row.identity)
        if await self.sure(
            f"Revoke token {row.id} of {who}?", f"Revoke token {row.id}", "It ends at once and for good."
        ):
            await self.service.revoke_token(row.id)
            await self.read()


def _state(row: AppToken) -> Cell:
    if row.revoked is not None:
        return [(f"revoked {_date(row.revoked)}", "table--bad")]
    if row.expires is not None and row.expires <= clock.now():
        return [(f"expired {_date(row.expires)}", "table--warn")]
    return [(f"until {_date(row.expires)}" if row.expires else "valid", "table--good")]


def _date(nanoseconds: int | None) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(nanoseconds // 10**9)) if nanoseconds else ""
