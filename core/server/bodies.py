"""What a request brings in its body: read within limits, as JSON in either case, in any of the shapes people send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from core import wire
from core.service import Clixml, Invalid, RunRequest, Value

from .problems import Refused

#: bytes of a JSON body; of a script's content
MOST_JSON = 4 << 20
MOST_CONTENT = 64 << 20
#: parameters of one job, from the body and the query together
MOST_PARAMETERS = 1000
_DEEPEST = 64
#: a body of so many times the most is still read, and thrown away: who is cut off while sending never sees the answer
_PATIENCE = 4

_LATER = "comes with variables, which this version does not have yet. Leave it out."


async def read(request: Request, most: int = MOST_JSON) -> bytes:
    """The body. Raises Refused (413) for one of more than `most` bytes."""
    detail = f"The body is larger than {most} bytes, which is the most that is taken here. Send less."
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > _PATIENCE * most:
        raise Refused(413, detail, {"Connection": "close"})
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > _PATIENCE * most:
                raise Refused(413, detail, {"Connection": "close"})
            if size <= most:
                parts.append(chunk)
    except ClientDisconnect:
        raise Refused(400, "The body ended before it was whole.") from None
    if size > most:
        raise Refused(413, detail)
    return b"".join(parts)


async def read_json(request: Request, most: int = MOST_JSON) -> Any:
    """The body as JSON; None for an empty one. The Content-Type does not matter. Raises Refused, Invalid."""
    body = await read(request, most)
    if not body.strip():
        return None
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"The body is not UTF-8 (byte {error.start}). Send JSON in UTF-8.") from None
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise Invalid(f"The body is nested too deeply; {_DEEPEST} levels are taken.") from None
    except ValueError as error:
        raise Invalid(f"The body is not JSON: {error}.") from None
    if _depth_of(value) > _DEEPEST:
        raise Invalid(f"The body is nested too deeply; {_DEEPEST} levels are taken.")
    return value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _depth_of(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= _DEEPEST:
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, dict | list)
        ]
        depth += 1
    return depth


def needed_object(value: Any) -> dict[str, Any]:
    """Like `an_object`, but it must be there. Raises Invalid."""
    if not isinstance(value, Mapping):
        raise Invalid("A body is needed here: a JSON object. /docs shows what it may have.")
    return an_object(value)


def an_object(value: Any, what: str = "The body") -> dict[str, Any]:
    """A JSON object with its keys in camelCase whatever their case was; nothing at all is an empty one.

    Raises Invalid for anything else, and for two keys that differ in case alone.
    """
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise Invalid(f"{what} must be a JSON object.")
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = key[:1].lower() + key[1:]
        if name in found:
            raise Invalid(f"{what} has {key!r} twice, in different cases. Give it once.")
        found[name] = item
    return found


def settings_of(kind: type, given: Mapping[str, Any]) -> dict[str, Value]:
    """The fields of a data class that a body gives, to be passed on by name. Raises Invalid for others."""
    settings = wire.decode_settings(kind, given)
    known = wire.keys(kind)
    for name in settings:
        if name not in known:
            raise Invalid(f"There is no setting {name!r} here. There are: {', '.join(known.values())}.")
    return settings


#: one parameter as a whole body
_ONE = {"name", "type", "value", "isVariable"}
_CONTEXT = ("jobParameters", "parameters", "environment", "credential", "notes", "tags", "timeout")


def run_request(script: int, body: Any, query: Sequence[tuple[str, str]], key: str | None) -> RunRequest:
    """What the original's POST asks for: a JobContext, or plain JSON parameters, and the query's parameters.

    Raises Invalid.
    """
    context = {"parameters": body} if isinstance(body, list) else an_object(body)
    if "name" in context and context.keys() <= _ONE:
        context = {"parameters": [body]}
    for name in context:
        if name not in _CONTEXT and context[name] is not None:
            raise Invalid(f"The body has {name!r}, which is not known here. It may have: {', '.join(_CONTEXT)}.")
    if context.get("credential"):
        raise Invalid(f"A Credential to run as {_LATER}")
    if context.get("jobParameters") and context.get("parameters"):
        raise Invalid("Give the parameters once: as JobParameters or as parameters.")
    parameters = _parameters(context.get("jobParameters") or context.get("parameters"))
    environment = context.get("environment")
    for name, value in _query_parameters(query).items():
        if name.lower() == "environment" and isinstance(value, str):
            environment = value
        elif name in parameters:
            raise Invalid(f"The parameter {name} is given twice, in the body and in the query. Give it once.")
        else:
            parameters[name] = value
    if len(parameters) > MOST_PARAMETERS:
        raise Invalid(f"{len(parameters)} parameters are too many; {MOST_PARAMETERS} are taken.")
    if environment is not None and not isinstance(environment, str):
        raise Invalid("The Environment must be the name of one, a text.")
    return RunRequest(
        script=script,
        parameters=parameters,
        environment=environment or None,
        timeout=_timeout(context.get("timeout")),
        notes=_text(context.get("notes"), "Notes"),
        tags=_tags(context.get("tags")),
        source="api",
        key=key,
    )


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a text.")
    return value


def _tags(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise Invalid("The tags must be a list of texts.")
    return tuple(value)


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("The timeout must be a number of seconds.")
    return float(value)


def _query_parameters(query: Sequence[tuple[str, str]]) -> dict[str, Value]:
    """Texts; a name given several times is a list of them."""
    found: dict[str, Any] = {}
    for name, value in query:
        if name in found:
            known = found[name]
            found[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            found[name] = value
    return found


def _parameters(given: Any) -> dict[str, Value]:
    """Parameters as an object of names and values, or as a list of `{name, value, type}`."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {name: _value(value) for name, value in given.items()}
    if not isinstance(given, list):
        raise Invalid("The parameters must be a JSON object of names and values, or a list of {name, value}.")
    parameters: dict[str, Value] = {}
    for number, one in enumerate(given, 1):
        item = an_object(one, f"Parameter {number}")
        name = item.get("name")
        if not isinstance(name, str) or not name:
            raise Invalid(f"Parameter {number} has no name. Give a list of {{name, value}}.")
        if name in parameters:
            raise Invalid(f"The parameter {name} is given twice. Give it once.")
        if item.get("isVariable"):
            raise Invalid(f"The parameter {name} with IsVariable {_LATER}")
        value = _value(item.get("value"))
        type_name = item.get("type")
        if isinstance(type_name, str) and not isinstance(value, Clixml):
            value = _typed(name, value, type_name)
        parameters[name] = value
    return parameters


