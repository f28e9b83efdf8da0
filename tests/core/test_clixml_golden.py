"""Every golden document reads as PowerShell itself read it, and is written back byte for byte."""

from __future__ import annotations

import base64
import json
import re
import struct
import uuid
from decimal import Decimal
from typing import Any

import pytest

from core.clixml.plain import plain
from core.clixml.reader import read
from core.clixml.text import text
from core.clixml.values import (
    ABSENT,
    Byte,
    Char,
    DateTime,
    Dictionary,
    Enumerable,
    Int16,
    Int64,
    ProgressRecord,
    PSObject,
    Queue,
    SByte,
    ScriptBlock,
    SecureString,
    Single,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
    Version,
    XmlDocument,
)
from core.clixml.writer import write
from tests.core.clixml_cases import GOLDEN, Case, cases

CASES = cases()
TYPES: dict[type, str] = {
    str: "System.String", bool: "System.Boolean", int: "System.Int32", float: "System.Double", bytes: "System.Byte[]",
    Byte: "System.Byte", SByte: "System.SByte", Int16: "System.Int16", UInt16: "System.UInt16",
    UInt32: "System.UInt32", Int64: "System.Int64", UInt64: "System.UInt64", Single: "System.Single",
    Char: "System.Char", Decimal: "System.Decimal", DateTime: "System.DateTime", TimeSpan: "System.TimeSpan",
    uuid.UUID: "System.Guid", Uri: "System.Uri", Version: "System.Version", XmlDocument: "System.Xml.XmlDocument",
    SecureString: "System.Security.SecureString",
    # PowerShell reads a script block as a string
    ScriptBlock: "System.String", ProgressRecord: "System.Management.Automation.ProgressRecord",
}  # fmt: skip
#: PowerShell makes these their own class again: it then tells more properties than the document has
REVIVED = {
    "System.Net.IPAddress", "System.Globalization.CultureInfo", "System.Net.Mail.MailAddress",
    "System.Management.Automation.PSCredential",
}  # fmt: skip


def units(value: str) -> str:
    """A text with surrogates as the golden file has them: pairs as one character, halves alone."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_written_back_equal(case: Case) -> None:
    assert write(read(case.clixml)) == case.clixml


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_reads_as_powershell_read_it(case: Case) -> None:
    value = read(case.clixml)
    same(value, case.reads, "")
    if isinstance(value, PSObject) and case.types[0] not in REVIVED:
        assert case.types == tuple(f"Deserialized.{name}" for name in value.type_names)


def same(value: Any, expected: dict[str, Any], path: str) -> None:
    """Compare type, text, items, entries and properties with what PowerShell told of them."""
    kind = expected["type"]
    if kind == "null":
        assert value is None, path
        return
    if isinstance(value, PSObject) and not value.type_names and value.value is not ABSENT:
        assert TYPES[type(value.value)] == kind, path
    elif isinstance(value, PSObject):
        assert kind in (f"Deserialized.{value.type_name}", value.type_name), path
        assert (kind in REVIVED) == (kind == value.type_name), path
    else:
        assert TYPES[type(value)] == kind, path
    assert comparable(value, text(value)) == comparable(value, units(expected["text"])), path
    inner = value.value if isinstance(value, PSObject) else value
    if "items" in expected:
        items = list(inner) if not isinstance(inner, PSObject) else list(inner.value)
        assert len(items) == expected["count"], path
        for number, (item, told) in enumerate(zip(items, expected["items"], strict=True)):
            same(item if not isinstance(inner, bytes) else Byte(item), told, f"{path}[{number}]")
    if "entries" in expected:
        assert isinstance(inner, Dictionary), path
        assert [text(key) for key, _ in inner] == [name for name, _ in expected["entries"]], path
        for (key, item), (name, told) in zip(inner, expected["entries"], strict=True):
            # PowerShell's own $dictionary[1] asked for the item at place 1, not for the key
            if not isinstance(key, int):
                same(item, told, f"{path}.{name}")
    if "properties" in expected and isinstance(value, PSObject) and kind not in REVIVED and inner is ABSENT:
        properties = value.properties()
        assert set(properties) == set(expected["properties"]), path
        for name, item in properties.items():
            same(item, expected["properties"][name], f"{path}.{name}")


def comparable(value: Any, said: str) -> str:
    """Where our text is meant to differ from PowerShell's."""
    if isinstance(value, PSObject):
        if "System.Enum" in value.type_names:
            # PowerShell tells a deserialized enum by its number, we by its name
            return value.to_string if said == str(value.value) and value.to_string is not None else said
        if isinstance(value.value, list):
            # a list in a list is told by the class it was read as
            return re.sub(r"System\.(Object\[\]|Collections\.ArrayList)", "LIST", said)
    if isinstance(value, XmlDocument):
        return "System.Xml.XmlDocument" if said == value else said
    return said


