"""A runner's process from its first instruction to its last, and the zygote that forks runners."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import array
import codecs
import gc
import json
import os
import signal
import sys
import time

from core.runner import system
from core.runner.connection import Parking
from core.runner.job import AlreadyRan, Job
from core.runner.processes import boot_id
from core.runner.spec import log_file, read_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from core.runner.powershell.warm import Warm

#: a message to the zygote is small: it names a directory
MESSAGE = 65536
#: how long a runner waits for a further job, seconds, and how many jobs it runs in its life
IDLE = 5.0
JOBS = 50
#: how long one that was started before its job waits for it, seconds
WAITING = 60.0


def main(argv: list[str]) -> None:
    """Be what the command line says; does not return."""
    if argv[1] == "zygote":
        serve(int(argv[2]))
    elif argv[1] == "wait":
        wait(int(argv[2]), powershell="powershell" in argv[3:])
    else:
        lock, watch, secrets = (None if value == "-" else int(value) for value in argv[4:7])
        assert lock is not None
        run(argv[3], int(argv[2]), lock, watch, secrets)


def run(
    directory: str, number: int, lock: int, watch: int | None, secrets: int | None, home: int | None = None
) -> None:
    """Run the job in `directory` to its end and leave. A runner that fails tells it in the log.

    `home`: a copy of the watch connection, over which its engine may hand over a further job once this one has ended.
    """

    def work() -> None:
        _become_runner({fd for fd in (lock, watch, secrets, home) if fd is not None})
        if home is None:
            _run_one(directory, number, lock, watch, secrets, None)
        else:
            _run_all(directory, number, lock, watch, secrets, home)

    _leave_after(work, f"job {number}: its runner failed")


def _leave_after(work: Callable[[], None], failed: str) -> NoReturn:
    """Do all that this process is for, and end it."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        # the engine finds the job's lock free and tells the job as lost; why is for whoever looks into the log
        import traceback

        _log(f"{failed}\n{traceback.format_exc()}")
    finally:
        os._exit(code)


def wait(home: int, *, powershell: bool) -> None:
    """Load, run the one job that comes over `home`, and leave; also when none comes, or whoever would send it goes.

    `powershell`: it is going to be a script of PowerShell's.
    """

    def work() -> None:
        _become_runner({home})
        system.set_title("jobdeck core.runner waiting")
        if powershell:
            from core.runner.powershell import begin, hosting  # noqa: F401
        received = _job_from(home, WAITING)
        if received is not None:
            directory, number, lock, secrets = received
            # which store it belongs to, it hears only now
            _log_to(log_file(directory))
            _run_one(directory, number, lock, home, secrets, None)

    _leave_after(work, "a runner failed that was started before its job")


def run_warm(settings: object, home: int) -> None:
    """Hold a warm PowerShell until a job comes over `home`, run that one job and leave; also when the keeper goes."""

    def work() -> None:
        from core.runner.powershell.warm import Warm

        assert isinstance(settings, dict)
        _become_runner({home})
        system.set_title("jobdeck core.runner warm")
        warm = Warm(settings, home)
        received = warm.wait(_receive)
        if received is None:
            warm.kill()
        else:
            message, fds = received
            _run_warm_job(message, fds, home, warm)

    _leave_after(work, "a warm runner failed")


def _run_warm_job(message: dict[str, object], fds: dict[str, int], home: int, warm: Warm) -> None:
    number = int(str(message["id"]))
    values = read_secrets(fds["secrets"]) if "secrets" in fds else {}
    try:
        # one that has died meanwhile serves nobody: then the job has a PowerShell of its own
        job = Job(str(message["directory"]), values, None, warm.shell if warm.alive else None)
    except (AlreadyRan, FileExistsError) as error:
        _log(f"job {number}: {error}")
        os._exit(3)
    system.set_title(f"jobdeck core.runner {number} {job.spec['script'].get('name') or ''}")
    job.commands.add_watcher(home)
    job.run()


def _run_all(directory: str, number: int, lock: int, watch: int | None, secrets: int | None, home: int) -> None:
    """Run the job, then what comes over `home`, until a job leaves something behind or nothing comes."""
    parking = Parking(os.path.dirname(os.path.dirname(os.path.dirname(directory))))
    try:
        for _ in range(JOBS):
            if not _run_one(directory, number, lock, watch, secrets, parking):
                return
            next_job = _next_job(home, parking)
            if next_job is None:
                return
            directory, number, lock, secrets = next_job
            watch = os.dup(home)
    finally:
        parking.close()


