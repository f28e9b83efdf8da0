"""The database: one connection that writes, one that reads, each on a thread of its own.

Writes are functions over the open transaction. What waits when a transaction begins goes into it together, each in a
savepoint, so that a hundred submits cost one commit and a failed one does not harm the others. A whole function is one
hop to the thread, where an asynchronous driver would make one hop per statement.

The file is never opened but through SQLite: closing a plain descriptor of it would drop SQLite's locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from core.service import ServiceError, Unavailable

T = TypeVar("T")
log = logging.getLogger("jobdeck.engine")
SCHEMA_VERSION = 3
_BATCH = 256
_SCHEMA = os.path.join(os.path.dirname(__file__), "schema.sql")


def explain(error: sqlite3.Error, path: str) -> ServiceError:
    """A SQLite error as a sentence for a person."""
    text = str(error)
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Unavailable(
            f"The database {path} is damaged ({text}). Run `jobdeck rebuild`: it is made again from the job"
            " directories."
        )
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")) and _is_full(path):
        return Unavailable(f"The disk that holds {path} is full: free some space and try again. Nothing was changed.")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Unavailable(f"The database {path} is locked by another program. Try again when it has let go.")
    if code.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_AUTH")):
        return Unavailable(
            f"The database {path} cannot be opened for writing ({text}). Check its owner and permissions."
        )
    return Unavailable(f"The database {path} cannot be used: {text}.")


def _is_full(path: str) -> bool:
    space = os.statvfs(os.path.dirname(path))
    return space.f_bavail * space.f_frsize < 1 << 20


def connect(path: str) -> sqlite3.Connection:
    """A connection as every part of jobdeck opens it. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    with closed_on_failure(connection):
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def connect_for_reading(path: str) -> sqlite3.Connection:
    """A connection that only reads, even where a full disk has no room for SQLite's shared memory.

    Then nobody else has the database open, and a log that is empty or absent says that the file is whole.
    """
    try:
        connection = connect(path)
        with closed_on_failure(connection):
            connection.execute("PRAGMA query_only = ON")
            check_version(connection, path)
    except sqlite3.OperationalError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        log = path + "-wal"
        if not name.startswith(("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN")) or (
            os.path.exists(log) and os.path.getsize(log)
        ):
            raise
        from urllib.parse import quote

        connection = sqlite3.connect(
            f"file:{quote(path)}?mode=ro&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
        with closed_on_failure(connection):
            connection.row_factory = sqlite3.Row
            check_version(connection, path)
    return connection


@contextlib.contextmanager
def closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection that cannot be used after all."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def begin(connection: sqlite3.Connection, timeout: float) -> None:
    """BEGIN IMMEDIATE, tried again and again: SQLite's own busy handler starves a writer among busy ones."""
    deadline = time.monotonic() + timeout
    connection.execute("PRAGMA busy_timeout = 0")
    pause = 0.0005
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                name = getattr(error, "sqlite_errorname", "") or ""
                if not name.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 1.5, 0.01)
    finally:
        connection.execute("PRAGMA busy_timeout = 5000")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, timeout: float) -> Iterator[sqlite3.Connection]:
    """One transaction that writes: committed at the end, rolled back by whatever goes wrong. Raises sqlite3.Error."""
    begin(connection, timeout)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def create(path: str) -> None:
    """Make the tables where there are none yet, in WAL. Raises sqlite3.Error."""
    connection = connect(path)
    try:
        # Grooming gives back what it frees; it is to be said before there is a table.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection, 30.0):
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                with open(_SCHEMA, encoding="utf-8") as file:
                    for statement in file.read().split(";\n"):
                        if statement.strip():
                            connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    finally:
        connection.close()
    os.chmod(path, 0o600)


