"""What PowerShell asks of its host, as questions of the job, and their answers as it wants them."""

from __future__ import annotations

import json

from core.runner.answers import items, truth, wrong
from core.runner.powershell import requests
from core.runner.powershell.requests import Credential, Secret, Writer
from core.runner.questions import Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.powershell.values import Value
    from core.runner.questions import Answer

READ_LINE, READ_SECURE_LINE, PROMPT = 11, 12, 23
CREDENTIAL, CREDENTIAL_2, CHOICE, READ_KEY, CHOICES = 24, 25, 26, 46, 56
METHODS = frozenset({READ_LINE, READ_SECURE_LINE, PROMPT, CREDENTIAL, CREDENTIAL_2, CHOICE, READ_KEY, CHOICES})

_TYPES = {
    "System.Security.SecureString": "secret",
    "System.Management.Automation.PSCredential": "credential",
    "System.Boolean": "boolean",
    "System.Management.Automation.SwitchParameter": "switch",
    "System.DateTime": "datetime",
    "System.DateTimeOffset": "datetime",
    "System.IO.FileInfo": "file",
    **dict.fromkeys((f"System.{sign}Int{size}" for sign in ("", "U") for size in (16, 32, 64)), "integer"),
    **dict.fromkeys(("System.Byte", "System.SByte", "System.Numerics.BigInteger"), "integer"),
    **dict.fromkeys(("System.Single", "System.Double", "System.Decimal"), "number"),
}
#: the least and the greatest value of whole numbers that have some
_LIMITS = {
    **{f"System.Int{size}": (-(1 << size - 1), (1 << size - 1) - 1) for size in (16, 32, 64)},
    **{f"System.UInt{size}": (0, (1 << size) - 1) for size in (16, 32, 64)},
    "System.Byte": (0, 255),
    "System.SByte": (-128, 127),
}
#: those whose values are sent as SecureStrings
SECRETS = frozenset({"secret", "credential"})
#: names of keys that are no character: virtual key code and character
_KEYS = {
    "": (13, 13), "enter": (13, 13), "return": (13, 13), "tab": (9, 9), "escape": (27, 27), "esc": (27, 27),
    "space": (32, 32), "backspace": (8, 8), "delete": (46, 0), "insert": (45, 0), "home": (36, 0), "end": (35, 0),
    "pageup": (33, 0), "pagedown": (34, 0), "left": (37, 0), "up": (38, 0), "right": (39, 0), "down": (40, 0),
    **{f"f{number}": (111 + number, 0) for number in range(1, 13)},
}  # fmt: skip
_NUMBERS = (
    "<T>System.Collections.ObjectModel.Collection`1[[System.Int32, System.Private.CoreLib]]</T><T>System.Object</T>"
)


def question(
    call: int,
    method: int,
    arguments: list[Value],
    line: str,
    respond: Callable[[bytes], None],
    secure: Callable[[str], str],
) -> Question:
    """The question of one host call. `line`: what stands unfinished on the console; `respond` sends the answer.

    `secure`: as of a Writer. An answer that never comes is a refusal, which the script can catch.
    """
    asked, form = _ASK[method](arguments, line)

    def reply(answer: Answer | None, error: str | None) -> None:
        if answer is None:
            respond(requests.refusal(call, method, error or "The question was cancelled."))
            return
        writer = Writer(secure)
        respond(requests.answer(call, method, form(answer, writer), writer))

    asked.reply = reply
    return asked


def is_secret(method: int, arguments: list[Value]) -> bool:
    """Whether the answer holds a SecureString."""
    if method in (READ_SECURE_LINE, CREDENTIAL, CREDENTIAL_2):
        return True
    if method != PROMPT or len(arguments) < 3:
        return False
    return any(not SECRETS.isdisjoint(_kind(each["parameterTypeFullName"].word())) for each in arguments[2])


def _unanswered(_answer: Answer | None, _error: str | None) -> None:
    """Stands in until the question has its reply."""


