"""A runner that takes its starter's next job: as good as a new one, or gone."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.journal.format import STDOUT, TERMINAL
from core.runner import start
from tests.core.runner_jobs import Deck, Run, lock, locked, until


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


@pytest.fixture
def zygote(deck: Deck) -> Iterator[start.Zygote]:
    zygote = start.Zygote(str(deck.directory))
    yield zygote
    zygote.close()


def first(run: Run, zygote: start.Zygote, secrets: dict[str, str] | None = None) -> socket.socket:
    """Start a reusable runner for the first job; the connection to it."""
    held = lock(run.directory / "lock")
    ours, theirs = socket.socketpair()
    run.pid = zygote.start_runner(
        str(run.directory), run.id, lock=held, watch=theirs.fileno(), secrets=secrets, reusable=True
    )
    os.close(held)
    theirs.close()
    ours.settimeout(20)
    return ours


def told(connection: socket.socket) -> bool:
    """Read until the end of the job is told; whether the runner stays. False also when it goes."""
    lines = b""
    while data := connection.recv(65536):
        lines += data
        if any("idle" in json.loads(line) for line in lines.splitlines() if line.endswith(b"}")):
            return True
    return False


def end(run: Run) -> dict[str, object]:
    until((run.directory / "exit.json").exists, "the end")
    value: dict[str, object] = json.loads((run.directory / "exit.json").read_bytes())
    return value


def test_a_runner_runs_job_after_job_each_on_its_own(deck: Deck, zygote: start.Zygote) -> None:
    script = "echo $JOBDECK_JOB_ID; read -t 0 x; tty; ls /proc/self/fd; echo bye > /dev/tty; exit $JOBDECK_JOB_ID"
    runs = [deck.job(script=script) for _ in range(4)]
    connection = first(runs[0], zygote)
    for number, run in enumerate(runs, start=1):
        if number > 1:
            assert run.hand_over(connection)
        assert told(connection)
        assert end(run)["exit_code"] == number
        words = run.stream(STDOUT).split()
        assert words[0] == str(number).encode() and words[1].startswith(b"/dev/pts/")
        assert words[2:] == [b"0", b"1", b"2", b"3"]
        assert run.stream(TERMINAL) == b"bye\r\n"
        starts = [state for state in run.values(12) if state["event"] == "start"]
        assert [state["runner"]["process_id"] for state in starts] == [runs[0].pid]
        until(lambda run=run: not locked(run.directory / "lock"), "the lock let go")  # type: ignore[misc]
        assert not (run.directory / "control").exists() and not (run.directory / "channel").exists()
    shown = Path(f"/proc/{runs[0].pid}/cmdline").read_bytes()
    assert b"core.runner" in shown
    connection.close()
    until(lambda: not os.path.exists(f"/proc/{runs[0].pid}"), "the runner's end, once its starter has gone")
    assert runs[0].log() == ""


def test_a_handed_over_job_is_cancelled_and_asks_as_any_other(deck: Deck, zygote: start.Zygote) -> None:
    one, two = deck.job(script=":"), deck.job(script="trap '' TERM; setsid sleep 300 & sleep 300", grace=0.2)
    connection = first(one, zygote)
    assert told(connection)
    assert two.hand_over(connection)
    two.until_state("Running")
    assert two.ask(op="cancel", by="me") == {"ok": True}
    ended = end(two)
    assert ended["status"] == "Canceled"
    assert {entry["name"] for entry in ended["receipt"]["signalled"]} >= {"sleep"}  # type: ignore[index]
    connection.close()


def test_a_runner_whose_job_left_processes_or_held_secrets_is_not_used_again(deck: Deck, zygote: start.Zygote) -> None:
    leaves = deck.job(script="setsid sleep 300 >/dev/null 2>&1 & echo $!")
    connection = first(leaves, zygote)
    assert not told(connection)
    connection.close()
    os.kill(int(leaves.stream(STDOUT)), signal.SIGKILL)
    secret = deck.job(script=":")
    connection = first(secret, zygote, {"password": "a long secret"})
    assert not told(connection)
    connection.close()
    assert end(secret)["exit_code"] == 0


def test_a_job_handed_to_a_runner_that_has_gone_was_never_started(deck: Deck, zygote: start.Zygote) -> None:
    one, two, three = deck.job(script=":"), deck.job(script=":"), deck.job(script=":")
    connection = first(one, zygote)
    assert told(connection)
    os.kill(one.pid, signal.SIGSTOP)
    # It is handed over while the runner does not look, and dies with it.
    assert two.hand_over(connection)
    os.kill(one.pid, signal.SIGKILL)
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""
    until(lambda: not locked(two.directory / "lock"), "the lock let go")
    assert two.records() == []
    assert not three.hand_over(connection)
    until(lambda: not locked(three.directory / "lock"), "the lock let go")
    connection.close()


def test_what_a_runner_leaves_that_is_killed_between_two_jobs_is_removed(deck: Deck, zygote: start.Zygote) -> None:
    one = deck.job(script=":")
    connection = first(one, zygote)
    assert told(connection)
    idle = deck.directory / "idle"
    until(lambda: len(list(idle.iterdir())) == 2, "the sockets to lie there")
    os.kill(one.pid, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{one.pid}"), "its end")
    connection.close()
    start.Zygote(str(deck.directory)).close()
    assert list(idle.iterdir()) == []
