"""The job screen: ten million lines while they are written, a pipeline of 100 MB, what live output costs.

`python -m benchmarks.job_screen_bench [LINES]` prints a markdown table. Real jobs, the real application: in this
process without a terminal for the times, in a pseudo-terminal for bytes and CPU.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from textual.pilot import Pilot

from benchmarks.journal_bench import command, line
from benchmarks.table import Row
from core.config import Settings
from core.engine.engine import Engine
from core.engine.paths import job_directory
from core.journal.format import DATA_FILE, OBJECT
from core.journal.writer import JournalWriter
from core.service import Job, JobService, RunRequest
from tui.app import JobdeckApp
from tui.changes import State
from tui.screens.job import JobScreen
from tui.widgets.objects import ObjectTree
from tui.widgets.output import OutputView
from tui.widgets.output_lines import OutputLines
from tui.widgets.output_search import OutputSearch

LINES = 10_000_000
ROUNDS = 7
SIZE = (120, 40)
#: seconds over which live output is watched
WATCH = 5.0


def run(lines: int = LINES) -> list[Row]:
    """Make the jobs, measure, remove them."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("JOBDECK_BENCH_DIR")) as directory:
        os.environ["JOBDECK_HOME"] = directory
        try:
            return asyncio.run(_measure(Path(directory), lines)) + _live(Path(directory))
        finally:
            del os.environ["JOBDECK_HOME"]


async def _measure(directory: Path, lines: int) -> list[Row]:
    data = directory / "lines.txt"
    with data.open("wb") as file:
        for first in range(0, lines, 100_000):
            file.write(b"".join(line(number) for number in range(first, min(lines, first + 100_000))))
    async with _deck() as pilot:
        app = pilot.app
        assert isinstance(app, JobdeckApp)
        writing = await _start(
            app.service, directory, "many.sh", f"cat {data}; while :; do echo more; sleep 0.01; done\n"
        )
        await _until(lambda: _written(app.service, writing.id, data.stat().st_size))
        rows = await _lines(pilot, app.service, writing.id, lines)
        await app.service.cancel(writing.id)
        return rows + await _objects(pilot, app.service, directory)


