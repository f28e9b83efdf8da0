"""The real `jobdeck serve`: killed and restarted under its followers, ended, kept from starting; TLS and its log."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import resource
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from tests.server.conftest import Process, write
from tests.server.test_live import events, text


async def prepared(settings: Settings, path: str) -> tuple[str, int]:
    """A token and the number of a script, put on record beside the server."""
    engine = await Engine.open(settings, "act")
    token = await engine.grant_token("tests", Role.Operator)
    script = await engine.add_script(path)
    await engine.close()
    return token.token or "", script.id


async def test_followers_lose_nothing_when_the_server_is_killed_and_started_again(
    process: Process, settings: Settings, scripts: Path
) -> None:
    count = 300
    producer = f"import time\nfor n in range({count}):\n    print(n, flush=True)\n    time.sleep(0.02)\n"
    path = write(scripts, "p.py", producer)
    process.start()
    token, script = await prepared(settings, path)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as client:
        number = int((await client.post(f"/script/{script}")).text)
        found: list[dict[str, object]] = []
        last = ""
        kills = 0
        async with asyncio.timeout(90):
            while not found or found[-1].get("event") != "end":
                at = {"Last-Event-ID": last} if last else {}
                async with client.stream("GET", f"/job/{number}/output?follow=true", headers=at) as stream:
                    async for event in events(stream.aiter_lines()):
                        found.append(event)
                        last = event.get("id", last)
                        if len(found) > 5 * (kills + 1) and kills < 2:
                            kills += 1
                            process.end(signal.SIGKILL)
                            break
                if process.process is None:
                    process.start()
        assert kills == 2
        assert text(found) == "".join(f"{n}\n" for n in range(count))
        assert (await client.get("/job")).json()["total"] == 1
        assert (await client.get(f"/job/{number}")).json()["status"] == 2


async def test_a_signal_drains_it_and_jobs_go_on(process: Process, settings: Settings, scripts: Path) -> None:
    process.start("--access-log", "--log-format", "json")
    token, script = await prepared(settings, write(scripts, "s.sh", "echo x; sleep 1000\n"))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as client:
        number = int((await client.post(f"/script/{script}")).text)
        waiting = asyncio.create_task(client.get(f"/job/{number}/wait?timeout=600"))
        seen: list[str] = []
        async with asyncio.timeout(30), client.stream("GET", f"/job/{number}/output?follow=true") as stream:
            async for event in events(stream.aiter_lines()):
                seen.append(str(event.get("event", "output")))
                if seen == ["output"]:
                    ended = asyncio.create_task(asyncio.to_thread(process.end))
        assert seen == ["output", "drain"]
        assert (await waiting).status_code == 503
        assert await ended == 0
    engine = await Engine.open(settings, "act")
    assert (await engine.job(number)).status.name == "Running"
    await engine.cancel(number)
    await engine.wait(number)
    await engine.close()
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert any(line["logger"] == "jobdeck.access" and line["status"] == 200 for line in lines)
    assert "jobs go on" in " ".join(line["message"] for line in lines)


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    files = directory / "cert.pem", directory / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_tls_and_what_another_address_exposes(process: Process, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    process.start("--host", "0.0.0.0", "--cert", str(cert), "--key", str(key))
    process.scheme = "https"
    answered = httpx.get(f"{process.url}/alive", verify=ssl.create_default_context(cafile=str(cert)))
    assert answered.json() == {"alive": True}
    assert process.end(signal.SIGINT) == 0
    log = process.log.read_text()
    assert "https://0.0.0.0" in log and "other computers" in log and "encrypted" in log
    process.start("--host", "0.0.0.0")
    process.end()
    assert "NOT encrypted" in process.log.read_text()


def test_what_keeps_it_from_starting_is_a_sentence(process: Process, tmp_path: Path) -> None:
    process.start()
    _cert, key = certificate(tmp_path)
    for arguments, word, code in (
        (["--port", str(process.port)], "listens on 127.0.0.1", 1),
        (["--port", "http"], "no number", 2),
        (["--port", "70000"], "65535", 2),
        (["--host", "192.0.2.1", "--port", "0"], "no address of this computer", 1),
        (["--host", "no.such.host.invalid"], "no host", 2),
        (["--cert", str(key)], "both files", 2),
        (["--port", "0", "--cert", str(key), "--key", str(key)], "cannot be used for TLS", 2),
        (["--port", "0", "--root-path", "x"], "slash", 2),
    ):
        command = [sys.executable, "-m", "tui", "serve", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == code and word in done.stderr and not done.stdout, (arguments, done)
        assert done.stderr.startswith("jobdeck: ") and "Traceback" not in done.stderr


def test_serving_imports_no_terminal() -> None:
    screens = "m.split('.')[0] in ('textual', 'rich', 'tui')"
    program = f"import sys, core.server.serving; print(sorted(m for m in sys.modules if {screens}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done


async def test_systemd_is_told(process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "n"))
    told.settimeout(20)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
    process.start()
    assert told.recv(100) == b"READY=1"
    assert process.end() == 0
    assert told.recv(100) == b"STOPPING=1"
    told.close()


async def test_many_files_for_the_server_and_the_usual_for_jobs(
    process: Process, settings: Settings, scripts: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fewer = min(soft, 600)
    resource.setrlimit(resource.RLIMIT_NOFILE, (fewer, hard))
    try:
        process.start("--proxies", "127.0.0.1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert process.process is not None
    assert resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    token, script = await prepared(settings, write(scripts, "l.sh", "ulimit -n\n"))
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "198.51.100.7"}
    async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as client:
        number = (await client.post(f"/script/{script}")).text
        await client.get(f"/job/{number}/wait")
        assert (await client.get(f"/job/{number}/log")).json() == {"log": f"{fewer}\n"}
        assert (await client.get("/audit")).status_code == 403
    engine = await Engine.open(settings, "act")
    assert {entry.address for entry in await engine.audit() if entry.action == "audit"} == {"198.51.100.7"}
    await engine.close()
