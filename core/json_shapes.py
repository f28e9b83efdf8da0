"""How the data of `core.service` looks as JSON, for every face: the command line's `--json` and REST.

Keys are the field names. Times are RFC 3339, UTC, with microseconds; what is unknown is null; a status is its word.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core import exact_json
from core.errors import Invalid

if TYPE_CHECKING:
    from core.service import ErrorRecord, PipelineObject

#: fields that hold nanoseconds since the epoch; 0 means unknown
TIME_FIELDS = frozenset(
    {"created", "started", "ended", "changed", "time", "answered", "expires", "last_used", "revoked", "last_ended"}
)


def rfc3339(nanoseconds: int | None) -> str | None:
    """A time (ns since the epoch, UTC) as `2026-11-24T04:18:00.123456Z`; unknown (None or 0) stays None."""
    if not nanoseconds:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"


def shape(value: Any) -> Any:
    """Any data class of the service, or a collection of them, as values that JSON knows."""
    from core.service import Clixml, ErrorRecord, PipelineObject

    if isinstance(value, ErrorRecord):
        return error_shape(value)
    if isinstance(value, PipelineObject):
        return object_value(value)
    if isinstance(value, Clixml) or (isinstance(value, Mapping) and value.keys() == {"clixml"}):
        return parameter_value(value)
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {
            name: rfc3339(getattr(value, name)) if name in TIME_FIELDS else shape(getattr(value, name))
            for name in fields
        }
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Mapping):
        return {key.name if isinstance(key, enum.Enum) else str(key): shape(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(shape(item) for item in value)
    return value


def parameter_value(value: Any) -> Any:
    """A parameter's value as a person sees it: the plain value of one that was given as CLIXML."""
    from core.service import Clixml

    if isinstance(value, Mapping) and value.keys() == {"clixml"}:
        document = value["clixml"]
    elif isinstance(value, Clixml):
        document = value.document
    else:
        return value
    from core.clixml.plain import plain
    from core.clixml.reader import read

    try:
        return plain(read(str(document)))
    except Invalid:
        return document


def error_shape(error: ErrorRecord) -> dict[str, Any]:
    """One error record: `{time, message, category, exception_type, id, position, stack}`."""
    return {
        "time": rfc3339(error.time),
        "message": error.message,
        "category": error.category,
        "exception_type": error.exception_type,
        "id": error.id,
        "position": error.position,
        "stack": error.stack,
    }


def object_value(item: PipelineObject) -> Any:
    """The plain value of one pipeline object; of a document that cannot be read its text."""
    text = item.data.decode("utf-8", "replace")
    try:
        if item.format == "json":
            return exact_json.loads(text)
        from core.clixml.plain import plain
        from core.clixml.reader import read

        return plain(read(item.data))
    except (ValueError, RecursionError, Invalid):
        return text


def object_json(item: PipelineObject, *, wire: bool = False) -> str:
    """The plain value as JSON text, numbers as the script wrote them; `wire` as of `exact_json.dumps`."""
    return exact_json.dumps(object_value(item), wire=wire)


def object_clixml(item: PipelineObject) -> str:
    """The CLIXML document of one pipeline object; a JSON value becomes one."""
    text = item.data.decode("utf-8", "replace")
    if item.format != "json":
        return text
    from core.clixml.writer import write

    try:
        return write(exact_json.loads(text))
    except (ValueError, RecursionError, Invalid):
        return write(text)
