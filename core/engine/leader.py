"""Whether an engine leads a store, and which: asked by every look at it, so it loads next to nothing."""

from __future__ import annotations

import os
import time

from .locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

#: a leader that has not touched leader.lock for so many seconds is stopped or swapped out
STALE = 5.0


def leader_alive(store: str) -> bool:
    """Whether an engine leads this store and is not stopped."""
    path = os.path.join(store, "leader.lock")
    try:
        with FileLock(path, create=False) as lock:
            return lock.held_elsewhere() and time.time() - os.fstat(lock.fileno()).st_mtime < STALE
    except FileNotFoundError:
        return False


def leader_facts(connection: sqlite3.Connection, store: str) -> dict[str, Any] | None:
    """Who leads, for people; None when nobody does."""
    row = connection.execute("SELECT * FROM leader").fetchone()
    if row is None or not leader_alive(store):
        return None
    return {"engine": row["engine"], "process_id": row["process_id"], "since": row["since"]}
