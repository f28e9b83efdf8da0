"""`jobdeck jobs`: list jobs, newest first."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from core.model import ORDERS
from core.service import Invalid, Job, JobQuery, Term
from tui import options, outcome, say
from tui.connection import service

_ORDERS = {"desc": True, "descending": True, "newest": True, "asc": False, "ascending": False, "oldest": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of jobs."""
    parser.add_argument("--take", type=int, default=50, metavar="N", help="at most so many (50)")
    parser.add_argument("--before", metavar="ID", help="go on behind this job: the last one already seen")
    parser.add_argument(
        "--status", nargs="+", action="extend", metavar="S", help="only these; Active and Historical stand for several"
    )
    parser.add_argument("--script", action="append", metavar="NAME", help="only jobs of this script; its path with a /")
    parser.add_argument("--identity", action="append", metavar="NAME", help="only jobs that this one started")
    parser.add_argument("--tag", action="append", metavar="TAG", help="only jobs with this tag")
    parser.add_argument("--environment", action="append", metavar="NAME", help="only jobs of this environment")
    parser.add_argument(
        "--text", action="append", metavar="TEXT", help="only jobs with this in script, notes, parameters"
    )
    parser.add_argument("--parent", metavar="ID", help="only jobs that this job started")
    parser.add_argument("--since", metavar="T", help="created since: 2026-11-24T10:00:00Z, 2026-11-24, 2h, 3d")
    parser.add_argument("--until", metavar="T", help="created until")
    parser.add_argument("--order", default="desc", metavar="ORDER", help="desc (newest first) or asc")
    parser.add_argument("--order-by", choices=ORDERS, default="id", help="what the order goes by")
    options.add_json(parser, "a list of jobs as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """List them."""
    if arguments.take < 1 or arguments.take > 10_000_000:
        raise Invalid(f"--take {arguments.take} must be 1 or more.")
    if arguments.order.lower() not in _ORDERS:
        raise Invalid(f"--order {arguments.order!r} must be desc (newest first) or asc.")
    since = options.moment(arguments.since) if arguments.since else None
    until = options.moment(arguments.until) if arguments.until else None
    wanted = options.statuses(arguments.status)
    # One that is given twice means either; different ones mean all.
    given = {field: getattr(arguments, field) for field in ("script", "identity", "tag", "environment", "text")}
    terms = tuple(Term(field, tuple(values)) for field, values in given.items() if values)
    async with service("look") as engine:
        query = JobQuery(
            statuses=wanted,
            terms=terms,
            parent_job=await options.job_id(engine, arguments.parent) if arguments.parent else None,
            since=since,
            until=until,
            order_by=arguments.order_by,
            descending=_ORDERS[arguments.order.lower()],
            take=arguments.take,
            before=await options.job_id(engine, arguments.before) if arguments.before else None,
        )
        page = await engine.jobs(query)
    if arguments.json:
        say.write_json(list(page.jobs))
        return 0
    if page.jobs:
        show(page.jobs, nested=query.order_by == "id")
        if page.more and say.columns() is not None:
            further = f"--before {page.jobs[-1].id}" if query.order_by == "id" else f"--take {2 * query.take}"
            say.tell(f"There are more: jobdeck jobs {further} …")
    elif wanted or since or until or terms or arguments.before or arguments.parent:
        say.tell("No job is like that. `jobdeck jobs` alone lists the newest.")
    else:
        say.tell("There is no job yet. `jobdeck run FILE` runs a script as a job; `jobdeck run --help` tells more.")
    return 0


def show(jobs: tuple[Job, ...], *, nested: bool = True) -> None:
    """The table for people; it fits 80 columns. `nested`: jobs that a job started stand below it, where it is there."""
    placed = list(_placed(jobs)) if nested else [(job, 0) for job in jobs]
    jobs = tuple(job for job, _ in placed)
    rows = [
        (
            f"{outcome.GLYPHS[job.status]} {job.status.name}",
            str(job.id),
            f"{'  ' * (depth - 1)}└ {job.script}" if depth else job.script,
            say.local_time(job.started or job.created),
            say.duration(job.started, job.ended),
            job.identity,
        )
        for job, depth in placed
    ]
    say.table(
        ("  STATUS", "ID", "SCRIPT", "STARTED", "TOOK", "WHO"),
        rows,
        give=2,
        right=frozenset({1, 4}),
        colours=[outcome.COLOURS[job.status] for job in jobs],
    )


def _placed(jobs: tuple[Job, ...]) -> Iterator[tuple[Job, int]]:
    """The jobs with how deep each stands below another of them; children in the order of their start."""
    known = {job.id for job in jobs}
    below: dict[int, list[Job]] = {}
    for job in jobs:
        if job.parent_job in known:
            below.setdefault(job.parent_job, []).append(job)
    waiting = [(job, 0) for job in reversed(jobs) if job.parent_job not in known]
    while waiting:
        job, depth = waiting.pop()
        yield job, depth
        waiting += [(child, depth + 1) for child in sorted(below.get(job.id, ()), key=lambda one: -one.id)]
