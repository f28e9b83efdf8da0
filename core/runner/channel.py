"""The channel: typed records from inside the job, and what its processes may ask about it."""

from __future__ import annotations

import math
import os
import time

from core import exact_json
from core.journal.format import DEBUG, ERROR, FLAG_CLIXML, INFORMATION, OBJECT, PROGRESS, VERBOSE, WARNING
from core.journal.text import as_number
from core.runner.answers import read_choices, read_fields
from core.runner.connection import Connection, Listener
from core.runner.questions import Question
from core.runner.recorder import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.job import Job
    from core.runner.loop import Timer
    from core.runner.questions import Answer

#: one message's most, bytes
LIMIT = 64 << 20
#: longest directory whose socket a job's processes can reach by its path
_PATH = 100
#: seconds between two progress records at least
_PROGRESS = 0.1
_MESSAGES = {"information": INFORMATION, "warning": WARNING, "verbose": VERBOSE, "debug": DEBUG}
_ERROR_FIELDS = ("category", "exception_type", "id", "position", "stack")
_PROGRESS_FIELDS = (
    ("activity", "activity"), ("current_operation", "operation"), ("status", "status"), ("percent", "percent"),
    ("seconds", "seconds"), ("completed", "completed"),
)  # fmt: skip


class Channel:
    """Listens from its construction on, at `path`."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._connections: set[Connection] = set()
        self._asking: dict[Connection, Question] = {}
        self._paused = False
        self._progress: dict[str, Any] | None = None
        self._progress_at = 0.0
        self._progress_timer: Timer | None = None
        self._own_directory: str | None = None
        directory = job.directory
        if len(os.fsencode(os.path.join(directory, "channel"))) > _PATH:
            directory = self._own_directory = _short_directory(job.spec["variables"].get("TMPDIR"))
        self._listener = Listener(
            job.loop, directory, "channel", self._accept, None if self._own_directory else job.parking
        )
        self.path = self._listener.path
        self._types: dict[str, Callable[[Connection, dict[str, Any]], dict[str, Any] | None]] = {
            "object": self._object,
            "progress": self._take_progress,
            "error": self._error,
            "ask": self._ask,
            "parameter": self._parameter,
            "parameters": self._parameters,
            "job": self._describe,
            "token": self._token,
            **dict.fromkeys(_MESSAGES, self._message),
        }

    def pause(self) -> None:
        """Read nothing until `resume`: the journal takes nothing now."""
        self._paused = True
        for connection in self._connections:
            connection.hold()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        for connection in list(self._connections):
            connection.release()

    def catch_up(self) -> None:
        """Take what has been sent until now, by those too who have only just connected."""
        self._listener.catch_up()
        for connection in list(self._connections):
            connection.catch_up()

    def close(self) -> None:
        """Take what has been sent, record the last progress, listen no more."""
        self.catch_up()
        self._put_progress()
        self._listener.close()
        for connection in list(self._connections):
            connection.close()
        if self._own_directory is not None:
            os.rmdir(self._own_directory)
            self._own_directory = None

    def _accept(self, fd: int) -> None:
        connection = Connection(self._job.loop, fd, LIMIT, self._line, self._closed)
        connection.before_lines = self._job.outputs.catch_up
        self._connections.add(connection)
        if self._paused:
            connection.hold()

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        question = self._asking.pop(connection, None)
        if question is not None:
            self._job.questions.withdraw(question)

    def _line(self, connection: Connection, line: bytes) -> None:
        try:
            message = exact_json.loads(line, wire=True)
        except RecursionError:
            connection.send({"error": "The message is nested too deep."})
            return
        except ValueError:
            message = None
        if not isinstance(message, dict):
            connection.send({"error": "A message is one JSON object in one line."})
            return
        handler = self._types.get(str(message.get("type")))
        if handler is None:
            known = ", ".join(self._types)
            connection.send({"error": f"{message.get('type')!r} is no type of message. Use one of: {known}."})
            return
        try:
            reply = handler(connection, message)
        except (ValueError, RecursionError) as error:
            connection.send({"error": str(error)})
            return
        if reply is not None:
            connection.send(reply)

    def _record(
        self, connection: Connection, message: dict[str, Any], stream: int, data: bytes, flags: int = 0
    ) -> None:
        then = (lambda: connection.send({"ok": True})) if message.get("ack") else None
        self._job.recorder.record(stream, data, flags, then)

    def _object(self, connection: Connection, message: dict[str, Any]) -> None:
        if self._job.spec.get("discard_pipeline"):
            if message.get("ack"):
                connection.send({"ok": True})
        elif "clixml" in message:
            self._record(connection, message, OBJECT, str(message["clixml"]).encode("utf-8", "replace"), FLAG_CLIXML)
        else:
            self._record(connection, message, OBJECT, exact_json.dumps(message.get("value"), wire=True).encode())

    def _message(self, connection: Connection, message: dict[str, Any]) -> None:
        data = to_json({"message": _text(message.get("message"))})
        self._record(connection, message, _MESSAGES[message["type"]], data)

    def _error(self, connection: Connection, message: dict[str, Any]) -> None:
        action = self._job.spec.get("error_action") or "Continue"
        if action == "Ignore":
            if message.get("ack"):
                connection.send({"ok": True})
            return
        text = _text(message.get("message"))
        record: dict[str, object] = {"message": text}
        record.update({name: _text(message[name]) for name in _ERROR_FIELDS if message.get(name)})
        if action == "SilentlyContinue":
            record["silent"] = True
        else:
            self._job.outcome.error(text)
        self._record(connection, message, ERROR, to_json(record))
        if action == "Stop":
            self._job.cancel("error_action", None)

    def _take_progress(self, connection: Connection, message: dict[str, Any]) -> None:
        self.progress({name: message[key] for name, key in _PROGRESS_FIELDS if _is_meant(name, message.get(key))})
        if message.get("ack"):
            connection.send({"ok": True})

    def progress(self, record: dict[str, Any]) -> None:
        """Record progress, as often as is worth it: the last one always is."""
        self._progress = record
        wait = self._progress_at + _PROGRESS - time.monotonic()
        if wait <= 0:
            self._put_progress()
        elif self._progress_timer is None:
            self._progress_timer = self._job.loop.after(wait, self._put_progress)

    def _put_progress(self) -> None:
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._progress_timer = None
        progress, self._progress = self._progress, None
        if progress is not None:
            self._progress_at = time.monotonic()
            self._job.recorder.record(PROGRESS, to_json(progress))
            self._job.commands.tell_progress()

    def _ask(self, connection: Connection, message: dict[str, Any]) -> None:
        choices = read_choices(message.get("choices"))
        fields = read_fields(message.get("fields"))
        if choices is not None and fields is not None:
            raise ValueError("A question has choices or fields, not both.")
        default = message.get("default")
        multiple = bool(choices is not None and message.get("multiple"))
        if choices is not None and isinstance(default, int) and 0 <= default < len(choices):
            default = choices[default]["label"]
        elif multiple and isinstance(default, list):
            default = ", ".join(_label(choices or [], each) for each in default)

        def reply(answer: Answer | None, error: str | None) -> None:
            self._asking.pop(connection, None)
            connection.keep = False
            connection.send({"error": error} if answer is None else {"answer": answer})
            connection.resume()

        question = Question(
            _text(message.get("message")),
            reply,
            secret=bool(message.get("secret")),
            choices=choices,
            default=None if default is None or fields is not None else _text(default),
            caption=_text(message.get("caption")),
            fields=fields,
            multiple=multiple,
        )
        connection.keep = True
        connection.pause()
        self._asking[connection] = question
        self._job.questions.ask(question)

    def _parameter(self, _connection: Connection, message: dict[str, Any]) -> dict[str, Any]:
        name = str(message.get("name") or "")
        values = self._values()
        if name not in values:
            known = ", ".join(values) or "none"
            raise ValueError(f'Job {self._job.id} has no parameter "{name}". Its parameters: {known}.')
        return {"value": values[name]}

    def _parameters(self, _connection: Connection, _message: dict[str, Any]) -> dict[str, Any]:
        return {"value": self._values()}

    def _values(self) -> dict[str, Any]:
        return {**(self._job.spec.get("parameters") or {}), **self._job.secret_values}

    def _token(self, _connection: Connection, _message: dict[str, Any]) -> dict[str, Any]:
        from core.runner.token import job_token

        spec = self._job.spec
        try:
            return {"value": job_token(spec["store"], self._job.id, spec["run_id"])}
        except OSError as error:
            raise ValueError(f"The token of job {self._job.id} cannot be made: {error.strerror}.") from error

    def _describe(self, _connection: Connection, _message: dict[str, Any]) -> dict[str, Any]:
        spec = self._job.spec
        names = (
            "id", "run_id", "created", "environment", "parameters", "identity", "computer_name", "source", "parent_job",
            "parent_line_number", "attempt", "rerun_of", "tags", "notes", "error_action", "timeout",
        )  # fmt: skip
        job = {name: spec.get(name) for name in names}
        job["working_directory"] = spec.get("cwd")
        return {"job": job, "script": spec["script"]}


def _is_meant(name: str, value: object) -> bool:
    """Whether it can stand in this field of a progress record."""
    if name in ("percent", "seconds"):
        return as_number(value) is not None
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, str | int)


def _label(choices: list[dict[str, str]], given: object) -> str:
    """A default of several as its label: an index, or a text as it is."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(choices):
        return choices[given]["label"]
    return _text(given)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else exact_json.dumps(value, wire=True)


def _short_directory(wanted: str | None) -> str:
    """A fresh directory whose sockets the job's processes can reach; /tmp when TMPDIR is too long itself."""
    for parent in (wanted, "/tmp"):
        if parent and len(os.fsencode(parent)) < _PATH - 30 and os.path.isdir(parent):
            path = os.path.join(parent, f"jobdeck-{os.urandom(6).hex()}")
            os.mkdir(path, 0o700)
            return path
    raise OSError(2, "There is no directory for the socket of the modules in the job", wanted or "/tmp")
