"""PowerShell: from the submit to the first output, cold and warm, beside a bare pwsh; strings and objects a second."""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row
from core.config import Settings
from core.engine.engine import Engine
from core.journal.format import STDOUT
from core.runner.loop import Loop
from core.runner.powershell import requests, wire
from core.runner.powershell.bootstrap import SCRIPT
from core.runner.powershell.client import Client
from core.runner.powershell.requests import Writer
from core.runner.start import start_waiting
from core.service import RunRequest, Status

_ROUNDS = 7
_STRINGS, _OBJECTS = 20_000, 3_000
_FIRST = "'first'\n[pscustomobject]@{ Name = 'x'; Number = 1 }\nGet-Date\n"


def pwsh() -> str | None:
    """The PowerShell to measure: JOBDECK_TEST_PWSH, ../shared/pwsh/pwsh beside the repository, or that on PATH."""
    here = Path(__file__).resolve().parents[1]
    places = [os.environ.get("JOBDECK_TEST_PWSH"), *(str(up / "shared/pwsh/pwsh") for up in here.parents[:2])]
    for place in places:
        if place and os.access(place, os.X_OK):
            return place
    return shutil.which("pwsh")


def _bare_server(program: str, script: str) -> float:
    """Milliseconds from the start of a bare `pwsh -s` to its first output, through the same script block."""
    given, sending = os.pipe()
    receiving, taken = os.pipe()
    begin = time.perf_counter()
    null = os.open(os.devnull, os.O_WRONLY)
    process = subprocess.Popen(
        # descriptors 3 and 4 are what the script block puts in the place of 1 and 2
        ["/bin/sh", "-c", 'exec "$0" -NoLogo -NoProfile -s 3>/dev/null 4>/dev/null 5</dev/null', program],
        stdin=given, stdout=taken, stderr=null,
    )  # fmt: skip
    for descriptor in (given, taken, null):
        os.close(descriptor)
    loop = Loop()
    client = Client(loop, receiving, sending)
    first: list[float] = []

    def opened() -> None:
        writer = Writer()
        options: dict[str, object] = {
            "copy": None, "depth": 2, "discard": False, "directory": os.path.dirname(script), "modules": [],
            "startup": None, "preferences": {}, "clixml": {}, "secret": {}, "noinput": False, "set": {}, "unset": [],
            "ready": False, "variables": {},
        }  # fmt: skip
        arguments = {
            "path": writer.value(script, "V"),
            "params": writer.value({}, "V"),
            "options": writer.value(options, "V"),
        }
        client.invoke(requests.pipeline(SCRIPT, arguments, 120, 40, writer))

    def heard(message: wire.Message) -> None:
        if message.type == wire.PIPELINE_OUTPUT and not first:
            first.append((time.perf_counter() - begin) * 1000)
            loop.stop()

    client.on_opened, client.on_message = opened, heard
    client.open(requests.capability(), requests.runspace(120, 40))
    loop.run()
    client.release()
    process.kill()
    process.wait()
    loop.close()
    return first[0]


