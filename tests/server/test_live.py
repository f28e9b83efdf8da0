"""Following over HTTP: resumable, without a gap, for many at once, whatever a slow one does."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.frames import END, SIGN_OF_LIFE, Unframer
from core.journal import format as journal
from core.server import following, live
from core.server.rendering import OutputEvents, unfinished
from core.service import Record, RunRequest
from tests.server.conftest import API, Server, write
from tests.waiting import until


async def events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """Server-sent events, as `{id, event, data}`."""
    event: dict[str, Any] = {}
    async for line in lines:
        if not line:
            if "data" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(": ")
        if name:
            event[name] = json.loads(value) if name == "data" else value


async def follow(client: httpx.AsyncClient, id: int, last: str = "", stop: int | None = None) -> list[dict[str, Any]]:
    """What a follower gets, to the end or `stop` events."""
    found: list[dict[str, Any]] = []
    headers = {"Last-Event-ID": last} if last else {}
    async with (
        asyncio.timeout(60),
        client.stream("GET", f"/job/{id}/output?follow=true", headers=headers) as stream,
    ):
        assert stream.status_code == 200 and stream.headers["content-type"].startswith("text/event-stream")
        async for event in events(stream.aiter_lines()):
            found.append(event)
            if len(found) == stop:
                break
    return found


def text(found: list[dict[str, Any]]) -> str:
    """The text of the events."""
    return "".join(event["data"]["message"] for event in found if "message" in event["data"])


async def test_output_is_followed_and_ends_with_the_job(
    server: Server, client: httpx.AsyncClient, scripts: Path
) -> None:
    go = scripts / "go"
    path = write(scripts, "s.sh", f"echo first; until [ -e {go} ]; do sleep 0.02; done; echo last >&2; exit 3\n")
    job = await server.engine.run(RunRequest(path=path))
    first = await follow(client, job.id, stop=1)
    assert text(first) == "first\n" and first[0]["data"]["stream"] == "stdout"
    following_on = asyncio.create_task(follow(client, job.id, first[0]["id"]))
    await until(lambda: server.app.state.api.following.followers)
    go.touch()
    rest = await following_on
    assert text(rest) == "last\n" and rest[0]["data"]["stream"] == "stderr"
    assert rest[-1]["event"] == "end" and rest[-1]["data"] == {"id": job.id, "status": 3, "exitCode": 3}
    assert text(await follow(client, job.id)) == "first\nlast\n"
    assert [event.get("event") for event in await follow(client, job.id, rest[0]["id"])] == ["end"]
    await until(lambda: server.app.state.api.following.followers == 0)


async def test_wrong_places_are_told(client: httpx.AsyncClient, server: Server, scripts: Path) -> None:
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", "true\n")))
    for place in ("x", "-1", "1~2", "1~2:9", "99999999999999999999", "1~x:1"):
        refused = await client.get(f"/job/{job.id}/output?follow=true", headers={"Last-Event-ID": place})
        assert refused.status_code == 400 and "id" in refused.json()["detail"], (place, refused.text)
    assert (await client.get("/job/99/output?follow=true")).status_code == 404
    assert (await client.get("/events", headers={"Last-Event-ID": "x"})).status_code == 400


@given(
    st.lists(st.tuples(st.sampled_from([journal.STDOUT, journal.STDERR]), st.integers(1, 4)), min_size=1, max_size=40),
    st.text(alphabet="aé€𐍈\n", min_size=1, max_size=40),
    st.data(),
)
def test_no_character_is_lost_or_doubled_wherever_a_follower_comes_back(
    cuts: list[tuple[int, int]], word: str, data: st.DataObject
) -> None:
    """Two streams of the same text, cut anywhere, interleaved anyhow, taken up again behind any event."""
    whole = word.encode()
    left = {journal.STDOUT: whole, journal.STDERR: whole}
    records: list[Record] = []
    for stream, size in [*cuts, *((stream, 1000) for stream in left)]:
        piece, left[stream] = left[stream][:size], left[stream][size:]
        if piece:
            records.append(Record(len(records) + 1, 1, stream, 0, piece))
    rendering = OutputEvents("0")
    sent: list[tuple[str, str, str]] = []

    def take(rendering: OutputEvents, record: Record) -> None:
        event = rendering.render(record)
        if event:
            head, _, body = event.decode().partition("\ndata: ")
            told = json.loads(body)
            sent.append((head.removeprefix("id: "), told["stream"], told["message"]))

    for record in records:
        take(rendering, record)
        comes_back: bool = data.draw(st.booleans())
        if sent and comes_back:
            rendering = OutputEvents(sent[-1][0])
            for earlier in records[rendering.after : record.number]:
                take(rendering, earlier)
    for name in ("stdout", "stderr"):
        assert "".join(message for _mark, stream, message in sent if stream == name) == word


def test_unfinished_characters_are_known() -> None:
    for character in "aé€𐍈":
        coded = character.encode()
        for cut in range(1, len(coded) + 1):
            assert unfinished(b"x" + coded[:cut]) == (0 if cut == len(coded) else cut)
    assert unfinished(b"\x80\x80\x80\x80") == unfinished(b"") == unfinished(b"\xff") == 0


async def test_a_hundred_followers_lose_nothing_beside_one_that_does_not_read(
    server: Server, client: httpx.AsyncClient, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_KEPT", 20_000)
    count = 20_000
    path = write(
        scripts, "p.py", f"print('x' * 99, flush=True)\nfor n in range({count}): print(n, flush=n % 50 == 0)\n"
    )
    expected = "x" * 99 + "\n" + "".join(f"{n}\n" for n in range(count))
    job = await server.engine.run(RunRequest(path=path))
    host, port = server.url.removeprefix("http://").split(":")
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect((host, int(port)))
        request = f"GET {API}/job/{job.id}/output?follow=true HTTP/1.1\r\nHost: x\r\n"
        stuck.sendall((request + f"Authorization: Bearer {server.tokens['Reader']}\r\n\r\n").encode())
        limits = httpx.Limits(max_connections=None)
        many = server.client(limits=limits)
        found = await asyncio.gather(*(follow(many, job.id) for _ in range(100)))
        assert all(text(one) == expected for one in found)
        # It reads at last, and gets it all as well.
        loop = asyncio.get_running_loop()
        stuck.setblocking(False)
        got = b""
        async with asyncio.timeout(30):
            while b"event: end" not in got:
                got += await loop.sock_recv(stuck, 65536)
        assert f'{count - 1}\\n"'.encode() in got


async def test_who_reads_ahead_of_the_others_gets_nothing_twice(
    server: Server, client: httpx.AsyncClient, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all share stands still, while a newcomer has read the whole journal for itself."""
    records, go_on, go = server.engine.records, asyncio.Event(), scripts / "go"

    async def halting(id: int, *, follow: bool = False, **options: Any) -> AsyncIterator[Record]:
        async for record in records(id, follow=follow, **options):
            if follow:
                await go_on.wait()
            yield record

    monkeypatch.setattr(server.engine, "records", halting)
    waiting = f"echo one; until [ -e {go} ]; do sleep 0.02; done; echo two; echo three\n"
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", waiting)))

    async def printed() -> bool:
        return (await server.engine.lines(job.id, 0, 1)).lines != ()

    await until(printed)
    got: dict[int, list[dict[str, Any]]] = {0: [], 1: []}

    async def collect(number: int) -> None:
        async with client.stream("GET", f"/job/{job.id}/output?follow=true") as stream:
            async for event in events(stream.aiter_lines()):
                got[number].append(event)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(collect(0))
        await until(lambda: got[0])
        go.touch()
        await server.engine.wait(job.id)
        group.create_task(collect(1))
        await until(lambda: text(got[1]).endswith("three\n"))
        go_on.set()
    assert text(got[0]) == text(got[1]) == "one\ntwo\nthree\n"


