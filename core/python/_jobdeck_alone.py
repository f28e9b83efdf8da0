"""What the module does when a script runs by hand: it prints. How it asks: `_jobdeck_asking`."""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def show(value: Any) -> None:
    """An emitted object on stdout: text as it is, everything else as one line of JSON."""
    print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), flush=True)


def tell(kind: str, message: str) -> None:
    """A message on stderr; information, which is for everybody, on stdout."""
    if kind == "information":
        print(message, flush=True)
    else:
        sys.stdout.flush()
        print("%s: %s" % (kind, message), file=sys.stderr, flush=True)


def show_progress(message: Dict[str, Any]) -> None:
    """One progress record as one line on stderr."""
    parts = [str(message[key]) for key in ("activity", "operation", "status") if message.get(key)]
    line = ": ".join(parts) or "progress"
    if message.get("percent") is not None:
        line += " %.0f %%" % message["percent"]
    if message.get("seconds") is not None:
        line += ", %g s left" % message["seconds"]
    sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)


def describe_job() -> Dict[str, Dict[str, Any]]:
    """What the channel would say of job and script."""
    path = os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else ""
    job: Dict[str, Any] = {
        "id": None,
        "run_id": None,
        "identity": _user(),
        "script": os.path.basename(path),
        "parameters": {},
    }
    return {"job": job, "script": {"id": None, "name": os.path.basename(path), "path": path}}


def _user() -> str:
    for name in ("LOGNAME", "USER"):
        if os.environ.get(name):
            return os.environ[name]
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
