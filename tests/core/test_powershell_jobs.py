"""Jobs on a real PowerShell: output, errors, objects, parameters, variables."""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest

from core.journal.format import (
    ERROR,
    INFORMATION,
    PROGRESS,
    STDERR,
    VERBOSE,
    WARNING,
)
from tests.core.powershell_jobs import documents, powershell, text
from tests.core.runner_jobs import Deck, Run


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def test_errors_point_into_the_script(deck: Deck) -> None:
    run = powershell(
        deck, "function f { Write-Error bad -TargetObject t -ErrorId I -Category ReadError }\n\nf\nthrow 'x'"
    )
    end = run.go().ended()
    path = run.spec["script"]["path"]
    first, last = run.values(ERROR)
    assert first["message"] == "bad" and first["category"] == "ReadError" and first["target"] == "t"
    assert first["id"] == "I,f"
    assert first["stack"] == f"at f, {path}: line 1\nat <ScriptBlock>, {path}: line 3"
    assert first["position"].startswith(f"At {path}:3")
    assert last["position"].startswith(f"At {path}:4 char:1\n+ throw 'x'")
    assert last["stack"] == f"at <ScriptBlock>, {path}: line 4"
    assert end["reason"] == "It was ended by an error: x"


def test_a_write_error_of_the_script_itself_points_to_its_line(deck: Deck) -> None:
    run = powershell(deck, "\n\nWrite-Error bad").go()
    run.ended()
    (error,) = run.values(ERROR)
    assert error["position"] == f"At {run.spec['script']['path']}:3"


@pytest.mark.parametrize(
    ("action", "status", "errors"),
    [("Stop", "Failed", 1), ("SilentlyContinue", "Completed", 0), ("Ignore", "Completed", 0), ("Break", "Error", 1)],
)
def test_error_actions(deck: Deck, action: str, status: str, errors: int) -> None:
    run = powershell(deck, "Write-Error e\n'on'", error_action=action).go()
    end = run.ended()
    assert end["status"] == status and len(run.values(ERROR)) == errors
    assert text(run) == ("" if action == "Stop" else "on\n")


def test_preferences_depth_and_discarded_objects(deck: Deck) -> None:
    script = "Write-Verbose v; Write-Warning w; Write-Information i\n[pscustomobject]@{ a = @{ b = @{ c = 1 } } }"
    run = powershell(deck, script, {"preferences": {"Verbose": "Continue", "Warning": "Ignore"}, "depth": 4}).go()
    run.ended()
    assert [each["message"] for each in run.values(VERBOSE)] == ["v"] and run.values(WARNING) == []
    assert [(each["message"], each.get("silent")) for each in run.values(INFORMATION)] == [("i", True)]
    (document,) = documents(run)
    assert '<I32 N="Value">1</I32>' in document
    run = powershell(deck, script + "\n'text'", discard_pipeline=True).go()
    run.ended()
    assert documents(run) == [] and "text\n" in text(run)
    run = powershell(deck, "Write-Information i", {"preferences": {"Information": "Continue"}}).go()
    run.ended()
    assert "silent" not in run.values(INFORMATION)[0]


def test_strings_of_every_kind(deck: Deck) -> None:
    script = (
        '\'\'; "`u{2}two"; "`u{3}"; "`u{4}x"; "`u{6}"; \'_x0041_\'; \'&<>"\'; "a`r`nb"; \'🎵\'; "`u{FFFE}|"\n'
        "[string][char]0xD800; 'x' * 1mb; Add-Member -InputObject 'noted' -NotePropertyName n -NotePropertyValue 1"
        " -PassThru"
    )
    run = powershell(deck, script).go()
    end = run.ended()
    assert end["status"] == "Completed", run.values(ERROR)
    lines = text(run).split("\n")
    assert lines[:7] == ["", "\x02two", "\x03", "\x04x", "\x06", "_x0041_", '&<>"']
    assert lines[7:10] == ["a\r", "b", "🎵"] and lines[10].endswith("|") and lines[11] == "\ufffd"
    assert lines[12] == "x" * (1 << 20) and lines[13] == "noted"
    found = documents(run)
    assert len(found) == 13
    head = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">\n  '
    assert found[0] in (f"{head}<S></S>\n</Objs>", f"{head}<S />\n</Objs>")
    assert found[1] == f"{head}<S>_x0002_two</S>\n</Objs>"
    assert found[5] == f"{head}<S>_x005F_x0041_</S>\n</Objs>"
    noted = f'{head}<Obj RefId="0">\n    <S>noted</S>\n    <MS>\n      <I32 N="n">1</I32>\n    </MS>\n  </Obj>\n</Objs>'
    assert found[12] == noted


