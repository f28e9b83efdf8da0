"""The lazy tree: one node API over CLIXML and JSON."""

from __future__ import annotations

import json

import pytest

from core.clixml.tree import LARGE, Node, open_object
from core.clixml.type_names import short_type
from core.clixml.values import Dictionary, PSObject, Queue, SecureString
from core.clixml.writer import write
from tests.core.clixml_cases import Case, cases


def row(node: Node) -> tuple[str, str, str, str, int, str]:
    return node.label, node.type, node.kind, node.summary, node.child_count, node.path


def walk(node: Node, levels: int) -> int:
    """Open everything down to a level; how many nodes there were."""
    assert "\n" not in node.summary
    node.text().encode()
    children = node.children()
    assert len(children) == node.child_count
    if levels == 0:
        return 1
    return 1 + sum(walk(child, levels - 1) for child in children)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_every_golden_document_opens(case: Case) -> None:
    root = open_object("clixml", case.clixml)
    assert root.kind != "error"
    assert walk(root, 5) >= 1
    assert root.full_type == (case.reads["type"].removeprefix("Deserialized.") if root.kind != "null" else "null") or (
        case.name == "scriptblock"
    )


def test_an_object_and_its_parts() -> None:
    inner = PSObject.custom({"b c": [1, "x"], "it's": None})
    document = write(PSObject(("My.Thing", "System.Object"), "the thing", adapted={"A": 1}, extended={"B": inner}))
    root = open_object("clixml", document)
    assert row(root) == ("", "Thing", "object", "the thing", 2, "")
    first, second = root.children()
    assert row(first) == ("A", "Int32", "value", "1", 0, ".A")
    assert row(second) == ("B", "PSCustomObject", "object", "b c=[…]; it's=", 2, ".B")
    third, fourth = second.children()
    assert row(third) == ("b c", "Object[]", "list", "2 items", 2, ".B.'b c'")
    assert row(fourth) == ("it's", "null", "null", "null", 0, ".B.'it''s'")
    assert row(third.children(1, 1)[0]) == ("[1]", "String", "value", "x", 0, ".B.'b c'[1]")


def test_a_value_with_members_opens_into_itself_and_them() -> None:
    long = "word " * 100
    root = open_object("clixml", write(PSObject((), value=long, extended={"ReadCount": 1, "Drive": "/"})))
    assert row(root)[:3] == ("", "String", "value") and root.child_count == 3
    assert root.summary.startswith("word word") and root.text() == long
    itself, count, drive = root.children()
    assert itself.label == "value" and itself.kind == "value" and itself.text() == long and itself.path == ""
    assert row(count) == ("ReadCount", "Int32", "value", "1", 0, ".ReadCount")
    assert [node.label for node in root.children(1, 1)] == ["ReadCount"] and row(drive)[0] == "Drive"
    assert [node.label for node in root.children(0, 2)] == ["value", "ReadCount"]
    number = open_object("clixml", write(PSObject((), value=7, extended={"Note": "n"})))
    assert row(number) == ("", "Int32", "value", "7", 2, "")


def test_a_value_with_members_is_its_value_within_an_object() -> None:
    date = "<DT>2026-01-02T00:00:00</DT>"
    noted = f'<Obj N="When" RefId="1">{date}<MS><I32 N="Hint">2</I32></MS></Obj>'
    data = f'<Obj RefId="0"><MS>{noted}</MS></Obj>'
    assert open_object("clixml", data).summary == "When=" + open_object("clixml", date).summary


def test_pages_of_items_then_properties() -> None:
    document = write(PSObject(("System.Queue",), value=Queue(range(1000)), adapted={"Count": 1000, "Sync": False}))
    root = open_object("clixml", document)
    assert root.child_count == 1002
    assert [node.label for node in root.children(998, 3)] == ["[998]", "[999]", "Count"]
    assert [node.label for node in root.children(1001, 5)] == ["Sync"]
    assert root.children(2000, 5) == []
    assert [node.summary for node in root.children(0, 2)] == ["0", "1"]


def test_dictionaries_with_other_keys() -> None:
    key = PSObject.custom({"K": 1})
    root = open_object("clixml", write(PSObject((), value=Dictionary([(1, "one"), ("a b", "two"), (key, "three")]))))
    assert [(node.label, node.path, node.summary) for node in root.children()] == [
        ("1", "[1]", "one"),
        ("a b", ".'a b'", "two"),
        ("K=1", ".'K=1'", "three"),
    ]


def test_a_cycle_opens_for_ever_but_a_level_at_a_time() -> None:
    loop = PSObject.custom({"Name": "loop"})
    assert loop.extended is not None
    loop.extended["Self"] = loop
    node = open_object("clixml", write(loop))
    for level in range(200):
        assert node.back_reference == (level > 0)
        node = node.children()[1]
    assert node.path == ".Self" * 200


def test_secrets_are_hidden() -> None:
    credential = PSObject.custom({"UserName": "u", "Password": SecureString.of("hush")})
    root = open_object("clixml", write(credential))
    assert root.children()[1].summary == root.children()[1].text() == "********"


