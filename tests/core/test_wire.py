"""The codec between the service's data and JSON, and what else goes over the wire."""

from __future__ import annotations

import json
import types
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core import frames, query_string, service, wire
from core.access import AppToken, Role
from core.errors import Invalid, Unavailable
from core.model import (
    Clixml,
    Job,
    JobPage,
    JobQuery,
    Line,
    LinePage,
    Parameter,
    Record,
    RunRequest,
    Script,
    Status,
    Term,
)

CLASSES = [
    kind
    for kind in (getattr(service, name) for name in [*service.__all__, "AuditEntry"])
    if hasattr(kind, "__dataclass_fields__") and kind is not Clixml  # a Clixml is a value
]
assert len(CLASSES) > 20
TEXT = some.text(some.characters(exclude_categories=[]), max_size=8)  # lone surrogates and NUL too
JSON_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
VALUES = JSON_VALUES | some.builds(Clixml, TEXT.map(lambda text: f"<Objs>{text}</Objs>"))
#: what RFC 3339 with 7 digits can say, but the epoch itself, which means unknown
MOMENTS = some.integers(-621355968000000000 + 1, 2534023007999999999).filter(bool).map(lambda tick: tick * 100)


def of_hint(hint: Any, field: str) -> some.SearchStrategy[Any]:
    """Values of a field."""
    if isinstance(hint, types.UnionType):
        return some.one_of(*(of_hint(option, field) for option in typing.get_args(hint)))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is types.NoneType:
        return some.none()
    if hint is int and field in wire.TIMES:
        return MOMENTS
    if hint is Any:
        return VALUES
    if origin is tuple:
        return some.lists(of_hint(arguments[0], ""), max_size=3).map(tuple)
    if origin is frozenset:
        return some.frozensets(of_hint(arguments[0], ""), max_size=3)
    if origin is not None:
        return some.dictionaries(TEXT, of_hint(arguments[1], ""), max_size=3)
    if hint is float and field == "timeout":
        return some.integers(0, 10**7).map(lambda milliseconds: milliseconds / 1000)
    plain = {
        int: some.integers(-(2**63), 2**63 - 1),
        str: TEXT,
        bool: some.booleans(),
        bytes: some.binary(max_size=12) | TEXT.map(lambda text: text.encode("utf-8", "replace")),
        float: some.floats(allow_nan=False, allow_infinity=False),
    }
    if hint in plain:
        return plain[hint]
    return objects(hint) if hasattr(hint, "__dataclass_fields__") else some.sampled_from(hint)


def objects(kind: type) -> some.SearchStrategy[Any]:
    """Objects of a data class."""
    hints = typing.get_type_hints(kind)
    return some.builds(kind, **{name: of_hint(hint, name) for name, hint in hints.items()})


def over_the_wire(value: Any) -> Any:
    """What the other side reads."""
    return json.loads(wire.dumps(wire.encode(value)))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_data_class_comes_back_as_it_went(kind: type) -> None:
    @settings(max_examples=60, deadline=None)
    @given(objects(kind))
    def round_trip(value: Any) -> None:
        assert wire.decode(kind, over_the_wire(value), strict=True) == value
        again = {key.upper(): item for key, item in over_the_wire(value).items()}
        assert wire.decode(kind, again, strict=True) == value

    round_trip()


def test_a_job_has_the_originals_names_and_shapes() -> None:
    job = Job(
        id=7,
        run_id="r",
        status=Status.WaitingOnFeedback,
        script="a.sh",
        script_path="/x/a.sh",
        created=1_764_044_280_123_456_789,
        parameters={"p": Clixml("<Objs />"), "q": [1]},
        children=(8, 9),
    )
    shape = over_the_wire(job)
    assert shape["createdTime"] == "2025-11-25T04:18:00.1234567Z"
    assert shape["startTime"] is None and shape["endTime"] is None and shape["scriptFullPath"] == "/x/a.sh"
    assert shape["status"] == 4 and shape["children"] == [8, 9] and shape["parentLineNumber"] is None
    assert shape["parameters"] == {"p": {"clixml": "<Objs />"}, "q": [1]}
    assert all("_" not in key for key in shape)
    # A list of them, and a page.
    assert over_the_wire(JobPage((job,), more=True)) == {"jobs": [shape], "more": True}
    assert over_the_wire([job, job]) == [shape, shape]