def test_characters_that_xml_has_no_place_for(deck: Deck) -> None:
    """PowerShell sends two of them as references that nothing may read."""
    script = '$c = [char]0xFFFF; "$c|"; \'&#xFFFF;\'; Write-Host "host$c"; Write-Warning "`u{FFFE}"; throw "end$c"'
    run = powershell(deck, script).go()
    end = run.ended()
    assert text(run) == "\uffff|\n&#xFFFF;\n"
    assert documents(run)[0].endswith("<S>_xFFFF_|</S>\n</Objs>")
    assert [run.values(stream)[0]["message"] for stream in (INFORMATION, WARNING, ERROR)] == [
        "host\uffff", "\ufffe", "end\uffff",
    ]  # fmt: skip
    assert end["reason"] == "It was ended by an error: end\uffff" and end["remarks"] == []


def test_an_object_that_cannot_be_written_is_told_and_does_not_end_the_script(deck: Deck) -> None:
    run = powershell(deck, "[pscustomobject]@{ a = \"bad`u{FFFE}\" }\n'on'").go()
    end = run.ended()
    assert "on" in text(run) and end["status"] == "Completed"
    assert len(documents(run)) == 2 and "<S>@{a=bad\ufffd}</S>" in documents(run)[0]
    assert end["remarks"] == ["Some objects hold text that has no form in XML: their own text was kept instead."]


def _written(deck: Deck, values: str, depth: int = 2) -> tuple[Run, list[str]]:
    """A job that sends these values to the pipeline, and what PSSerializer makes of them there.

    It is called by reflection: a method called from a script gets strings and numbers without their members.
    """
    target = deck.directory / "expected"
    script = (
        f"$values = @({values})\n"
        "$serialize = [System.Management.Automation.PSSerializer].GetMethod('Serialize', [type[]]([object], [int]))\n"
        # what PowerShell knows of a drive it writes otherwise the first time than ever after
        f"$null = $values.ForEach({{ $serialize.Invoke($null, @($_, {depth})) }})\n"
        f"[IO.File]::WriteAllLines('{target}', [string[]]@($values.ForEach({{ [Convert]::ToBase64String("
        f"[Text.Encoding]::UTF8.GetBytes($serialize.Invoke($null, @($_, {depth})))) }})))\n"
        # made anew: nothing has looked at these before
        f"foreach ($value in @({values})) {{ , $value }}\n"
    )
    run = powershell(deck, script, {"depth": depth}).go()
    end = run.ended()
    assert end["status"] == "Completed", run.values(ERROR)
    return run, [base64.b64decode(line).decode() for line in target.read_text().splitlines()]


def test_objects_are_what_the_serializer_writes(deck: Deck) -> None:
    run, expected = _written(
        deck,
        "1, 'x', $null, @(1, 2), [ordered]@{ a = 1; b = 'y' }, @{ a = 1 }, [IO.FileInfo]'/etc/hosts',"
        " [DayOfWeek]::Friday, [guid]::Empty, 1.5, $true, [datetime]::UnixEpoch, { Get-Date },"
        " [uri]'https://example.org/?a=1&b=2', [Collections.Generic.KeyValuePair[string, int]]::new('k', 1)",
    )
    assert documents(run) == expected


