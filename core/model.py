"""The data of the service: what jobs, scripts, environments, records and the rest are made of.

Times are nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A parameter's or a pipeline object's value: anything JSON can say, or a `Clixml`.
Value = Any


@dataclass(frozen=True, slots=True)
class Clixml:
    """A value given as one CLIXML document: PowerShell gets it undecoded, other environments its simple value."""

    document: str


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
    #: cancelling a job cancels the jobs it started
    cancel_children: bool = True
    #: how deep PowerShell's pipeline objects are written
    object_depth: int = 2
    #: PowerShell's preferences by stream ("Verbose", "Debug", "Information", "Warning", "Progress"), e.g. "Continue"
    preferences: Mapping[str, str] = field(default_factory=dict)
    created: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """What runs a script. `arguments` holds `{scriptPath}` where the script's path goes.

    `kind` is "command", "python" or "powershell". `found` = jobdeck found it itself; else a user added it.
    """

    name: str
    path: str
    arguments: tuple[str, ...] = ("{scriptPath}",)
    kind: str = "command"
    version: str = ""
    found: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    #: PowerShell: modules that are imported before the script, and a script that runs before it
    modules: tuple[str, ...] = ()
    startup_script: str | None = None
    #: PowerShell: runners that are kept warm; None = one where PowerShell jobs run
    warm_runners: int | None = None


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
class Term:
    """One condition of a query: the field has one of the values (`negate`: none of them).

    `field`: "script" (name; a path when it holds a slash), "identity", "tag", "environment", "source", "run_id", or
    "text" (the value stands somewhere in script, notes or parameters).
    """

    field: str
    values: tuple[str, ...]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs, in which order, from where.

    `before` pages by key, in the order of ids: the id of the last job already seen. `skip` pages by number instead.
    """

    statuses: frozenset[Status] = frozenset()
    terms: tuple[Term, ...] = ()
    since: int | None = None
    until: int | None = None
    parent_job: int | None = None
    rerun_of: int | None = None
    hide_children: bool = False
    #: "id", "started" or "ended"; what has not started or ended yet counts as the newest
    order_by: str = "id"
    descending: bool = True
    take: int = 50
    skip: int = 0
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
    #: a job of the same script that this runs again with other values: secrets that are not given are that job's
    rerun_of: int | None = None
    #: a second request with the same key, of the same identity, gives the first one's job
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a running job's process tree uses now. `cpu_percent`: 100 = one core; `memory_bytes` is resident."""

    time: int
    cpu_percent: float
    memory_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class ScriptStatistics:
    """How the jobs of one script went, of those on record. `seconds`: the median run time of the newest of them.

    `last_job` is the newest one, whatever it does; `last_ended` is None while it is unfinished.
    """

    script_id: int
    jobs: int
    #: ended well: Completed or Warning
    succeeded: int
    #: ended otherwise
    failed: int
    last_job: int | None = None
    last_status: Status | None = None
    last_ended: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the store. `value` is in force; `origin` is "default", "file" or "variable"."""

    name: str
    value: Value
    default: Value
    origin: str = "default"
    minimum: float | None = None
    maximum: float | None = None
    help: str = ""


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
    """Something changed: `kind` is "job", "script", "environment" or "setting". It says that, calls say what.

    `sequence` ascends over every process and restart of the store: `events(since=sequence)` goes on behind it.
    Several changes of one thing may come as one event. `id` is None where no one thing is meant.
    """

    sequence: int
    kind: str
    id: int | None = None
