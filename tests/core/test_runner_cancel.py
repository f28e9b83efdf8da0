"""Cancel, timeouts, lost runners: nothing of a job is left, and the record says what was done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from core.journal.format import STATE, STDOUT
from core.runner import processes
from tests.core.runner_jobs import Deck, Run, until

#: ignores TERM, forks twice, leaves the session: three processes that only KILL ends
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
def say(): os.write(1, b"%d\\n" % os.getpid())
say()
if os.fork() == 0:
    os.setsid()
    say()
    if os.fork() == 0:
        if {clean}:
            os.execve("/usr/bin/env", ["env", "-i", sys.executable, "-c",
                "import os,time,signal as s; s.signal(15, 1); os.write(1, b'%d\\\\n' % os.getpid());"
                "time.sleep(9)"], {{}})
        say()
        time.sleep(300)
    if {orphan}: os._exit(0)
    time.sleep(300)
time.sleep(300)
"""


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def stubborn(deck: Deck, *, clean: bool = False, orphan: bool = False, **settings: Any) -> Run:
    return deck.job("python3", "-c", STUBBORN.format(clean=clean, orphan=orphan), **settings)


def spoken(run: Run, count: int) -> list[int]:
    until(lambda: run.stream(STDOUT).count(b"\n") == count, f"{count} processes")
    return [int(word) for word in run.stream(STDOUT).split()]


def test_a_tree_that_ends_when_told_to(deck: Deck) -> None:
    run = deck.job(script="sleep 300 & sleep 301 & echo; wait").go()
    run.until_output(STDOUT, b"\n")
    began = time.monotonic()
    assert run.ask(op="cancel", by="ann") == {"ok": True}
    end = run.ended()
    assert time.monotonic() - began < 2
    assert (end["status"], end["reason"], end["signal"]) == ("Canceled", "ann canceled it.", 15)
    receipt = end["receipt"]
    assert sorted(one["name"] for one in receipt["signalled"]) == ["bash", "sleep", "sleep"]
    assert {one["signal"] for one in receipt["signalled"]} == {"TERM"}
    assert receipt["survived"] == []
    assert run.states() == ["Running", "Canceling", "Canceled"]
    assert run.values(STATE)[1] == {"status": "Canceling", "event": "cancel", "by": "ann", "why": "cancel"}
    assert [line["state_seq"] for line in run.told()] == [1, 2, 3]


@pytest.mark.parametrize(("clean", "orphan"), [(False, False), (False, True), (True, False), (True, True)])
def test_a_stubborn_tree_is_killed_after_the_grace(deck: Deck, clean: bool, orphan: bool) -> None:
    run = stubborn(deck, clean=clean, orphan=orphan, grace=0.3).go()
    pids = spoken(run, 3)
    run.ask(op="cancel")
    end = run.ended()
    assert end["status"] == "Canceled"
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "their end")
    killed = {one["process_id"] for one in end["receipt"]["signalled"] if one["signal"] == "KILL"}
    assert killed == set(pids) - ({pids[1]} if orphan else set())
    assert 0.3 <= end["receipt"]["seconds"] < 2
    assert end["receipt"]["survived"] == []


def test_a_stopped_process_is_ended_too(deck: Deck) -> None:
    run = deck.job("/bin/sh", "-c", "kill -STOP $$", grace=10.0).go()
    until(
        lambda: (
            run.states() and b"T" in Path(f"/proc/{run.values(STATE)[0]['process_id']}/stat").read_bytes().split()[2]
        ),
        "stop",
    )
    run.ask(op="cancel")
    assert run.ended(5)["signal"] == 15


def test_a_timeout_ends_it_the_same_way(deck: Deck) -> None:
    run = stubborn(deck, timeout=0.5, grace=0.2).go()
    end = run.ended()
    assert (end["status"], end["reason"]) == ("TimedOut", "It ran longer than its timeout of 0.5 s.")
    assert run.values(STATE)[1]["why"] == "timeout"
    assert len(end["receipt"]["signalled"]) >= 1


def test_a_cancel_that_came_before_the_runner_listened(deck: Deck) -> None:
    run = deck.job(script="echo ran > ran")
    (run.directory / "cancel").write_text(json.dumps({"by": "ann"}))
    end = run.go().ended()
    assert (end["status"], end["reason"]) == ("Canceled", "ann canceled it before it started.")
    assert run.states() == ["Canceled"]
    assert not (deck.directory / "ran").exists()


