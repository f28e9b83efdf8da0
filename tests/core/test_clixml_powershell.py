"""Round trips through a real PowerShell: what it writes we write back equal, what we write it reads as meant."""

from __future__ import annotations

import base64
import datetime
import json
import random
import struct
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.clixml.reader import read
from core.clixml.values import (
    Byte,
    Char,
    DateTime,
    Dictionary,
    Enumerable,
    Int16,
    Int64,
    MemberSet,
    ProgressRecord,
    PSObject,
    Queue,
    SByte,
    ScriptBlock,
    SecureString,
    Single,
    Stack,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
    Version,
    XmlDocument,
)
from core.clixml.writer import write
from tests import powershell

HERE = Path(__file__).parent / "clixml"


def b64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def written_by_powershell(directory: Path) -> list[tuple[str, str]]:
    """Each expression, and what PSSerializer writes of it, at several depths; "" where it cannot."""
    powershell.run(HERE / "write.ps1", str(HERE / "values.txt"), str(directory / "out"))
    rows = (line.split("\t") for line in (directory / "out").read_text(encoding="utf-8").splitlines())
    return [(line, base64.b64decode(document).decode("utf-8")) for line, document in rows]


def told_by_powershell(documents: list[str], directory: Path) -> list[dict[str, Any]]:
    """What PowerShell read in each document."""
    (directory / "documents").write_text("\n".join(map(b64, documents)), encoding="utf-8")
    powershell.run(HERE / "read.ps1", str(directory / "documents"), str(directory / "told"))
    return [json.loads(line) for line in (directory / "told").read_text(encoding="utf-8").splitlines()]


def test_every_kind_of_value_goes_there_and_back(tmp_path: Path) -> None:
    expressions = (HERE / "values.txt").read_text(encoding="utf-8").splitlines()
    documents = written_by_powershell(tmp_path)
    assert {line for line, _ in documents} == set(expressions)
    assert not [line for line, document in documents if not document]
    for line, document in documents:
        assert write(read(document)) == document, line


def test_numbers_are_written_as_dotnet_writes_them(tmp_path: Path) -> None:
    """Doubles and singles of every size: the same digits as XmlConvert's."""
    chance = random.Random(20261125)
    doubles = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(1500)]
    doubles += [chance.randint(1, 10**6) * 10.0 ** chance.randint(-20, 20) for _ in range(1500)]
    singles = [struct.unpack("<f", chance.randbytes(4))[0] for _ in range(1500)]
    documents = [write([*doubles, *map(Single, singles)])]
    (tmp_path / "again.ps1").write_text(
        "param($in, $out)\n$v = [System.Management.Automation.PSSerializer]::Deserialize([IO.File]::ReadAllText($in))\n"
        "[IO.File]::WriteAllText($out, [System.Management.Automation.PSSerializer]::Serialize([object[]]$v))\n"
    )
    (tmp_path / "in").write_text(documents[0])
    powershell.run(tmp_path / "again.ps1", str(tmp_path / "in"), str(tmp_path / "out"))
    ours, theirs = documents[0].splitlines(), (tmp_path / "out").read_text().splitlines()
    assert len(ours) == len(theirs) > 4500
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other


