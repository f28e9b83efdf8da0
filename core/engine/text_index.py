"""Where texts stand in the jobs of a store: `text.db` beside the database, which can be thrown away at any time.

It narrows a search down; what a job really holds is looked up in its row. Three letters in a row are what it knows
(SQLite's FTS5 and its trigram tokenizer; where they are missing, searches look at every row). An engine that leads and
lives long brings it up to the rows behind their back, in small steps: a submit pays nothing for it. That is right
because what is searched never changes in a row and no number is used twice. Jobs that were deleted stay in it until
they are the larger part; then it is made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence

from core.service import ServiceError

from .conditions import forms
from .database import Database, closed_on_failure, transaction

log = logging.getLogger("jobdeck.engine")
#: the columns that are searched
TEXT = ("script", "notes", "parameters")
#: a text that this many jobs may hold is found soonest by looking at the rows
_COMMON = 20_000
#: so many jobs that are not in the index yet are looked at one by one
_TAIL = 50_000
#: alternatives in what FTS5 is asked for; it takes 256
_MOST_PARTS = 200
#: jobs per step, seconds between two steps, and between two looks whether there is something to do
_STEP = 5_000
_PAUSE = 0.1
_LOOK = 5.0
#: new jobs that are worth a step
_WORTH = 500
#: numbers without a row that are looked at again, as their submit may be under way still
_GAPS = 1_000
#: deleted jobs that the index may hold for nothing
_DEAD = 100_000
#: the form of the index: another one is made anew
_MADE = 2


class TextIndex:
    """The index of one store. Each call opens it: many engines share it, and any may make it anew."""

    def __init__(self, store: str) -> None:
        self.path = os.path.join(store, "text.db")

    def narrow(self, jobs: sqlite3.Connection, texts: Sequence[str]) -> list[int] | None:
        """The numbers of the jobs that may hold one of the texts; None when every row is to be looked at."""
        if not texts or any(not text or "\0" in text for text in texts) or not os.path.exists(self.path):
            return None
        newest = jobs.execute("SELECT max(id) FROM job").fetchone()[0] or 0
        try:
            with contextlib.closing(_connect(self.path)) as index:
                if index.execute("PRAGMA user_version").fetchone()[0] != _MADE:
                    return None
                upto = _upto(index)
                if newest - upto > _TAIL:
                    return None
                found = set(_numbers(index, "SELECT id FROM gap"))
                for text in (form for each in texts for form in forms(each)):
                    expression = _expression(text) if len(text) >= 3 else _beginning(index, text)
                    if expression is None:
                        return None
                    if not expression:
                        continue
                    words = "SELECT rowid AS id FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
                    ids = _numbers(index, words, expression, _COMMON + 1)
                    if len(ids) > _COMMON:
                        return None
                    found.update(ids)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise
            log.debug("the index of texts is of no use: %s", error)
            return None
        found.update(_numbers(jobs, "SELECT id FROM job WHERE id > ?", upto))
        return sorted(found)

    def catch_up(self, jobs: sqlite3.Connection, lock_timeout: float) -> bool:
        """Take in the next jobs; whether more wait. Raises sqlite3.Error, as where SQLite has no such index."""
        newest = jobs.execute("SELECT max(id) FROM job").fetchone()[0] or 0
        with contextlib.suppress(FileExistsError):
            # its owner's alone from the beginning; only a file that nobody has open yet may be closed like this
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with contextlib.closing(_connect(self.path)) as index:
            if index.execute("PRAGMA user_version").fetchone()[0] != _MADE:
                _make(index, lock_timeout)
            if newest - _upto(index) < _WORTH and not _mostly_dead(index, jobs):
                return False
            with transaction(index, lock_timeout):
                if _mostly_dead(index, jobs):
                    _clear(index)
                upto = _upto(index)
                rows = _texts(jobs, "id > ? ORDER BY id LIMIT ?", (upto, _STEP))
                ids = {row[0] for row in rows}
                if rows:
                    last = rows[-1][0]
                    gaps = [(id,) for id in range(max(upto, last - _GAPS) + 1, last) if id not in ids]
                    index.executemany("INSERT OR IGNORE INTO gap (id) VALUES (?)", gaps)
                    index.execute("UPDATE known SET upto = ?", (last,))
                marks = [row[0] for row in index.execute("SELECT id FROM gap ORDER BY id DESC")]
                late = _texts(jobs, f"id IN ({', '.join(map(str, marks))})", ()) if marks else []
                done = {row[0] for row in late} | set(marks[_GAPS:])
                index.executemany("DELETE FROM gap WHERE id = ?", [(id,) for id in done])
                index.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", [*rows, *late])
                index.execute("UPDATE known SET jobs = jobs + ?", (len(rows) + len(late),))
        return len(rows) == _STEP

    def discard(self) -> None:
        """Throw it away: the rows were made again."""
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path + suffix)


class TextIndexing:
    """Keeps the index up to the rows while `leads()` says that this engine leads."""

    def __init__(self, database: Database, store: str, lock_timeout: float, leads: Callable[[], bool]) -> None:
        self._database = database
        self._index = TextIndex(store)
        self._lock_timeout = lock_timeout
        self._leads = leads
        self._task = asyncio.get_running_loop().create_task(self._run(), name="text-index")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            try:
                more = True
                while more and self._leads():
                    more = await self._database.survey("text-index", self._step)
                    await asyncio.sleep(_PAUSE)
            except ServiceError as error:
                # A full disk, for one: searches look at every row until there is room.
                log.warning("the index of texts: %s", error)
                await asyncio.sleep(_LOOK * 12)
            except _NoSuchIndexError as error:
                log.info("searches look at every row: %s", error)
                return

    def _step(self, jobs: sqlite3.Connection) -> bool:
        try:
            return self._index.catch_up(jobs, self._lock_timeout)
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "") or ""
            if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                log.warning("the index of texts is damaged (%s): it is made anew", error)
                self._index.discard()
                return True
            if str(error).startswith("no such") or name == "SQLITE_ERROR":
                raise _NoSuchIndexError(str(error)) from error
            raise

    async def close(self) -> None:
        """Stop; what is missing is taken in by whoever leads next."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class _NoSuchIndexError(Exception):
    """This SQLite cannot make the index."""


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    with closed_on_failure(connection):
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _make(index: sqlite3.Connection, lock_timeout: float) -> None:
    index.execute("PRAGMA journal_mode = WAL")
    with transaction(index, lock_timeout):
        if index.execute("PRAGMA user_version").fetchone()[0] == _MADE:
            return
        index.execute("CREATE TABLE IF NOT EXISTS known (upto INTEGER NOT NULL, jobs INTEGER NOT NULL)")
        index.execute("CREATE TABLE IF NOT EXISTS gap (id INTEGER PRIMARY KEY)")
        _clear(index)
        index.execute(f"PRAGMA user_version = {_MADE}")