async def _lines(pilot: Pilot[int], service: JobService, id: int, lines: int) -> list[Row]:
    before = _memory()
    app = pilot.app
    assert isinstance(app, JobdeckApp)
    screen = app.open("job", id)
    assert isinstance(screen, JobScreen)
    view = screen.output.view
    await _until(lambda: _is(view.lines is not None and (view.lines.total or 0) >= lines))

    async def open_at_end() -> None:
        await view.open(OutputLines(service, id, screen.output.bar.streams))
        assert len(view.plan.rows) == view.size.height

    opened = await _seconds(open_at_end)
    # The same with nothing known of the job: another engine, whose index is empty.
    fresh = await Engine.open(Settings.load(), "look")
    begun = time.perf_counter()
    await view.open(OutputLines(fresh, id, screen.output.bar.streams))
    first = time.perf_counter() - begun
    await view.open(OutputLines(service, id, screen.output.bar.streams))
    await view.settle()
    await fresh.close()
    view.follow = False
    places = iter(range(lines // 7, lines, lines // 50))

    async def jump() -> None:
        goal = next(places)
        view.go(goal)
        while view.top != goal or any(row.end < 0 for row in view.plan.rows):  # noqa: ASYNC110
            await asyncio.sleep(0)

    jumped = await _seconds(jump)
    path = os.path.join(job_directory(os.environ["JOBDECK_HOME"] + "/data", id), DATA_FILE)
    if not os.path.exists(path):
        path = next(
            str(found) for found in Path(os.environ["JOBDECK_HOME"]).rglob(DATA_FILE) if f"/{id}/" in str(found)
        )
    present = line(lines // 2)[:10].decode()

    async def search() -> None:
        work = OutputSearch(present, regex=False, ignore_case=False, origin=0)
        async for _count in work.run(service, id, screen.output.bar.streams):
            assert work.ahead.lines[0] == lines // 2
            break

    searched = await _seconds(search)
    grep = statistics.median([_timed(lambda: command("grep", "-m1", "-F", present, path)) for _ in range(ROUNDS)])
    more = _memory() - before
    await pilot.press("escape")
    return [
        Row("10 M lines, being written: open at the end", opened * 1e3, "ms", target="≤ 50"),
        Row("10 M lines, being written: open at the end, nothing known yet", first * 1e3, "ms", target="≤ 50"),
        Row("10 M lines, being written: jump to a line", jumped * 1e3, "ms", target="≤ 20"),
        Row("10 M lines: search, first find half way", searched * 1e3, "ms", grep * 1e3, "`grep -m1 -F`", "≤ 1"),
        Row("10 M lines: memory for opening, jumping, searching", more / 1e6, "MB", target="≤ 80"),
    ]


async def _objects(pilot: Pilot[int], service: JobService, directory: Path) -> list[Row]:
    rows: list[Row] = []
    for count, size in ((100_000, 1000), (100, 1_000_000)):
        job = await _start(service, directory, "none.sh", "true\n")
        await service.wait(job.id)
        home = next(found for found in Path(os.environ["JOBDECK_HOME"]).rglob(DATA_FILE) if f"/{job.id}/" in str(found))
        value = {f"property {number}": "x" * 88 for number in range(size // 107)}
        with JournalWriter(home.parent) as writer:
            for number in range(count):
                writer.append(OBJECT, json.dumps({"number": number, **value}).encode())
        tree = ObjectTree()
        await pilot.app.screen.mount(tree)
        await pilot.pause()

        async def open_it(tree: ObjectTree = tree, id: int = job.id, count: int = count) -> None:
            await tree.open(service, id, count)
            assert len(tree.rows) >= 2

        begun = time.perf_counter()
        await open_it()
        opened = time.perf_counter() - begun
        taken = []
        for number in range(min(ROUNDS, len(tree.rows) - 1)):
            tree.move(tree.rows.index(tree.list.roots[number]))
            if tree.list.roots[number].large:
                await asyncio.to_thread(tree.list.roots[number].decode)
            begun = time.perf_counter()
            tree.action_open()
            taken.append(time.perf_counter() - begun)
            tree.action_open()
        await tree.remove()
        what = f"100 MB pipeline, {count:,} objects of {size // 1000:,} kB"
        rows += [
            Row(f"{what}: open", opened * 1e3, "ms", target="≤ 200"),
            Row(f"{what}: expand one", statistics.median(taken) * 1e3, "ms", target="≤ 16"),
        ]
    return rows


def _live(directory: Path) -> list[Row]:
    """Bytes and CPU of the application, in a terminal of its own, while a job prints, and while not."""
    fast = directory / "fast.sh"
    # It begins when the application shows it, and ends by itself: a gigabyte a second fills any disk.
    fast.write_text("sleep 7; exec timeout 8 yes 'a line of some length that a job may print as it goes along'\n")
    quiet = directory / "quiet.sh"
    quiet.write_text("echo one; sleep 600\n")
    found: list[Row] = []
    for script, name in ((fast, "a job prints as fast as it can"), (quiet, "a job prints nothing")):
        id = subprocess.run(
            [sys.executable, "-m", "tui", "run", str(script), "--detach"], stdout=subprocess.PIPE, check=True, text=True
        ).stdout.strip()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        process = subprocess.Popen(
            [sys.executable, "-m", "tui"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=variables,
            start_new_session=True,
        )
        os.close(slave)
        try:
            _drain(master, 4.0)
            os.write(master, b"\r")
            _drain(master, 4.0)
            watched = psutil.Process(process.pid)
            used = watched.cpu_times()
            size = _drain(master, WATCH)
            now = watched.cpu_times()
            cpu = (now.user + now.system - used.user - used.system) / WATCH * 100
        finally:
            process.terminate()
            _drain(master, 0.5)
            process.wait(10)
            os.close(master)
            subprocess.run([sys.executable, "-m", "tui", "cancel", id], stdout=subprocess.DEVNULL, check=False)
        found += [
            Row(
                f"job screen while {name}: bytes to the terminal",
                size / WATCH / 1e3,
                "kB/s",
                target="≤ 100" if script is fast else "≈ 0",
            ),
            Row(f"job screen while {name}: CPU of the application", cpu, "%", target="" if script is fast else "≈ 0"),
        ]
    return found


def _drain(master: int, seconds: float) -> int:
    """Read what the application writes for so long; how many bytes."""
    size = 0
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([master], [], [], left)[0]:
            try:
                size += len(os.read(master, 1 << 16))
            except OSError:
                break
    return size


@asynccontextmanager
async def _deck() -> AsyncIterator[Pilot[int]]:
    async def connect() -> JobService:
        engine: JobService = await Engine.open(Settings.load(), "stay")
        return engine

    app = JobdeckApp(connect)
    try:
        async with app.run_test(size=SIZE) as pilot:
            await _until(lambda: _is(app.connection.state is State.OPEN))
            yield pilot
    finally:
        app.thread.close()


async def _start(service: JobService, directory: Path, name: str, text: str) -> Job:
    path = directory / name
    path.write_text(text)
    return await service.run(RunRequest(path=str(path), current_directory=str(directory)))


async def _written(service: JobService, id: int, size: int) -> bool:
    return (await service.job(id)).bytes >= size


async def _is(value: bool) -> bool:
    return value


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def _seconds(act: Callable[[], Awaitable[None]]) -> float:
    """How long it takes: the median."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await act()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def main() -> None:
    """Print the table."""
    from benchmarks.table import markdown

    print(markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else LINES)), end="")


__all__ = ["OutputView", "main", "run"]

if __name__ == "__main__":
    main()
