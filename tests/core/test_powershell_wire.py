"""The protocol's small parts: fragments, messages, values; psrpcore's server reads what is sent: a second opinion."""

from __future__ import annotations

import binascii
import uuid
from typing import Any

import psrpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clixml.escapes import decode, encode, markup
from core.runner.powershell import requests, wire
from core.runner.powershell.client import pipeline_state
from core.runner.powershell.requests import Credential, Secret, Writer
from core.runner.powershell.values import ValueProblem, read, string_bytes, visible
from core.runner.powershell.wire import SESSION, Assembler, Sender, WireError, read_packet


@given(st.lists(st.binary(max_size=100_000), min_size=1, max_size=4), st.randoms())
@settings(deadline=None, max_examples=60)
def test_what_is_sent_comes_back_together(payloads: list[bytes], random: Any) -> None:
    guid = wire.new_guid()
    packets = Sender(wire.new_guid()).packets([(wire.PIPELINE_OUTPUT, payload) for payload in payloads], guid)
    assembler = Assembler()
    found = []
    for packet in packets:
        assert packet.endswith(b"</Data>\n") and len(packet) < 44_000
        before, read_back = read_packet(packet.rstrip(b"\n"))
        assert before == b"" and read_back is not None and (read_back.kind, read_back.guid) == ("Data", guid)
        found += list(assembler.add(read_back.data))
    assert [(message.type, message.payload) for message in found] == [
        # a byte order mark in front is the server's, and none of the value
        (wire.PIPELINE_OUTPUT, payload.removeprefix(b"\xef\xbb\xbf"))
        for payload in payloads
    ]


@given(st.text(max_size=60) | st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010), max_size=20))
def test_texts_survive(given_text: str) -> None:
    written = markup(encode(given_text))
    whole = given_text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert read(f"<S>{written}</S>".encode()).word() == whole
    assert string_bytes(written.encode()) == visible(whole)


def test_escapes_in_every_spelling() -> None:
    assert decode("_x0041__X000a__x0001F3B5__x005F_x0041_ _x004_") == "A\n🎵_x0041_ _x004_"
    assert string_bytes(b"_xD83C__xDFB5_&lt;_xD800_&amp;lt;") == "🎵<\ufffd&lt;".encode()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "no XML"),
        (b"<S>", "no XML"),
        (b"<!DOCTYPE S [<!ENTITY a 'b'>]><S>&a;</S>", "document type"),
        (b"<S>&unknown;</S>", "no XML"),
        (b"<Obj>" * 200 + b"</Obj>" * 200, "nested too deeply"),
        (b"<LST>" + b"<Nil />" * 60_000 + b"</LST>", "too many elements"),
        (b"<TN><T>x</T></TN>", "where a value should stand"),
        (b"<S>" + b"x" * (9 << 20) + b"</S>", "more than is read"),
        (b"\xff\xfe", "no XML"),
    ],
)
def test_hostile_values_are_refused(payload: bytes, words: str) -> None:
    with pytest.raises(ValueProblem, match=words):
        read(payload)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_nothing_but_a_value_problem_comes_of_noise(payload: bytes) -> None:
    for tried in (payload, b"<Obj RefId='0'><MS>" + payload + b"</MS></Obj>"):
        try:
            value = read(tried)
        except ValueProblem:
            continue
        assert isinstance(value.word(), str)


