"""Engines killed at random points while jobs run, queue and are submitted; then every byte and exit code is checked.

    python -m tests.faults.campaign --points 300

Each round starts several engines over one store. Each submits jobs one after the other, writing down the number of
each as soon as `run` has returned. They are killed (SIGKILL) at random moments and new ones started, until enough
points were hit. Then one engine settles everything, and the books must balance:

* every job that was acknowledged is there, with the exit code and the exact output of its script;
* every job on record ran exactly once, and nothing ran that is not on record;
* the database made again from the directories is equal to the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.config import Settings
from core.engine.database import connect
from core.engine.engine import Engine
from core.engine.rebuild import rebuild
from core.journal import format as journal
from core.service import JobQuery, RunRequest

#: ledger: one line per start, written by the script itself; output and exit code follow from the parameter
_SCRIPT = """\
printf '%s\\n' "$JOBDECK_JOB_ID" >> "$LEDGER"
seq 1 "$1"
sleep "0.0$(($1 % 10))"
seq 1 "$1" >&2
exit $(($1 % 5))
"""


async def submit(script: str, acknowledged: str, mode: str, seed: int) -> None:
    """One engine's work: submit jobs until somebody kills it."""
    chance = random.Random(seed)
    engine = await Engine.open(mode="stay" if mode == "stay" else "act")
    book = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    while True:
        size = chance.randrange(1, 3000)
        job = await engine.run(RunRequest(path=script, parameters={"n": str(size)}))
        os.write(book, f"{job.id} {size}\n".encode())
        await asyncio.sleep(chance.random() * 0.02)


def crash(directory: Path, points: int, seed: int, *, engines: int = 3, max_running: int = 4) -> int:
    """One round in an empty directory; how many jobs there were. Raises AssertionError when a book does not balance."""
    chance = random.Random(seed)
    script, acknowledged, ledger = (directory / name for name in ("job.sh", "acknowledged", "ledger"))
    script.write_text(_SCRIPT)
    acknowledged.touch()
    ledger.touch()
    variables = os.environ | {
        "JOBDECK_HOME": str(directory / "home"),
        "JOBDECK_MAX_RUNNING": str(max_running),
        "LEDGER": str(ledger),
    }

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.campaign", "--submit", str(script), str(acknowledged)]
        command += [chance.choice(["act", "stay"]), str(chance.randrange(2**31))]
        return subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)

    alive = [start() for _ in range(engines)]
    deadline = time.monotonic() + 60
    while not acknowledged.stat().st_size:
        assert time.monotonic() < deadline, "no engine came up"
        time.sleep(0.01)
    for point in range(points):
        time.sleep(chance.random() * 0.3)
        if point % 7 == 6:
            victims, alive = alive, []
        else:
            victims = [alive.pop(chance.randrange(len(alive)))]
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        alive += [start() for _ in range(engines - len(alive))]
    for victim in alive:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    settings = Settings.load(variables)
    count = asyncio.run(balance(settings, acknowledged.read_text(), ledger))
    same_after_rebuild(settings)
    return count


async def balance(settings: Settings, acknowledged: str, ledger: Path) -> int:
    """Check every job; how many there are."""
    engine = await Engine.open(settings, "act")
    try:
        jobs = (await engine.jobs(JobQuery(take=1_000_000))).jobs
        async with asyncio.timeout(120):
            jobs = tuple([await engine.wait(job.id) for job in jobs])
        for job in jobs:
            size = int(job.parameters["n"])
            expected = "".join(f"{number}\n" for number in range(1, size + 1)).encode()
            assert job.exit_code == size % 5, f"job {job.id}: {job}"
            for stream in (journal.STDOUT, journal.STDERR):
                found = b"".join([r.data async for r in engine.records(job.id, streams=frozenset({stream}))])
                assert found == expected, f"job {job.id}: {len(found)} bytes of {len(expected)} in stream {stream}"
    finally:
        await engine.close()
    on_record = {job.id: int(job.parameters["n"]) for job in jobs}
    for line in acknowledged.splitlines():
        id, size = map(int, line.split())
        assert on_record.get(id) == size, f"job {id} was acknowledged and is not on record"
    assert sorted(map(int, ledger.read_text().split())) == sorted(on_record), "not every job ran exactly once"
    return len(jobs)


def same_after_rebuild(settings: Settings) -> None:
    """The database made again from the directories is equal to the one before."""

    def dump() -> set[tuple[object, ...]]:
        connection = connect(settings.database)
        with contextlib.closing(connection):
            rows = connection.execute("SELECT * FROM job").fetchall()
        # `changed` tells when the row was written, which rebuild did just now
        return {(row["id"], name, row[name]) for row in rows for name in dict(row) if name != "changed"}

    before = dump()
    deadline = time.monotonic() + 10
    while True:
        # An engine of its own may be seeing to what the killed ones left.
        try:
            report = rebuild(settings)
            break
        except Exception:
            if time.monotonic() > deadline:
                raise
    assert not report.problems
    difference = sorted(dump() ^ before, key=str)
    assert not difference, f"the rebuilt database differs: {difference[:10]}"


def main() -> int:
    """The campaign as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=300, help="how many kills (default 300)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--submit", nargs=4, metavar=("SCRIPT", "BOOK", "MODE", "SEED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.submit:
        script, book, mode, seed = arguments.submit
        asyncio.run(submit(script, book, mode, int(seed)))
        return 0
    seed = random.randrange(2**31) if arguments.seed is None else arguments.seed
    done = jobs = 0
    while done < arguments.points:
        points = min(25, arguments.points - done)
        with tempfile.TemporaryDirectory(prefix="jobdeck-campaign-") as directory:
            jobs += crash(Path(directory), points, seed + done)
        done += points
        print(f"{done} kills, {jobs} jobs: every byte, every exit code, each exactly once (seed {seed})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
