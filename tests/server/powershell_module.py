"""The PowerShell module for tests: a real PowerShell that has it, outside of any job, and jobs that use it."""

from __future__ import annotations

import asyncio
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from core.engine.engine import Engine
from core.service import Job, RunRequest
from tests import powershell

if TYPE_CHECKING:
    from tests.server.conftest import Server

MODULE = Path(__file__).parents[2] / "core" / "powershell" / "JobDeck" / "JobDeck.psd1"
SCRIPT1 = """
param([Parameter(Mandatory)] [string] $RequiredParameter, [int] $Times = 1)
Write-Host "host: $RequiredParameter"
Write-Warning 'careful'
1..$Times
[pscustomobject]@{ Said = $RequiredParameter; Who = $UAJob.Identity.Name }
"""


class Shell:
    """Runs lines of PowerShell outside of any job, connected to the server."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self.directory = directory

    async def run(
        self, text: str, *, token: str = "Administrator", connect: bool = True, answers: str = ""
    ) -> list[str]:
        """The lines it prints; errors, in one line each, begin with `ERROR `. It must end by itself."""
        lines = ["$ErrorActionPreference = 'Continue'", f"Import-Module '{MODULE}'"]
        if connect:
            lines.append(f"Connect-PSUServer -ComputerName {self.server.url} -AppToken {self.server.tokens[token]}")
        body = textwrap.dedent(text)
        lines.append("& {\n" + body + "\n} 2>&1 | ForEach-Object {")
        lines.append("if ($_ -is [System.Management.Automation.ErrorRecord]) {")
        lines.append("'ERROR ' + ($_.Exception.Message -replace '\\s+', ' ') + ' [' + $_.FullyQualifiedErrorId + ']'")
        lines.append('} elseif ($_ -is [string] -or $_ -is [ValueType] -or $_ -is [enum]) { "$_" }')
        lines.append("else { ConvertTo-Json -InputObject $_ -Compress -Depth 4 } }")
        path = self.directory / "outside.ps1"
        path.write_text("\n".join(lines), encoding="utf-8")
        # nothing of the environment says where the service is
        variables = {name: value for name, value in os.environ.items() if not name.startswith("JOBDECK_")}
        process = await asyncio.create_subprocess_exec(
            powershell.pwsh(), "-NoLogo", "-NoProfile", *([] if answers else ["-NonInteractive"]), "-File", str(path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**variables, "NO_COLOR": "1", "JOBDECK_HOME": str(self.directory / "nobody")},
        )  # fmt: skip
        out, errors = await asyncio.wait_for(process.communicate(answers.encode()), 100)
        assert not errors, errors.decode()
        return out.decode().splitlines()


async def ended(engine: Engine, path: Path, text: str) -> Job:
    """A PowerShell job of this text, once it has ended."""
    path.write_text(text, encoding="utf-8")
    job = await engine.run(RunRequest(path=str(path)))
    return await engine.wait(job.id, 90)


async def said(engine: Engine, job: Job) -> list[str]:
    """The lines of its output."""
    page = await engine.lines(job.id, 0, 1000)
    return [line.data.decode() for line in page.lines]