def test_a_script_says_its_timeout_in_minutes() -> None:
    script = Script(1, "a.sh", "/a.sh", timeout=90.0, concurrent_jobs=3, max_history=5)
    shape = over_the_wire(script)
    assert (shape["fullPath"], shape["timeOut"], shape["concurrentJobs"], shape["maxHistory"]) == ("/a.sh", 1.5, 3, 5)
    assert wire.decode(Script, {"Id": 1, "NAME": "a.sh", "FullPath": "/a.sh", "TimeOut": 1.5}).timeout == 90.0


@given(some.dictionaries(some.sampled_from(["timeout", "tags", "max_history", "name", "path", "colour"]), some.none()))
def test_settings_go_one_by_one(chosen: dict[str, None]) -> None:
    values: dict[str, Any] = {"timeout": 10.0, "tags": ("a",), "max_history": 3, "name": "x", "path": "/p", "colour": 1}
    given_ = {name: values[name] for name in chosen}
    assert wire.decode_settings(Script, json.loads(json.dumps(wire.encode_settings(Script, given_)))) == given_


def test_what_settings_cannot_be_is_left_to_the_other_side() -> None:
    encoded = wire.encode_settings(Script, {"timeout": "soon", "tags": 3, "description": None})
    assert encoded == {"timeOut": "soon", "tags": 3, "description": None}
    with pytest.raises(Invalid, match='timeOut must be a number, not "soon"'):
        wire.decode_settings(Script, encoded)


def test_bytes_are_text_where_they_can_be() -> None:
    assert over_the_wire(Line(0, 0, 1, "naïve\0".encode(), 1))["data"] == "naïve\0"
    shape = over_the_wire(LinePage((Line(0, 0, 1, b"\xff\x00", 1),), None))["lines"][0]
    assert shape["dataBase64"] == "/wA=" and "data" not in shape


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        (Job, [], "job must be a JSON object"),
        (Job, {"id": 1}, "job lacks runId, status, script"),
        (RunRequest, {"script": True}, "script must be a text or a whole number, not true"),
        (RunRequest, {"colour": 1}, "has no field 'colour'"),
        (RunRequest, {"tags": "a"}, "tags must be a list"),
        (RunRequest, {"extraVariables": {"A": 1}}, "extraVariables must be a text, not"),
        (RunRequest, {"timeout": float("nan")}, "timeout must be a number"),
        (JobQuery, {"since": "yesterday"}, "since must be a time"),
        (JobQuery, {"since": "2026-13-01T00:00:00Z"}, "since must be a time"),
        (JobQuery, {"statuses": ["Ran"]}, r"must be one of 0 \(Queued\), 1"),
        (Line, {"number": 1.5}, "number must be a whole number"),
        (Line, {"dataBase64": "?"}, "data must be base64"),
        (AppToken, {"role": "root"}, "role must be one of Administrator, Operator"),
        (Parameter, {"name": None}, "name must be a text, not null"),
    ],
)
def test_what_is_wrong_is_said_with_its_name(kind: type, data: Any, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        wire.decode(kind, data, strict=True)


def test_words_stand_for_numbers_and_unknown_keys_are_left_alone() -> None:
    query = wire.decode(JobQuery, {"Statuses": ["running", 4], "terms": [{"field": "tag", "values": ["x"]}], "new": 1})
    assert query == JobQuery(statuses=frozenset({Status.Running, Status(4)}), terms=(Term("tag", ("x",)),))
    assert wire.decode(AppToken, {"id": 1, "identity": "i", "role": "reader"}).role is Role.Reader


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01t01:00:01.5+01:00", 1_500_000_000),
        ("1969-12-31 23:00:00.123456789-01:00", 123_456_789),
        ("1970-01-01T00:00:00.0000000009Z", 0),
    ],
)
def test_any_time_of_rfc_3339_is_read(text: str, expected: int) -> None:
    assert wire.decode(JobQuery, {"since": text}).since == expected


