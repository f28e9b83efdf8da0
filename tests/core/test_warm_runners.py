"""Warm runners: used once, replaced at once, nothing of them in the job, nothing of them left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from core.config import Settings
from core.engine import warming
from core.engine.engine import Engine
from core.journal.format import PROMPT, STDOUT
from core.runner.processes import look, processes
from core.service import Environment, Invalid, Job, RunRequest, Status
from tests.powershell import pwsh
from tests.waiting import until

LOOK = """
param($Value)
"value=$Value foo=$($env:FOO) job=$UAJobId error=$($Error.Count) history=$(@(Get-History).Count) code=$LASTEXITCODE"
"left=$(@(Get-Variable path, params, options, entry, name, run, type, libc, out -ErrorAction Ignore).Count)"
"where=$PWD cwd=$([Environment]::CurrentDirectory) jobdeck=$env:JOBDECK_JOB_ID pid=$PID"
[Console]::WriteLine('console')
"""
OLDER = Path(__file__).with_name("older_pwsh.py")
EVERYTHING = Path(__file__).with_name("everything.ps1")


@pytest.fixture
async def engine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine that lives long, with a PowerShell."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(pwsh())}:{os.environ['PATH']}")
    opened = await Engine.open(settings, "stay")
    yield opened
    await opened.close()


def gone(pid: int) -> bool:
    """Whether the process has ended."""
    found = look(pid)
    return found is None or not found.alive


async def ran(engine: Engine, path: Path, **more: object) -> tuple[Job, str]:
    """A job's end and its output."""
    job = await engine.run(RunRequest(path=str(path), **more))  # type: ignore[arg-type]
    job = await engine.wait(job.id)
    text = b"".join([record.data async for record in engine.records(job.id, streams=frozenset({STDOUT}))])
    return job, text.decode()


def children(pid: int) -> list[int]:
    return [each.pid for each in processes().values() if each.parent == pid and each.alive]


def title(pid: int) -> bytes:
    """Its command line; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def warm_runners() -> list[int]:
    """Runners of this process's zygote that hold a PowerShell: their pids."""
    zygotes = [pid for pid in children(os.getpid()) if b"zygote" in title(pid)]
    forked = [pid for zygote in zygotes for pid in children(zygote)]
    return [pid for pid in forked if b"core.runner warm" in title(pid)]


async def test_the_second_job_takes_a_warm_one_and_sees_nothing_of_it(engine: Engine, scripts: Path) -> None:
    path = scripts / "look.ps1"
    path.write_text(LOOK)
    variables = {**os.environ, "FOO": "one"}
    cold, first = await ran(engine, path, parameters={"Value": "a"}, variables=variables)
    await until(engine.warm_runners, "a warm runner")
    (runner,) = warm_runners()
    (shell,) = children(runner)
    elsewhere = scripts / "else where [1]"
    elsewhere.mkdir()
    warm, second = await ran(
        engine,
        path,
        parameters={"Value": "b"},
        variables={**variables, "FOO": "two"},
        working_directory=str(elsewhere),
    )
    assert cold.status is warm.status is Status.Completed
    assert f"pid={shell}\n" in second and warm.process_id == shell
    assert "value=a foo=one job=1 error=0 history=0 code=\nleft=0\n" in first
    assert "value=b foo=two job=2 error=0 history=0 code=\nleft=0\n" in second
    assert f"where={elsewhere} cwd={elsewhere} jobdeck=2 " in second and "console\n" in second
    await until(partial(gone, runner), "its end")
    await until(engine.warm_runners, "the next one")
    (other,) = warm_runners()
    assert other != runner


@pytest.mark.parametrize("standard_input", ["none", "terminal"])
async def test_nothing_that_a_script_can_look_at_is_otherwise(
    engine: Engine, scripts: Path, standard_input: str
) -> None:
    path = scripts / "everything.ps1"
    shutil.copy(EVERYTHING, path)
    variables = {**os.environ, "FOO": "one"}
    _job, cold = await ran(engine, path, variables=variables, standard_input=standard_input)
    await until(engine.warm_runners, "a warm runner")
    (shell,) = children(warm_runners()[0])
    job, warm = await ran(engine, path, variables=variables, standard_input=standard_input)
    assert job.process_id == shell
    assert sorted(set(cold.splitlines()) ^ set(warm.splitlines())) == []
    assert "modules=\n" in cold and "errors=0 " in cold and "There is no location history left" in cold
    assert ("input=/dev/null " if standard_input == "none" else "input=/dev/pts/ ") in warm