def _clear(index: sqlite3.Connection) -> None:
    index.execute("DROP TABLE IF EXISTS words")
    index.execute(
        "CREATE VIRTUAL TABLE words USING fts5(text, tokenize='trigram', content='', detail=none, columnsize=0)"
    )
    index.execute("DELETE FROM gap")
    index.execute("DELETE FROM known")
    index.execute("INSERT INTO known (upto, jobs) VALUES (0, 0)")


def _numbers(connection: sqlite3.Connection, chosen: str, *values: object) -> list[int]:
    """The ids that a query gives, in one row: for each row Python lets other threads run, and waits for them."""
    numbers = connection.execute(f"SELECT json_group_array(id) FROM ({chosen})", values).fetchone()[0]
    return list(json.loads(numbers))


def _upto(index: sqlite3.Connection) -> int:
    """The newest job that is in the index."""
    return int(index.execute("SELECT upto FROM known").fetchone()[0])


def _mostly_dead(index: sqlite3.Connection, jobs: sqlite3.Connection) -> bool:
    known = int(index.execute("SELECT jobs FROM known").fetchone()[0])
    there = int(jobs.execute("SELECT coalesce(sum(jobs), 0) FROM tally").fetchone()[0])
    return known - there > max(_DEAD, there)


def _texts(jobs: sqlite3.Connection, which: str, values: tuple[int, ...]) -> list[tuple[int, str]]:
    # Something stands behind each of them: its last two letters, too, begin three in a row. FTS5 stops at a NUL.
    columns = " || ".join(f"{column} || char(10)" for column in TEXT)
    rows = jobs.execute(f"SELECT id, {columns} FROM job WHERE {which}", values)
    return [(id, text.replace("\0", "\n")) for id, text in rows]


def _beginning(index: sqlite3.Connection, text: str) -> str | None:
    """What FTS5 is asked for a text of one or two letters: every three in a row that begin with them.

    "" when no job has any; None when they are too common, or when SQLite may see them as other letters than they are.
    """
    if not text.isascii():
        return None
    text = text.lower()
    index.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, words, col)")
    parts: list[str] = []
    jobs = 0
    behind = text[:-1] + chr(ord(text[-1]) + 1)
    for term, count in index.execute("SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ?", (text, behind)):
        jobs += count or 0
        if jobs > _COMMON or len(parts) == _MOST_PARTS:
            return None
        parts.append(_quoted(term))
    return " OR ".join(parts)


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'


def _expression(text: str) -> str:
    """What FTS5 is asked for: three letters in a row from all over the text, in any order; the rows tell the rest.

    Those that overlap would narrow little further, and each is one more long list to go through.
    """
    starts = {*range(0, len(text) - 2, 3), len(text) - 3}
    parts = dict.fromkeys(text[start : start + 3] for start in sorted(starts, reverse=True))
    return " AND ".join(map(_quoted, parts))
