"""The param block of a PowerShell script, read by PowerShell's own parser without running the script."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from core.params import powershell as reading
from core.params.check import check
from core.params.interface import Interface, Unread
from core.params.powershell import python_pattern
from core.params.values import written_pattern
from core.service import Clixml, Invalid, Parameter
from tests import powershell

SCRIPT = r"""
<#
.SYNOPSIS
Back up a directory.
.DESCRIPTION
Long text
of two lines.
.PARAMETER Source
What to back up.
#>
[CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'A')]
param(
    [Parameter(Mandatory)] [string] $Source,
    [Parameter(Mandatory = $true, HelpMessage = 'How many days')] [ValidateRange(1, 365)] [int] $Days = 7,
    [Parameter(Mandatory = $false)] [ValidateSet('full', 'incremental')] [string] $Mode = 'full',
    [Color] $Color = [Color]::Red,
    [System.DayOfWeek] $Day = 'Monday',
    [switch] $Force,
    [string[]] $Exclude = @('a', 'b'),
    [ValidateRange(0, 9)] [int[]] $Numbers,
    [datetime] $When = '2026-01-01',
    [datetime] $Now = (Set-Content MARKER ran),
    [pscredential] $Credential,
    [securestring] $Password,
    [hashtable] $Map = @{ a = 1 },
    [Alias('f', 'in')] [System.IO.FileInfo] $File,
    [ValidatePattern('^[a-z]+$')] $Tag,
    [Nullable[double]] $Ratio = -1.5,
    [Parameter(ParameterSetName = 'A', Mandatory)] $InA,
    [Parameter(ParameterSetName = 'B')] [bool] $InB = $true,
    [ValidateRange('Positive')] [long] $Size = 10MB,
    [System.ComponentModel.DisplayName('Nice name')] [string] $Ugly = "$HOME/x",
    [Collections.Generic.List[uri]] $Uris,
    [System.IO.FileAttributes] $Attributes,
    [Parameter(DontShow)] $Hidden,
    [byte] $Small,
    [Some.Unknown.Type] $Odd
)
enum Color { Red; Green }
Set-Content MARKER ran
"""


def read_powershell(content: bytes, program: str, cache: str | None = None) -> Interface:
    """What the program says of the content: read anew where it is not kept."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            return reading.read_powershell(content, program, cache or directory)
        except Unread as unread:
            unread.read()
        return reading.read_powershell(content, program, cache or directory)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Interface:
    directory = tmp_path_factory.mktemp("whole")
    marker = directory / "marker"
    found = read_powershell(SCRIPT.replace("MARKER", str(marker)).encode(), powershell.pwsh())
    assert not marker.exists(), "reading a script must not run any of it"
    return found


def test_lists_of_secrets_are_secrets() -> None:
    script = b"param([securestring[]] $A, [Collections.Generic.List[pscredential]] $B, [int[][]] $C)"
    found = read_powershell(script, powershell.pwsh())
    assert [each.type for each in found.parameters] == ["secret", "credential", "list"]


