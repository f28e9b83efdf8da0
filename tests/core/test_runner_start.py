"""Starting runners: afresh, from the zygote, and when something is wrong with either."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.journal.format import STDOUT
from core.runner import start
from tests.core.runner_jobs import Deck, lock, locked, until


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


@pytest.fixture
def zygote(deck: Deck) -> Iterator[start.Zygote]:
    zygote = start.Zygote(str(deck.directory))
    yield zygote
    zygote.close()


def test_a_forked_runner_does_all_that_a_fresh_one_does(deck: Deck, zygote: start.Zygote) -> None:
    run = deck.job(script="echo out; echo err >&2; ls /proc/self/fd; exit 3").go({"a": "secret one"}, zygote)
    end = run.ended()
    assert (end["status"], end["exit_code"]) == ("Failed", 3)
    assert run.stream(STDOUT).split() == [b"out", b"0", b"1", b"2", b"3"]
    assert run.log() == ""


def test_a_forked_runner_is_a_stranger_to_its_zygote(deck: Deck, zygote: start.Zygote) -> None:
    run = deck.job(script="read x").go(None, zygote)
    run.until_state("Running")
    assert os.getsid(run.pid) == run.pid != os.getsid(zygote.process_id)
    links = {os.readlink(f"/proc/{run.pid}/fd/{name}") for name in os.listdir(f"/proc/{run.pid}/fd")}
    theirs = {
        os.readlink(f"/proc/{zygote.process_id}/fd/{name}") for name in os.listdir(f"/proc/{zygote.process_id}/fd")
    }
    assert not {link for link in links & theirs if link.startswith("socket:")}
    shown = Path(f"/proc/{zygote.process_id}/cmdline").read_bytes().rstrip(b"\0")
    assert shown == b"jobdeck core.runner zygote"
    assert Path(f"/proc/{run.pid}/environ").read_bytes().count(b"JOBDECK_ROLE=zygote") == 1
    run.ask(op="cancel")
    run.ended()


def test_an_idle_forked_runner_is_small(deck: Deck, zygote: start.Zygote) -> None:
    for _ in range(2):
        deck.job("/bin/true").go(None, zygote).ended()
    run = deck.job("/bin/sleep", "300").go(None, zygote)
    run.until_state("Running")
    rollup = Path(f"/proc/{run.pid}/smaps_rollup").read_text()
    private = sum(int(kb) for kb in re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", rollup, re.M))
    run.ask(op="cancel")
    run.ended()
    assert private <= 4096, rollup


def test_runners_outlive_zygote_and_engine(deck: Deck) -> None:
    zygote = start.Zygote(str(deck.directory))
    run = deck.job(script="echo ready; read x; echo never").go(None, zygote)
    run.until_output(STDOUT, b"ready")
    os.kill(zygote.process_id, signal.SIGKILL)
    zygote.close()
    assert run.ask(op="status")["status"] == "Running"
    assert locked(run.directory / "lock")
    run.ask(op="cancel")
    assert run.ended()["status"] == "Canceled"
    until(lambda: not locked(run.directory / "lock"), "the lock")


def test_a_zygote_ends_with_its_engine(deck: Deck) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent.parent.parent)!r})
from core.runner.start import Zygote
import os
print(Zygote({str(deck.directory)!r}).process_id, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    until(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in Path(f"/proc/{pid}/stat").read_text().split(), "its end")


def test_a_dead_zygote_is_noticed_and_a_fresh_runner_serves(deck: Deck) -> None:
    zygote = start.Zygote(str(deck.directory))
    os.kill(zygote.process_id, signal.SIGKILL)
    run = deck.job("/bin/true")
    with lockfile(run.directory / "lock") as held:
        with pytest.raises(start.ZygoteGone, match="has ended"):
            zygote.start_runner(str(run.directory), run.id, lock=held, watch=None, secrets={})
        pid = start.start_fresh(str(run.directory), run.id, lock=held, watch=None, secrets={})
    os.waitpid(pid, 0)
    assert run.states() == ["Running", "Completed"]
    zygote.close()


class lockfile:
    """A held lock, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.fd = lock(path)

    def __enter__(self) -> int:
        return self.fd

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def test_secrets_are_handed_over_whole_or_not_at_all(deck: Deck, zygote: start.Zygote) -> None:
    long = "s" * 500_000
    run = deck.job(
        "python3",
        "-c",
        "import json,os,socket; c=socket.socket(socket.AF_UNIX); c.connect(os.environ['JOBDECK_CHANNEL'])\n"
        'c.sendall(b\'{"type": "parameter", "name": "long"}\\n\')\n'
        "print(len(json.loads(c.makefile().readline())['value']))",
    ).go({"long": long}, zygote)
    run.ended()
    assert run.stream(STDOUT) == b"500000\n"
    other = deck.job("/bin/true")
    with lockfile(other.directory / "lock") as held, pytest.raises(OSError, match="too long to be handed over"):
        start.start_fresh(str(other.directory), other.id, lock=held, secrets={"long": "s" * 40_000_000})


def test_an_interpreter_that_is_gone_is_told(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    run = deck.job("/bin/true")
    with (
        lockfile(run.directory / "lock") as held,
        pytest.raises(FileNotFoundError, match="could not be started") as told,
    ):
        start.start_fresh(str(run.directory), run.id, lock=held)
    assert "runner of job 1 could not be started (/no/such/python): No such file or directory" in str(told.value)


def test_a_runner_that_fails_says_why_in_the_log(deck: Deck) -> None:
    run = deck.job("/bin/true")
    (run.directory / "spec.json").write_text("{")
    run.go().left()
    assert f"job {run.id}: its runner failed" in run.log()
    assert not (run.directory / "exit.json").exists()


def test_the_job_variables_of_a_starter_inside_a_job_are_not_passed_on(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBDECK_RUN", "outer")
    monkeypatch.setenv("JOBDECK_CHANNEL", "/outer")
    run = deck.job(script="read x").go()
    run.until_state("Running")
    environ = Path(f"/proc/{run.pid}/environ").read_bytes()
    assert b"outer" not in environ
    assert b"JOBDECK_ROLE=runner" in environ
    run.ask(op="cancel")
    run.ended()


def test_what_a_runner_imports_is_lean() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import core.runner.process; "
        "print(' '.join(sorted(set(sys.modules) & "
        "{'asyncio', 'typing', 'dataclasses', 'subprocess', 'logging', 'pathlib', 'ssl', 'hashlib', 'sqlite3', 'tui', "
        "'socket', 'threading', 'core.service', 'psutil', '_hashlib'})))"
    )
    root = str(Path(__file__).parent.parent.parent)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, root], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