async def test_powershell_finds_itself_where_it_is_linked(engine: Engine, scripts: Path) -> None:
    """Its own directory is in front of PATH, as it puts it there itself when it starts."""
    link = scripts / "pwsh"
    link.symlink_to(os.path.realpath(pwsh()))
    await engine.add_environment(Environment("Linked", str(link), kind="powershell", found=False))
    path = scripts / "x.ps1"
    path.write_text('"$env:PATH $($env:PATH.StartsWith($PSHOME)) $PSHOME"')
    variables = {**os.environ, "PATH": "/usr/bin:/bin"}
    _job, cold = await ran(engine, path, environment="Linked", variables=variables)
    await until(engine.warm_runners, "a warm runner")
    (shell,) = children(warm_runners()[0])
    job, warm = await ran(engine, path, environment="Linked", variables=variables)
    assert job.process_id == shell
    assert warm == cold and " True " in cold


async def test_a_variable_that_the_job_has_not_is_gone(engine: Engine, scripts: Path) -> None:
    path = scripts / "gone.ps1"
    path.write_text("$PID; $null -eq [Environment]::GetEnvironmentVariable('FOO'); bash -c 'echo ${FOO-gone}'")
    await ran(engine, path, variables={**os.environ, "FOO": "one"})
    await until(engine.warm_runners, "a warm runner")
    (shell,) = children(warm_runners()[0])
    _job, text = await ran(engine, path, variables=dict(os.environ))
    # the formatter shows numbers and truth values
    assert text.split() == [str(shell), "True", "gone"]


@pytest.mark.parametrize("difference", ["TZ", "PSModulePath", "https_proxy"])
async def test_what_a_process_has_from_its_start_must_agree(engine: Engine, scripts: Path, difference: str) -> None:
    path = scripts / "pid.ps1"
    path.write_text('"pid=$PID"')
    await ran(engine, path, variables=dict(os.environ))
    await until(engine.warm_runners, "a warm runner")
    (shell,) = children(warm_runners()[0])
    _job, text = await ran(engine, path, variables={**os.environ, difference: "/nowhere"})
    assert text != f"pid={shell}\n"
    assert look(shell) is not None


async def test_none_are_kept_where_the_environment_says_so(engine: Engine, scripts: Path) -> None:
    await engine.add_environment(
        Environment("Plain", pwsh(), kind="powershell", arguments=(), warm_runners=0, found=False)
    )
    path = scripts / "x.ps1"
    path.write_text("'x'")
    job, text = await ran(engine, path, environment="Plain")
    assert text == "x\n" and job.environment == "Plain"
    assert warm_runners() == []


async def test_a_warm_one_before_7_6_gets_secrets(engine: Engine, scripts: Path) -> None:
    """Its protocol wants keys exchanged: in the session that was opened before the job."""
    older = scripts / "older"
    older.write_text(f'#!/bin/sh\nexec {sys.executable} {OLDER} {pwsh()} "$@"\n')
    older.chmod(0o755)
    await engine.add_environment(Environment("Older", str(older), kind="powershell", found=False))
    path = scripts / "x.ps1"
    path.write_text("'cold'")
    await ran(engine, path, environment="Older")
    await until(engine.warm_runners, "a warm runner")
    (runner,) = warm_runners()
    path.write_text('(Read-Host one -AsSecureString).Length; $two = Read-Host two -MaskInput; "$two!"')
    job = await engine.run(RunRequest(path=str(path), environment="Older"))
    answers = iter(("geheim", "geheim too"))
    async for _asked in engine.records(job.id, streams=frozenset({PROMPT}), follow=True):
        await engine.answer(job.id, next(answers))
    job = await engine.wait(job.id)
    told = b"".join([record.data async for record in engine.records(job.id, streams=frozenset({STDOUT}))])
    assert (job.status, told) == (Status.Completed, b"6\n***!\n")
    await until(partial(gone, runner), "its end")


async def test_what_is_added_must_be_a_powershell(engine: Engine) -> None:
    with pytest.raises(Invalid, match="does not answer as a PowerShell"):
        await engine.add_environment(Environment("False", "/bin/true", kind="powershell", found=False))
    with pytest.raises(Invalid, match="0 to 32 warm runners"):
        await engine.add_environment(Environment("Many", pwsh(), kind="powershell", warm_runners=99, found=False))
    added = await engine.add_environment(Environment("Mine", pwsh(), kind="powershell", found=False))
    assert added.version.startswith("7.")
    changed = await engine.change_environment("Mine", warm_runners=0, modules=("Pester",))
    assert (changed.warm_runners, changed.modules, changed.version) == (0, ("Pester",), added.version)
    with pytest.raises(Invalid, match="does not answer as a PowerShell"):
        await engine.change_environment("Mine", path="/bin/true")
    plain = await engine.add_environment(Environment("Plain", "/bin/sh", ("{scriptPath}",), found=False))
    assert plain.version == ""
    changed = await engine.change_environment("Plain", kind="powershell", path=pwsh(), arguments=())
    assert changed.version == added.version