def test_everything_it_says(whole: Interface) -> None:
    assert whole.style == "param"
    assert whole.declared
    assert whole.synopsis == "Back up a directory."
    assert whole.description == "Back up a directory.\n\nLong text\nof two lines."
    assert list(whole.parameters) == [
        Parameter("Source", mandatory=True, help="What to back up."),
        Parameter("Days", "integer", mandatory=True, default=7, help="How many days", minimum=1, maximum=365),
        Parameter("Mode", default="full", choices=("full", "incremental")),
        Parameter("Color", default="Red", choices=("Red", "Green")),
        Parameter("Day", default="Monday", choices=("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
                                                    "Saturday")),
        Parameter("Force", "switch"),
        Parameter("Exclude", "list", default=["a", "b"]),
        Parameter("Numbers", "list", item_type="integer", minimum=0, maximum=9),
        Parameter("When", "datetime", default="2026-01-01"),
        Parameter("Now", "datetime"),
        Parameter("Credential", "credential"),
        Parameter("Password", "secret"),
        Parameter("Map", "object", default={"a": 1}),
        Parameter("File", "file"),
        Parameter("Tag", pattern="(?i)^[a-z]+$"),
        Parameter("Ratio", "number", default=-1.5),
        Parameter("InA", parameter_set="A"),
        Parameter("InB", "boolean", default=True, parameter_set="B"),
        Parameter("Size", "integer", default=10 * 1024 * 1024, minimum=1),
        Parameter("Ugly", display_name="Nice name"),
        Parameter("Uris", "list"),
        Parameter("Attributes", "list", choices=next(p for p in whole.parameters if p.name == "Attributes").choices),
        Parameter("Small", "integer", minimum=0, maximum=255),
        Parameter("Odd"),
    ]  # fmt: skip
    assert {"Hidden", "System"} <= set(whole.parameters[-3].choices)
    assert set(whole.untyped) == {"Tag", "InA", "Odd"}


def checked(whole: Interface, **given: object) -> dict[str, object]:
    return check(
        whole.parameters, given, declared=whole.declared, script="b.ps1", accepted=whole.accepted,
        untyped=whole.untyped, asks=True,
    )  # fmt: skip


def test_values_are_checked_before_the_job(whole: Interface) -> None:
    assert checked(whole, source="x", Days="30", Force=True, Now=None) == {"Source": "x", "Days": 30, "Force": True}
    assert checked(whole) == {}, "PowerShell knows its defaults, and asks for what is missing"
    assert checked(whole, Mode="FULL", color="green", InA=[1, {"a": 2}]) == {
        "Mode": "full",
        "Color": "Green",
        "InA": [1, {"a": 2}],
    }
    for given, sentence in (
        ({"Days": "x"}, "b.ps1: Days must be a whole number from 1 to 365, not 'x'."),
        ({"Days": 400}, "b.ps1: Days must be a whole number from 1 to 365, not '400'."),
        ({"Mode": "some"}, "b.ps1: Mode must be one of full, incremental, not 'some'."),
        ({"Numbers": [1, 12]}, "b.ps1: Numbers must be a whole number from 0 to 9, not '12'."),
        ({"When": "soon"}, "b.ps1: When must be a date and time like"),
        ({"Tag": "A1"}, "b.ps1: Tag must match /^[a-z]+$/, not 'A1'."),
        ({"Nope": 1}, "b.ps1 has no parameter 'Nope'."),
        ({"Map": Clixml("<Objs>")}, "b.ps1: Map is no CLIXML that can be read"),
    ):
        with pytest.raises(Invalid) as caught:
            checked(whole, **given)
        assert str(caught.value).startswith(sentence)


def test_where_nobody_answers_what_is_missing_is_a_mistake(whole: Interface) -> None:
    with pytest.raises(Invalid, match=r"b.ps1 needs Source \(What to back up\): text\. b.ps1 needs Days") as caught:
        check(whole.parameters, {}, declared=True, script="b.ps1", asks=True, answered=False)
    assert "InA" not in str(caught.value), "only one of its parameter sets is used"


def test_aliases_common_parameters_and_clixml_pass(whole: Interface) -> None:
    document = Clixml("<Objs><I32>7</I32></Objs>")
    assert checked(whole, f="/x", Verbose=True, whatif=True, Days=document, Hidden=1) == {
        "f": "/x",
        "Verbose": True,
        "whatif": True,
        "Days": document,
        "Hidden": 1,
    }


def test_a_simple_script_takes_no_common_parameters() -> None:
    found = read_powershell(b"param($Name, [int] $Times = 3)\n$Name * $Times", powershell.pwsh())
    assert [parameter.name for parameter in found.parameters] == ["Name", "Times"]
    assert found.accepted == ()
    with pytest.raises(Invalid, match="no parameter 'Verbose'"):
        checked(found, Verbose=True)


