"""The settings file: changed without harm to what a person wrote, followed by engines that run."""

from __future__ import annotations

import asyncio
import os
import threading
import tomllib
from pathlib import Path

import pytest

from core.config import Settings
from core.engine.engine import Engine
from core.engine.settings import Live, all_settings, change
from core.service import Conflict, Invalid, RunRequest, Status


@pytest.fixture
def file(settings: Settings) -> Path:
    Path(settings.data_directory).mkdir()
    return Path(settings.config_file)


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("", 5, "max_running = 5\n"),
        ("# only words\n", 5, "# only words\nmax_running = 5\n"),
        ("max_running=7", 5, "max_running=5"),
        ("max_running = 7   # few\r\n", 5, "max_running = 5   # few\r\n"),
        ("  'max_running' = 7\n", 5, "  'max_running' = 5\n"),
        ("cancel_grace = 1.0", 5, "cancel_grace = 1.0\nmax_running = 5\n"),
        ("# max_running = 9\nmax_running = 0x7\n", 5, "# max_running = 9\nmax_running = 5\n"),
        ("max_running = 7\n[keys]\nmax_running = 'x'\n", 5, "max_running = 5\n[keys]\nmax_running = 'x'\n"),
        ("[keys]\nquit = 'q'\n", 5, "max_running = 5\n[keys]\nquit = 'q'\n"),
        ("max_running = 7 # few\ncancel_grace = 1.0\n", None, "cancel_grace = 1.0\n"),
        ("cancel_grace = 1.0\nmax_running = 7", None, "cancel_grace = 1.0\n"),
        ("[keys]\nmax_running = 'x'\n", None, "[keys]\nmax_running = 'x'\n"),
    ],
)
def test_what_a_person_wrote_stays(settings: Settings, file: Path, before: str, value: object, after: str) -> None:
    file.write_bytes(before.encode())
    change(settings, {"max_running": value})
    assert file.read_bytes().decode() == after
    assert tomllib.loads(after).get("max_running") == value
    assert Settings.load().max_running == (100 if value is None else value)


def test_a_file_that_is_wrong_already_is_left_alone(settings: Settings, file: Path) -> None:
    for wrong in ("max_running = ", "nonsense = 1\n", "max_running = 'x'\n"):
        file.write_text(wrong)
        with pytest.raises(Invalid):
            change(settings, {"cancel_grace": 1})
        assert file.read_text() == wrong


def test_a_value_that_only_a_person_can_change(settings: Settings, file: Path) -> None:
    text = '"max\\u005frunning" = 7\n'
    file.write_text(text)
    with pytest.raises(Conflict, match="Edit the file"):
        change(settings, {"max_running": 5})
    assert file.read_text() == text


def test_many_change_it_at_once(settings: Settings, file: Path) -> None:
    names = ("max_running", "cancel_grace", "lock_timeout", "max_depth")
    threads = [threading.Thread(target=change, args=(settings, {name: 7})) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {setting.name: setting.value for setting in all_settings(Settings.load())}
    assert {name: found[name] for name in names} == dict.fromkeys(names, 7)


def test_an_engine_keeps_what_it_was_given(settings: Settings, file: Path) -> None:
    from dataclasses import replace

    live = Live(replace(settings, max_running=1))
    assert not live.refresh() and live.now.max_running == 1
    file.write_text("cancel_grace = 2.0\n")
    assert live.refresh() and (live.now.max_running, live.now.cancel_grace) == (1, 2.0)
    file.write_text("nonsense = 1\n")
    with pytest.raises(Invalid):
        live.refresh()
    # Told once; the values stay.
    assert not live.refresh() and live.now.cancel_grace == 2.0
    os.unlink(file)
    assert live.refresh() and live.now.cancel_grace == 5.0


async def test_engines_that_run_take_a_change_over(settings: Settings, scripts: Path) -> None:
    (scripts / "s.sh").write_text("exec sleep 1000\n")
    leader = await Engine.open(settings, "act")
    beside = await Engine.open(settings, "act")
    await beside.change_settings(max_running=1)
    async with asyncio.timeout(10):
        while (await leader.status()).max_running != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    jobs = [await leader.run(RunRequest(path=str(scripts / "s.sh"))) for _ in range(2)]
    assert (await leader.job(jobs[1].id)).status is Status.Queued
    # By hand, in the file: nobody is told, and it starts.
    Path(settings.config_file).write_text("max_running = 2\n")
    async with asyncio.timeout(20):
        while (await beside.job(jobs[1].id)).status is not Status.Running:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for job in jobs:
        await beside.cancel(job.id)
        await beside.wait(job.id, 20)
    await beside.close()
    await leader.close()
