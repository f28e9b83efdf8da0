"""Jobs made by hand for the runner's tests: a real data directory, real runners, and what their journals say."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import struct
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from core.journal.format import ENTRY, STATE
from core.runner import control, start

DEADLINE = 20.0
T = TypeVar("T")
_FLOCK = struct.Struct("hhqqi4x")


def until(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """The first true value of `condition`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.005)


def lock(path: Path) -> int:
    """A new descriptor of `path` that holds its OFD lock."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    return fd


def locked(path: Path) -> bool:
    """Whether another open file holds the lock."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        probe = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        return bool(_FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, probe))[0] != fcntl.F_UNLCK)
    finally:
        os.close(fd)


class Run:
    """One job: its directory, its runner, its watch connection."""

    def __init__(self, directory: Path, number: int, spec: dict[str, Any]) -> None:
        self.directory = directory
        self.id = number
        self.spec = spec
        self.pid = 0
        self.watch: socket.socket | None = None
        self._told = b""

    def go(
        self, secrets: dict[str, str] | None = None, zygote: start.Zygote | None = None, held: int | None = None
    ) -> Run:
        """Start a runner for it; `held`: a locked descriptor to hand over instead of the job's own."""
        if held is None:
            held = lock(self.directory / "lock")
        ours, theirs = socket.socketpair()
        self.watch = ours
        starter = zygote.start_runner if zygote else start.start_fresh
        try:
            self.pid = starter(str(self.directory), self.id, lock=held, watch=theirs.fileno(), secrets=secrets or {})
        finally:
            os.close(held)
            theirs.close()
        return self

    def hand_over(self, connection: socket.socket, secrets: dict[str, str] | None = None) -> bool:
        """Give it to the runner that waits at the other end; whether that was there."""
        held = lock(self.directory / "lock")
        try:
            return start.hand_over(connection, str(self.directory), self.id, lock=held, secrets=secrets)
        finally:
            os.close(held)

    def left(self, seconds: float = DEADLINE) -> None:
        """Wait until the runner is gone, by whatever way."""
        assert self.watch is not None
        self.watch.settimeout(seconds)
        while data := self.watch.recv(65536):
            self._told += data
        self.watch.close()
        self.reap()

    def ended(self, seconds: float = DEADLINE) -> dict[str, Any]:
        """exit.json, once the runner is gone."""
        self.left(seconds)
        path = self.directory / "exit.json"
        assert path.exists(), self.log()
        end: dict[str, Any] = json.loads(path.read_bytes())
        return end

    def reap(self) -> None:
        """Wait for the runner's process, if it is our child."""
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            until(lambda: not os.path.exists(f"/proc/{self.pid}"), "the runner's end")

    def told(self) -> list[dict[str, Any]]:
        """Every line that the watch connection got."""
        return [json.loads(line) for line in self._told.splitlines()]

    def records(self) -> list[tuple[int, int, bytes]]:
        """(stream, flags, data) of every record so far."""
        index = (self.directory / "out.idx").read_bytes() if (self.directory / "out.idx").exists() else b""
        data = (self.directory / "out.dat").read_bytes() if index else b""
        found = []
        for _time, offset, length, stream, flags in ENTRY.iter_unpack(index[: len(index) // 32 * 32]):
            found.append((stream, flags, data[offset : offset + length]))
        return found

    def stream(self, number: int) -> bytes:
        """All bytes of one stream."""
        return b"".join(data for stream, _, data in self.records() if stream == number)

    def values(self, number: int) -> list[dict[str, Any]]:
        """The JSON of every record of one stream."""
        return [json.loads(data) for stream, _, data in self.records() if stream == number]

    def states(self) -> list[str]:
        """The statuses, in order."""
        return [state["status"] for state in self.values(STATE)]

    def until_state(self, status: str) -> None:
        """Wait until the last state record says so."""
        until(lambda: self.states()[-1:] == [status], f"{status} (is {self.states()}, {self.log()})")

    def until_output(self, number: int, text: bytes) -> bytes:
        """Wait until a stream holds `text`."""
        until(lambda: text in self.stream(number), f"{text!r} in stream {number}")
        return self.stream(number)

    def ask(self, **message: Any) -> dict[str, Any]:
        """One request to the runner."""
        return control.request(self.directory, message)

    def log(self) -> str:
        """What runners complained of."""
        path = self.directory.parent.parent.parent / "log" / "jobdeck.log"
        return path.read_text() if path.exists() else ""


class Deck:
    """A data directory and its jobs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "log").mkdir(parents=True)
        self._count = 0

    def job(self, *argv: str, script: str | None = None, suffix: str = ".sh", **settings: Any) -> Run:
        """A job that executes `argv`, or `script` (a text) by bash; `settings` are fields of the spec."""
        self._count += 1
        number = self._count
        directory = self.directory / "jobs" / "0" / str(number)
        directory.mkdir(parents=True)
        content = (script or "").encode()
        path = self.directory / f"script{number}{suffix}"
        path.write_bytes(content)
        copy = self.directory / f"copy{number}"
        copy.write_bytes(content)
        spec = {
            "format": 1, "id": number, "run_id": str(uuid.uuid4()), "created": time.time_ns(),
            "script": {"id": 3, "name": path.name, "path": str(path), "hash": hashlib.sha256(content).hexdigest(),
                       "git_commit": None},
            "copy": str(copy), "environment": "Bash", "kind": "command",
            "argv": list(argv) or ["/bin/bash", "{scriptPath}"], "python": None, "parameters": {}, "secrets": {},
            "secrets_in_environment": [],
            "variables": {"PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C.UTF-8"},
            "cwd": str(self.directory), "umask": 0o022, "limits": {}, "timeout": 0.0, "grace": 5.0,
            "error_action": "Continue", "discard_pipeline": False, "merge": False, "kill_leftovers": False,
            "stdin": "terminal", "size": [80, 24], "identity": "root", "computer_name": "here", "source": "cli",
            "parent_job": None, "parent_line_number": None, "attempt": 1, "rerun_of": None, "tags": [], "notes": "",
            "store": str(self.directory), **settings,
        }  # fmt: skip
        (directory / "spec.json").write_text(json.dumps(spec))
        return Run(directory, number, spec)
