"""What a job's processes use: those that its runner started, and whatever else of it is left."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from core.runner.processes import find_tree, look
from core.service import Usage

from .locks import is_held
from .outcome import Progression, read_spec

#: jobs whose last measurement is kept
_KEPT = 256


@dataclass(slots=True)
class _Known:
    """What stays the same of a job that runs, and its last measurement."""

    run_id: str
    runner: int
    runner_ticks: int
    started: int
    time: int = 0
    cpu: float = 0.0
    #: seconds that the runner had waited for before: it may have had other jobs, and this one's first processes
    before: float = 0.0


class Meter:
    """Measures jobs. Its methods block for some milliseconds: they read /proc."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Known] = OrderedDict()

    def measure(self, id: int, directory: str) -> Usage | None:
        """The use of one job; CPU is that since the last call (the first: since its start). None: it does not run."""
        known = self._known.pop(id, None) or _identify(directory)
        if known is None:
            return None
        runner = look(known.runner)
        if runner is None or runner.start_ticks != known.runner_ticks or not is_held(f"{directory}/lock"):
            return None
        self._known[id] = known
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return _measure(known)


def _identify(directory: str) -> _Known | None:
    spec = read_spec(directory)
    start = Progression(directory).start_record()
    runner = start.get("runner")
    if spec is None or not isinstance(runner, dict):
        return None
    return _Known(spec["run_id"], int(runner["process_id"]), int(runner["start_ticks"]), int(start["started"]))


def _measure(known: _Known) -> Usage:
    import psutil

    now = time.time_ns()
    # Those that have ended are counted by whoever waited for them, in the end by the runner, who is their subreaper.
    cpu, memory, count, reaped = 0.0, 0, 0, 0.0
    members = find_tree(known.run_id, root=known.runner, session=known.runner)
    for pid in [known.runner, *(member.pid for member in members)]:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                if pid == known.runner:
                    reaped = times.children_user + times.children_system
                    continue
                cpu += times.user + times.system + times.children_user + times.children_system
                memory += process.memory_info().rss
                count += 1
        except psutil.Error:
            continue
    if not known.time:
        known.before = reaped
    cpu += reaped - known.before
    since, used = (known.time, known.cpu) if known.time else (known.started, 0.0)
    seconds = max(now - since, 1_000_000) / 1e9
    percent = max(0.0, cpu - used) / seconds * 100
    known.time, known.cpu = now, max(cpu, used)
    return Usage(time=now, cpu_percent=round(percent, 1), memory_bytes=memory, processes=count)
