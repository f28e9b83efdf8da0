"""The data of the service as JSON schemas, for the API's description: derived from the data classes, like the codec."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from typing import Any

from core import wire
from core.access import AppToken, AuditEntry, Role
from core.service import (
    Environment,
    ErrorRecord,
    Event,
    Feedback,
    Groomed,
    Hit,
    Job,
    LinePage,
    Parameter,
    PipelineObject,
    RunRequest,
    Script,
    ScriptStatistics,
    ServiceStatus,
    Setting,
    Status,
    Usage,
)

Schema = dict[str, Any]
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}
#: bytes are text where that loses nothing, else base64 under another key
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}

DATA_CLASSES: tuple[type, ...] = (
    Job, Script, Parameter, Environment, ErrorRecord, PipelineObject, LinePage, Hit, Feedback, RunRequest, Usage,
    ScriptStatistics, Setting, ServiceStatus, Groomed, Event, AppToken, AuditEntry,
)  # fmt: skip


def ref(kind: type | str) -> Schema:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{kind if isinstance(kind, str) else kind.__name__}"}


def list_of(kind: type | str) -> Schema:
    """A list of them."""
    return {"type": "array", "items": ref(kind)}


def components() -> dict[str, Schema]:
    """Every schema that the description names."""
    found: dict[str, Schema] = {
        "Problem": {
            "type": "object",
            "description": "What went wrong (RFC 9457); `detail` says what to do.",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
            "required": ["type", "title", "status", "detail"],
        },
        "Status": {
            "type": "integer",
            "enum": [int(status) for status in Status],
            "description": ", ".join(f"{int(status)} {status.name}" for status in Status)
            + ". 7 and 8 are filters only: finished, unfinished.",
        },
        "Role": {"type": "string", "enum": [str(role) for role in Role]},
    }
    for kind in DATA_CLASSES:
        _add(kind, found)
    return found


def _add(kind: type, found: dict[str, Schema]) -> None:
    if kind.__name__ in found:
        return
    found[kind.__name__] = {}
    hints = typing.get_type_hints(kind)
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for name, key in wire.keys(kind).items():
        if hints[name] is bytes:
            properties[key] = {"type": "string"}
            properties[key + "Base64"] = {"type": "string", "contentEncoding": "base64"}
            continue
        properties[key] = _TIME if name in wire.TIMES else _of(hints[name], found)
        required.append(key)
    document = (kind.__doc__ or "").strip()
    found[kind.__name__] = {
        "type": "object",
        "description": " ".join(document.split()),
        "properties": properties,
    } | ({"required": required} if kind is not RunRequest else {})


def _of(hint: Any, found: dict[str, Schema]) -> Schema:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = [option for option in options if option is not types.NoneType]
    schemas = [_one(kind, found) for kind in kinds]
    if len(kinds) < len(options):
        if len(schemas) == 1 and isinstance(schemas[0].get("type"), str):
            return schemas[0] | {"type": [schemas[0]["type"], "null"]}
        schemas.append({"type": "null"})
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _one(hint: Any, found: dict[str, Schema]) -> Schema:
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, frozenset):
        return {"type": "array", "items": _one(arguments[0], found)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        value = arguments[1]
        return {"type": "object"} | ({} if value is Any else {"additionalProperties": _of(value, found)})
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ref(hint.__name__)
    if hasattr(hint, "__dataclass_fields__"):
        _add(hint, found)
        return ref(hint)
    return {}
