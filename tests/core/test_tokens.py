"""Tokens: who shows which, what it opens, and what a restricted one does not."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.access import AppToken, Caller, Role, caller
from core.config import Settings
from core.engine.engine import Engine
from core.engine.rebuild import rebuild
from core.runner.token import job_token
from core.service import Event, Forbidden, JobQuery, NotFound, RunRequest, Status, Term


@contextlib.contextmanager
def acting(who: Caller) -> Iterator[None]:
    """Requests of somebody."""
    token = caller.set(who)
    try:
        yield
    finally:
        caller.reset(token)


def script(directory: Path, name: str, text: str = "true\n") -> str:
    path = directory / name
    path.write_text(text)
    return str(path)


async def take_all(events: AsyncIterator[Event], count: int) -> AsyncIterator[Event]:
    """The events that come within a moment."""
    for _ in range(count):
        try:
            yield await asyncio.wait_for(anext(events), 0.5)
        except TimeoutError:
            return


def text_of(token: AppToken) -> str:
    assert token.token is not None
    return token.token


async def test_a_token_tells_who_shows_it(engine: Engine, settings: Settings) -> None:
    token = await engine.grant_token("ada", Role.Operator, scripts=("a.sh",), tags=("t",))
    who = engine.authenticate(text_of(token), "10.0.0.1")
    assert who == Caller("ada", Role.Operator, "10.0.0.1", token.id, ("a.sh",), ("t",))
    assert engine.authenticate(f" {token.token}\n") == Caller("ada", Role.Operator, "", token.id, ("a.sh",), ("t",))
    for wrong in ("", "jobdeck_", text_of(token)[:-1], text_of(token) + "A", "x" * 10_000, "\ud800", "é"):
        assert isinstance(engine.authenticate(wrong), str)
    # The key itself is nowhere in the store, its hash is.
    digest = hashlib.sha256(text_of(token).encode()).hexdigest()
    stored = b"".join(path.read_bytes() for path in Path(settings.data_directory).rglob("*") if path.is_file())
    assert text_of(token).encode() not in stored and digest.encode() in stored
    await engine.revoke_token(token.id)
    assert "revoked" in str(engine.authenticate(text_of(token)))


async def test_an_expired_token_opens_nothing(engine: Engine) -> None:
    token = await engine.grant_token("ada", Role.Reader, expires=time.time_ns() + 300_000_000)
    assert isinstance(engine.authenticate(text_of(token)), Caller)
    await asyncio.sleep(0.35)
    assert "expired" in str(engine.authenticate(text_of(token)))


async def test_a_revoked_token_is_refused_by_other_engines_at_once(engine: Engine, settings: Settings) -> None:
    token = await engine.grant_token("ada", Role.Reader)
    other = await Engine.open(settings, "act")
    assert isinstance(other.authenticate(text_of(token)), Caller)
    await engine.revoke_token(token.id)
    assert isinstance(other.authenticate(text_of(token)), str)
    await other.close()


async def test_the_last_use_is_written_now_and_then(engine: Engine) -> None:
    token = await engine.grant_token("ada", Role.Reader)
    assert (await engine.tokens())[0].last_used is None
    before = engine.data_version()
    for _ in range(50):
        engine.authenticate(text_of(token))
    async with asyncio.timeout(10):
        while (used := (await engine.tokens())[0].last_used) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert abs(time.time_ns() - used) < 10**10
    # One commit by one writer, not one for each use.
    assert engine.data_version() != before
    after = engine.data_version()
    for _ in range(50):
        engine.authenticate(text_of(token))
    await engine.tokens()
    assert engine.data_version() == after


async def test_tokens_survive_a_lost_database(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    token = await engine.grant_token("ada", Role.Operator)
    gone = await engine.grant_token("bob", Role.Operator)
    await engine.revoke_token(gone.id)
    await engine.close()
    for path in Path(settings.data_directory).glob("jobdeck.db*"):
        path.unlink()
    rebuild(settings)
    engine = await Engine.open(settings, "act")
    assert isinstance(engine.authenticate(text_of(token)), Caller)
    assert "revoked" in str(engine.authenticate(text_of(gone)))
    await engine.close()


async def test_a_job_has_a_token_of_its_own_while_it_lives(engine: Engine, scripts: Path, settings: Settings) -> None:
    path = script(scripts, "j.sh", "sleep 1000\n")
    await engine.add_script(path)
    with acting(Caller("ada", Role.Execute, "10.0.0.1", 7, ("j.sh",))):
        job = await engine.run(RunRequest(script="j.sh"))
    assert job.identity == "ada"
    async with asyncio.timeout(20):
        while (await engine.job(job.id)).status is not Status.Running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    channel = Path(settings.data_directory) / "jobs" / "0" / str(job.id) / "channel"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(channel))
        connection.sendall(b'{"type": "token"}\n')
        answer = json.loads(await asyncio.to_thread(connection.recv, 65536))
    token = answer["value"]
    assert token == job_token(settings.data_directory, job.id, job.run_id)
    who = engine.authenticate(token, "local")
    assert who == Caller("ada", Role.Execute, "local", 7, ("j.sh",), (), job.id)
    assert isinstance(engine.authenticate(token[:-1] + ("0" if token[-1] != "0" else "1")), str)
    assert isinstance(engine.authenticate(token.replace(f"_{job.id}_", f"_{job.id + 1}_")), str)
    # It is in no file.
    stored = b"".join(each.read_bytes() for each in Path(settings.data_directory).rglob("*") if each.is_file())
    assert token.encode() not in stored

    # What it asks for is the job's child, with its identity.
    assert isinstance(who, Caller)
    with acting(who):
        child = await engine.run(RunRequest(script="j.sh", identity="root", source="api", parent_line_number=4))
    child = await engine.job(child.id)
    assert (child.parent_job, child.identity, child.source, child.parent_line_number) == (job.id, "ada", "job", 4)
    await engine.cancel(job.id)
    await engine.wait(job.id, 20)
    assert "ended" in str(engine.authenticate(token))
    assert (await engine.wait(child.id, 20)).status is Status.Canceled


async def test_a_restricted_token_touches_its_scripts_only(engine: Engine, scripts: Path) -> None:
    mine = await engine.add_script(script(scripts, "mine.sh"))
    tagged = await engine.add_script(script(scripts, "tagged.sh"), tags=("web",))
    other = await engine.add_script(script(scripts, "other.sh"))
    foreign = await engine.run(RunRequest(script=other.id))
    await engine.wait(foreign.id, 20)
    (scripts / "sub").mkdir()
    namesake = script(scripts / "sub", "mine.sh")
    with acting(Caller("ada", Role.Operator, scripts=("mine.sh",), tags=("web",))):
        first = await engine.run(RunRequest(script=mine.id))
        second = await engine.run(RunRequest(script=tagged.id))
        for id in (first.id, second.id):
            await engine.wait(id, 20)
        with pytest.raises(Forbidden):
            await engine.run(RunRequest(script=other.id, tags=("web",)))
        with pytest.raises(Forbidden):
            await engine.run(RunRequest(path=namesake))
        assert [job.id for job in (await engine.jobs(JobQuery())).jobs] == [second.id, first.id]
        assert await engine.count(JobQuery()) == 2 and await engine.counts() == {Status.Completed: 2}
        assert [job.id for job in (await engine.jobs(JobQuery(terms=(Term("script", ("other.sh",)),)))).jobs] == []
        assert [each.id for each in await engine.scripts()] == [mine.id, tagged.id]
        assert {each.script_id for each in await engine.script_statistics()} == {mine.id, tagged.id}
        for refused in (
            engine.job(foreign.id), engine.wait(foreign.id, 0), engine.cancel(foreign.id), engine.rerun(foreign.id),
            engine.delete(foreign.id), engine.answer(foreign.id, "x"), engine.lines(foreign.id, 0, 1),
            engine.line_at(foreign.id, 0), engine.objects(foreign.id), engine.errors(foreign.id),
            engine.feedback(foreign.id), engine.job_content(foreign.id), engine.usage(foreign.id),
            engine.script(other.id), engine.script_content(other.id), engine.script_parameters(other.id),
            engine.change_script(other.id, notes="x"), engine.remove_script(other.id),
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                await refused
        with pytest.raises(Forbidden):
            [record async for record in engine.records(foreign.id)]
        with pytest.raises(Forbidden):
            [hit async for hit in engine.search(foreign.id, "x")]
        with pytest.raises(NotFound):
            await engine.job(10**6)
    assert (await engine.script(other.id)).notes == ""
    with acting(Caller("ada", Role.Reader, scripts=("mine.sh",))):
        seen = [event async for event in take_all(engine.events(since=1), 20)]
    assert {event.id for event in seen if event.kind == "job" and event.id} == {first.id}
    assert {event.id for event in seen if event.kind == "script"} == {mine.id}
    refusals = [entry for entry in await engine.audit() if entry.outcome.startswith("This token may not")]
    assert {entry.action for entry in refusals} >= {"run", "cancel", "rerun", "delete", "answer", "change_script"}


async def test_who_may_run_only_runs_what_is_on_record(engine: Engine, scripts: Path) -> None:
    path = script(scripts, "new.sh")
    for role in (Role.Execute, Role.Reader):
        with acting(Caller("ada", role)), pytest.raises(Forbidden):
            await engine.run(RunRequest(path=path))
    assert await engine.scripts() == []
    with acting(Caller("ada", Role.Operator)):
        job = await engine.run(RunRequest(path=path, identity="root"))
    # Only an administrator acts in another's name.
    assert job.identity == "ada"
    with acting(Caller("boss", Role.Administrator)):
        job = await engine.run(RunRequest(path=path, identity="ada"))
    assert job.identity == "ada"
