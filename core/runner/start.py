"""Start runners, from an engine: a fresh process each, or forks of a zygote that is kept warm.

The runner is a session leader with nothing of its starter's but the descriptors it is given; it outlives its starter.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import threading

from core.runner.connection import IDLE_DIRECTORY
from core.runner.spec import OWN, log_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
_F_SETPIPE_SZ = 1031
#: seconds a zygote has to answer: it only forks
_ANSWER = 10.0


class ZygoteGone(ConnectionError):
    """The zygote does not answer any more; `start_fresh` serves instead, and a new Zygote can be made."""


def start_fresh(
    directory: str, job_id: int, *, lock: int, watch: int | None = None, secrets: Mapping[str, str] | None = None
) -> int:
    """Start a runner for the job in `directory` in a lean interpreter of its own; returns its pid.

    `lock`: descriptor of the job's lock, held; `watch`: one end of a socketpair or None; the caller keeps and closes
    its own copies. The caller is the runner's parent and reaps it. Raises OSError with a sentence.
    """
    pipe = _secrets_pipe(job_id, secrets)
    try:
        given = [fd for fd in (lock, watch, pipe) if fd is not None]
        numbers = iter(range(3, 3 + len(given)))
        names = ["-" if fd is None else str(next(numbers)) for fd in (lock, watch, pipe)]
        return _spawn(
            ["run", str(job_id), directory, *names],
            given,
            "runner",
            log_file(directory),
            f"The runner of job {job_id}",
        )
    finally:
        if pipe is not None:
            os.close(pipe)


def start_waiting(*, powershell: bool = False) -> socket.socket:
    """Start a runner in a fresh interpreter that loads while its job is still being made; the connection to it.

    `hand_over` gives it the job, and the connection is the job's watch from then on. It goes when the connection is
    closed, or when no job comes. `powershell`: the job is going to be a script of PowerShell's. Raises OSError.
    """
    ours, theirs = socket.socketpair()
    kind = ["powershell"] if powershell else []
    try:
        _spawn(["wait", "3", *kind], [theirs.fileno()], "runner", os.devnull, "A runner")
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return ours


def hand_over(
    connection: socket.socket, directory: str, job_id: int, *, lock: int, secrets: Mapping[str, str] | None = None
) -> bool:
    """Give the job to the runner that waits at the other end of `connection`; False when that has gone.

    `lock` as for `start_fresh`: held here and, from now on, by the runner. A runner that dies before it reads this
    lets the lock go without a start on record, and ends the connection.
    """
    pipe = _secrets_pipe(job_id, secrets)
    fds = {"lock": lock, "secrets": pipe}
    names = [name for name, fd in fds.items() if fd is not None]
    message = json.dumps({"directory": directory, "id": job_id, "fds": names}).encode()
    rights = array.array("i", [fd for fd in fds.values() if fd is not None])
    try:
        # a stream takes it whole: it is idle, so its buffer is empty
        return connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]) == len(message)
    except OSError:
        return False
    finally:
        if pipe is not None:
            os.close(pipe)


class Zygote:
    """A lean process that has imported the runner and forks one per job. One per long-lived engine; thread-safe."""

    def __init__(self, data_directory: str) -> None:
        """Starts it; what its runners have to complain of goes to log/jobdeck.log in `data_directory`. OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = os.path.join(data_directory, "log", "jobdeck.log")
        _forget_the_dead(os.path.join(data_directory, IDLE_DIRECTORY))
        try:
            self.process_id = _spawn(["zygote", "3"], [theirs.fileno()], "zygote", log, "The zygote of the runners")
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.settimeout(_ANSWER)
        self._socket = ours
        self._turn = threading.Lock()

    def start_runner(
        self,
        directory: str,
        job_id: int,
        *,
        lock: int,
        watch: int | None = None,
        secrets: Mapping[str, str] | None = None,
        reusable: bool = False,
        powershell: bool = False,
    ) -> int:
        """As `start_fresh`, forked from the zygote, which reaps it. Raises ZygoteGone when it is dead, else OSError.

        `reusable`: at the end of its job it says on `watch` that it is idle, and waits a while for `hand_over`.
        `powershell`: the job is a script of PowerShell's.
        """
        pipe = _secrets_pipe(job_id, secrets)
        try:
            fds = {"lock": lock, "watch": watch, "secrets": pipe}
            names = [name for name, fd in fds.items() if fd is not None]
            kind = {"reusable": reusable, "powershell": powershell}
            message = json.dumps({"directory": directory, "id": job_id, "fds": names, **kind}).encode()
            rights = array.array("i", [fd for fd in fds.values() if fd is not None])
            reply = self._ask(message, rights)
        finally:
            if pipe is not None:
                os.close(pipe)
        if "error" in reply:
            code = int(reply["error"])
            raise OSError(code, f"The runner of job {job_id} could not be started: {os.strerror(code)}.")
        return int(reply["process_id"])

    def start_warm(self, settings: Mapping[str, object], watch: int) -> int:
        """Fork a runner that holds a warm PowerShell and waits on `watch` for `hand_over`; its pid.

        `settings`: argv, environment, umask and limits of the PowerShell. It says so on `watch` when it is ready, and
        goes when the other end does. Raises as `start_runner`.
        """
        message = json.dumps({"warm": settings, "fds": ["watch"]}).encode()
        reply = self._ask(message, array.array("i", [watch]))
        if "error" in reply:
            code = int(reply["error"])
            raise OSError(code, f"A warm runner could not be started: {os.strerror(code)}.")
        return int(reply["process_id"])

    def close(self) -> None:
        """Let it go; the runners it started go on."""
        self._socket.close()
        self._reap(wait=True)

    def _ask(self, message: bytes, rights: array.array[int]) -> dict[str, int]:
        with self._turn:
            try:
                self._socket.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                answer = self._socket.recv(65536)
            except TimeoutError:
                # it must not start this job later, when somebody else has: it ends here
                os.kill(self.process_id, signal.SIGKILL)
                self._reap(wait=True)
                answer = b""
            except (ConnectionError, OSError) as error:
                if isinstance(error, OSError) and not isinstance(error, ConnectionError) and self._socket.fileno() >= 0:
                    raise
                answer = b""
            if not answer:
                self._socket.close()
                self._reap(wait=False)
                raise ZygoteGone("The process that starts runners has ended.")
        reply: dict[str, int] = json.loads(answer)
        return reply

    def _reap(self, *, wait: bool) -> None:
        try:
            os.waitpid(self.process_id, 0 if wait else os.WNOHANG)
        except ChildProcessError:
            # somebody in this process waits for every child
            return