NOTED = """
('a' | Add-Member -PassThru Note 5)
('' | Add-Member -PassThru Note @('S', 'T'))
("l`r`n_x0041_ &<>é🎵`u{2}" | Add-Member -PassThru 'N &<' "x`ny")
("`u{6}" | Add-Member -PassThru Note ([pscustomobject]@{ Deep = @{ Deeper = @{ Deepest = 1 } } }))
('script' | Add-Member -PassThru -MemberType ScriptProperty Twice { "$this$this" })
('typed' | Write-Output | ForEach-Object { $_.PSTypeNames.Insert(0, 'Mine'); $_ })
('filtered' | Where-Object Length -GT 0)
('sorted' | Sort-Object)
('looked at' | ForEach-Object { $null = $_.PSObject.Members.Name, $_.PSTypeNames; $_ })
'plain'
(Get-ChildItem -LiteralPath '/usr' -Name | Select-Object -First 2)
(Get-Content -LiteralPath '/etc/passwd' -TotalCount 2)
"""
NUMBERS = """
(1234567 | Add-Member -Force -PassThru Note 5)
(1.5 | Add-Member -Force -PassThru Note 5)
(5d | Add-Member -Force -PassThru Note 5)
([char]'c' | Add-Member -Force -PassThru Note 5)
($true | Write-Output | Add-Member -Force -PassThru Note 'yes')
([guid]::Empty | Add-Member -Force -PassThru Note 5)
(Get-Date -Date '2026-03-04 05:06:07')
(New-TimeSpan -Minutes 5 | Add-Member -Force -PassThru Note 5)
([DayOfWeek]::Friday | Add-Member -Force -PassThru Note 5)
([version]'1.2' | Add-Member -Force -PassThru Note 5)
([Collections.Generic.KeyValuePair[string, int]]::new('k', 1) | Add-Member -Force -PassThru Note 5)
([pscustomobject]@{ Line = 'in' | Add-Member -PassThru Note 5; Lines = @('in' | Add-Member -PassThru Note 6) })
"""


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_what_was_added_to_strings_and_numbers_is_kept(deck: Deck, depth: int) -> None:
    """Strings before the formatter has begun, numbers that begin it, strings behind them."""
    run, expected = _written(deck, f"{NOTED}{NUMBERS}{NOTED}", depth)

    def steady(document: str) -> str:
        # the free space of the disk is no property of a line
        return re.sub(r'(N="(?:Used|Free)">)\d+', r"\1", document)

    found = documents(run)
    assert len(found) == len(expected) == 14 + 12 + 14
    for one, other in zip(found, expected, strict=True):
        assert steady(one) == steady(other)
    assert sum("<MS>" in each for each in found[:14]) == 9 and found[9] == found[35]


def test_strings_with_members_show_as_their_text(deck: Deck) -> None:
    script = (
        "'first' | Add-Member -PassThru Note 5; \"two`nlines\" | Add-Member -PassThru Note 5\n"
        "'' | Add-Member -PassThru N @('S')\n"
        "'&<>_x0041_' | Add-Member -PassThru Note 5; Get-Content -LiteralPath '/etc/passwd' -TotalCount 1\n"
        "77 | Add-Member -PassThru Note 5; 'behind' | Add-Member -PassThru Note 5; 'last'\n"
    )
    expected = ["first", "two", "lines", "", "&<>_x0041_", Path("/etc/passwd").read_text().split("\n")[0]]
    run = powershell(deck, script).go()
    assert run.ended()["status"] == "Completed"
    assert text(run).splitlines() == [*expected, "77", "behind", "last"] and len(documents(run)) == 8
    run = powershell(deck, script, discard_pipeline=True).go()
    assert run.ended()["status"] == "Completed"
    assert text(run).splitlines() == [*expected, "77", "behind", "last"] and documents(run) == []


