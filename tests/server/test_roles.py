"""Who may do what: the matrix of every route and every role, and none; generated from the app's own routes."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from core.access import Role
from core.server.roles import LEAST, OWN, suffices
from core.service import RunRequest
from tests.server.conftest import Server, write
from tests.waiting import until

UNKNOWN = 987654


def routes(server: Server) -> list[tuple[str, str]]:
    """Method and path of every route of the app."""
    found = []
    for route in server.app.router.routes:
        assert isinstance(route, APIRoute), f"{route} has no role: it is none of the guarded routes"
        assert route.methods is not None and len(route.methods) == 1
        found.append((next(iter(route.methods)), route.path))
    return found


def url(path: str) -> str:
    """A URL of a route at which nothing is: who is let in is told so, whoever is not is told that."""
    return re.sub(r"\{[a-z_:]+\}", str(UNKNOWN), path)


async def ask(server: Server, token: str, method: str, path: str) -> int:
    """The status of a request whose stream, if it is one, is not read."""
    client = server.client(token)
    client.base_url = httpx.URL(server.url)
    # Signing in takes the token of the header where there is no body.
    body = b"{}" if method in ("POST", "PUT") and not path.endswith("/signin") else None
    async with client.stream(method, url(path), content=body) as response:
        return response.status_code


async def test_every_route_asks_for_its_role(server: Server) -> None:
    found = routes(server)
    assert {f"{method} {path}" for method, path in found} == set(LEAST)
    refusals = 0
    for method, path in found:
        least = LEAST[f"{method} {path}"]
        anonymous = await ask(server, "", method, path)
        assert (anonymous == 401) is (least is not None or path.endswith("/signin")), (method, path, anonymous)
        for role in Role:
            status = await ask(server, role.value, method, path)
            allowed = least is None or suffices(role, least)
            assert (status == 403) is not allowed, (method, path, role, status)
            assert status not in (401, 405, 429, 500, 503), (method, path, role, status)
            refusals += not allowed
    told = (await server.client().get("/audit", params={"take": 1000})).json()
    assert sum("asks for the role" in entry["outcome"] for entry in told) == refusals
    assert {entry["identity"] for entry in told if "asks for the role" in entry["outcome"]} == {
        "reader", "execute", "operator"
    }  # fmt: skip


async def test_what_is_open_to_everybody_is_little(server: Server) -> None:
    assert {key for key, least in LEAST.items() if least is None} == {
        "GET /docs", "GET /api/v1/openapi.json", "GET /api/v1/alive", "POST /api/v1/signin",
    }  # fmt: skip


async def test_a_route_without_a_role_cannot_be_made(server: Server) -> None:
    async def endpoint() -> None: ...

    with pytest.raises(LookupError, match="GET /api/v1/new has no role"):
        server.app.router.add_api_route("/api/v1/new", endpoint, methods=["GET"])


async def test_execute_acts_on_its_own_jobs_alone(server: Server, scripts: Path) -> None:
    ask_name = write(scripts, "ask.py", "import jobdeck\nprint('hello', jobdeck.ask('Name?'))\n")
    number = (await server.engine.add_script(ask_name)).id
    theirs = await server.engine.run(RunRequest(script=number))
    execute, operator = server.client("Execute"), server.client("Operator")
    own = int((await execute.post(f"/script/{number}")).text)
    assert (await execute.get(f"/job/{own}")).json()["identity"] == "execute"
    for id in (own, theirs.id):
        await until(partial(_waits, server, id))
    for key in OWN:
        method, path = key.split()
        path = path.removeprefix("/api/v1").replace("{id}", str(theirs.id)).replace("{number}", "1")
        refused = await execute.request(method, path, json={"response": "x"})
        assert refused.status_code == 403 and "own jobs" in refused.json()["detail"], (key, refused.text)
    run_id = (await server.engine.job(theirs.id)).run_id
    assert (await execute.post(f"/job/{run_id}/cancel")).status_code == 403
    assert (await execute.get(f"/job/{theirs.id}/output")).status_code == 200
    assert (await execute.post(f"/job/{own}/feedback/1", json={"response": "Eve"})).status_code == 200
    assert (await execute.get(f"/job/{own}/wait")).json()["status"] == 2
    again = (await execute.post(f"/job/{own}/rerun")).json()
    assert again["identity"] == "execute"
    assert (await execute.post(f"/job/{again['id']}/cancel")).status_code == 200
    assert (await operator.post(f"/job/{theirs.id}/cancel")).status_code == 200
    assert (await execute.get(f"/job/{theirs.id}/wait")).json()["status"] == 5


async def _waits(server: Server, id: int) -> bool:
    return (await server.engine.job(id)).feedback is not None


async def test_execute_runs_what_is_on_record_as_it_is(server: Server, scripts: Path) -> None:
    path = write(scripts, "a.sh", "echo $LD_PRELOAD\n")
    execute = server.client("Execute")
    assert (await execute.post("/job", json={"path": path})).status_code == 403
    await server.engine.add_script(path)
    assert (await execute.post("/job", json={"script": "a.sh"})).status_code == 200
    for more in (
        {"variables": {"PATH": os.environ["PATH"]}},
        {"extraVariables": {"LD_PRELOAD": "x"}},
        {"workingDirectory": "/"},
    ):
        refused = await execute.post("/job", json={"script": "a.sh"} | more)
        assert refused.status_code == 403 and "Operator" in refused.json()["detail"], refused.text
        assert (await server.client("Operator").post("/job", json={"script": "a.sh"} | more)).status_code == 200
    named = await execute.post("/job", json={"script": "a.sh", "identity": "root"})
    assert named.status_code == 200 and named.json()["identity"] == "execute"


async def test_a_restricted_token_sees_and_runs_its_scripts_alone(server: Server, scripts: Path) -> None:
    for name, tags in (("a.sh", ()), ("b.sh", ("ops",)), ("c.sh", ())):
        await server.engine.add_script(write(scripts, name, "sleep 100\n"), tags=tags)
    jobs = {name: await server.engine.run(RunRequest(script=name)) for name in ("a.sh", "b.sh", "c.sh")}
    token = await server.engine.grant_token("eve", Role.Operator, scripts=("a.sh",), tags=("ops",))
    eve = server.client(token.token)
    page = (await eve.get("/job")).json()
    assert {job["script"] for job in page["page"]} == {"a.sh", "b.sh"} and page["total"] == 2
    assert sum((await eve.get("/job/counts")).json().values()) == 2
    assert {script["name"] for script in (await eve.get("/script")).json()} == {"a.sh", "b.sh"}
    hidden = jobs["c.sh"].id
    for path in ("", "/wait?timeout=0", "/output", "/output?follow=true", "/log", "/records", "/records?follow=true",
                 "/lines", "/lineAt?time=2026-01-01T00:00:00Z", "/search?pattern=x", "/objects", "/pipelineOutput",
                 "/error", "/feedback", "/usage", "/content"):  # fmt: skip
        refused = await eve.get(f"/job/{hidden}{path}")
        assert refused.status_code in (403, 404), (path, refused.status_code, refused.text)
        assert (await eve.get(f"/job/{jobs['a.sh'].id}{path.replace('?follow=true', '')}")).status_code == 200, path
    for method, path, body in (
        ("POST", f"/job/{hidden}/cancel", None),
        ("POST", f"/job/{hidden}/rerun", None),
        ("DELETE", f"/job/{hidden}", None),
        ("PUT", f"/job/{hidden}/input", None),
        ("POST", f"/job/{hidden}/feedback", {"response": "x"}),
        ("POST", "/script/path/c.sh", None),
        ("POST", "/job", {"script": "c.sh", "tags": ["ops"]}),
        ("POST", "/job", {"path": str(scripts / "c.sh"), "tags": ["ops"]}),
        ("GET", "/script/c.sh", None),
        ("GET", "/script/c.sh/content", None),
        ("GET", "/script/c.sh/parameter", None),
        ("PUT", "/script/c.sh", {"tags": ["ops"]}),
        ("DELETE", "/script/c.sh", None),
        ("POST", "/script", {"name": "new.sh", "content": "", "tags": ["ops"]}),
    ):
        refused = await eve.request(method, path, json=body)
        assert refused.status_code in (403, 404), (method, path, refused.status_code, refused.text)
    assert int((await eve.post("/script/path/b.sh")).text) > hidden
    for job in (await server.client().get("/job?status=Active")).json()["page"]:
        await server.client().post(f"/job/{job['id']}/cancel")