def test_other_jobs_and_engines_are_left_alone(deck: Deck) -> None:
    inner = deck.job("sleep", "300")
    body = f"""
setsid env -u JOBDECK_RUN JOBDECK_ROLE=engine sleep 301 >/dev/null 2>&1 </dev/null &
setsid env JOBDECK_RUN=another sleep 302 >/dev/null 2>&1 </dev/null &
python3 - <<'END'
import sys; sys.path.insert(0, {str(Path(__file__).parent.parent.parent)!r})
from core.runner.start import start_fresh
import fcntl, os, struct
fd = os.open({str(inner.directory / "lock")!r}, os.O_RDWR | os.O_CREAT)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print(start_fresh({str(inner.directory)!r}, {inner.id}, lock=fd), flush=True)
END
sleep 303
"""
    run = deck.job(script=body).go()
    inner.until_state("Running")
    inner.pid = int(run.until_output(STDOUT, b"\n"))
    others = until(lambda: _sleepers("301", "302"), "the others")
    try:
        run.ask(op="cancel")
        end = run.ended()
        assert end["status"] == "Canceled"
        assert "sleep" in [one["name"] for one in end["receipt"]["signalled"]]
        assert inner.states() == ["Running"]
        assert sorted(_sleepers("301", "302")) == sorted(others)
        assert not _sleepers("303")
    finally:
        for pid in others:
            os.kill(pid, signal.SIGKILL)
        inner.ask(op="cancel")
        until(lambda: (inner.directory / "exit.json").exists(), "the inner job's end")


def _sleepers(*arguments: str) -> list[int]:
    found = []
    for process in processes.processes().values():
        try:
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"sleep" and words[1].decode() in arguments and process.alive:
            found.append(process.pid)
    return found if len(found) == len(arguments) else []


def test_a_lost_runners_processes_are_found_and_killed(deck: Deck) -> None:
    run = stubborn(deck, orphan=True).go()
    pids = spoken(run, 3)
    os.kill(run.pid, signal.SIGKILL)
    run.left()
    assert not (run.directory / "exit.json").exists()
    # the main process dies with its runner; what it left in other sessions does not
    until(lambda: not os.path.exists(f"/proc/{pids[0]}"), "the main process's end")
    assert os.path.exists(f"/proc/{pids[2]}")
    receipt = processes.kill_tree(run.spec["run_id"], session=run.pid, grace=0.2)
    assert not processes.find_tree(run.spec["run_id"])
    assert {"process_id": pids[2], "name": "python3", "signal": "KILL"} in receipt["signalled"]
    assert receipt["survived"] == []


def test_a_session_number_that_was_given_to_others_is_not_swept(deck: Deck) -> None:
    stranger = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        assert processes.find_tree("no-such-run", session=stranger.pid) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_runner_killed_before_its_start_record_has_run_nothing(deck: Deck) -> None:
    for pause in range(12):
        run = deck.job(script=f"echo ran > ran{pause}").go()
        time.sleep(pause * 0.003)
        os.kill(run.pid, signal.SIGKILL)
        run.left()
        name = run.spec["run_id"]
        until(lambda name=name: not processes.find_tree(name), "the end of its processes")  # type: ignore[misc]
        assert run.states()[:1] == ["Running"] or not (deck.directory / f"ran{pause}").exists()


def test_a_shutdown_cancels_in_order(deck: Deck) -> None:
    run = deck.job(script="trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.02; done").go()
    run.until_output(STDOUT, b"ready")
    os.kill(run.pid, signal.SIGTERM)
    end = run.ended()
    assert (end["status"], end["exit_code"], end["reason"]) == ("Canceled", 3, "system canceled it.")
    assert run.stream(STDOUT) == b"ready\nbye\n"
    assert "SIGTERM" in end["remarks"][0]


def test_hangup_and_interrupt_do_not_touch_a_runner(deck: Deck) -> None:
    run = deck.job(script="read x").go()
    run.until_state("Running")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGUSR1):
        os.kill(run.pid, number)
    assert run.ask(op="status")["status"] == "Running"
    run.ask(op="cancel")
    assert run.ended()["status"] == "Canceled"


def test_output_between_cancel_and_end_is_kept(deck: Deck) -> None:
    # what cleans up is started after the signal, and lives longer than the first looks at who is left
    clean = "sleep 0.3; seq 20000; exit 0"
    run = deck.job(script=f"trap '{clean}' TERM; echo ready; while :; do sleep 0.02; done").go()
    run.until_output(STDOUT, b"ready")
    run.ask(op="cancel")
    assert run.ended()["exit_code"] == 0
    assert run.stream(STDOUT) == b"ready\n" + b"".join(b"%d\n" % i for i in range(1, 20001))
