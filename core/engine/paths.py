"""Where things lie in the data directory."""

from __future__ import annotations

import os
import threading

SHARD = 1000


def job_directory(store: str, id: int) -> str:
    """The directory of one job."""
    return os.path.join(store, "jobs", str(id // SHARD), str(id))


def content_copy(store: str, content_hash: str) -> str:
    """The stored copy of a script's content."""
    return os.path.join(store, "content", content_hash[:2], content_hash)


def write_whole(path: str, data: bytes, *, sync: bool = True) -> None:
    """Put a file in place so that it is there whole or not at all. Raises OSError."""
    # Several threads may put the same file in place at once, each under a name of its own.
    temporary = f"{path}.{os.getpid()}-{threading.get_ident()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if sync:
        sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make what was created or renamed in a directory survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def job_directories(store: str, above: int = 0) -> list[int]:
    """The ids of all jobs that have a directory, ascending; those above `above` only."""
    root = os.path.join(store, "jobs")
    shards = [shard for shard in numbers_in(root) if shard >= above // SHARD]
    return sorted(id for shard in shards for id in numbers_in(os.path.join(root, str(shard))) if id > above)


def numbers_in(path: str) -> list[int]:
    """The numbers that name entries of a directory, ascending; none where it is no directory, or is one no longer."""
    try:
        names = os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())
