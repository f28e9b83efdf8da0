"""What every JobService does: jobs run, end truthfully and can be looked up."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.journal import format as journal
from core.service import (
    Conflict,
    Environment,
    Invalid,
    Job,
    JobQuery,
    JobService,
    NotFound,
    RunRequest,
    Status,
    Term,
)


def write(directory: Path, name: str, text: str) -> str:
    path = directory / name
    path.write_text(text)
    return str(path)


async def finished(service: JobService, id: int) -> Job:
    job = await service.wait(id, 30)
    assert job.status.finished, job
    return job


async def output(service: JobService, id: int, *streams: int) -> bytes:
    wanted = frozenset(streams or (journal.STDOUT,))
    return b"".join([record.data async for record in service.records(id, streams=wanted)])


async def until(service: JobService, id: int, status: Status, feedback: int | None = None) -> Job:
    async with asyncio.timeout(20):
        while True:
            job = await service.job(id)
            if job.status is status and feedback in (None, job.feedback):
                return job
            assert not job.status.finished, job
            await asyncio.sleep(0.01)


async def test_a_script_runs_and_its_end_is_told(service: JobService, scripts: Path) -> None:
    path = write(scripts, "hello.sh", "echo out; echo err >&2; exit 7\n")
    job = await service.run(RunRequest(path=path, current_directory=str(scripts)))
    assert job.id > 0 and job.script == "hello.sh" and job.environment.lower() in ("bash", "sh")
    job = await finished(service, job.id)
    assert (job.status, job.exit_code, job.signal) == (Status.Failed, 7, None)
    assert await output(service, job.id) == b"out\n"
    assert await output(service, job.id, journal.STDERR) == b"err\n"
    assert job.created <= (job.started or 0) <= (job.ended or 0)
    assert job.script_path == path and len(job.content_hash) == 64


async def test_success_is_completed(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "ok.sh", "true\n")))
    job = await finished(service, job.id)
    assert (job.status, job.exit_code) == (Status.Completed, 0)


async def test_a_signal_is_told(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "sig.sh", "kill -SEGV $$\n")))
    job = await finished(service, job.id)
    assert (job.status, job.exit_code, job.signal) == (Status.Failed, None, 11)


async def test_parameters_are_checked_before_anything_starts(service: JobService, scripts: Path) -> None:
    path = write(scripts, "p.py", "def main(days: int, path: str = '.'):\n    print(days + 1, path)\n")
    with pytest.raises(Invalid, match="days"):
        await service.run(RunRequest(path=path))
    with pytest.raises(Invalid, match="many"):
        await service.run(RunRequest(path=path, parameters={"days": "many"}))
    with pytest.raises(Invalid, match="pth"):
        await service.run(RunRequest(path=path, parameters={"days": "1", "pth": "x"}))
    assert (await service.jobs(JobQuery())).jobs == ()
    job = await service.run(RunRequest(path=path, parameters={"days": "41"}))
    assert (await finished(service, job.id)).parameters == {"days": 41, "path": "."}
    assert await output(service, job.id) == b"42 .\n"


async def test_missing_and_wrong_files_are_told(service: JobService, scripts: Path) -> None:
    for request in (
        RunRequest(path="nowhere.sh"),
        RunRequest(path=str(scripts)),
        RunRequest(script="nothing"),
        RunRequest(),
    ):
        with pytest.raises(Invalid):
            await service.run(request)
    for call in (service.job(99), service.wait(99), service.cancel(99), service.rerun(99), service.delete(99)):
        with pytest.raises(NotFound, match="99"):
            await call
    with pytest.raises(NotFound):
        await anext(service.records(99))


async def test_the_output_can_be_followed_while_it_is_written(service: JobService, scripts: Path) -> None:
    marker = scripts / "go"
    path = write(scripts, "slow.sh", f"echo first; until [ -e {marker} ]; do sleep 0.02; done; echo last\n")
    job = await service.run(RunRequest(path=path))
    seen: list[bytes] = []
    async with asyncio.timeout(20):
        async for record in service.records(job.id, streams=frozenset({journal.STDOUT}), follow=True):
            seen.append(record.data)
            if len(seen) == 1:
                assert (await service.job(job.id)).status is Status.Running
                marker.touch()
    assert b"".join(seen) == b"first\nlast\n"


async def test_questions_are_answered_once(service: JobService, scripts: Path) -> None:
    path = write(
        scripts,
        "ask.py",
        "import jobdeck\nprint('got', jobdeck.ask('Name?'), jobdeck.ask('Go?', choices=['&Yes', '&No']))\n",
    )
    job = await service.run(RunRequest(path=path))
    waiting = await until(service, job.id, Status.WaitingOnFeedback)
    assert waiting.feedback == 1
    (question,) = await service.feedback(job.id)
    assert question.message == "Name?" and not question.complete
    await service.answer(job.id, "Eve")
    await until(service, job.id, Status.WaitingOnFeedback, feedback=2)
    with pytest.raises(Conflict, match="answered"):
        await service.answer(job.id, "Eve", feedback=1)
    with pytest.raises(Invalid, match="Yes"):
        await service.answer(job.id, "perhaps")
    await service.answer(job.id, "n")
    job = await finished(service, job.id)
    assert job.status is Status.Completed
    assert await output(service, job.id) == b"got Eve No\n"
    assert [question.response for question in await service.feedback(job.id)] == ["Eve", "No"]
    with pytest.raises(Conflict):
        await service.answer(job.id, "again")


async def test_a_question_with_fields(service: JobService, scripts: Path) -> None:
    path = write(
        scripts,
        "fields.py",
        """
