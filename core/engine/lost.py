"""Jobs whose runner is gone without a word: killed, crashed, or the computer was restarted.

Whoever takes the job's lock may write its end. A job that was claimed and never started goes back into the queue
instead; one that has a start record is never run again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

from core.runner.processes import boot_id, kill_tree
from core.service import Status

from .damage import Damaged, end_damaged
from .locks import FileLock
from .outcome import Progression, has_started, lock_of, read_end, read_mark, read_spec, write_end
from .rows import update_job

log = logging.getLogger("jobdeck.engine")


def _settle(directory: str, id: int) -> dict[str, Any] | None:
    """The columns of a job nobody holds the lock of; None when somebody does, or when it never started.

    Raises Damaged when its files tell nothing.
    """
    with _lock(directory) as lock:
        if not lock.take():
            return None
        try:
            columns = Progression(directory).read()
        except Damaged as error:
            return write_end(directory, id, Status.Failed, f"{error} What can be read of it is still shown.")
        if columns.get("ended") is not None:
            if not _has_end(directory):
                # The runner was killed between its last record and its last rename, or the power went soon after.
                return write_end(directory, id, Status(columns["status"]), columns["reason"])
            return columns
        mark = read_mark(directory)
        if not columns["state_seq"] and mark is None:
            return None
        spec = _spec(directory)
        start = Progression(directory).start_record() or mark or {}
        if start.get("boot_id") not in (None, boot_id()):
            return write_end(
                directory, id, Status.Failed, "runner lost: the computer was restarted while the job was running."
            )
        receipt = None
        if "run_id" in spec:
            receipt = kill_tree(spec["run_id"], session=(start.get("runner") or {}).get("process_id"), grace=0.0)
        return write_end(
            directory,
            id,
            Status.Failed,
            "runner lost: the process that owned the job was killed; what was left of the job was ended.",
            receipt=receipt,
        )


def _lock(directory: str) -> FileLock:
    try:
        return lock_of(directory)
    except FileNotFoundError as error:
        raise Damaged(f"The directory {directory} is gone.") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise Damaged(f"What {directory} holds of the job is damaged ({error.strerror}: lock).") from error


def _has_end(directory: str) -> bool:
    try:
        return read_end(directory) is not None
    except Damaged:
        return False


def _spec(directory: str) -> dict[str, Any]:
    """What was to be run: without it the job's processes are not found, but its end can be told."""
    try:
        return read_spec(directory) or {}
    except Damaged as error:
        log.warning("%s", error)
        return {}


def requeue_unstarted(connection: sqlite3.Connection, id: int, directory: str) -> bool:
    """Put a claimed job back into the queue when its starter is gone and nothing was started."""
    try:
        lock = lock_of(directory)
    except FileNotFoundError:
        return False
    with lock:
        if not lock.take() or has_started(directory):
            return False
        changed = connection.execute(
            "UPDATE job SET claim = NULL WHERE id = ? AND claim IS NOT NULL AND state_seq = 0 AND status = 0", (id,)
        )
        return changed.rowcount == 1


async def settle_lost(write: Any, directory: str, id: int) -> bool:
    """Bring a job without a runner to its end, or back into the queue. False when its lock is held by somebody.

    `write` is `Database.write`. Raises ServiceError, OSError.
    """
    try:
        columns = await asyncio.to_thread(_settle, directory, id)
    except Damaged as error:
        why = str(error)
        log.error("job %s: %s", id, why)
        return bool(await write(lambda connection: end_damaged(connection, id, directory, why)))
    if columns is not None:
        await write(lambda connection: update_job(connection, id, columns))
        return True
    return bool(
        await write(
            lambda connection: requeue_unstarted(connection, id, directory) or _end_emptied(connection, id, directory)
        )
    )


def _end_emptied(connection: sqlite3.Connection, id: int, directory: str) -> bool:
    """End a job whose row tells that it had started, and whose journal does not any more."""
    row = connection.execute("SELECT state_seq FROM job WHERE id = ? AND ended IS NULL", (id,)).fetchone()
    if row is None or not row[0]:
        return False
    with lock_of(directory) as lock:
        if not lock.take() or has_started(directory):
            return False
        log.error("job %s: the journal in %s does not tell of its start any more", id, directory)
        return end_damaged(connection, id, directory, f"What {directory} held of the job is gone.")
