"""The local socket and the engine that nobody started by hand."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.client import Client
from core.config import Settings
from core.engine.engine import Engine
from core.engine.leader import leader_alive
from core.engine.local import start_local
from core.service import JobQuery, RunRequest, Status, Unavailable
from tests.waiting import until


def socket_of(settings: Settings) -> str:
    return os.path.join(settings.data_directory, "api.sock")


async def test_the_leader_answers_on_the_local_socket(settings: Settings, scripts: Path) -> None:
    path = socket_of(settings)
    engine = await Engine.open(settings, "act")
    assert os.stat(path).st_mode & 0o777 == 0o600
    other = await Engine.open(settings, "act")
    client = Client(path)
    (scripts / "x.sh").write_text("exit 3\n")
    job = await client.run(RunRequest(path=str(scripts / "x.sh")))
    assert (await client.wait(job.id, 20)).exit_code == 3
    await client.close()
    # Whoever leads next answers next.
    await engine.close()
    await until(lambda: other.leading and os.path.exists(path))
    client = Client(path)
    assert (await client.job(job.id)).status is Status.Failed
    await client.close()
    await other.close()
    assert not os.path.exists(path)


async def test_an_engine_that_only_looks_opens_no_socket(settings: Settings) -> None:
    engine = await Engine.open(settings, "look")
    assert not os.path.exists(socket_of(settings))
    await engine.close()


async def test_a_long_path_has_its_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 25)
    settings = Settings.load({"JOBDECK_HOME": str(home)})
    engine = await Engine.open(settings, "act")
    client = Client(socket_of(settings))
    assert (await client.status()).data_directory == str(home)
    await client.close()
    await engine.close()


async def test_a_socket_that_was_taken_away_is_put_back(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    os.unlink(socket_of(settings))
    await until(lambda: os.path.exists(socket_of(settings)))
    client = Client(socket_of(settings))
    assert (await client.status()).leader
    await client.close()
    await engine.close()


async def test_a_stopped_leader_is_stood_in_for(settings: Settings) -> None:
    # Its socket too: who connects is answered by whoever acts.
    code = (
        "import asyncio\nfrom core.engine.engine import Engine\n"
        "async def main():\n    engine = await Engine.open(mode='act')\n    print(engine.leading, flush=True)\n"
        "    await asyncio.sleep(1000)\nasyncio.run(main())"
    )
    leader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)  # noqa: ASYNC220
    try:
        assert leader.stdout is not None and leader.stdout.readline() == b"True\n"
        engine = await Engine.open(settings, "act")
        leader.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(30):
            while True:
                client = Client(socket_of(settings))
                try:
                    await asyncio.wait_for(client.counts(), 1)
                    break
                except (TimeoutError, Unavailable):
                    await asyncio.sleep(0.05)
                finally:
                    await client.close()
        leader.send_signal(signal.SIGCONT)
        await engine.close()
        # It answers again where it leads.
        async with asyncio.timeout(20):
            while True:
                client = Client(socket_of(settings))
                try:
                    assert await asyncio.wait_for(client.counts(), 1) == {}
                    break
                except (TimeoutError, Unavailable):
                    await asyncio.sleep(0.05)
                finally:
                    await client.close()
    finally:
        leader.kill()
        leader.communicate()


async def test_a_local_engine_stays_while_somebody_is_connected(settings: Settings) -> None:
    engine = await Engine.open(settings, "act")
    await engine.close()
    start_local(settings)
    await until(lambda: os.path.exists(socket_of(settings)))
    client = Client(socket_of(settings))
    events = client.events()
    following = asyncio.ensure_future(anext(events))
    await asyncio.sleep(4.5)
    assert leader_alive(settings.data_directory)
    # It hears of what another process does.
    (Path(settings.data_directory) / "x.sh").write_text("true\n")
    beside = await Engine.open(settings, "act")
    await beside.add_script(str(Path(settings.data_directory) / "x.sh"))
    assert (await asyncio.wait_for(following, 10)).kind == "script"
    await beside.close()
    await events.aclose()  # type: ignore[attr-defined]
    await client.close()
    await until(lambda: not leader_alive(settings.data_directory))
    assert not os.path.exists(socket_of(settings))


async def test_children_of_a_job_that_timed_out_alone_are_cancelled(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No engine lives when the parent's time is over: its runner calls for one."""
    monkeypatch.chdir(scripts)
    (scripts / "p.sh").write_text("exec sleep 1000\n")
    engine = await Engine.open(settings, "act")
    parent = await engine.run(RunRequest(path=str(scripts / "p.sh"), timeout=2))
    child = await engine.run(RunRequest(path=str(scripts / "p.sh"), parent_job=parent.id, source="job"))
    async with asyncio.timeout(20):
        while (await engine.counts()).get(Status.Running) != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await engine.close()
    assert not leader_alive(settings.data_directory)
    exits = [Path(settings.data_directory) / "jobs" / "0" / str(job.id) / "exit.json" for job in (parent, child)]
    await until(lambda: all(path.exists() for path in exits))
    engine = await Engine.open(settings, "look")
    ended = {job.id: job for job in (await engine.jobs(JobQuery())).jobs}
    assert ended[parent.id].status is Status.TimedOut and ended[child.id].status is Status.Canceled
    began = time.monotonic()
    await until(lambda: not leader_alive(settings.data_directory))
    assert time.monotonic() - began < 20
    await engine.close()
