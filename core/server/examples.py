"""One example of everything, for the API's description: real data, encoded as the routes encode it."""

from __future__ import annotations

from typing import Any

from core import wire
from core.access import AppToken, AuditEntry, Caller, Role
from core.service import (
    Choice,
    Environment,
    ErrorRecord,
    Event,
    Feedback,
    Groomed,
    Hit,
    Job,
    Line,
    LinePage,
    Parameter,
    PipelineObject,
    Script,
    ScriptStatistics,
    ServiceStatus,
    Setting,
    Status,
    Usage,
)

_T = 1_795_500_000_123_456_700
_S = 1_000_000_000

_JOB = Job(
    id=17,
    run_id="6f1c1a0e-6d0c-4c0e-9a52-0f6b7f2c9f11",
    status=Status.Completed,
    script="backup.sh",
    script_id=7,
    script_path="/srv/scripts/backup.sh",
    content_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    environment="Bash",
    parameters={"target": "/backup"},
    identity="ci",
    computer_name="server1",
    process_id=4242,
    created=_T,
    started=_T + 3_000_000,
    ended=_T + 5 * _S,
    exit_code=0,
    working_directory="/srv/scripts",
    source="api",
    records=4,
    bytes=120,
)
_SCRIPT = Script(
    id=7, name="backup.sh", path="/srv/scripts/backup.sh", timeout=90.0, tags=("nightly",), created=_T, changed=_T
)
_TOKEN = AppToken(3, "ci", Role.Execute, "the build server", _T, _T + 365 * 86400 * _S, tags=("nightly",))

JOB: Any = wire.encode(_JOB)
PAGE: Any = {"page": [JOB], "total": 1, "more": False}
COUNTS: Any = {"Queued": 1, "Running": 2, "Completed": 40}
SCRIPT: Any = wire.encode(_SCRIPT)
PARAMETERS: Any = wire.encode([Parameter("target", mandatory=True, help="Where to"), Parameter("days", "integer")])
STATISTICS: Any = wire.encode([ScriptStatistics(7, 40, 39, 1, 17, Status.Completed, _T, 4.7)])
ENVIRONMENT: Any = wire.encode(Environment("Bash", "/usr/bin/bash", kind="command", version="5.2", found=True))
ADDED_ENVIRONMENT: Any = {"name": "Traced sh", "path": "/bin/sh", "arguments": ["-x", "{scriptPath}"]}
LINES: Any = wire.encode(LinePage((Line(0, _T, 1, b"copied 12 files", 2, 15),), 1))
HIT: Any = wire.encode(Hit(0, 7, 9, 2))
OBJECTS: Any = wire.encode([PipelineObject(5, _T, "json", b'{"files": 12}')])
PIPELINE_OUTPUT: Any = [
    {"jsonData": "12", "data": "<Objs …><I32>12</I32></Objs>", "timestamp": "2026-11-24T04:40:00.1234567Z"}
]
OUTPUT: Any = [{"type": 0, "message": "copied 12 files", "data": None, "timestamp": "2026-11-24T04:40:00.1234567Z"}]
LOG: Any = {"log": "copied 12 files\n"}
ERRORS: Any = wire.encode([ErrorRecord(_T, "no space left", "WriteError", record=9)])
FEEDBACK: Any = wire.encode([Feedback(1, 17, _T, "Go on?", choices=(Choice("Yes", "Y"), Choice("No", "N")))])
USAGE: Any = wire.encode(Usage(_T, 12.5, 9_437_184, 3))
SETTINGS: Any = wire.encode([Setting("max_running", 100, 100, minimum=1, maximum=1_000_000)])
STATUS: Any = wire.encode(
    ServiceStatus("0.1.0", "/data", "/data/config.toml", "/data/log/jobdeck.log", None, {"Running": 2}, 100)
)
GROOMED: Any = wire.encode(Groomed(120, 100, 20, 4_915_200, 1, 131))
TOKEN: Any = wire.encode(_TOKEN)
GRANTED: Any = TOKEN | {"token": "uat_shown-this-once"}
GRANT: Any = {"identity": "ci", "role": "Execute", "description": "the build server", "tags": ["nightly"]}
CALLER: Any = wire.encode(Caller("ci", Role.Execute, "127.0.0.1", 3))
AUDIT: Any = wire.encode([AuditEntry(_T, "ci", "Execute", "cancel", "job 17", "done", "127.0.0.1", 3)])
EVENT: Any = wire.encode(Event(1_795_500_000_123_456, "job", 17))
RUN: Any = {"script": 7, "parameters": {"target": "/backup"}}
JOB_CONTEXT: Any = {
    "JobParameters": [
        {
            "Name": "target",
            "Value": '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><S>/backup</S></Objs>',
        }
    ],
    "Environment": "Bash",
}
PLAIN: Any = {"parameters": {"target": "/backup"}}
