"""The terminal application as people use it: in a terminal, with real jobs, closed and killed."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.command import PROGRAM, Command
from tests.end_to_end.tmux import Tmux

Terminals = Callable[..., Tmux]
_EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def terminal(jobdeck: Command, tmp_path: Path) -> Iterator[Terminals]:
    """Makes terminals, each closed at the end."""
    made: list[Tmux] = []

    def make(**options: object) -> Tmux:
        made.append(Tmux(jobdeck, tmp_path / f"tmux{len(made)}", **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def ended(process: int, seconds: float = 20) -> bool:
    """Whether the process ends in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_look_filter_cancel_quit_and_come_back(jobdeck: Command, terminal: Terminals) -> None:
    shutil.copytree(_EXAMPLES, jobdeck.directory, dirs_exist_ok=True)
    jobdeck("run", "disk-usage.sh", "-p", "threshold=100")
    jobdeck.script("long.sh", "#!/bin/sh\nsleep 300\n")
    first = jobdeck.json("run", "long.sh", "--detach")["id"]
    window = terminal()
    window.jobdeck()
    window.until(r"● Running +long\.sh")
    window.until(r"✓ Completed +disk-usage\.sh")
    # In one go: what is typed right behind the slash is for the filter already.
    window.type("/status:running")
    window.gone(r"Completed")
    window.press("Enter")
    window.until(r"1 of 2 jobs")
    window.type("x")
    window.until(r"Cancel job \d+, long\.sh\?")
    window.type("y")
    window.until(r"No job is like that")
    assert jobdeck.until(str(first), "Canceled")
    window.press("Escape")
    window.until(r"■ Canceled +long\.sh")
    # The same of what is pasted there, and of enter behind it.
    window.type("/\x1b[200~status:completed\x1b[201~\r")
    window.gone(r"Canceled")
    window.until(r"^ /status:completed +1 of 2 jobs")
    window.press("Escape")
    window.until(r"■ Canceled +long\.sh")
    second = jobdeck.json("run", "long.sh", "--detach")["id"]
    window.until(r"● Running +long\.sh")
    window.type("q")
    window.until(r"on without this window: 1 running")
    window.type("q")
    window.until(r"^shell>$")
    assert jobdeck.json("job", str(second))["status"] == "Running"
    window.jobdeck()
    window.until(r"● Running +long\.sh")
    jobdeck("cancel", str(second))
    window.until(r"■ Canceled +long\.sh(.|\n)*■ Canceled +long\.sh")
    window.type("q")
    window.until(r"^shell>$")


def test_two_terminals_show_the_same_and_one_may_be_killed(jobdeck: Command, terminal: Terminals) -> None:
    one, two = terminal(size=(80, 24)), terminal(size=(120, 40))
    one.jobdeck()
    one.until("No job has run yet")
    two.jobdeck()
    two.until("No job has run yet")
    jobdeck.script("long.sh", "#!/bin/sh\nsleep 300\n")
    first = jobdeck.json("run", "long.sh", "--detach")["id"]
    one.until(r"● Running +long\.sh")
    two.until(r"● Running +long\.sh")
    os.kill(one.application(), signal.SIGKILL)
    jobdeck("cancel", str(first))
    two.until(r"■ Canceled +long\.sh")
    second = jobdeck.json("run", "long.sh", "--detach")["id"]
    two.until(rf"{second} +● Running")
    jobdeck("cancel", str(second))
    two.until(rf"{second} +■ Canceled")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal_and_leaves_the_jobs(
    jobdeck: Command, terminal: Terminals, number: signal.Signals
) -> None:
    jobdeck.script("long.sh", "#!/bin/sh\nsleep 300\n")
    job = jobdeck.json("run", "long.sh", "--detach")["id"]
    window = terminal()
    window.enter("stty -a > before")
    window.jobdeck()
    window.until(r"● Running +long\.sh")
    os.kill(window.application(), number)
    window.until(r"^shell>$")
    window.enter("echo code=$?; stty -a > after; echo done")
    screen = window.until(r"^done")
    assert f"code={128 + number}" in screen and "Traceback" not in screen
    assert (jobdeck.directory / "after").read_text() == (jobdeck.directory / "before").read_text()
    assert jobdeck.json("job", str(job))["status"] == "Running"
    jobdeck("cancel", str(job))


def test_a_closed_terminal_ends_the_application_and_no_job(jobdeck: Command, terminal: Terminals) -> None:
    jobdeck.script("long.sh", "#!/bin/sh\nsleep 300\n")
    job = jobdeck.json("run", "long.sh", "--detach")["id"]
    window = terminal()
    window.jobdeck()
    window.until(r"● Running +long\.sh")
    process = window.application()
    window.close()
    assert ended(process)
    assert jobdeck.json("job", str(job))["status"] == "Running"
    jobdeck("cancel", str(job))


