"""Fork the job's main process: its terminal, its descriptors, its limits; and hear why it could not start."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import os
import resource
import signal
import struct
import termios

from core.runner import system

#: plain numbers, made once: enum members would be made anew in every child
_SIGNALS = sorted(int(number) for number in signal.valid_signals())
_CHANGEABLE = [number for number in _SIGNALS if number not in (signal.SIGKILL, signal.SIGSTOP)]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.spec import Launch


class Terminal:
    """The job's pseudo-terminal. The runner, a session leader, holds both ends; it is its controlling terminal."""

    __slots__ = ("master", "slave")

    def __init__(self, columns: int, rows: int) -> None:
        """Raises OSError when no pseudo-terminal is to be had."""
        self.master, self.slave = os.openpty()
        self.resize(columns, rows)
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def resize(self, columns: int, rows: int) -> None:
        """Give it another size; its foreground processes are told by SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def foreground(self, group: int) -> None:
        """Make `group` the one that may read it and gets its signals."""
        os.tcsetpgrp(self.slave, group)

    def interrupt(self) -> None:
        """Type ctrl+c: the kernel signals the foreground group, whoever it belongs to."""
        # what was typed and not read must not stand in its way
        termios.tcflush(self.slave, termios.TCIFLUSH)
        os.write(self.master, bytes(termios.tcgetattr(self.slave)[6][termios.VINTR]))

    def release(self) -> None:
        """Give it back to the runner's own group, so that nobody is hung up when the runner goes; close our slave."""
        if self.slave >= 0:
            slave, self.slave = self.slave, -1
            try:
                os.tcsetpgrp(slave, os.getpgrp())
            except OSError:
                # hung up by a process of the job: nobody is left in the foreground
                return
            finally:
                os.close(slave)


class NotStarted(Exception):
    """The main process could not be started; the text is a report as a child gives it: "STEP\nERRNO\nTEXT"."""


class Child:
    """The main process. A forked one waits: `go` lets it execute; `report` says why it could not, or nothing."""

    __slots__ = ("_go", "pid", "report")

    def __init__(self, pid: int, go: int = -1, report: int = -1) -> None:
        self.pid = pid
        self._go = go
        #: descriptor: end of file = it executes, else "STEP\nERRNO\nTEXT"
        self.report = report

    def go(self) -> None:
        """Let it execute."""
        if self._go < 0:
            return
        go, self._go = self._go, -1
        try:
            os.write(go, b"1")
        except BrokenPipeError:
            # killed while it waited: its exit tells
            return
        finally:
            os.close(go)

    def take_report(self) -> str:
        """What it reported, once that can be read: "" when it executes."""
        report, self.report = self.report, -1
        try:
            return os.read(report, 65536).decode("utf-8", "replace")
        finally:
            os.close(report)

    def continue_if_stopped(self) -> bool:
        """Whether it was stopped; where it was by reading its terminal, or writing to it, it goes on."""
        stopped = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG)
        if stopped is None:
            return False
        if stopped.si_status in (signal.SIGTTIN, signal.SIGTTOU):
            os.killpg(self.pid, signal.SIGCONT)
        return True


def can_start_at_once(launch: Launch) -> bool:
    """Whether `start` may be used: it gives the process the runner's own limits, and looks for no program."""
    return os.path.isabs(launch.argv[0]) and launch.limits == {
        name: list(resource.getrlimit(getattr(resource, f"RLIMIT_{name}", -1)))
        for name in launch.limits
        if hasattr(resource, f"RLIMIT_{name}")
    }


def start(launch: Launch, stdin: int, stdout: int, stderr: int) -> Child:
    """The main process, in a group of its own, executing at once. Raises NotStarted.

    Copies nothing of this process, unlike `fork`: half the cost of a short job. What it does not give is a KILL at the
    runner's death: then the hung-up terminal ends the process, and whoever finds the job lost.
    """
    try:
        os.chdir(launch.cwd)
    except OSError as error:
        raise NotStarted(f"cwd\n{error.errno}\n{error}") from None
    before = os.umask(launch.umask)
    try:
        pid = os.posix_spawn(
            launch.argv[0],
            launch.argv,
            launch.environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate((stdin, stdout, stderr))
            ],
            setpgroup=0,
            setsigmask=[],
            setsigdef=_CHANGEABLE,
        )
    except (OSError, ValueError) as error:
        code = error.errno if isinstance(error, OSError) else 0
        raise NotStarted(f"execute\n{code}\n{error}") from None
    finally:
        os.umask(before)
        os.chdir("/")
    return Child(pid)


def fork(launch: Launch, stdin: int, stdout: int, stderr: int, more: tuple[int, ...] = ()) -> Child:
    """A child in a process group of its own that executes `launch` after `Child.go`, or ends if we go before that.

    `more`: what it has as descriptors 3, 4, …
    """
    ready, go = os.pipe()
    report, complaint = os.pipe()
    parent = os.getpid()
    # a signal that comes before the child is ready for it must wait, not fall into the runner's handlers
    _signal.pthread_sigmask(signal.SIG_SETMASK, _SIGNALS)
    pid = os.fork()
    if pid:
        _signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.close(ready)
        os.close(complaint)
        os.setpgid(pid, pid)
        return Child(pid, go, report)
    step = "start"
    try:
        os.setpgid(0, 0)
        os.close(go)
        _default_signals()
        step = "wait"
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent or os.read(ready, 1) != b"1":
            os._exit(127)
        step = "descriptors"
        sources = (stdin, stdout, stderr, *more)
        if more:
            # what stands at one of the new numbers must not be overwritten before it is copied
            sources = tuple(fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, 32) for source in sources)
            complaint = fcntl.fcntl(complaint, fcntl.F_DUPFD_CLOEXEC, 32)
        for target, source in enumerate(sources):
            os.dup2(source, target, inheritable=True)
        step = "limits"
        _limit(launch.limits)
        step = "cwd"
        os.chdir(launch.cwd)
        os.umask(launch.umask)
        step = "execute"
        os.execvpe(launch.argv[0], launch.argv, launch.environment)
    except BaseException as error:
        code = error.errno if isinstance(error, OSError) else 0
        os.write(complaint, f"{step}\n{code or 0}\n{error}".encode("utf-8", "replace"))
    finally:
        os._exit(127)


def _limit(limits: object) -> None:
    assert isinstance(limits, dict)
    for name, (soft, hard) in limits.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            # a limit of another system's
            continue
        _, most = resource.getrlimit(number)
        if most != resource.RLIM_INFINITY and os.geteuid() != 0:
            hard = most if hard == resource.RLIM_INFINITY else min(hard, most)
            soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
        resource.setrlimit(number, (soft, hard))


def _default_signals() -> None:
    for number in _CHANGEABLE:
        if _signal.getsignal(number) not in (_signal.SIG_DFL, None):
            _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(signal.SIG_SETMASK, [])


def complaint(report: str, launch: Launch) -> str:
    """A sentence from what a child reported."""
    step, code, text = report.split("\n", 2)
    why = os.strerror(int(code)) if int(code) else text
    program = launch.argv[0] if launch.argv else "nothing"
    if step == "cwd":
        return f"Could not start: its working directory {launch.cwd} cannot be used ({why}). Name another one."
    if step == "limits":
        return f"Could not start: its resource limits cannot be set ({why})."
    if step == "execute" and int(code) == 7:
        return f"Could not start {program}: its parameters and environment are too long together."
    if step == "execute" and int(code) == 8:
        return f"Could not start {program}: it is neither a program nor begins with a #! line."
    return f"Could not start {program}: {why}."