def test_cycles_and_references_are_read() -> None:
    value = read(
        b'<Obj RefId="0"><TN RefId="1"><T>A</T></TN><MS><Ref N="me" RefId="0" /><Ref N="no" RefId="9" /></MS></Obj>'
    )
    assert value["me"] is value and value["no"].word() == "" and value["gone"].nothing
    assert value.types == ["A"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"short", "within its header"),
        (b"\0" * 16 + b"\x03" + (1 << 30).to_bytes(4, "big") + b"x", "within its data"),
        (b"\0" * 7 + b"\x09" + b"\0" * 8 + b"\x02" + b"\0\0\0\x01x", "belongs to no message"),
        (b"\0" * 16 + b"\x03" + b"\0\0\0\x01x", "without its header"),
    ],
)
def test_damaged_fragments(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        list(Assembler().add(data))


def test_a_message_that_is_too_long_is_told_by_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST", 100_000)
    packets = Sender(wire.new_guid()).packets([(wire.PIPELINE_OUTPUT, b"x" * 200_000), (5, b"next")], SESSION)
    assembler = Assembler()
    found = [message for each in packets for message in assembler.add(read_packet(each.strip())[1].data)]  # type: ignore[union-attr]
    assert [(each.type, each.payload, each.length) for each in found] == [
        (wire.PIPELINE_OUTPUT, b"", 200_040),
        (5, b"next", 44),
    ]


@pytest.mark.parametrize(
    ("line", "before", "kind"),
    [
        (b"a banner", b"a banner", None),
        (b"stray<DataAck PSGuid='" + SESSION.encode() + b"' />", b"stray", "DataAck"),
        (b"x<Data Stream='Default' PSGuid='" + SESSION.encode() + b"'>AAAA</Data>", b"x", "Data"),
    ],
)
def test_lines_with_strays_in_them(line: bytes, before: bytes, kind: str | None) -> None:
    found, packet = read_packet(line)
    assert found == before and (packet.kind if packet else None) == kind


def test_a_damaged_packet() -> None:
    with pytest.raises(WireError, match="data is damaged"):
        read_packet(b"<Data Stream='Default' PSGuid='" + SESSION.encode() + b"'>A%A=</Data>")


def test_states() -> None:
    assert pipeline_state(b'<Obj RefId="0"><MS><I32 N="PipelineState">4</I32></MS></Obj>') == 4
    assert pipeline_state(b"<Nil />") == -1


class Server:
    """psrpcore's half of a conversation."""

    def __init__(self) -> None:
        self.pool = psrpcore.ServerRunspacePool()
        self.sender = Sender(wire.new_guid())

    def take(self, messages: list[tuple[int, bytes]], guid: str = SESSION) -> list[Any]:
        for line in self.sender.packets(messages, guid):
            packet = read_packet(line.strip())[1]
            assert packet is not None
            pipeline = None if guid == SESSION else uuid.UUID(guid)
            if pipeline is not None and pipeline not in self.pool.pipeline_table:
                psrpcore.ServerPipeline(self.pool, pipeline)
            self.pool.receive_data(psrpcore.PSRPPayload(packet.data, psrpcore.StreamType.default, pipeline))
        events = []
        while (event := self.pool.next_event()) is not None:
            events.append(event)
        return events

    def sent(self) -> list[wire.Message]:
        assembler = Assembler()
        found: list[wire.Message] = []
        while (data := self.pool.data_to_send()) is not None:
            found += assembler.add(bytes(data.data))
        return found


def opened() -> Server:
    server = Server()
    server.take(
        [(wire.SESSION_CAPABILITY, requests.capability()), (wire.INIT_RUNSPACEPOOL, requests.runspace(100, 30))]
    )
    return server


def test_psrpcore_opens_a_session_for_us() -> None:
    server = opened()
    assert server.pool.state == psrpcore.types.RunspacePoolState.Opened
    assert server.pool.host is not None and server.pool.host.HostDefaultData is not None
    size = server.pool.host.HostDefaultData.WindowSize
    assert (size.Width, size.Height) == (100, 30)
    kinds = [message.type for message in server.sent()]
    assert kinds[0] == wire.SESSION_CAPABILITY and kinds[-1] == wire.RUNSPACEPOOL_STATE


def test_psrpcore_reads_our_pipeline_and_its_arguments() -> None:
    server = opened()
    writer = Writer()
    values: dict[str, object] = {
        "text": "a_x0041_ 🎵\r\n<&>", "yes": True, "whole": 41, "big": 1 << 40, "half": 0.5, "none": None,
        "list": ["x", 2, [True]], "table": {"k": "v"},
    }  # fmt: skip
    guid = wire.new_guid()
    script = "param($a)\n" + "# long\n" * 20_000
    payload = requests.pipeline(script, {"a": writer.value(values, "V")}, 100, 30, writer)
    (event,) = server.take([(wire.CREATE_PIPELINE, payload)], guid)
    command = event.pipeline.commands[0]
    assert command.command_text == script and command.is_script
    (name, value) = command.parameters[0]
    assert name.strip("-") == "a"
    read_back = {str(key): item for key, item in value.items()}
    assert read_back["text"] == values["text"] and read_back["yes"] is True
    assert (read_back["whole"], read_back["big"], read_back["half"], read_back["none"]) == (41, 1 << 40, 0.5, None)
    assert [read_back["list"][0], read_back["list"][1], list(read_back["list"][2])] == ["x", 2, [True]]
    assert dict(read_back["table"]) == {"k": "v"}


def test_secrets_are_what_powershell_reads() -> None:
    value = read(Writer().value(Secret("pä55"), "").encode())
    assert value.tag == "SS" and binascii.a2b_base64(value.text).decode("utf-16-le") == "pä55"
    # read as what a console shows
    assert value.word() == "System.Security.SecureString"
    value = read(Writer().value(Credential("bob & co", "x"), "").encode())
    assert value.types[0] == "System.Management.Automation.PSCredential" and value["UserName"].word() == "bob & co"


@pytest.mark.parametrize(
    ("number", "tag"),
    [(1, "I32"), (-(1 << 31), "I32"), (1 << 31, "I64"), (1 << 63, "U64"), (1 << 64, "D"), (1 << 97, "S")],
)
def test_whole_numbers_have_the_type_they_fit_in(number: int, tag: str) -> None:
    value = read(Writer().value(number).encode())
    assert (value.tag, value.word()) == (tag, str(number))


def test_floats() -> None:
    words = [read(Writer().value(number).encode()).word() for number in (1.5, float("nan"), float("-inf"), 1e300)]
    assert words == ["1.5", "NaN", "-INF", "1e+300"]
    with pytest.raises(TypeError):
        Writer().value(object())
