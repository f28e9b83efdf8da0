"""The store: its tables, its locks, its transactions, and what it says when it cannot be used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import Settings
from core.engine.database import Database, begin, connect, create
from core.engine.engine import Engine
from core.engine.laying_out import keep_content
from core.engine.locks import FileLock, is_held
from core.engine.numbers import draw, high_water
from core.engine.opening import open_store
from core.engine.secrets import seal, unseal
from core.service import Invalid, JobQuery, NotFound, Unavailable


def test_schema_sql_is_what_the_tables_say() -> None:
    from core.engine import tables

    written = Path(tables.__file__).with_name("schema.sql").read_text()
    assert written == tables.ddl()


def test_importing_the_engine_loads_no_orm_and_no_screen() -> None:
    code = (
        "import sys, core.engine.engine, core.engine.rebuild, core.engine.local\n"
        "print([n for n in ('sqlmodel', 'sqlalchemy', 'pydantic', 'textual', 'rich', 'tui') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"


def test_a_lock_belongs_to_the_open_file(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with FileLock(path) as mine:
        assert mine.take()
        with FileLock(path) as other:
            assert not other.take() and other.held_elsewhere() and not mine.held_elsewhere()
        # Closing another descriptor of the file in this process must not release it, as a POSIX lock would.
        assert is_held(path)
        copy = os.dup(mine.fileno())
        mine.close()
        assert is_held(path)
        os.close(copy)
    assert not is_held(path)


def test_a_handed_over_lock_outlives_the_one_who_took_it(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with FileLock(path) as lock:
        assert lock.take()
        child = subprocess.Popen(["sleep", "1000"], pass_fds=[lock.fileno()])
    try:
        assert is_held(path)
    finally:
        child.kill()
        child.wait()
    assert not is_held(path)


def test_numbers_are_never_used_twice(tmp_path: Path) -> None:
    store = str(tmp_path)
    create(str(tmp_path / "a.db"))
    connection = connect(str(tmp_path / "a.db"))
    begin(connection, 1)
    assert [draw(connection, store) for _ in range(3)] == [1, 2, 3]
    connection.execute("COMMIT")
    connection.close()
    assert high_water(store) >= 3
    # The database is lost: numbers go on above the mark.
    create(str(tmp_path / "b.db"))
    connection = connect(str(tmp_path / "b.db"))
    assert draw(connection, store) > 3
    connection.close()


async def test_a_failed_write_does_not_harm_those_it_is_committed_with(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    create(path)
    database = Database(path)

    def put(key: str) -> None:
        async def one() -> None:
            await database.write(lambda c: c.execute("INSERT INTO fact (key, value) VALUES (?, '')", (key,)).rowcount)

        tasks.append(asyncio.ensure_future(one()))

    tasks: list[asyncio.Future[None]] = []
    for key in ("a", "b", "a", "c"):
        put(key)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results].count(Unavailable) == 1
    assert await database.read(lambda c: [r[0] for r in c.execute("SELECT key FROM fact ORDER BY key")]) == [
        "a",
        "b",
        "c",
    ]
    database.close()


async def test_a_locked_database_is_told_and_let_go(settings: Settings) -> None:
    lock = open_store(settings)
    other = connect(settings.database)
    other.execute("BEGIN IMMEDIATE")
    database = Database(settings.database, lock_timeout=0.2)
    with pytest.raises(Unavailable, match="locked"):
        await database.write(lambda c: c.execute("DELETE FROM fact").rowcount)
    other.execute("ROLLBACK")
    assert await database.write(lambda c: c.execute("DELETE FROM fact").rowcount) == 0
    other.close()
    database.close()
    lock.close()


async def test_a_damaged_database_says_what_to_do(settings: Settings) -> None:
    await (await Engine.open(settings)).close()
    Path(settings.database).write_bytes(b"not a database at all" * 1000)
    with pytest.raises(Unavailable, match="jobdeck rebuild"):
        await Engine.open(settings)


async def test_a_newer_store_is_refused(settings: Settings) -> None:
    await (await Engine.open(settings)).close()
    connection = sqlite3.connect(settings.database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="newer jobdeck"):
        await Engine.open(settings)


def test_a_store_of_somebody_else_is_refused(settings: Settings) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to make a directory of another user")
    os.makedirs(settings.data_directory)
    os.chown(settings.data_directory, 12345, 12345)
    with pytest.raises(Unavailable, match="belongs to user 12345"):
        open_store(settings)


def test_two_processes_make_a_store_at_once(settings: Settings) -> None:
    code = (
        "import asyncio; from core.engine.engine import Engine\n"
        "async def f(): await (await Engine.open()).close()\n"
        "asyncio.run(f())"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_running = 0", "max_running"),
        ("max_runing = 3", "max_runing"),
        ("=", "TOML"),
        ("max_running = true", "max_running"),
    ],
)
def test_a_wrong_setting_is_told(settings: Settings, text: str, told: str) -> None:
    os.makedirs(settings.data_directory)
    Path(settings.config_file).write_text(text)
    with pytest.raises(Invalid, match=told):
        Settings.load()


def test_the_environment_wins_over_the_file(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    os.makedirs(settings.data_directory)
    Path(settings.config_file).write_text("max_running = 5\ncancel_grace = 1.5\n")
    monkeypatch.setenv("JOBDECK_MAX_RUNNING", "7")
    loaded = Settings.load()
    assert (loaded.max_running, loaded.cancel_grace) == (7, 1.5)
    monkeypatch.setenv("JOBDECK_MAX_RUNNING", "many")
    with pytest.raises(Invalid, match="JOBDECK_MAX_RUNNING"):
        Settings.load()


def test_a_sealed_secret_opens_only_where_it_was_put(tmp_path: Path) -> None:
    sealed = seal(str(tmp_path), "s3cret \u20ac", "job:1:password")
    assert "s3cret" not in sealed and unseal(str(tmp_path), sealed, "job:1:password") == "s3cret \u20ac"
    with pytest.raises(Unavailable):
        unseal(str(tmp_path), sealed, "job:2:password")
    assert os.stat(tmp_path / "key").st_mode & 0o777 == 0o600


async def test_a_look_at_an_empty_store(settings: Settings) -> None:
    looking = await Engine.open(settings, "look")
    assert (await looking.jobs(JobQuery())).jobs == ()
    with pytest.raises(NotFound):
        await looking.job(2**70)
    await looking.close()


async def test_many_threads_may_keep_the_same_content_at_once(tmp_path: Path) -> None:
    for number in range(20):
        content = f"{number}".encode() * 1000
        kept = await asyncio.gather(
            *(asyncio.to_thread(keep_content, str(tmp_path), content, f"{number:064}") for _ in range(16))
        )
        assert len(set(kept)) == 1 and Path(kept[0]).read_bytes() == content
    assert not list(tmp_path.rglob("*.new"))