import json, os, socket
channel = socket.socket(socket.AF_UNIX)
channel.connect(os.environ["JOBDECK_CHANNEL"])
fields = ["User", {"name": "Port", "type": "integer", "default": 22}, {"name": "Password", "type": "secret"}]
question = {"type": "ask", "message": "Log in", "caption": "To db1", "fields": fields}
channel.sendall(json.dumps(question).encode() + b"\\n")
print(json.loads(channel.makefile().readline())["answer"]["Port"])
""",
    )
    job = await service.run(RunRequest(path=path))
    await until(service, job.id, Status.WaitingOnFeedback)
    (question,) = await service.feedback(job.id)
    assert question.caption == "To db1" and not question.choices and not question.multiple
    assert [(field.name, field.type, field.default) for field in question.fields] == [
        ("User", "string", None),
        ("Port", "integer", "22"),
        ("Password", "secret", None),
    ]
    with pytest.raises(Invalid, match="NAME=VALUE"):
        await service.answer(job.id, "root")
    with pytest.raises(Invalid, match="whole number"):
        await service.answer(job.id, fields={"Port": "many"})
    await service.answer(job.id, fields={"User": "root", "Password": "open-sesame"})
    job = await finished(service, job.id)
    assert await output(service, job.id) == b"22\n"
    (question,) = await service.feedback(job.id)
    assert question.complete and question.response is not None
    assert json.loads(question.response) == {"User": "root", "Port": "22", "Password": None}


async def test_a_secret_answer_is_nowhere(service: JobService, scripts: Path, tmp_path: Path) -> None:
    path = write(scripts, "s.py", "import jobdeck\nprint(len(jobdeck.ask('Password?', secret=True)))\n")
    job = await service.run(RunRequest(path=path))
    await until(service, job.id, Status.WaitingOnFeedback)
    await service.answer(job.id, "hunter2-and-more")
    await finished(service, job.id)
    assert await output(service, job.id) == b"16\n"
    (question,) = await service.feedback(job.id)
    assert question.secret and question.complete and question.response is None
    for file in (tmp_path / "home").rglob("*"):
        if file.is_file() and not file.is_socket():
            assert b"hunter2" not in file.read_bytes(), file


async def test_cancel_ends_the_job_and_leaves_a_receipt(service: JobService, scripts: Path) -> None:
    text = 'sleep 1000 & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; echo ready; wait\n'
    job = await service.run(RunRequest(path=write(scripts, "long.sh", text)))
    async for record in service.records(job.id, streams=frozenset({journal.STDOUT}), follow=True):
        assert record.data == b"ready\n"
        break
    await service.cancel(job.id, identity="eve")
    job = await finished(service, job.id)
    assert job.status is Status.Canceled
    assert (
        job.receipt and "sleep" in {entry["name"] for entry in job.receipt["signalled"]} and not job.receipt["survived"]
    )
    with pytest.raises(Conflict):
        await service.cancel(job.id)


async def test_cancel_while_waiting_for_an_answer(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "a.py", "import jobdeck\njobdeck.ask('?')\n")))
    await until(service, job.id, Status.WaitingOnFeedback)
    await service.cancel(job.id)
    assert (await finished(service, job.id)).status is Status.Canceled


async def test_a_timeout_ends_the_job(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "t.sh", "sleep 1000\n"), timeout=0.2))
    assert (await finished(service, job.id)).status is Status.TimedOut


async def test_objects_errors_warnings_and_progress(service: JobService, scripts: Path) -> None:
    text = (
        "import jobdeck\njobdeck.emit({'a': 1})\njobdeck.emit([1, 2])\njobdeck.warn('careful')\n"
        "jobdeck.error('broken')\njobdeck.progress(50, 'half')\n"
    )
    job = await service.run(RunRequest(path=write(scripts, "o.py", text)))
    job = await finished(service, job.id)
    assert (job.status, job.exit_code) == (Status.Error, 0)
    assert (job.objects, job.errors, job.warnings, job.activity, job.percent_complete) == (2, 1, 1, "half", 50)
    assert [found.data for found in await service.objects(job.id)] in ([b'{"a":1}', b"[1,2]"], [b'{"a": 1}', b"[1, 2]"])
    assert [found.data for found in await service.objects(job.id, 1, 5)] in ([b"[1,2]"], [b"[1, 2]"])
    (error,) = await service.errors(job.id)
    assert error.message == "broken"


async def test_an_uncaught_exception_is_failed_with_its_record(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "x.py", "raise ValueError('no')\n")))
    job = await finished(service, job.id)
    assert (job.status, job.exit_code, job.errors) == (Status.Failed, 1, 1)
    (error,) = await service.errors(job.id)
    assert "no" in error.message and "ValueError" in error.exception_type
    assert b"Traceback" in await output(service, job.id, journal.STDERR)


async def test_rerun_takes_the_same_parameters(service: JobService, scripts: Path) -> None:
    path = write(scripts, "r.py", "def main(n: int):\n    print(n)\n")
    first = await finished(service, (await service.run(RunRequest(path=path, parameters={"n": "5"}))).id)
    again = await finished(service, (await service.rerun(first.id)).id)
    assert again.id != first.id and again.rerun_of == first.id and again.attempt == 2
    assert again.parameters == {"n": 5} and await output(service, again.id) == b"5\n"


async def test_delete_takes_finished_jobs_only(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "d.sh", "sleep 1000\n")))
    with pytest.raises(Conflict):
        await service.delete(job.id)
    await service.cancel(job.id)
    await finished(service, job.id)
    await service.delete(job.id)
    with pytest.raises(NotFound):
        await service.job(job.id)


async def test_piped_input_reaches_the_job_with_its_end(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "c.sh", "sha256sum\n"), standard_input="pipe"))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65536

    await service.send_input(job.id, chunks())
    await finished(service, job.id)
    assert (await output(service, job.id)).split()[0].decode() == hashlib.sha256(b"x" * 65536 * 64).hexdigest()


async def test_piped_input_that_nobody_feeds_ends(
    service: JobService, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.submitting._FED_WITHIN", 0.3)
    job = await service.run(RunRequest(path=write(scripts, "n.sh", "cat; echo end\n"), standard_input="pipe"))
    job = await finished(service, job.id)
    assert await output(service, job.id) == b"end\n" and "input ended early" in job.remarks[0]


async def test_input_none_is_end_of_file(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "n.sh", "cat; echo end\n"), standard_input="none"))
    await finished(service, job.id)
    assert await output(service, job.id) == b"end\n"


async def test_jobs_are_filtered_and_paged_by_key(service: JobService, scripts: Path) -> None:
    good, bad = write(scripts, "good.sh", "true\n"), write(scripts, "bad.sh", "false\n")
    ids = [(await service.run(RunRequest(path=path))).id for path in (good, bad, good, bad, good)]
    for id in ids:
        await finished(service, id)
    page = await service.jobs(JobQuery(take=2))
    assert [job.id for job in page.jobs] == ids[:2:-1] and page.more
    page = await service.jobs(JobQuery(take=3, before=page.jobs[-1].id))
    assert [job.id for job in page.jobs] == ids[2::-1] and not page.more
    failed = await service.jobs(JobQuery(statuses=frozenset({Status.Failed})))
    assert [job.id for job in failed.jobs] == [ids[3], ids[1]]
    wanted = JobQuery(statuses=frozenset({Status.Historical}), terms=(Term("script", ("good.sh",)),))
    assert len((await service.jobs(wanted)).jobs) == await service.count(wanted) == 3
    others = await service.jobs(JobQuery(terms=(Term("script", ("good.sh",), negate=True),)))
    assert others.jobs and all(job.script != "good.sh" for job in others.jobs)
    assert len((await service.jobs(JobQuery(terms=(Term("text", ("OOD.s",)),)))).jobs) == 3
    assert (await service.jobs(JobQuery(terms=(Term("text", ("g%d",)), Term("tag", ("x",)))))).jobs == ()
    for order in ("started", "ended", "duration"):
        every = (await service.jobs(JobQuery(order_by=order))).jobs
        places = [
            ({"started": job.started, "ended": job.ended, "duration": job.ended - job.started}[order], job.id)
            for job in every
            if job.started and job.ended
        ]
        assert places == sorted(places, reverse=True) and len(places) == 5
        assert (await service.jobs(JobQuery(order_by=order, descending=False))).jobs == every[::-1]
        assert (await service.jobs(JobQuery(skip=1, take=2, order_by=order))).jobs == every[1:3]
    with pytest.raises(Invalid, match="ordered by 'x'"):
        await service.jobs(JobQuery(order_by="x"))
    assert [job.id for job in (await service.jobs(JobQuery(descending=False, take=1))).jobs] == ids[:1]
    assert (await service.counts()) == {Status.Completed: 3, Status.Failed: 2}
    assert (await service.jobs(JobQuery(since=page.jobs[0].created, take=1))).jobs[0].id == ids[4]
    assert (await service.jobs(JobQuery(until=page.jobs[-1].created))).jobs == ()


async def test_scripts_are_added_changed_and_removed(service: JobService, scripts: Path) -> None:
    path = write(scripts, "s.sh", "# @param name string Who\necho hi\n")
    added = await service.add_script(path, description="Says hi")
    assert added.name == "s.sh" and (await service.script("s.sh")) == added
    with pytest.raises(Conflict):
        await service.add_script(path)
    changed = await service.change_script("s.sh", name="greeting", concurrent_jobs=2, variables={"A": "b"})
    assert changed.id == added.id and changed.concurrent_jobs == 2
    with pytest.raises(Invalid, match="Explode"):
        await service.change_script("greeting", error_action="Explode")
    with pytest.raises(Invalid, match="no setting"):
        await service.change_script("greeting", colour="red")
    job = await service.run(RunRequest(script="greeting", parameters={"name": "you"}))
    assert (await finished(service, job.id)).script == "greeting"
    await service.remove_script("greeting")
    with pytest.raises(NotFound):
        await service.script("greeting")
    assert (await service.job(job.id)).script == "greeting"


async def test_environments_are_found_added_and_used(service: JobService, scripts: Path) -> None:
    found = {environment.name for environment in await service.environments()}
    assert {"Bash", "sh", "Python"} <= found
    await service.add_environment(Environment("Cat", "/bin/cat", ("{scriptPath}",)))
    with pytest.raises(Conflict):
        await service.add_environment(Environment("cat", "/bin/cat"))
    with pytest.raises(Invalid):
        await service.add_environment(Environment("Nope", "/nonexistent/program"))
    path = write(scripts, "text.xyz", "shown as it is\n")
    job = await service.run(RunRequest(path=path, environment="cat"))
    await finished(service, job.id)
    assert await output(service, job.id) == b"shown as it is\n"
    await service.remove_environment("Cat")
    with pytest.raises(Invalid, match="Cat"):
        await service.run(RunRequest(path=path, environment="Cat"))


async def test_the_queue_keeps_limits_and_order(service: JobService, scripts: Path) -> None:
    path = write(scripts, "q.sh", "sleep 0.2; date +%s%N\n")
    await service.add_script(path, concurrent_jobs=1)
    ids = [(await service.run(RunRequest(path=path))).id for _ in range(3)]
    last = await service.job(ids[-1])
    assert last.status is Status.Queued and last.queue_reason and "ConcurrentJobs" in last.queue_reason
    jobs = [await finished(service, id) for id in ids]
    for before, after in itertools.pairwise(jobs):
        assert (before.ended or 0) <= (after.started or 0)


async def test_a_queued_job_can_be_cancelled(service: JobService, scripts: Path) -> None:
    path = write(scripts, "q.sh", "sleep 1000\n")
    await service.add_script(path, concurrent_jobs=1)
    first = await service.run(RunRequest(path=path))
    second = await service.run(RunRequest(path=path))
    assert (await service.cancel(second.id)).status is Status.Canceled
    await service.cancel(first.id)
    assert (await finished(service, first.id)).status is Status.Canceled
    assert (await service.job(second.id)).started is None


async def test_children_know_their_parent(service: JobService, scripts: Path) -> None:
    path = write(scripts, "k.sh", "true\n")
    parent = await service.run(RunRequest(path=path))
    child = await service.run(RunRequest(path=path, parent_job=parent.id, parent_line_number=3, source="job"))
    await finished(service, child.id)
    assert (await service.job(parent.id)).children == (child.id,)
    assert [job.id for job in (await service.jobs(JobQuery(hide_children=True))).jobs] == [parent.id]


async def test_events_tell_that_something_changed(service: JobService, scripts: Path) -> None:
    events = service.events()

    async def told() -> set[tuple[str, int | None]]:
        seen = set()
        async for event in events:
            seen.add((event.kind, event.id))
            if event.kind == "job":
                return seen
        return seen

    waiting = asyncio.create_task(told())
    async with asyncio.timeout(20):
        while not waiting.done():
            job = await service.run(RunRequest(path=write(scripts, "e.sh", "true\n")))
            await finished(service, job.id)
            await asyncio.wait([waiting], timeout=0.3)
    assert ("job", job.id) in await waiting
    with contextlib.suppress(StopAsyncIteration):
        await events.aclose()  # type: ignore[attr-defined]


async def test_status_tells_where_everything_is(service: JobService, tmp_path: Path) -> None:
    status = await service.status()
    assert status.data_directory == str(tmp_path / "home") and status.leader and not status.problems


async def test_lines_are_read_from_either_end(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "l.sh", "seq 0 99999\n")))
    await finished(service, job.id)
    stdout = frozenset({journal.STDOUT})
    tail = await service.lines(job.id, -3, 3, stdout)
    assert [line.data for line in tail.lines] == [b"99997", b"99998", b"99999"]
    page = await service.lines(job.id, 50_000, 2, stdout)
    assert [(line.number, line.data) for line in page.lines] == [(50_000, b"50000"), (50_001, b"50001")]
    assert (await service.lines(job.id, 99_999, 10, stdout)).total == 100_000
    assert (await service.lines(job.id, -1, 1, stdout)).lines[0].number == 99_999
    assert (await service.lines(job.id, 200_000, 2, stdout)).lines == ()


async def test_a_search_finds_every_place(service: JobService, scripts: Path) -> None:
    job = await service.run(RunRequest(path=write(scripts, "f.sh", "seq 0 9999\n")))
    await finished(service, job.id)
    hits = [hit async for hit in service.search(job.id, "999")]
    assert [hit.line for hit in hits] == sorted({n for n in range(10_000) if "999" in str(n)})
    assert (hits[0].start, hits[0].end) == (0, 3)
    assert [hit.line async for hit in service.search(job.id, "^99.$", regex=True)] == list(range(990, 1000))
    assert [hit.line async for hit in service.search(job.id, "999", start=9000)] == [
        n for n in range(9000, 10_000) if "999" in str(n)
    ]
    with pytest.raises(Invalid):
        async for _ in service.search(job.id, "(", regex=True):
            pass


async def test_a_rerun_with_other_values_keeps_secrets_that_are_not_given(service: JobService, scripts: Path) -> None:
    path = write(
        scripts,
        "secretive.sh",
        "# @param {secret} password\n# @param {integer} [count=1]\n"
        'printf "%s %s" "$(jobdeck-job parameter password | wc -c)" "${2:-$1}" >"$JOBDECK_JOB_ID.txt"',
    )
    first = await finished(
        service,
        (
            await service.run(
                RunRequest(path=path, parameters={"password": "swordfish"}, working_directory=str(scripts))
            )
        ).id,
    )
    assert first.status is Status.Completed
    request = RunRequest(path=path, rerun_of=first.id, parameters={"count": 7}, working_directory=str(scripts))
    again = await finished(service, (await service.run(request)).id)
    assert (again.rerun_of, again.attempt, again.parameters["count"]) == (first.id, 2, 7)
    told = (scripts / f"{first.id}.txt").read_text().split(), (scripts / f"{again.id}.txt").read_text().split()
    assert told[0][0] == told[1][0] and int(told[0][0]) >= len("swordfish") and told[1][1] == "7"
    other = write(scripts, "other.sh", "# @param {secret} password\ntrue")
    with pytest.raises(Invalid, match="no other script"):
        await service.run(RunRequest(path=other, rerun_of=first.id))


async def test_parameters_of_a_file_that_is_not_on_record(service: JobService, scripts: Path) -> None:
    path = write(scripts, "fresh.sh", "# @param {integer 1..9} count How many\ntrue")
    (parameter,) = await service.script_parameters(path)
    assert (parameter.name, parameter.maximum, parameter.help) == ("count", 9, "How many")
    assert await service.scripts() == []
    with pytest.raises(NotFound, match="no file"):
        await service.script_parameters(str(scripts / "nothing.sh"))


async def test_a_script_on_record_tells_what_its_file_says(service: JobService, scripts: Path) -> None:
    added = await service.add_script(write(scripts, "one.sh", "# Tidies up.\n# @param {integer} [n=1]\ntrue"))
    own = await service.add_script(write(scripts, "two.sh", "# Tidies up.\ntrue"), description="Mine")
    job = await service.run(RunRequest(path=write(scripts, "three.py", '"""Counts."""\n')))
    assert (added.description, own.description) == ("Tidies up.", "Mine")
    assert (await service.script(job.script_id or 0)).description == "Counts."