@pytest.mark.parametrize(
    ("content", "style", "parameters"),
    [
        (b"'no block'", "none", 0),
        (b"param(", "none", 0),
        (b"", "none", 0),
        (b"param()", "param", 0),
        (b"\xff\xfep\x00a\x00r\x00a\x00m\x00(\x00$\x00x\x00)\x00", "param", 1),
        ("param([string] $Gr\u00f6\u00dfe = '\u00e9 \U0001f3b5')".encode(), "param", 1),
    ],
)
def test_other_scripts(content: bytes, style: str, parameters: int) -> None:
    found = read_powershell(content, powershell.pwsh())
    assert found.style == style
    assert len(found.parameters) == parameters
    if parameters and b"string" in content:
        assert found.parameters[0] == Parameter("Gr\u00f6\u00dfe", default="\u00e9 \U0001f3b5")


def test_dynamic_parameters_leave_it_open() -> None:
    content = b"[CmdletBinding()] param($a)\ndynamicparam { }\nend { }"
    found = read_powershell(content, powershell.pwsh())
    assert found.open
    assert checked(found, whatever=1) == {"whatever": 1}


def test_without_a_powershell_nothing_is_guessed(tmp_path: Path) -> None:
    for program in (str(tmp_path / "none"), "/bin/false", "/bin/echo"):
        found = read_powershell(b"param([int] $x)", program, str(tmp_path / "cache"))
        assert (found.style, found.parameters, found.declared) == ("none", (), False)
    assert not list((tmp_path / "cache").rglob("*.json")), "what was not found out is not kept"


def test_kept_by_content(tmp_path: Path) -> None:
    """The second reading of the same content starts no PowerShell; another content, or program, does."""
    count = tmp_path / "count"
    program = tmp_path / "pwsh"
    program.write_text(f'#!/bin/sh\necho >> "{count}"\nexec "{powershell.pwsh()}" "$@"\n')
    program.chmod(0o755)
    cache = str(tmp_path / "cache")

    def runs() -> int:
        return len(count.read_text().splitlines())

    first = read_powershell(b"param([int] $x)", str(program), cache)
    reading._LATELY.clear()
    assert read_powershell(b"param([int] $x)", str(program), cache) == first
    assert runs() == 1
    read_powershell(b"param([int] $y)", str(program), cache)
    assert runs() == 2
    os.utime(program, ns=(1, 1))
    read_powershell(b"param([int] $x)", str(program), cache)
    assert runs() == 3
    reading._LATELY.clear()
    for kept in Path(cache).rglob("*.json"):
        assert kept.stat().st_mode & 0o077 == 0
        kept.write_text("{")
    assert read_powershell(b"param([int] $x)", str(program), cache) == first


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("^[a-z]+$", ["abc", "ABC"], ["a1", ""]),
        ("b", ["abc", "A\nB"], ["ac"]),
        ("^a|z$", ["axx", "xxz", "Axx"], ["xx"]),
        (r"^\d{3}-\d{4}$", ["123-4567"], ["123-456", "x123-4567"]),
    ],
)
def test_patterns_mean_the_same(pattern: str, yes: list[str], no: list[str]) -> None:
    parameter = Parameter("p", pattern=python_pattern(pattern))
    for text in yes:
        assert check([parameter], {"p": text}, declared=True, script="s") == {"p": text}
    for text in no:
        with pytest.raises(Invalid):
            check([parameter], {"p": text}, declared=True, script="s")


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", "(?<year>\\d+)", "[a-z-[aeiou]]", "(", r"\Aabc\z", "a*+"])
def test_what_python_reads_otherwise_is_left_to_powershell(pattern: str) -> None:
    assert python_pattern(pattern) == ""


def test_a_pattern_is_told_as_it_is_written() -> None:
    for written in ("^[a-z]+$", "[0-9]{3}", "a|b", r"^\d+$"):
        assert written_pattern(python_pattern(written)) == written
