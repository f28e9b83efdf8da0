"""Jobs: what they are called while they run and after, what is known of each, and how they are chosen.

Times are nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.model.values import Value


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

    `field`: "script" (name, in full or up to its dot; a path when it holds a slash), "identity", "tag", "environment",
    "source", "run_id", or "text" (the value stands somewhere in script, notes or parameters).
    """

    field: str
    values: tuple[str, ...]
    negate: bool = False


#: what jobs can be ordered by
ORDERS = ("id", "started", "ended", "duration")


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
    #: one of ORDERS. What has not started counts from when it was created, what has not ended as the newest; what goes
    #: on takes longer than what has ended
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
