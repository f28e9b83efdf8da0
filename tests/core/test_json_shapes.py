"""Pipeline objects as plain values and as CLIXML documents."""

from __future__ import annotations

import pytest

from core.clixml.reader import read
from core.clixml.values import PSObject, SecureString
from core.clixml.writer import write
from core.json_shapes import object_clixml, object_json, object_value, parameter_value, shape
from core.service import Clixml, PipelineObject


def sent(format: str, data: str) -> PipelineObject:
    return PipelineObject(1, 0, format, data.encode("utf-8", "surrogatepass"))


def test_clixml_becomes_plain_and_keeps_its_secrets() -> None:
    item = sent("clixml", write(PSObject.custom({"Name": "n", "Password": SecureString.of("hush")})))
    assert object_value(item) == {"Name": "n", "Password": None}
    assert shape([item]) == [{"Name": "n", "Password": None}]
    assert object_clixml(item) == item.data.decode()


def test_parameters_given_as_clixml_are_shown_plain() -> None:
    document = write(PSObject.custom({"a": [1, 2]}))
    for value in (Clixml(document), {"clixml": document}):
        assert parameter_value(value) == {"a": [1, 2]}
        assert shape({"Map": value, "Other": 3}) == {"Map": {"a": [1, 2]}, "Other": 3}
    assert parameter_value({"clixml": "no document"}) == "no document"
    assert parameter_value("x") == "x"


@pytest.mark.parametrize(
    ("value", "back"), [('{"a": [1, null, 2.5]}', {"a": [1, None, 2.5]}), ('"x"', "x"), ("null", None), ("1e400", None)]
)
def test_json_becomes_a_document(value: str, back: object) -> None:
    document = object_clixml(sent("json", value))
    if value != "1e400":
        from core.clixml.plain import plain

        assert plain(read(document)) == back
    else:
        assert read(document) == float("inf")


def test_numbers_stay_as_the_script_wrote_them() -> None:
    item = sent("json", '{"large": 1e400, "a": [0.10000000000000000055, NaN]}')
    assert object_json(item) == '{"large": 1e400, "a": [0.10000000000000000055, NaN]}'
    assert object_json(item, wire=True) == '{"large":1e400,"a":[0.10000000000000000055,null]}'
    for written, element in (
        ("1.10", "<D>1.10</D>"),
        ("0.1234567890123456789", "<D>0.1234567890123456789</D>"),
        ("1.5", "<Db>1.5</Db>"),
        ("1E5", "<Db>100000</Db>"),
        ("1e400", "<Db>INF</Db>"),
        ("12345678901234567890", "<ToString>12345678901234567890</ToString>"),
    ):
        assert element in object_clixml(sent("json", written)), written


@pytest.mark.parametrize(("format", "data"), [("clixml", "<Objs><S>"), ("json", "{"), ("json", "[" * 100_000)])
def test_what_cannot_be_read_is_its_text(format: str, data: str) -> None:
    item = sent(format, data)
    assert object_value(item) == data
    assert "Traceback" not in object_clixml(item)