def test_a_string_whose_members_have_no_form_in_xml_keeps_its_text(deck: Deck) -> None:
    run = powershell(deck, "'text' | Add-Member -PassThru Note \"bad`u{FFFE}\"\n'on'; $Error.Count").go()
    end = run.ended()
    assert text(run).splitlines() == ["text", "on", "0"] and "<S>text</S>" in documents(run)[0]
    assert end["remarks"] == ["Some objects hold text that has no form in XML: their own text was kept instead."]


def test_stray_output_is_caught(deck: Deck) -> None:
    script = (
        "[Console]::WriteLine('console'); [Console]::Error.WriteLine('console error')\n"
        "Start-Process /bin/echo started -NoNewWindow -Wait\n"
        "$out = [Console]::OpenStandardOutput(); $out.Write([byte[]](114, 97, 119, 10), 0, 4); $out.Flush()\n"
        "bash -c 'echo native; echo complaint >&2'\n'last'"
    )
    run = powershell(deck, script).go()
    end = run.ended()
    assert end["status"] == "Completed"
    assert sorted(text(run).split()) == ["console", "last", "native", "raw", "started"]
    assert sorted(run.stream(STDERR).decode().splitlines()) == ["complaint", "console error"]


PARAMETERS = """
param([int]$Count, [datetime]$When, [switch]$Loud, [string[]]$Names, [hashtable]$Table, [securestring]$Word,
      [pscredential]$Login, $Sent, [double]$Part)
"$($Count + 1) $($When.Year) $Loud $($Names.Count) $($Table.a) $Part"
"$([System.Net.NetworkCredential]::new('', $Word).Password.Length) $($Login.UserName) $($Sent.GetType().Name) $Sent"
"secret $([System.Net.NetworkCredential]::new('', $Word).Password) $($Login.GetNetworkCredential().Password)"
"""


def test_parameters_are_typed(deck: Deck) -> None:
    head = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    sent = f"{head}<U64>18446744073709551615</U64></Objs>"
    parameters = {
        "Count": "41", "When": "2026-03-04", "Loud": True, "Names": ["a", "b"], "Table": {"a": 7}, "Part": 0.5,
        "Sent": {"clixml": sent}, "Word": None, "Login": None,
    }  # fmt: skip
    secrets = {"Word": "geheim-1", "Login": json.dumps({"username": "bob", "password": "open-sesame"})}
    run = powershell(
        deck, PARAMETERS, {"secrets": {"Word": "secret", "Login": "credential"}}, parameters=parameters
    ).go(secrets)
    end = run.ended()
    assert end["status"] == "Completed", run.values(ERROR)
    assert text(run) == "42 2026 True 2 7 0.5\n8 bob UInt64 18446744073709551615\nsecret *** ***\n"
    assert b"geheim-1" not in (run.directory / "out.dat").read_bytes()


def test_the_variables_of_the_job(deck: Deck) -> None:
    script = (
        "\"$UAJobId $($UAJob.Id) $($UAJob.Identity.Name) $($UAJob.Environment) $($UAJob.Tags -join '+')"
        ' $($UAJob.Notes)"\n'
        '"$UAScriptId $($UAScript.Name) $($UAScript.FullPath) $($null -eq $UASchedule) $($null -eq $UAScheduleId)"\n'
        '"$PSUJobId $($PSUJob.RunId) $PSUScriptId $($PSUScript.Id) $($UAJob.ParentJob.Id) $($UAJob.CreatedTime.Kind)"\n'
        '"$PSScriptRoot|$PSCommandPath|$($MyInvocation.MyCommand.Path)|$PWD"'
    )
    run = powershell(deck, script, tags=["a", "b"], notes="note", parent_job=7).go()
    run.ended()
    path = run.spec["script"]["path"]
    assert text(run).splitlines() == [
        f"{run.id} {run.id} root PowerShell 7 a+b note",
        f"3 {os.path.basename(path)} {path} True True",
        f"{run.id} {run.spec['run_id']} 3 3 7 Utc",
        f"{os.path.dirname(path)}|{path}|{path}|{deck.directory}",
    ]


