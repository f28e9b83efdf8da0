"""How a job gets its PowerShell: one of its own, which starts at once, or the warm one."""

from __future__ import annotations

import os

from core.journal.format import STDERR, STDOUT, TERMINAL
from core.runner.mask import Masker
from core.runner.powershell.shell import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.job import Job
    from core.runner.powershell.hosting import Hosting
    from core.runner.spec import Launch


def begin(job: Job, launch: Launch, shell: Shell | None) -> Hosting:
    """Start a PowerShell for the job, or take the warm one. Raises OSError."""
    columns, rows = job.spec.get("size") or (80, 24)
    warm = shell is not None
    if shell is None:
        stdin = _stdin(job)
        shell = Shell(job.loop, launch, columns, rows, merge=bool(job.spec.get("merge")), stdin=stdin)
        if stdin is not None:
            os.close(stdin)
        # it starts while the job's start goes on record: of the script it knows nothing yet
        shell.open()
    else:
        shell.terminal.resize(columns, rows)
    job.terminal = shell.terminal
    job.outputs.add(shell.terminal.master, TERMINAL, is_pipe=False, mask=Masker(job.secrets))
    job.outputs.add(shell.output, STDOUT, is_pipe=True, mask=Masker(job.secrets))
    if shell.errors != shell.output:
        job.outputs.add(shell.errors, STDERR, is_pipe=True, mask=Masker(job.secrets))
    # loaded while PowerShell starts
    from core.runner.powershell.hosting import Hosting

    return Hosting(job, shell, launch, warm=warm)


def _stdin(job: Job) -> int | None:
    """What the job reads, to be closed here; None: its terminal."""
    kind = job.spec.get("stdin")
    if kind == "pipe":
        from core.runner.feeding import Feeding

        job.feeding = Feeding(job)
        return job.feeding.reading_end
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC) if kind == "none" else None
