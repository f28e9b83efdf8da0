"""What a PowerShell job reads: piped input as `pwsh -File` gives it, its terminal, nothing; what children have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from core.journal.format import PROMPT, STDOUT
from tests.core.powershell_jobs import powershell, text
from tests.core.runner_jobs import Deck, Run, lock, until
from tests.core.test_runner_input import feed, frame


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def piped(deck: Deck, script: str, *data: bytes) -> tuple[dict[str, Any], Run]:
    """The end of a job that was given this, and the job."""
    run = powershell(deck, script, stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_state("Running")
    with feed(run) as connection:
        for each in (*data, b""):
            connection.sendall(frame(each))
        end = run.ended()
    os.close(feeder)
    return end, run


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('foreach ($line in $input) { "got $line" }; "n"', "got a\ngot wörld\ngot last\nn\n"),
        ('begin { "b" } process { "p $_" } end { "e" }', "b\np a\np wörld\np last\ne\n"),
        ("param([Parameter(ValueFromPipeline)][string]$Line) process { $Line.ToUpper() }", "A\nWÖRLD\nLAST\n"),
        # who asks for no $input may read it himself
        ('"own " + [Console]::In.ReadLine()', "own a\n"),
        ('"none of it"', "none of it\n"),
    ],
)
def test_piped_input(deck: Deck, script: str, said: str) -> None:
    end, run = piped(deck, script, "a\nwörl".encode(), b"d\nlast")
    assert end["status"] == "Completed" and text(run) == said


def test_piped_input_changes_no_ends(deck: Deck) -> None:
    end, run = piped(deck, "$n = @($input).Count; 1/0; $n; exit 3", b"a\nb\n")
    assert (end["exit_code"], text(run)) == (3, "2\n")
    end, run = piped(deck, "foreach ($line in $input) { throw $line }", b"boom\n")
    assert end["exit_code"] == 1 and "boom" in str(end["reason"])


def test_piped_input_streams(deck: Deck) -> None:
    run = powershell(deck, 'process { "got $_" }', stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_state("Running")
    with feed(run) as connection:
        for line in (b"one", b"two"):
            connection.sendall(frame(line + b"\n"))
            run.until_output(STDOUT, b"got " + line)
        connection.sendall(frame(b""))
        assert run.ended()["status"] == "Completed"
    os.close(feeder)


def test_children_have_the_jobs_pipes_and_nothing_else(deck: Deck) -> None:
    """A daemon that lets go of its output must not keep the job from ending."""
    listing = deck.directory / "listing.sh"
    listing.write_text("ls -l /proc/self/fd\n")
    run = powershell(deck, f"Start-Process /bin/sh -ArgumentList '{listing}' -NoNewWindow -Wait").go()
    run.ended()
    numbers = [int(line.split()[-3]) for line in text(run).splitlines() if "->" in line]
    # 3 is the directory that ls itself reads
    assert sorted(numbers)[:3] == [0, 1, 2] and len(numbers) <= 4, text(run)


def test_no_child_reads_the_protocol(deck: Deck) -> None:
    """One that inherits standard input has the job's, and what is answered still arrives."""
    script = (
        "Start-Process head -ArgumentList '-n1' -NoNewWindow; Start-Sleep -Milliseconds 300\n"
        '$a = Read-Host one; $b = Read-Host two; "$a $b"'
    )
    run = powershell(deck, script, kill_leftovers=True).go()
    for number, answer in enumerate(("first", "second"), 1):
        until(lambda number=number: len(run.values(PROMPT)) == number, f"question {number}", 60)  # type: ignore[misc]
        run.ask(op="answer", text=answer)
    run.ended()
    assert text(run) == "first second\n"
    script = "Start-Process cat -NoNewWindow -Wait; [IO.StreamReader]::new([Console]::OpenStandardInput()).ReadToEnd()"
    run = powershell(deck, script + "; 'end'", stdin="none").go()
    assert run.ended()["status"] == "Completed" and text(run).split() == ["end"]


def test_the_terminal_is_the_jobs(deck: Deck) -> None:
    run = powershell(deck, "bash -c 'echo to the terminal > /dev/tty; tty < /dev/tty'; 'end'").go()
    run.ended()
    assert "/dev/" in text(run) and "end\n" in text(run)
