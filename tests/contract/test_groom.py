"""Grooming, over every implementation: what goes, what stays, and what is told of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.config import Settings
from core.engine.paths import job_directory
from core.service import JobQuery, JobService, NotFound, RunRequest
from tests.contract.test_jobs import finished, write
from tests.old_jobs import copies


async def numbers(service: JobService) -> set[int]:
    """The numbers of all jobs."""
    return {job.id for job in (await service.jobs(JobQuery(take=10_000))).jobs}


async def template(service: JobService, scripts: Path, name: str = "t.sh") -> int:
    """A job that has just ended."""
    job = await service.run(RunRequest(path=write(scripts, name, "echo hello\n")))
    await finished(service, job.id)
    return job.id


async def test_jobs_that_are_too_old_go_and_are_told(service: JobService, settings: Settings, scripts: Path) -> None:
    young = await template(service, scripts)
    old = copies(settings, young, 5, days=31)
    kept = copies(settings, young, 3, days=29)
    looked = await service.groom(dry=True)
    assert (looked.jobs, looked.by_age, looked.first, looked.last) == (5, 5, old[0], old[-1])
    assert looked.dry and not looked.more and looked.waits is None
    assert await numbers(service) == {young, *old, *kept}
    gone = await service.groom()
    assert (gone.jobs, gone.by_age, gone.by_history, gone.first, gone.last) == (5, 5, 0, old[0], old[-1])
    assert gone.bytes >= 5 * 4096 and not gone.dry
    assert await numbers(service) == {young, *kept}
    with pytest.raises(NotFound):
        await service.job(old[0])
    assert not any(os.path.exists(job_directory(settings.data_directory, id)) for id in old)
    assert (await service.groom()).jobs == 0
    entry = next(entry for entry in await service.audit() if entry.action == "groom")
    assert entry.outcome == "done" and f"5 jobs from {old[0]} to {old[-1]}" in entry.target
    assert "ended more than 30 days ago" in entry.target


async def test_a_script_keeps_as_many_as_it_says(service: JobService, settings: Settings, scripts: Path) -> None:
    first, other = await template(service, scripts), await template(service, scripts, "other.sh")
    mine = copies(settings, first, 8, days=2)
    others = copies(settings, other, 8, days=2)
    # The one that has just ended counts among those that are kept.
    await service.change_script("t.sh", max_history=3)
    assert (await service.script("t.sh")).max_history == 3
    gone = await service.groom()
    assert (gone.jobs, gone.by_history) == (5, 5)
    # `first` has the least number, but ended a moment ago: whoever waits for it still has to read it.
    assert await numbers(service) == {first, other, *mine[5:], *others}
    await service.change_script("other.sh", max_history=0)
    assert (await service.groom()).jobs == 0


async def test_nothing_goes_where_jobs_are_kept_for_ever(
    service: JobService, settings: Settings, scripts: Path
) -> None:
    young = await template(service, scripts)
    old = copies(settings, young, 3, days=2000)
    await service.change_settings(retention_days=0)
    assert (await service.groom(dry=True)).jobs == (await service.groom()).jobs == 0
    assert await numbers(service) == {young, *old}


async def test_what_is_unfinished_and_what_has_running_children_stays(
    service: JobService, settings: Settings, scripts: Path
) -> None:
    young = await template(service, scripts)
    parent, childless = copies(settings, young, 2, days=40)
    child = await service.run(RunRequest(path=write(scripts, "c.sh", "read x\n"), parent_job=parent))
    asks = await service.run(RunRequest(path=write(scripts, "c.sh", "read x\n")))
    gone = await service.groom()
    assert (gone.jobs, gone.first) == (1, childless)
    assert await numbers(service) == {young, parent, child.id, asks.id}
    for job in (child, asks):
        await service.cancel(job.id)
        await finished(service, job.id)
    assert (await service.groom()).first == parent
    assert await numbers(service) == {young, child.id, asks.id}
