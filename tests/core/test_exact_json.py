"""JSON whose numbers stay as they were written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import exact_json

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=VALUES, indent=st.sampled_from([None, 0, 2]))
def test_it_writes_what_json_writes(value: Any, indent: int | None) -> None:
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    assert exact_json.dumps(value, indent) == written
    assert exact_json.dumps(exact_json.loads(written), indent) == written
    on_the_wire = exact_json.dumps(value, wire=True).encode()
    assert exact_json.dumps(exact_json.loads(on_the_wire), wire=True).encode() == on_the_wire


@pytest.mark.parametrize(
    "number", ["1e400", "-1E-400", "0.10000000000000000055", "12345678901234567890.5", "1.10", "1e5", "-0", "9" * 9000]
)
def test_a_number_stays_as_it_was_written(number: str) -> None:
    text = f'{{"a": [{number}, 1, 2.5]}}'
    value = exact_json.loads(text.encode())
    assert value["a"][0] == float(number) and value["a"][1:] == [1, 2.5]
    assert exact_json.dumps(value) == text


def test_on_the_wire_it_is_json_and_nothing_else() -> None:
    value = exact_json.loads("[NaN, -Infinity, 1e400]")
    assert exact_json.dumps(value) == "[NaN, -Infinity, 1e400]"
    assert exact_json.dumps(value, wire=True) == "[null,null,1e400]"
    assert exact_json.dumps({"é": "\ud800 ☃"}, wire=True) == '{"é":"\\ud800 ☃"}'


def test_any_depth_is_written() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert exact_json.dumps(value) == "[" * 100_000 + "1" + "]" * 100_000
    while isinstance(value, list):  # Python itself takes what is so deep apart level by level
        value = value.pop()
