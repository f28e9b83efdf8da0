"""Jobs of long ago: copies of one that ran, directory and row, as they would stand there had they run then."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid

from core.config import Settings
from core.engine.database import begin, connect
from core.engine.locks import is_held
from core.engine.numbers import draw
from core.engine.paths import job_directory
from core.engine.rebuild import row_of_directory
from core.engine.rows import insert_job

DAY = 86_400 * 10**9


def copies(settings: Settings, template: int, count: int, days: float, **spec: object) -> list[int]:
    """So many copies of a finished job that ended so many days ago; their numbers. `spec`: what else differs."""
    store = settings.data_directory
    source = job_directory(store, template)
    ended = time.time_ns() - int(days * DAY)
    # The end is told a moment before the runner is done with the directory.
    deadline = time.monotonic() + 10
    while not os.path.exists(os.path.join(source, "exit.json")) or is_held(os.path.join(source, "lock")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ids = []
    with contextlib.closing(connect(settings.database)) as connection:
        for start in range(0, count, 500):
            begin(connection, 30.0)
            for number in range(start, min(start + 500, count)):
                id = draw(connection, store)
                target = job_directory(store, id)
                os.makedirs(target)
                for name in ("out.dat", "out.idx", "lock"):
                    if os.path.exists(os.path.join(source, name)):
                        shutil.copy(os.path.join(source, name), target)
                moment = ended + number
                changes = {"id": id, "run_id": str(uuid.uuid4()), "created": moment - 10**9, "key": None} | spec
                _copy(source, target, "spec.json", changes)
                _copy(source, target, "exit.json", {"id": id, "ended": moment})
                row = row_of_directory(store, id)
                assert row is not None
                insert_job(connection, row)
                ids.append(id)
            connection.execute("COMMIT")
    return ids


def _copy(source: str, target: str, name: str, changes: dict[str, object]) -> None:
    with open(os.path.join(source, name), "rb") as file:
        value = json.load(file)
    with open(os.path.join(target, name), "w", encoding="ascii") as changed:
        json.dump({**value, **changes}, changed)
