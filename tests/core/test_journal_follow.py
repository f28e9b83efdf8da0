"""Following a journal: woken at once, by each growth and by the end, never by nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from core.journal.follow import DirectoryWatch, Follower
from core.journal.format import STDOUT
from core.journal.writer import JournalWriter

both = pytest.mark.parametrize("poll", [False, True])


@both
async def test_wakes_when_the_journal_grows_and_when_the_job_ends(tmp_path: Path, poll: bool) -> None:
    with Follower(tmp_path, poll=poll) as follower:
        assert follower.polls is poll
        assert await follower.changed(0) is False
        with JournalWriter(tmp_path) as writer:
            assert await follower.changed(5)
            waiting = asyncio.create_task(follower.changed(5))
            await asyncio.sleep(0)
            writer.append(STDOUT, b"one")
            assert await waiting
            assert await follower.changed(0) is False
            # what came between two calls is not missed
            writer.append(STDOUT, b"two")
            assert await follower.changed(5)
        assert await follower.changed(0.01) is False
        (tmp_path / "exit.json.new").write_text("{}")
        os.rename(tmp_path / "exit.json.new", tmp_path / "exit.json")
        assert await follower.changed(5)


async def test_wakes_in_milliseconds_not_by_polling(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as writer, Follower(tmp_path) as follower:
        took = []
        for _ in range(5):
            waiting = asyncio.create_task(follower.changed(5))
            await asyncio.sleep(0.001)
            writer.append(STDOUT, b"x")
            began = time.monotonic()
            assert await waiting
            took.append(time.monotonic() - began)
        assert min(took) < 0.1


@both
async def test_every_waiter_wakes_and_versions_keep_them_apart(tmp_path: Path, poll: bool) -> None:
    with JournalWriter(tmp_path) as writer, Follower(tmp_path, poll=poll) as follower:
        version = follower.version
        waiting = [asyncio.create_task(follower.changed(5)) for _ in range(3)]
        await asyncio.sleep(0)
        writer.append(STDOUT, b"x")
        assert await asyncio.gather(*waiting) == [True, True, True]
        assert await follower.changed(0, since=version)
        assert not await follower.changed(0, since=follower.version)


@both
async def test_closing_ends_a_wait(tmp_path: Path, poll: bool) -> None:
    follower = Follower(tmp_path, poll=poll)
    waiting = asyncio.create_task(follower.changed())
    await asyncio.sleep(0)
    follower.close()
    follower.close()
    assert await asyncio.wait_for(waiting, 5) is False


def inotify_descriptors() -> set[int]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            if "inotify" in os.readlink(f"/proc/self/fd/{name}"):
                found.add(int(name))
    return found


async def test_no_descriptor_is_left_or_inherited(tmp_path: Path) -> None:
    before = inotify_descriptors()
    follower = Follower(tmp_path)
    mine = inotify_descriptors() - before
    assert len(mine) == 1
    assert not any(os.get_inheritable(fd) for fd in mine)
    follower.close()
    assert inotify_descriptors() == before


@both
async def test_a_directory_watch_sees_writes_creations_and_removals(tmp_path: Path, poll: bool) -> None:
    file = tmp_path / "a"
    with DirectoryWatch(tmp_path, poll=poll) as watch:
        assert not await watch.changed(0)
        file.write_text("1")
        assert await watch.changed(5)
        with file.open("a") as stream:
            stream.write("23")
        assert await watch.changed(5)
        assert not await watch.changed(0.01)
        file.unlink()
        assert await watch.changed(5)


async def test_any_number_of_watches_takes_one_descriptor_and_each_hears_its_own(tmp_path: Path) -> None:
    before = inotify_descriptors()
    directories = [tmp_path / str(number) for number in range(300)]
    for directory in directories:
        directory.mkdir()
    followers = [Follower(directory) for directory in directories]
    same = Follower(directories[7])
    assert len(inotify_descriptors() - before) == 1 and not any(follower.polls for follower in followers)
    waiting = {follower.path: asyncio.create_task(follower.changed(30)) for follower in followers}
    too = asyncio.create_task(same.changed(30))
    await asyncio.sleep(0)
    with JournalWriter(directories[7]):
        assert await waiting[str(directories[7])] and await too
    await asyncio.sleep(0.01)
    assert sum(task.done() for task in waiting.values()) == 1
    followers[7].close()
    assert not await same.changed(0)
    (directories[7] / "exit.json").write_text("{}")
    assert await same.changed(5), "closing one of two that watch the same leaves the other its watch"
    for follower in [*followers, same]:
        follower.close()
    assert not any(await asyncio.gather(*(task for task in waiting.values() if not task.done())))
    assert inotify_descriptors() == before
