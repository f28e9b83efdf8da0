"""What a script on a real PowerShell asks: questions in a row, from functions and parameters, and their answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.journal.format import ERROR, PROMPT
from tests.core.powershell_jobs import powershell, text
from tests.core.runner_jobs import Deck, until


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def test_questions_in_a_row_from_functions_and_parameters(deck: Deck) -> None:
    script = (
        "param([Parameter(Mandatory, HelpMessage = 'how many')][int]$Count, [Parameter(Mandatory)][string[]]$Names)\n"
        "function Ask { Read-Host 'Name' }\n"
        "\"$($Count + 1) $($Names -join '+') $(Ask)\"\n"
        "Write-Host 'Line: ' -NoNewline; $line = Read-Host; \"<$line>\"\n"
        "$word = Read-Host 'Word' -AsSecureString\n"
        "\"$($word.Length) $([System.Net.NetworkCredential]::new('', $word).Password)\"\n"
        "$all = $Host.UI.PromptForChoice('Cap', 'Which?', [System.Management.Automation.Host.ChoiceDescription[]]"
        "('&A', '&B', '&C'), [int[]](0)); \"$all\"\n"
        "$c = Get-Credential -Message 'Log in'; \"$($c.UserName) $($c.GetNetworkCredential().Password)\"\n"
    )
    run = powershell(deck, script).go()

    def question(number: int) -> dict[str, Any]:
        until(lambda: len(run.values(PROMPT)) >= number, f"question {number}", 60)
        return run.values(PROMPT)[number - 1]

    first = question(1)
    assert [(each["name"], each["type"]) for each in first["fields"]] == [("Count", "integer"), ("Names", "list")]
    assert run.ask(op="answer", fields={"Count": "many"})["error"]["kind"] == "invalid"
    assert run.ask(op="answer", fields={"Count": "4", "Names": "x, y"}) == {"ok": True}
    assert question(2)["message"] == "Name"
    run.ask(op="answer", text="Ann")
    assert question(3)["message"] == "Line: "
    run.ask(op="answer", text="")
    assert question(4)["secret"] is True
    run.ask(op="answer", text="geheim-2")
    asked = question(5)
    assert asked["multiple"] is True and asked["default"] == "A"
    run.ask(op="answer", text="b, C")
    asked = question(6)
    assert [each["name"] for each in asked["fields"]] == ["UserName", "Password"]
    run.ask(op="answer", fields={"UserName": "bob", "Password": "geheim-3"})
    end = run.ended()
    assert end["status"] == "Completed", run.values(ERROR)
    assert text(run) == "5 x+y Ann\n<>\n8 ***\n1 2\nbob ***\n"
    assert run.states().count("WaitingOnFeedback") == 6
    assert b"geheim" not in (run.directory / "out.dat").read_bytes()


def test_answers_that_powershell_would_not_take_are_refused(deck: Deck) -> None:
    """Each would end the command that asked, or worse."""
    script = (
        "param([Parameter(Mandatory)][int[]]$Numbers, [Parameter(Mandatory)][byte]$Small, [Parameter(Mandatory)]"
        "[datetime]$When, [Parameter(Mandatory)][double[]]$Shares)\n"
        "\"$($Numbers -join '+') $Small $($When.Year) $Shares\"\n"
    )
    run = powershell(deck, script).go()
    run.until_state("WaitingOnFeedback")
    good = {"Numbers": "1, -2", "Small": "200", "When": "2026-01-31", "Shares": "0.5"}
    for name, value, problem in (
        ("Numbers", "1,b", 'Each of Numbers must be a whole number, not "b".'),
        (
            "Numbers",
            "[1, 3000000000]",
            'Each of Numbers must be a whole number from -2147483648 to 2147483647, not "3000000000".',
        ),
        ("Small", "256", 'Small must be a whole number from 0 to 255, not "256".'),
        ("When", "soon", 'When must be a date and time like 2026-01-31T18:00, not "soon".'),
        ("Shares", "half", 'Each of Shares must be a number, not "half".'),
    ):
        refused = run.ask(op="answer", fields=good | {name: value})["error"]
        assert (refused["kind"], refused["message"]) == ("invalid", problem)
    assert run.ask(op="answer", fields=good) == {"ok": True}
    assert run.ended()["status"] == "Completed"
    assert text(run) == "1+-2 200 2026 0.5\n"


def test_a_question_that_no_answer_fits_is_refused(deck: Deck) -> None:
    """Fields are answered by their names, in any case: with two of one name it would wait for ever."""
    script = (
        "$fields = 'A', 'a' | ForEach-Object { [System.Management.Automation.Host.FieldDescription]::new($_) }\n"
        "try { $Host.UI.Prompt('c', 'm', $fields) } catch { $_.Exception.InnerException.Message }\n"
    )
    run = powershell(deck, script).go()
    assert run.ended(30)["status"] == "Completed"
    assert text(run) == "The question is put in a way that nobody can answer.\n"
