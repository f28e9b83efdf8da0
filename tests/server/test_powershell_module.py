"""The commands of JobDeck, the PowerShell module, in a real PowerShell against a real server."""

from __future__ import annotations

from pathlib import Path

from core.service import RunRequest, Status
from tests.server.powershell_module import Shell


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


async def test_a_parameter_that_is_short_for_another_is_not_lost(module: Shell, scripts: Path) -> None:
    (scripts / "short.ps1").write_text('param($Tag, $Note) "<$Tag $Note>"\n')
    await module.server.engine.add_script(str(scripts / "short.ps1"))
    lines = await module.run(
        """
        Invoke-PSUScript short.ps1 -Tag x
        Invoke-UAScript -Script short.ps1 -Wait -note srv
        Invoke-PSUScript short.ps1 -Tags x -Parameters @{ Tag = 'y' } -Wait
        Get-PSUScript -Tag nothing | ForEach-Object { Invoke-PSUScript $_ -Tags z }; (Invoke-PSUScript short.ps1 -Tags z).Tags
        """
    )
    assert lines == [
        "ERROR -Tag is short for -Tags of this command. Give the script's own parameter with -Parameters @{ Tag = … }."
        " [JobDeck.Ambiguous,Invoke-PSUScript]",
        "ERROR -Note is short for -Notes of this command. Give the script's own parameter with -Parameters @{ Note = … }."
        " [JobDeck.Ambiguous,Invoke-PSUScript]",
        "<y >",
        "z",
    ]


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


async def test_tables_show_what_matters(module: Shell) -> None:
    """Objects with many properties are shown by a few of them."""
    lines = await module.run(
        """
        (Get-PSUEnvironment 'PowerShell 7' | Out-String).Trim() -split '\\s+' | Select-Object -First 4
        (Get-PSUScriptParameter -Name Script1.ps1 | Out-String).Trim() -split '\\s+' | Select-Object -First 4
        """
    )
    assert lines == ["Name", "Version", "Path", "Arguments", "Name", "Type", "Mandatory", "Default"]
