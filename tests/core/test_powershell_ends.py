"""How jobs on a real PowerShell end: status, exit code and reason; cancelled, timed out, killed, never started."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from core.journal.format import ERROR, INFORMATION, STDERR, STDOUT
from tests.core.powershell_jobs import powershell, text
from tests.core.runner_jobs import Deck


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


# status and exit code by script; what `pwsh -File` gives
ENDS = [
    ("'x'", "Completed", 0),
    ("Write-Warning w", "Warning", 0),
    ("Write-Warning w; Write-Error e", "Error", 0),
    ("Write-Error e; 'on'", "Error", 0),
    ("exit 3", "Failed", 3),
    ("exit 300", "Failed", 44),
    ("exit -1", "Failed", 255),
    ("function f { exit 9 }; f; 'never'", "Failed", 9),
    ("exit 0; 'never'", "Completed", 0),
    ("Write-Error e; exit 0", "Error", 0),
    ("throw 'boom'", "Failed", 1),
    ("if (", "Failed", 1),
    ("$ErrorActionPreference = 'Stop'; Get-Item /nope; 'never'", "Failed", 1),
    ("1/0; 'on'", "Error", 0),
    ("$ErrorActionPreference = 'Break'; Get-Item /nope; exit 8", "Failed", 8),
    ("Get-Item /nope -ErrorAction Break; 'on'", "Error", 0),
    ("[Environment]::Exit(5)", "Failed", 5),
    ("'a'; [Environment]::Exit(0)", "Completed", 0),
    ("bash -c 'exit 4'", "Completed", 0),
    ("bash -c 'exit 4'; exit $LASTEXITCODE", "Failed", 4),
    ("try { throw 'x' } catch { 'caught' }", "Completed", 0),
    ("$Host.SetShouldExit(6)", "Failed", 6),
    ("bash -c 'echo told >&2'", "Completed", 0),
    ("'x'; break; 'never'", "Completed", 0),
]
_RECORD = "[System.Management.Automation.ErrorRecord]::new([Exception]::new('of its own'), 'Id', 'NotSpecified', $null)"
#: scripts that an error of the script as a command ends, and its message: `pwsh -File` gives 1
ENDED = [
    ("#requires -Version 99.0\n'never'", "The script 'script1.ps1' cannot be run"),
    (
        "param([ValidateScript({ $_ -gt 3 })] [int] $Number = 4)\n'never'",
        "Cannot validate argument on parameter 'Number'",
    ),
    ("param([timespan] $Number)\n'never'", "Cannot process argument transformation on parameter 'Number'"),
    (f"[CmdletBinding()] param($Number)\n'x'\n$PSCmdlet.ThrowTerminatingError({_RECORD})\n'never'", "of its own"),
]


def test_status_and_exit_code_of_every_end(deck: Deck) -> None:
    """Two at a time: each is a whole PowerShell."""
    for start in range(0, len(ENDS), 2):
        pair = ENDS[start : start + 2]
        runs = [powershell(deck, script).go() for script, _status, _code in pair]
        for run, (script, status, code) in zip(runs, pair, strict=True):
            end = run.ended(90)
            assert (end["status"], end["exit_code"]) == (status, code), script
            assert "never" not in text(run)


@pytest.mark.parametrize(("script", "message"), ENDED)
def test_an_error_of_the_script_as_a_command_fails_it(deck: Deck, script: str, message: str) -> None:
    """It did not begin, or ended itself so: no status of a script that went on."""
    run = powershell(deck, script, parameters={"Number": "x" if "timespan" in script else 1}).go()
    end = run.ended()
    assert (end["status"], end["exit_code"]) == ("Failed", 1)
    assert end["reason"].startswith(f"It was ended by an error: {message}")
    (error,) = run.values(ERROR)
    assert end["reason"].endswith(error["message"])
    assert "never" not in text(run)


def test_a_script_that_cannot_be_parsed_says_where_and_why(deck: Deck) -> None:
    run = powershell(deck, "'x'\nif ($true) {\nforeach ($x in ) {").go()
    end = run.ended()
    name = os.path.basename(run.spec["script"]["path"])
    assert (end["status"], end["exit_code"]) == ("Failed", 1)
    assert end["reason"] == (
        f"It was ended by an error: {name} cannot be parsed, line 3: Missing expression in foreach loop."
    )
    (error,) = run.values(ERROR)
    assert error["category"] == "ParserError" and "Missing closing '}'" in error["message"]


def test_an_error_that_an_advanced_script_writes_does_not_end_it(deck: Deck) -> None:
    run = powershell(deck, f"[CmdletBinding()] param()\n'x'\n$PSCmdlet.WriteError({_RECORD})\n'on'").go()
    end = run.ended()
    assert (end["status"], end["exit_code"], text(run)) == ("Error", 0, "x\non\n")


@pytest.mark.parametrize(
    "script",
    [
        "'go'; Start-Sleep 60; 'never'",
        "'go'; while ($true) {}",
        "'go'; bash -c 'sleep 60'; 'never'",
        "'go'; Read-Host 'waits'; 'never'",
    ],
)
def test_cancel(deck: Deck, script: str) -> None:
    run = powershell(deck, f"try {{ {script} }} finally {{ Write-Host 'cleaned up' }}").go()
    run.until_output(STDOUT, b"go")
    if "Read-Host" in script:
        run.until_state("WaitingOnFeedback")
    assert run.ask(op="cancel", by="root") == {"ok": True}
    end = run.ended()
    assert end["status"] == "Canceled" and "never" not in text(run)
    assert [each["message"] for each in run.values(INFORMATION)] == ["cleaned up"]
    assert end["receipt"]["survived"] == []
    assert end["exit_code"] is None, "nothing said exit"


def test_a_script_that_does_not_stop_is_killed(deck: Deck) -> None:
    run = powershell(
        deck, "try { 'go'; Start-Sleep 60 } finally { Start-Sleep 60 }", grace=0.5, kill_leftovers=True
    ).go()
    run.until_output(STDOUT, b"go")
    run.ask(op="cancel", by="root")
    assert run.ended()["status"] == "Canceled"


def test_a_timeout(deck: Deck) -> None:
    run = powershell(deck, "'go'; Start-Sleep 60", timeout=2.0).go()
    end = run.ended()
    assert (end["status"], end["exit_code"]) == ("TimedOut", None)


def test_powershell_killed_within_a_script(deck: Deck) -> None:
    run = powershell(deck, "'go'; Start-Sleep 60").go()
    run.until_output(STDOUT, b"go")
    os.kill(run.values(12)[0]["process_id"], signal.SIGKILL)
    end = run.ended()
    assert (end["status"], end["signal"], end["exit_code"]) == ("Failed", 9, None)
    assert end["reason"] == "It was ended by signal 9 (SIGKILL)."


def test_a_powershell_that_cannot_start(deck: Deck, tmp_path: Path) -> None:
    broken = tmp_path / "pwsh"
    broken.write_text("#!/bin/sh\necho 'no usable version of libssl' >&2\nexit 134\n")
    broken.chmod(0o755)
    run = deck.job(str(broken), "-s", script="'x'", suffix=".ps1", kind="powershell", powershell={}).go()
    end = run.ended()
    assert end["status"] == "Failed" and end["exit_code"] == 134
    assert end["reason"] == "PowerShell ended before it could run the script: no usable version of libssl"
    assert run.stream(STDERR) == b"no usable version of libssl\n"
    run = deck.job(str(tmp_path / "gone"), "-s", script="'x'", suffix=".ps1", kind="powershell", powershell={}).go()
    end = run.ended()
    assert end["reason"] == f"Could not start {tmp_path}/gone: No such file or directory."
