"""What is asked for and told of the service itself: a run, usage, settings, status, changes.

Times are nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.model.values import Value


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
class Groomed:
    """What grooming took away, or would take (`dry`). Each job counts once, as too old before as too many."""

    jobs: int = 0
    #: too old: ended longer ago than the setting retention_days allows
    by_age: int = 0
    #: too many: older than the newest ones of their script, as many as its max_history says
    by_history: int = 0
    #: disk that became free; of a dry look what the jobs wrote
    bytes: int = 0
    #: the least and the greatest of their numbers
    first: int | None = None
    last: int | None = None
    dry: bool = False
    #: there is more to groom: ask again
    more: bool = False
    #: why some of it waits; a sentence
    waits: str | None = None


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
    #: how long finished jobs are kept, and when they were groomed last; sentences
    retention: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed: `kind` is "job", "script", "environment" or "setting". It says that, calls say what.

    `sequence` ascends over every process and restart of the store: `events(since=sequence)` goes on behind it.
    Several changes of one thing may come as one event. `id` is None where no one thing is meant.
    """

    sequence: int
    kind: str
    id: int | None = None
