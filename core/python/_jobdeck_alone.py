"""What the module does when a script runs by hand: it prints, and asks at the terminal."""

from __future__ import annotations

import json
import os
import sys

from _jobdeck_channel import JobdeckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    Choice = Tuple[str, str, str]


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


def read_choices(choices: Sequence[Any]) -> List[Choice]:
    """[(label, hotkey, help)] of choices as a script gives them: texts or objects, & before the hotkey."""
    result = []
    for choice in choices:
        given = choice if isinstance(choice, dict) else {"label": choice}
        label = str(given.get("label") or "")
        before, mark, behind = label.partition("&")
        result.append((before + behind, behind[:1] if mark else "", str(given.get("help") or "")))
    return result


def match(choices: Sequence[Choice], text: str) -> Optional[str]:
    """The label that `text` means: a label or hotkey in any case, or an index from 0; None when it means none."""
    wanted = text.strip().casefold()
    for position in (0, 1):
        for choice in choices:
            if choice[position] and choice[position].casefold() == wanted:
                return choice[0]
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(choices):
        return choices[int(wanted)][0]
    return None


def ask(message: str, secret: bool, choices: Sequence[Any], default: Optional[str]) -> str:
    """Ask at the terminal, or of standard input where there is none; again until one of the choices comes."""
    allowed = read_choices(choices) if choices else None
    prompt = message
    if allowed:
        prompt += " [%s]" % ", ".join("%s (%s)" % (c[0], c[1]) if c[1] else c[0] for c in allowed)
    if default is not None and not secret:
        prompt += " (%s)" % default
    prompt = prompt.rstrip() + ("" if prompt.rstrip().endswith(("?", ":")) else ":") + " "
    while True:
        sys.stdout.flush()
        try:
            text = _read(prompt, secret)
        except EOFError:
            raise JobdeckError("There is nobody to answer '%s': standard input has ended." % message) from None
        if not text and default is not None:
            text = default
        if not allowed:
            return text
        label = match(allowed, text)
        if label is not None:
            return label
        print("Answer with one of: %s." % ", ".join(c[0] for c in allowed), file=sys.stderr, flush=True)


def _read(prompt: str, secret: bool) -> str:
    if secret and sys.stdin is not None and sys.stdin.isatty():
        import getpass

        return getpass.getpass(prompt, stream=sys.stderr)
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline() if sys.stdin is not None else ""
    if not line:
        raise EOFError
    return line.rstrip("\n")


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
