"""A PowerShell script's param block and help, read by PowerShell's own parser without running the script.

One short run of the environment's own pwsh reads a script (`powershell_interface.ps1`); what it says is kept in a file
named by the script's content, so that the next job of the same script starts no pwsh for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from typing import Any

from core.params.interface import Interface, Unread
from core.service import Parameter

_READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "powershell_interface.ps1")
#: seconds that the parser may take; it needs less than one
_PATIENCE = 30.0
#: what every advanced script takes besides its own
_COMMON = (
    "Verbose", "Debug", "ErrorAction", "WarningAction", "InformationAction", "ProgressAction", "ErrorVariable",
    "WarningVariable", "InformationVariable", "OutVariable", "OutBuffer", "PipelineVariable", "vb", "db", "ea", "wa",
    "infa", "proga", "ev", "wv", "iv", "ov", "ob", "pv",
)  # fmt: skip
_SHOULD_PROCESS = ("WhatIf", "Confirm", "wi", "cf")
#: what .NET's and Python's expressions do not share, or read differently
_FOREIGN = re.compile(r"\\[pPGzZkcex0-9<uQEAaXRK]|\(\?(?![:=!]|<[=!])|\[[^\]]*-\[|\[\[|[*+?}]\+|&&|--|~~|\|\|")
_NOTHING = Interface(style="none", open=True)


#: what was found out lately, also where it could not be kept: path -> when (monotonic), what was told or None
_LATELY: dict[str, tuple[float, dict[str, Any] | None]] = {}
_LATELY_SECONDS = 60.0
_MOST_LATELY = 32


def read_anew(content: bytes, program: str, path: str) -> None:
    """Have PowerShell read a script, for `read_powershell` to find: a second's work or less."""
    told = _ask(content, program)
    if told is not None:
        _keep(path, told)
    while len(_LATELY) >= _MOST_LATELY:
        _LATELY.pop(next(iter(_LATELY)), None)
    _LATELY[path] = (time.monotonic(), told)


def read_powershell(content: bytes, program: str, cache: str) -> Interface:
    """What a script asks for. `program` is the environment's pwsh, `cache` a directory for what was found.

    Where the script cannot be parsed, or there is no pwsh that could, the interface is unknown ("none", open): any
    parameters pass, and PowerShell itself says what is wrong with them. Raises Unread for a script that is new.
    """
    path = _cached(content, program, cache)
    if path is None:
        return _NOTHING
    when, told = _LATELY.get(path, (0.0, None))
    if when and time.monotonic() - when < _LATELY_SECONDS:
        return _NOTHING if told is None else interface(told)
    with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
        return interface(json.load(file))
    raise Unread(content, program, path)


def interface(told: dict[str, Any]) -> Interface:
    """The interface of what the reader told."""
    if "error" in told or not told.get("block"):
        description = _description(told)
        return Interface(description=description, style="none", open=True)
    rows = [row for row in told["parameters"] if not row.get("hidden")]
    sets = {one["name"] for row in rows for one in row["sets"] if one["name"]}
    accepted = [alias for row in told["parameters"] for alias in row["aliases"]]
    accepted += [row["name"] for row in told["parameters"] if row.get("hidden")]
    if told["advanced"]:
        accepted += _COMMON
    if told["should_process"]:
        accepted += _SHOULD_PROCESS
    return Interface(
        tuple(_parameter(row, sets) for row in rows),
        _description(told),
        "param",
        open=bool(told["dynamic"]),
        accepted=tuple(accepted),
        untyped=tuple(row["name"] for row in rows if not row["typed"] or row.get("any") or row.get("unknown")),
    )


def _description(told: dict[str, Any]) -> str:
    parts = [told.get("synopsis") or "", told.get("description") or ""]
    return "\n\n".join(part for part in parts if part)


