"""JobService: all that any face of jobdeck may ask, with its data and its errors.

Three things answer it: `Engine` in this process, `Client` over HTTP, `Client` over the local socket. Times are
nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, Unavailable

if TYPE_CHECKING:
    from core.access import AppToken, AuditEntry, Role
    from core.model import (
        ERROR_ACTIONS,
        FINISHED,
        UNFINISHED,
        Choice,
        Clixml,
        Environment,
        ErrorRecord,
        Event,
        Feedback,
        FeedbackField,
        Groomed,
        Hit,
        Job,
        JobPage,
        JobQuery,
        Line,
        LinePage,
        Parameter,
        PipelineObject,
        Record,
        RunRequest,
        Script,
        ScriptStatistics,
        ServiceStatus,
        Setting,
        Status,
        Term,
        Usage,
        Value,
    )

__all__ = [
    "ERROR_ACTIONS",
    "FINISHED",
    "UNFINISHED",
    "AppToken",
    "AuditEntry",
    "Choice",
    "Clixml",
    "Conflict",
    "Environment",
    "ErrorRecord",
    "Event",
    "Feedback",
    "FeedbackField",
    "Forbidden",
    "Groomed",
    "Hit",
    "Invalid",
    "Job",
    "JobPage",
    "JobQuery",
    "JobService",
    "Line",
    "LinePage",
    "NotFound",
    "Parameter",
    "PipelineObject",
    "Record",
    "Role",
    "RunRequest",
    "Script",
    "ScriptStatistics",
    "ServiceError",
    "ServiceStatus",
    "Setting",
    "Status",
    "Term",
    "Unavailable",
    "Usage",
    "Value",
]


def __getattr__(name: str) -> Any:
    # What a verb does not need, it does not wait for: core.model makes its classes one by one.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "core.access" if name in ("AppToken", "AuditEntry", "Role") else "core.model"
    value = globals()[name] = getattr(import_module(module), name)
    return value


class JobService(Protocol):
    """Run scripts as jobs and see what came of them. Every method may raise `ServiceError`."""

    async def run(self, request: RunRequest) -> Job:
        """Submit a job; it is on record when this returns. Raises Invalid for wrong parameters."""

    async def jobs(self, query: JobQuery) -> JobPage:
        """One page of jobs."""

    async def counts(self) -> Mapping[Status, int]:
        """How many jobs are in each status."""

    async def count(self, query: JobQuery) -> int:
        """How many jobs a query has in all, whatever its page."""

    async def job(self, id: int) -> Job:
        """One job with its children."""

    async def wait(self, id: int, timeout: float | None = None) -> Job:
        """The job once it is finished, or as it is after `timeout` seconds."""

    def records(
        self, id: int, *, after: int = 0, streams: frozenset[int] | None = None, follow: bool = False
    ) -> AsyncIterator[Record]:
        """The journal's records behind number `after`, in order; `follow` goes on until the job has ended."""

    async def lines(
        self, id: int, start: int, count: int, streams: frozenset[int] | None = None, *, width: int | None = None
    ) -> LinePage:
        """`count` lines from line `start`; a negative start counts from the end. `width` cuts each to so many bytes."""

    async def line_at(self, id: int, time: int, streams: frozenset[int] | None = None) -> int:
        """The number of the first line that came at `time` or later; the number of lines when none did."""

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

    async def answer(
        self,
        id: int,
        text: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        feedback: int | None = None,
        identity: str | None = None,
    ) -> Job:
        """Answer the open question (or that numbered one) with a text, or with its several fields.

        Raises Conflict when it is answered already, Invalid for an answer that the question does not allow.
        """

    async def cancel(self, id: int, *, identity: str | None = None) -> Job:
        """Ask the job to end; it does within the grace time. Raises Conflict when it is finished."""

    async def rerun(self, id: int, *, identity: str | None = None) -> Job:
        """Run the same script again with the same parameters."""

    async def delete(self, id: int) -> None:
        """Remove a finished job with all its records. Raises Conflict while it is unfinished."""

    async def groom(self, *, dry: bool = False, trust_clock: bool = False) -> Groomed:
        """Remove the finished jobs that were kept long enough, or tell which would go (`dry`).

        It takes some seconds at most; while `more` is true there is more to groom. `trust_clock`: a clock that is
        doubted, because it jumped ahead, is right.
        """

    async def job_content(self, id: int) -> bytes:
        """The copy of the script that the job ran."""

    async def usage(self, id: int) -> Usage | None:
        """What the job's process tree uses now; None when it does not run on this computer."""

    async def send_input(self, id: int, chunks: AsyncIterator[bytes]) -> None:
        """Feed the standard input of a job that was run with `standard_input="pipe"`; its end is the end of file."""

    async def scripts(self) -> Sequence[Script]:
        """All scripts, by name."""

    async def script(self, script: int | str) -> Script:
        """One script by id, name or path."""

    async def script_parameters(self, script: int | str) -> Sequence[Parameter]:
        """What the script asks for, read from its file as it is now; also of a file's path that is not on record."""

    async def script_content(self, script: int | str) -> bytes:
        """The script's file as it is now."""

    async def script_statistics(self) -> Sequence[ScriptStatistics]:
        """How the jobs of each script on record went."""

    async def add_script(self, path: str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Put a file on record; `settings` are fields of Script.

        With `content` the file is kept by the service itself, under the name `path`.
        """

    async def change_script(self, script: int | str, *, content: bytes | None = None, **settings: Value) -> Script:
        """Change fields of a script, or the content of one that the service keeps itself."""

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

    async def settings(self) -> Sequence[Setting]:
        """The settings of the store."""

    async def change_settings(self, **values: Value) -> Sequence[Setting]:
        """Change settings, in the settings file; None puts the default back. Engines that run take them over soon."""

    async def grant_token(
        self,
        identity: str,
        role: Role,
        *,
        description: str = "",
        expires: int | None = None,
        scripts: tuple[str, ...] = (),
        tags: tuple[str, ...] = (),
    ) -> AppToken:
        """Make an app token; its `token` is shown this once. `expires` None = in a year."""

    async def tokens(self) -> Sequence[AppToken]:
        """Every app token that was granted, revoked and expired ones too; not those of jobs."""

    async def revoke_token(self, id: int) -> AppToken:
        """End a token at once."""

    async def audit(self, *, take: int = 100, since: int | None = None) -> Sequence[AuditEntry]:
        """Who did what, newest first."""

    def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """What changes from now on, or what has changed behind `since`, and on; it does not end by itself."""

    async def close(self) -> None:
        """Let go of everything. Jobs go on."""
