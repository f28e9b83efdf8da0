"""Opening a store: the directory, its locks, its database, and what a restart of the computer may have cut off."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time

from core.config import Settings
from core.service import Unavailable

from .database import SCHEMA_VERSION, connect, connect_for_reading, create, explain, transaction
from .locks import FileLock
from .paths import job_directories

#: file systems on which neither SQLite's nor the jobs' locks can be trusted
_NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
    ]
)
_WAIT = 10.0


def open_store(settings: Settings) -> FileLock:
    """Make sure that a store is there and of our version; returns store.lock, held shared. Raises Unavailable."""
    store = settings.data_directory
    try:
        _directory(store)
        lock = _shared(store)
    except OSError as error:
        raise Unavailable(_trouble(error, store)) from error
    try:
        if not os.path.exists(settings.database):
            _create(settings)
    except BaseException:
        lock.close()
        raise
    return lock


def _trouble(error: OSError, store: str) -> str:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk that holds {store} is full: free some space and try again."
    if error.errno == errno.EROFS:
        return f"{store} is on a read-only file system; set JOBDECK_HOME to a directory that can be written."
    return f"The data directory {store} cannot be used: {error.strerror}. Check its permissions, or set JOBDECK_HOME."


def _directory(store: str) -> None:
    made = not os.path.isdir(store)
    if made:
        if os.path.lexists(store):
            raise Unavailable(f"The data directory {store} is not a directory. Move it away, or set JOBDECK_HOME.")
        os.makedirs(store, mode=0o700, exist_ok=True)
    owner = os.stat(store).st_uid
    if owner != os.geteuid():
        raise Unavailable(
            f"The data directory {store} belongs to user {owner}, not to you ({os.geteuid()}). Set JOBDECK_HOME to a "
            "directory of your own; two users cannot share one."
        )
    if made or not os.path.exists(os.path.join(store, "jobs")):
        kind = _file_system(store)
        if kind in _NETWORK:
            raise Unavailable(
                f"The data directory {store} is on a network file system ({kind}), where locks cannot be trusted. "
                "Set JOBDECK_HOME to a local directory."
            )
        for name in ("jobs", "content", "log"):
            os.makedirs(os.path.join(store, name), mode=0o700, exist_ok=True)


def _file_system(path: str) -> str:
    """The type of the file system a directory is on; "" where the system does not say."""
    real = os.path.realpath(path)
    best, kind = "", ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                before, _, after = line.partition(" - ")
                point = before.split()[4].replace("\\040", " ")
                inside = real == point or real.startswith(point.rstrip("/") + "/")
                if inside and len(point) >= len(best):
                    best, kind = point, after.split()[0]
    except OSError:
        return ""
    return kind


def _shared(store: str) -> FileLock:
    lock = FileLock(os.path.join(store, "store.lock"))
    deadline = time.monotonic() + _WAIT
    while not lock.take(shared=True):
        if time.monotonic() > deadline:
            lock.close()
            raise Unavailable(f"The store {store} is being rebuilt. Try again when that is done.")
        time.sleep(0.02)
    return lock


def _create(settings: Settings) -> None:
    """Make the database, one process at a time. A store that lost its database is told, not emptied."""
    store = settings.data_directory
    with FileLock(os.path.join(store, "store.lock"), byte=1) as creating:
        deadline = time.monotonic() + _WAIT
        while not creating.take():
            if time.monotonic() > deadline:
                raise Unavailable(f"Another process is making the store {store} and does not finish. Try again.")
            time.sleep(0.005)
        if os.path.exists(settings.database):
            return
        if job_directories(store) or os.path.exists(os.path.join(store, "snapshot.json")):
            raise Unavailable(
                f"The database {settings.database} is missing, but jobs are there. Run `jobdeck rebuild`: "
                "it is made again from the job directories."
            )
        temporary = settings.database + ".new"
        try:
            # Made beside and renamed: whoever finds the file finds the tables in it.
            create(temporary)
            os.rename(temporary, settings.database)
        except sqlite3.Error as error:
            raise explain(error, settings.database) from error
        except OSError as error:
            raise Unavailable(_trouble(error, store)) from error
        finally:
            for suffix in ("", "-wal", "-shm"):
                if os.path.exists(temporary + suffix):
                    os.unlink(temporary + suffix)


def note_boot(settings: Settings, boot: str) -> bool:
    """Remember the boot this store is used in; whether the computer was restarted since it was used last.

    A store of an older version is brought up to this one on the way.
    """
    try:
        with contextlib.closing(connect_for_reading(settings.database)) as connection:
            row = connection.execute("SELECT value FROM fact WHERE key = 'boot_id'").fetchone()
            behind = connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION
        if behind:
            from .migrations import bring_up_to_date

            bring_up_to_date(settings)
        if row and row[0] == boot:
            return False
        with (
            contextlib.closing(connect(settings.database)) as connection,
            transaction(connection, settings.lock_timeout),
        ):
            connection.execute("INSERT OR REPLACE INTO fact (key, value) VALUES ('boot_id', ?)", (boot,))
        return row is not None
    except sqlite3.Error as error:
        raise explain(error, settings.database) from error