def _line(_arguments: list[Value], line: str) -> tuple[Question, Any]:
    return Question(line, _unanswered), lambda answer, writer: writer.value(str(answer), "mr")


def _secure_line(_arguments: list[Value], line: str) -> tuple[Question, Any]:
    asked = Question(line, _unanswered, secret=True)
    return asked, lambda answer, writer: writer.value(Secret(answer), "mr")


def _key(_arguments: list[Value], line: str) -> tuple[Question, Any]:
    def form(answer: Answer, writer: Writer) -> str:
        text = str(answer)
        code, character = _KEYS.get(text.strip().casefold(), (0, 0)) if len(text) != 1 else (0, 0)
        if not code:
            character = ord(text[0]) if ord(text[0]) <= 0xFFFF else 0xFFFD
            upper = text[0].upper()
            code = ord(upper) if upper.isascii() and upper.isalnum() else 0
        return (
            f'<Obj N="mr" RefId="{writer.ref()}"><MS><I32 N="virtualKeyCode">{code}</I32>'
            f'<C N="character">{character}</C><I32 N="controlKeyState">0</I32><B N="keyDown">true</B></MS></Obj>'
        )

    return Question(line or "Press a key", _unanswered), form


def _choice(arguments: list[Value], _line: str) -> tuple[Question, Any]:
    asked = _of_choices(arguments)
    default = arguments[3].number(-1)
    if asked.choices and 0 <= default < len(asked.choices):
        asked.default = asked.choices[default]["label"]
    return asked, lambda _answer, writer: writer.value(asked.chosen[0], "mr")


def _choices(arguments: list[Value], _line: str) -> tuple[Question, Any]:
    asked = _of_choices(arguments)
    asked.multiple = True
    labels = asked.choices or []
    # an array comes as its elements and their count
    defaults = [each.number(-1) for each in arguments[3]["mae"]]
    asked.default = ", ".join(labels[each]["label"] for each in defaults if 0 <= each < len(labels))

    def form(_answer: Answer, writer: Writer) -> str:
        content = "".join(f"<I32>{number}</I32>" for number in asked.chosen)
        return writer.instance(_NUMBERS, f"<LST>{content}</LST>", ' N="mr"')

    return asked, form


def _of_choices(arguments: list[Value]) -> Question:
    choices = []
    for number, value in enumerate(arguments[2]):
        before, _, behind = value["label"].word().partition("&")
        choices.append(
            {"label": before + behind or str(number), "hotkey": behind[:1], "help": value["helpMessage"].word()}
        )
    if not choices:
        raise ValueError("there is nothing to choose from")
    return Question(arguments[1].word(), _unanswered, caption=arguments[0].word(), choices=choices)


def _credential(arguments: list[Value], _line: str) -> tuple[Question, Any]:
    user = arguments[2].word()
    fields = [
        _field("UserName", "string", mandatory=True, label="User name", default=user or None),
        _field("Password", "secret", label="Password"),
    ]
    asked = Question(arguments[1].word(), _unanswered, caption=arguments[0].word(), fields=fields)

    def form(answer: Answer, writer: Writer) -> str:
        assert isinstance(answer, dict)
        return writer.value(Credential(answer["UserName"], answer["Password"]), "mr")

    return asked, form


