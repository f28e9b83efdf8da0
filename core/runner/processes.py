"""Processes as /proc tells of them: who they are, which belong to a job, and how to end them all."""

from __future__ import annotations

import os
import signal
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: how long KILL is repeated before the rest is told as survived, seconds
KILL_TIME = 2.0
#: processes named in a receipt at most, so that it keeps to the space that is kept for it
NAMED = 100


class Process:
    """One line of /proc: `start_ticks` (clock ticks since the boot) with the pid names a process for ever."""

    __slots__ = ("group", "name", "parent", "pid", "session", "start_ticks", "state")

    def __init__(self, pid: int, stat: bytes) -> None:
        head, _, tail = stat.rpartition(b")")
        fields = tail.split()
        self.pid = pid
        self.name = head.partition(b"(")[2].decode("utf-8", "replace")
        self.state = chr(fields[0][0])
        self.parent = int(fields[1])
        self.group = int(fields[2])
        self.session = int(fields[3])
        self.start_ticks = int(fields[19])

    @property
    def alive(self) -> bool:
        """Whether it still runs: a zombie does not."""
        return self.state not in "ZX"


_boot_id = ""
_this: dict[str, int | None] = {}


def boot_id() -> str:
    """The kernel's name of this boot."""
    global _boot_id
    if not _boot_id:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            _boot_id = file.read().strip()
    return _boot_id


def this_process() -> dict[str, int | None]:
    """This process, for a record: `process_id` and `start_ticks`."""
    pid = os.getpid()
    if _this.get("process_id") != pid:
        _this.update(process_id=pid, start_ticks=start_ticks(pid))
    return _this


def look(pid: int) -> Process | None:
    """The process with this pid, None when there is none."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return Process(pid, os.read(fd, 4096))
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since the boot; None when there is none."""
    process = look(pid)
    return None if process is None else process.start_ticks


def processes() -> dict[int, Process]:
    """Every process there is now, by pid."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            process = look(int(entry))
            if process is not None:
                found[process.pid] = process
    return found


def _marks(pid: int) -> tuple[bytes | None, bool]:
    """(the JOBDECK_RUN it was started with, whether it is one of jobdeck's own); (None, False) if that is hidden."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environ = b"\0" + file.read()
    except OSError:
        # gone by now, or another user's: then descent and session alone can tell
        return None, False
    _, found, rest = environ.partition(b"\0JOBDECK_RUN=")
    return (rest.partition(b"\0")[0] if found else None), b"\0JOBDECK_ROLE=" in environ


def find_tree(
    run_id: str, *, root: int | None = None, session: int | None = None, include: Iterable[int] = ()
) -> list[Process]:
    """The living processes of a run: descendants of `root`, members of `session`, whoever carries its JOBDECK_RUN.

    `root` itself is none of them. Engines, runners and other runs' processes are left out, and what descends from
    them, unless `include` names them.
    """
    everyone = processes()
    me = os.getpid()
    mark = run_id.encode()
    marks = {pid: _marks(pid) for pid in everyone}

    def foreign(pid: int) -> bool:
        run, own = marks[pid]
        return pid not in include and (own or (run is not None and run != mark))

    if session is not None:
        leader = everyone.get(session)
        if leader is not None and leader.pid not in (me, root) and marks[session][0] != mark:
            # the number was given to another session since
            session = None
    chosen = {
        pid: process
        for pid, process in everyone.items()
        if pid in include or (not foreign(pid) and (marks[pid][0] == mark or process.session == session))
    }
    children: dict[int, list[int]] = {}
    for pid, process in everyone.items():
        children.setdefault(process.parent, []).append(pid)
    heads = [*chosen, *([] if root is None else [root])]
    seen = set(heads)
    while heads:
        for pid in children.get(heads.pop(), ()):
            if pid not in seen and not foreign(pid):
                seen.add(pid)
                chosen[pid] = everyone[pid]
                heads.append(pid)
    return [process for pid, process in chosen.items() if pid not in (me, root) and process.alive]


def send(process: Process, number: int) -> bool:
    """Signal just this process, never one that got its pid since. False when it has gone. Raises PermissionError."""
    try:
        fd = os.pidfd_open(process.pid)
    except (ProcessLookupError, ValueError):
        return False
    try:
        if start_ticks(process.pid) != process.start_ticks:
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


class Sweep:
    """One ending of a run's processes: what it found, signalled and could not."""

    def __init__(
        self, run_id: str, *, root: int | None = None, session: int | None = None, include: Iterable[int] = ()
    ) -> None:
        self._run_id = run_id
        self._root = root
        self._session = session
        self._include = frozenset(include)
        self._began = time.monotonic()
        self._sent: set[tuple[int, int, int]] = set()
        #: ticks since the boot at the first signal
        self._first_tick = 0
        self.signalled: list[dict[str, Any]] = []
        #: some process may not be signalled by this user
        self.refused = False

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def find(self) -> list[Process]:
        """Who lives now."""
        return find_tree(self._run_id, root=self._root, session=self._session, include=self._include)

    def signal(self, number: int) -> list[Process]:
        """Send it to everybody who lives and has not got it yet (KILL: again); who was there.

        What was started after the first signal, by a script that cleans up, is left to do its work; KILL reaches all.
        """
        first = not self._sent
        if first:
            self._first_tick = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
        found = self.find()
        for process in found:
            key = (process.pid, process.start_ticks, number)
            if number != signal.SIGKILL and (
                key in self._sent or (not first and process.start_ticks >= self._first_tick)
            ):
                continue
            try:
                if not send(process, number):
                    continue
                if number != signal.SIGKILL:
                    # one that is stopped would never see it
                    send(process, signal.SIGCONT)
            except PermissionError:
                self.refused = True
                continue
            if key not in self._sent and len(self.signalled) < NAMED:
                name = signal.Signals(number).name.removeprefix("SIG")
                self.signalled.append({"process_id": process.pid, "name": process.name, "signal": name})
            self._sent.add(key)
        return found

    def receipt(self, survived: list[Process]) -> dict[str, Any]:
        """What was done, as it is recorded."""
        return {
            "signalled": self.signalled,
            "seconds": round(self.seconds, 3),
            "survived": [{"process_id": process.pid, "name": process.name} for process in survived[:NAMED]],
        }


def kill_tree(
    run_id: str, *, session: int | None = None, root: int | None = None, grace: float = 5.0
) -> dict[str, Any]:
    """End every process of a run: TERM, `grace` seconds, KILL until nobody is left or 2 s more. Returns the receipt.

    Blocks. `session`: the session's number (its runner's pid); `root`: a living process whose descendants they are.
    """
    sweep = Sweep(run_id, session=session, root=root)
    pause = 0.005
    while True:
        left = sweep.signal(signal.SIGTERM if sweep.seconds < grace else signal.SIGKILL)
        if not left or sweep.seconds > grace + KILL_TIME:
            return sweep.receipt(left)
        time.sleep(min(pause, max(0.001, grace - sweep.seconds)) if sweep.seconds < grace else 0.02)
        pause = min(0.1, pause * 1.5)
