"""The client's own part: what it makes of trouble, and what it asks again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.access import Role
from core.client import Client
from core.config import Settings
from core.engine.engine import Engine
from core.journal import format as journal
from core.server.local import LocalApi
from core.service import (
    Conflict,
    Event,
    Forbidden,
    Invalid,
    JobQuery,
    NotFound,
    RunRequest,
    ServiceError,
    Status,
    Unavailable,
)
from tests.contract.conftest import tcp_server
from tests.waiting import until

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"


@asynccontextmanager
async def answering(status: bytes, kind: bytes, body: bytes, more: bytes = b"") -> AsyncIterator[str]:
    """A program that answers every request so; its URL."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD.replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n") % (status, kind, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Proxy:
    """Between client and server: passes bytes on, and breaks connections off at will."""

    def __init__(self, port: int) -> None:
        self._port = port
        #: breaks a connection off once the server has answered so many bytes on it; None = never
        self.break_after: int | None = None
        self.broken = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen; the URL."""
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        there = asyncio.ensure_future(self._pass(reader, there_writer, back=False))
        back = asyncio.ensure_future(self._pass(there_reader, writer, back=True))
        self._tasks |= {there, back}
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        for each in (writer, there_writer):
            each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        passed = 0
        while data := await reader.read(65536):
            most = self.break_after if back else None
            if most is not None and passed + len(data) > most:
                writer.write(data[: max(0, most - passed)])
                await writer.drain()
                self.broken += 1
                return
            passed += len(data)
            writer.write(data)
            await writer.drain()

    async def close(self) -> None:
        """Break everything off."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def proxied(engine: Engine, settings: Settings) -> AsyncIterator[tuple[Client, Proxy]]:
    """A client whose connection to the engine's server can be broken off."""
    token = (await engine.grant_token("tests", Role.Administrator)).token
    async with tcp_server(engine, settings) as url:
        proxy = Proxy(int(url.rpartition(":")[2]))
        client = Client(await proxy.open(), token)
        try:
            yield client, proxy
        finally:
            await client.close()
            await proxy.close()


def write(directory: Path, name: str, text: str) -> str:
    (directory / name).write_text(text)
    return str(directory / name)


@pytest.mark.parametrize(
    ("status", "kind", "body", "more", "sentence"),
    [
        (b"200 OK", b"text/html", b"<html>", b"", "web page"),
        (b"404 Not Found", b"text/html", b"<html>", b"", "no jobdeck at"),
        (b"200 OK", b"application/json", b'{"page": [{"id": "x"}], "more": false}', b"", "job's id must be a whole"),
        (b"200 OK", b"application/json", b"{", b"", "not understood"),
        (b"301 Moved", b"text/html", b"", b"Location: https://there/api/v1/job\r\n", "sends to https://there:"),
        (b"502 Bad Gateway", b"text/html", b"<html>", b"", "proxy whose jobdeck does not answer"),
        (b"500 Oh", b"application/problem+json", b'{"detail": "It is on fire."}', b"", "^It is on fire.$"),
        (b"418 Teapot", b"text/plain", b"", b"", "418"),
    ],
)
async def test_what_is_no_answer_of_jobdeck_is_told(
    status: bytes, kind: bytes, body: bytes, more: bytes, sentence: str
) -> None:
    async with answering(status, kind, body, more) as url:
        client = Client(url, patience=0.1)
        with pytest.raises(Unavailable, match=sentence):
            await client.jobs(JobQuery())
        await client.close()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://127.0.0.1:1", "Nothing answers at http://127.0.0.1:1"),
        ("/nowhere/api.sock", "No jobdeck listens at /nowhere/api.sock"),
    ],
)
async def test_where_nobody_is_it_is_told(address: str, sentence: str) -> None:
    heard: list[str | None] = []
    client = Client(address, patience=1.3, told=heard.append)
    with pytest.raises(Unavailable, match=sentence):
        await client.status()
    # Told at once, not when the patience is nearly at its end.
    assert len(heard) == 1 and "Trying again for 1 s" in str(heard[0])
    with pytest.raises(Unavailable, match=sentence):
        await anext(client.records(1))
    await client.close()


