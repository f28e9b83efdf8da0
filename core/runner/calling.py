"""Calling for an engine: for a job that ended by its own clock, and may have started others."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def call_for_children(spec: dict[str, Any]) -> str | None:
    """Nobody asked for this job's end: where no engine leads, one is started, which ends what the job has started.

    A sentence when that fails.
    """
    from core.engine.leader import leader_alive
    from core.engine.local import call_engine

    store = spec.get("store")
    if not store or not spec.get("cancel_children", True):
        return None
    try:
        if not leader_alive(store):
            call_engine(os.path.join(store, "log", "jobdeck.log"))
    except OSError as error:
        return f"Jobs that this one started may go on: no engine could be started to end them ({error.strerror})."
    return None