#: what the original's jobs have
JOB_FIELDS = """
Id RunId CreatedTime StartTime EndTime Status Script ScriptFullPath Identity ParentJob ParentLineNumber Children
ComputerName ProcessId MemoryBytes Environment ErrorAction Parameters Credential Schedule ScheduleId Trigger Triggered
RetryCount Tags Notes Archived Activity CurrentOperation StatusDescription PercentComplete SecondsRemaining
"""


def test_the_variable_of_the_job_has_every_field(deck: Deck) -> None:
    run = powershell(deck, "$UAJob.PSObject.Properties.Name; $PSUJob.Children.Count").go()
    run.ended()
    *names, children = text(run).split()
    assert set(JOB_FIELDS.split()) <= set(names) and children == "0"


def test_a_changed_script_runs_as_it_was(deck: Deck) -> None:
    run = powershell(deck, '"was $PSScriptRoot|$PSCommandPath"\nexit 3')
    path = Path(run.spec["script"]["path"])
    path.write_text("'changed'")
    end = run.go().ended()
    assert text(run) == f"was {path.parent}|{path}\n" and end["exit_code"] == 3
    assert end["summary"]["remarks"] == ["The script changed after it was submitted: the stored copy ran."]


def test_modules_and_a_startup_script(deck: Deck) -> None:
    modules = deck.directory / "modules" / "Mine"
    modules.mkdir(parents=True)
    (modules / "Mine.psm1").write_text("function Get-Mine { 'mine' }\nExport-ModuleMember Get-Mine\n")
    startup = deck.directory / "startup.ps1"
    startup.write_text("function Get-Started { 'started' }\n$Shared = 5\n")
    run = powershell(
        deck,
        'Get-Mine; Get-Started; "$Shared"; (Get-Module Mine).Name',
        {"modules": ["Mine"], "startup_script": str(startup)},
        variables={"PATH": os.environ["PATH"], "HOME": "/root", "PSModulePath": str(modules.parent)},
    ).go()
    end = run.ended()
    assert text(run) == "mine\nstarted\n5\nMine\n" and end["status"] == "Completed"
    run = powershell(deck, "'never'", {"modules": ["No.Such.Module"]}).go()
    end = run.ended()
    assert end["status"] == "Failed" and "No.Such.Module" in end["reason"]


def test_progress_is_throttled_and_nested_ones_are_told_as_one(deck: Deck) -> None:
    script = (
        '1..500 | ForEach-Object { Write-Progress -Activity Outer -Status "$_" -PercentComplete ($_ / 5) -Id 1;'
        " Write-Progress -Activity Inner -Status part -Id 2 -ParentId 1 }\n"
        "Write-Progress -Activity Inner -Id 2 -Completed; Write-Progress -Activity Outer -Id 1 -Completed"
    )
    run = powershell(deck, script).go()
    run.ended(60)
    told = run.values(PROGRESS)
    assert 1 <= len(told) < 200 and {each["activity"] for each in told} == {"Outer"}
    assert told[-1]["completed"] is True and told[-1]["percent"] == 100
    assert any(each.get("current_operation", "").startswith("Inner") for each in told) or len(told) == 1


def test_write_host_in_pieces_is_one_line(deck: Deck) -> None:
    from core.journal.lines import LineIndex
    from core.journal.reader import JournalReader

    run = powershell(
        deck, "Write-Host a -NoNewline; Write-Host b -NoNewline -ForegroundColor Red; Write-Host c; 'd'"
    ).go()
    run.ended()
    with JournalReader(str(run.directory)) as reader:
        index = LineIndex(reader)
        found = [re.sub(rb"\x1b\[[0-9;]*m", b"", line.data) for line in index.lines(0, 9)]
        assert found == [b"abc", b"d"]
        assert [re.sub(rb"\x1b\[[0-9;]*m", b"", line.data) for line in index.tail(9)] == [b"abc", b"d"]
