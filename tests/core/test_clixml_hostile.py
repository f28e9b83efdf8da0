"""Bad, hostile, huge and deep CLIXML is refused with a sentence, and costs no memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core.clixml.plain import plain, simple
from core.clixml.reader import read
from core.clixml.text import text
from core.clixml.values import Byte, Char, DateTime, Int64, PSObject, Version
from core.clixml.writer import write
from core.errors import Invalid

ROOT = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<Foo>1</Foo>", "<Foo>"),
        ("<LST><I32>1</I32></LST>", "<LST>"),
        ("<I32>99999999999</I32>", "outside of"),
        ("<I32>1_0</I32>", "no whole number"),
        ("<I32>\u0661</I32>", "no whole number"),
        ("<I32></I32>", "no whole number"),
        ("<By>256</By>", "outside of 0 to 255"),
        ("<U64>-1</U64>", "outside of"),
        ("<B>True</B>", "neither true nor false"),
        ("<Db>1_0</Db>", "no number"),
        ("<Db></Db>", "no number"),
        ("<Db>nan</Db>", "no number"),
        ("<D>1e2</D>", "no decimal"),
        ("<D>79228162514264337593543950336</D>", "larger than a Decimal"),
        ("<C>65536</C>", "no Char"),
        ("<C>x</C>", "no whole number"),
        ("<DT>garbage</DT>", "no date"),
        ("<DT>2026-02-30T00:00:00</DT>", "no date"),
        ("<DT>2026-01-02T24:00:00</DT>", "no date"),
        ("<DT>2026-01-02T03:04:05+15:00</DT>", "14 hours"),
        ("<TS>P</TS>", "no duration"),
        ("<TS>PT5</TS>", "no duration"),
        ("<TS>P999999999Y</TS>", "longer than a TimeSpan"),
        ("<G>1</G>", "no GUID"),
        ("<BA>A</BA>", "base64"),
        ("<Version>1</Version>", "no Version"),
        ("<S>a<b/>c</S>", "other elements"),
        ('<Ref RefId="7"/>', "no object '7'"),
        ('<Obj RefId="0"><TNRef RefId="9"/></Obj>', "no type names '9'"),
        ('<Obj RefId="0"><MS><S>b</S></MS></Obj>', "no name"),
        ('<Obj RefId="0"><DCT><En><S N="Key">a</S></En></DCT></Obj>', "a Key and a Value"),
        ('<Obj RefId="0"><DCT><En><Nil N="Key"/><S N="Value">k</S></En></DCT></Obj>', "never null"),
        ("<PR><AV>a</AV></PR>", "eight parts"),
        ("<S>&undefined;</S>", "no CLIXML"),
        ("<S>\x01</S>", "no CLIXML"),
    ],
)
def test_refused_as_powershell_refuses(inside: str, said: str) -> None:
    with pytest.raises(Invalid, match=r".*\.$") as caught:
        read(f"{ROOT}{inside}</Objs>")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ("<I32> 5 </I32>", 5),
        ("<B> 1 </B>", True),
        ("<Db>Infinity</Db>", float("inf")),
        ("<Db>1e5</Db>", 1e5),
        ("<S>_x00000041_</S>", "A"),
        ("<S>_x0001F3B5_</S>", "\U0001f3b5"),
        ("<S>_x00110000_</S>", "_x00110000_"),
        ("<S>_X0041_</S>", "A"),
        ("<S>__x0041_</S>", "_A"),
        ("<S>_x0041_x0042_</S>", "Ax0042_"),
        ("<S>_xD83C__xDFB5_</S>", "\U0001f3b5"),
        ("<S>a<!-- c -->b<?pi?>c</S>", "abc"),
        ("<S><![CDATA[a<b]]></S>", "a<b"),
        ("<BA>AA EC\nAw==</BA>", b"\x00\x01\x02\x03"),
        ("<DT>9999-12-31T23:59:59.99999999</DT>", DateTime.parse("9999-12-31T23:59:59.9999999")),
        ("<Nil>x</Nil>", None),
        ("", None),
        ("<I64>1</I64><I64>2</I64>", [1, 2]),
    ],
)
def test_read_as_powershell_reads(inside: str, value: object) -> None:
    assert read(f"{ROOT}{inside}</Objs>") == value


def test_prefix_and_encodings() -> None:
    document = f"{ROOT}<S>\u00e9</S></Objs>"
    assert read("#< CLIXML\r\n" + document) == "\u00e9"
    assert read(b"\xef\xbb\xbf" + document.encode()) == "\u00e9"
    assert read(document.encode("utf-16")) == "\u00e9"


@pytest.mark.parametrize("doctype", ["<!DOCTYPE Objs>", "<!DOCTYPE Objs SYSTEM 'file:///etc/passwd'>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_doctype_is_refused(doctype: str, encoding: str) -> None:
    with pytest.raises(Invalid, match="DOCTYPE"):
        read((doctype + ROOT + "<S>x</S></Objs>").encode(encoding))


def test_nothing_that_a_document_names_is_opened(tmp_path: Path) -> None:
    """What a DOCTYPE or an entity names is a pipe with something in it: whoever opened it would take that out."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waiting = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    os.write(waiting, b"<!ELEMENT x ANY>")
    documents = (
        f"<!DOCTYPE Objs SYSTEM '{pipe}'>{ROOT}<S>x</S></Objs>",
        f"<!DOCTYPE Objs PUBLIC 'x' 'file://{pipe}'>{ROOT}<S>x</S></Objs>",
        f"<!DOCTYPE Objs [<!ENTITY % e SYSTEM '{pipe}'> %e;]>{ROOT}<S>x</S></Objs>",
        f"<!DOCTYPE Objs [<!ENTITY e SYSTEM '{pipe}'>]>{ROOT}<S>&e;</S></Objs>",
    )
    for document in documents:
        # in a process of its own: who reads an empty pipe never comes back
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from core.clixml.reader import read; read(sys.argv[1])", document],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert "core.errors.Invalid" in done.stderr
        assert "DOCTYPE" in done.stderr.splitlines()[-1]
        assert os.read(waiting, 100) == b"<!ELEMENT x ANY>"
        os.write(waiting, b"<!ELEMENT x ANY>")
    os.close(waiting)


