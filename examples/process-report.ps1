#!/usr/bin/env pwsh
<#
.SYNOPSIS
Which processes hold the most memory.
.DESCRIPTION
Adds the processes of each program together and emits one object per program, the largest first. Programs above a
limit are warned about; with -Stop you are asked whether to end the largest of them.
.PARAMETER Top
How many programs are shown.
.PARAMETER Limit
Megabytes above which a program is warned about.
.PARAMETER Stop
Ask whether to end the largest program above the limit.
#>
[CmdletBinding()]
param(
    [ValidateRange(1, 100)] [int] $Top = 5,
    [ValidateRange(1, 1048576)] [int] $Limit = 500,
    [switch] $Stop
)

$processes = @(Get-Process)
Write-Host "$($processes.Count) processes" -ForegroundColor Cyan

$number = 0
$programs = @{}
foreach ($process in $processes) {
    $number++
    Write-Progress -Activity 'Adding up' -Status $process.ProcessName -PercentComplete (100 * $number / $processes.Count)
    $entry = $programs[$process.ProcessName] ??= [pscustomobject]@{
        Program = $process.ProcessName; Processes = 0; Megabytes = 0.0; Ids = [System.Collections.Generic.List[int]]::new()
    }
    $entry.Processes++
    $entry.Megabytes += $process.WorkingSet64 / 1MB
    $entry.Ids.Add($process.Id)
}
Write-Progress -Activity 'Adding up' -Completed

$largest = @($programs.Values | Sort-Object Megabytes -Descending | Select-Object -First $Top)
$largest | ForEach-Object {
    [pscustomobject]@{ Program = $_.Program; Processes = $_.Processes; Megabytes = [Math]::Round($_.Megabytes, 1) }
}

$above = @($largest | Where-Object Megabytes -GT $Limit)
foreach ($program in $above) {
    Write-Warning ('{0} holds {1:N0} MB in {2} processes.' -f $program.Program, $program.Megabytes, $program.Processes)
}

if ($Stop -and $above) {
    $program = $above[0]
    $choice = $Host.UI.PromptForChoice('Memory', "End the $($program.Processes) processes of $($program.Program)?", ('&Yes', '&No'), 1)
    if ($choice -eq 0) {
        Stop-Process -Id $program.Ids
        "Ended $($program.Program)."
    } else {
        'Nothing was ended.'
    }
}
