"""The control socket: what anybody may ask of a runner, and who is told when the job's state changes."""

from __future__ import annotations

import json
import os
import signal
import time

from core.runner.connection import Connection, Listener
from core.runner.questions import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.job import Job

_LIMIT = 1 << 20
#: seconds between two notices that progress changed
_PROGRESS = 0.5


class Commands:
    """Listens from its construction on. Every request gets its reply; a bad one a sentence."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._connections: set[Connection] = set()
        self._watchers: set[Connection] = set()
        self._starter: Connection | None = None
        self._progress_at = 0.0
        self._progress_due = False
        self._listener = Listener(job.loop, job.directory, "control", self._accept, job.parking)
        self._operations: dict[str, Callable[[Connection, dict[str, Any]], None]] = {
            "watch": self._watch,
            "answer": self._answer,
            "cancel": self._cancel,
            "signal": self._signal,
            "resize": self._resize,
            "input": self._input,
            "status": self._status,
        }

    def early_cancel(self) -> str | None:
        """Who asked for a cancel before we listened; None when nobody did."""
        try:
            with open(os.path.join(self._job.directory, "cancel"), "rb") as file:
                request = json.loads(file.read() or b"{}")
        except FileNotFoundError:
            return None
        except ValueError:
            # its being there is what counts
            return ""
        by = request.get("by") if isinstance(request, dict) else None
        return by if isinstance(by, str) else ""

    def add_watcher(self, fd: int) -> None:
        """Treat `fd` as a connection that has said `watch`."""
        connection = self._accept(fd)
        connection.keep = True
        self._watchers.add(connection)
        self._starter = connection

    def tell_state(self) -> None:
        """A state record is on the disk."""
        for connection in list(self._watchers):
            connection.send({"state_seq": self._job.recorder.state_seq})

    def tell_end(self, *, idle: bool) -> None:
        """The end is on the disk, in exit.json at least. `idle`: the starter may hand this runner its next job."""
        recorder = self._job.recorder
        recorder.state_seq = max(recorder.state_seq, recorder.summary.state_seq)
        for connection in list(self._watchers):
            if idle and connection is self._starter:
                connection.send({"state_seq": recorder.state_seq, "idle": True})
            else:
                connection.send({"state_seq": recorder.state_seq})

    def tell_progress(self) -> None:
        """Progress changed; told at most twice a second."""
        if self._progress_due or not self._watchers:
            return
        wait = self._progress_at + _PROGRESS - time.monotonic()
        if wait > 0:
            self._progress_due = True
            self._job.loop.after(wait, self._send_progress)
        else:
            self._send_progress()

    def close(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        for connection in list(self._connections):
            connection.close()

    def _send_progress(self) -> None:
        self._progress_due = False
        self._progress_at = time.monotonic()
        for connection in list(self._watchers):
            connection.send({"progress": True})

    def _accept(self, fd: int) -> Connection:
        connection = Connection(self._job.loop, fd, _LIMIT, self._line, self._closed)
        self._connections.add(connection)
        return connection

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._watchers.discard(connection)
        if self._job.feeding is not None:
            self._job.feeding.disconnected(connection)

    def _line(self, connection: Connection, line: bytes) -> None:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        operation = self._operations.get(str(request.get("op"))) if isinstance(request, dict) else None
        if operation is None:
            known = ", ".join(self._operations)
            self._refuse(connection, "invalid", f'A request is one JSON object in one line with "op", one of: {known}.')
            return
        try:
            operation(connection, request)
        except Refused as refused:
            self._refuse(connection, refused.kind, str(refused))
        except OSError as error:
            self._refuse(connection, "conflict", f"Job {self._job.id} cannot do that now: {error.strerror}.")

    def _refuse(self, connection: Connection, kind: str, message: str) -> None:
        connection.send({"error": {"kind": kind, "message": message}})

    def _watch(self, connection: Connection, _request: dict[str, Any]) -> None:
        connection.keep = True
        self._watchers.add(connection)
        connection.send({"ok": True, "state_seq": self._job.recorder.state_seq})

    def _answer(self, connection: Connection, request: dict[str, Any]) -> None:
        number = request.get("feedback")
        if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
            raise Refused("invalid", "The number of the question must be a whole number.")
        self._job.questions.answer(number, request.get("text"), _by(request), request.get("fields"))
        connection.send({"ok": True})

    def _cancel(self, connection: Connection, request: dict[str, Any]) -> None:
        # First the record: whoever has the reply finds it in the journal.
        self._job.cancel("cancel", _by(request))
        connection.send({"ok": True})

    def _signal(self, connection: Connection, request: dict[str, Any]) -> None:
        name = str(request.get("signal") or "").upper().removeprefix("SIG")
        try:
            number = signal.Signals[f"SIG{name}"]
        except KeyError:
            raise Refused("invalid", f'"{name}" is no signal. Name one, as in USR1.') from None
        child = self._job.child
        if child is None or self._job.main_ended:
            raise Refused("conflict", f"The main process of job {self._job.id} does not run.")
        try:
            os.killpg(child.pid, number)
        except PermissionError:
            raise Refused("conflict", f"Job {self._job.id} runs as another user who may not be signalled.") from None
        except ProcessLookupError:
            raise Refused("conflict", f"The main process of job {self._job.id} has ended.") from None
        connection.send({"ok": True})

    def _resize(self, connection: Connection, request: dict[str, Any]) -> None:
        columns, rows = request.get("columns"), request.get("rows")
        if not (isinstance(columns, int) and isinstance(rows, int) and 0 < columns < 65536 and 0 < rows < 65536):
            raise Refused("invalid", "columns and rows must be whole numbers between 1 and 65535.")
        if self._job.terminal is None or self._job.main_ended:
            raise Refused("conflict", f"Job {self._job.id} has no terminal now.")
        self._job.terminal.resize(columns, rows)
        connection.send({"ok": True})

    def _input(self, connection: Connection, _request: dict[str, Any]) -> None:
        if self._job.feeding is None:
            raise Refused("conflict", f"Job {self._job.id} was started without piped input.")
        self._job.feeding.connect(connection)

    def _status(self, connection: Connection, _request: dict[str, Any]) -> None:
        recorder = self._job.recorder
        connection.send(
            {
                "ok": True,
                "status": self._job.status,
                "state_seq": recorder.state_seq,
                "summary": recorder.summary.to_dict(),
                "disk_full": recorder.blocked,
            }
        )


def _by(request: dict[str, Any]) -> str:
    by = request.get("by")
    return by if isinstance(by, str) else ""