def test_numbers_that_are_none_are_null() -> None:
    assert wire.dumps(wire.encode({"a": float("nan"), "b": [float("inf"), 1.5]})) == b'{"a":null,"b":[null,1.5]}'


def test_counts_go_by_word() -> None:
    counts = {Status.Running: 3, Status.Failed: 1}
    assert wire.encode_counts(counts) == wire.encode(counts) == {"Running": 3, "Failed": 1}
    assert wire.decode_counts({"Running": 3, "Failed": 1}) == counts
    with pytest.raises(Invalid):
        wire.decode_counts({"Ran": 1})


NUMBERS = some.none() | some.integers(-(2**62), 2**62)
QUERIES = some.builds(
    JobQuery,
    statuses=some.frozensets(some.sampled_from(Status)),
    terms=some.lists(
        some.builds(
            Term,
            some.sampled_from(query_string.TERM_FIELDS),
            some.lists(some.text(max_size=6) | some.sampled_from(["", ",", "\\", "a\\,b", "\n"]), min_size=1).map(
                tuple
            ),
            some.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    since=some.none() | MOMENTS.filter(lambda time: time > 0),
    until=some.none() | MOMENTS.filter(lambda time: time > 0),
    parent_job=NUMBERS,
    rerun_of=NUMBERS,
    hide_children=some.booleans(),
    order_by=some.sampled_from(["id", "started", "ended", "duration", "nonsense"]),
    descending=some.booleans(),
    take=some.integers(0, 1000),
    skip=some.integers(0, 1000),
    before=NUMBERS,
)


@settings(deadline=None)
@given(QUERIES)
def test_a_query_comes_back_from_its_parameters(query: JobQuery) -> None:
    assert query_string.read_query(query_string.write_query(query)) == query


def test_parameters_in_the_originals_words() -> None:
    pairs = [
        ("orderBy", "StartTime"),
        ("OrderDirection", "Ascending"),
        ("status", "1"),
        ("status", "Failed"),
        ("x", ""),
    ]
    assert query_string.read_query(pairs) == JobQuery(
        order_by="started", descending=False, statuses=frozenset({Status.Running, Status.Failed})
    )
    assert query_string.read_query([("since", "2026-01-01T00:00:00 01:00"), ("hideChildren", "")]).hide_children
    assert query_string.read_streams("stdout, 2") == frozenset({1, 2}) and query_string.read_streams(None) is None
    assert query_string.read_streams("0," + query_string.write_streams({7, 3})) == frozenset({0, 3, 7})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("take", "x"),
        ("before", "9" * 30),
        ("status", "Ran"),
        ("since", "now"),
        ("hideChildren", "2"),
        ("orderDirection", "up"),
        ("parentJob", "²"),
        ("term", "tag"),
        ("term", '{"field": "tag"}'),
    ],
)
def test_wrong_parameters_are_told_by_name(name: str, text: str) -> None:
    with pytest.raises(Invalid, match=name):
        query_string.read_query([(name, text)])


@given(some.lists(objects(Record).map(lambda r: Record(abs(r.number) % 2**60 + 1, r.time % 2**62, 1, 9, r.data))))
def test_frames_come_out_however_they_are_cut(records: list[Record]) -> None:
    stream = b"".join(frames.frame(record) + frames.SIGN_OF_LIFE for record in records)
    for step in (1, 7, len(stream) + 1):
        unframer = frames.Unframer()
        chunks = [stream[start : start + step] for start in range(0, len(stream), step)]
        assert [record for chunk in chunks for record in unframer.feed(chunk)] == records
        assert not unframer.ended
        assert not list(unframer.feed(frames.END)) and unframer.ended


def test_a_gap_says_how_many_records_are_gone() -> None:
    gap = Record(5, 1, 0, 3_000_000_000, b"")
    assert list(frames.Unframer().feed(frames.frame(gap))) == [gap]
    with pytest.raises(Unavailable, match="proxy"):
        list(frames.Unframer().feed(b"<!DOCTYPE html><html><body>Bad gateway</body></html>"))
