"""The root screen: the jobs, newest first."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import Any, ClassVar

from textual.app import ComposeResult

from core.service import JobQuery, ServiceError
from tui import keys
from tui.changes import Changes, Connection, State
from tui.job_columns import job_columns
from tui.job_rows import JobRow, JobRows
from tui.screens.base import BaseScreen
from tui.widgets.table import Table


class JobsScreen(BaseScreen[None]):
    """The list of jobs."""

    BINDINGS: ClassVar[Any] = keys.bindings("jobs")

    def __init__(self) -> None:
        super().__init__()
        self._table: Table[JobRow] = Table(job_columns(time.time_ns, 5), lambda row: row.job.id, id="jobs")
        self._rows: JobRows | None = None

    def compose_body(self) -> ComposeResult:
        """The table."""
        yield self._table

    def on_mount(self) -> None:
        """Wait for the service."""
        super().on_mount()
        self._table.blank = ("Loading …",)
        self._table.focus()

    def on_connection(self, connection: Connection) -> None:
        """Read when there is a connection."""
        if connection.state is State.OPEN and self._rows is None:
            self._rows = JobRows(self.service, JobQuery(hide_children=True), self._read, self._rows_changed)
            self._table.show_rows(self._rows)
            self._rows.refresh()

    def on_changes(self, changes: Changes) -> None:
        """Read again what is seen."""
        if self._rows is not None and "job" in changes.kinds:
            self._rows.refresh()

    def _read(self, work: Coroutine[Any, Any, None]) -> None:
        self.background(work, group="rows")

    def failed(self, error: ServiceError) -> None:
        """Reading failed."""
        self.deck.fail(error)

    def _rows_changed(self, moved: int) -> None:
        self._table.rows_changed(moved)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open the job."""
        self.deck.open("job", event.row.job.id)

    def action_back(self) -> None:
        """This is the root."""

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit(0)
