"""How a job gets its main process where that is a command: with its terminal, its pipes and what it reads."""

from __future__ import annotations

import os

from core.journal.format import STDERR, STDOUT, TERMINAL
from core.runner import spawn
from core.runner.feeding import Feeding
from core.runner.mask import Masker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.job import Job
    from core.runner.spawn import Child
    from core.runner.spec import Launch


def begin_command(job: Job, launch: Launch, *, at_once: bool) -> Child | None:
    """The main process, `at_once` executing or waiting; None, and why in the outcome, if it cannot start. OSError."""
    job.terminal = terminal = spawn.Terminal(*(job.spec.get("size") or (80, 24)))
    job.outputs.add(terminal.master, TERMINAL, is_pipe=False, mask=Masker(job.secrets))
    kind = job.spec.get("stdin") or "terminal"
    stdin = terminal.slave
    if kind == "pipe":
        job.feeding = Feeding(job)
        stdin = job.feeding.reading_end
    elif kind == "none":
        stdin = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    stdout = stderr = _pipe(job, STDOUT)
    if not job.spec.get("merge"):
        stderr = _pipe(job, STDERR)
    try:
        child = (spawn.start if at_once else spawn.fork)(launch, stdin, stdout, stderr)
        terminal.foreground(child.pid)
        return child
    except spawn.NotStarted as error:
        job.outcome.failed_to_start = spawn.complaint(str(error), launch)
        return None
    finally:
        for fd in {stdout, stderr, stdin} - {terminal.slave}:
            os.close(fd)


def _pipe(job: Job, stream: int) -> int:
    """The writing end of a pipe that the job's output comes from."""
    reading, writing = os.pipe()
    job.outputs.add(reading, stream, is_pipe=True, mask=Masker(job.secrets))
    return writing
