"""What is too much is refused with a sentence, and harms nobody."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import httpx
import pytest

from core.server import bodies, connection
from core.service import ServiceError
from tests.server.conftest import API, Server, write


async def raw(server: Server, sent: bytes) -> bytes:
    """Everything that comes back for some bytes, until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(20):
            writer.write(sent)
            return await reader.read()
    finally:
        writer.close()


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server, client: httpx.AsyncClient) -> None:
    large = b" " * (bodies.MOST_JSON + 1)
    refused = await client.post("/job", content=large)
    assert refused.status_code == 413 and "bytes" in refused.json()["detail"]

    async def chunks() -> object:
        for _ in range(bodies.MOST_JSON // 65536 + 2):
            yield b" " * 65536

    refused = await client.post("/job", content=chunks())  # type: ignore[arg-type]
    assert refused.status_code == 413
    head = f"POST {API}/job HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.tokens['Operator']}\r\n"
    answered = await raw(server, (head + f"Content-Length: {10**12}\r\n\r\n").encode())
    assert answered.startswith(b"HTTP/1.1 413 ") and b"problem+json" in answered


async def test_a_head_that_is_too_large_is_refused(server: Server, client: httpx.AsyncClient) -> None:
    for more in (b"X: " + b"a" * connection.MOST_HEAD, b"".join(b"X%d: y\r\n" % n for n in range(9000))):
        answered = await raw(server, b"GET /api/v1/alive HTTP/1.1\r\nHost: x\r\n" + more)
        assert answered.startswith(b"HTTP/1.1 431 ") and b"problem+json" in answered, answered[:200]
    answered = await raw(server, b"GET /" + b"a" * (connection.MOST_HEAD + 100))
    assert answered.startswith(b"HTTP/1.1 431 ")
    assert (await client.get("/job", headers={"X": "a" * 60_000})).status_code == 200
    body = json.dumps({"response": "x" * 100_000})
    assert (await client.post("/job/1/feedback", content=body)).status_code == 404, "a large body is no large head"


async def test_what_is_no_http_gets_an_answer_and_no_traceback(server: Server, client: httpx.AsyncClient) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS here?\r\n\r\n", b"HELLO\r\n\r\n", b"GET\r\n\r\n"):
        assert (await raw(server, sent)).startswith(b"HTTP/1.1 400 "), sent
    assert (await client.get("/alive")).status_code == 200


async def test_who_sends_no_head_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SLOWEST_HEAD", 0.1)
    assert await raw(server, b"GET /api/v1/alive HTTP/1.1\r\nHost: x\r\n") == b""


async def test_too_many_parameters_are_refused(client: httpx.AsyncClient, scripts: Path) -> None:
    added = (await client.post("/script", json={"fullPath": write(scripts, "a.sh", "true\n")})).json()
    many = {f"p{n}": "x" for n in range(bodies.MOST_PARAMETERS + 1)}
    for response in (
        await client.post(f"/script/{added['id']}", json={"parameters": many}),
        await client.post("/job", json={"script": added["id"], "parameters": many}),
    ):
        assert response.status_code == 400 and "too many" in response.json()["detail"]


async def test_a_second_request_with_the_same_key_gives_the_first_ones_job(
    server: Server, client: httpx.AsyncClient, scripts: Path
) -> None:
    added = (await client.post("/script", json={"fullPath": write(scripts, "a.sh", "true\n")})).json()
    key = {"Idempotency-Key": "nightly 2026-11-24"}
    first = await client.post(f"/script/{added['id']}", headers=key)
    answers = await asyncio.gather(
        client.post(f"/script/{added['id']}", headers=key),
        client.post("/script/path/a.sh", headers=key),
        client.post("/job", json={"script": added["id"]}, headers=key),
    )
    assert [answer.json() for answer in answers[:2]] == [first.json()] * 2
    assert answers[2].json()["id"] == first.json()
    other = await server.client("Operator").post(f"/script/{added['id']}", headers=key)
    assert other.json() != first.json(), "another identity's key is another key"
    assert (await client.get("/job")).json()["total"] == 2
    for wrong in ("", "x" * 256, "a\tb", "é".encode()):
        refused = await client.post(f"/script/{added['id']}", headers={b"Idempotency-Key": bytes(wrong, "ascii")
                                    if isinstance(wrong, str) else wrong})  # fmt: skip
        assert refused.status_code == 400 and "Idempotency-Key" in refused.json()["detail"], wrong


async def test_numbers_beyond_64_bits_are_no_crash(client: httpx.AsyncClient) -> None:
    big = "9" * 30
    for path in (f"/job/{'9' * 19}", f"/job?before={big}", f"/job?take={big}", f"/script/{big}", f"/events?since={big}",
                 f"/job/1/lines?start={big}", f"/job/1/records?after={big}", "/job?since=9999-12-31T00:00:00Z",
                 ):  # fmt: skip
        assert (await client.get(path)).status_code in (200, 400, 404), path
    assert (await client.delete(f"/apptoken/{big}")).status_code == 400


async def test_what_nobody_foresaw_is_told_without_a_traceback(
    server: Server, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> object:
        raise RuntimeError("the inside of it")

    monkeypatch.setattr(server.engine, "scripts", broken)
    answered = await client.get("/script")
    assert answered.status_code == 500 and answered.headers["content-type"] == "application/problem+json"
    assert "inside" not in answered.text and "log" in answered.json()["detail"]
    log = Path(server.data_directory, "log", "jobdeck.log").read_text()
    assert "GET /api/v1/script failed" in log and "the inside of it" in log and "Traceback" in log


async def test_errors_of_the_service_have_their_status(
    server: Server, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core import service

    for kind, status in (
        (service.Invalid, 400),
        (service.Forbidden, 403),
        (service.NotFound, 404),
        (service.Conflict, 409),
        (service.Unavailable, 503),
    ):

        async def failing(kind: type[ServiceError] = kind) -> object:
            raise kind("It is so. Do this.")

        monkeypatch.setattr(server.engine, "scripts", failing)
        answered = await client.get("/script")
        assert answered.status_code == status
        assert answered.json()["detail"] == "It is so. Do this." and answered.json()["status"] == status
        assert ("retry-after" in answered.headers) is (status == 503)


async def test_a_script_may_be_large_and_a_slash_may_be_in_its_name(client: httpx.AsyncClient, scripts: Path) -> None:
    content = "# " + "x" * (bodies.MOST_JSON + 10) + "\necho ok\n"
    added = await client.post("/script", json={"name": "large.sh", "content": content})
    assert added.status_code == 200
    got = await client.get(f"/script/{added.json()['id']}/content")
    assert got.content == content.encode()


async def test_connections_that_only_stand_there_cost_nobody_an_answer(
    server: Server, client: httpx.AsyncClient
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(200)]
    try:
        assert (await client.get("/alive")).status_code == 200
    finally:
        for one in idle:
            one.close()
