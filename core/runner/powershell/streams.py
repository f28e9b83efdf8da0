"""What PowerShell says, as the journal's records: every stream typed, once, in order.

Warnings, verbose, debug, progress and host messages arrive twice, as a record and as a call of the host: the record
counts. Formatted text arrives as calls of the host alone.
"""

from __future__ import annotations

from core.journal.format import (
    DEBUG,
    ERROR,
    FLAG_CLIXML,
    FLAG_OPEN,
    INFORMATION,
    OBJECT,
    STDERR,
    STDOUT,
    VERBOSE,
    WARNING,
)
from core.runner.powershell import wire
from core.runner.powershell.bootstrap import DOCUMENT, FORMATTED, LITERAL, NOTED, UNWRITABLE
from core.runner.powershell.colors import BACKGROUND, FOREGROUND, number, paint
from core.runner.powershell.errors import NATIVE, describe
from core.runner.powershell.values import ValueProblem, read, string_bytes, visible
from core.runner.recorder import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.job import Job
    from core.runner.powershell.values import Value
    from core.runner.powershell.wire import Message

OPENING = b'<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">\n  '
CLOSING = b"\n</Objs>"
UNWRITTEN = "Some objects hold text that has no form in XML: their own text was kept instead."
_MESSAGES = {wire.WARNING_RECORD: WARNING, wire.VERBOSE_RECORD: VERBOSE, wire.DEBUG_RECORD: DEBUG}
_SET_SHOULD_EXIT = 6
_WRITE, _WRITE_COLORED, _END_LINE, _WRITE_LINE, _WRITE_LINE_COLORED, _WRITE_ERROR_LINE = 13, 14, 15, 16, 17, 18
_WRITES = range(_WRITE, _WRITE_LINE_COLORED + 1)
#: a host call whose record came earlier follows it within so many messages
_EXPECTED = 50
#: the longest unfinished line that is kept for a question's text, characters
_LINE = 500
_WRITE_LINE_MARK = b"<ToString>WriteLine2</ToString><I32>16</I32>"
_TEXT_MARK = b"<LST><S>"