def _run_one(
    directory: str, number: int, lock: int, watch: int | None, secrets: int | None, parking: Parking | None
) -> bool:
    """Run one job; whether this process is as good as new afterwards and has promised its engine to wait."""
    values = {} if secrets is None else read_secrets(secrets)
    try:
        job = Job(directory, values, parking)
    except (AlreadyRan, FileExistsError) as error:
        _log(f"job {number}: {error}")
        os._exit(3)
    system.set_title(f"jobdeck core.runner {number} {job.spec['script'].get('name') or ''}")
    if watch is not None:
        job.commands.add_watcher(watch)
    job.run()
    if job.idle:
        job.close()
        os.close(lock)
    return job.idle


def _next_job(home: int, parking: Parking) -> tuple[str, int, int, int | None] | None:
    """Wait for a further job: its directory, number, lock and secrets. None when the engine goes or has none."""
    # what is still open would be closed when its owner is collected, and may be another job's by then; os.listdir's own
    # descriptor is in its list
    if len(os.listdir("/proc/self/fd")) - len({0, 1, 2, home} | parking.descriptors) - 1:
        _log("a runner ends: its last job left something open")
        return None
    system.set_title("jobdeck core.runner idle")
    return _job_from(home, IDLE)


def _job_from(home: int, seconds: float) -> tuple[str, int, int, int | None] | None:
    """The job that comes over `home`: its directory, number, lock and secrets. None when none comes so long."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, home)
    try:
        connection.settimeout(seconds)
        received = _receive(connection)
    except OSError:
        # nobody wanted it for a while, or its engine was killed
        return None
    finally:
        connection.detach()
    if received is None:
        return None
    message, fds = received
    return str(message["directory"]), int(str(message["id"])), fds["lock"], fds.get("secrets")


def _receive(connection: _socket.socket) -> tuple[dict[str, object], dict[str, int]] | None:
    """One message with the descriptors it names; None at the end. Raises OSError."""
    data, control, _flags, _address = connection.recvmsg(MESSAGE, _socket.CMSG_SPACE(3 * 4), _MSG_CMSG_CLOEXEC)
    if not data:
        return None
    received = array.array("i")
    for level, kind, body in control:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            received.frombytes(body[: len(body) - len(body) % received.itemsize])
    message: dict[str, object] = json.loads(data)
    return message, dict(zip(message["fds"], received, strict=True))  # type: ignore[call-overload]


def _log(text: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    os.write(2, f"{stamp} runner {os.getpid()} {text}\n".encode("utf-8", "replace"))


def _log_to(path: str) -> None:
    """Say from now on in that file what there is to complain of; without its directory, nowhere."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    os.dup2(file, 2)
    os.close(file)


def _become_runner(keep: set[int]) -> None:
    system.close_all_but({0, 1, 2} | keep)
    for fd in keep:
        os.set_inheritable(fd, False)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    os.chdir("/")
    os.umask(0o077)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _signal.pthread_sigmask(signal.SIG_SETMASK, [])
    system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)
    system.prctl(system.PR_SET_NAME, b"jobdeck-runner")


def serve(fd: int) -> None:
    """Be a zygote: fork a runner for each message on the SEQPACKET socket `fd`, until its engine goes."""
    system.close_all_but({0, 1, 2, fd})
    os.set_inheritable(fd, False)
    os.chdir("/")
    system.set_title("jobdeck core.runner zygote")
    system.prctl(system.PR_SET_NAME, b"jobdeck-zygote")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    # nobody waits for runners: the kernel takes them away
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)
    # what is loaded now is shared by all runners, as long as the collector does not write into it
    # and what a runner would load on first use: a codec's import costs a millisecond, in every runner
    codecs.lookup("ascii")
    boot_id()
    gc.collect()
    gc.freeze()
    while True:
        try:
            received = _receive(connection)
        except ConnectionError:
            received = None
        if received is None:
            os._exit(0)
        message, fds = received
        if message.get("powershell") or "warm" in message:
            _load_powershell()
        reply = _fork(message, fds, connection)
        for descriptor in fds.values():
            os.close(descriptor)
        try:
            connection.send(json.dumps(reply).encode())
        except ConnectionError:
            os._exit(0)


def _load_powershell() -> None:
    """Load what a PowerShell's runner needs, once for all that come."""
    if "core.runner.powershell.hosting" not in sys.modules:
        from core.runner.powershell import begin, hosting, warm  # noqa: F401

        gc.collect()
        gc.freeze()


_MSG_CMSG_CLOEXEC = 0x40000000


def _fork(message: dict[str, object], fds: dict[str, int], connection: _socket.socket) -> dict[str, object]:
    try:
        pid = os.fork()
    except OSError as error:
        return {"error": error.errno}
    if pid:
        return {"process_id": pid}
    connection.close()
    os.setsid()
    watch = fds.get("watch")
    if "warm" in message:
        assert watch is not None
        run_warm(message["warm"], watch)
    home = os.dup(watch) if watch is not None and message.get("reusable") else None
    run(str(message["directory"]), int(str(message["id"])), fds["lock"], watch, fds.get("secrets"), home)
    sys.exit(1)
