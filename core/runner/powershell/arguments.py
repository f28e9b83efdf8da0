"""What a job's script gets: its parameters, the variables that tell of the job, preferences, the job's environment."""

from __future__ import annotations

import json

from core.runner.powershell.prompts import credential

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from core.runner.powershell.requests import Writer
    from core.runner.spec import Launch

_PREFERENCES = ("Verbose", "Debug", "Information", "Warning", "Progress")


def arguments(
    spec: Mapping[str, Any],
    secrets: Mapping[str, str],
    launch: Launch,
    process_id: int,
    writer: Writer,
    *,
    environment: Mapping[str, str] | None = None,
    warming: bool = False,
    tidy: bool = False,
) -> dict[str, str]:
    """The bootstrap's arguments as elements named "V". `environment`: what a warm PowerShell was started with.

    `warming`: this is no job but the warm-up, and with `tidy` its last round, which leaves nothing of it behind.
    """
    settings = spec.get("powershell") or {}
    params: dict[str, object] = {}
    clixml: dict[str, object] = {}
    secret: dict[str, object] = {}
    kinds = settings.get("secrets") or {}
    for name, value in (spec.get("parameters") or {}).items():
        document = _document(value)
        if name in secrets:
            document = _document(_json(secrets[name]))
            if document is None:
                secret[name] = _secret(kinds.get(name), secrets[name])
                continue
        if document is not None:
            clixml[name] = document
        elif value is not None:
            params[name] = value
    set_, unset = _changes(launch.environment, environment)
    options: dict[str, object] = {
        "copy": launch.content if launch.content != launch.script else None,
        "depth": int(settings.get("depth") or 2),
        "discard": bool(spec.get("discard_pipeline")),
        "directory": launch.cwd,
        "modules": list(settings.get("modules") or ()),
        "startup": settings.get("startup_script") or None,
        "preferences": preferences(spec),
        "clixml": clixml,
        "secret": secret,
        # one that was started for the job has it from its start
        "noinput": environment is not None and spec.get("stdin") == "none",
        "piped": spec.get("stdin") == "pipe",
        "set": set_,
        "unset": unset,
        "ready": environment is not None,
        "warming": warming,
        "tidy": tidy,
    }
    element = writer.value({**options, "variables": None}, "V")
    # records are written here: the variables' values are objects with properties, not tables
    variables = _variables(spec, process_id, writer)
    element = element.replace('<S N="Key">variables</S><Nil N="Value" />', f'<S N="Key">variables</S>{variables}', 1)
    return {"path": writer.value(launch.script, "V"), "params": writer.value(params, "V"), "options": element}


def preferences(spec: Mapping[str, Any]) -> dict[str, object]:
    """Preference variables by the first part of their names: "ErrorAction", "Verbose", …"""
    given = (spec.get("powershell") or {}).get("preferences") or {}
    by_name = {str(name).casefold().removesuffix("preference"): value for name, value in given.items()}
    chosen: dict[str, object] = {
        name: by_name[name.casefold()] for name in _PREFERENCES if by_name.get(name.casefold())
    }
    action = spec.get("error_action") or "Continue"
    # there is nobody to debug: it would wait for ever
    chosen["ErrorAction"] = "Continue" if action == "Break" else action
    return chosen


def _secret(kind: object, text: str) -> list[object]:
    """What PowerShell makes a SecureString of, or with a user name a PSCredential.

    Made there: for a SecureString on the wire a PowerShell before 7.6 would want keys exchanged before the job begins.
    """
    if kind != "credential":
        return [text]
    given = credential(text)
    return [given.password, given.user]


def _json(text: str) -> object:
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _document(value: object) -> str | None:
    """The document of a parameter that came as CLIXML."""
    if isinstance(value, dict) and set(value) == {"clixml"} and isinstance(value["clixml"], str):
        return value["clixml"]
    return None