async def test_a_name_that_no_computer_has_is_told_without_trying_again() -> None:
    heard: list[str | None] = []
    client = Client("http://nowhere.invalid", patience=30, told=heard.append)
    with pytest.raises(Unavailable, match=r"^No computer is called nowhere.invalid. Check the address [^ ]*\.$"):
        await client.status()
    assert heard == []
    await client.close()


@pytest.mark.parametrize("address", ["localhost:5000", "ftp://x", "http://", "http://a:b", "http://t@h", "http://a b"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(Invalid):
        Client(address)


def test_addresses_are_understood() -> None:
    for address in ("http://h:1/", "http://h:1/api/v1", " http://h:1/api/v1/ "):
        assert Client(address).address == "http://h:1"
    assert Client("https://h/deck/").address == "https://h/deck"
    assert Client("unix:/a/b").address == Client("unix:///a/b").address == "/a/b"
    with pytest.raises(Invalid, match="token holds characters"):
        Client("http://h", "two words")


async def test_who_may_not_is_told(engine: Engine, settings: Settings, scripts: Path) -> None:
    reader = (await engine.grant_token("tests", Role.Reader)).token
    async with tcp_server(engine, settings) as url:
        for token, sentence in ((None, "jobdeck login http"), ("nonsense", "not known.*jobdeck login http")):
            client = Client(url, token)
            with pytest.raises(Forbidden, match=sentence):
                await client.jobs(JobQuery())
            with pytest.raises(Forbidden):
                await anext(client.events())
            await client.close()
        client = Client(url, reader)
        assert (await client.jobs(JobQuery())).jobs == ()
        with pytest.raises(Forbidden, match="Execute"):
            await client.run(RunRequest(path=write(scripts, "a.sh", "true\n")))
        with pytest.raises(Forbidden, match="Administrator"):
            await client.tokens()
        await client.close()


async def test_a_socket_whose_path_is_long(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    local = LocalApi(engine, Settings(str(directory), str(directory / "config.toml")))
    await local.open()
    client = Client(str(directory / "api.sock"))
    assert (await client.status()).data_directory == settings.data_directory
    await client.close()
    await local.close()


async def test_records_come_once_however_often_the_connection_breaks(
    engine: Engine, settings: Settings, scripts: Path
) -> None:
    text = "import os, time\nfor n in range(300):\n    os.write(1, b'%d\\n' % n * 50)\n    time.sleep(0.002)\n"
    async with proxied(engine, settings) as (client, proxy):
        job = await client.run(RunRequest(path=write(scripts, "many.py", text)))
        proxy.break_after = 9_000
        got = b""
        async with asyncio.timeout(60):
            async for record in client.records(job.id, streams=frozenset({journal.STDOUT}), follow=True):
                got += record.data
        assert got == b"".join(b"%d\n" % n * 50 for n in range(300)) and proxy.broken > 3
        again = b"".join([r.data async for r in client.records(job.id, streams=frozenset({journal.STDOUT}))])
        assert again == got
        proxy.break_after = 4_000
        hits = [(hit.line, hit.start) async for hit in client.search(job.id, "9")]
        assert proxy.broken > 8
        proxy.break_after = None
        assert hits == [(hit.line, hit.start) async for hit in client.search(job.id, "9")] and len(hits) > 1000


async def test_a_run_whose_answer_is_lost_starts_one_job(engine: Engine, settings: Settings, scripts: Path) -> None:
    path = write(scripts, "a.sh", "echo hi\n")
    async with proxied(engine, settings) as (client, proxy):
        proxy.break_after = 0

        async def heal() -> None:
            await until(lambda: proxy.broken >= 3)
            proxy.break_after = None

        healing = asyncio.ensure_future(heal())
        async with asyncio.timeout(30):
            job = await client.run(RunRequest(path=path))
            await healing
        assert [one.id for one in (await client.jobs(JobQuery())).jobs] == [job.id]


async def asks(engine: Engine, id: int, number: int) -> None:
    """Wait until the job asks that question."""
    async with asyncio.timeout(20):
        while (await engine.job(id)).feedback != number:  # noqa: ASYNC110 (a job's doing)
            await asyncio.sleep(0.01)


async def lost_once(proxy: Proxy, act: Awaitable[object]) -> object:
    """Do something whose first answer is lost on the way."""
    proxy.break_after, before = 0, proxy.broken
    doing = asyncio.ensure_future(act)
    await until(lambda: proxy.broken > before or doing.done())
    proxy.break_after = None
    return await doing


async def test_acts_whose_answer_is_lost(engine: Engine, settings: Settings, scripts: Path) -> None:
    path = write(scripts, "ask.py", "import jobdeck\njobdeck.ask('A?')\njobdeck.ask('B?')\n")
    async with proxied(engine, settings) as (client, proxy):
        job = await engine.run(RunRequest(path=path))
        await asks(engine, job.id, 1)
        await lost_once(proxy, client.answer(job.id, "yes", feedback=1))
        await asks(engine, job.id, 2)
        assert [question.response for question in await engine.feedback(job.id)] == ["yes", None]
        with pytest.raises(Conflict):
            await client.answer(job.id, "no", feedback=1)
        await lost_once(proxy, client.cancel(job.id))
        assert (await client.wait(job.id, 20)).status is Status.Canceled
        with pytest.raises(Conflict):
            await client.cancel(job.id)
        await lost_once(proxy, client.delete(job.id))
        with pytest.raises(NotFound):
            await client.delete(job.id)
        with pytest.raises(Unavailable, match="Whether it was done is not known"):
            await lost_once(proxy, client.add_script(path, name="other"))


async def test_events_go_on_behind_the_last(engine: Engine, settings: Settings, scripts: Path) -> None:
    path = write(scripts, "a.sh", "true\n")
    async with proxied(engine, settings) as (client, proxy):
        heard: list[Event] = []

        async def hear() -> None:
            async for event in client.events(0):
                heard.append(event)  # noqa: PERF401 (each is wanted when it comes)

        hearing = asyncio.ensure_future(hear())
        proxy.break_after = 600
        for _ in range(4):
            id = (await engine.run(RunRequest(path=path))).id
            await engine.wait(id)
            await until(lambda id=id: id in {event.id for event in heard if event.kind == "job"})  # type: ignore[misc]
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        sequences = [event.sequence for event in heard]
        assert sequences == sorted(set(sequences)) and proxy.broken > 0


async def test_a_server_that_drains_turns_nobody_away(engine: Engine, settings: Settings, scripts: Path) -> None:
    go = scripts / "go"
    path = write(scripts, "slow.sh", f"echo begun; until [ -e {go} ]; do sleep 0.02; done; echo done\n")
    token = (await engine.grant_token("tests", Role.Operator)).token
    pieces: list[bytes] = []

    async def follow(client: Client, id: int) -> None:
        async for record in client.records(id, streams=frozenset({journal.STDOUT}), follow=True):
            pieces.append(record.data)  # noqa: PERF401 (each is wanted when it comes)

    async with tcp_server(engine, settings) as url:
        client = Client(url, token)
        job = await client.run(RunRequest(path=path))
        waiting = asyncio.ensure_future(client.wait(job.id))
        following = asyncio.ensure_future(follow(client, job.id))
        await until(lambda: bool(pieces))
    assert not waiting.done() and not following.done()
    async with tcp_server(engine, settings, int(url.rpartition(":")[2])), asyncio.timeout(30):
        go.touch()
        assert (await waiting).status is Status.Completed
        await following
        assert b"".join(pieces) == b"begun\ndone\n"
        await client.close()


async def test_patience_ends_with_a_sentence(engine: Engine, settings: Settings) -> None:
    token = (await engine.grant_token("tests", Role.Reader)).token
    heard: list[str | None] = []
    async with tcp_server(engine, settings) as url:
        client = Client(url, token, patience=1.5, told=heard.append)
        await client.counts()
    with pytest.raises(ServiceError, match=r"Nothing answers.*tried for"):
        await client.counts()
    assert len(heard) == 1 and "Trying again" in str(heard[0])
    await client.close()
