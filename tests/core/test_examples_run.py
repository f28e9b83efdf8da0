"""The examples as jobs over a real channel, and by hand."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.clixml.plain import simple
from core.engine.engine import Engine
from core.params.check import check
from core.params.command import argparse_arguments, positional
from core.params.read import read_interface
from core.service import RunRequest, Status
from tests.core.channel_server import HELPER, ROOT, ChannelServer, environment, run_python
from tests.powershell import pwsh

EXAMPLES = ROOT / "examples"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    server = ChannelServer(tmp_path)
    yield server
    server.close()


def run_shell(server: ChannelServer | None, name: str, given: dict[str, Any], **more: Any) -> Any:
    """A Bash example with checked parameters, as a job (or by hand, without the helper on PATH)."""
    path = EXAMPLES / name
    parameters = read_interface(path.read_bytes(), "command", name).parameters
    values = check(parameters, given, declared=True, script=name)
    variables = environment(server)
    if server is not None:
        server.parameters = values
        variables["PATH"] = f"{HELPER.parent}:{variables['PATH']}"
    return subprocess.run(
        ["bash", str(path), *positional(parameters, values)],
        capture_output=True,
        text=True,
        env=variables,
        timeout=60,
        check=False,
        **more,
    )


def test_disk_usage(server: ChannelServer) -> None:
    done = run_shell(server, "disk-usage.sh", {"threshold": "1", "path": "/"})
    assert (done.returncode, done.stderr) == (0, "")
    [disk] = server.objects
    assert disk["mount"] and 0 <= disk["used"] <= 100 and disk["free_mib"] >= 0
    assert len(server.of("warning")) == (disk["used"] > 1)
    by_hand = run_shell(None, "disk-usage.sh", {"path": "/"})
    assert by_hand.returncode == 0 and "Mounted on" in by_hand.stdout and "emit:" in by_hand.stderr


def test_log_digest(server: ChannelServer, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(
        "".join(f"2026-01-31 12:00:{n % 60:02} ERROR disk {n} is full\n" for n in range(100)) + "x INFO fine\n" * 7
    )
    server.parameters = {"log": str(log), "top": 1}
    done = run_python(server, EXAMPLES / "log-digest.py", style={"style": "main", "function": "main"})
    assert (done.returncode, done.stderr) == (0, "")
    assert server.objects == [
        {"message": "disk # is full", "count": 100},
        {"file": str(log), "lines": 107, "levels": {"ERROR": 100, "INFO": 7}},
    ]
    progress = server.of("progress")
    assert progress[-1]["completed"] is True and 5 < len(progress) < 20
    by_hand = subprocess.run(
        [sys.executable, str(EXAMPLES / "log-digest.py"), str(log)],
        capture_output=True,
        env=environment(None),
        check=False,
    )
    assert by_hand.returncode == 0 and b"disk # is full" in by_hand.stdout


@pytest.mark.parametrize("mode", ["plain", "encrypted"])
def test_backup_asks(server: ChannelServer, tmp_path: Path, mode: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "notes").write_text("kept")
    server.answer = mode
    done = run_shell(server, "backup.sh", {"source": str(source), "destination": str(tmp_path / "to")})
    assert (done.returncode, done.stderr) == (0, "")
    [backup] = server.objects
    archive = Path(backup["archive"])
    assert backup["mode"] == mode and archive.stat().st_size == backup["bytes"]
    assert archive.stat().st_mode & 0o077 == 0
    questions = server.of("ask")
    assert questions[0]["choices"] == ["&plain", "&encrypted"]
    assert [question["secret"] for question in questions] == ([False] if mode == "plain" else [False, True])
    if mode == "plain":
        with tarfile.open(archive) as packed:
            assert "./notes" in packed.getnames()
    else:
        # the answer to both questions was the same word
        plain = subprocess.run(
            ["openssl", "enc", "-d", "-aes-256-cbc", "-pbkdf2", "-pass", f"pass:{mode}", "-in", str(archive)],
            capture_output=True,
            check=True,
        ).stdout
        assert plain[:2] == b"\x1f\x8b"


def test_backup_takes_its_pass_phrase_from_a_secret_parameter(server: ChannelServer, tmp_path: Path) -> None:
    done = run_shell(
        server, "backup.sh", {"mode": "encrypted", "passphrase": "sesam", "destination": str(tmp_path / "to")}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert server.of("ask") == [] and server.objects[0]["mode"] == "encrypted"


def test_backup_of_nothing_is_an_error(server: ChannelServer) -> None:
    done = run_shell(server, "backup.sh", {"source": "/no/such/directory"})
    assert done.returncode == 1
    assert [error["message"] for error in server.of("error")] == [
        "There is no directory /no/such/directory to back up."
    ]


def test_backup_by_hand(tmp_path: Path) -> None:
    done = run_shell(None, "backup.sh", {"destination": str(tmp_path)}, input="\n")
    assert done.returncode == 0 and "bytes, plain" in done.stdout
    assert len(list(tmp_path.glob("*.tar.gz"))) == 1


def test_service_check(server: ChannelServer) -> None:
    path = EXAMPLES / "service-check.py"
    parameters = read_interface(path.read_bytes(), "python", path.name).parameters
    with socket.create_server(("127.0.0.1", 0)) as up, socket.socket() as down:
        down.bind(("127.0.0.1", 0))
        good, bad = (f"127.0.0.1:{each.getsockname()[1]}" for each in (up, down))
        given = {"targets": [good, bad, "nonsense"], "strict": True, "timeout": "2"}
        arguments = argparse_arguments(parameters, check(parameters, given, declared=True, script=path.name))
        done = run_python(server, path, *arguments, style={"style": "script"})
    assert (done.returncode, done.stderr) == (1, "")
    assert [(each["target"], each["up"]) for each in server.objects] == [
        (good, True),
        (bad, False),
        ("nonsense", False),
    ]
    errors = server.of("error")
    assert [error["id"] for error in errors] == ["NoAnswer", "NoAnswer"]
    assert "write it as HOST:PORT or as a URL" in errors[1]["message"]


async def test_nightly_runs_the_others(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("x ERROR disk 1 is full\n" * 5)
    job = await engine.run(RunRequest(path=str(EXAMPLES / "nightly.py"), parameters={"log": str(log), "threshold": 1}))
    job = await engine.wait(job.id, 60)
    assert job.status is Status.Warning, job
    report = json.loads((await engine.objects(job.id))[0].data)
    assert report["disks"] and report["log"][-1] == {"file": str(log), "lines": 5, "levels": {"ERROR": 5}}
    assert not report["healthy"]
    assert [(await engine.job(child)).script for child in job.children] == ["disk-usage.sh", "log-digest.py"]
    job = await engine.run(RunRequest(path=str(EXAMPLES / "nightly.py"), parameters={"log": "/nowhere.log"}))
    job = await engine.wait(job.id, 60)
    assert job.status is Status.Error
    (error,) = await engine.errors(job.id)
    assert error.message.startswith("log-digest.py (job ") and "/nowhere.log" in error.message


async def test_sum(engine: Engine) -> None:
    async def numbers(text: bytes) -> AsyncIterator[bytes]:
        yield text

    for text, code in ((b"3\n4\n-1\n", 0), (b"3\nx\n", 2)):
        job = await engine.run(RunRequest(path=str(EXAMPLES / "sum.sh"), standard_input="pipe"))
        await engine.send_input(job.id, numbers(text))
        assert (await engine.wait(job.id, 30)).exit_code == code
        lines = (await engine.lines(job.id, 0, 10)).lines
        assert [line.data for line in lines] == ([b"6"] if code == 0 else [b"not a whole number: x"])


def test_they_may_be_executed() -> None:
    for path in EXAMPLES.iterdir():
        if path.suffix in (".py", ".sh", ".ps1"):
            assert os.access(path, os.X_OK) and path.read_bytes().startswith(b"#!/usr/bin/env ")
            assert path.name in (EXAMPLES / "README.md").read_text()


async def test_process_report(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{os.path.dirname(pwsh())}:{os.environ['PATH']}")
    path = str(EXAMPLES / "process-report.ps1")
    job = await engine.run(RunRequest(path=path, parameters={"Top": "2", "Limit": "1", "Stop": True}))
    assert job.environment == "PowerShell 7"
    while (await engine.job(job.id)).status is not Status.WaitingOnFeedback:
        assert not (await engine.wait(job.id, 0.05)).status.finished
    (question,) = await engine.feedback(job.id)
    assert [choice.label for choice in question.choices] == ["Yes", "No"] and question.default == "No"
    await engine.answer(job.id, "")
    job = await engine.wait(job.id)
    assert job.status is Status.Warning and job.exit_code == 0 and job.warnings
    first, second, _ended = [simple(each.data) for each in await engine.objects(job.id)]
    assert first["Megabytes"] >= second["Megabytes"] > 0 and first["Processes"] >= 1
    # the table before it ends with an empty line
    assert b"Nothing was ended." in [line.data for line in (await engine.lines(job.id, -3, 3)).lines]
