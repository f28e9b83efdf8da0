"""The API's description: complete, valid, with examples, and its page; and the whole API asked at random."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from core.server.description import describe
from core.server.roles import LEAST
from tests.server.conftest import Process, Server, served, write


async def test_every_route_is_described_with_examples(server: Server) -> None:
    answered = await server.client("").get("/openapi.json")
    document = answered.json()
    assert document["openapi"] == "3.1.0" and document == describe(server.app.state.api, "")
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) == len(LEAST)
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)
    for key, operation in operations.items():
        assert operation["summary"] and operation["tags"], key
        assert "422" not in operation["responses"]
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if status == "200" and "json" in media_type and not key.endswith("openapi.json"):
                    assert "example" in content, (key, media_type)
                elif status > "200":
                    assert content["schema"]["$ref"].endswith("Problem")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if content["schema"].get("format") != "binary":
                assert "example" in content or "examples" in content, key


async def test_the_page_loads_nothing_from_anywhere_else(server: Server) -> None:
    client = server.client("")
    client.base_url = httpx.URL(server.url)
    page = await client.get("/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert not re.search(r"https?://|//[a-z]|@import|url\(|src=", page.text.split("<script>")[0])
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "innerHTML" not in page.text and "eval" not in page.text


async def test_behind_a_proxy_under_a_path(engine: Engine, settings: Settings) -> None:
    async with served(engine, settings, root_path="/tools/jobdeck/") as server:
        client = server.client("")
        client.base_url = httpx.URL(server.url)
        # Whether the proxy takes its path away or passes it on.
        for path in ("/api/v1/alive", "/tools/jobdeck/api/v1/alive"):
            assert (await client.get(path)).json() == {"alive": True}
        document = (await client.get("/tools/jobdeck/api/v1/openapi.json")).json()
        assert document["servers"] == [{"url": "/tools/jobdeck"}]
        assert (await client.get("/tools/other/api/v1/alive")).status_code == 404


async def test_methods_that_are_not_there(client: httpx.AsyncClient) -> None:
    for method, path, allowed in (
        ("PATCH", "/job/1", "DELETE, GET"),
        ("DELETE", "/job", "GET, POST"),
        ("OPTIONS", "/job/counts", "GET"),
        ("HEAD", "/alive", "GET"),
    ):
        refused = await client.request(method, path)
        assert refused.status_code == 405 and refused.headers["allow"] == allowed, (method, path)
    missing = await client.get("/nothing/here")
    assert missing.status_code == 404 and "/docs" in missing.json()["detail"]
    assert missing.headers["date"].endswith(" GMT") and missing.headers["cache-control"] == "no-store"


async def test_figures_for_prometheus(server: Server, client: httpx.AsyncClient) -> None:
    await client.get("/version")
    await client.get("/nothing")
    client.base_url = httpx.URL(server.url)
    answered = await client.get("/metrics")
    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {family.name: family for family in text_string_to_metric_families(answered.text)}
    assert {sample.labels["status"] for sample in found["jobdeck_jobs"].samples} >= {"Running", "Queued", "Failed"}
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for sample in found["jobdeck_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert counted["/api/v1/version", "200"] == 1 and counted["other", "404"] == 1
    assert found["jobdeck_led"].samples[0].value == 1
    assert "process_resident_memory_bytes" in found


def test_whatever_is_asked_is_answered_as_described(process: Process, tmp_path: Path) -> None:
    """Schemathesis over the whole API of the real command, events apart, which do not end by themselves."""
    process.start()

    async def prepare() -> str:
        engine = await Engine.open(Settings.load(), "act")
        for number in range(50):
            # What is asked at random revokes tokens too: not the one it is asked with.
            token = await engine.grant_token(f"tests{number}", Role.Administrator)
        await engine.add_script(write(tmp_path, "hello.sh", "# param: target\necho $target\n"))
        await engine.close()
        return token.token or ""

    token = asyncio.run(prepare())
    # Whether these accept what their schema allows depends on what is there (files, programs, other parameters),
    # or on what no schema can say: that a name is printable.
    (tmp_path / "schemathesis.toml").write_text(
        "".join(
            f'[[operations]]\ninclude-name = "{name}"\nchecks.positive_data_acceptance.enabled = false\n'
            for name in (
                "POST /api/v1/job", "GET /api/v1/job", "POST /api/v1/script", "PUT /api/v1/script",
                "PUT /api/v1/script/{id}", "POST /api/v1/environment", "PUT /api/v1/environment/{name}",
                "PUT /api/v1/setting", "POST /api/v1/script/{id}", "POST /api/v1/script/path/{full_path}",
                "GET /api/v1/script/path/{full_path}", "POST /api/v1/apptoken", "GET /api/v1/apptoken/grant/{identity}",
            )
        )
    )  # fmt: skip
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "run", f"{process.url}/openapi.json", "-H",
        f"Authorization: Bearer {token}", "--exclude-path-regex", "/events$", "--max-examples", "4", "--seed", "7",
        "--no-color", "--request-timeout", "60", "--phases", "examples,coverage,fuzzing",
        "--suppress-health-check", "all",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert process.end() == 0
    assert "Traceback" not in process.log.read_text()
