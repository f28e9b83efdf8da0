"""The reader against documents nobody would write, a fixed number of them; psrpcore as a second opinion."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clixml.escapes import decode, encode
from core.clixml.plain import plain
from core.clixml.reader import read, read_streams
from core.clixml.times import DateTime, TimeSpan
from core.clixml.tree import Node, open_object
from core.clixml.values import Byte, Char, Dictionary, Int64, MemberSet, PSObject, Single, UInt64
from core.clixml.writer import write
from core.errors import Invalid
from tests.core.clixml_cases import Case, cases, documents

#: documents that are made from each seed
MUTATIONS = 3000
TEXTS = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=()), st.sampled_from("_xX0048AFDafd&<>\"'\r\n\t\ud83c\udfb5")),
    max_size=40,
)
FUZZ = settings(
    max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def mutated(document: str, chance: random.Random) -> str:
    """The document with some of it cut out, doubled, swapped or overwritten."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(document) + 1)
        stop = min(len(document), start + chance.choice((1, 2, 8, 40, 200)))
        kind = chance.randrange(6)
        if kind == 0:
            document = document[:start] + document[stop:]
        elif kind == 1:
            document = document[:stop] + document[start:stop] + document[stop:]
        elif kind == 2:
            document = (
                document[:start] + chance.choice(("<", ">", "&", '"', "\0", "\ud800", "]]>", "é")) + document[stop:]
            )
        elif kind == 3:
            tags = re.findall(r"</?[A-Za-z0-9]+", document)
            document = document.replace(chance.choice(tags), chance.choice(tags), 1) if tags else document
        elif kind == 4:
            document = re.sub(r'RefId="\d+"', f'RefId="{chance.randint(0, 3)}"', document, count=chance.randint(1, 5))
        else:
            parts = re.findall(r"<(?:Obj|Ref|S|I32|Nil|MS|LST|DCT|En)[^<]*", document)
            document = document[:start] + (chance.choice(parts) if parts else "") + document[start:]
    return document


def opened(node: Node, budget: list[int]) -> None:
    """Look at a tree as a person would: everything of what is there, up to a number of nodes."""
    budget[0] -= 1
    for said in (node.label, node.type, node.full_type, node.kind, node.summary, node.path, node.text()):
        assert isinstance(said, str)
    for child in node.children(0, 20):
        if budget[0] > 0:
            opened(child, budget)


@pytest.mark.parametrize("seed", range(4))
def test_mutations_are_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    seeds = [document for document in documents() if len(document) < 7000]
    whole = 0
    for _ in range(MUTATIONS):
        document = mutated(chance.choice(seeds), chance)
        opened(open_object("clixml", document), [60])
        try:
            value = read(document)
        except Invalid:
            continue
        whole += 1
        again = write(value)
        assert write(read(again)) == again
        try:
            plain(value)
        except Invalid as error:
            assert "again and again" in str(error)
    assert whole > MUTATIONS / 20, "most mutations must not be refused at the first letter"


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for document in (data, b"<Objs>" + data + b"</Objs>", b"<Objs><S>" + data + b"</S></Objs>"):
        opened(open_object("clixml", document), [20])
        opened(open_object("json", data), [20])
        try:
            read_streams(document)
        except Invalid as error:
            assert str(error).endswith(".")


@FUZZ
@given(TEXTS)
def test_any_text_comes_back(text: str) -> None:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert decode(encode(text)) == whole
    assert read(write({text: text})).value == Dictionary([(whole, whole)])
    obj = read(write(PSObject((text,) if text else (), text, extended={text: MemberSet({text: 1})})))
    assert obj.to_string == whole
    assert obj.extended == {whole: {whole: 1}}


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), TEXTS, st.integers(-(2**31), 2**31 - 1), st.binary(max_size=40),
        st.floats(allow_nan=False), st.uuids(), st.integers(-(2**63), 2**63 - 1).map(Int64),
        st.integers(0, 2**64 - 1).map(UInt64), st.integers(0, 255).map(Byte), st.integers(0, 0xFFFF).map(Char),
        st.floats(width=32, allow_nan=False).map(Single),
        st.decimals(allow_nan=False, allow_infinity=False, places=5, max_value=10**20, min_value=-(10**20)),
        st.datetimes().map(DateTime.of), st.integers(-(2**63), 2**63 - 1).map(TimeSpan),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXTS, inner, max_size=4).map(PSObject.custom),
        st.lists(st.tuples(inner.filter(lambda key: key is not None), inner), max_size=3).map(Dictionary),
    ),
    max_leaves=12,
)  # fmt: skip


def normal(value: Any) -> Any:
    """A value as it comes back: texts with joined surrogates, containers as objects' values."""
    if isinstance(value, PSObject):
        if isinstance(value.value, Dictionary | list):
            return normal(value.value)
        return {normal(name): normal(item) for name, item in (value.extended or {}).items()}
    if isinstance(value, Dictionary):
        return [(normal(key), normal(item)) for key, item in value]
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str) and not isinstance(value, Char):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return (type(value), str(value) if isinstance(value, Decimal) else value)


@FUZZ
@given(VALUES)
def test_any_value_comes_back(value: Any) -> None:
    document = write(value)
    again = read(document)
    assert normal(again) == normal(value)
    assert write(again) == document
    assert plain(read(write(value, wire=True))) == plain(again)


#: golden cases that psrpcore 0.3 reads or writes otherwise, and how
PSRPCORE_FAULTS = {
    "nan": "it writes NAN, which is no number",
    "dateLocal": "it makes local times UTC",
    "infoRecord": "the same",
    "fileInfo": "the same",
    "dateUnspec": "it writes the year 1 with one digit",
    "secure": "it wants a cipher for what is not encrypted",
    "arrayEmpty": "it takes an empty array for null",
    "enum": "it forgets an enum's name",
    "enumSystem": "the same",
    "enumFlagsSystem": "the same",
    "errorRecord": "it forgets what is not its own property",
}


def by_psrpcore(document: str) -> Any:
    """The plain value of what psrpcore reads and writes again; None where it fails."""
    from psrpcore.types import deserialize_clixml, serialize_clixml

    cipher: Any = None
    try:
        values = deserialize_clixml(document, cipher)
        value = values[0] if isinstance(values, list) and len(values) == 1 else values
        return ("read", plain(read(serialize_clixml(value, cipher))))
    except (Invalid, ValueError, AttributeError, KeyError):
        return None


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_psrpcore_reads_the_same(case: Case) -> None:
    """An independent reader and writer of CLIXML finds the same values."""
    agrees = by_psrpcore(case.clixml) == ("read", plain(read(case.clixml)))
    assert agrees == (case.name not in PSRPCORE_FAULTS), "psrpcore is mended: take the case out of its list"


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ('<Obj RefId="0"><MS><MS N="a"><S N="b">c</S></MS></MS></Obj>', {"a": {"b": "c"}}),
        ("<S>_X0041_</S>", "A"),
        ("<S>_x00000041_</S>", "A"),
        ("<S>_xDABC_</S>", "\udabc"),
    ],
)
def test_what_psrpcore_is_known_to_fail_at(inside: str, value: Any) -> None:
    document = f'<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{inside}</Objs>'
    assert plain(read(document)) == value
    assert by_psrpcore(document) != ("read", value)