def _forget_the_dead(directory: str) -> None:
    """Remove the names of sockets that runners left there which were killed between two jobs."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        if not os.path.exists(f"/proc/{name.partition('-')[0]}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(directory, name))


def _secrets_pipe(job_id: int, secrets: Mapping[str, str] | None) -> int | None:
    """A pipe with `secrets` in it and nothing behind them; None when there are none."""
    if not secrets:
        return None
    data = json.dumps(dict(secrets)).encode()
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        if len(data) > 65536:
            fcntl.fcntl(writing, _F_SETPIPE_SZ, len(data))
        if os.write(writing, data) != len(data):
            raise BlockingIOError
    except OSError as error:
        os.close(reading)
        raise OSError(
            error.errno, f"The secrets of job {job_id} are too long to be handed over: {len(data)} bytes."
        ) from None
    finally:
        os.close(writing)
    return reading


def _spawn(arguments: list[str], given: list[int], role: str, log: str, who: str) -> int:
    """Execute the runner's program with `given` as descriptors 3, 4, …, as the leader of a session of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    environment["JOBDECK_ROLE"] = role
    copies: list[int] = []
    try:
        null = _above(os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC), copies)
        try:
            errors = _above(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), copies)
        except OSError:
            # without its log's directory a runner can still run its job
            errors = null
        copies.extend(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16) for fd in given)
        targets = [null, null, errors, *copies[len(copies) - len(given) :]]
        actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate(targets)]
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", _MAIN, *arguments],
            environment,
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGTERM, signal.SIGCHLD],
        )
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"{who} could not be started ({sys.executable}): {why}.") from error
    finally:
        for fd in copies:
            os.close(fd)


def _above(fd: int, copies: list[int]) -> int:
    """A copy of `fd` (closed) beyond every number that the new process uses."""
    try:
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16)
    finally:
        os.close(fd)
    copies.append(copy)
    return copy
