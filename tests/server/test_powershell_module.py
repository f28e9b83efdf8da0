"""JobDeck, the PowerShell module, in a real PowerShell: against a real server from outside, and inside jobs."""

from __future__ import annotations

import asyncio
import os
import signal
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.access import Role
from core.config import Settings
from core.engine.engine import Engine
from core.service import Job, RunRequest, Status
from tests import powershell
from tests.server.conftest import Process, Server

MODULE = Path(__file__).parents[2] / "core" / "powershell" / "JobDeck" / "JobDeck.psd1"
SCRIPT1 = """
param([Parameter(Mandatory)] [string] $RequiredParameter, [int] $Times = 1)
Write-Host "host: $RequiredParameter"
Write-Warning 'careful'
1..$Times
[pscustomobject]@{ Said = $RequiredParameter; Who = $UAJob.Identity.Name }
"""


@pytest.fixture
def engine_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds the tests' PowerShell."""
    directory = os.path.dirname(powershell.pwsh())
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
async def module(engine_path: None, server: Server, scripts: Path) -> AsyncIterator[Shell]:
    """A PowerShell that has the module, and a server with Script1.ps1."""
    (scripts / "Script1.ps1").write_text(SCRIPT1)
    await server.engine.add_script(str(scripts / "Script1.ps1"))
    yield Shell(server, scripts)


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


# -- the original's page, word for word --------------------------------------------------------------------------------


async def test_the_examples_of_the_page(module: Shell, scripts: Path) -> None:
    """A script with parameters, waited for by the pipeline; its objects and text; the last job of a script."""
    lines = await module.run(
        """
        Invoke-UAScript -Script 'Script1.ps1' -RequiredParameter 'Hello' | Tee-Object -Variable job | Wait-UAJob | ForEach-Object { "$($_.Status)" }
        $Job = $job
        Get-UAJobPipelineOutput -Job $Job
        Get-UAJobOutput -Job $Job
        $last = Get-UAScript -Name 'Script1.ps1' | Get-UAJob -OrderDirection Descending -First 1
        $last.Id -eq $Job.Id
        """
    )
    assert lines[:3] == ["Warning", "1", '{"Said":"Hello","Who":"administrator"}']
    assert lines[3:5] == ["host: Hello", "careful"]
    assert "Hello" in " ".join(lines[5:-1])
    assert lines[-1] == "True"


async def test_pipeline_output_of_job_10(module: Shell, scripts: Path) -> None:
    """`Get-UAJobPipelineOutput -JobId 10`."""
    quick = scripts / "quick.sh"
    quick.write_text('#!/bin/sh\njobdeck-job emit "$JOBDECK_JOB_ID"\n')
    while (await module.server.engine.run(RunRequest(path=str(quick)))).id < 10:
        pass
    await module.server.engine.wait(10, 60)
    assert await module.run("Get-UAJobPipelineOutput -JobId 10") == ["10"]


async def test_rest_by_invoke_restmethod(module: Shell, scripts: Path) -> None:
    """The page's REST call with Invoke-RestMethod, with no body, with an empty one, with a JobContext."""
    for number in range(2, 8):
        path = scripts / f"s{number}.ps1"
        path.write_text('param($parameter1) "<$parameter1> $($parameter1.GetType().Name)"')
        assert (await module.server.engine.add_script(str(path))).id == number
    lines = await module.run(
        f"""
        $uri = '{module.server.url}/api/v1/script/7'
        $headers = @{{ Authorization = 'Bearer {module.server.tokens["Operator"]}' }}
        $context = @'
        {{"JobParameters": [
           {{"Name": "parameter1", "Value": "<Objs Version=\\"1.1.0.1\\" xmlns=\\"http://schemas.microsoft.com/powershell/2004/04\\"><S>String</S></Objs>"}}],
         "Environment": "PowerShell 7"}}
        '@
        $ids = @(
            Invoke-RestMethod -Method Post -Uri $uri -Headers $headers -Body ""
            Invoke-RestMethod -Method Post -Uri $uri -Headers $headers -Body "{{}}" -ContentType application/json
            Invoke-RestMethod -Method Post -Uri $uri -Headers $headers -Body $context.Trim() -ContentType application/json
            Invoke-RestMethod -Method Post -Uri "$uri`?parameter1=fromQuery" -Headers $headers
        )
        foreach ($id in $ids) {{ $null = Wait-UAJob -JobId $id; "$($id.GetType().Name) " + (Get-UAJobPipelineOutput -JobId $id) }}
        """
    )
    assert lines[2:] == ["Int64 <String> String", "Int64 <fromQuery> String"]


