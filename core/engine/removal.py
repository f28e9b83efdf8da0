"""Taking finished jobs away, so that kill -9 at any point leaves each there whole or gone altogether.

What is about to go is written down first, in a file of `removing/` that stays locked while its writer lives. Then one
transaction takes the rows, and reaches the disk before the directories go. Whoever finds such a file without an owner
finishes: a job in it that has no row any more has no right to its directory, and one that has a row stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from core.config import Settings
from core.service import Unavailable

from .changes import note, note_deleted
from .database import check_version, connect, explain, transaction
from .locks import FileLock, is_held
from .paths import SHARD, job_directory, numbers_in, sync_directory

FINISHED = "status IN (2, 3, 5, 9, 10, 11)"
#: a finished job of which no child still runs
REMOVABLE = (
    f"{FINISHED} AND NOT EXISTS (SELECT 1 FROM job AS child WHERE child.parent_job = job.id"
    " AND child.parent_job IS NOT NULL AND child.status IN (0, 1, 4, 6))"
)
#: so many jobs are told of by their numbers when they go; more at once are told as "jobs"
_TOLD = 8
_DELETED = ".deleted"


@dataclass(frozen=True, slots=True)
class Removed:
    """What went: the jobs' numbers, and the bytes of disk that became free."""

    ids: tuple[int, ...]
    bytes: int


class Removal:
    """One who takes jobs away, on one thread. `name` is nobody else's. Raises ServiceError."""

    def __init__(self, store: str, database: str, name: str, lock_timeout: float) -> None:
        self._store = store
        self._database = database
        self._lock_timeout = lock_timeout
        self._path = os.path.join(store, "removing", name)
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._file = _own_file(self._path)
            # A power loss must not take the file and leave the directories of jobs that have no row.
            sync_directory(os.path.dirname(self._path))
        except OSError as error:
            raise _trouble(error, self._path) from error
        try:
            self.connection = connect(database)
            check_version(self.connection, database)
            # What a power loss took back from the database would have no directory any more.
            self.connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            self._file.close()
            raise explain(error, database) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. Raises ServiceError."""
        try:
            with transaction(self.connection, self._lock_timeout) as connection:
                yield connection
        except sqlite3.Error as error:
            raise explain(error, self._database) from error

    def remove(
        self,
        ids: Sequence[int],
        also: Callable[[sqlite3.Connection, Sequence[int]], object] | None = None,
        *,
        which: str = REMOVABLE,
    ) -> Removed:
        """Take those jobs away that may go (`which`, in SQL); `also` hears in the transaction of those that do."""
        # The runner tells the end a moment before it lets go of the directory.
        ids = [id for id in ids if not is_held(os.path.join(job_directory(self._store, id), "lock"))]
        if not ids:
            return Removed((), 0)
        try:
            self._write_down(ids)
        except OSError as error:
            raise _trouble(error, self._path) from error
        with self.writing() as connection:
            marks = ", ".join("?" * len(ids))
            rows = connection.execute(f"DELETE FROM job WHERE id IN ({marks}) AND {which} RETURNING id", ids)
            gone = sorted(row[0] for row in rows.fetchall())
            if len(gone) > _TOLD:
                note(connection, "job")
            else:
                for id in gone:
                    note_deleted(connection, id)
            if also is not None and gone:
                also(connection, gone)
        return Removed(tuple(gone), discard(self._store, gone))

    def _write_down(self, ids: Sequence[int]) -> None:
        descriptor = self._file.fileno()
        # Those before are gone by now, their directories too.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(list(ids)).encode(), 0)
        os.fsync(descriptor)

    def close(self) -> None:
        """Be done: nothing is left to finish."""
        self.connection.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        self._file.close()

    def __enter__(self) -> Removal:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            # Whatever was begun is finished by whoever comes next.
            self.connection.close()
            self._file.close()


def delete(settings: Settings, id: int) -> None:
    """Take one finished job away, whatever its children do. Raises ServiceError."""
    name = f"delete-{uuid.uuid4().hex}"
    with Removal(settings.data_directory, settings.database, name, settings.lock_timeout) as removal:
        removal.remove([id], which=FINISHED)


def _own_file(path: str) -> FileLock:
    """The file, locked; made anew when somebody took it for one without an owner in the moment before that."""
    while True:
        lock = FileLock(path)
        if lock.take() and os.fstat(lock.fileno()).st_nlink:
            return lock
        lock.close()


def _trouble(error: OSError, path: str) -> Unavailable:
    return Unavailable(f"{path} cannot be written: {error.strerror}. No job was removed.")


def discard(store: str, ids: Iterable[int]) -> int:
    """Remove the directories of jobs that have no row; how many bytes of disk became free."""
    freed = 0
    shards = set()
    for id in ids:
        directory = job_directory(store, id)
        with contextlib.suppress(FileNotFoundError):
            # First away under its name: whoever finds it half removed must not take it for a job.
            os.rename(directory, directory + _DELETED)
            shards.add(os.path.dirname(directory))
        freed += _remove_tree(directory + _DELETED)
    for shard in shards:
        with contextlib.suppress(FileNotFoundError):
            sync_directory(shard)
    return freed


def _remove_tree(path: str) -> int:
    freed = 0
    if not os.path.exists(path):
        return 0
    try:
        with os.scandir(path) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                    continue
                freed += entry.stat(follow_symlinks=False).st_blocks * 512
                os.unlink(entry.path)
        os.rmdir(path)
    except OSError:
        # Another process removes it too, or it holds what this user may not remove; a later sweep tries again.
        shutil.rmtree(path, ignore_errors=True)
    return freed


def finish_removals(
    store: str, connection: sqlite3.Connection | None, tell: Callable[[str], object] | None = None
) -> None:
    """Finish what others were killed in; `tell` hears the name of each. Without a database, all that was to go goes."""
    directory = os.path.join(store, "removing")
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return
    for name in names:
        path = os.path.join(directory, name)
        try:
            lock = FileLock(path, create=False)
        except FileNotFoundError:
            continue
        with lock:
            if lock.take():
                discard(store, _without_row(connection, _written_down(lock)))
                if tell is not None:
                    tell(name)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)


def _written_down(lock: FileLock) -> list[int]:
    # Of the open file: by its name it may be gone, when another has just finished it.
    with open(lock.fileno(), "rb", closefd=False) as file:
        try:
            return [int(id) for id in json.loads(file.read() or b"[]")]
        except (ValueError, TypeError):
            # Cut short: then nothing of it was begun.
            return []


def _without_row(connection: sqlite3.Connection | None, ids: list[int]) -> list[int]:
    if connection is None:
        return ids
    return [id for id in ids if connection.execute("SELECT 1 FROM job WHERE id = ?", (id,)).fetchone() is None]


def sweep(store: str, newest: int, go_on: Callable[[], bool]) -> int:
    """Remove what crashes and power losses have left of removed jobs, and shards that nobody will need again; bytes.

    `newest` is the last number drawn: shards near it get new directories.
    """
    root = os.path.join(store, "jobs")
    freed = 0
    for shard in numbers_in(root):
        path = os.path.join(root, str(shard))
        if not go_on():
            break
        try:
            names = os.listdir(path)
        except (FileNotFoundError, NotADirectoryError):
            # Another one swept it, or somebody put a file there.
            continue
        left = [name for name in names if re.fullmatch(rf"\d+{re.escape(_DELETED)}", name)]
        for name in left:
            freed += _remove_tree(os.path.join(path, name))
        if len(left) == len(names) and (shard + 2) * SHARD < newest:
            with contextlib.suppress(OSError):
                os.rmdir(path)
    return freed
