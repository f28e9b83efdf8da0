"""PowerShell at the command line: what `run`, `output`, `objects` and `errors` show of a script."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.end_to_end.command import Command, Terminal
from tests.powershell import pwsh

SCRIPT = """
param([int]$Count = 2, [string[]]$Names)
"count $Count $($Names -join '+')"
1..$Count | ForEach-Object { [pscustomobject]@{ Number = $_; Square = $_ * $_ } }
Write-Host 'in ' -NoNewline; Write-Host 'one line' -ForegroundColor Green
Write-Warning 'look out'
Write-Error 'bad thing' -ErrorId Bad
bash -c 'echo native; echo complaint >&2'
exit 7
"""


@pytest.fixture
def shell(jobdeck: Command) -> Command:
    """The command, with a PowerShell on its PATH."""
    jobdeck.variables["PATH"] = f"{os.path.dirname(pwsh())}:{jobdeck.variables['PATH']}"
    return jobdeck


def test_a_script_reads_as_on_a_console(shell: Command) -> None:
    script = shell.script("report.ps1", SCRIPT)
    done = shell("run", script, "-p", "Count=3", "-p", "Names=a", "-p", "Names=b", code=7)
    plain = re.sub("\x1b\\[[0-9;]*m", "", done.stdout)
    assert plain.startswith("count 3 a+b\n")
    assert "in one line\n" in plain and "native\n" in plain
    assert re.search(r"\n *Number +Square\n *-+ +-+\n +1 +1\n +2 +4\n +3 +9\n", plain)
    assert done.stderr.splitlines() == ["look out", "bad thing", "complaint"]
    job = shell.json("job", "last")
    assert (job["status"], job["exit_code"], job["environment"]) == ("Failed", 7, "PowerShell 7")
    assert job["parameters"] == {"Count": 3, "Names": ["a", "b"]}
    (error,) = shell.json("errors", "last")
    assert (error["message"], error["id"]) == ("bad thing", "Bad,report.ps1")
    assert error["position"] == f"At {script}:7"
    objects = shell.json("objects", "last")
    assert objects[0] == "count 3 a+b" and objects[1] == {"Number": 1, "Square": 1} and objects[-1] == "native"
    information = shell("output", "last", "--stream", "information").stdout
    assert re.sub("\x1b\\[[0-9;]*m", "", information) == "in one line\n"
    kinds = [line["stream"] for line in shell.json("output", "last")]
    assert {"stdout", "stderr", "information", "warning", "error"} <= set(kinds)


def test_strings_with_members_are_plain_but_for_clixml(shell: Command) -> None:
    script = shell.script(
        "noted.ps1", "'a' | Add-Member -PassThru Note 5\n'plain'\n7 | Add-Member -PassThru Note 'n'\n"
    )
    assert shell("run", script).stdout == "a\nplain\n7\n"
    assert shell.json("objects", "last") == ["a", "plain", 7]
    documents = shell("objects", "last", "--clixml").stdout
    assert '<S>a</S>\n    <MS>\n      <I32 N="Note">5</I32>\n    </MS>' in documents
    assert '<I32>7</I32>\n    <MS>\n      <S N="Note">n</S>\n    </MS>' in documents


def test_what_a_script_asks_for_is_shown_with_its_limits(shell: Command) -> None:
    script = shell.script(
        "asks.ps1",
        "param([Parameter(ParameterSetName = 'Few')][ValidateRange(1, 9)][int]$Count, [int[]]$Ports,"
        " [ValidatePattern('^[a-z]+$')][string]$Tag = 'abc')\n",
    )
    shell("scripts", "add", script)
    lines = [
        line.removeprefix("Parameters").strip() for line in shell("scripts", "show", "asks.ps1").stdout.splitlines()
    ]
    assert lines[lines.index("Count: integer 1..9, of set Few") :] == [
        "Count: integer 1..9, of set Few",
        "Ports: list of integer",
        'Tag: string /^[a-z]+$/, default "abc"',
    ]


def test_how_a_job_ended_is_one_sentence(shell: Command) -> None:
    script = shell.script("killed.ps1", "kill -9 $PID; Start-Sleep 60")
    assert shell("run", script, code=137).stderr.endswith("ended: Failed, it was ended by signal 9 (SIGKILL).\n")


MESSAGES = """
$VerbosePreference = $DebugPreference = 'Continue'
'out'; Write-Warning "look`nout"; Write-Verbose 'words'; Write-Debug 'deep'; Write-Error 'bad'
Write-Information 'told' -InformationAction Continue; [Console]::Write('half')
"""


def test_messages_can_be_told_from_output(shell: Command) -> None:
    script = shell.script("messages.ps1", MESSAGES)
    shell("run", script)
    told = ["out", "WARNING: look", "out", "VERBOSE: words", "DEBUG: deep", "ERROR: bad", "told"]
    lines = shell("output", "last").stdout.removesuffix("half").splitlines()
    assert lines == told
    stamped = shell("output", "last", "--timestamps").stdout.splitlines()
    assert [line.partition(" ")[2] for line in stamped] == [*told, "half"]
    bare = {"warning": "look\nout\n", "verbose": "words\n", "debug": "deep\n", "error": "bad\n"}
    for stream, text in bare.items():
        assert shell("output", "last", "--stream", stream).stdout == text
    assert [each["text"] for each in shell.json("output", "last")][1:5] == ["look\nout", "words", "deep", "bad"]


def test_it_asks_for_what_is_missing_at_the_terminal(shell: Command) -> None:
    script = shell.script(
        "ask.ps1", 'param([Parameter(Mandatory)][int]$Age)\n$word = Read-Host Word -MaskInput\n"$($Age + 1) $word"\n'
    )
    terminal = Terminal(shell, "run", script)
    terminal.until("Age (a whole number): ")
    terminal.type("x\n")
    terminal.until("must be a whole number")
    terminal.type("41\n")
    terminal.until("Word: ")
    terminal.type("geheim-9\n")
    assert terminal.end() == 0
    assert "42 ***" in terminal.shown and "geheim-9" not in terminal.shown
    store = Path(shell.home)
    found = [each for each in store.rglob("*") if each.is_file() and b"geheim-9" in each.read_bytes()]
    assert found == []


def test_piped_input_is_the_scripts(shell: Command) -> None:
    opened = "$in = [IO.StreamReader]::new([Console]::OpenStandardInput())\n"
    script = shell.script("in.ps1", opened + 'while ($line = $in.ReadLine()) { "<$line>" }\n')
    assert shell("run", script, input="one\ntwo\n").stdout == "<one>\n<two>\n"


def test_a_powershell_of_ones_own(shell: Command) -> None:
    startup = shell.script("startup.ps1", "function Get-Greeting { 'hello' }\n")
    script = shell.script("x.ps1", '"$(Get-Greeting) $env:EXTRA"\n')
    assert (
        "does not answer as a PowerShell"
        in shell("environments", "add", "False", "/bin/true", "--kind", "powershell", code=2).stderr
    )
    shell(
        "environments", "add", "Mine", pwsh(), "--kind", "powershell", "--startup-script", startup, "--env", "EXTRA=1"
    )
    assert shell("run", script, "--environment", "mine").stdout == "hello 1\n"
    shell("scripts", "change", "x.ps1", "--environment", "Mine", "--preference", "Verbose=Continue")
    assert shell("run", "x.ps1").stdout == "hello 1\n"
    assert shell("scripts", "change", "x.ps1", "--preference", "Colour=Red", code=2).stderr
