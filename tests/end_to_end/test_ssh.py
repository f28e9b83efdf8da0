"""Over a real SSH connection that breaks: the application ends, its jobs do not, and the next start shows them."""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.command import PROGRAM, Command
from tests.end_to_end.needs import missing, needed
from tests.end_to_end.tmux import Tmux


class Ssh:
    """A server of SSH on this computer that lets one key in."""

    def __init__(self, directory: Path) -> None:
        server, self._client, keygen = needed("sshd"), needed("ssh"), needed("ssh-keygen")
        for name in ("host", "own"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True, timeout=30)
        if os.getuid() == 0:
            # Where sshd, started by root, wants an empty directory.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        (directory / "config").write_text(
            f"Port {self._port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\n"
            f"AuthorizedKeysFile {directory}/own.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\n"
        )
        self._own = directory / "own"
        self.process = subprocess.Popen(
            [server, "-D", "-e", "-f", directory / "config"], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    break
            if self.process.poll() is not None:
                missing(f"sshd does not start here: it ended with {self.process.returncode}")
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.02)

    def line(self, command: str) -> str:
        """A line for the shell that runs a command over there, at a terminal."""
        options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "LogLevel": "ERROR"}
        words = [self._client, "-F", "/dev/null", "-tt", "-i", str(self._own), "-p", str(self._port)]
        words += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return shlex.join([*words, f"{getpass.getuser()}@127.0.0.1", command])

    def session(self) -> psutil.Process:
        """The process of sshd that owns the connection."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return next(each for each in found if each.name().startswith("sshd"))

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[Ssh]:
    """The server."""
    directory = tmp_path / "ssh"
    directory.mkdir(mode=0o700)
    server = Ssh(directory)
    yield server
    server.close()


@pytest.fixture
def window(jobdeck: Command, tmp_path: Path) -> Iterator[Tmux]:
    """The terminal of whoever logs in."""
    terminal = Tmux(jobdeck, tmp_path / "tmux", (100, 30))
    yield terminal
    terminal.close()


@pytest.mark.parametrize("end", ["client", "server"])
def test_a_connection_that_breaks_takes_no_job_with_it(jobdeck: Command, window: Tmux, ssh: Ssh, end: str) -> None:
    jobdeck.script("long.sh", "#!/bin/sh\nsleep 300\n")
    job = jobdeck.json("run", "long.sh", "--detach")["id"]
    command = (
        f"cd {shlex.quote(str(jobdeck.directory))} && LC_ALL=C.UTF-8 JOBDECK_HOME={shlex.quote(str(jobdeck.home))}"
    )
    window.enter(ssh.line(f"{command} exec {shlex.join(PROGRAM)}"))
    window.until(r"● Running +long\.sh")
    application = psutil.Process(jobdeck.json("status")["leader"]["process_id"])
    os.kill(window.application() if end == "client" else ssh.session().pid, signal.SIGKILL)
    application.wait(20)
    # A client that is killed cannot put its terminal back.
    window.enter("")
    window.press("C-j")
    window.enter("stty sane; tput reset 2>/dev/null; clear")
    window.until(r"^shell>")
    assert jobdeck.json("job", str(job))["status"] == "Running"
    window.jobdeck()
    window.until(r"● Running +long\.sh")
    window.type("x")
    window.until(rf"Cancel job {job}, long\.sh\?")
    window.type("y")
    window.until(r"■ Canceled +long\.sh")
