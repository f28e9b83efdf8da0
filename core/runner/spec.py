"""What was asked for (spec.json), made into what is executed: script, command line, environment."""

from __future__ import annotations

import json
import os
import sys

try:
    # the bare algorithms: hashlib would load all of OpenSSL into every runner
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,no-redef,unused-ignore]
    except ImportError:
        from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_RUNNER = os.path.dirname(os.path.abspath(__file__))
_CORE = os.path.dirname(_RUNNER)
HELPERS = os.path.join(_RUNNER, "bin")
PYTHON_MODULES = os.path.join(_CORE, "python")
POWERSHELL_MODULES = os.path.join(_CORE, "powershell")
_POWERSHELL_QUIET = {
    "POWERSHELL_TELEMETRY_OPTOUT": "1", "POWERSHELL_UPDATECHECK": "Off", "POWERSHELL_DIAGNOSTICS_OPTOUT": "1",
    "TERM": "xterm-256color",
}  # fmt: skip
PYTHON_MAIN = os.path.join(PYTHON_MODULES, "jobdeck_main.py")

CHANGED = "The script changed after it was submitted: the stored copy ran."
#: set per job, so never taken over from the job or engine that this one was started by
OWN = (
    "JOBDECK_JOB_ID", "JOBDECK_RUN", "JOBDECK_CHANNEL", "JOBDECK_SCRIPT", "JOBDECK_SCRIPT_ID", "JOBDECK_SCRIPT_PATH",
    "JOBDECK_SCRIPT_CONTENT", "JOBDECK_IDENTITY", "JOBDECK_STORE", "JOBDECK_PYTHON", "JOBDECK_ROLE",
)  # fmt: skip


class Launch:
    """All that the main process is started with."""

    __slots__ = ("argv", "content", "cwd", "environment", "limits", "remarks", "script", "umask")

    def __init__(
        self,
        argv: list[str],
        environment: dict[str, str],
        cwd: str,
        umask: int,
        limits: Mapping[str, list[int]],
        remarks: list[str],
        script: str = "",
        content: str = "",
    ) -> None:
        self.argv = argv
        #: the script's path, and that of the file with what it holds: its own, or a stored copy's
        self.script = script
        self.content = content
        self.environment = environment
        self.cwd = cwd
        self.umask = umask
        self.limits = limits
        self.remarks = remarks


def log_file(directory: str) -> str:
    """The log of the data directory in which jobs/S/ID is `directory`."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(directory))), "log", "jobdeck.log")


def read_spec(directory: str) -> dict[str, Any]:
    """spec.json of a job's directory. Raises OSError, ValueError."""
    with open(os.path.join(directory, "spec.json"), "rb") as file:
        spec: dict[str, Any] = json.load(file)
    return spec


def read_secrets(fd: int) -> dict[str, str]:
    """The secrets' names and clear values, from the descriptor that the starter gave; closes it."""
    with open(fd, "rb") as file:
        secrets: dict[str, str] = json.loads(file.read() or b"{}")
    return secrets


def _unchanged(path: str, wanted: str) -> bool:
    digest = sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(1 << 18):
                digest.update(block)
    except OSError:
        # gone, or not to be read any more: as good as changed
        return False
    return bool(digest.hexdigest() == wanted)


def launch(spec: dict[str, Any], secrets: Mapping[str, str], channel: str) -> Launch:
    """What to execute for `spec`: looks at the script's file as it is now."""
    script = spec["script"]
    original = script.get("path") or ""
    path = original
    remarks = []
    if script.get("hash") and spec.get("copy") and not _unchanged(original, script["hash"]):
        path = spec["copy"]
        remarks.append(CHANGED)
    environment = _environment(spec, secrets, channel, original)
    if spec["kind"] == "python":
        tail = (spec.get("python") or {}).get("argv_tail") or []
        argv = [*spec["argv"], PYTHON_MAIN, original, *tail]
        environment["JOBDECK_SCRIPT_CONTENT"] = path
        environment["JOBDECK_PYTHON_STYLE"] = json.dumps(spec.get("python") or {})
    elif spec["kind"] == "powershell":
        argv = spec["argv"]
        environment = powershell_environment(environment)
    else:
        argv = [part.replace("{scriptPath}", path) for part in spec["argv"]]
    return Launch(argv, environment, spec["cwd"], spec["umask"], spec.get("limits") or {}, remarks, original, path)


def powershell_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with those that PowerShell is started with besides."""
    modules = variables.get("PSModulePath")
    path = POWERSHELL_MODULES + (os.pathsep + modules if modules else "")
    return {**_POWERSHELL_QUIET, **variables, "PSModulePath": path}


def _environment(spec: dict[str, Any], secrets: Mapping[str, str], channel: str, original: str) -> dict[str, str]:
    environment = {name: value for name, value in spec["variables"].items() if name not in OWN}
    for name in spec.get("secrets_in_environment") or ():
        if name in secrets:
            environment[name] = secrets[name]
    environment["PATH"] = HELPERS + os.pathsep + environment.get("PATH", os.defpath)
    modules = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = PYTHON_MODULES + (os.pathsep + modules if modules else "")
    script = spec["script"]
    environment.update(
        JOBDECK_JOB_ID=str(spec["id"]),
        JOBDECK_RUN=spec["run_id"],
        JOBDECK_CHANNEL=channel,
        JOBDECK_SCRIPT=script.get("name") or "",
        JOBDECK_SCRIPT_ID=str(script.get("id") or ""),
        JOBDECK_SCRIPT_PATH=original,
        JOBDECK_IDENTITY=spec.get("identity") or "",
        JOBDECK_STORE=spec.get("store") or "",
        JOBDECK_PYTHON=sys.executable,
    )
    return environment
