"""Engines, runners, files and databases that are lost, and what of the jobs stays."""

from __future__ import annotations

import os
import signal
import time

from tests.end_to_end.command import Command


def test_queued_jobs_start_when_every_engine_has_gone(jobdeck: Command) -> None:
    go = jobdeck.directory / "go"
    jobdeck.script("one.sh", f"until [ -e {go} ]; do sleep 0.1; done; date +%s%N\n")
    jobdeck("scripts", "add", "one.sh", "--concurrent-jobs", "1")
    for _ in range(3):
        jobdeck("run", "--detach", "one.sh")
    assert "ConcurrentJobs" in jobdeck.json("job", "3")["queue_reason"]
    go.touch()
    # Nobody but the engine that the last `run` left behind can start them.
    deadline = time.monotonic() + 30
    while not (jobdeck.home / "jobs" / "0" / "3" / "exit.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [job["status"] for job in jobdeck.json("jobs")] == ["Completed"] * 3


def test_a_killed_runner_is_failed_and_its_processes_are_dead(jobdeck: Command) -> None:
    pids = jobdeck.directory / "pids"
    jobdeck.script("k.sh", f"setsid sleep 1000 & echo $! > {pids}; echo $$ >> {pids}; sleep 1000\n")
    jobdeck("run", "--detach", "k.sh")
    job = jobdeck.until("1", "Running")
    deadline = time.monotonic() + 20
    while not pids.exists() or len(pids.read_text().split()) < 2:
        assert time.monotonic() < deadline
    with open(f"/proc/{job['process_id']}/stat") as file:
        os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGKILL)
    job = jobdeck.json("job", "1")
    assert job["status"] == "Failed" and "runner lost" in job["reason"]
    for pid in pids.read_text().split():
        # Our own child's orphans may stay as zombies where nobody reaps them.
        assert not os.path.exists(f"/proc/{pid}/exe") or not os.path.realpath(f"/proc/{pid}/exe").startswith("/")
    jobdeck("wait", "1", code=1)


def test_rebuild_gives_the_same_jobs_back(jobdeck: Command) -> None:
    jobdeck.script("a.py", "import jobdeck\njobdeck.progress(30, 'third')\njobdeck.warn('x')\nprint('out')\n")
    jobdeck("run", "a.py")
    jobdeck("run", "a.py")
    before, scripts = jobdeck.json("jobs"), jobdeck.json("scripts", "list")
    for name in os.listdir(jobdeck.home):
        if name.startswith("jobdeck.db"):
            os.unlink(jobdeck.home / name)
    assert "rebuild" in jobdeck("jobs", code=1).stderr
    jobdeck("rebuild")
    assert jobdeck.json("jobs") == before and jobdeck.json("scripts", "list") == scripts
    (jobdeck.home / "jobdeck.db").write_bytes(b"rubbish" * 5000)
    assert "rebuild" in jobdeck("jobs", code=1).stderr
    jobdeck("rebuild")
    assert jobdeck.json("jobs") == before
    jobdeck("run", "a.py")
    assert jobdeck.json("job", "last")["id"] > 2


def test_the_stored_copy_runs_when_the_file_changed(jobdeck: Command) -> None:
    jobdeck.script("w.sh", "until [ -e changed ]; do sleep 0.05; done\n")
    path = jobdeck.script("c.sh", "echo first\n")
    jobdeck("scripts", "add", "w.sh")
    jobdeck.variables["JOBDECK_MAX_RUNNING"] = "1"
    jobdeck("run", "--detach", "w.sh")
    jobdeck("run", "--detach", "c.sh")
    with open(path, "w") as file:
        file.write("echo second\n")
    jobdeck.script("changed", "")
    jobdeck("wait", "2")
    assert jobdeck("output", "2").stdout == "first\n"
    assert any("stored copy" in remark for remark in jobdeck.json("job", "2")["remarks"])


def test_a_restart_of_the_computer_is_told_as_such(jobdeck: Command) -> None:
    jobdeck.script("k.sh", "sleep 1000\n")
    jobdeck("run", "--detach", "k.sh")
    job = jobdeck.until("1", "Running")
    with open(f"/proc/{job['process_id']}/stat") as file:
        os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGKILL)
    # What a restart leaves: a journal whose start names another boot.
    journal = jobdeck.home / "jobs" / "0" / "1" / "out.dat"
    with open("/proc/sys/kernel/random/boot_id", "rb") as boot:
        journal.write_bytes(journal.read_bytes().replace(boot.read().strip(), b"0" * 36))
    job = jobdeck.json("job", "1")
    assert job["status"] == "Failed" and "restarted" in job["reason"] and "runner lost" in job["reason"]