async def test_silence_is_filled_and_the_headers_come_at_once(
    server: Server, client: httpx.AsyncClient, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (live, following):
        monkeypatch.setattr(module, "KEEP_ALIVE", 0.05)
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", "sleep 1000\n")))
    for path in (f"/job/{job.id}/output?follow=true", "/events"):
        async with asyncio.timeout(20), client.stream("GET", path) as stream:
            comments = 0
            async for line in stream.aiter_lines():
                comments += line.startswith(":")
                if comments == 3:
                    break
    async with asyncio.timeout(20), client.stream("GET", f"/job/{job.id}/records?follow=true") as stream:
        got = b""
        async for chunk in stream.aiter_bytes():
            got += chunk
            if got.endswith(SIGN_OF_LIFE * 2):
                break
    await client.post(f"/job/{job.id}/cancel")


async def test_records_are_frames_with_an_end(server: Server, client: httpx.AsyncClient, scripts: Path) -> None:
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", "echo one; sleep 0.1; echo two\n")))
    followed = (await client.get(f"/job/{job.id}/records?follow=true&streams=stdout")).content
    there = (await client.get(f"/job/{job.id}/records?streams=1")).content
    assert followed.endswith(END) and there.endswith(END)
    unframer = Unframer()
    records = list(unframer.feed(followed))
    assert unframer.ended and records == list(Unframer().feed(there))
    assert b"".join(record.data for record in records) == b"one\ntwo\n"
    behind = (await client.get(f"/job/{job.id}/records?streams=1&after={records[0].number}")).content
    assert list(Unframer().feed(behind)) == records[1:]


async def test_what_changes_is_told_and_can_be_taken_up_again(
    server: Server, client: httpx.AsyncClient, scripts: Path
) -> None:
    path = write(scripts, "s.sh", "true\n")
    async with asyncio.timeout(20), client.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(":")
        job = await server.engine.run(RunRequest(path=path))
        async for event in events(lines):
            if event["data"]["kind"] == "job":
                break
    assert event["data"] == {"sequence": int(event["id"]), "kind": "job", "id": job.id}
    await server.engine.wait(job.id)
    second = await server.engine.run(RunRequest(path=path))
    seen = set()
    headers = {"Last-Event-ID": event["id"]}
    async with asyncio.timeout(20), client.stream("GET", "/events", headers=headers) as stream:
        async for event in events(stream.aiter_lines()):
            seen.add(event["data"]["id"])
            if second.id in seen:
                break


async def test_a_draining_server_tells_who_follows_and_who_waits(
    server: Server, client: httpx.AsyncClient, scripts: Path
) -> None:
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", "echo x; sleep 1000\n")))
    await follow(client, job.id, stop=1)
    followed = asyncio.create_task(follow(client, job.id))
    waited = asyncio.create_task(client.get(f"/job/{job.id}/wait?timeout=600"))
    records = asyncio.create_task(client.get(f"/job/{job.id}/records?follow=true"))

    async def changes() -> str:
        return (await client.get("/events")).text

    changed = asyncio.create_task(changes())
    await until(lambda: server.app.state.api.following.followers == 2)
    await until(lambda: len(server.app.state.drain._waiters) == 4)
    server.app.state.drain.begin()
    assert [event.get("event") for event in await followed] == [None, "drain"]
    assert "event: drain" in await changed
    refused = await waited
    assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
    assert not (await records).content.endswith(END), "it is not the job's end"
    await server.engine.cancel(job.id)
    await server.engine.wait(job.id)


async def test_waiting_ends_with_the_job_the_deadline_or_the_client(
    server: Server, client: httpx.AsyncClient, scripts: Path
) -> None:
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", "sleep 1000\n")))
    assert (await client.get(f"/job/{job.id}/wait?timeout=0.05")).json()["status"] in (0, 1)
    for timeout in ("x", "-1", "1e9", "nan", "inf"):
        assert (await client.get(f"/job/{job.id}/wait", params={"timeout": timeout})).status_code == 400
    with pytest.raises(httpx.ReadTimeout):
        await client.get(f"/job/{job.id}/wait", timeout=0.2)
    await until(lambda: not server.app.state.drain._waiters)
    waiting = asyncio.create_task(client.get(f"/job/{job.id}/wait?timeout=60"))
    await client.post(f"/job/{job.id}/cancel")
    assert (await waiting).json()["status"] == 5


async def test_who_goes_in_the_middle_leaves_nothing_behind(
    server: Server, client: httpx.AsyncClient, scripts: Path
) -> None:
    job = await server.engine.run(RunRequest(path=write(scripts, "s.sh", "while :; do echo x; sleep 0.01; done\n")))
    for _ in range(20):
        await follow(client, job.id, stop=2)
    await until(lambda: server.app.state.api.following.followers == 0)
    await until(lambda: not server.app.state.api.following._feeds)
    await server.engine.cancel(job.id)
    await server.engine.wait(job.id)
    assert not [task for task in asyncio.all_tasks() if "feed of job" in task.get_name()]


async def test_a_search_stops_when_nobody_reads_it(server: Server, client: httpx.AsyncClient, scripts: Path) -> None:
    path = write(scripts, "s.sh", "yes needle | head -n 300000\n")
    job = await server.engine.run(RunRequest(path=path))
    await server.engine.wait(job.id)
    async with client.stream("GET", f"/job/{job.id}/search?pattern=needle") as stream:
        first = json.loads(await anext(stream.aiter_lines()))
    assert first["line"] == 0 and (first["start"], first["end"]) == (0, 6)
    refused = await client.get(f"/job/{job.id}/search?pattern=(&regex=true")
    assert refused.status_code == 400
    assert (await client.get(f"/job/{job.id}/search?pattern=nothing")).content == b""
