"""What a finished job means to a shell: an exit code, and a sentence where the code does not say enough."""

from __future__ import annotations

from core.service import Job, Status

#: glyph of each status, for people; the word always stands beside it
GLYPHS = {
    Status.Queued: "○",
    Status.Running: "●",
    Status.Completed: "✓",
    Status.Failed: "✗",
    Status.WaitingOnFeedback: "?",
    Status.Canceled: "■",
    Status.Canceling: "◌",
    Status.TimedOut: "◷",
    Status.Warning: "!",
    Status.Error: "‼",
}
#: SGR colour of each status
COLOURS = {
    Status.Queued: "2",
    Status.Running: "36",
    Status.Completed: "32",
    Status.Failed: "31",
    Status.WaitingOnFeedback: "35;1",
    Status.Canceled: "33",
    Status.Canceling: "33",
    Status.TimedOut: "31",
    Status.Warning: "33",
    Status.Error: "31",
}


def exit_code(job: Job) -> int:
    """The job's own code; without one Canceled 130, TimedOut 124, 128+n for signal n, Failed or lost 1."""
    if job.exit_code is not None and (job.exit_code or job.status is not Status.Failed):
        return job.exit_code & 0xFF
    if job.status is Status.Canceled:
        return 130
    if job.status is Status.TimedOut:
        return 124
    if job.signal:
        return 128 + job.signal
    return 1 if job.status is Status.Failed else 0


def sentence(job: Job) -> str:
    """How the job ended, or what it does now, in one sentence."""
    said = f"Job {job.id} {'is' if not job.status.finished else 'ended:'} {job.status.name}"
    why = job.reason
    if why and why.startswith("It "):
        why = f"it {why[3:]}"
    if not why and job.signal:
        why = f"signal {job.signal} ended it"
    elif not why and job.exit_code:
        why = f"exit code {job.exit_code}"
    if not why and not job.status.finished:
        why = job.queue_reason
    said = f"{said}: {why}" if why and not job.status.finished else f"{said}, {why}" if why else said
    return said if said.endswith((".", "!", "?")) else said + "."


def surprising(job: Job) -> bool:
    """Whether the exit code alone does not tell why the job ended."""
    if job.status in (Status.Canceled, Status.TimedOut):
        return True
    return job.status is Status.Failed and (job.exit_code is None or job.exit_code == 0)