def test_nothing_golden_is_skipped() -> None:
    assert len(CASES) == 104
    names = {case.name for case in CASES}
    assert {"loneHigh", "cyclic", "enumFlagsSystem", "bigint", "progress", "xmlDoc", "hashIntKey"} <= names


def test_types_are_kept() -> None:
    by_name = {case.name: read(case.clixml) for case in CASES}
    assert by_name["uint64"] == 2**64 - 1
    assert type(by_name["uint64"]) is UInt64
    assert by_name["charSurrogate"].code == 0xD83C
    assert by_name["loneHigh"] == "\ud800a"
    assert by_name["astral"] == "\U0001f3b5 \U0001d4b3"
    assert str(by_name["decimalScale"]) == "1.10"
    assert by_name["dateUtc"].utc
    assert by_name["dateUtc"].nanoseconds == 1770091506789123400
    assert by_name["dateUnspec"].nanoseconds is None
    assert by_name["timespanNeg"].ticks == -1
    assert isinstance(by_name["queue"].value, Queue)
    assert isinstance(by_name["hashset"].value, Enumerable)
    assert by_name["cyclic"].extended["Self"] is by_name["cyclic"]
    assert len(by_name["secure"].reveal()) == 4
    assert by_name["secure"].reveal() not in repr(by_name["secure"])
    assert struct.pack("<f", by_name["single"]) == struct.pack("<f", 1.1)


def test_plain_values_are_json() -> None:
    told = {case.name: plain(read(case.clixml)) for case in CASES if case.depth == 2}
    json.dumps(told, allow_nan=False)
    assert told["single"] == 1.1
    assert told["nan"] == "NaN"
    assert told["decimal"] == 79228162514264337593543950335
    assert told["decimalScale"] == 1.1
    assert told["bigint"] == 2**100
    assert told["semver"] == "7.6.0-rc.1"
    assert told["enumFlagsSystem"] == "Hidden, System"
    assert told["timespan"] == "1.02:03:04.0050000"
    assert told["secure"] is None
    assert told["hashset"] == [1, 2]
    assert told["nestedHash"] == {"a": {"b": {"c": 1}}}
    assert told["cyclic"] == {"Name": "loop", "Self": "@{Name=loop; Self=}"}
    assert told["customEmpty"] == {}
    assert told["process"] == {"Name": "pwsh", "Id": 10354, "Big": True}


FRAGMENT = struct.Struct(">QQBI")


def wire_messages(side: str) -> list[str]:
    """Every message body of every golden conversation: those of the client (`>`) or the server (`<`)."""
    found: list[str] = []
    for path in sorted((GOLDEN / "psrp").glob("*.psrp")):
        whole: dict[int, bytes] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.match(side + r" <Data [^>]*>([^<]*)</Data>", line)
            if match is None:
                continue
            data = base64.b64decode(match.group(1))
            while data:
                number, _, flags, size = FRAGMENT.unpack_from(data)
                whole[number] = whole.get(number, b"") + data[21 : 21 + size]
                data = data[21 + size :]
                if flags & 2:
                    body = whole.pop(number)[40:].removeprefix(b"\xef\xbb\xbf")
                    if body:
                        found.append(body.decode("utf-8"))
    return found


def test_what_powershell_sent_is_written_back_equal() -> None:
    messages = wire_messages("<")
    assert len(messages) > 1000
    for message in messages:
        assert write(read(message), wire=True) == message


def test_what_a_client_sent_reads_equal() -> None:
    """The client numbered its objects in a way of its own; what they say must come through all the same."""
    messages = wire_messages(">")
    assert len(messages) > 40
    for message in messages:
        again = write(read(message), wire=True)
        assert plain(read(again), reveal=True) == plain(read(message), reveal=True)
