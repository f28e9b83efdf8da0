"""JSON of any size is found level by level, without decoding it, and is what json.loads says it is."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clixml import json_places, tree_json_large
from core.clixml.tree import LARGE, Node, Reading, Stopped, open_object
from core.clixml.tree_json import open_json
from core.clixml.tree_json_large import JsonBytes, open_large
from core.errors import Invalid

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(['"', "\\", '\\"', "[{", "}],", "\\\\"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=200) | st.dictionaries(TEXTS, inner, max_size=100),
    max_leaves=300,
)


def value_of(node: Node) -> Any:
    """The value that a node and what is in it tell."""
    if node.unread:
        node.read(Reading())
    if not isinstance(node, JsonBytes):
        text = node.text()
        return text if node.type == "string" else json.loads(text)
    children = node.children()
    assert len(children) == node.child_count
    if node.type == "list":
        assert [child.label for child in children] == [f"[{number}]" for number in range(len(children))]
        return [value_of(child) for child in children]
    return {child.label: value_of(child) for child in children}


@pytest.mark.parametrize("long", [0, 20, 1 << 16])
@settings(max_examples=60, deadline=None)
@given(value=VALUES, ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_it_is_what_it_is_when_decoded(long: int, value: Any, ascii: bool, indent: int | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_places, "LONG", long)
        patch.setattr(tree_json_large, "LONG", long)
        data = json.dumps({"all": value}, ensure_ascii=ascii, indent=indent).encode()
        root = open_large(data, "", Reading())
        assert value_of(root) == {"all": value}


def test_a_name_that_is_no_json_hides_no_value() -> None:
    data = rb'{"a\qb": 1, "c' + b"\n\xff" + b'": 2, "good": 3}' + b" " * LARGE
    root = open_object("json", data)
    assert [(node.label, node.summary) for node in root.children()] == [
        (r"a\qb", "1"),
        ("c\n\ufffd", "2"),
        ("good", "3"),
    ]
    assert root.summary == "a\\qb=1; c \ufffd=2; good=3"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers() | TEXTS, min_size=100, max_size=400), st.integers(0, 400), st.integers(0, 50))
def test_any_page_of_it(items: list[Any], start: int, count: int) -> None:
    for value, told in ((items, items), ({f"n{n}": item for n, item in enumerate(items)}, items)):
        data = json.dumps(value).encode()
        large, small = open_large(data, "", Reading()), open_json(data)
        assert large.child_count == small.child_count == len(told)
        pages = [
            [(node.label, node.path, node.summary, node.type, node.text()) for node in root.children(start, count)]
            for root in (large, small)
        ]
        assert pages[0] == pages[1]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text('[]{}",:\\ 1a', max_size=40).map(str.encode))
def test_rubbish_is_refused_or_told(data: bytes) -> None:
    try:
        root = open_large(data, "", Reading())
    except Invalid:
        return
    root.summary  # noqa: B018 (that it can be told)
    for child in root.children():
        assert "\n" not in child.summary


def test_a_hundred_megabytes_open_in_little_memory_and_can_be_stopped() -> None:
    part = json.dumps([{"name": f"item {n}", "tags": ["a", 'b"]'], "text": "x" * 100} for n in range(1000)]).encode()
    data = b'{"first": 1, "parts": [' + b",".join([part] * 150) + b'], "long": "' + b"y\\n" * 1_000_000 + b'"}'
    assert len(data) > 20 << 20
    tracemalloc.start()
    root = open_object("json", data, label="[0]")
    assert [child.label for child in root.children()] == ["first", "parts", "long"]
    first, parts, long = root.children()
    assert (first.summary, parts.unread, long.unread) == ("1", True, True)
    parts.read(Reading())
    assert (parts.child_count, parts.summary) == (150, "150 items")
    item = parts.children(149, 1)[0]
    item.read(Reading())
    assert item.children(999, 1)[0].path == ".parts[149][999]"
    assert item.children(999, 1)[0].children()[1].children()[1].text() == 'b"]'
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    long.read(Reading())
    assert long.text() == "y\n" * 1_000_000
    reading = Reading()
    reading.stopped = True
    with pytest.raises(Stopped):
        open_object("json", data, reading=reading)


def test_what_is_cut_off_is_told() -> None:
    size = LARGE + 1
    for data in (b'["' + b"x" * size, b"[" * size, b'{"a": ' + b"1" * size, b'["' + b"x" * size + b'" 5]', b" " * size):
        root = open_object("json", data)
        assert root.kind == "error" and "no JSON" in root.summary
