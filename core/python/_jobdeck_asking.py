"""Questions of a script that runs by hand: asked at the terminal, or of standard input where there is none."""

from __future__ import annotations

import json
import sys

from _jobdeck_channel import JobdeckError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

    Choice = Tuple[str, str, str]

_TRUTH = ("true", "yes", "on", "1", "y", "$true", "false", "no", "off", "0", "n", "$false")
_SECRET = ("secret", "credential")


def ask(question: Dict[str, Any]) -> Union[str, List[str], Dict[str, str]]:
    """The answer to a question as it would be sent to the job; asked again until one comes that is allowed.

    A text; with "fields" a dict of texts; with "multiple" a list of labels. Raises JobdeckError when input has ended.
    """
    message, caption = question["message"], question.get("caption")
    if caption:
        _say(caption)
    if question.get("fields"):
        if message:
            _say(message)
        return dict(_field(field) for field in question["fields"])
    allowed = read_choices(question["choices"]) if question["choices"] else None
    several = bool(question.get("multiple"))
    default = question["default"]
    if isinstance(default, list):
        labels = [c[0] for c in allowed or ()]
        default = ", ".join(
            labels[each] if isinstance(each, int) and each < len(labels) else str(each) for each in default
        )
    prompt = message
    if allowed:
        prompt += " [%s]" % ", ".join("%s (%s)" % (c[0], c[1]) if c[1] else c[0] for c in allowed)
    while True:
        text = _line(prompt, default, question["secret"])
        if not allowed:
            return text
        if several:
            chosen = match_several(allowed, text)
            if chosen is not None:
                return chosen
        else:
            label = match(allowed, text)
            if label is not None:
                return label
        how = "some of, separated by commas" if several else "one of"
        _say("Answer with %s: %s." % (how, ", ".join(c[0] for c in allowed)))


def _field(given: Any) -> Tuple[str, str]:
    """One field's name and the text that was given for it."""
    field = given if isinstance(given, dict) else {"name": given}
    name = str(field.get("name") or "")
    if not name:
        raise ValueError("Each of the fields must be a name or an object with a name.")
    kind, default = field.get("type") or "string", field.get("default")
    if default is not None and not isinstance(default, str):
        default = json.dumps(default)
    prompt = str(field.get("label") or name)
    if field.get("help"):
        prompt += " [%s]" % field["help"]
    while True:
        text = _line(prompt, default, kind in _SECRET)
        problem = wrong(kind, text) if text else ""
        if problem:
            _say("%s must be %s." % (name, problem))
        elif text or not field.get("mandatory"):
            return name, text
        else:
            _say("%s needs a value." % name)


def wrong(kind: str, text: str) -> str:
    """What `text` must be to be of this type, as words; "" when it is."""
    try:
        if kind == "integer":
            int(text)
        elif kind == "number" and float(text) - float(text) != 0:
            # endless, or no number at all
            return "a number"
        elif kind == "object":
            json.loads(text)
    except (ValueError, RecursionError):
        return {"integer": "a whole number", "number": "a number"}.get(kind, "JSON")
    if kind in ("boolean", "switch") and text.strip().casefold() not in _TRUTH:
        return "true or false"
    return ""


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


def match_several(choices: Sequence[Choice], text: str) -> Optional[List[str]]:
    """The labels that `text` means, separated by commas, each once and in order; None when a part means none."""
    whole = match(choices, text)
    if whole is not None:
        return [whole]
    chosen = [match(choices, part) for part in text.split(",") if part.strip()]
    return None if None in chosen else [choice[0] for choice in choices if choice[0] in chosen]


def _line(prompt: str, default: Optional[str], secret: bool) -> str:
    """What is typed, or the default when nothing is."""
    shown = prompt
    if default is not None and not secret:
        shown += " (%s)" % default
    shown = shown.rstrip() + ("" if shown.rstrip().endswith(("?", ":")) else ":") + " "
    sys.stdout.flush()
    try:
        text = _read(shown, secret)
    except EOFError:
        raise JobdeckError("There is nobody to answer '%s': standard input has ended." % prompt) from None
    return default if not text and default is not None else text


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


def _say(text: str) -> None:
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
