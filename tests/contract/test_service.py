"""What every JobService does beside running jobs: scripts it keeps, settings, tokens, the record of acts, changes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.access import Role
from core.journal import format as journal
from core.service import (
    Conflict,
    Event,
    Invalid,
    JobQuery,
    JobService,
    NotFound,
    RunRequest,
    Status,
    Term,
)
from tests.contract.test_jobs import finished, output, until, write

STDOUT = frozenset({journal.STDOUT})


async def take(events: AsyncIterator[Event], kind: str, id: int | None) -> Event:
    """The next event of a thing (None: of any)."""
    async with asyncio.timeout(20):
        async for event in events:
            if event.kind == kind and (id is None or event.id in (id, None)):
                return event
    raise AssertionError("the events ended")


async def test_lines_are_cut_to_a_width_and_tell_their_size(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "w.sh", "echo short; printf '%01000d\\n' 7; echo end\n")))
    await finished(service, job.id)
    page = await service.lines(job.id, 0, 10, STDOUT, width=8)
    assert [(line.data, line.size) for line in page.lines] == [(b"short", 5), (b"0" * 8, 1000), (b"end", 3)]
    tail = await service.lines(job.id, -2, 1, STDOUT, width=4)
    assert [(line.data, line.size) for line in tail.lines] == [(b"0000", 1000)]
    whole = await service.lines(job.id, 1, 1, STDOUT)
    assert (len(whole.lines[0].data), whole.lines[0].size) == (1000, 1000)


async def test_a_line_is_found_by_its_time(service: JobService, scripts: Path) -> None:
    path = write(scripts, "t.sh", "echo a; sleep 0.3; echo b; echo c; sleep 0.3; echo d\n")
    job = await service.run(RunRequest(path=path))
    await finished(service, job.id)
    lines = (await service.lines(job.id, 0, 10, STDOUT)).lines
    assert [line.data for line in lines] == [b"a", b"b", b"c", b"d"]
    # b and c came in one read or in two.
    first = [next(i for i, other in enumerate(lines) if other.time >= line.time) for line in lines]
    assert [await service.line_at(job.id, line.time, STDOUT) for line in lines] == first
    assert await service.line_at(job.id, lines[0].time + 1000, STDOUT) == 1
    assert await service.line_at(job.id, 0, STDOUT) == 0
    assert await service.line_at(job.id, lines[3].time + 1000, STDOUT) == 4


async def test_a_job_keeps_what_it_ran(service: JobService, scripts: Path) -> None:
    path = write(scripts, "c.sh", "echo before\n")
    job = await service.run(RunRequest(path=path))
    await finished(service, job.id)
    write(scripts, "c.sh", "echo after\n")
    assert await service.job_content(job.id) == b"echo before\n"
    assert await service.script_content("c.sh") == b"echo after\n"
    with pytest.raises(NotFound):
        await service.job_content(job.id + 1000)


async def test_a_script_may_be_kept_by_the_service(service: JobService, tmp_path: Path) -> None:
    script = await service.add_script("reports/daily.sh", content=b"echo one\n", description="d")
    assert (script.name, script.description) == ("reports/daily.sh", "d")
    assert Path(script.path).is_relative_to(tmp_path / "home" / "scripts")
    assert await service.script_content("reports/daily.sh") == b"echo one\n"
    first = await finished(service, (await service.run(RunRequest(script="reports/daily.sh"))).id)
    assert await output(service, first.id) == b"one\n"

    changed = await service.change_script(script.id, content=b"echo two\n", notes="n")
    assert changed.notes == "n" and changed.changed > script.changed
    second = await finished(service, (await service.run(RunRequest(script=script.id))).id)
    assert await output(service, second.id) == b"two\n"
    assert await service.job_content(first.id) == b"echo one\n"

    with pytest.raises(Conflict):
        await service.add_script("reports/daily.sh", content=b"other\n")
    assert await service.script_content(script.id) == b"echo two\n"
    await service.remove_script(script.id)
    assert not os.path.exists(script.path)
    with pytest.raises(NotFound):
        await service.script("reports/daily.sh")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../out.sh", "a/../../out.sh", "a//b", "a/ b", "x" * 300, "a\nb"])
async def test_a_kept_script_stays_where_it_belongs(service: JobService, name: str) -> None:
    with pytest.raises(Invalid):
        await service.add_script(name, content=b"true\n")


async def test_a_file_of_its_own_is_not_written_over(service: JobService, scripts: Path) -> None:
    script = await service.add_script(write(scripts, "own.sh", "true\n"))
    with pytest.raises(Invalid, match="Edit the file"):
        await service.change_script(script.id, content=b"false\n")
    assert (scripts / "own.sh").read_text() == "true\n"


async def test_usage_tells_what_a_running_job_uses(service: JobService, scripts: Path) -> None:
    # A child in a session of its own, and one that burns: both belong to the job.
    path = write(scripts, "u.sh", "setsid sleep 1000 &\nwhile :; do :; done\n")
    job = await service.run(RunRequest(path=path))
    async with asyncio.timeout(20):
        while (use := await service.usage(job.id)) is None or use.processes < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        # The processor's time is told in hundredths of seconds.
        while (use := await service.usage(job.id)) is None or use.cpu_percent < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert use.memory_bytes > 100_000 and abs(use.time - time.time_ns()) < 10**10
    await service.cancel(job.id)
    await finished(service, job.id)
    assert await service.usage(job.id) is None


async def test_statistics_tell_how_scripts_went(service: JobService, scripts: Path) -> None:
    good = await service.add_script(write(scripts, "good.sh", "true\n"))
    bad = await service.add_script(write(scripts, "bad.sh", "exit 1\n"))
    never = await service.add_script(write(scripts, "never.sh", "true\n"))
    for script in (good, good, bad):
        last = await finished(service, (await service.run(RunRequest(script=script.id))).id)
    found = {each.script_id: each for each in await service.script_statistics()}
    assert (found[good.id].jobs, found[good.id].succeeded, found[good.id].failed) == (2, 2, 0)
    told = found[bad.id]
    assert (told.jobs, told.succeeded, told.failed, told.last_job) == (1, 0, 1, last.id)
    assert told.last_status is Status.Failed and told.last_ended == last.ended
    assert told.seconds is not None and 0 < told.seconds < 30
    assert (found[never.id].jobs, found[never.id].last_job, found[never.id].seconds) == (0, None, None)
    await service.delete(last.id)
    found = {each.script_id: each for each in await service.script_statistics()}
    assert (found[bad.id].jobs, found[bad.id].last_job) == (0, None)


async def test_counts_follow_every_change(service: JobService, scripts: Path) -> None:
    path = write(scripts, "n.sh", "jobdeck-job ask x\n")
    assert await service.counts() == {}
    job = await service.run(RunRequest(path=path))
    await until(service, job.id, Status.WaitingOnFeedback)
    assert await service.counts() == {Status.WaitingOnFeedback: 1}
    await service.cancel(job.id)
    await finished(service, job.id)
    done = await finished(service, (await service.run(RunRequest(path=write(scripts, "o.sh", "true\n")))).id)
    assert await service.counts() == {Status.Canceled: 1, Status.Completed: 1}
    assert await service.count(JobQuery(statuses=frozenset({Status.Historical}))) == 2
    assert await service.count(JobQuery(statuses=frozenset({Status.Completed}))) == 1
    assert await service.count(JobQuery(terms=(Term("script", ("o.sh",)),))) == 1
    await service.delete(done.id)
    assert await service.counts() == {Status.Canceled: 1}


async def test_jobs_are_found_by_their_run(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "r.sh", "true\n")))
    found = await service.jobs(JobQuery(terms=(Term("run_id", (job.run_id,)),)))
    assert [each.id for each in found.jobs] == [job.id]


async def test_settings_are_told_and_changed(service: JobService, tmp_path: Path) -> None:
    before = {setting.name: setting for setting in await service.settings()}
    assert (before["max_running"].value, before["max_running"].origin) == (100, "default")
    file = tmp_path / "home" / "config.toml"
    file.write_text("# mine\nmax_running = 7 # few\n")
    changed = {setting.name: setting for setting in await service.change_settings(max_running=3, cancel_grace=1.5)}
    assert (changed["max_running"].value, changed["max_running"].origin) == (3, "file")
    assert changed["cancel_grace"].value == 1.5
    assert file.read_text() == "# mine\nmax_running = 3 # few\ncancel_grace = 1.5\n"
    assert (await service.status()).max_running == 3
    back = {setting.name: setting for setting in await service.change_settings(max_running=None)}
    assert (back["max_running"].value, back["max_running"].origin) == (100, "default")
    assert file.read_text() == "# mine\ncancel_grace = 1.5\n"
    for wrong in ({"max_running": 0}, {"max_running": "many"}, {"max_running": 1.5}, {"nonsense": 1}):
        with pytest.raises(Invalid):
            await service.change_settings(**wrong)
    assert file.read_text() == "# mine\ncancel_grace = 1.5\n"


async def test_tokens_are_granted_listed_and_revoked(service: JobService) -> None:
    token = await service.grant_token("ada", Role.Operator, description="for ada", scripts=("a.sh",), tags=("t",))
    assert token.token is not None and token.token.startswith("jobdeck_") and len(token.token) >= 51
    assert token.expires is not None and token.expires - token.created == 365 * 86_400 * 10**9
    again = await service.grant_token("ada", Role.Operator)
    assert again.token != token.token
    listed = [each for each in await service.tokens() if each.identity == "ada"]
    assert [(each.id, each.identity, each.role, each.token) for each in listed] == [
        (token.id, "ada", Role.Operator, None),
        (again.id, "ada", Role.Operator, None),
    ]
    assert (listed[0].description, listed[0].scripts, listed[0].tags) == ("for ada", ("a.sh",), ("t",))
    revoked = await service.revoke_token(token.id)
    assert revoked.revoked is not None and revoked.token is None
    with pytest.raises(Conflict):
        await service.revoke_token(token.id)
    with pytest.raises(NotFound):
        await service.revoke_token(999)
    with pytest.raises(Invalid):
        await service.grant_token("ada", Role.Reader, expires=1)
    with pytest.raises(Invalid):
        await service.grant_token(" ", Role.Reader)


async def test_every_act_is_on_record(service: JobService, scripts: Path) -> None:
    began = time.time_ns()
    script = await service.add_script(write(scripts, "a.sh", "jobdeck-job ask --secret Password\n"))
    await service.change_script(script.id, notes="x")
    job = await service.run(RunRequest(script=script.id))
    await until(service, job.id, Status.WaitingOnFeedback)
    await service.answer(job.id, "my-secret-answer")
    await finished(service, job.id)
    with pytest.raises(Conflict):
        await service.cancel(job.id)
    again = await service.rerun(job.id)
    await until(service, again.id, Status.WaitingOnFeedback)
    await service.cancel(again.id)
    await finished(service, again.id)
    await service.delete(job.id)
    token = await service.grant_token("ada", Role.Reader)
    await service.revoke_token(token.id)
    await service.change_settings(max_running=50)
    await service.remove_script(script.id)

    entries = await service.audit(take=100, since=began)
    assert [entry.action for entry in reversed(entries)] == [
        "add_script", "change_script", "run", "answer", "cancel", "rerun", "cancel", "delete", "grant_token",
        "revoke_token", "change_settings", "remove_script",
    ]  # fmt: skip
    assert {entry.outcome for entry in entries if entry.action != "cancel"} == {"done"}
    refused = next(entry for entry in reversed(entries) if entry.action == "cancel")
    assert "finished already" in refused.outcome
    ran = next(entry for entry in entries if entry.action == "run")
    assert ran.target == f"job {job.id} (a.sh)" and ran.identity == job.identity and ran.role == "Administrator"
    assert "my-secret-answer" not in repr(entries) and str(token.token) not in repr(entries)
    assert [entry.action for entry in await service.audit(take=2)] == ["remove_script", "change_settings"]
    assert await service.audit(since=time.time_ns()) == []


async def test_a_request_with_a_key_is_done_once(service: JobService, scripts: Path) -> None:
    path = write(scripts, "k.sh", "echo ran\n")
    first = await service.run(RunRequest(path=path, key="order-17"))
    many = await asyncio.gather(*(service.run(RunRequest(path=path, key="order-17")) for _ in range(5)))
    assert {job.id for job in many} == {first.id}
    at_once = await asyncio.gather(*(service.run(RunRequest(path=path, key="order-18")) for _ in range(5)))
    assert len({job.id for job in at_once}) == 1
    other = await service.run(RunRequest(path=path))
    assert len({first.id, at_once[0].id, other.id}) == 3
    assert await service.count(JobQuery()) == 3
    with pytest.raises(Invalid):
        await service.run(RunRequest(path=path, key="x" * 300))


async def test_cancelling_a_job_cancels_what_it_started(service: JobService, scripts: Path) -> None:
    path = write(scripts, "p.sh", "sleep 1000\n")
    parent = await service.run(RunRequest(path=path))
    child = await service.run(RunRequest(path=path, parent_job=parent.id, source="job"))
    grandchild = await service.run(RunRequest(path=path, parent_job=child.id, parent_line_number=3, source="job"))
    other = await service.run(RunRequest(path=path))
    for job in (parent, child, grandchild, other):
        await until(service, job.id, Status.Running)
    assert (await service.job(grandchild.id)).parent_line_number == 3
    assert [job.id for job in (await service.jobs(JobQuery(parent_job=parent.id))).jobs] == [child.id]
    await service.cancel(parent.id)
    for job in (parent, child, grandchild):
        assert (await finished(service, job.id)).status is Status.Canceled
    assert (await service.job(other.id)).status is Status.Running
    with pytest.raises(Conflict, match="being cancelled"):
        await service.run(RunRequest(path=path, parent_job=parent.id))
    await service.cancel(other.id)
    await finished(service, other.id)


async def test_children_may_be_left_alone(service: JobService, scripts: Path) -> None:
    path = write(scripts, "p.sh", "sleep 1000\n")
    await service.add_script(path, cancel_children=False)
    parent = await service.run(RunRequest(path=path))
    child = await service.run(RunRequest(path=path, parent_job=parent.id, source="job"))
    for job in (parent, child):
        await until(service, job.id, Status.Running)
    await service.cancel(parent.id)
    await finished(service, parent.id)
    # Long enough for a leader's look at its jobs.
    assert (await service.wait(child.id, 1.5)).status is Status.Running
    await service.cancel(child.id)
    await finished(service, child.id)


async def test_children_of_a_job_that_timed_out_are_cancelled(service: JobService, scripts: Path) -> None:
    path = write(scripts, "p.sh", "sleep 1000\n")
    parent = await service.run(RunRequest(path=path, timeout=1))
    child = await service.run(RunRequest(path=path, parent_job=parent.id, source="job"))
    assert (await finished(service, parent.id)).status is Status.TimedOut
    assert (await finished(service, child.id)).status is Status.Canceled


async def test_a_job_that_waits_for_its_children_gets_them_whatever_the_limit(
    service: JobService, scripts: Path
) -> None:
    await service.change_settings(max_running=1)
    path = write(scripts, "w.sh", "jobdeck-job ask x\n")
    parent = await service.run(RunRequest(path=path))
    await until(service, parent.id, Status.WaitingOnFeedback)
    stranger = await service.run(RunRequest(path=path))
    children = [await service.run(RunRequest(path=path, parent_job=parent.id)) for _ in range(2)]
    grandchild = await service.run(RunRequest(path=path, parent_job=children[0].id))
    for job in (children[0], grandchild):
        await until(service, job.id, Status.WaitingOnFeedback)
    # One child at a time: the limit is still one.
    waiting = [await service.job(job.id) for job in (stranger, children[1])]
    assert [job.status for job in waiting] == [Status.Queued] * 2
    assert all("max_running" in (job.queue_reason or "") for job in waiting)
    for job in (grandchild, children[0]):
        await service.answer(job.id, "go")
        await finished(service, job.id)
    await until(service, children[1].id, Status.WaitingOnFeedback)
    assert (await service.job(stranger.id)).status is Status.Queued
    await service.cancel(parent.id)
    for job in (parent, children[1]):
        await finished(service, job.id)
    await until(service, stranger.id, Status.WaitingOnFeedback)
    await service.cancel(stranger.id)
    await finished(service, stranger.id)


async def test_jobs_start_jobs_so_deep_and_no_deeper(service: JobService, scripts: Path) -> None:
    await service.change_settings(max_depth=2)
    path = write(scripts, "d.sh", "true\n")
    first = await service.run(RunRequest(path=path, identity="ada"))
    second = await service.run(RunRequest(path=path, parent_job=first.id))
    third = await service.run(RunRequest(path=path, parent_job=second.id))
    assert (second.identity, third.identity) == ("ada", "ada")
    with pytest.raises(Conflict, match="max_depth"):
        await service.run(RunRequest(path=path, parent_job=third.id))
    with pytest.raises(Invalid):
        await service.run(RunRequest(path=path, parent_job=10**6))
    assert await service.count(JobQuery()) == 3


async def test_events_tell_of_each_thing_and_go_on_where_they_were(service: JobService, scripts: Path) -> None:
    events = service.events()
    started = asyncio.create_task(take(events, "script", None))
    await asyncio.sleep(0.3)
    script = await service.add_script(write(scripts, "e.sh", "true\n"))
    seen = await started
    assert seen.id == script.id
    job = await service.run(RunRequest(script=script.id))
    ran = await take(events, "job", job.id)
    await finished(service, job.id)
    assert ran.sequence > seen.sequence
    await events.aclose()  # type: ignore[attr-defined]

    # Somebody who was away is told what he missed, the deletion too.
    await service.delete(job.id)
    await service.change_settings(max_running=20)
    later = service.events(since=ran.sequence)
    gone = await take(later, "job", job.id)
    setting = await take(later, "setting", None)
    assert ran.sequence < gone.sequence < setting.sequence
    await later.aclose()  # type: ignore[attr-defined]


async def test_events_tell_that_a_job_went_on(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "q.sh", "jobdeck-job ask x\n")))
    await until(service, job.id, Status.WaitingOnFeedback)
    events = service.events()
    told = asyncio.create_task(take(events, "job", job.id))
    await asyncio.sleep(0.3)
    await service.answer(job.id, "go")
    await told
    await finished(service, job.id)
    await events.aclose()  # type: ignore[attr-defined]


async def test_many_listeners_miss_nothing(service: JobService, scripts: Path) -> None:
    path = write(scripts, "m.sh", "true\n")
    begin = (await service.run(RunRequest(path=path))).id
    start = service.events()
    waiting = asyncio.create_task(take(start, "job", None))
    await asyncio.sleep(0.3)
    first = await service.run(RunRequest(path=path))
    since = (await waiting).sequence - 1
    await start.aclose()  # type: ignore[attr-defined]
    wanted = {first.id} | {(await service.run(RunRequest(path=path))).id for _ in range(10)}

    async def listen() -> set[int]:
        heard: set[int] = set()
        events = service.events(since=since)
        last = since
        async for event in events:
            assert event.sequence > last
            last = event.sequence
            if event.kind == "job" and event.id is not None:
                heard.add(event.id)
            if heard >= wanted:
                break
        await events.aclose()  # type: ignore[attr-defined]
        return heard - {begin}

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(listen() for _ in range(8))) == [wanted] * 8
