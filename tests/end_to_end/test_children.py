"""Jobs that start jobs while every engine is killed between them."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from tests.end_to_end.command import Command

CHILDREN = 3
PARENT = f"""\
import jobdeck, os, time
for n in range({CHILDREN}):
    open("begun%d" % n, "w").close()
    while not os.path.exists("go%d" % n):
        time.sleep(0.02)
    child = jobdeck.run("child.sh", n=n)
    # Followed over the death of the engine that started it.
    print("".join(text.decode() for stream, text in child.follow()), end="", flush=True)
    assert child.wait(60).exit_code == n, child.facts
"""
CHILD = "# @param {integer} n\nfor i in 1 2 3 4; do echo $n.$i; sleep 0.1; done; exit $n\n"


def kill_leader(jobdeck: Command) -> bool:
    """kill -9 the engine that leads, if there is one."""
    leader = jobdeck.json("status")["leader"]
    if leader is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader["process_id"], signal.SIGKILL)
    return True


def test_engines_die_and_every_child_runs_once(jobdeck: Command) -> None:
    jobdeck.script("child.sh", CHILD)
    jobdeck.script("parent.py", PARENT)
    assert jobdeck("run", "--detach", "parent.py").stdout == "1\n"
    killed = 0
    deadline = time.monotonic() + 120
    for n in range(CHILDREN):
        while not (jobdeck.directory / f"begun{n}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        # Before a child is started, and while it runs.
        killed += kill_leader(jobdeck)
        (jobdeck.directory / f"go{n}").touch()
        killed += kill_leader(jobdeck)
    jobdeck("wait", "1")
    expected = "".join(f"{n}.{i}\n" for n in range(CHILDREN) for i in range(1, 5))
    assert jobdeck("output", "1").stdout == expected
    jobs = jobdeck.json("jobs", "--parent", "1", "--order", "asc")
    assert [job["exit_code"] for job in jobs] == list(range(CHILDREN))
    assert jobdeck.json("job", "1")["children"] == [job["id"] for job in jobs]
    shown = jobdeck("job", "1").stdout
    assert shown.count("child.sh  (line 6)") == CHILDREN
    listed = jobdeck("jobs").stdout.splitlines()
    assert "parent.py" in listed[1] and all("└ child.sh" in line for line in listed[2:])
    assert killed > 1
