"""JobService: all that any face of jobdeck may ask, with its data and its errors.

Three things answer it: `Engine` in this process, `Client` over HTTP, `Client` over the local socket. Times are
nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: A parameter's or a pipeline object's value: anything JSON can say.
Value = Any


class Status(enum.IntEnum):
    """What a job is doing, with the original's numbers. Historical and Active are filters only."""

    Queued = 0
    Running = 1
    Completed = 2
    Failed = 3
    WaitingOnFeedback = 4
    Canceled = 5
    Canceling = 6
    Historical = 7
    Active = 8
    TimedOut = 9
    Warning = 10
    Error = 11

    @property
    def finished(self) -> bool:
        """Whether a job in this status will never change again."""
        return self in FINISHED


FINISHED = frozenset({Status.Completed, Status.Failed, Status.Canceled, Status.TimedOut, Status.Warning, Status.Error})
UNFINISHED = frozenset({Status.Queued, Status.Running, Status.WaitingOnFeedback, Status.Canceling})

ERROR_ACTIONS = ("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore", "Break")


class ServiceError(Exception):
    """Something a person must know; the text is a whole sentence and says what to do."""


class NotFound(ServiceError):
    """There is no such job, script, environment or feedback."""


class Invalid(ServiceError):
    """What was asked for cannot be done as it was asked: a wrong parameter, a missing file."""


class Conflict(ServiceError):
    """The thing is not in a state for this: already answered, already finished, still running."""


class Unavailable(ServiceError):
    """The service cannot do it now: full disk, locked or damaged store, lost server."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a script asks for, as read from the script.

    `type` is one of: string, integer, number, boolean, switch, list, date, datetime, file, secret, credential, object.
    """

    name: str
    type: str = "string"
    mandatory: bool = False
    default: Value = None
    choices: tuple[str, ...] = ()
    help: str = ""
    display_name: str = ""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    #: type of a list's items
    item_type: str = "string"
    #: put the secret into the job's environment too (a secret is otherwise given over the channel alone)
    in_environment: bool = False
    parameter_set: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that jobdeck knows. `timeout` is in seconds, 0 = never."""

    id: int
    name: str
    path: str
    description: str = ""
    notes: str = ""
    environment: str | None = None
    working_directory: str | None = None
    timeout: float = 0.0
    error_action: str = "Continue"
    concurrent_jobs: int = 100
    max_history: int = 100
    retry_limit: int = 0
    discard_pipeline: bool = False
    merge: bool = False
    kill_leftovers: bool = False
    disable_manual_invocation: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    created: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """What runs a script. `arguments` holds `{scriptPath}` where the script's path goes.

    `kind` is "command" or "python". `found` = jobdeck found it itself; else a user added it.
    """

    name: str
    path: str
    arguments: tuple[str, ...] = ("{scriptPath}",)
    kind: str = "command"
    version: str = ""
    found: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a script. Field names are the original's in snake case where it has them."""

    id: int
    run_id: str
    status: Status
    script: str
    script_id: int | None = None
    script_path: str = ""
    content_hash: str = ""
    git_commit: str | None = None
    environment: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    identity: str = ""
    computer_name: str = ""
    process_id: int | None = None
    created: int = 0
    started: int | None = None
    ended: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    #: why it ended as it did, or why it could not start; a sentence
    reason: str | None = None
    #: why it is still Queued; a sentence
    queue_reason: str | None = None
    parent_job: int | None = None
    parent_line_number: int | None = None
    children: tuple[int, ...] = ()
    attempt: int = 1
    rerun_of: int | None = None
    error_action: str = "Continue"
    timeout: float = 0.0
    working_directory: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    #: how it was started: "cli", "api", "tui", "job", "schedule", "trigger"
    source: str = "cli"
    records: int = 0
    bytes: int = 0
    objects: int = 0
    errors: int = 0
    warnings: int = 0
    #: the number of the feedback that waits for an answer
    feedback: int | None = None
    activity: str | None = None
    current_operation: str | None = None
    status_description: str | None = None
    percent_complete: float | None = None
    seconds_remaining: float | None = None
    #: what cancelling or a timeout signalled, how long it took, what survived
    receipt: Mapping[str, Value] | None = None
    #: things a person should know of this run (the stored copy ran, input ended early); sentences
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs, in which order, from where. `before` pages by key: the id of the last job already seen."""

    statuses: frozenset[Status] = frozenset()
    script: str | None = None
    identity: str | None = None
    tag: str | None = None
    text: str | None = None
    since: int | None = None
    until: int | None = None
    parent_job: int | None = None
    hide_children: bool = False
    descending: bool = True
    take: int = 50
    before: int | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs of a query; `more` = there are further ones behind the last."""

    jobs: tuple[Job, ...]
    more: bool


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


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers a feedback allows. `hotkey` is one letter or empty."""

    label: str
    hotkey: str = ""
    help: str = ""


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
    complete: bool = False
    response: str | None = None
    answered_by: str | None = None
    answered: int | None = None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run. Either `path` (a file) or `script` (an id or a name) is given.

    `parameters`: values as typed ("3", "true") or as JSON values; both are checked against the script.
    `variables`: the whole environment of the job; None = that of the engine. `extra_variables` go on top.
    `standard_input`: "terminal" (the job's own), "pipe" (fed by `send_input`), "none" (end of file at once).
    """

    path: str | None = None
    script: int | str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)
    environment: str | None = None
    variables: Mapping[str, str] | None = None
    extra_variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    working_directory: str | None = None
    #: where the person stands: the job's directory for a file that names none of its own
    current_directory: str | None = None
    standard_input: str = "terminal"
    identity: str | None = None
    parent_job: int | None = None
    parent_line_number: int | None = None
    tags: tuple[str, ...] = ()
    notes: str = ""
    source: str = "cli"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Where the service is and how it fares. `leader` is None when no engine leads."""

    version: str
    data_directory: str
    config_file: str
    log_file: str
    leader: Mapping[str, Value] | None
    counts: Mapping[str, int]
    max_running: int
    #: things that keep it from working as it should; sentences
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed: `kind` is "job", "script" or "environment". It says that, calls say what."""

    sequence: int
    kind: str
    id: int | None = None