async def test_what_is_added_is_what_its_program_tells(engine: Engine, scripts: Path) -> None:
    (scripts / "startup.ps1").write_text("function Get-Started { 'started' }\n")
    added = await engine.add_environment(
        Environment("Mine", pwsh(), startup_script=str(scripts / "startup.ps1"), warm_runners=0, found=False)
    )
    assert (added.kind, added.arguments) == ("powershell", ()) and added.version.startswith("7.")
    path = scripts / "x.ps1"
    path.write_text("Get-Started")
    job = await engine.wait((await engine.run(RunRequest(path=str(path), environment="Mine"))).id, 60)
    assert (job.status, job.objects) == (Status.Completed, 1)
    for name, program, arguments, kind in (
        ("Line", pwsh(), ("-NoProfile", "-File", "{scriptPath}"), "command"),
        ("Own Python", sys.executable, ("-u", "{scriptPath}"), "python"),
        ("Tests", sys.executable, ("-m", "pytest", "{scriptPath}"), "command"),
        ("Shell", "/bin/sh", ("{scriptPath}",), "command"),
    ):
        assert (await engine.add_environment(Environment(name, program, arguments, found=False))).kind == kind
    with pytest.raises(Invalid, match="PowerShell's, and the environment Shell is of the kind command"):
        await engine.change_environment("Shell", modules=("Pester",))


async def test_one_that_is_killed_is_replaced_and_leaves_nothing(engine: Engine, scripts: Path) -> None:
    path = scripts / "x.ps1"
    path.write_text('"pid=$PID"')
    await ran(engine, path)
    await until(engine.warm_runners, "a warm runner")
    (runner,) = warm_runners()
    (shell,) = children(runner)
    os.kill(runner, signal.SIGKILL)
    await until(partial(gone, shell), "the end of its PowerShell")
    await until(partial(gone, runner), "its own end")
    await until(lambda: engine.warm_runners() and warm_runners(), "another one")
    (other,) = warm_runners()
    (shell,) = children(other)
    os.kill(shell, signal.SIGKILL)
    await until(partial(gone, other), "the end of a runner without its PowerShell")
    job, _text = await ran(engine, path)
    assert job.status is Status.Completed


async def test_one_that_dies_with_its_job_in_hand_loses_none(engine: Engine, scripts: Path) -> None:
    """Killed after the hand-over and before it reads it: the job runs all the same, once."""
    path = scripts / "x.ps1"
    path.write_text(f"Add-Content -LiteralPath '{scripts}/ran' -Value x; 'ran'")
    await ran(engine, path)
    for _ in range(2):
        await until(engine.warm_runners, "a warm runner")
        (runner,) = warm_runners()
        os.kill(runner, signal.SIGSTOP)
        job = await engine.run(RunRequest(path=str(path)))
        os.kill(runner, signal.SIGKILL)
        job = await engine.wait(job.id, 60)
        assert job.status is Status.Completed
    assert (scripts / "ran").read_text() == "x\n" * 3


async def test_they_are_given_up_while_memory_is_short(
    engine: Engine, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "LOOK", 0.05)
    path = scripts / "x.ps1"
    path.write_text("'x'")
    await ran(engine, path)
    await until(engine.warm_runners, "a warm runner")
    (runner,) = warm_runners()
    monkeypatch.setattr(warming, "LEAST_MEMORY", 1 << 60)
    await until(lambda: not warm_runners(), "its end")
    assert engine.warm_runners() == 0 and not look(runner)
    monkeypatch.setattr(warming, "LEAST_MEMORY", 0)
    await until(engine.warm_runners, "a warm runner again")
    monkeypatch.setattr(warming, "UNUSED", 0.0)
    await until(lambda: not warm_runners(), "the end of what nobody uses")


KEEPER = """
import asyncio, sys
from core.engine.engine import Engine
from core.service import RunRequest
async def main():
    engine = await Engine.open(None, "stay")
    job = await engine.run(RunRequest(path=sys.argv[1]))
    await engine.wait(job.id)
    while not engine.warm_runners():
        await asyncio.sleep(0.02)
    print("warm", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_killed_engine_leaves_none_behind(scripts: Path) -> None:
    path = scripts / "x.ps1"
    path.write_text("'x'")
    variables = {**os.environ, "PATH": f"{os.path.dirname(pwsh())}:{os.environ['PATH']}"}
    keeper = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", KEEPER, str(path)],
        env=variables,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert keeper.stdout is not None
        assert await asyncio.to_thread(keeper.stdout.readline) == b"warm\n"
        zygote = next(pid for pid in children(keeper.pid) if b"zygote" in title(pid))
        runner = next(pid for pid in children(zygote) if b"core.runner warm" in title(pid))
        (shell,) = children(runner)
    finally:
        keeper.kill()
        keeper.wait()
        assert keeper.stdout is not None
        keeper.stdout.close()
    for pid in (runner, shell):
        await until(partial(gone, pid), f"the end of {pid}")
