"""A real service whose times, paths and numbers of processes are always the same: for pictures that can be compared."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from core.service import (
    Environment,
    ErrorRecord,
    Event,
    Feedback,
    Job,
    JobService,
    Line,
    PipelineObject,
    Record,
    Status,
    Usage,
)

SECOND = 1_000_000_000
#: 2026-11-24 10:00:00 UTC
BASE = 1_795_514_400 * SECOND
#: what the application's clock says
NOW = BASE + 3600 * SECOND
#: what mktemp makes
_TEMPORARY = re.compile(r"/[\w/.-]*/tmp\.\w{10}\b")
#: where the scripts of the pictures lie
PLACE = "/srv/scripts"
#: the environments of the pictures, with their versions
_ENVIRONMENTS = {"Bash": "5.2.15", "Python": "3.12.4", "sh": ""}


class Frozen:
    """Asks the service, and gives its answers with times that follow from numbers."""

    def __init__(self, service: JobService, directory: Path) -> None:
        self._service = service
        self._directory = str(directory)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._service, name)
        if not callable(method):
            return method
        if inspect.iscoroutinefunction(getattr(JobService, name, None)):

            async def call(*arguments: Any, **named: Any) -> Any:
                return self.freeze(await method(*arguments, **named))

            return call

        async def iterate(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
            async for item in method(*arguments, **named):
                yield self.freeze(item)

        return iterate

    def freeze(self, value: Any) -> Any:
        """The value with everything that differs from run to run made the same."""
        if isinstance(value, str):
            return _TEMPORARY.sub("/tmp/tmp.0123456789", value.replace(self._directory, PLACE))
        if isinstance(value, bytes):
            return value.replace(self._directory.encode(), PLACE.encode())
        if isinstance(value, list) and value and isinstance(value[0], Environment):
            # Which there are, and where, differs from computer to computer.
            return [
                dataclasses.replace(each, version=_ENVIRONMENTS[each.name], path=f"/usr/bin/{each.name.lower()}")
                for each in value
                if each.name in _ENVIRONMENTS
            ]
        if isinstance(value, tuple | list):
            return type(value)(self.freeze(item) for item in value)
        if isinstance(value, dict):
            return {key: self.freeze(item) for key, item in value.items()}
        if not dataclasses.is_dataclass(value) or isinstance(value, type | Event):
            return value
        fields = {field.name: self.freeze(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return type(value)(**(fields | self._fixed(value)))

    def _fixed(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Job):
            return _job(value)
        if isinstance(value, Line | PipelineObject | Record):
            return {"time": BASE + value.number * SECOND // 4}
        if isinstance(value, ErrorRecord):
            return {"time": BASE + 2 * SECOND}
        if isinstance(value, Feedback):
            return {"time": BASE + value.id * SECOND, "answered": value.answered and BASE + 5 * SECOND}
        if isinstance(value, Usage):
            return {"time": NOW, "cpu_percent": 37.0, "memory_bytes": 48 << 20, "processes": 2}
        names = {field.name for field in dataclasses.fields(value)}
        fixed = {name: BASE for name in ("created", "changed", "last_ended", "last_used") if name in names}
        return fixed | ({"seconds": 4.2} if getattr(value, "seconds", None) else {})


def _job(job: Job) -> dict[str, Any]:
    created = BASE + (job.id * 7 % 55) * 60 * SECOND
    if job.status in (Status.Running, Status.WaitingOnFeedback, Status.Canceling):
        created = NOW - (65 + job.id) * SECOND
    started = created + SECOND // 2 if job.started else None
    ended = started + (job.id * 13 % 90 + 1) * SECOND if started and job.ended else None
    return {
        "created": created, "started": started, "ended": ended, "run_id": f"00000000-0000-4000-8000-{job.id:012}",
        "process_id": job.process_id and 4000 + job.id, "computer_name": "server", "identity": "admin",
        "content_hash": "0" * 64, "git_commit": None,
        "bytes": 2048 if job.bytes else 0, # The screen of a job that goes on waits for the last of so many.
        "records": 16 if job.status.finished else job.records,
    }  # fmt: skip


def frozen(service: JobService, directory: Path) -> JobService:
    """The service, frozen; `directory` is where the test's scripts lie."""
    return cast(JobService, Frozen(service, directory))