class JobService(Protocol):
    """Run scripts as jobs and see what came of them. Every method may raise `ServiceError`."""

    async def run(self, request: RunRequest) -> Job:
        """Submit a job; it is on record when this returns. Raises Invalid for wrong parameters."""

    async def jobs(self, query: JobQuery) -> JobPage:
        """One page of jobs."""

    async def counts(self) -> Mapping[Status, int]:
        """How many jobs are in each status."""

    async def job(self, id: int) -> Job:
        """One job with its children."""

    async def wait(self, id: int, timeout: float | None = None) -> Job:
        """The job once it is finished, or as it is after `timeout` seconds."""

    def records(
        self, id: int, *, after: int = 0, streams: frozenset[int] | None = None, follow: bool = False
    ) -> AsyncIterator[Record]:
        """The journal's records behind number `after`, in order; `follow` goes on until the job has ended."""

    async def lines(self, id: int, start: int, count: int, streams: frozenset[int] | None = None) -> LinePage:
        """`count` lines from line `start`; a negative start counts from the end."""

    def search(
        self,
        id: int,
        pattern: str,
        *,
        start: int = 0,
        regex: bool = False,
        ignore_case: bool = False,
        streams: frozenset[int] | None = None,
    ) -> AsyncIterator[Hit]:
        """Where the text stands, from line `start` on, in order. Close the iterator to stop it."""

    async def objects(self, id: int, start: int = 0, count: int = 100) -> Sequence[PipelineObject]:
        """`count` pipeline objects from the `start`-th on."""

    async def errors(self, id: int) -> Sequence[ErrorRecord]:
        """The records of the error stream."""

    async def feedback(self, id: int) -> Sequence[Feedback]:
        """Every question the job asked, the open one last."""

    async def answer(self, id: int, text: str, *, feedback: int | None = None, identity: str | None = None) -> Job:
        """Answer the open question (or that numbered one). Raises Conflict when it is answered already."""

    async def cancel(self, id: int, *, identity: str | None = None) -> Job:
        """Ask the job to end; it does within the grace time. Raises Conflict when it is finished."""

    async def rerun(self, id: int, *, identity: str | None = None) -> Job:
        """Run the same script again with the same parameters."""

    async def delete(self, id: int) -> None:
        """Remove a finished job with all its records. Raises Conflict while it is unfinished."""

    async def send_input(self, id: int, chunks: AsyncIterator[bytes]) -> None:
        """Feed the standard input of a job that was run with `standard_input="pipe"`; its end is the end of file."""

    async def scripts(self) -> Sequence[Script]:
        """All scripts, by name."""

    async def script(self, script: int | str) -> Script:
        """One script by id, name or path."""

    async def script_parameters(self, script: int | str) -> Sequence[Parameter]:
        """What the script asks for, read from its file as it is now."""

    async def add_script(self, path: str, **settings: Value) -> Script:
        """Put a file on record; `settings` are fields of Script."""

    async def change_script(self, script: int | str, **settings: Value) -> Script:
        """Change fields of a script."""

    async def remove_script(self, script: int | str) -> None:
        """Forget a script; its jobs stay."""

    async def environments(self) -> Sequence[Environment]:
        """Every environment, found or added."""

    async def add_environment(self, environment: Environment) -> Environment:
        """Add an environment. Raises Conflict when the name is taken."""

    async def change_environment(self, name: str, **settings: Value) -> Environment:
        """Change an environment; a found one becomes the user's own."""

    async def remove_environment(self, name: str) -> None:
        """Remove an environment that a user added."""

    async def status(self) -> ServiceStatus:
        """Where everything is and how it fares."""

    def events(self) -> AsyncIterator[Event]:
        """What changes from now on; several changes may come as one."""

    async def close(self) -> None:
        """Let go of everything. Jobs go on."""
