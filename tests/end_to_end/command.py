"""The real `jobdeck` command over a store of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-m", "tui"]


class Command:
    """Runs `jobdeck` verbs as a shell would."""

    def __init__(self, home: Path, directory: Path) -> None:
        self.home = home
        self.directory = directory
        self.variables = os.environ | {"JOBDECK_HOME": str(home)}

    def script(self, name: str, text: str) -> str:
        """A script in the directory the command is called in; its path."""
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def __call__(self, *arguments: str, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a verb and insist on its exit code; stdin is a terminal to nobody."""
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.directory, env=self.variables, capture_output=True, text=True, timeout=60, **options,
        )  # fmt: skip
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        # A traceback of a script is its own; one of ours is a defect.
        assert "/tui/" not in done.stderr and "/core/engine/" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What a verb says with --json."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a verb and let it run."""
        return subprocess.Popen([*PROGRAM, *arguments], cwd=self.directory, env=self.variables, text=True, **options)

    def until(self, id: str, status: str) -> dict[str, Any]:
        """The job once it has the status."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError):
                job: dict[str, Any] = self.json("job", id)
                if job["status"] == status:
                    return job
        raise AssertionError(f"job {id} never became {status}: {job}")


class Terminal:
    """A verb at a terminal: what it shows, and typing."""

    def __init__(self, command: Command, *arguments: str) -> None:
        self.shown = ""
        self.process, self._master = self._fork(command, arguments)

    @staticmethod
    def _fork(command: Command, arguments: tuple[str, ...]) -> tuple[int, int]:
        process, master = pty.fork()
        if process == 0:
            os.chdir(command.directory)
            os.execve(PROGRAM[0], [*PROGRAM, *arguments], command.variables)
        return process, master

    def until(self, text: str) -> None:
        """Wait until the text has been shown."""
        deadline = time.monotonic() + 30
        while text not in self.shown:
            assert time.monotonic() < deadline and self._read(1.0), f"{text!r} never came: {self.shown!r}"

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], timeout)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Wait for the end; the exit code."""
        while self._read(30.0):
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self._master)
        return os.waitstatus_to_exitcode(status)