def check_version(connection: sqlite3.Connection, path: str) -> None:
    """Raises Unavailable when the store is of another version of jobdeck."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise Unavailable(
            f"The store {path} was made by a newer jobdeck (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Upgrade jobdeck to use it."
        )
    if version == 0:
        raise Unavailable(
            f"{path} is no jobdeck database. Set JOBDECK_HOME to another directory, or move the file away."
        )


class _Thread:
    """Runs calls one after the other on a thread of its own, started at the first call."""

    def __init__(self, name: str, work: Callable[[list[tuple[Callable[..., Any], Future[Any]]]], None]) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[..., Any], Future[Any]] | None] = queue.SimpleQueue()
        self._work = work
        self._name = name
        self._thread: threading.Thread | None = None

    def submit(self, function: Callable[..., T]) -> Future[T]:
        future: Future[T] = Future()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put((function, future))
        return future

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            calls = [call]
            while len(calls) < _BATCH:
                try:
                    further = self._calls.get_nowait()
                except queue.Empty:
                    break
                if further is None:
                    self._work(calls)
                    return
                calls.append(further)
            self._work(calls)

    def close(self) -> None:
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            self._thread = None


class _Survey:
    """A connection and a thread for long looks, of which the one that runs can be broken off."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._thread = _Thread(name, self._run_all)
        self._connection: sqlite3.Connection | None = None
        self._running: Future[Any] | None = None
        #: held while the running look changes, so that nothing but the one meant is broken off
        self._change = threading.Lock()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        future = self._thread.submit(function)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            with self._change:
                if self._running is future and self._connection is not None:
                    self._connection.interrupt()
            raise

    def _run_all(self, calls: list[tuple[Callable[..., Any], Future[Any]]]) -> None:
        for function, future in calls:
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if self._connection is None:
                    self._connection = connect_for_reading(self._path)
                with self._change:
                    self._running = future
                try:
                    result = function(self._connection)
                finally:
                    with self._change:
                        self._running = None
            except sqlite3.Error as error:
                future.set_exception(explain(error, self._path))
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

    def close(self) -> None:
        with self._change:
            if self._running is not None and self._connection is not None:
                self._connection.interrupt()
        self._thread.close()
        if self._connection is not None:
            self._connection.close()


class Database:
    """Reads and writes of one engine. The functions given run on the database's threads, not on the loop's."""

    def __init__(self, path: str, lock_timeout: float = 30.0) -> None:
        self.path = path
        self._lock_timeout = lock_timeout
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._reads = _Thread("jobdeck-read", self._read_all)
        self._surveys: dict[str, _Survey] = {}
        self._writes = _Thread("jobdeck-write", self._write_all)

    async def read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """What the function reads. Raises ServiceError."""
        return await asyncio.wrap_future(self._reads.submit(function))

    async def survey(self, kind: str, function: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, for what may look at every row: surveys of one kind wait for each other and for nothing else.

        Who is cancelled takes no more time of the database. Raises ServiceError.
        """
        survey = self._surveys.get(kind)
        if survey is None:
            survey = self._surveys[kind] = _Survey(self.path, f"jobdeck-{kind}")
        return await survey.run(function)

    def read_now(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, for a thread that may wait; never the loop's."""
        return self._reads.submit(function).result()

    def write_now(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """As `write`, for a thread that may wait; never the loop's."""
        return self._writes.submit(function).result()

    async def write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """What the function returns, once its transaction is committed. Raises ServiceError."""
        return await asyncio.wrap_future(self._writes.submit(function))

    def post(self, function: Callable[[sqlite3.Connection], object]) -> None:
        """Write something that nobody waits for; where it fails the log says so."""

        def told(future: Future[object]) -> None:
            if not future.cancelled() and (error := future.exception()) is not None:
                log.warning("a write that nobody waited for failed: %s", error)

        self._writes.submit(function).add_done_callback(told)

    async def data_version(self) -> int:
        """A number that changes when another connection has committed something."""
        return await self.read(lambda connection: int(connection.execute("PRAGMA data_version").fetchone()[0]))

    def _read_all(self, calls: list[tuple[Callable[..., Any], Future[Any]]]) -> None:
        for function, future in calls:
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if self._reader is None:
                    self._reader = connect_for_reading(self.path)
                result = function(self._reader)
            except sqlite3.Error as error:
                future.set_exception(explain(error, self.path))
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

    def _write_all(self, calls: list[tuple[Callable[..., Any], Future[Any]]]) -> None:
        calls = [call for call in calls if call[1].set_running_or_notify_cancel()]
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            if self._writer is None:
                self._writer = connect(self.path)
                check_version(self._writer, self.path)
            with transaction(self._writer, self._lock_timeout) as writer:
                for function, future in calls:
                    outcomes.append(self._write_one(writer, function, future))
        except BaseException as error:
            told = explain(error, self.path) if isinstance(error, sqlite3.Error) else error
            for _, future in calls:
                future.set_exception(told)
            return
        for future, result, failure in outcomes:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _write_one(
        self, connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], Any], future: Future[Any]
    ) -> tuple[Future[Any], Any, BaseException | None]:
        connection.execute("SAVEPOINT one")
        try:
            result = function(connection)
        except sqlite3.OperationalError:
            # A full disk or a damaged file ends the whole transaction, not this one call.
            raise
        except Exception as error:
            connection.execute("ROLLBACK TO one")
            connection.execute("RELEASE one")
            told = explain(error, self.path) if isinstance(error, sqlite3.Error) else error
            return future, None, told
        connection.execute("RELEASE one")
        return future, result, None

    def close(self) -> None:
        """Finish what was asked for and close both connections."""
        self._writes.close()
        self._reads.close()
        for survey in self._surveys.values():
            survey.close()
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()
        self._writer = self._reader = None