def test_several_values_are_a_list() -> None:
    root = open_object("clixml", "<Objs><I32>1</I32><S>b</S></Objs>")
    assert row(root) == ("", "Object[]", "list", "2 items", 2, "")
    assert [node.summary for node in root.children()] == ["1", "b"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("<Objs><Ref RefId='9'/></Objs>", "refers to an object '9' that is not in the document"),
        ("<Objs><S>", "no CLIXML"),
        ("<!DOCTYPE x [<!ENTITY e 'x'>]><Objs><S>&e;</S></Objs>", "DOCTYPE"),
    ],
)
def test_what_cannot_be_read_says_why(data: str, said: str) -> None:
    root = open_object("clixml", data)
    assert root.kind == "error"
    assert said in root.summary
    assert data in root.text()
    assert root.children() == ()


@pytest.mark.parametrize(
    "data",
    [
        "<Objs><Obj RefId='0'><Ref RefId='0'/></Obj></Objs>",
        "<Objs><Obj RefId='0'><Obj RefId='1'><Ref RefId='0'/></Obj></Obj></Objs>",
        "<Objs><Obj RefId='0'><Ref RefId='0'/><MS><S N='a'>b</S></MS></Obj></Objs>",
        "<Objs><Obj RefId='0'><DCT><En><Obj RefId='1'><Ref RefId='1'/></Obj><S>b</S></En></DCT></Obj></Objs>",
        "<Objs><Obj RefId='0'><DCT><En><Ref RefId='7'/><S>b</S></En></DCT></Obj></Objs>",
        "<Objs><Obj RefId='0'><LST><Obj RefId='1'><Ref RefId='0'/></Obj><Ref RefId='9'/></LST></Obj></Objs>",
    ],
)
def test_what_is_within_itself_or_nowhere_is_told(data: str) -> None:
    assert walk(open_object("clixml", data), 3) >= 1


def test_a_broken_part_leaves_the_rest() -> None:
    root = open_object(
        "clixml", '<Obj RefId="0"><MS><I32 N="a">1</I32><Ref N="b" RefId="5"/><I32 N="c">x</I32></MS></Obj>'
    )
    a, b, c = root.children()
    assert a.summary == "1"
    assert (b.label, b.kind) == ("b", "error")
    assert "no whole number" in c.summary


@pytest.mark.parametrize("size", [0, LARGE])
def test_numbers_of_json_are_shown_as_they_were_written(size: int) -> None:
    numbers = ["1e400", "0.10000000000000000055", "12345678901234567890.5", "1.10", "-0"]
    root = open_object("json", f"[{', '.join(numbers)}, {'9' * 5000}]{' ' * size}")
    *short, long = root.children()
    assert [(node.type, node.summary, node.text()) for node in short] == [("number", text, text) for text in numbers]
    assert long.text() == "9" * 5000 and long.summary.endswith("9…")
    assert open_object("json", '{"a": 1e400, "b": [1E2]}').summary == "a=1e400; b=[…]"
    assert open_object("json", '{"a": [1E2]}').text() == '{\n  "a": [\n    1E2\n  ]\n}'


def test_json_is_the_same_tree() -> None:
    value = {"a": [1, None, {"b": "x\ny"}], "c d": True, "e": "\ud800"}
    root = open_object("json", json.dumps(value).encode(), label="#1")
    assert row(root) == ("#1", "object", "object", "a=[…]; c d=true; e=\N{REPLACEMENT CHARACTER}", 3, "")
    a, c, e = root.children()
    assert row(a) == ("a", "list", "list", "3 items", 3, ".a")
    assert row(c) == ("c d", "boolean", "value", "true", 0, ".'c d'")
    e.text().encode()
    inner = a.children(2, 1)[0]
    assert row(inner) == ("[2]", "object", "object", "b=x y", 1, ".a[2]")
    assert inner.children()[0].text() == "x\ny"
    assert open_object("json", b"[1").kind == "error"
    assert open_object("json", b"[" * 100000).kind == "error"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("System.Int32[,]", "Int32[,]"),
        ("Selected.System.Diagnostics.Process", "Process"),
        (
            "System.Collections.Generic.List`1[[System.String, System.Private.CoreLib, Version=10.0.0.0]]",
            "List<String>",
        ),
        (
            "System.Collections.Generic.Dictionary`2[[System.String, P, V=1],"
            "[System.Collections.Generic.List`1[[System.Int32, P, V=1]], P, V=1]]",
            "Dictionary<String, List<Int32>>",
        ),
        ("", ""),
        ("`1[[", "`1[["),
    ],
)
def test_short_types(name: str, short: str) -> None:
    assert short_type(name) == short


def test_types_within_types_without_end() -> None:
    short = short_type("A.B`1[[" * 3000 + "C" + "]]" * 3000)
    assert short.startswith("B<B<B<") and "…" in short and len(short) < 100