def _prompt(arguments: list[Value], _line: str) -> tuple[Question, Any]:
    caption, message = arguments[0].word(), arguments[1].word()
    described = list(arguments[2])
    if len(described) == 1 and not caption and not message and not described[0]["label"].word():
        kind, _item = _kind(described[0]["parameterTypeFullName"].word())
        if kind in ("string", "secret"):
            return _read_host(described[0]["name"].word(), secret=kind == "secret")
    names = {value["name"].word().casefold() for value in described}
    if len(names) < len(described):
        raise ValueError("two fields have one name")
    kinds: dict[str, tuple[str, str]] = {}
    lists: dict[str, str] = {}
    fields = []
    for value in described:
        name = value["name"].word()
        kind, item = _kind(value["parameterTypeFullName"].word())
        kinds[name] = kind, item
        if kind == "list" and item in SECRETS:
            # typed as a list, but nobody may see it
            lists[name], kind = item, "secret"
        default = value["defaultValue"]
        fields.append(
            _field(
                name,
                kind,
                mandatory=value["isMandatory"].true() and kind not in ("secret", "list"),
                label=value["label"].word().replace("&", "", 1),
                help=value["helpMessage"].word(),
                default=None if default.nothing or kind in SECRETS else default.word(),
            )
        )
    asked = Question(message, _unanswered, caption=caption, fields=fields)
    asked.lists = lists
    types = {value["name"].word(): value["parameterTypeFullName"].word().removesuffix("[]") for value in described}
    asked.check = lambda answer: " ".join(filter(None, (_misfit(n, *kinds[n], types[n], t) for n, t in answer.items())))

    def form(answer: Answer, writer: Writer) -> str:
        assert isinstance(answer, dict)
        return writer.value({name: _typed(*kinds[name], text) for name, text in answer.items()}, "mr")

    return asked, form


def _read_host(name: str, *, secret: bool) -> tuple[Question, Any]:
    """`Read-Host TEXT` comes as a prompt for one field that is called TEXT."""

    def form(answer: Answer, writer: Writer) -> str:
        return writer.value({name: Secret(answer) if secret else str(answer)}, "mr")

    return Question(name, _unanswered, secret=secret), form


def _field(
    name: str,
    kind: str,
    *,
    mandatory: bool = False,
    label: str = "",
    help: str = "",
    default: str | None = None,
) -> dict[str, Any]:
    return {"name": name, "type": kind, "mandatory": mandatory, "default": default, "help": help, "label": label}


def _kind(type_name: str) -> tuple[str, str]:
    """The field's type, and that of its items where it is a list."""
    if type_name.endswith("[]") and type_name != "System.Char[]":
        return "list", _TYPES.get(type_name[:-2], "string")
    return _TYPES.get(type_name, "string"), "string"


def _misfit(name: str, kind: str, item: str, type_name: str, text: str) -> str:
    """What of a field's text PowerShell would not take as the field's type, as a sentence."""
    each = item if kind == "list" else kind
    if each in SECRETS:
        return ""
    for part in items(text) if kind == "list" else [text] if text else []:
        problem = wrong(each, part)
        if not problem and each == "integer" and type_name in _LIMITS:
            least, greatest = _LIMITS[type_name]
            if not least <= int(part) <= greatest:
                problem = f"a whole number from {least} to {greatest}"
        if problem:
            return f'{"Each of " if kind == "list" else ""}{name} must be {problem}, not "{part}".'
    return ""


def _typed(kind: str, item: str, text: str) -> object:
    """A field's text as the value that is sent; what PowerShell converts by itself stays a text."""
    if kind == "list":
        return [_typed(item, "string", each) for each in items(text)]
    if kind == "secret":
        return Secret(text)
    if kind == "credential":
        return credential(text)
    if not text:
        return text
    if kind == "integer":
        return int(text)
    if kind == "number":
        return float(text)
    if kind in ("boolean", "switch"):
        return bool(truth(text))
    return text


def credential(text: str) -> Credential:
    """A credential from `{"username": …, "password": …}` or `user:password`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("username"), str):
        return Credential(value["username"], str(value.get("password") or ""))
    user, _, password = text.partition(":")
    return Credential(user, password)


_ASK = {
    READ_LINE: _line,
    READ_SECURE_LINE: _secure_line,
    PROMPT: _prompt,
    CREDENTIAL: _credential,
    CREDENTIAL_2: _credential,
    CHOICE: _choice,
    CHOICES: _choices,
    READ_KEY: _key,
}
