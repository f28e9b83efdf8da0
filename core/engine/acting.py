"""What is asked of a running job: answer, cancel, input. The runner does it; any process may ask."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from core.runner.control import connect, request
from core.service import Conflict, Invalid, Job, NotFound, ServiceError, Status, Unavailable

from .outcome import lock_of, write_end
from .paths import write_whole

_DIAL_PAUSE = 0.02
_KINDS: dict[str, type[ServiceError]] = {"conflict": Conflict, "invalid": Invalid, "not_found": NotFound}


def answer_question(
    directory: str,
    job: Job,
    text: str | None,
    fields: Mapping[str, str] | None,
    feedback: int | None,
    by: str,
) -> None:
    """Answer a question. Raises Conflict when none is open, or when it is answered already; Invalid; Unavailable."""
    if job.status.finished:
        raise Conflict(f"Job {job.id} is finished ({job.status.name}); it asks nothing any more.")
    if text is None and not fields:
        raise Invalid("An answer needs a text, or the values of the question's fields.")
    message: dict[str, Any] = {"op": "answer", "feedback": feedback, "text": text, "by": by}
    if fields is not None:
        message["fields"] = dict(fields)
    try:
        reply = request(directory, message)
    except OSError as error:
        if job.status is Status.Queued:
            raise Conflict(f"Job {job.id} has not started yet; it asks nothing.") from error
        raise Unavailable(
            f"Job {job.id} cannot be reached to give it the answer: {str(error).rstrip('.')}. Try again."
        ) from error
    if "error" in reply:
        failure = reply["error"]
        raise _KINDS.get(failure.get("kind"), ServiceError)(failure["message"])


def cancel_job(directory: str, job: Job, by: str) -> dict[str, Any] | None:
    """Ask a job to end. A queued one is ended here: the columns of its row, else None.

    Raises Conflict when it has finished.
    """
    if job.status.finished:
        raise Conflict(f"Job {job.id} has finished already ({job.status.name}).")
    if job.status is Status.Queued:
        with lock_of(directory) as lock:
            if lock.take():
                return write_end(directory, job.id, Status.Canceled, f"Canceled by {by} before it started.")
    message = {"op": "cancel", "by": by}
    try:
        request(directory, message)
    except OSError:
        # The runner listens first, then looks for this file; so one of the two reaches it.
        import json

        write_whole(os.path.join(directory, "cancel"), json.dumps({"by": by}).encode())
        try:
            request(directory, message)
        except OSError:
            return None
    return None


async def feed_input(
    directory: str,
    chunks: AsyncIterator[bytes],
    look: Callable[[], Awaitable[Job]],
) -> None:
    """Carry chunks to the job's standard input, then its end. Ends early when the job does."""
    loop = asyncio.get_running_loop()
    connection = None
    while connection is None:
        try:
            connection = await asyncio.to_thread(connect, directory, 1.0)
        except OSError:
            if (await look()).status.finished:
                return
            await asyncio.sleep(_DIAL_PAUSE)
    with connection:
        connection.setblocking(False)
        try:
            await loop.sock_sendall(connection, b'{"op": "input"}\n')
            reply = await loop.sock_recv(connection, 4096)
            if b'"error"' in reply:
                raise Conflict("The job takes no input: it was not run with piped input, or somebody else feeds it.")
            async for chunk in chunks:
                if chunk:
                    await loop.sock_sendall(connection, len(chunk).to_bytes(4, "big") + chunk)
            await loop.sock_sendall(connection, bytes(4))
            # The runner closes when it has taken everything, or when the job is gone.
            while await loop.sock_recv(connection, 4096):
                pass
        except (BrokenPipeError, ConnectionResetError):
            # The job ended before it had read all: as in a pipeline, that is its own affair.
            return
