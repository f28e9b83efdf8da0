"""The original's REST, word for word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from tests.server.conftest import Server, write

CLIXML = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><S>String</S></Objs>'
NUMBER = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><I32>42</I32></Objs>'
SCRIPT = "def main(parameter1: str = 'none', days: int = 0):\n    print(parameter1, days)\n"


@pytest.fixture
async def script(client: httpx.AsyncClient, scripts: Path) -> int:
    """A script on record; its number."""
    added = await client.post("/script", json={"fullPath": write(scripts, "script.py", SCRIPT)})
    assert added.status_code == 200, added.text
    number: int = added.json()["id"]
    return number


async def printed(client: httpx.AsyncClient, response: httpx.Response) -> str:
    """What the job wrote that a POST started; its answer is a bare integer."""
    assert response.status_code == 200, response.text
    assert re.fullmatch(r"[1-9][0-9]*", response.text), response.text
    job = (await client.get(f"/job/{response.text}/wait", params={"timeout": 30})).json()
    assert job["status"] == 2, job
    log: str = (await client.get(f"/job/{response.text}/log")).json()["log"]
    return log


JSON_PATCH = "application/json-patch+json"
BODIES: list[tuple[str, str, str]] = [
    ("", "application/json", "none 0\n"),
    ('""', "application/json", "none 0\n"),
    ("{}", "application/json", "none 0\n"),
    ("{}", JSON_PATCH, "none 0\n"),
    ("null", "application/json", "none 0\n"),
    (json.dumps({"JobParameters": [{"Name": "parameter1", "Value": CLIXML}]}), "application/json", "String 0\n"),
    (json.dumps({"jobParameters": [{"name": "parameter1", "value": CLIXML}]}), JSON_PATCH, "String 0\n"),
    (json.dumps({"JobParameters": [{"Name": "days", "Value": NUMBER}]}), "application/json", "none 42\n"),
    (json.dumps({"JobParameters": [], "Environment": "Python"}), "application/json", "none 0\n"),
    (json.dumps({"environment": None, "parameters": {"parameter1": "x", "days": 3}}), "application/json", "x 3\n"),
    (json.dumps([{"name": "parameter1", "type": "System.String", "value": "nico"}]), "application/json", "nico 0\n"),
    (json.dumps({"name": "parameter1", "type": "System.String", "value": "nico"}), "application/json", "nico 0\n"),
    (json.dumps([{"name": "days", "type": "System.Int32", "value": "7"}]), "application/json", "none 7\n"),
    (json.dumps({"parameters": [{"Name": "days", "Value": 7}]}), "text/plain", "none 7\n"),
]


@pytest.mark.parametrize(("body", "kind", "expected"), BODIES)
async def test_a_script_is_run_with_any_of_the_bodies(
    client: httpx.AsyncClient, script: int, body: str, kind: str, expected: str
) -> None:
    response = await client.post(f"/script/{script}", content=body, headers={"Content-Type": kind})
    assert await printed(client, response) == expected


async def test_query_parameters_become_texts_of_the_script(
    client: httpx.AsyncClient, script: int, scripts: Path
) -> None:
    for path in ("script.py", f"{scripts}/script.py", str(scripts / "script.py")[1:]):
        response = await client.post(f"/script/path/{path}?parameter1=x&days=5&Environment=python")
        assert await printed(client, response) == "x 5\n"
    response = await client.post(f"/script/{script}?parameter1=a", json={"parameters": {"days": 1}})
    assert await printed(client, response) == "a 1\n"


WRONG: list[tuple[Any, str]] = [
    ({"JobParameters": [{"Name": "c", "Value": "v", "IsVariable": True}]}, "IsVariable"),
    ({"Credential": "MyUser"}, "Credential"),
    ({"JobParameters": [{"Value": CLIXML}]}, "name"),
    ({"JobParameters": [{"Name": "days", "Value": CLIXML}]}, "days"),
    ({"JobParameters": [{"Name": "parameter1", "Value": "<Objs><Oops"}]}, "parameter1"),
    ({"JobParameters": "x"}, "list"),
    ({"Environment": "nowhere"}, "nowhere"),
    ({"Enviroment": "sh"}, "enviroment"),
    ({"parameters": {"x": 1}}, "x"),
    (7, "object"),
    ([{"name": "days", "type": "System.Int32", "value": "seven"}], "seven"),
]


@pytest.mark.parametrize(("body", "word"), WRONG)
async def test_what_cannot_be_done_is_told_in_a_sentence(
    client: httpx.AsyncClient, script: int, body: Any, word: str
) -> None:
    response = await client.post(f"/script/{script}", json=body)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem.keys() == {"type", "title", "status", "detail"} and problem["status"] == 400
    assert word in problem["detail"] and problem["detail"].endswith((".", "them")), problem
    assert (await client.get("/job")).json() == {"page": [], "total": 0, "more": False}


async def test_bytes_that_are_no_json_are_told(client: httpx.AsyncClient, script: int) -> None:
    for body in (b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 5000, b'{"a":' * 100 + b"1" + b"}" * 100):
        response = await client.post(f"/script/{script}", content=body)
        assert response.status_code == 400 and "body" in response.json()["detail"], response.text


async def test_no_such_script(client: httpx.AsyncClient) -> None:
    for path in ("/script/99", "/script/path/nothing.sh", f"/script/{10**19}"):
        response = await client.post(path)
        assert response.status_code == 404 and "script" in response.json()["detail"], response.text


async def test_jobs_as_the_original_lists_and_shows_them(client: httpx.AsyncClient, script: int) -> None:
    numbers = [int((await client.post(f"/script/{script}", json={})).text) for _ in range(3)]
    for number in numbers:
        await client.get(f"/job/{number}/wait")
    page = (await client.get("/job?take=50&skip=0&orderBy=Id&orderDirection=Descending&status=")).json()
    assert [job["id"] for job in page["page"]] == numbers[::-1] and page["total"] == 3
    page = (await client.get("/job?take=1&skip=1&orderBy=Id&orderDirection=Ascending")).json()
    assert [job["id"] for job in page["page"]] == numbers[1:2] and page["total"] == 3 and page["more"] is True
    for status, count in (("Completed", 3), ("2", 3), ("Running,Queued", 0), ("1,2", 3), ("Historical", 3), ("8", 0)):
        assert (await client.get("/job", params={"status": status})).json()["total"] == count, status
    assert len((await client.get("/job?status=Running&status=Completed")).json()["page"]) == 3
    job = (await client.get(f"/job/{numbers[0]}")).json()
    assert job["status"] == 2 and job["script"] == "script.py" and job["parentJob"] is None
    for key in ("createdTime", "startTime", "endTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", job[key])
    assert (await client.get(f"/job/{job['runId']}")).json() == job
    assert (await client.get(f"/job/{job['runId'].upper()}")).json() == job
    assert (await client.get("/job/00000000-0000-0000-0000-000000000000")).status_code == 404


async def test_output_log_and_pipeline_output(client: httpx.AsyncClient, scripts: Path) -> None:
    text = (
        "import jobdeck\nprint('one')\nprint('two')\njobdeck.warn('careful')\njobdeck.error('broken')\n"
        "jobdeck.emit({'a': 1})\njobdeck.emit('x')\n"
    )
    added = (await client.post("/script", json={"fullPath": write(scripts, "o.py", text)})).json()
    number = (await client.post(f"/script/{added['id']}")).text
    await client.get(f"/job/{number}/wait")
    output = (await client.get(f"/job/{number}/output")).json()
    assert all(list(entry) == ["type", "message", "data", "timestamp"] for entry in output)
    told = [(entry["type"], entry["message"]) for entry in output]
    assert sorted(told) == [(0, "one"), (0, "two"), (3, "careful"), (4, "broken")]
    log = (await client.get(f"/job/{number}/log")).json()
    assert log.keys() == {"log"} and "one\ntwo\n" in log["log"] and "WARNING: careful\n" in log["log"]
    objects = (await client.get(f"/job/{number}/pipelineOutput")).json()
    assert [json.loads(item["jsonData"]) for item in objects] == [{"a": 1}, "x"]
    assert "<S>x</S>" in objects[1]["data"]
    document = await client.get(f"/job/{number}/pipelineOutput?format=clixml")
    assert document.text.count("<Objs") == 1 and "<S>x</S>" in document.text


async def test_signing_in_takes_a_token(server: Server) -> None:
    nobody = server.client("")
    for body in ({"token": server.tokens["Reader"]}, {"Token": server.tokens["Reader"]}):
        answered = await nobody.post("/signin", json=body)
        assert answered.status_code == 200 and answered.json()["role"] == "Reader", answered.text
        assert answered.json()["identity"] == "reader"
    assert (await nobody.post("/signin", json=server.tokens["Execute"])).json()["role"] == "Execute"
    assert (await server.client("Operator").post("/signin")).json()["role"] == "Operator"
    assert (await nobody.post("/signin", json={"token": "x"})).status_code == 401
    assert (await nobody.post("/signin")).status_code == 401


async def test_alive_version_status(server: Server, client: httpx.AsyncClient) -> None:
    assert (await server.client("").get("/alive")).json() == {"alive": True}
    assert re.fullmatch(r'"\d+\.\d+\.\d+"', (await client.get("/version")).text)
    assert (await client.get("/status")).json()["maxRunning"] == 100


async def test_tokens_are_granted_and_revoked(server: Server, client: httpx.AsyncClient) -> None:
    granted = (await client.post("/apptoken", json={"identity": "ci", "role": "Execute", "tags": ["x"]})).json()
    assert granted["token"] and granted["role"] == "Execute" and granted["expiration"]
    own = (await client.get("/apptoken/grant")).json()
    assert own["identity"] == "administrator" and own["role"] == "Administrator"
    other = (await client.get("/apptoken/grant/eve?role=Operator")).json()
    assert other["identity"] == "eve" and other["role"] == "Operator"
    used = server.client(other["token"])
    assert (await used.get("/job")).status_code == 200
    listed = (await client.get("/apptoken")).json()
    assert all(token["token"] is None for token in listed) and other["id"] in {token["id"] for token in listed}
    assert (await client.delete(f"/apptoken/{other['id']}")).json()["revoked"]
    refused = await used.get("/job")
    assert refused.status_code == 401 and "revoked" in refused.json()["detail"]
    assert (await client.delete(f"/apptoken/{other['id']}")).status_code == 409


async def test_scripts_are_added_changed_shown_and_removed(client: httpx.AsyncClient, scripts: Path) -> None:
    path = write(scripts, "a b.sh", "echo 1\n")
    added = (await client.post("/script", json={"FullPath": path, "timeOut": 1.5, "tags": ["t"]})).json()
    assert added["timeOut"] == 1.5 and added["fullPath"] == path
    for where in (added["id"], "a%20b.sh", path.replace("/", "%2F").replace(" ", "%20")):
        assert (await client.get(f"/script/{where}")).json() == added, where
    assert (await client.get(f"/script/path/{path}")).json() == added
    changed = (await client.put("/script", json={"id": added["id"], "description": "d"})).json()
    assert changed["description"] == "d" and changed["timeOut"] == 1.5
    assert (await client.put(f"/script/{added['id']}", json={"concurrentJobs": 2})).json()["concurrentJobs"] == 2
    for body in ({"nothing": 1}, {"id": 3}, {"script": 1}, {"self": 1}, {"created": "2026-01-01T00:00:00Z"}):
        refused = await client.put(f"/script/{added['id']}", json=body)
        assert refused.status_code == 400, (body, refused.text)
    assert (await client.get(f"/script/{added['id']}/content")).content == b"echo 1\n"
    own = (await client.post("/script", json={"name": "own.sh", "content": "# param: n\necho $n\n"})).json()
    assert (await client.put(f"/script/{own['id']}/content", content=b"echo \xff\n")).status_code == 200
    assert (await client.get(f"/script/{own['id']}/content")).content == b"echo \xff\n"
    assert (await client.delete(f"/script/{own['id']}")).status_code == 204
    assert (await client.get(f"/script/{own['id']}")).status_code == 404
    assert [script["id"] for script in (await client.get("/script")).json()] == [added["id"]]


async def test_what_is_asked_again_is_never_old(server: Server, client: httpx.AsyncClient, script: int) -> None:
    """Answers are kept while nothing changes; whoever changes something, here or in another process, is seen."""
    narrow = server.client((await server.engine.grant_token("eve", Role.Reader, scripts=("other.py",))).token)
    number = int((await client.post(f"/script/{script}")).text)
    for _ in range(3):
        assert (await client.get("/job?take=5")).json()["total"] == 1
        assert (await narrow.get("/job?take=5")).json()["total"] == 0
    job = (await client.get(f"/job/{number}/wait")).json()
    assert (await client.get(f"/job/{number}")).json() == (await client.get(f"/job/{number}")).json() == job
    assert (await client.get("/job?take=5")).json()["page"] == [job]
    assert (await narrow.get(f"/job/{number}")).status_code == 403
    other = await Engine.open(Settings.load(), "act")
    again = await other.rerun(number)
    assert (await client.get("/job?take=5")).json()["total"] == 2
    await other.wait(again.id)
    await other.delete(number)
    await other.close()
    assert (await client.get(f"/job/{number}")).status_code == 404
    assert [job["id"] for job in (await client.get("/job?take=5")).json()["page"]] == [again.id]