def _changes(wanted: Mapping[str, str], started: Mapping[str, str] | None) -> tuple[dict[str, object], list[object]]:
    """What a PowerShell that was started with other variables must set and take away."""
    if started is None:
        return {}, []
    changed: dict[str, object] = {name: value for name, value in wanted.items() if started.get(name) != value}
    return changed, [name for name in started if name not in wanted]


def _variables(spec: Mapping[str, Any], process_id: int, writer: Writer) -> str:
    """`$UAJob`, `$PSUJob` and their kin, by the part of their names behind that, as one Hashtable named "Value"."""
    script = spec["script"]
    elements: list[str] = []

    def add(name: str, make: Any) -> None:
        elements.append(f'<En><S N="Key">{name}</S>{make("Value")}</En>')

    def whole(value: object) -> Any:
        return lambda name: f'<Nil N="{name}" />' if value is None else f'<I64 N="{name}">{value}</I64>'

    described = {
        "Id": script.get("id"), "Name": script.get("name"), "FullPath": script.get("path"),
        "Hash": script.get("hash"), "CommitId": script.get("git_commit"),
    }  # fmt: skip
    add("Script", lambda name: writer.record(described, name))
    add("ScriptId", whole(script.get("id")))
    add("JobId", whole(spec["id"]))
    add("Schedule", lambda name: writer.value(spec.get("schedule"), name))
    add("ScheduleId", whole(spec.get("schedule_id")))
    add("Job", lambda name: _job(spec, process_id, described, writer, name))
    return writer.instance(
        "<T>System.Collections.Hashtable</T><T>System.Object</T>", f"<DCT>{''.join(elements)}</DCT>", ' N="Value"'
    )


def _job(spec: Mapping[str, Any], process_id: int, script: dict[str, Any], writer: Writer, name: str) -> str:
    plain: dict[str, object] = {
        "RunId": spec.get("run_id"), "Status": "Running",
        "ScriptFullPath": spec["script"].get("path"), "ParentLineNumber": spec.get("parent_line_number"),
        "ComputerName": spec.get("computer_name"), "ProcessId": process_id, "Environment": spec.get("environment"),
        "ErrorAction": spec.get("error_action"), "Credential": None, "Schedule": spec.get("schedule"),
        "ScheduleId": spec.get("schedule_id"), "Trigger": None, "Triggered": False, "Source": spec.get("source"),
        "RetryCount": int(spec.get("attempt") or 1) - 1, "RerunOf": spec.get("rerun_of"),
        "Tags": list(spec.get("tags") or ()), "Notes": spec.get("notes") or "", "WorkingDirectory": spec.get("cwd"),
        "TimeOut": spec.get("timeout"), "Archived": False, "EndTime": None, "Activity": None,
        "Children": [], "MemoryBytes": None,
        "CurrentOperation": None, "StatusDescription": None, "PercentComplete": None, "SecondsRemaining": None,
        "Parameters": {
            key: None if isinstance(value, dict) else value for key, value in (spec.get("parameters") or {}).items()
        },
    }  # fmt: skip
    inner = [f'<I64 N="Id">{spec["id"]}</I64>']
    inner += [writer.value(value, key) for key, value in plain.items()]
    inner.append(writer.record({"Name": spec.get("identity") or ""}, "Identity"))
    inner.append(writer.record(script, "Script"))
    parent = spec.get("parent_job")
    inner.append('<Nil N="ParentJob" />' if parent is None else writer.record({"Id": parent}, "ParentJob"))
    for key, nanoseconds in (("CreatedTime", spec.get("created")), ("StartTime", None)):
        inner.append(f'<DT N="{key}">{_time(nanoseconds)}</DT>')
    types = "<T>System.Management.Automation.PSCustomObject</T><T>System.Object</T>"
    return writer.instance(types, f"<ToString>Job {spec['id']}</ToString><MS>{''.join(inner)}</MS>", f' N="{name}"')


def _time(nanoseconds: object) -> str:
    import time

    now = nanoseconds if isinstance(nanoseconds, int) else time.time_ns()
    seconds, rest = divmod(now, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 100:07d}Z"
