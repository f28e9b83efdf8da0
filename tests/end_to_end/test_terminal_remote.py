"""The terminal application over a real server, with tokens of several roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.access import Role
from tests.end_to_end.command import Command
from tests.end_to_end.server import Server
from tests.end_to_end.tmux import Tmux

#: that one may look only is on the screen, and only once
_ONCE = r"\A(?![\s\S]*You may look only[\s\S]*You may look only)[\s\S]*You may look only"


@pytest.fixture
def owner(server: Server, jobdeck: Command) -> Command:
    """The verbs for an Operator, who has a question open, a finished and a running job."""
    command = Command(jobdeck.home, jobdeck.directory)
    command.variables |= {"JOBDECK_SERVER": server.url, "JOBDECK_TOKEN": server.token(identity="owner")}
    command.script("long.sh", "sleep 1000\n")
    command.script("done.sh", "echo done\n")
    command.script("asks.py", "import jobdeck\nprint('got', jobdeck.ask('Really?'))\n")
    command("run", "long.sh", "--detach")
    command("run", "done.sh")
    command("run", "asks.py", "--detach")
    command.until("3", "WaitingOnFeedback")
    return command


def window(jobdeck: Command, server: Server, role: Role, socket: Path) -> Tmux:
    """The application of somebody with this role."""
    jobdeck.variables |= {"JOBDECK_SERVER": server.url, "JOBDECK_TOKEN": server.token(role, role.value)}
    terminal = Tmux(jobdeck, socket, size=(80, 24))
    terminal.jobdeck()
    terminal.until(r"asks\.py")
    return terminal


def states(command: Command) -> list[tuple[int, str]]:
    """Every job and how it is."""
    return [(job["id"], job["status"]) for job in command.json("jobs")]


def test_a_reader_is_told_so_by_every_key_that_acts(
    jobdeck: Command, server: Server, owner: Command, tmp_path: Path
) -> None:
    before = states(owner)
    screen = window(jobdeck, server, Role.Reader, tmp_path / "tmux")
    try:
        screen.until("read only")
        for keys in ("a", "x", "R", "X"):
            screen.type(keys)
            # Said once, and nothing opens.
            assert "Go back" not in screen.until(_ONCE)
        screen.press("Enter")
        screen.until(r"1 Output")
        for keys in ("a", "x", "R", "X"):
            screen.type(keys)
            found = screen.until(_ONCE)
            assert "Go back" not in found and "Later" not in found
        screen.press("Escape")
        screen.until(r"3 jobs")
        screen.type("s")
        screen.until(r"Scripts \(3\)")
        for keys in ("a", "n", "X"):
            screen.type(keys)
            found = screen.until("You may look only")
            assert "Go back" not in found and "Scripts (3)" in found
        screen.press("Escape")
        screen.until(r"3 jobs")
        screen.type(",")
        screen.until("Environment +Version")
        screen.type("]")
        screen.until(r"asks for the role Administrator; the token of Reader has the role\s+Reader\.")
    finally:
        screen.close()
    assert states(owner) == before and len(owner.json("scripts")) == 3


def test_execute_answers_for_its_own_jobs_alone(
    jobdeck: Command, server: Server, owner: Command, tmp_path: Path
) -> None:
    before = states(owner)
    screen = window(jobdeck, server, Role.Execute, tmp_path / "tmux")
    try:
        # Nobody fills in a form that the server would refuse.
        screen.type(",")
        screen.until(r"Environment +Version")
        screen.type("a")
        screen.until(r"role Administrator;")
        assert "Add an environment" not in screen.screen()
        screen.press("Escape")
        screen.until(r"ID +Status")
        screen.type("a")
        screen.until("Really")
        screen.type("kept")
        screen.press("Enter")
        screen.until(r"Job 3 is owner's; Execute may act on its own jobs alone\.")
        screen.press("Escape")
        screen.gone("Really")
        screen.type("x")
        screen.until("Cancel job 3, asks.py")
        screen.type("y")
        screen.until(r"Execute may act on its own\s+jobs alone")
        assert states(owner) == before
        # What was typed is still there, and its own job it may answer.
        screen.type("a")
        screen.until(r"Really\?\s[^?]*kept")
        screen.press("Escape")
        screen.gone("Really")
        screen.type("n")
        screen.until(r"Scripts \(3\)")
        screen.press("Enter")
        screen.until("Run · asks.py")
        screen.press("F5")
        screen.until(r"Waiting for an answer +asks\.py")
        # What comes before the question is fetched is not lost.
        screen.type("amine")
        screen.until(r"Really\?\s[^?]*mine")
        screen.press("Enter")
        screen.until(r"got mine")
    finally:
        screen.close()
    assert states(owner) == [(4, "Completed"), *before]
