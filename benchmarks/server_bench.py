"""What the server costs: requests beside the bare framework with the same bytes, and 1,000 followers of one job."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from benchmarks.table import Row

_JOBS = 60
_SECONDS = 2.0
_CLIENTS = 8
_FOLLOWERS = 1000
_EVENTS = 200
_PAUSE = 0.05

_PRODUCER = f"""\
import os, time
while not os.path.exists(__file__ + ".go"):
    time.sleep(0.01)
for n in range({_EVENTS}):
    print(f"{{time.time_ns()}} {{n}}", flush=True)
    time.sleep({_PAUSE})
"""


def _serve(home: str, pipe: Pipe) -> None:
    """A process with the server and, on another port, the bare framework with what it is told to answer."""
    asyncio.run(_serving(home, pipe))


async def _serving(home: str, pipe: Pipe) -> None:
    import resource

    from fastapi import FastAPI, Response

    from core.access import Role
    from core.config import Settings
    from core.engine.engine import Engine
    from core.server.app import create_app
    from core.server.connection import Connection
    from core.server.serving import listen
    from core.server.uvicorn_server import QuietServer, configuration
    from core.service import RunRequest

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    settings = Settings.load({"JOBDECK_HOME": home, "PATH": os.environ["PATH"]})
    engine = await Engine.open(settings, "stay")
    app = create_app(engine, settings)
    answers: dict[str, bytes] = {}
    bare = FastAPI(openapi_url=None)

    @bare.get("/{name}")
    async def same(name: str) -> Response:
        return Response(answers[name], media_type="application/json")

    servers = []
    ports = []
    for one in (app, bare):
        (listening,) = await listen("127.0.0.1", 0)
        server = QuietServer(configuration(one, Connection))
        await server.startup(sockets=[listening])
        servers.append((server, listening))
        ports.append(listening.getsockname()[1])
    token = (await engine.grant_token("bench", Role.Administrator)).token
    noop, producer = os.path.join(home, "noop.sh"), os.path.join(home, "producer.py")
    Path(noop).write_text(":\n")
    Path(producer).write_text(_PRODUCER)
    for _ in range(_JOBS):
        job = await engine.run(RunRequest(path=noop))
    await engine.wait(job.id)
    pipe.send((ports, token, job.id, producer))
    loop = asyncio.get_running_loop()
    while True:
        command, value = await loop.run_in_executor(None, pipe.recv)
        if command == "end":
            break
        if command == "answers":
            answers.update(value)
            pipe.send(None)
        elif command == "memory":
            with open("/proc/self/smaps_rollup", encoding="ascii") as file:
                facts = dict(line.split(":", 1) for line in file if ":" in line)
            pipe.send(int(facts["Pss_Anon"].split()[0]) * 1024)
        elif command == "run":
            pipe.send((await engine.run(RunRequest(path=value))).id)
        elif command == "go":
            Path(value + ".go").touch()
            pipe.send(None)
    app.state.drain.begin()
    for server, listening in servers:
        await server.stop([listening], 2)
    app.state.api.following.close()
    await engine.close()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200"), head
    return await reader.readexactly(length)


def _get(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


async def _rate(port: int, request: bytes, varied: bytes = b"") -> float:
    """Requests per second of some clients that ask one after the other; `varied` becomes another number each time."""
    count = 0
    until = time.perf_counter() + _SECONDS

    async def client() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            count += 1
            await _request(reader, writer, request.replace(varied, b"%d" % (10**9 + count)) if varied else request)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    return count / (time.perf_counter() - began)


class _Follower:
    """Reads server-sent events and remembers how late each came."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.numbers: list[int] = []

    async def follow(self, port: int, request: bytes, ready: asyncio.Semaphore) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        writer.write(request)
        await reader.readuntil(b": still here\n\n")
        ready.release()
        with contextlib.suppress(asyncio.IncompleteReadError):
            async for line in reader:
                if b"event: end" in line:
                    break
                if not line.startswith(b"data: "):
                    continue
                now = time.time_ns()
                for said in json.loads(line[6:])["message"].split("\n"):
                    if said:
                        when, number = said.split()
                        self.numbers.append(int(number))
                        self.delays.append((now - int(when)) / 1e6)
        writer.close()


def _follow(port: int, request: bytes, count: int, pipe: Pipe) -> None:
    """A process with some followers: one alone would be busy with reading."""

    async def all_of_them() -> None:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        followers = [_Follower() for _ in range(count)]
        ready = asyncio.Semaphore(0)
        tasks = []
        for follower in followers:
            tasks.append(asyncio.create_task(follower.follow(port, request, ready)))
            await ready.acquire()
        pipe.send("ready")
        await asyncio.gather(*tasks)
        lost = sum(follower.numbers != list(range(_EVENTS)) for follower in followers)
        missing = sum(_EVENTS - len(set(follower.numbers)) for follower in followers)
        pipe.send((lost, missing, [delay for follower in followers for delay in follower.delays]))

    asyncio.run(all_of_them())


def run() -> list[Row]:
    """The rows of this benchmark."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as home:
        ours, theirs = context.Pipe()
        server = context.Process(target=_serve, args=(home, theirs))
        server.start()
        try:
            return _measured(context, ours)
        finally:
            ours.send(("end", None))
            server.join(30)


def _measured(context: Any, pipe: Pipe) -> list[Row]:
    (port, bare_port), token, job, producer = pipe.recv()

    def ask(command: str, value: Any = None) -> Any:
        pipe.send((command, value))
        return pipe.recv()

    async def body(request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = await _request(reader, writer, request)
        writer.close()
        return found

    rows = []
    requests = {"job": f"/api/v1/job/{job}", "page": "/api/v1/job?take=50"}
    ask("answers", {name: asyncio.run(body(_get(path, token))) for name, path in requests.items()})
    for name, path in requests.items():
        ratios = []
        for _ in range(3):
            floor = asyncio.run(_rate(bare_port, _get(f"/{name}", token)))
            ratios.append((asyncio.run(_rate(port, _get(path, token))), floor))
        ours, floor = statistics.median(one for one, _ in ratios), statistics.median(other for _, other in ratios)
        what = "GET of a job" if name == "job" else "page of 50 jobs"
        rows.append(Row(f"{what}, requests", ours, "/s", floor, "bare FastAPI route, same bytes", "≥ 0.5"))
    path = _get("/api/v1/job?take=50&before=VARIED", token)
    pages = statistics.median(asyncio.run(_rate(port, path, b"VARIED")) for _ in range(3))
    rows.append(Row("page of 50 jobs, every time another query, requests", pages, "/s", floor, "the same"))
    before = ask("memory")
    id = ask("run", producer)
    request = _get(f"/api/v1/job/{id}/output?follow=true", token)
    ours_one, theirs_one = context.Pipe()
    follower = context.Process(target=_follow, args=(port, request, _FOLLOWERS, theirs_one))
    follower.start()
    assert ours_one.recv() == "ready"
    memory = (ask("memory") - before) / _FOLLOWERS / 1024
    ask("go", producer)
    _lost, missing, delays = ours_one.recv()
    follower.join(30)
    delays.sort()
    return [
        *rows,
        Row(f"{_FOLLOWERS:,} followers of one job, 20 events/s: events lost", missing, "events", target="0"),
        Row("memory of the server per follower", memory, "KB"),
        Row("from the write in the job to the follower, p50", delays[len(delays) // 2], "ms"),
        Row("from the write in the job to the follower, p99", delays[len(delays) * 99 // 100], "ms"),
    ]
