"""Scripts start scripts: `jobdeck.run` and `jobdeck-job run` in real jobs, over the store's own socket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.access import Caller, Role, caller
from core.config import Settings
from core.engine.engine import Engine
from core.journal import format as journal
from core.service import Environment, Job, JobQuery, RunRequest, Status
from tests.contract.conftest import tcp_server
from tests.core.channel_server import MODULES
from tests.core.test_python_module import PYTHONS

CHILD = """\
# @param {string} name
# @param {integer} [n=3]
echo "hello $name $n of $FLAVOUR"
echo aside >&2
jobdeck-job emit -k name="$name" n="$n"
jobdeck-job emit '"text"'
jobdeck-job warn careful
jobdeck-job error broken
exit 5
"""
PARENT = """\
import jobdeck, os, sys, time

child = jobdeck.run("child.sh", name="Eve \\u00e9", n=4)
assert child.id > 0 and child.script == "child.sh", child
assert child.wait(60) is child and child.finished
assert (child.status, child.exit_code) == ("Failed", 5), (child.status, child.exit_code)
assert "hello Eve \\u00e9 4 of vanilla\\n" in child.output, child.output
assert {"aside", "careful", "broken"} <= set(child.output.split("\\n")), child.output
assert child.objects == [{"name": "Eve \\u00e9", "n": 4}, "text"], child.objects
assert [error["message"] for error in child.errors] == ["broken"], child.errors

slow = jobdeck.run("slow.sh", _timeout=500, _tags=["x"], _notes="by parent")
assert not slow.wait(0.05).finished and slow.exit_code is None
assert slow.facts["timeout"] == 500 and slow.facts["tags"] == ["x"] and slow.facts["notes"] == "by parent"
slow.cancel().wait(60)
assert slow.status == "Canceled", slow.status
slow.cancel()

for wrong in (lambda: jobdeck.run("nowhere.sh"), lambda: jobdeck.run("child.sh", name="x", nn=1)):
    try:
        wrong()
    except jobdeck.JobdeckError as error:
        print("refused", error)
    else:
        raise SystemExit("was not refused")
