"""The token of a job's own: computed from the store's key whenever somebody asks for it, and kept nowhere."""

from __future__ import annotations

import os

#: what every token of jobdeck begins with
PREFIX = "jobdeck_"
JOB_PREFIX = PREFIX + "job_"
KEY_BYTES = 32


def store_key(store: str) -> bytes:
    """The store's key, made at its first use. Raises OSError, ValueError when the file is damaged."""
    path = os.path.join(store, "key")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        pass
    else:
        try:
            os.write(descriptor, os.urandom(KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    with open(path, "rb") as file:
        key = file.read()
    if len(key) != KEY_BYTES:
        raise ValueError(f"The key file {path} is damaged: it must hold 32 bytes. Put it back from a backup.")
    return key


def job_token(store: str, id: int, run_id: str) -> str:
    """What a job's processes show to the service; good while the job is unfinished. Raises as `store_key`."""
    # Not at the top: it loads OpenSSL, and few jobs ask.
    import hmac

    mark = hmac.digest(store_key(store), f"job token {id} {run_id}".encode(), "sha256")
    return f"{JOB_PREFIX}{id}_{mark.hex()}"
