"""A job's channel for tests: a real Unix stream socket that takes and answers JSON lines as the runner does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from core import exact_json

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "core" / "python"
BOOTSTRAP = MODULES / "jobdeck_main.py"
HELPER = ROOT / "core" / "runner" / "bin" / "jobdeck-job"


class ChannelServer:
    """Listens at `directory`/channel. `messages` are what came, in order of arrival, without "ack"."""

    def __init__(self, directory: Path, parameters: dict[str, Any] | None = None, answer: str = "yes") -> None:
        self.path = str(directory / "channel")
        self.messages: list[dict[str, Any]] = []
        self.connections = 0
        self.parameters = parameters or {}
        self.answer = answer
        #: an ask is answered once this is set
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(64)
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Stop, once every connection has been read to its end."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)
        for thread in self._threads:
            thread.join(10)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one type."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def objects(self) -> list[Any]:
        """The values that were emitted."""
        return [message["value"] for message in self.of("object")]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            for line in stream:
                message = exact_json.loads(line)
                ack = message.pop("ack", False)
                with self._lock:
                    self.messages.append(message)
                reply = self._reply(message)
                if reply is None and ack:
                    reply = {"ok": True}
                if reply is not None:
                    try:
                        stream.write(json.dumps(reply).encode() + b"\n")
                        stream.flush()
                    except BrokenPipeError:
                        return

    def _reply(self, message: dict[str, Any]) -> dict[str, Any] | None:
        kind = message["type"]
        if kind == "ask":
            self.asked.set()
            if not self.may_answer.wait(10):
                return {"error": "Nobody answered."}
            return {"answer": self.answer} if self.answer != "refuse" else {"error": "The job is ending."}
        if kind == "parameter":
            if message["name"] in self.parameters:
                return {"value": self.parameters[message["name"]]}
            return {"error": f"There is no parameter {message['name']}."}
        if kind == "parameters":
            return {"value": self.parameters}
        if kind == "job":
            return {"job": {"id": 17, "run_id": "abc"}, "script": {"id": 3, "name": "x.py", "path": "/srv/x.py"}}
        return None


def environment(server: ChannelServer | None, **variables: str) -> dict[str, str]:
    """The environment of a process of a job; of no job without a server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOBDECK_", "PYTHON"))}
    kept["PYTHONPATH"] = str(MODULES)
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    kept["JOBDECK_PYTHON"] = sys.executable
    if server is not None:
        kept["JOBDECK_CHANNEL"] = server.path
    return kept | variables


def run_python(
    server: ChannelServer | None,
    script: Path,
    *arguments: str,
    python: str = sys.executable,
    style: dict[str, Any] | None = None,
    options: tuple[str, ...] = (),
    stdin: str = "",
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run a script through the bootstrap, as the runner does, to its end."""
    if style is not None:
        variables["JOBDECK_PYTHON_STYLE"] = json.dumps(style)
    return subprocess.run(
        [python, *options, str(BOOTSTRAP), str(script), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(server, **variables),
        timeout=60,
        check=False,
    )