def _parameter(row: dict[str, Any], sets: set[str]) -> Parameter:
    own = [one["name"] for one in row["sets"] if one["name"]]
    minimum, maximum = row["minimum"], row["maximum"]
    if row.get("range") in ("Positive", "NonNegative"):
        minimum = 1 if row["range"] == "Positive" and row["type"] == "integer" else 0
    elif row.get("range") in ("Negative", "NonPositive"):
        maximum = -1 if row["range"] == "Negative" and row["type"] == "integer" else 0
    kind = row["type"]
    if kind == "object" and row.get("unknown"):
        kind = "string"
    return Parameter(
        row["name"],
        kind,
        mandatory=_mandatory(row["sets"], sets),
        default=_default(row, kind),
        choices=tuple(row["choices"] or ()),
        help=" ".join(row["help"].split()),
        display_name=row["display"],
        minimum=_bound(minimum),
        maximum=_bound(maximum),
        pattern=python_pattern(row.get("pattern") or ""),
        item_type=row["item"] if kind == "list" else "string",
        parameter_set=", ".join(own),
    )


def _mandatory(own: list[dict[str, Any]], sets: set[str]) -> bool:
    """Whether it must be given whichever parameter set is used."""
    if any(one["mandatory"] and not one["name"] for one in own):
        return True
    return bool(sets) and {one["name"] for one in own if one["mandatory"]} == sets


def _default(row: dict[str, Any], kind: str) -> Any:
    """The default, where it is written in the script as a value of the type."""
    value = row.get("default")
    if value is None or kind in ("secret", "credential"):
        return None
    if kind == "list":
        return value if isinstance(value, list) else [value]
    if kind in ("integer", "number"):
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind in ("boolean", "switch"):
        return value if isinstance(value, bool) else None
    if kind == "object":
        return value if isinstance(value, dict) else None
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, int | float) else None


def _bound(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def python_pattern(pattern: str) -> str:
    """A ValidatePattern for a check of the whole text; "" where Python might read it otherwise than .NET.

    PowerShell looks for the pattern anywhere in the text, in any case.
    """
    if not pattern or _FOREIGN.search(pattern):
        return ""
    whole = pattern
    if not (pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith(r"\$") and "|" not in pattern):
        whole = f"[\\s\\S]*(?:{pattern})[\\s\\S]*"
    if re.search("[A-Za-z]", re.sub(r"\\.", "", pattern)):
        whole = f"(?i){whole}"
    try:
        re.compile(whole)
    except re.error:
        return ""
    return whole


def _cached(content: bytes, program: str, cache: str) -> str | None:
    """The file for what a program says of a content; None when there is no such program."""
    try:
        state = os.stat(program)
        reader = os.stat(_READER)
    except OSError:
        return None
    who = f"{os.path.realpath(program)}:{state.st_size}:{state.st_mtime_ns}:{reader.st_size}:{reader.st_mtime_ns}"
    name = hashlib.sha256(content).hexdigest()
    return os.path.join(cache, name[:2], f"{name}-{hashlib.sha256(who.encode()).hexdigest()[:12]}.json")


def _ask(content: bytes, program: str) -> dict[str, Any] | None:
    """What the program says; None when it cannot."""
    variables = dict(os.environ) | {
        "POWERSHELL_TELEMETRY_OPTOUT": "1",
        "POWERSHELL_UPDATECHECK": "Off",
        "NO_COLOR": "1",
    }
    with tempfile.NamedTemporaryFile(suffix=".ps1", prefix="jobdeck-") as file:
        file.write(content)
        file.flush()
        try:
            done = subprocess.run(
                [program, "-NoLogo", "-NoProfile", "-NonInteractive", "-File", _READER, file.name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                env=variables,
                cwd="/",
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _keep(path: str, told: dict[str, Any]) -> None:
    """Write it whole or not at all; a full disk is no reason not to run."""
    with contextlib.suppress(OSError):
        # for nobody else: a script's defaults may say what is no business of others
        directory = os.path.dirname(path)
        os.makedirs(os.path.dirname(directory), mode=0o700, exist_ok=True)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        new = f"{path}.{os.getpid()}.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(told, file)
        os.replace(new, path)