class Streams:
    """Records what comes.

    `on_call(call, method, arguments)` gets the host calls that are no output; `on_exit(code)` what `exit` asked for.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recorder = job.recorder
        self._outputs = job.outputs
        self._discard = bool(job.spec.get("discard_pipeline"))
        #: what stands on the console's last line, which has not ended
        self.line = ""
        #: the message of the newest error record
        self.last_error = ""
        self._expected: list[tuple[str, int]] = []
        self._count = 0
        self._held: tuple[str, dict[str, Any]] | None = None
        self._activities: dict[int, dict[str, Any]] = {}
        self.on_call: Callable[[int, int, list[Value]], None] = lambda _call, _method, _arguments: None
        self.on_exit: Callable[[int], None] = lambda _code: None

    def message(self, message: Message) -> None:
        """Take one message of the pipeline."""
        self._count += 1
        kind, payload = message.type, message.payload
        if not payload:
            self._left_out(message.length)
        elif kind == wire.PIPELINE_OUTPUT:
            self._output(payload)
        elif kind in (wire.PIPELINE_HOST_CALL, wire.RUNSPACEPOOL_HOST_CALL):
            self._call(payload)
        else:
            self.settle()
            self._record(kind, payload)

    def settle(self) -> None:
        """Nothing more belongs to the information that was held: nobody shows it."""
        if self._held is not None:
            _text, record = self._held
            self._held = None
            self._put(INFORMATION, {**record, "silent": True})

    def _left_out(self, length: int) -> None:
        self._job.outcome.remark(
            f"What PowerShell sent in one piece of {length} bytes was left out: {wire.LONGEST} bytes are the most."
        )

    def _put(self, stream: int, record: dict[str, Any], flags: int = 0) -> None:
        self._outputs.flush()
        self._recorder.record(stream, to_json(record), flags)

    # the pipeline

    def _output(self, payload: bytes) -> None:
        if payload.startswith(b"<S>") and payload.endswith(b"</S>"):
            content = payload[3:-4]
            if content.startswith(b"_x000"):
                mark = content[:7]
                if mark == DOCUMENT:
                    self._object(string_bytes(content[7:]))
                    return
                if mark == FORMATTED:
                    self._object(b"%b<S>%b</S>%b" % (OPENING, content[7:], CLOSING))
                    return
                if mark == NOTED:
                    self._noted(string_bytes(content[7:]))
                    return
                if mark == UNWRITABLE:
                    self._object(b"%b<S>%b</S>%b" % (OPENING, content[7:], CLOSING))
                    self._job.outcome.remark(UNWRITTEN)
                    return
                if mark == LITERAL:
                    content = content[7:]
            self._object(b"%b<S>%b</S>%b" % (OPENING, content, CLOSING))
            self._text(string_bytes(content) + b"\n")
            return
        self._object(OPENING + payload + CLOSING)
        try:
            self._text(visible(read(payload).word()) + b"\n")
        except ValueProblem:
            self._left_out(len(payload))

    def _noted(self, document: bytes) -> None:
        """A text with members: its document holds it as the first `<S>` without a name."""
        self._object(document)
        start = document.find(b"<S>")
        self._text(string_bytes(document[start + 3 : document.find(b"</S>", start)]) + b"\n")

    def _object(self, document: bytes) -> None:
        if not self._discard:
            self._recorder.record(OBJECT, document, FLAG_CLIXML)

    def _text(self, data: bytes, stream: int = STDOUT) -> None:
        if self._held is not None:
            self.settle()
        self.line = ""
        self._outputs.put(stream, data)

    # calls of the host

    def _call(self, payload: bytes) -> None:
        if _WRITE_LINE_MARK in payload[:600]:
            start = payload.find(_TEXT_MARK)
            end = payload.find(b"</S>", start)
            if start >= 0 and end >= 0:
                self._write(string_bytes(payload[start + len(_TEXT_MARK) : end]), b"\n")
                return
        try:
            value = read(payload)
        except ValueProblem as problem:
            self._job.outcome.remark(f"PowerShell asked for something that cannot be read: {problem}.")
            return
        call, method, arguments = value["ci"].number(-100), value["mi"].number(), list(value["mp"])
        texts = [each.word() for each in arguments]
        if method in (_WRITE, _WRITE_LINE):
            self._write(visible(texts[-1] if texts else ""), b"\n" if method == _WRITE_LINE else b"")
        elif method in (_WRITE_COLORED, _WRITE_LINE_COLORED) and len(texts) == 3:
            painted = paint(texts[2], arguments[0].number(FOREGROUND), arguments[1].number(BACKGROUND))
            self._write(visible(texts[2]), b"\n" if method == _WRITE_LINE_COLORED else b"", visible(painted))
        elif method == _END_LINE:
            self._write(b"", b"\n")
        elif method == _WRITE_ERROR_LINE:
            self._text(visible(texts[-1] if texts else "") + b"\n", STDERR)
        elif method == _SET_SHOULD_EXIT:
            self.on_exit(arguments[0].number() if arguments else 0)
        elif call != -100:
            self.settle()
            self.on_call(call, method, arguments)

    def _write(self, text: bytes, end: bytes, painted: bytes | None = None) -> None:
        plain = text.decode("utf-8", "replace")
        if self._held is not None and self._held[0] == plain:
            _text, record = self._held
            self._held = None
            self._put(INFORMATION, record)
            return
        for index, (expected, until) in enumerate(self._expected):
            if until < self._count:
                continue
            if expected == plain:
                del self._expected[: index + 1]
                return
        line = self.line
        self._text((text if painted is None else painted) + end)
        if not end:
            self.line = (line + plain.rpartition("\n")[2])[-_LINE:]

    # records

    def _record(self, kind: int, payload: bytes) -> None:
        if kind == wire.ERROR_RECORD:
            self._error(payload)
            return
        try:
            value = read(payload)
        except ValueProblem:
            self._left_out(len(payload))
            return
        if kind in _MESSAGES:
            self._put(_MESSAGES[kind], {"message": value.word()})
        elif kind == wire.INFORMATION_RECORD:
            self._information(value)
        elif kind == wire.PROGRESS_RECORD:
            self._progress(value)

    def _error(self, payload: bytes) -> None:
        record = describe(payload)
        if record.get("id") in NATIVE:
            self._text(visible(record["message"]) + b"\n", STDERR)
            return
        self.last_error = record["message"]
        self._job.outcome.error(record["message"])
        self._put(ERROR, record)

    def failed(self, payload: bytes) -> str:
        """Record the error that ended the script; its message."""
        record = describe(payload)
        self._job.outcome.error(record["message"])
        self._put(ERROR, record)
        return record["message"]

    def _information(self, value: Value) -> None:
        data = value["MessageData"]
        tags = [each.word() for each in value["Tags"]]
        if "PSHOST" not in tags:
            record: dict[str, Any] = {"message": data.word()}
            if tags:
                record["tags"] = tags
            if value["Source"].word():
                record["source"] = value["Source"].word()
            # shown where a call of the host says so, which comes next
            self._held = data.word(), record
            return
        text = data["Message"].word() if "Message" in data.members else data.word()
        colors = (
            number(data["ForegroundColor"].word(), FOREGROUND),
            number(data["BackgroundColor"].word(), BACKGROUND),
        )
        open_line = data["NoNewLine"].true()
        self._expected = [each for each in self._expected if each[1] >= self._count]
        self._expected.append((text, self._count + _EXPECTED))
        self._put(INFORMATION, {"message": paint(text, *colors)}, FLAG_OPEN if open_line else 0)
        self.line = (self.line + text.rpartition("\n")[2])[-_LINE:] if open_line else ""

    def _progress(self, value: Value) -> None:
        """Nested activities are told as one: the outermost, with what goes on inside as its operation."""
        identity, parent = value["ActivityId"].number(), value["ParentActivityId"].number(-1)
        if value["Type"].number() == 1:
            ended = self._activities.pop(identity, None)
            if not self._activities:
                record = dict(ended["record"]) if ended else {"activity": value["Activity"].word()}
                self._job.channel.progress({**record, "completed": True})
                return
        else:
            # the one told last stands last
            self._activities.pop(identity, None)
            self._activities[identity] = {"parent": parent, "record": _progress(value)}
        outer = next((each for each in self._activities.values() if each["parent"] not in self._activities), None)
        if outer is None:
            return
        record = dict(outer["record"])
        inner = [each["record"] for each in self._activities.values() if each is not outer]
        if inner and not record.get("current_operation"):
            told = [str(inner[-1][name]) for name in ("activity", "status") if inner[-1].get(name)]
            record["current_operation"] = ": ".join(told)
        self._job.channel.progress(record)


def _progress(value: Value) -> dict[str, Any]:
    record: dict[str, Any] = {"activity": value["Activity"].word()}
    for name, member in (("status", "StatusDescription"), ("current_operation", "CurrentOperation")):
        if value[member].word():
            record[name] = value[member].word()
    if value["PercentComplete"].number(-1) >= 0:
        record["percent"] = value["PercentComplete"].number()
    if value["SecondsRemaining"].number(-1) >= 0:
        record["seconds"] = value["SecondsRemaining"].number()
    return record