# -- the rest of the commands ------------------------------------------------------------------------------------------


async def test_wait_is_the_jobs_console(module: Shell, scripts: Path) -> None:
    """-Wait gives the pipeline's objects and re-emits errors, warnings, information and progress."""
    (scripts / "streams.ps1").write_text(
        "Write-Warning w1; Write-Error e1; Write-Host h1; Write-Information i1 -InformationAction Continue\n"
        "Write-Progress -Activity a1 -Status s1 -PercentComplete 40; [pscustomobject]@{ a = 1 }; Get-Date -Date 2026-02-03Z\n"
        "Write-Verbose v1 -Verbose; exit 3\n"
    )
    await module.server.engine.add_script(str(scripts / "streams.ps1"))
    (scripts / "lines.sh").write_text("printf 'one\\ntwo'")
    await module.server.engine.add_script(str(scripts / "lines.sh"))
    lines = await module.run(
        """
        $objects = Invoke-PSUScript streams.ps1 -Wait -WarningVariable w -ErrorVariable e -InformationVariable i -WarningAction SilentlyContinue
        "objects $($objects.Count) $($objects[0].a) $($objects[1].GetType().Name) $($objects[1].Year)"
        "w=$w"; "e=$($e -join '|')"; "i=$($i -join '|')"
        Invoke-PSUScript lines.sh -Wait
        """
    )
    assert "objects 2 1 DateTime 2026" in lines
    assert "w=w1" in lines
    assert next(line for line in lines if line.startswith("e=")).startswith("e=e1|Job")
    assert "i=h1|i1" in lines
    assert next(line for line in lines if line.startswith("ERROR")).startswith("ERROR e1 [")
    assert "exited with 3" in next(line for line in lines if "JobFailed" in line)
    assert lines[-2:] == ["one", "two"]


async def test_questions_are_forwarded(module: Shell, scripts: Path) -> None:
    """What the job asks is asked where somebody waits for it."""
    (scripts / "asks.ps1").write_text(
        "$name = Read-Host 'Your name'\n$host.UI.PromptForChoice('Sure', 'Go on?', @('&Yes', '&No'), 1); $name\n"
    )
    await module.server.engine.add_script(str(scripts / "asks.ps1"))
    lines = await module.run("Invoke-PSUScript asks.ps1 -Wait", answers="Bob\nY\n")
    assert lines[-2:] == ["0", "Bob"]


async def test_feedback(module: Shell, scripts: Path) -> None:
    (scripts / "asks.ps1").write_text("Read-Host 'Your name'; (Read-Host 'Secret' -MaskInput).Length\n")
    await module.server.engine.add_script(str(scripts / "asks.ps1"))
    lines = await module.run(
        """
        function Wait-Question($Job, $Number) { while (@(Get-PSUJobFeedback -Job $Job).Count -lt $Number) { Start-Sleep -Milliseconds 50 } }
        $job = Invoke-PSUScript asks.ps1
        Wait-Question $job 1
        $open = Get-PSUJobFeedback
        "$($open.Message) $($open.Secret) $($open.Complete) $((Get-PSUJob $job.Id).Status)"
        $open | Set-PSUJobFeedback -Response 'Bob'
        Wait-Question $job 2
        Get-PSUJobFeedback -JobId $job.Id | Where-Object { -not $_.Complete } | Set-PSUJobFeedback -Response (ConvertTo-SecureString 'hush' -AsPlainText -Force)
        "$((Wait-PSUJob -JobRunId $job.RunId).Status)"
        Get-PSUJobPipelineOutput -RunId $job.RunId
        $open | Set-PSUJobFeedback -Response 'again'
        """
    )
    assert lines[:-1] == ["Your name False False WaitingOnFeedback", "Completed", "Bob", "4"]
    assert lines[-1].startswith("ERROR ")
    assert "JobDeck.Conflict" in lines[-1]


