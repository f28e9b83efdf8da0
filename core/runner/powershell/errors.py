"""Error records: what the journal keeps of one."""

from __future__ import annotations

import os
import re

from core.runner.powershell.bootstrap import LINES
from core.runner.powershell.values import ValueProblem, read, string_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.powershell.values import Value

CATEGORIES = (
    "NotSpecified", "OpenError", "CloseError", "DeviceError", "DeadlockDetected", "InvalidArgument", "InvalidData",
    "InvalidOperation", "InvalidResult", "InvalidType", "MetadataError", "NotImplemented", "NotInstalled",
    "ObjectNotFound", "OperationStopped", "OperationTimeout", "SyntaxError", "ParserError", "PermissionDenied",
    "ResourceBusy", "ResourceExists", "ResourceUnavailable", "ReadError", "WriteError", "FromStdErr", "SecurityError",
    "ProtocolError", "ConnectionError", "AuthenticationError", "LimitsExceeded", "QuotaExceeded", "NotEnabled",
)  # fmt: skip
#: ids of what is no error but a line that a native program wrote to its standard error
NATIVE = ("NativeCommandError", "NativeCommandErrorMessage")

_FRAME = re.compile(r"at .*, (?P<file>.+): line (?P<line>\d+)\s*$")
#: a frame of our own script blocks; every stack ends with two
_OWN_FRAME = re.compile(r"at <ScriptBlock>, <No file>: line \d+\s*$")
#: what a script that cannot be parsed is told by: the place, the code there, and what is wrong
_PARSING = re.compile(r"At (?P<file>.+):(?P<line>\d+) char:\d+\r?\n(?:\+.*\n)+(?P<what>.+)")
_TO_STRING = re.compile(rb"<ToString>([^<]*)</ToString>")


def describe(payload: bytes) -> dict[str, str]:
    """The record in a payload, as texts: message, category, exception_type, id, target, position, stack.

    Also that of a pipeline's failed state. Names without a value are left out, `message` is always there.
    """
    try:
        value = read(payload)
    except ValueProblem:
        # too large, or too deep: at least what it says
        found = _TO_STRING.search(payload)
        return {"message": string_bytes(found[1]).decode("utf-8", "replace") if found else "An error without a text."}
    inner = value["ExceptionAsErrorRecord"]
    return _describe(value if inner.nothing else inner)


def ended_by(message: str) -> str:
    """Why the job failed, of the message of the error that ended it; a sentence."""
    parsing = _PARSING.match(message)
    if parsing is not None:
        where = f"{os.path.basename(parsing['file'])} cannot be parsed"
        return f"It was ended by an error: {where}, line {parsing['line']}: {parsing['what'].strip()}"
    return f"It was ended by an error: {message}" if message else "It was ended by an error."


def _describe(value: Value) -> dict[str, str]:
    exception = value["Exception"]
    invocation = value["InvocationInfo"]
    stack = _stack(value["ErrorDetails_ScriptStackTrace"].word())
    position = invocation["PositionMessage"].word() or value["InvocationInfo_PositionMessage"].word()
    line = invocation["Line"].word() or value["InvocationInfo_Line"].word()
    if line.strip() in LINES or not position:
        position = _first_frame(stack)
    category = value["ErrorCategory_Category"].number(-1)
    record = {
        "category": CATEGORIES[category] if 0 <= category < len(CATEGORIES) else "",
        "exception_type": exception.types[0] if exception.types else "",
        "id": value["FullyQualifiedErrorId"].word(),
        "target": value["TargetObject"].word(),
        "position": position,
        "stack": stack,
    }
    message = value.word() or exception["Message"].word()
    return {"message": message} | {name: text for name, text in record.items() if text}


def _stack(text: str) -> str:
    lines = text.splitlines()
    for _ in range(2):
        if lines and _OWN_FRAME.match(lines[-1]):
            lines.pop()
    if all(_OWN_FRAME.match(line) for line in lines):
        # of a script that could not even begin
        return ""
    return "\n".join(lines)


def _first_frame(stack: str) -> str:
    """Where in a file the innermost frame that has one stands."""
    for line in stack.splitlines():
        found = _FRAME.match(line)
        if found and found["file"] != "<No file>":
            return f"At {found['file']}:{found['line']}"
    return ""
