"""Whatever a script sends as its progress, the job ends and the store goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.engine.engine import Engine
from core.engine.outcome import columns_of_progress
from core.journal import format as journal
from core.journal.summary import Summary
from core.journal.text import record_text
from core.service import Record, RunRequest, Status
from tui import lines

SEND = """
import os, socket
channel = socket.socket(socket.AF_UNIX)
channel.connect(os.environ["JOBDECK_CHANNEL"])
channel.sendall(b'{"type": "progress", "ack": true, %s}' b"\\n")
print(channel.makefile().readline())
"""
LARGE = "1" + "0" * 400


@pytest.mark.parametrize(
    ("sent", "activity", "percent"),
    [
        (f'"activity": "a", "percent": {LARGE}, "seconds": {LARGE}', "a", None),
        (f'"activity": {LARGE}, "percent": 1e400', LARGE, None),
        (r'"activity": "half \\ud800", "percent": 7', "half ?", 7),
        ('"activity": "a", "percent": "abc", "seconds": true', "a", None),
    ],
)
async def test_any_progress_of_a_script(
    engine: Engine, scripts: Path, sent: str, activity: str, percent: float | None
) -> None:
    (scripts / "send.py").write_text(SEND % sent)
    job = await engine.wait((await engine.run(RunRequest(path=str(scripts / "send.py")))).id, 30)
    assert (job.status, job.activity, job.percent_complete) == (Status.Completed, activity, percent)
    assert job.seconds_remaining is None


@pytest.mark.parametrize("number", [10**400, float("inf"), float("nan"), "abc", True, [1]])
def test_a_journal_with_any_progress_has_columns(number: Any) -> None:
    summary = Summary()
    summary.progress = {"activity": 10**400, "status": "\ud800", "percent": number, "seconds": number}
    columns = columns_of_progress(summary)
    assert (columns["percent_complete"], columns["seconds_remaining"]) == (None, None)
    assert (columns["activity"], columns["status_description"]) == (LARGE, "?")


@pytest.mark.parametrize("stream", [journal.PROGRESS, journal.WARNING, journal.ERROR, journal.INFORMATION])
@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"percent": %s}' % LARGE.encode(), b'{"seconds": %s}' % LARGE.encode(), b"9" * 5000]
)
def test_any_record_is_told(stream: int, data: bytes) -> None:
    assert "\n" not in lines.message(Record(1, 0, stream, 0, data))
    assert record_text(stream, data).endswith(b"\n")
