"""The index of texts: it finds what a look at every row finds, whatever was deleted, late or damaged."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from core.config import Settings
from core.engine import conditions, text_index
from core.engine.database import connect, create
from core.engine.engine import Engine
from core.engine.rebuild import rebuild
from core.engine.rows import insert_job
from core.engine.text_index import TextIndex
from core.service import JobQuery, RunRequest, Term

_SPEC: dict[str, object] = {}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[sqlite3.Connection, TextIndex]]:
    """A database without a job, and its index, for which every job is worth a step."""
    monkeypatch.setattr(text_index, "_WORTH", 1)
    create(str(tmp_path / "jobdeck.db"))
    with contextlib.closing(connect(str(tmp_path / "jobdeck.db"))) as connection:
        yield connection, TextIndex(str(tmp_path))


def _add(jobs: sqlite3.Connection, id: int, script: str, notes: str = "", parameters: str = "{}") -> None:
    if not _SPEC:
        columns = [row for row in jobs.execute("PRAGMA table_info(job)") if row["notnull"] and row["name"] != "changed"]
        _SPEC.update({row["name"]: 0 if "INT" in row["type"] else "[]" for row in columns})
    row = _SPEC | {"id": id, "run_id": f"run-{id}", "script": script, "notes": notes, "parameters": parameters}
    insert_job(jobs, row | {"status": 2, "request_key": None})


def _found(jobs: sqlite3.Connection, index: TextIndex, *texts: str) -> list[int]:
    """What the index finds, after it was compared with a look at every row."""
    wanted = JobQuery(terms=(Term("text", texts),), take=10_000, descending=False)
    narrowed = index.narrow(jobs, texts)
    among = [] if narrowed is None else [narrowed]
    ids, every = (
        [row[0] for row in jobs.execute(f"SELECT id FROM job{clause} ORDER BY id", values)]
        for clause, values in (conditions.where(jobs, wanted, None, ids, paged=True) for ids in (among, []))
    )
    assert ids == every
    return ids


def test_it_narrows_to_the_jobs_that_hold_the_text(store: tuple[sqlite3.Connection, TextIndex]) -> None:
    jobs, index = store
    for id in range(1, 40):
        _add(jobs, id, f"script-{id}.sh", parameters=f'{{"host": "db-{id}"}}')
    assert index.narrow(jobs, ("DB-17",)) is None  # there is none yet
    while index.catch_up(jobs, 1):
        pass
    assert index.narrow(jobs, ("DB-17",)) == [17]
    assert _found(jobs, index, "DB-17") == [17]
    assert index.narrow(jobs, ("nothing",)) == []
    assert _found(jobs, index, "script-3", "db-12") == [3, 12, *range(30, 40)]
    # One or two letters begin three in a row, at the very end of a text, too.
    assert index.narrow(jobs, ("17",)) == [17] and _found(jobs, index, "7") == [7, 17, 27, 37]
    assert _found(jobs, index, '"}') == list(range(1, 40)) and index.narrow(jobs, ("Q", "zz")) == []


def test_nobody_else_may_read_it(store: tuple[sqlite3.Connection, TextIndex], tmp_path: Path) -> None:
    jobs, index = store
    _add(jobs, 1, "a.sh")
    before = os.umask(0o022)
    try:
        index.catch_up(jobs, 1)
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("text.db*")} == {"text.db": 0o600}


def test_letters_that_are_too_common_are_looked_up_in_the_rows(
    store: tuple[sqlite3.Connection, TextIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, index = store
    for id in range(1, 9):
        _add(jobs, id, f"a{id}.sh")
    index.catch_up(jobs, 1)
    monkeypatch.setattr(text_index, "_COMMON", 7)
    assert index.narrow(jobs, ("a",)) is None and _found(jobs, index, "a") == list(range(1, 9))
    monkeypatch.setattr(text_index, "_COMMON", 8)
    assert index.narrow(jobs, ("a",)) == list(range(1, 9))
    # As many alternatives as there are jobs, which is more than FTS5 is asked for.
    monkeypatch.setattr(text_index, "_MOST_PARTS", 7)
    assert index.narrow(jobs, ("a",)) is None
    # What SQLite would fold in its own way.
    assert index.narrow(jobs, ("é",)) is None


def test_a_text_is_found_as_it_stands_within_json(store: tuple[sqlite3.Connection, TextIndex]) -> None:
    jobs, index = store
    values = ["C:\\temp\\new", 'say "hi" twice', "Größe", "日本", "plain", "tab\there", "\udcff no UTF-8"]
    for id, value in enumerate(values, 1):
        _add(jobs, id, "x.sh", parameters=json.dumps({"value": value}))
        escaped = "\udcff" in value
        _add(jobs, id + 10, "x.sh", parameters=json.dumps({"value": value}, ensure_ascii=escaped))
    for indexed in (False, True):
        if indexed:
            index.catch_up(jobs, 1)
        for id, value in enumerate(values, 1):
            assert _found(jobs, index, value) == [id, id + 10]
        assert _found(jobs, index, "p\\n") == [1, 11] and _found(jobs, index, "ß") == [3, 13]
    # Numbers without a job may be those of late ones.
    assert set(index.narrow(jobs, ("Größe",)) or ()) - {7, 8, 9, 10} == {3, 13}


def test_an_index_of_another_form_is_made_anew(store: tuple[sqlite3.Connection, TextIndex]) -> None:
    jobs, index = store
    _add(jobs, 1, "one.sh")
    index.catch_up(jobs, 1)
    with contextlib.closing(sqlite3.connect(index.path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert index.narrow(jobs, ("one",)) is None
    index.catch_up(jobs, 1)
    assert index.narrow(jobs, ("one",)) == [1]


def test_jobs_that_are_new_late_or_gone(store: tuple[sqlite3.Connection, TextIndex]) -> None:
    jobs, index = store
    for id in (1, 2, 4, 5):
        _add(jobs, id, "early.sh")
    index.catch_up(jobs, 1)
    # A submit that drew its number before others and came to its end after them.
    _add(jobs, 3, "late.sh")
    _add(jobs, 6, "late.sh")
    assert _found(jobs, index, "late") == [3, 6]
    index.catch_up(jobs, 1)
    assert _found(jobs, index, "late") == [3, 6] and index.narrow(jobs, ("late",)) == [3, 6]
    with contextlib.closing(sqlite3.connect(index.path)) as opened:
        assert opened.execute("SELECT count(*) FROM gap").fetchone()[0] == 0
    jobs.execute("DELETE FROM job WHERE id = 6")
    assert _found(jobs, index, "late") == [3]


def test_it_is_made_anew_when_most_of_it_is_of_deleted_jobs(
    store: tuple[sqlite3.Connection, TextIndex], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, index = store
    monkeypatch.setattr(text_index, "_DEAD", 10)
    for id in range(1, 31):
        _add(jobs, id, "groomed.sh")
    index.catch_up(jobs, 1)
    jobs.execute("DELETE FROM job WHERE id < 25")
    while index.catch_up(jobs, 1):
        pass
    with contextlib.closing(sqlite3.connect(index.path)) as opened:
        assert opened.execute("SELECT jobs FROM known").fetchone()[0] == 6
    assert _found(jobs, index, "groomed") == list(range(25, 31))


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    strategies.lists(strategies.text("aAbB\"'%_\\*- ßİ日\n\0", max_size=12), min_size=1, max_size=8),
    strategies.text("aAbB\"'%_\\*- ßİ日\n\0", max_size=6),
)
def test_it_finds_what_the_rows_hold(
    store: tuple[sqlite3.Connection, TextIndex], texts: list[str], wanted: str
) -> None:
    jobs, index = store
    jobs.execute("DELETE FROM job")
    index.discard()
    for id, text in enumerate(texts, 1):
        _add(jobs, id, text, notes=text[::-1])
    index.catch_up(jobs, 1)
    _found(jobs, index, wanted)


async def test_an_engine_that_stays_keeps_it_and_a_damaged_one_is_made_anew(
    settings: Settings, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_index, "_LOOK", 0.01)
    monkeypatch.setattr(text_index, "_WORTH", 1)
    engine = await Engine.open(settings, "stay")
    try:
        (scripts / "a.sh").write_text("true\n")
        id = (await engine.run(RunRequest(str(scripts / "a.sh"), notes="needle in a haystack"))).id
        wanted = JobQuery(terms=(Term("text", ("needle",)),))
        index = TextIndex(settings.data_directory)

        async def indexed() -> None:
            while await engine._database.read(lambda c: index.narrow(c, ("needle",))) != [id]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        async with asyncio.timeout(10):
            await indexed()
        assert [job.id for job in (await engine.jobs(wanted)).jobs] == [id] and await engine.count(wanted) == 1
        Path(index.path).write_bytes(b"no database at all" * 1000)
        for suffix in ("-wal", "-shm"):
            Path(index.path + suffix).unlink(missing_ok=True)
        assert [job.id for job in (await engine.jobs(wanted)).jobs] == [id]
        async with asyncio.timeout(10):
            await indexed()
    finally:
        await engine.close()
    assert rebuild(settings).jobs == 1
    assert not Path(index.path).exists()


def test_a_sqlite_without_it_looks_at_every_row(scripts: Path) -> None:
    (scripts / "a.sh").write_text("true\n")
    code = """
import asyncio, sqlite3, sys
from core.config import Settings
from core.engine import text_index
from core.engine.engine import Engine
from core.service import JobQuery, RunRequest, Term

class Poor(sqlite3.Connection):
    def execute(self, sql, *arguments):
        if "fts5" in sql:
            raise sqlite3.OperationalError("no such module: fts5")
        return super().execute(sql, *arguments)

text_index._connect = lambda path: sqlite3.connect(path, isolation_level=None, factory=Poor)
text_index._LOOK = 0.01

async def main():
    engine = await Engine.open(Settings.load(), "stay")
    await engine.run(RunRequest(sys.argv[1], notes="needle"))
    while engine._duties._text_indexing is None:
        await asyncio.sleep(0.01)
    await asyncio.wait_for(asyncio.shield(engine._duties._text_indexing._task), 10)
    print(len((await engine.jobs(JobQuery(terms=(Term("text", ("needle",)),)))).jobs))
    await engine.close()

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(scripts / "a.sh")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "1\n", done.stderr