assert "JOBDECK_TOKEN" not in os.environ and "JOBDECK_SERVER" not in os.environ
print("python", "%d.%d" % sys.version_info[:2], "line", LINE)
"""


def write(directory: Path, name: str, text: str) -> str:
    (directory / name).write_text(text)
    return str(directory / name)


async def output(engine: Engine, id: int) -> str:
    return b"".join(
        [r.data async for r in engine.records(id, streams=frozenset({journal.STDOUT, journal.STDERR}))]
    ).decode()


async def ended(engine: Engine, id: int) -> Job:
    job = await engine.wait(id, 90)
    assert job.status.finished, job
    return job


@pytest.fixture
async def leading(settings: Settings) -> object:
    """An engine that leads, and so listens."""
    engine = await Engine.open(settings, "stay")
    yield engine
    await engine.close()


async def test_every_python_starts_jobs_and_sees_what_came_of_them(leading: Engine, scripts: Path) -> None:
    write(scripts, "child.sh", CHILD)
    write(scripts, "slow.sh", "sleep 1000\n")
    lines = PARENT.split("\n")
    path = write(scripts, "parent.py", PARENT.replace("LINE", str(lines.index(lines[2]) + 1)))
    parents = {}
    for number, python in enumerate(PYTHONS):
        await leading.add_environment(Environment(f"P{number}", python, kind="python", found=False))
        request = RunRequest(path=path, environment=f"P{number}", extra_variables={"FLAVOUR": "vanilla"})
        parents[python] = (await leading.run(request)).id
    for python, id in parents.items():
        job = await ended(leading, id)
        said = await output(leading, id)
        assert (job.status, job.exit_code) == (Status.Completed, 0), (python, said)
        assert "There is no file and no script 'nowhere.sh'" in said and "no parameter 'nn'" in said
        children = [await leading.job(child) for child in job.children]
        assert [child.script for child in children] == ["child.sh", "slow.sh"]
        assert [child.parent_line_number for child in children] == [3, 12]
        assert {(child.source, child.identity) for child in children} == {("job", job.identity)}


async def test_the_helper_starts_jobs(leading: Engine, scripts: Path) -> None:
    write(scripts, "child.sh", CHILD)
    text = (
        "jobdeck-job run child.sh -p name=Eve --line $LINENO >out 2>err; echo followed $?\n"
        "cat out; sort err\n"
        "id=$(jobdeck-job run ./child.sh -p name=Bob -p n=7 --detach); echo detached $?\n"
        "jobdeck-job run child.sh -p name=Zoe --wait 2>&1; echo waited $?\n"
        "jobdeck-job run sig.sh; echo signal $?\n"
        "jobdeck-job run nope.sh; echo nope $?\n"
        "jobdeck-job run child.sh -p name=x --timeout soon; echo misuse $?\n"
        'echo "child $id"\n'
    )
    write(scripts, "sig.sh", "kill -TERM $$\n")
    path = write(scripts, "parent.sh", text)
    request = RunRequest(path=path, current_directory=str(scripts), extra_variables={"FLAVOUR": "v"})
    job = await leading.run(request)
    job = await ended(leading, job.id)
    said = await output(leading, job.id)
    for line in (
        "followed 5\nhello Eve 3 of v\naside\nbroken\ncareful\n",
        "detached 0\n",
        "waited 5\n",
        "signal 143\n",
        "nope 1\n",
        "misuse 2\n",
        f"child {job.children[1]}\n",
    ):
        assert line in said, (line, said)
    first = await leading.job(job.children[0])
    assert (first.parent_line_number, first.parameters) == (1, {"name": "Eve", "n": 3})
    assert len(job.children) == 4


async def test_cancelling_the_parent_cancels_the_children(leading: Engine, scripts: Path) -> None:
    write(scripts, "slow.sh", "sleep 1000\n")
    text = "import jobdeck\nprint(jobdeck.run('slow.sh').id, flush=True)\njobdeck.run('slow.sh').wait()\n"
    parent = await leading.run(RunRequest(path=write(scripts, "p.py", text)))
    while len((await leading.job(parent.id)).children) < 2:
        await leading.wait(parent.id, 0.02)
    await leading.cancel(parent.id)
    # A list says so at once, also of those that are still ending.
    shown = [job.status for job in (await leading.jobs(JobQuery())).jobs]
    assert len(shown) == 3 and set(shown) <= {Status.Canceling, Status.Canceled}, shown
    assert (await ended(leading, parent.id)).status is Status.Canceled
    for child in (await leading.job(parent.id)).children:
        assert (await ended(leading, child)).status is Status.Canceled


async def test_an_engine_that_ends_in_order_turns_no_script_away(settings: Settings, scripts: Path) -> None:
    go = scripts / "go"
    write(scripts, "child.sh", f"until [ -e {go} ]; do sleep 0.02; done; echo done\n")
    text = "import jobdeck\nprint(jobdeck.run('child.sh').wait().output, jobdeck.run('child.sh').wait().status)\n"
    engine = await Engine.open(settings, "stay")
    parent = await engine.run(RunRequest(path=write(scripts, "p.py", text)))
    while not (await engine.job(parent.id)).children:
        await engine.wait(parent.id, 0.02)
    # It waits by now, or will in a moment: either must end well.
    await engine.wait(parent.id, 0.3)
    await engine.close()
    go.touch()
    engine = await Engine.open(settings, "look")
    job = await engine.wait(parent.id, 60)
    said = await output(engine, parent.id)
    await engine.close()
    assert (job.status, said) == (Status.Completed, "done\n Completed\n"), said


async def test_a_job_may_what_who_started_it_may(leading: Engine, scripts: Path) -> None:
    known = write(scripts, "known.sh", "echo hi\n")
    write(scripts, "new.sh", "echo hi\n")
    text = (
        "import jobdeck\nprint(jobdeck.run('known.sh').wait().status)\n"
        "try:\n    jobdeck.run('new.sh')\nexcept jobdeck.JobdeckError as error:\n    print(error)\n"
    )
    for path in (known, parent := write(scripts, "p.py", text)):
        await leading.add_script(path)
    token = caller.set(Caller("guest", Role.Execute))
    try:
        job = await leading.run(RunRequest(path=parent))
    finally:
        caller.reset(token)
    job = await ended(leading, job.id)
    said = await output(leading, job.id)
    assert said.startswith("Completed\n") and "on record only" in said
    (child,) = job.children
    assert (await leading.job(child)).identity == "guest"


OUTSIDE = (
    "import jobdeck\njob = jobdeck.run(SCRIPT)\nprint(job.wait().status, job.output, job.facts['source'], end='')\n"
)


def by_hand(scripts: Path, script: object, **variables: str) -> str:
    """What a script prints that is run by hand and starts a job."""
    path = write(scripts, "hand.py", OUTSIDE.replace("SCRIPT", repr(script)))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBDECK_")}
    program = os.path.dirname(sys.executable)
    done = subprocess.run(
        [sys.executable, path],
        env=clean | {"PYTHONPATH": str(MODULES), "PATH": f"{program}:{clean['PATH']}"} | variables,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.stdout + "".join(done.stderr.splitlines()[-1:])


async def test_by_hand_over_a_server(leading: Engine, settings: Settings, scripts: Path) -> None:
    import asyncio

    script = await leading.add_script(write(scripts, "a.sh", "echo hi\n"))
    token = str((await leading.grant_token("me", Role.Execute)).token)
    async with tcp_server(leading, settings) as url:
        for name in ("a.sh", script.id):
            said = await asyncio.to_thread(by_hand, scripts, name, JOBDECK_SERVER=url + "/", JOBDECK_TOKEN=token)
            assert said == "Completed hi\n api"
        assert (await leading.jobs(JobQuery(take=1))).jobs[0].identity == "me"
        said = await asyncio.to_thread(by_hand, scripts, "a.sh", JOBDECK_SERVER=url, JOBDECK_TOKEN="x")
        assert "JobdeckError: This token is not known" in said
    said = await asyncio.to_thread(by_hand, scripts, "a.sh", JOBDECK_SERVER=url)
    assert "No jobdeck answers at " + url in said


def test_by_hand_in_the_users_own_store(scripts: Path, tmp_path: Path) -> None:
    """Nobody listens: an engine is started, which ends by itself."""
    path = write(scripts, "a.sh", "echo hi\n")
    assert by_hand(scripts, path, JOBDECK_HOME=str(tmp_path / "fresh")) == "Completed hi\n api"
    assert (tmp_path / "fresh" / "jobs" / "0" / "1" / "exit.json").exists()
