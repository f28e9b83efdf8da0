"""What a job left: records, lines, objects, errors, questions.

Times are nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a job's journal. `number` counts from 1; `stream` is a number of `core.journal.format`."""

    number: int
    time: int
    stream: int
    flags: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a job's output, without its line end. `number` counts from 0 among the streams asked for.

    A negative number counts from the end (-1 = the last line): so long as nobody has counted the lines before it.
    """

    number: int
    time: int
    stream: int
    data: bytes
    #: the record in which the line begins
    record: int
    #: how many bytes the line has; more than `data` holds where `width` cut it. Of a very long line that was cut, only
    #: as many as were looked at
    size: int = 0


@dataclass(frozen=True, slots=True)
class LinePage:
    """Some lines; `total` = how many there are now among the streams asked for, None while nobody has counted."""

    lines: tuple[Line, ...]
    total: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a search found its text: byte columns within the line, and the record the line begins in."""

    line: int
    start: int
    end: int
    record: int


@dataclass(frozen=True, slots=True)
class PipelineObject:
    """One object of the pipeline as the job sent it: `format` is "json" or "clixml"."""

    number: int
    time: int
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """One record of the error stream."""

    time: int
    message: str
    category: str = ""
    exception_type: str = ""
    id: str = ""
    position: str = ""
    stack: str = ""
    #: the record's number in the journal: its place in the output
    record: int = 0
    #: what the error was about, where it says
    target: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers a feedback allows. `hotkey` is one letter or empty."""

    label: str
    hotkey: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackField:
    """One of several values a question asks for. `type` is as a parameter's."""

    name: str
    type: str = "string"
    mandatory: bool = False
    default: str | None = None
    help: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A question that a job asked. `response` is None while open, and always for a secret."""

    id: int
    job: int
    time: int
    message: str
    secret: bool = False
    choices: tuple[Choice, ...] = ()
    default: str | None = None
    #: what stands above the message, where the script gave it
    caption: str = ""
    #: the values it asks for, where they are several: answered by `fields`
    fields: tuple[FeedbackField, ...] = ()
    #: several choices may be given, separated by commas
    multiple: bool = False
    complete: bool = False
    response: str | None = None
    answered_by: str | None = None
    answered: int | None = None
