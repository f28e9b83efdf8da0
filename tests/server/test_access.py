"""Tokens at the door: none, wrong, revoked, expired, of a job; and those who guess."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from core.access import Role
from core.config import Settings
from core.engine.callers import user_name
from core.engine.engine import Engine
from core.runner.token import job_token
from core.server import attempts, live
from core.server.attempts import Attempts
from core.server.local import LocalApi
from core.service import RunRequest
from tests.server.conftest import Server, write
from tests.waiting import until


async def test_without_a_token_nothing_is_told(server: Server) -> None:
    nobody = server.client("")
    refused = await nobody.get("/job/1")
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
    assert "jobdeck token grant" in refused.json()["detail"]
    for given in ("Basic eDp5", "Bearer", "", "x", "Bearer a b", "bearer \xe9"):
        refused = await nobody.get("/job", headers={b"Authorization": given.encode("latin-1")})
        assert refused.status_code == 401 and refused.json()["detail"].endswith("."), (given, refused.text)
    assert (await nobody.get("/job", params={"token": server.tokens["Reader"]})).status_code == 401
    for scheme in ("bearer", "BEARER", "Bearer "):
        answered = await nobody.get("/job", headers={"Authorization": f"{scheme} {server.tokens['Reader']}"})
        assert answered.status_code == 200


async def test_an_expired_token_is_told(server: Server) -> None:
    token = await server.engine.grant_token("eve", Role.Reader, expires=time.time_ns() + 300_000_000)
    eve = server.client(token.token)
    assert (await eve.get("/job")).status_code == 200

    async def expired() -> bool:
        answered = await eve.get("/job")
        return answered.status_code == 401 and "expired" in answered.json()["detail"]

    await until(expired)


async def test_who_guesses_has_to_wait(server: Server) -> None:
    known, guessing = server.client("Reader"), server.client("")
    assert (await known.get("/job")).status_code == 200
    seen = [
        # Saying to be somebody else helps nobody.
        (
            await guessing.get(
                "/job", headers={"Authorization": f"Bearer guess-{number}", "X-Forwarded-For": f"192.0.2.{number}"}
            )
        ).status_code
        for number in range(attempts.ALLOWED + 2)
    ]
    assert seen == [401] * attempts.ALLOWED + [429] * 2
    refused = await guessing.get("/job", headers={"Authorization": f"Bearer {server.tokens['Operator']}"})
    assert refused.status_code == 429 and 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await guessing.post("/signin", json={"token": server.tokens["Operator"]})).status_code == 200
    for _ in range(attempts.ALLOWED):
        assert (await guessing.post("/signin", json={"token": "guess"})).status_code == 401
    assert (await guessing.post("/signin", json={"token": "guess"})).status_code == 429
    # Who was known before goes on; who comes without any token is told what is missing.
    assert (await known.get("/job")).status_code == 200
    assert (await guessing.get("/job")).status_code == 401
    told = (await known.get("/audit")).status_code
    assert told == 403
    audit = await server.engine.audit(take=100)
    assert sum("not known" in entry.outcome for entry in audit) == 2 * attempts.ALLOWED


def test_one_wrong_token_again_and_again_is_no_guessing() -> None:
    now = 0.0
    counted = Attempts(lambda: now)
    for _ in range(attempts.REPEATED - 8):
        assert counted.wait("192.0.2.1", "old") == 0
        counted.wrong("192.0.2.1", "old")
    for _ in range(9):
        counted.wrong("192.0.2.1", "old")
    assert counted.wait("192.0.2.1", "other") == 61
    assert counted.wait("192.0.2.2", "other") == 0
    now = 59.5
    assert counted.wait("192.0.2.1", "other") == 1
    now = 60.0
    assert counted.wait("192.0.2.1", "other") == 0


def test_signing_in_again_and_again_is() -> None:
    counted = Attempts(lambda: 0.0)
    for _ in range(attempts.ALLOWED):
        assert counted.wait("2001:db8::1", "x", login=True) == 0
        counted.wrong("2001:db8::1", "x", login=True)
    assert counted.wait("2001:db8::2", "y", login=True) > 0, "a /64 is one computer's"
    assert counted.wait("2001:db8:0:1::2", "y", login=True) == 0
    assert counted.wait("2001:db8::2", "y") == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    counted = Attempts(lambda: 0.0)
    for number in range(30_000):
        counted.wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x")
        counted.right(f"token-{number}")
    assert len(counted._wrong) <= 10_000 and len(counted._right) <= 10_000


async def test_a_jobs_own_token_is_its_starters_and_dies_with_it(server: Server, scripts: Path) -> None:
    script = await server.engine.add_script(write(scripts, "s.sh", "sleep 1000\n"))
    execute = server.client("Execute")
    number = int((await execute.post(f"/script/{script.id}")).text)
    job = await server.engine.job(number)
    own = server.client(job_token(server.data_directory, number, job.run_id))
    child = await own.post("/job", json={"script": "s.sh"})
    assert child.status_code == 200, child.text
    assert child.json()["identity"] == "execute" and child.json()["parentJob"] == number
    assert (await own.get("/apptoken")).status_code == 403
    for id in (child.json()["id"], number):
        await execute.post(f"/job/{id}/cancel")
        await execute.get(f"/job/{id}/wait")
    ended = await own.get("/job")
    assert ended.status_code == 401 and "ended" in ended.json()["detail"]


def elsewhere(settings: Settings, directory: Path) -> Settings:
    """The same with another place for the socket: the engine has one of its own in its data directory."""
    (directory / "apart").mkdir()
    return replace(settings, data_directory=str(directory / "apart"))


async def test_the_local_socket_takes_this_user_without_a_token(
    engine: Engine, settings: Settings, scripts: Path, tmp_path: Path
) -> None:
    local = LocalApi(engine, elsewhere(settings, tmp_path))
    await local.open()
    try:
        path = Path(local.path)
        assert path.stat().st_mode & 0o777 == 0o600
        transport = httpx.AsyncHTTPTransport(uds=local.path)
        async with httpx.AsyncClient(transport=transport, base_url="http://local/api/v1", timeout=30) as client:
            assert (await client.get("/setting")).status_code == 200
            added = (await client.post("/script", json={"fullPath": write(scripts, "a.sh", "true\n")})).json()
            number = (await client.post(f"/script/{added['id']}")).text
            job = (await client.get(f"/job/{number}/wait")).json()
            assert job["status"] == 2 and job["identity"] == user_name()
            reader = await engine.grant_token("eve", Role.Reader)
            refused = await client.get("/setting", headers={"Authorization": f"Bearer {reader.token}"})
            assert refused.status_code == 403
            assert (await client.get("/setting", headers={"Authorization": "Bearer x"})).status_code == 401
    finally:
        await local.close()
    assert not path.exists()


async def test_nothing_of_the_local_socket_comes_onto_the_screen(
    engine: Engine, settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def broken() -> object:
        raise RuntimeError("the inside of it")

    monkeypatch.setattr(engine, "scripts", broken)
    for name in ("uvicorn", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
    local = LocalApi(engine, elsewhere(settings, tmp_path))
    await local.open()
    try:
        reader, writer = await asyncio.open_unix_connection(local.path)
        writer.write(b"HELLO\r\n\r\n")
        assert b"400" in await reader.read()
        writer.close()
        transport = httpx.AsyncHTTPTransport(uds=local.path)
        async with httpx.AsyncClient(transport=transport, base_url="http://local/api/v1", timeout=30) as client:
            assert (await client.get("/script")).status_code == 500
    finally:
        await local.close()
    assert capfd.readouterr() == ("", "")
    assert "the inside of it" in Path(settings.log_file).read_text()


async def test_a_local_socket_that_is_not_used_closes(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    apart = elsewhere(settings, tmp_path)
    local, other = LocalApi(engine, apart), LocalApi(engine, apart)
    await local.open()
    await other.open()
    await local.close()
    assert Path(other.path).exists(), "the socket of the engine that came later stays"
    await other.close()
    await other.close()
    assert not Path(other.path).exists()


async def test_who_was_revoked_follows_no_longer(
    server: Server, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE", 0.05)
    path = write(scripts, "s.sh", "while :; do echo x; sleep 0.02; done\n")
    job = await server.engine.run(RunRequest(path=path))
    token = await server.engine.grant_token("eve", Role.Reader)
    eve = server.client(token.token)
    revoked = False
    async with asyncio.timeout(20), eve.stream("GET", f"/job/{job.id}/output?follow=true") as stream:
        async for line in stream.aiter_lines():
            if "x" in line and not revoked:
                await server.engine.revoke_token(token.id)
                revoked = True
    assert revoked
    await server.engine.cancel(job.id)
    await server.engine.wait(job.id)