async def test_values_arrive_as_they_were(module: Shell, scripts: Path) -> None:
    """Parameters of every kind, by dynamic parameters and by -Parameters, for PowerShell and for others."""
    (scripts / "values.ps1").write_text(
        "param([string] $Text, [switch] $Flag, [datetime] $When, [hashtable] $Map, $Any, [int[]] $Numbers,"
        " [pscredential] $Login, [ValidateSet('a', 'b')] $Choice)\n"
        '"$Text|$Flag|$(if ($When) { $When.ToString("o") })|$($Map.x.y)|$Any $(if ($Any) { $Any.GetType().Name })|$Numbers|$Choice"\n'
        'if ($Login) { "$($Login.UserName) $($Login.GetNetworkCredential().Password -ceq ("hu" + "sh"))" }\n'
    )
    await module.server.engine.add_script(str(scripts / "values.ps1"))
    (scripts / "values.py").write_text("def main(when: str, numbers: list[int]):\n    return [when, numbers]\n")
    await module.server.engine.add_script(str(scripts / "values.py"))
    lines = await module.run(
        """
        $login = [pscredential]::new('me', (ConvertTo-SecureString 'hush' -AsPlainText -Force))
        $when = [datetime]::SpecifyKind('2026-02-03T04:05:06', 'Utc')
        Invoke-PSUScript values.ps1 -Text '<Objs é ♫' -Flag -When $when -Map @{ x = @{ y = 7 } } -Any ([version] '1.2.3') -Numbers 1, 2, 3 -Login $login -Choice A -Wait
        $given = Get-PSUJobParameter -Job (Get-PSUJob -First 1)
        "$(($given | Where-Object Name -eq Map).Value.x.y) $(($given | Where-Object Name -eq Login).Value)"
        Invoke-PSUScript values.ps1 -Parameters @{ Text = 'by table'; Numbers = 4 } -Wait | Select-Object -First 1
        $job = Get-PSUJob -First 1
        Get-PSUJobParameter -Job $job | Sort-Object Name | ForEach-Object { "$($_.Name)=$($_.Value)" }
        Invoke-PSUScript values.py -when (Get-Date -Date 2026-02-03) -numbers 1, 2 -Wait | ConvertTo-Json -Compress
        Invoke-PSUScript values.ps1 -Choice c
        Invoke-PSUScript values.ps1 -Numbers x
        """
    )
    assert lines[0] == "<Objs \u00e9 \u266b|True|2026-02-03T04:05:06.0000000Z|7|1.2.3 Version|1 2 3|a"
    # the word itself would be masked in what the job writes
    assert lines[1] == "me True"
    assert lines.pop(2) == "7 ", "a secret is not told"
    assert lines[2].startswith("by table|False|")
    assert lines[2].endswith("|4|")
    assert lines[3:5] == ["Numbers=4", "Text=by table"]
    assert lines[5].startswith('["2026-02-03T00:00:00')
    assert lines[5].endswith("[1,2]]")
    assert lines[6].startswith("ERROR Cannot validate argument on parameter 'Choice'")
    assert lines[7] == "ERROR values.ps1: Numbers must be a whole number, not 'x'. [JobDeck.Invalid,Invoke-PSUScript]"


async def test_jobs_are_found(module: Shell, scripts: Path) -> None:
    quick = scripts / "quick.sh"
    quick.write_text("exit $1")
    await module.server.engine.add_script(str(quick))
    for code in ("0", "1", "0", "2"):
        job = await module.server.engine.run(RunRequest(script="quick.sh", parameters={"code": code}, identity="eve"))
        await module.server.engine.wait(job.id, 30)
    lines = await module.run(
        """
        "$((Get-PSUJob -Status Failed).Id)"
        "$((Get-PSUJob -Status Historical -OrderDirection Ascending -First 2 -Skip 1).Id)"
        "$((Get-PSUJob -Identity nobody).Count)"
        "$((Get-PSUJob -Identity eve -HideTriggered -HideScheduled -HideChildren | Measure-Object).Count)"
        "$(Get-PSUJob -First 1 -IncludeTotalCount | Select-Object -First 1)"
        "$((Get-PSUScript quick.sh | Get-PSUJob -OrderBy StartTime -First 1).Id) $((Get-PSUJob -Script quick.sh).Count)"
        $job = Get-PSUJob 1; "$($job.Id) $((Get-PSUJob -RunId $job.RunId).Id) $($job.Status -eq 'Completed') $([int] $job.Status) $($job.StartTime.Kind)"
        Get-PSUJob 99
        Get-PSUJob -Schedule x
        """
    )
    assert lines[:7] == ["4 2", "2 3", "0", "4", "4", "4 4", "1 1 True 2 Utc"]
    assert "JobDeck.NotFound" in lines[7]
    assert (
        lines[8] == "ERROR Schedules are not there yet in this version of jobdeck. [JobDeck.NotImplemented,Get-PSUJob]"
    )