def _bare_file(program: str, script: str) -> float:
    """Milliseconds from the start of a bare `pwsh -NoProfile -File` to its first output."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [program, "-NoLogo", "-NoProfile", "-File", script], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.read(1)
    took = (time.perf_counter() - begin) * 1000
    process.stdout.read()
    process.wait()
    return took


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


async def _first_output(engine: Engine, script: str) -> float:
    begin = time.perf_counter()
    job = await engine.run(RunRequest(path=script, standard_input="none"))
    took = 0.0
    async for record in engine.records(job.id, streams=frozenset({STDOUT}), follow=True):
        assert record.data
        took = took or (time.perf_counter() - begin) * 1000
    await engine.wait(job.id)
    return took


async def _first_output_alone(settings: Settings, script: str) -> float:
    """The same as `jobdeck run` does it: with an engine for this one job, and a runner that loads beside it."""
    engine = await Engine.open(settings, "act", start_waiting(powershell=True))
    try:
        return await _first_output(engine, script)
    finally:
        await engine.close()


async def _job_seconds(engine: Engine, script: str) -> float:
    begin = time.perf_counter()
    job = await engine.run(RunRequest(path=script, standard_input="none"))
    done = await engine.wait(job.id)
    assert done.status is Status.Completed, done.reason
    return time.perf_counter() - begin


async def _warm(engine: Engine) -> None:
    """Until a runner is ready for the next job."""
    deadline = time.monotonic() + 60
    while not engine.warm_runners():
        assert time.monotonic() < deadline, "no runner became warm"
        await asyncio.sleep(0.05)
    # what it did to become warm must not be measured with the job
    await asyncio.sleep(0.3)


async def _measure(program: str, directory: str) -> list[Row]:
    def write(name: str, text: str) -> str:
        path = os.path.join(directory, name)
        Path(path).write_text(text)
        return path

    first = write("first.ps1", _FIRST)
    strings = write("strings.ps1", f'1..{_STRINGS} | ForEach-Object {{ "line $_" }}\n')
    objects = write("objects.ps1", f"1..{_OBJECTS} | ForEach-Object {{ [pscustomobject]@{{ Name = 'x'; N = $_ }} }}\n")
    serialized = write(
        "serialized.ps1",
        f"1..{_OBJECTS} | ForEach-Object {{ [pscustomobject]@{{ Name = 'x'; N = $_ }} }} | ForEach-Object {{"
        " [System.Management.Automation.PSSerializer]::Serialize($_, 2) }\n",
    )
    alone_ms, cold_ms, server_ms, warm_ms, file_ms = [], [], [], [], []
    alone = Settings.load({"JOBDECK_HOME": os.path.join(directory, "alone")})
    cold = await Engine.open(Settings.load({"JOBDECK_HOME": os.path.join(directory, "cold")}), "stay")
    warm = await Engine.open(Settings.load({"JOBDECK_HOME": os.path.join(directory, "warm")}), "stay")
    try:
        await cold.change_environment("PowerShell 7", warm_runners=0)
        await _first_output_alone(alone, first)
        for engine in (cold, warm):
            await _first_output(engine, first)
        for _ in range(_ROUNDS):
            # the runner that takes the place of the last one must be warm before anything is measured
            await _warm(warm)
            server_ms.append(_bare_server(program, first))
            cold_ms.append(await _first_output(cold, first))
            alone_ms.append(await _first_output_alone(alone, first))
            file_ms.append(_bare_file(program, first))
            warm_ms.append(await _first_output(warm, first))
        await _warm(warm)
        bare = [program, "-NoLogo", "-NoProfile", "-File"]
        text = await _job_seconds(cold, strings), _seconds([*bare, strings])
        typed = await _job_seconds(cold, objects), _seconds([*bare, serialized])
    finally:
        await cold.close()
        await warm.close()
    median = statistics.median
    return [
        Row("PowerShell: submit to first output, cold", median(cold_ms), "ms", median(server_ms),
            "bare pwsh -s, same script block", "≤ 1.15"),
        Row("PowerShell: the same, by an engine for this one job", median(alone_ms), "ms", median(server_ms),
            "bare pwsh -s, same script block", "≤ 1.15"),
        Row("PowerShell: submit to first output, warm", median(warm_ms), "ms", median(file_ms),
            "bare pwsh -NoProfile -File", "≤ 0.2"),
        Row(f"PowerShell: {_STRINGS:,} strings, whole job", text[0], "s", text[1], "pwsh -File > /dev/null"),
        Row("PowerShell: strings a second to the journal", _STRINGS / text[0], "/s"),
        Row(f"PowerShell: {_OBJECTS:,} objects, formatted and kept, whole job", typed[0], "s", typed[1],
            "pwsh -File that serializes them"),
        Row("PowerShell: objects a second to the journal", _OBJECTS / typed[0], "/s"),
    ]  # fmt: skip


def run() -> list[Row]:
    """The rows of this benchmark; none where there is no PowerShell."""
    program = pwsh()
    if program is None:
        print("powershell: there is no pwsh here", file=sys.stderr)
        return []
    os.environ["PATH"] = f"{os.path.dirname(program)}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as directory:
        return asyncio.run(_measure(program, directory))
