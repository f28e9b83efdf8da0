"""Jobs that a script starts: `jobdeck.run(…)` and what it returns. Python 3.8+, standard library only."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid

from _jobdeck_channel import Channel, JobdeckError
from _jobdeck_rest import WAIT_SLICE, Service, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

STATUSES = (
    "Queued", "Running", "Completed", "Failed", "WaitingOnFeedback", "Canceled", "Canceling", "Historical", "Active",
    "TimedOut", "Warning", "Error",
)  # fmt: skip
FINISHED = frozenset({2, 3, 5, 9, 10, 11})
#: streams that are text: stdout, stderr, terminal, then those whose records hold a message
_RAW = frozenset({1, 2, 13})
_TEXT = "1,2,3,4,5,6,7,13"
STDOUT, INFORMATION = 1, 3
#: the line of an information record goes on in the next
_OPEN = 4


class StartedJob:
    """A job that was started. What it says is as it is when it is asked; once the job has ended it is kept."""

    def __init__(self, service: Service, told: Mapping[str, Any]) -> None:
        self._service = service
        self._told = told

    @property
    def id(self) -> int:
        """The job's number."""
        return int(self._told["id"])

    @property
    def script(self) -> str:
        """The script's name."""
        return str(self._told["script"])

    @property
    def status(self) -> str:
        """`Queued`, `Running`, `WaitingOnFeedback`, `Completed`, `Warning`, `Error`, `Failed`, `TimedOut`, …"""
        return STATUSES[self._now()["status"]]

    @property
    def finished(self) -> bool:
        """Whether the job has ended."""
        return self._now()["status"] in FINISHED

    @property
    def exit_code(self) -> Optional[int]:
        """The exit code; None before the end, and where a signal ended it."""
        code = self._now()["exitCode"]
        return None if code is None else int(code)

    @property
    def reason(self) -> Optional[str]:
        """Why the job ended as it did, where there is more to say."""
        reason = self._now()["reason"]
        return None if reason is None else str(reason)

    @property
    def facts(self) -> Dict[str, Any]:
        """All that is known of the job, under the names that the REST interface gives it."""
        return dict(self._now())

    @property
    def output(self) -> str:
        """The text of all streams so far, in the order it came."""
        return b"".join(text for _stream, text in self.follow(until_end=False)).decode("utf-8", "replace")

    @property
    def objects(self) -> List[Any]:
        """The objects that the job emitted so far; one of PowerShell's is the text of its CLIXML document."""
        found: List[Any] = []
        while True:
            page = self._service.get("/job/%d/objects" % self.id, start=len(found), count=1000)
            found.extend(_value(item) for item in page)
            if len(page) < 1000:
                return found

    @property
    def errors(self) -> List[Dict[str, Any]]:
        """The error records so far: `message`, `category`, `id`, `position`, `stack`, … of each."""
        return list(self._service.get("/job/%d/error" % self.id))

    def wait(self, timeout: Optional[float] = None) -> StartedJob:
        """Wait until the job has ended, or for `timeout` seconds; the job itself, whose `finished` tells which."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._told["status"] not in FINISHED:
            began = time.monotonic()
            left = WAIT_SLICE if deadline is None else min(WAIT_SLICE, max(0.0, deadline - began))
            self._told = self._service.get("/job/%d/wait" % self.id, timeout="%.3f" % left)
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                break
            if self._told["status"] not in FINISHED and now - began < left / 2:
                # the service goes down and sends everybody home
                time.sleep(min(0.2, left))
        return self

    def follow(self, until_end: bool = True) -> Iterator[Tuple[int, bytes]]:
        """(stream, bytes) as they come, until the job has ended; streams are numbers: 1 stdout, 2 stderr, …"""
        for stream, flags, data in self._service.records(self.id, _TEXT, until_end):
            text = data if stream in _RAW else _message(data, flags) if stream else b""
            if text:
                yield stream, text

    def cancel(self) -> StartedJob:
        """Ask the job to end; it has its grace time. One that has ended already stays as it is."""
        try:
            self._told = self._service.request("POST", "/job/%d/cancel" % self.id)
        except JobdeckError:
            if not self.finished:
                raise
        return self

    def _now(self) -> Mapping[str, Any]:
        if self._told["status"] not in FINISHED:
            self._told = self._service.get("/job/%d" % self.id)
        return self._told

    def __repr__(self) -> str:
        return "<job %d: %s>" % (self.id, self.script)


def start(
    channel: Optional[Channel],
    script: Union[int, str, os.PathLike[str]],
    parameters: Mapping[str, Any],
    line: Optional[int] = None,
    **options: Any,
) -> StartedJob:
    """Start a job, as a child of this one where there is one. `options` are fields of the request, as JSON has them.

    Raises JobdeckError, with what the service says.
    """
    service = Service(channel)
    body: Dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    body["parameters"] = dict(parameters)
    body["source"] = "api" if channel is None else "job"
    if channel is not None:
        body["parentJob"] = int(os.environ["JOBDECK_JOB_ID"])
        body["parentLineNumber"] = line
    path = _file(script) if service.local else None
    if path is not None:
        body["path"] = path
        body["currentDirectory"] = os.getcwd()
    elif isinstance(script, int):
        body["script"] = script
    else:
        body["script"] = os.fspath(script)
    # With the same key a request that was broken off and is sent again gives the job that it started.
    told = service.request("POST", "/job", body=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    return StartedJob(service, told)


def find(channel: Optional[Channel], id: int) -> StartedJob:
    """A job by its number."""
    service = Service(channel)
    return StartedJob(service, service.get("/job/%s" % quoted(id)))


def line_of_script(frame: Optional[FrameType]) -> Optional[int]:
    """The line of the job's own script that a call comes from; of whoever calls, where it is none of the script's."""
    own = {os.path.realpath(path) for path in (os.environ.get("JOBDECK_SCRIPT_PATH"), sys.argv[0]) if path}
    first = frame.f_lineno if frame is not None else None
    while frame is not None:
        if os.path.realpath(frame.f_code.co_filename) in own:
            return frame.f_lineno
        frame = frame.f_back
    return first


def _file(script: Union[int, str, os.PathLike[str]]) -> Optional[str]:
    """The file that is meant: from this directory, or from the script's own; None = a script on record."""
    if isinstance(script, int):
        return None
    name = os.path.expanduser(os.fspath(script))
    if os.path.isfile(name):
        return os.path.abspath(name)
    own = os.environ.get("JOBDECK_SCRIPT_PATH") or sys.argv[0]
    beside = os.path.join(os.path.dirname(own), name) if own else None
    return os.path.abspath(beside) if beside is not None and os.path.isfile(beside) else None


def _value(item: Mapping[str, Any]) -> Any:
    """The value of one object of the pipeline."""
    text = item.get("data")
    if text is None:
        import base64

        text = base64.b64decode(item["dataBase64"]).decode("utf-8", "replace")
    if item["format"] != "json":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _message(data: bytes, flags: int) -> bytes:
    """The text of a record with a message; nothing of one that nobody was to see."""
    try:
        told = json.loads(data.decode("utf-8", "surrogatepass"))
        text = "" if told.get("silent") else str(told["message"]) + ("" if flags & _OPEN else "\n")
    except (ValueError, KeyError, TypeError, AttributeError):
        return data + b"\n"
    return text.encode("utf-8", "surrogatepass")