def test_a_terminal_that_hangs_up_on_the_application_itself_ends_it(jobdeck: Command, terminal: Terminals) -> None:
    window = terminal()
    process = window.pane_process()
    window.enter("exec " + shlex.join(PROGRAM))
    window.until("No job has run yet")
    # One who was not stopped goes on as before.
    os.kill(process, signal.SIGCONT)
    window.type("?")
    window.until("Help")
    # It leads its session, so that it gets SIGCONT behind the SIGHUP.
    window.close()
    assert ended(process)


def test_ctrl_z_gives_the_lead_up_and_fg_comes_back(jobdeck: Command, terminal: Terminals) -> None:
    window = terminal()
    window.enter("set -m")
    window.jobdeck()
    window.until("No job has run yet")
    process = window.application()
    assert jobdeck.json("status")["leader"]["process_id"] == process
    window.press("C-z")
    window.until(r"^shell>$")
    assert Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    assert (jobdeck.json("status")["leader"] or {}).get("process_id") != process
    jobdeck.script("quick.sh", "#!/bin/sh\nexit 0\n")
    jobdeck("run", "quick.sh")
    window.enter("fg")
    window.until(r"✓ Completed +quick\.sh")
    window.until("enter Open +n Run")
    # Once more, with nothing new to show: every line of the screen is there again all the same.
    window.press("C-z")
    window.until(r"^shell>$")
    window.enter("fg")
    window.until(r"^ Jobs +1 job$")
    window.until("enter Open +n Run")
    window.until(r"✓ Completed +quick\.sh")
    window.type("q")
    window.until(r"^shell>$")


def test_in_gnu_screen_one_escape_is_enough(jobdeck: Command, terminal: Terminals) -> None:
    if shutil.which("screen") is None:
        pytest.skip("GNU screen is not installed")
    jobdeck.script("quick.sh", "#!/bin/sh\nexit 0\n")
    jobdeck("run", "quick.sh")
    window = terminal()
    window.enter("screen -c /dev/null " + shlex.join(PROGRAM))
    window.until(r"✓ Completed +quick\.sh")
    window.press("Enter")
    window.until("1 Output")
    window.press("Escape")
    window.until("^ Jobs +1 job$")
    window.type("q")
    window.until(r"^shell>")


def test_without_a_terminal_it_says_how_to_begin(jobdeck: Command) -> None:
    assert "jobdeck run FILE" in jobdeck().stdout


def test_a_terminal_that_can_show_nothing_is_told_so(terminal: Terminals) -> None:
    window = terminal()
    window.enter("export TERM=dumb; clear")
    window.jobdeck()
    window.until(r"This terminal \(TERM=dumb\) cannot show the application")
    window.until(r"jobdeck run FILE")


def test_a_wrong_setting_is_a_sentence(jobdeck: Command, terminal: Terminals) -> None:
    jobdeck.home.mkdir(parents=True, exist_ok=True)
    (jobdeck.home / "config.toml").write_text("max_running = 'many'\n")
    window = terminal()
    window.jobdeck()
    screen = window.until(r"must\s+be\s+a\s+whole\s+number")
    assert "Traceback" not in screen
    window.press("C-q")
    window.until(r"^shell>$")
    (jobdeck.home / "config.toml").write_text('[keys]\n"jobs.cancl" = "f8"\n"jobs.quit" = "f7"\n')
    window.jobdeck()
    window.until('"jobs.cancl" is ignored')
    window.press("F7")
    window.until(r"^shell>$")


def test_a_broken_settings_file_is_told_and_what_is_mended_counts(jobdeck: Command, terminal: Terminals) -> None:
    config = jobdeck.home / "config.toml"
    jobdeck.home.mkdir(parents=True, exist_ok=True)
    config.write_text('max_running = many\n[keys]\n"jobs.scripts" = "z"\njobs.run = u\n')
    window = terminal(size=(120, 40))
    window.jobdeck()
    screen = window.until(r"cannot be reached")
    assert "is not valid TOML" in " ".join(screen.split()) and "line 1" in screen
    window.until(r"config.toml, line 4: 'jobs.run = u' is ignored")
    config.write_text(config.read_text().replace("many", "3"))
    window.press("C-r")
    window.until("No job has run yet")
    window.until(r"z +the scripts")
    window.type("z")
    window.until("No scripts yet")
    window.press("Escape", "C-q")
    window.until(r"^shell>$")


def test_what_is_typed_while_it_starts_is_not_lost(jobdeck: Command, terminal: Terminals) -> None:
    jobdeck.script("first.sh", "#!/bin/sh\necho one\n")
    jobdeck.script("second.sh", "#!/bin/sh\necho two\n")
    jobdeck("run", "first.sh")
    jobdeck("run", "second.sh")
    window = terminal()
    window.enter(shlex.join(PROGRAM))
    window.application()
    # The terminal is still the shell's: it makes the end of a line of enter.
    window.type("j")
    window.press("Enter")
    window.until(r"first\.sh · exit code 0")
    window.press("Escape")
    window.until("2 jobs")
    window.type("q")
    window.until(r"^shell>$")
    window.enter(shlex.join(PROGRAM))
    window.application()
    window.type("/first")
    window.until("1 of 2 jobs")
