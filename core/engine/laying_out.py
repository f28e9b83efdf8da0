"""A job's directory before it starts: its spec, and the copy of the script that it will run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from core.service import Unavailable

from .paths import content_copy, job_directory, write_whole
from .secrets import seal

if TYPE_CHECKING:
    from .submit import Prepared


def keep_content(store: str, content: bytes, content_hash: str) -> str:
    """Keep one copy of a content for ever; its path. Raises Unavailable when the disk does not take it."""
    path = content_copy(store, content_hash)
    if not os.path.exists(path):
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise disk_trouble(error, path) from error
    return path


def disk_trouble(error: OSError, path: str) -> Unavailable:
    """A failed write as a sentence."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(f"The disk that holds {path} is full: free some space and try again. Nothing was started.")
    return Unavailable(f"{path} cannot be written: {error.strerror}. Nothing was started.")


def lay_out(store: str, id: int, prepared: Prepared) -> str:
    """Make the directory of job `id` with its spec.json.new; the directory.

    Raises Unavailable when the disk does not take it.
    """
    spec = prepared.spec
    spec["id"] = id
    spec["copy"] = keep_content(store, prepared.content, spec["script"]["hash"])
    spec["secrets"] = {name: seal(store, value, f"job:{id}:{name}") for name, value in prepared.secrets.items()}
    directory = job_directory(store, id)
    try:
        os.makedirs(directory, mode=0o700)
        descriptor = os.open(
            os.path.join(directory, "spec.json.new"), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
        )
        try:
            view = memoryview(json.dumps(spec).encode("ascii"))
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
    except OSError as error:
        raise disk_trouble(error, directory) from error
    return directory


def put_on_record(directory: str) -> None:
    """The job's row is committed: its spec counts from now on, and is on the disk itself when this returns.

    Syncing a file that was just made and renamed makes its name and its new directory last as well, on every local
    file system of Linux; what it needs is that the rename comes first.
    """
    path = os.path.join(directory, "spec.json")
    os.rename(path + ".new", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