def test_no_entity_opens_a_file() -> None:
    with pytest.raises(Invalid, match=r"DOCTYPE|no CLIXML"):
        read('<!DOCTYPE Objs [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + ROOT + "<S>&e;</S></Objs>")


def test_deep_is_refused() -> None:
    for levels in (65, 100, 200_000):
        deep = '<Obj RefId="0"><LST>' * levels + "</LST></Obj>" * levels
        with pytest.raises(Invalid, match="nested deeper"):
            read(ROOT + deep + "</Objs>")
    fifty = '<Obj RefId="0"><DCT><En><S N="Key">k</S><Obj N="Value" RefId="1"><LST>' * 25
    assert read(ROOT + fifty + "</LST></Obj></En></DCT></Obj>" * 25 + "</Objs>") is not None


def test_deep_member_sets_are_refused() -> None:
    inside = '<Obj RefId="0"><MS>' + '<MS N="a">' * 100 + "</MS>" * 100 + "</MS></Obj>"
    with pytest.raises(Invalid, match="nested deeper"):
        read(ROOT + inside + "</Objs>")


def test_a_long_string_is_read() -> None:
    text = "x" * 12_000_000
    assert read(f"{ROOT}<S>{text}</S></Objs>") == text
    with pytest.raises(Invalid, match="DOCTYPE"):
        read(f"<!DOCTYPE Objs>{ROOT}<S>{text}</S></Objs>")
    with pytest.raises(Invalid, match="no CLIXML"):
        read(f"{ROOT}<S>{text}</X></Objs>")
    with pytest.raises(Invalid, match="at most 67 MB"):
        read(f"{ROOT}<S>{'x' * 68_000_000}</S></Objs>")


def test_references_do_not_multiply() -> None:
    """Thirty objects that hold each other ten times: 10^30 values, if somebody went through them."""
    levels = ['<Obj N="a" RefId="0"><LST><S>x</S></LST></Obj>']
    levels += [
        f'<Obj N="a{number}" RefId="{number}"><LST>' + f'<Ref RefId="{number - 1}"/>' * 10 + "</LST></Obj>"
        for number in range(1, 30)
    ]
    document = f'{ROOT}<Obj RefId="99"><MS>{"".join(levels)}</MS></Obj></Objs>'
    value = read(document)
    start = time.monotonic()
    with pytest.raises(Invalid, match="again and again"):
        plain(value)
    assert time.monotonic() - start < 30
    assert len(write(value)) < 2 * len(document) + 20_000


def test_memory_is_bounded() -> None:
    """Documents of the worst kinds, in a process that may not have more than 1 GB."""
    program = textwrap.dedent(
        """
        from core.clixml.reader import read
        from core.errors import Invalid
        for data in (b"<Objs>" + b"<a/>" * 16_000_000 + b"</Objs>",
                     b"<Objs><S " + b"".join(b'a%d="" ' % n for n in range(4_000_000)) + b"/></Objs>",
                     b'<Objs>' + b'<Obj RefId="0"/>' * 500_000 + b"</Objs>",
                     b"<Objs><S>" + b"&lt;" * 16_000_000 + b"</S></Objs>"):
            try:
                print(type(read(data)).__name__)
            except Invalid as error:
                print(error)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000)),
    )
    assert done.returncode == 0, done.stderr
    first, second, third, fourth = done.stdout.splitlines()
    assert "more than 3,000,000" in first
    assert "more than 3,000,000" in second
    assert third == "list"
    assert fourth == "str"


def test_values_out_of_bounds_are_not_made() -> None:
    for make in (lambda: Byte(256), lambda: Int64(2**63), lambda: Char("ab"), lambda: Char(-1), lambda: Version("1.x")):
        with pytest.raises(Invalid):
            make()


def test_values_without_a_form_are_not_written() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    assert '<Ref N="Value" RefId="0" />' in write(loop)
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    for value in (object(), 1j, deep, {None: 1}, PSObject(value=object())):
        with pytest.raises(Invalid):
            write(value)


def test_simple_value_of_a_parameter() -> None:
    assert simple(write({"a": [1, "x"], "when": None})) == {"a": [1, "x"], "when": None}
    with pytest.raises(Invalid):
        simple("no xml at all")


@pytest.mark.parametrize(
    "part",
    [
        "<Obj RefId='0'><Ref RefId='0'/></Obj>",
        "<Obj RefId='0'><Obj RefId='1'><Ref RefId='0'/></Obj></Obj>",
        "<Obj RefId='0'><LST><Obj RefId='1'><Ref RefId='1'/></Obj></LST></Obj>",
    ],
)
def test_an_object_that_is_nothing_but_itself_has_no_text(part: str) -> None:
    value = read(f"<Objs>{part}</Objs>")
    assert plain(value) in ("", [""])
    assert text(value) == ""


def test_what_is_wrong_is_said_without_naming_a_file() -> None:
    with pytest.raises(Invalid, match=r"tag S line 1, line 1, column 11\.$"):
        read("<Objs><S>x")
