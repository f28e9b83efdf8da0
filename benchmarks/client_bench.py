"""The client over TCP to a real server, beside the same requests made bare; the codec beside plain JSON."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from benchmarks.command_bench import fill
from benchmarks.table import Row
from core import wire
from core.access import Role
from core.client import Client
from core.config import Settings
from core.engine.engine import Engine
from core.journal.format import STDOUT
from core.service import Job, JobQuery, JobService, RunRequest

_SECONDS = 2.0
_MIB = 64
_PAGE = JobQuery(take=50)


async def _rate(act: Callable[[], Awaitable[object]]) -> float:
    """How often a second it can be done, one after the other."""
    await act()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < _SECONDS:
        await act()
        count += 1
    return count / (time.perf_counter() - begin)


async def _records(client: Client, id: int) -> float:
    """MiB a second of a job's output through the client."""
    begin, size = time.perf_counter(), 0
    async for record in client.records(id, streams=frozenset({STDOUT}), follow=True):
        size += len(record.data)
    assert size == _MIB << 20
    return _MIB / (time.perf_counter() - begin)


def _bare_records(port: int, token: str, id: int) -> float:
    """The same through a socket, looked at by nobody."""
    request = (
        f"GET /api/v1/job/{id}/records?streams=1&follow=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        begin, size = time.perf_counter(), 0
        connection.sendall(request.encode())
        while data := connection.recv(1 << 18):
            size += len(data)
    assert size > _MIB << 20
    return _MIB / (time.perf_counter() - begin)


async def _prepare(settings: Settings, directory: str) -> tuple[int, str]:
    """A job with much output, and a token."""
    script = Path(directory, "much.sh")
    script.write_text(f"head -c {_MIB << 20} /dev/zero | tr '\\0' 'x'\n")
    engine = await Engine.open(settings, "act")
    job = await engine.wait((await engine.run(RunRequest(path=str(script), standard_input="none"))).id)
    token = str((await engine.grant_token("bench", Role.Administrator)).token)
    await engine.close()
    return job.id, token


async def _measure(url: str, port: int, token: str, much: int) -> list[Row]:
    client: JobService = Client(url, token)
    bare = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)

    async def get(path: str) -> object:
        return json.loads((await bare.get(path)).content)

    rows = [
        Row(
            "client: one job, one after the other",
            await _rate(lambda: client.job(1)),
            "/s",
            await _rate(lambda: get("/api/v1/job/1")),
            "bare httpx",
            "≥ 0.7",
        ),
        Row(
            "client: a page of 50 jobs",
            await _rate(lambda: client.jobs(_PAGE)),
            "/s",
            await _rate(lambda: get("/api/v1/job?take=50&total=false")),
            "bare httpx",
            "≥ 0.7",
        ),
    ]
    page = (await client.jobs(_PAGE)).jobs
    assert isinstance(client, Client)
    records = await _records(client, much)
    rows.append(
        Row(
            "client: a job's output of 64 MiB, followed",
            records,
            "MiB/s",
            await asyncio.to_thread(_bare_records, port, token, much),
            "bare socket",
            "≥ 0.25",
        )
    )
    await client.close()
    await bare.aclose()
    plain = wire.encode(page)
    text = wire.dumps(plain)
    return [
        *rows,
        _codec("encode", lambda: wire.dumps(wire.encode(page)), lambda: json.dumps(plain)),
        _codec("decode", lambda: wire.decode_list(Job, json.loads(text)), lambda: json.loads(text)),
    ]


def _codec(name: str, act: Callable[[], object], floor: Callable[[], object]) -> Row:
    def rate(work: Callable[[], object]) -> float:
        count, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < _SECONDS / 2:
            work()
            count += 1
        return count / (time.perf_counter() - begin)

    return Row(f"codec: {name} a page of 50 jobs", rate(act), "/s", rate(floor), "json of plain dicts", "≥ 0.25")


def run() -> list[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as directory:
        variables = {"JOBDECK_HOME": os.path.join(directory, "home")}
        settings = Settings.load(variables)
        script = os.path.join(directory, "noop.sh")
        Path(script).write_text(":\n")
        fill(settings, script, 10_000)
        much, token = asyncio.run(_prepare(settings, directory))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        program = [os.path.join(os.path.dirname(sys.executable), "jobdeck"), "serve", "--port", str(port)]
        with subprocess.Popen(
            program, env=os.environ | variables, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                while True:
                    try:
                        socket.create_connection(("127.0.0.1", port)).close()
                        break
                    except ConnectionRefusedError:
                        time.sleep(0.05)
                return asyncio.run(_measure(f"http://127.0.0.1:{port}", port, token, much))
            finally:
                server.terminate()
