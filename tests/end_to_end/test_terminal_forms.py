"""Running a script by its form in a real terminal: parameters, its question, what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.command import Command
from tests.end_to_end.tmux import Tmux

_EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def window(jobdeck: Command, tmp_path: Path) -> Iterator[Tmux]:
    """A terminal of 80x24 in a directory with the examples."""
    shutil.copytree(_EXAMPLES, jobdeck.directory, dirs_exist_ok=True)
    terminal = Tmux(jobdeck, tmp_path / "tmux", (80, 24))
    yield terminal
    terminal.close()


def test_run_by_the_form_answer_look_and_run_again(jobdeck: Command, window: Tmux, tmp_path: Path) -> None:
    source = tmp_path / "precious"
    source.mkdir()
    (source / "file").write_text("precious")
    window.jobdeck()
    window.until("No job has run yet")
    window.type("s")
    window.until("No scripts yet")
    window.type("n")
    window.until("name of a script on record")
    window.type("back")
    window.press("Tab")
    window.until(r"Script \* +backup\.sh")
    window.until(r"source +")
    window.press("Tab")
    window.until(r"▌ +source")
    window.type(str(source))
    window.until("precious")
    window.press("F5")
    window.until("How shall")
    window.type("a")
    window.until(r"Later \[esc\]")
    window.until(r"\[e\] encrypted")
    window.press("Escape")
    window.gone(r"Later \[esc\]")
    window.type("a")
    window.until(r"\[e\] encrypted")
    window.type("p")
    window.until(r"✓ Completed +backup\.sh")
    window.until(r"precious-.*plain")
    job = jobdeck.json("job", "last")
    assert (job["status"], job["source"], job["parameters"]["source"]) == ("Completed", "tui", str(source))
    window.type("R")
    window.until("Run again · job")
    window.until(r"source +.*precious")
    window.press("Tab")
    window.until(r"▌ +destination")
    window.press("Tab")
    window.until(r"▌ +mode")
    window.type("p")
    window.until(r"\[plain\]")
    window.press("F5")
    window.until(r"✓ Completed +backup\.sh(.|\n)*#2")
    again = jobdeck.json("job", "last")
    assert (again["rerun_of"], again["parameters"]["mode"]) == (job["id"], "plain")
    window.press("Escape")
    window.until(r"job 1 · backup\.sh")


def test_keys_that_come_in_one_go_are_taken_one_after_the_other(jobdeck: Command, window: Tmux) -> None:
    header = "#!/bin/bash\n# @param {string} name\n# @param {integer} count\n"
    ask = 'answer=$(jobdeck-job ask "Log in" --field User --field Password:secret)\necho "$answer" | rev\n'
    jobdeck.script("fast.sh", f'{header}echo "$name $count"\n{ask}')
    jobdeck("scripts", "add", "fast.sh")
    window.jobdeck()
    window.until("No job has run yet")
    window.type("s")
    window.until(r"fast\.sh")
    window.press("Enter")
    window.until(r"▌ +name")
    window.press(*"somebody", "Tab", *"1234567", "C-j")
    window.until(r"somebody 1234567")
    window.until(r"Waiting .*fast")
    window.press("a")
    window.until(r"Password +hidden")
    window.press(*"eve", "Tab", *"hunter2", "C-j")
    window.until(r"2retnuh.*eve")
    assert "hunter2" not in window.screen()
    for shown in (r"Scripts \(1\)", r"1 job\b"):
        window.press("Escape")
        window.until(shown)
    window.press(",")
    window.until("Environment +Version")
    window.press(*"]]]]")
    window.until("Identity +Role")
    window.press(*"[[[]")
    window.until(r"jobdeck-dark +dark terminals")