def test_what_we_write_is_read_as_meant(tmp_path: Path) -> None:
    shared = PSObject.custom({"n": 1})
    cycle = PSObject.custom({"Name": "loop"})
    assert cycle.extended is not None
    cycle.extended["Self"] = cycle
    values: list[tuple[Any, str, Any]] = [
        (None, "null", None),
        ("\ud800 \U0001f3b5 _x0041_ \x00\ufffe", "System.String", None),
        (Char(0xDC00), "System.Char", None),
        (Byte(1), "System.Byte", "1"),
        (SByte(-1), "System.SByte", "-1"),
        (Int16(-1), "System.Int16", "-1"),
        (UInt16(1), "System.UInt16", "1"),
        (5, "System.Int32", "5"),
        (UInt32(1), "System.UInt32", "1"),
        (2**40, "System.Int64", str(2**40)),
        (Int64(1), "System.Int64", "1"),
        (UInt64(2**64 - 1), "System.UInt64", str(2**64 - 1)),
        (2**70, "Deserialized.System.Numerics.BigInteger", str(2**70)),
        (True, "System.Boolean", "True"),
        (0.1, "System.Double", "0.1"),
        (Single(0.1), "System.Single", "0.1"),
        (Decimal("79228162514264337593543950335"), "System.Decimal", "79228162514264337593543950335"),
        (Decimal("1E+3"), "System.Decimal", "1000"),
        (uuid.UUID(int=1), "System.Guid", "00000000-0000-0000-0000-000000000001"),
        (Uri("https://example.org/\u00e9"), "System.Uri", "https://example.org/\u00e9"),
        (Version("1.2"), "System.Version", "1.2"),
        (XmlDocument("<a><b>1</b></a>"), "System.Xml.XmlDocument", None),
        (ScriptBlock("1 + 1"), "System.String", "1 + 1"),
        (b"\x00\xff", "System.Byte[]", "0 255"),
        (ProgressRecord("A", 1, status_description="s"), "System.Management.Automation.ProgressRecord", None),
        ([1, "x", [None]], "Deserialized.System.Object[]", None),
        ({"a": 1}, "Deserialized.System.Collections.Hashtable", None),
        (PSObject(("Q",), value=Queue([1])), "Deserialized.Q", "1"),
        (PSObject(("S",), value=Stack([1, 2])), "Deserialized.S", "1 2"),
        (PSObject(("E",), value=Enumerable([1, 2])), "Deserialized.E", "1 2"),
        (PSObject(("D",), value=Dictionary([(shared, 1), (2, shared)])), "Deserialized.D", None),
        (
            PSObject.custom({"a b": shared, "c": shared}),
            "Deserialized.System.Management.Automation.PSCustomObject",
            None,
        ),
        (cycle, "Deserialized.System.Management.Automation.PSCustomObject", None),
        (PSObject(("M",), extended={"Set": MemberSet({"x": 1}), "y": 2}), "Deserialized.M", None),
    ]
    told = told_by_powershell([write(value) for value, _, _ in values], tmp_path)
    for (value, kind, text), row in zip(values, told, strict=True):
        assert row.get("type") == kind, (value, row)
        if text is not None:
            assert row["text"] == text
        if isinstance(value, str) and "units" in row:
            wanted = value.encode("utf-16-le", "surrogatepass")
            assert row["units"] == [int.from_bytes(wanted[at : at + 2], "little") for at in range(0, len(wanted), 2)]
    by_type = {row["type"]: row for row in told}
    assert [item.get("text") for item in by_type["Deserialized.System.Object[]"]["items"][:2]] == ["1", "x"]
    keys = [key["type"] for key, _ in by_type["Deserialized.D"]["entries"]]
    assert sorted(keys) == ["Deserialized.System.Management.Automation.PSCustomObject", "System.Int32"]


@pytest.mark.parametrize("zone", [None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))])
def test_times_arrive_to_the_tick(zone: datetime.tzinfo | None, tmp_path: Path) -> None:
    moment = datetime.datetime(2026, 2, 3, 4, 5, 6, 789012, zone)
    spans = [TimeSpan(-1), TimeSpan(0), TimeSpan(2**63 - 1), TimeSpan.of(datetime.timedelta(days=-3, hours=5))]
    exact = DateTime(DateTime.of(moment).ticks + 7, DateTime.of(moment).offset, DateTime.of(moment).utc)
    told = told_by_powershell([write(exact), *map(write, spans)], tmp_path)
    utc = moment.astimezone(datetime.UTC) if zone else moment
    ticks, kind = told[0]["ticks"].split()
    assert kind == ("Unspecified" if zone is None else "Utc" if zone is datetime.UTC else "Local")
    if zone is not None:
        assert int(ticks) == DateTime.of(utc).ticks + 7
    assert [int(row["ticks"]) for row in told[1:]] == [span.ticks for span in spans]


def test_secrets_arrive(tmp_path: Path) -> None:
    credential = PSObject(
        ("System.Management.Automation.PSCredential", "System.Object"),
        adapted={"UserName": "me", "Password": SecureString.of("h\u00fcsh")},
    )
    secure, pair = told_by_powershell([write(SecureString.of("hush \U0001f3b5")), write(credential)], tmp_path)
    assert secure["secret"] == "hush \U0001f3b5"
    assert pair["type"].endswith("System.Management.Automation.PSCredential")
