"""`jobdeck job`: everything about one job."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from core.json_shapes import parameter_value, rfc3339
from core.service import Job, JobQuery
from tui import options, outcome, say
from tui.connection import service
from tui.question import brief

#: so many of a job's children are told one by one
_CHILDREN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of job."""
    options.add_id(parser)
    options.add_json(parser, "the job as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    async with service("look") as engine:
        job = await engine.job(await options.job_id(engine, arguments.id))
        children: tuple[Job, ...] = ()
        if job.children and not arguments.json:
            children = (await engine.jobs(JobQuery(parent_job=job.id, descending=False, take=_CHILDREN))).jobs
        asked = ""
        if job.feedback is not None and not arguments.json:
            asked = next((brief(each) for each in await engine.feedback(job.id) if not each.complete), "")
    if arguments.json:
        say.write_json(job)
    else:
        show(job, children, asked)
    return 0


def show(job: Job, children: Sequence[Job] = (), asked: str = "") -> None:
    """The facts of a job for people; `children`: the first of the jobs that it started; `asked`: its open question."""
    progress = [job.activity, job.status_description, job.current_operation]
    percent = None if job.percent_complete is None else f"{job.percent_complete:.0f}%"
    receipt = job.receipt or {}
    say.facts(
        [
            ("Job", job.id),
            ("Status", f"{outcome.GLYPHS[job.status]} {job.status.name}"),
            ("Reason", job.reason),
            ("Queued", job.queue_reason),
            ("Exit code", job.exit_code),
            ("Signal", job.signal),
            ("Script", job.script),
            ("Path", job.script_path),
            ("Environment", job.environment),
            ("Parameters", "\n".join(f"{name} = {_value(value)}" for name, value in job.parameters.items())),
            ("Directory", job.working_directory),
            ("Who", f"{job.identity} on {job.computer_name}" if job.computer_name else job.identity),
            ("Created", rfc3339(job.created)),
            ("Started", rfc3339(job.started)),
            ("Ended", rfc3339(job.ended)),
            ("Took", say.duration(job.started, job.ended)),
            ("Process", None if job.status.finished else job.process_id),
            ("Progress", " ".join(part for part in [percent, *progress] if part) or None),
            ("Asks", asked),
            ("Waits for", f"an answer: jobdeck answer {job.id}" if job.feedback is not None else None),
            ("Timeout", f"{job.timeout:g} s" if job.timeout else None),
            ("Attempt", job.attempt if job.attempt > 1 else None),
            ("Rerun of", job.rerun_of),
            ("Parent job", _parent(job)),
            ("Children", _children(job, children)),
            ("Output", f"{job.bytes} bytes in {job.records} records"),
            ("Objects", job.objects or None),
            ("Errors", job.errors or None),
            ("Warnings", job.warnings or None),
            ("Content", job.content_hash),
            ("Git commit", job.git_commit),
            ("Tags", ", ".join(job.tags)),
            ("Notes", job.notes),
            ("Signalled", _processes(receipt.get("signalled"))),
            ("Survived", _processes(receipt.get("survived"))),
            ("Remarks", "\n".join(job.remarks)),
            ("Run id", job.run_id),
        ]
    )


def _parent(job: Job) -> str | None:
    if job.parent_job is None:
        return None
    return f"{job.parent_job}, line {job.parent_line_number}" if job.parent_line_number else str(job.parent_job)


def _children(job: Job, children: Sequence[Job]) -> str:
    """Each child on a line of its own, as far as they are given; of the others the number."""
    lines = [
        f"{child.id}  {outcome.GLYPHS[child.status]} {child.status.name}  {child.script}"
        + (f"  (line {child.parent_line_number})" if child.parent_line_number else "")
        for child in children
    ]
    if len(job.children) > len(lines):
        lines.append(f"and {len(job.children) - len(lines)} more: jobdeck jobs --parent {job.id}")
    return "\n".join(lines)


def _value(value: object) -> str:
    value = parameter_value(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _processes(processes: object) -> str:
    if not isinstance(processes, (list, tuple)):
        return ""
    return ", ".join(
        f"{process.get('name')} {process.get('process_id')} {process.get('signal', '')}".rstrip()
        for process in processes
        if isinstance(process, dict)
    )
