"""The original's page, word for word, with the PowerShell module in a real PowerShell against a real server."""

from __future__ import annotations

from pathlib import Path

from core.service import RunRequest
from tests.server.powershell_module import Shell


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
    assert lines[3:5] == ["host: Hello", "WARNING: careful"]
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