def _value(value: Any) -> Value:
    """A text that is a CLIXML document is one; anything else is the JSON value that it is."""
    if isinstance(value, str) and is_clixml(value):
        return Clixml(value)
    if isinstance(value, Mapping) and len(value) == 1:
        document = value.get("clixml")
        if isinstance(document, str) and is_clixml(document):
            return Clixml(document)
    return value


def is_clixml(text: str) -> bool:
    """Whether a text begins as a CLIXML document does."""
    head = text[:200].lstrip("\ufeff \t\r\n")
    if head.startswith("#< CLIXML"):
        head = head[len("#< CLIXML") :].lstrip()
    return head.startswith("<Objs") or (head.startswith("<?xml") and "<Objs" in text[:1000])


_WHOLE = ("int", "int16", "int32", "int64", "long", "byte", "sbyte", "short", "uint16", "uint32", "uint64", "uint")
_FRACTION = ("double", "single", "float", "decimal")
_TRUTH = ("bool", "boolean", "switch", "switchparameter")


def _typed(name: str, value: Value, type_name: str) -> Value:
    """A text given with the name of a .NET type, as a value of that type; a type that is not known changes nothing."""
    word = type_name.strip().strip("[]").rpartition(".")[2].lower()
    if type_name.rstrip().endswith("[]") and value is not None:
        return value if isinstance(value, list) else [value]
    if not isinstance(value, str):
        return str(value) if word == "string" and isinstance(value, int | float) else value
    try:
        if word in _WHOLE:
            return int(value)
        if word in _FRACTION:
            return float(value)
    except ValueError:
        raise Invalid(f"The parameter {name} is {value!r}, which is no {type_name}.") from None
    if word in _TRUTH:
        if value.lower() not in ("true", "false", "$true", "$false", "1", "0"):
            raise Invalid(f"The parameter {name} is {value!r}; a {type_name} is true or false.")
        return value.lower() in ("true", "$true", "1")
    return value