async def test_stop_and_wait(module: Shell, scripts: Path) -> None:
    (scripts / "long.sh").write_text("sleep 300")
    await module.server.engine.add_script(str(scripts / "long.sh"))
    lines = await module.run(
        """
        $job = Invoke-PSUScript long.sh -Notes 'a note' -Tags one, two
        Wait-PSUJob $job -Timeout 0.2
        Invoke-PSUScript long.sh -Wait -WaitTimeout 0.2
        $job.Id, $job.Notes, ($job.Tags -join ',')
        $null = Get-PSUJob -Status Active | Stop-PSUJob
        Get-PSUJob | Wait-PSUJob | ForEach-Object { "$($_.Status)" }
        """
    )
    assert lines[0].startswith("ERROR Job 1 has not ended within 0.2 s; it is ")
    assert lines[1].startswith("ERROR Job 2 has not ended in the time that was given")
    assert lines[2:] == ["1", "a note", "one,two", "Canceled", "Canceled"]
    assert (await module.server.engine.counts())[Status.Canceled] == 2


async def test_scripts_environments_tokens(module: Shell) -> None:
    lines = await module.run(
        """
        $script = New-PSUScript -Name 'made.ps1' -ScriptBlock { 'first' } -Tag x, y -Description d -TimeOut 1.5
        Invoke-PSUScript $script -Wait
        $null = $script | Set-PSUScript -ScriptBlock { param($Name) "second $Name" } -Description e
        Invoke-PSUScript -Id $script.Id -Name_ x
        Invoke-PSUScript -Id $script.Id -Parameters @{ Name = 'n' } -Wait
        "$((Get-PSUScript -Tag x).Description) $((Get-PSUScript made*).Name) $((Get-PSUScript -Id $script.Id).TimeOut)"
        "$((Get-PSUScriptParameter $script).Name)"
        $script | Remove-PSUScript
        Get-PSUScript made.ps1
        $null = New-PSUEnvironment -Name Echo -Path /bin/echo -Arguments 'run', '{scriptPath}' -Variables @{ A = 1 }
        "$((Get-PSUEnvironment Echo).Arguments) $((Get-PSUEnvironment Echo | Set-PSUEnvironment -Arguments '{scriptPath}').Arguments)"
        Remove-PSUEnvironment Echo
        "$(@(Get-PSUEnvironment Echo).Count)"
        $token = Grant-PSUAppToken -Identity ci -Role Reader -Expiration (Get-Date).AddDays(1)
        "$($token.Token.Length -gt 20) $((Get-PSUAppToken $token.Id).Role) $((Get-PSUAppToken $token.Id).Token)"
        Get-PSUJob -AppToken $token.Token
        Stop-PSUJob -JobId 1 -AppToken $token.Token
        $token | Revoke-PSUAppToken
        Get-PSUJob -AppToken $token.Token
        Write-PSUError 'my own'
        """
    )
    errors = [line for line in lines if line.startswith("ERROR")]
    others = [line for line in lines if not line.startswith(("ERROR", "{"))]
    assert others == [
        "first",
        "second n",
        "e made.ps1 1.5",
        "Name",
        "run {scriptPath} {scriptPath}",
        "0",
        "True Reader ",
    ]
    assert len([line for line in lines if line.startswith("{")]) == 2
    for error, id in zip(
        errors,
        ("NamedParameterNotFound", "JobDeck.NotFound", "JobDeck.Forbidden", "JobDeck.Unauthorized", "JobDeck.Error"),
        strict=True,
    ):
        assert id in error


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


async def test_what_is_not_there_yet_says_so_and_aliases_are_named(module: Shell) -> None:
    lines = await module.run(
        """
        New-UASchedule -Script x -Cron '* * * * *'
        Get-PSUTrigger
        'v' | Set-UAVariable -Name x
        Invoke-PSUScript Script1.ps1 -Credential someone
        $manifest = Import-PowerShellDataFile (Get-Module JobDeck).Path.Replace('.psm1', '.psd1')
        $functions = @((Get-Module JobDeck).ExportedFunctions.Keys)
        $aliases = @((Get-Module JobDeck).ExportedAliases.Keys)
        "$(@(Compare-Object $manifest.FunctionsToExport $functions).Count)"
        "$(@(Compare-Object $manifest.AliasesToExport $aliases).Count)"
        "$(@(Compare-Object ($functions -replace '-PSU', '-UA') $manifest.AliasesToExport).Count) $($functions.Count)"
        """
    )
    assert [line.partition(" are not")[0] for line in lines[:4]] == [
        "ERROR Schedules", "ERROR Triggers", "ERROR Variables", "ERROR Credential variables",
    ]  # fmt: skip
    assert lines[4:] == ["0", "0", "0 35"]


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


# -- inside jobs -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def local(engine_path: None, engine: Engine, settings: Settings) -> Engine:
    """An engine that leads: its local socket is open."""
    async with asyncio.timeout(30):
        while not os.path.exists(os.path.join(settings.data_directory, "api.sock")):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return engine


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
