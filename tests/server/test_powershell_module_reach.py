"""JobDeck, the PowerShell module: where the service is, when it goes away, and inside jobs, where nothing is given."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from core.service import RunRequest, Status
from tests import powershell
from tests.server.conftest import Process
from tests.server.powershell_module import MODULE, SCRIPT1, Shell, ended, said


async def test_addresses_and_refusals(module: Shell, local: Engine, settings: Settings, tmp_path: Path) -> None:
    far = tmp_path / ("x" * 120)
    far.mkdir()
    (far / "api.sock").symlink_to(os.path.join(settings.data_directory, "api.sock"))
    url, token = module.server.url, module.server.tokens["Reader"]
    lines = await module.run(
        f"""
        Get-PSUJob
        "$((Get-PSUScript -ComputerName {url} -AppToken {token}).Name)"
        "$((Get-PSUScript -ComputerName {url.removeprefix("http://")} -AppToken {token}).Name)"
        Get-PSUScript -ComputerName {url} -AppToken wrong
        Get-PSUScript -ComputerName http://127.0.0.1:1 -AppToken x
        Connect-PSUServer http://127.0.0.1:1
        Get-PSUJob
        Invoke-PSUScript Script1.ps1 -ComputerName {url} -AppToken {token}
        "$((Get-PSUScript -ComputerName unix:{far}/api.sock).Name)"
        """,
        connect=False,
    )
    assert lines[0].startswith("ERROR No server is known. Give -ComputerName and -AppToken, or call Connect-PSUServer")
    assert lines[1:3] == ["Script1.ps1", "Script1.ps1"]
    assert "JobDeck.Unauthorized" in lines[3]
    assert lines[4].startswith("ERROR The service at http://127.0.0.1:1 does not answer")
    assert "JobDeck.Unavailable,Connect-PSUServer" in lines[5]
    assert lines[6] == lines[0], "a server that does not answer is not connected to"
    assert "JobDeck.Forbidden" in lines[7]
    assert lines[8] == "Script1.ps1", "over a socket whose path is longer than a socket's may be"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_goes_away_is_waited_for(
    number: signal.Signals, engine: Engine, process: Process, scripts: Path, tmp_path: Path
) -> None:
    """Who waits for a job does not notice that the server was killed, or ended, and came back."""
    powershell.pwsh()
    gate = scripts / "gate"
    os.mkfifo(gate)
    (scripts / "gated.sh").write_text(f"echo begun; read line < {gate}; echo $line")
    await engine.add_script(str(scripts / "gated.sh"))
    token = (await engine.grant_token("eve", Role.Operator)).token
    await engine.close()
    process.start()
    path = tmp_path / "wait.ps1"
    path.write_text(
        f"Import-Module '{MODULE}'; Connect-PSUServer http://127.0.0.1:{process.port} -AppToken {token}\n"
        "Invoke-PSUScript gated.sh -Wait | ForEach-Object { [Console]::Out.WriteLine($_); [Console]::Out.Flush() }\n"
    )
    shell = await asyncio.create_subprocess_exec(
        powershell.pwsh(), "-NoProfile", "-NonInteractive", "-File", str(path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert shell.stdout is not None
    assert await asyncio.wait_for(shell.stdout.readline(), 60) == b"begun\n"
    process.end(number)
    process.start()
    opened = await asyncio.to_thread(os.open, gate, os.O_WRONLY)
    os.write(opened, b"the end\n")
    os.close(opened)
    out, errors = await asyncio.wait_for(shell.communicate(), 60)
    assert (out, errors) == (b"the end\n", b"")


async def test_inside_a_job_nothing_is_given(local: Engine, scripts: Path) -> None:
    """No address, no token, the module found by itself; both jobs show, one as the other's child."""
    (scripts / "Script1.ps1").write_text(SCRIPT1)
    await local.add_script(str(scripts / "Script1.ps1"))
    job = await ended(
        local,
        scripts / "parent.ps1",
        "\n"
        "$job = Invoke-UAScript -Script 'Script1.ps1' -RequiredParameter 'Hello' | Tee-Object -Variable job | Wait-UAJob\n"
        'Get-UAJobPipelineOutput -Job $job | ForEach-Object { "$($_.Said) $($_.Who)" }\n'
        '"token in environment: $(@(Get-ChildItem env: | Where-Object Value -like "*jobdeck_job_*").Count)"\n',
    )
    lines = await said(local, job)
    assert job.status is Status.Completed, lines
    assert f"Hello {job.identity}" in lines
    assert "token in environment: 0" in lines
    (child,) = (await local.job(job.id)).children
    ran = await local.job(child)
    assert (ran.parent_job, ran.identity, ran.parent_line_number) == (job.id, job.identity, 2)


async def test_a_childs_question_becomes_the_parents(local: Engine, scripts: Path) -> None:
    """Invoke-PSUScript -Wait inside a job forwards Read-Host: the parent waits for feedback, the answer goes down."""
    (scripts / "asks.ps1").write_text('$n = Read-Host \'Your name\'; "hello $n"; Write-Warning "bye $n"')
    await local.add_script(str(scripts / "asks.ps1"))
    (scripts / "parent.ps1").write_text("Invoke-PSUScript asks.ps1 -Wait")
    job = await local.run(RunRequest(path=str(scripts / "parent.ps1")))
    question = None
    async for record in local.records(job.id, streams=frozenset({10}), follow=True):
        question = record
        break
    assert question is not None
    assert b"Your name" in question.data
    await local.answer(job.id, "Eve")
    done = await local.wait(job.id, 60)
    assert done.status is Status.Warning
    lines = await said(local, done)
    assert "hello Eve" in lines
    assert any("bye Eve" in line for line in lines)
