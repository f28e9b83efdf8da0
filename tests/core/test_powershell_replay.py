"""Recorded conversations with a complete PowerShell, replayed against the runner: records, prompts and end."""

from __future__ import annotations

import base64
import json
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.journal.format import (
    DEBUG,
    ERROR,
    FLAG_CLIXML,
    INFORMATION,
    OBJECT,
    PROMPT,
    STDERR,
    STDOUT,
    VERBOSE,
    WARNING,
)
from tests.core.runner_jobs import Deck, Run, until

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "psrp"
SERVER = Path(__file__).with_name("psrp_replay.py")
PREFIX = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">\n'


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def replay(deck: Deck, name: str, code: int = 160, **settings: Any) -> Run:
    """A job whose PowerShell says what is recorded under that name."""
    argv = [sys.executable, str(SERVER), str(GOLDEN / f"{name}.psrp"), str(deck.directory / "heard"), str(code)]
    return deck.job(*argv, script="'x'", suffix=".ps1", kind="powershell", powershell={}, **settings).go()


def said(name: str, side: str = "<") -> Iterator[tuple[int, bytes]]:
    """(type, payload) of every message of one side, put together anew."""
    parts: dict[int, bytes] = {}
    for line in (GOLDEN / f"{name}.psrp").read_text("utf-8").splitlines():
        if not line.startswith(f"{side} <Data "):
            continue
        data = base64.b64decode(line[2:].partition(">")[2].partition("<")[0])
        while data:
            number, _fragment, flags, length = struct.unpack_from(">QQBI", data)
            parts[number] = parts.get(number, b"") + data[21 : 21 + length]
            data = data[21 + length :]
            if flags & 2:
                whole = parts.pop(number)
                yield struct.unpack_from("<I", whole, 4)[0], whole[40:].removeprefix(b"\xef\xbb\xbf")


def plain(text: str | None) -> str:
    """A text of CLIXML without its escapes."""
    units = re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text or "")
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def element(payload: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(payload)


def to_strings(name: str, kind: int) -> list[str]:
    """The ToString of every record of one type."""
    return [plain(element(payload).findtext("ToString")) for number, payload in said(name) if number == kind]


def member(node: ElementTree.Element | None, name: str) -> ElementTree.Element:
    assert node is not None
    return next(each for each in node.iter() if each.get("N") == name)


def calls(name: str) -> list[tuple[int, list[str]]]:
    """(method, the texts among its arguments) of every host call."""
    found = []
    for kind, payload in said(name):
        if kind == 0x41100:
            root = element(payload)
            listed = member(root, "mp").find("LST")
            arguments = [] if listed is None else [plain(each.text) for each in listed]
            found.append((int(member(root, "mi").findtext("I32") or 0), arguments))
    return found


def expected_objects(name: str) -> list[str]:
    found = []
    for kind, payload in said(name):
        if kind == 0x41004:
            text = plain(element(payload).text)
            if text.startswith("\x02"):
                found.append(text[1:])
            else:
                found.append(PREFIX + "  " + payload.decode() + "\n</Objs>")
    return found


def expected_text(name: str) -> str:
    """What the formatter wrote: every WriteLine that belongs to no information record."""
    shown = [plain(each) for each in information(name)]
    text = ""
    for method, arguments in calls(name):
        if method == 16 and arguments[0] in shown:
            shown.remove(arguments[0])
        elif method == 16:
            text += arguments[0] + "\n"
    return text


def information(name: str) -> list[str]:
    found = []
    for kind, payload in said(name):
        if kind == 0x41011:
            data = member(element(payload), "MessageData")
            found.append(data.text or "" if data.tag == "S" else data.findtext("ToString") or "")
    return found


COMPLETED = ("many", "mix", "native4", "nested", "noise", "streams", "table")


@pytest.mark.parametrize("name", [*COMPLETED, "err", "tbl", "throw", "syntax", "exit3", "exitfn"])
def test_every_record_of_a_conversation(deck: Deck, name: str) -> None:
    run = replay(deck, name)
    end = run.ended(60)
    records = run.records()
    objects = [(flags, data.decode()) for stream, flags, data in records if stream == OBJECT]
    assert objects == [(FLAG_CLIXML, document) for document in expected_objects(name)]
    stdout, stderr = (GOLDEN / f"{name}.stdout", GOLDEN / f"{name}.stderr")
    printed = run.stream(STDOUT).decode()
    strays = stdout.read_text() if stdout.exists() else ""
    assert printed.replace(strays, "", 1) == expected_text(name) if strays else printed == expected_text(name)
    errors = [text for text in to_strings(name, 0x41005) if text != "native err"]
    failed = [payload for kind, payload in said(name) if kind == 0x41006 and b">5</I32>" in payload]
    if failed:
        errors.append(plain(member(element(failed[0]), "ExceptionAsErrorRecord").findtext("ToString")))
    assert [error["message"] for error in run.values(ERROR)] == errors
    told = run.stream(STDERR).decode()
    if stderr.exists():
        assert stderr.read_text() in told
        told = told.replace(stderr.read_text(), "", 1)
    assert told == ("native err\n" if "native err" in to_strings(name, 0x41005) else "")
    for stream, kind in ((WARNING, 0x41009), (VERBOSE, 0x41008), (DEBUG, 0x41007)):
        assert [each["message"] for each in run.values(stream)] == to_strings(name, kind)
    assert [re.sub("\x1b\\[[0-9;]*m", "", each["message"]) for each in run.values(INFORMATION)] == [
        plain(each) for each in information(name)
    ]
    code = {"exit3": 3, "exitfn": 9}.get(name, 1 if failed else 0)
    assert end["exit_code"] == code
    status = "Failed" if code else "Error" if errors else "Warning" if run.values(WARNING) else "Completed"
    assert end["status"] == status
    if failed and name == "syntax":
        assert end["reason"].endswith(
            "syntax.ps1 cannot be parsed, line 1: Missing condition in if statement after 'if ('."
        )
    elif failed:
        assert end["reason"] == f"It was ended by an error: {errors[-1]}"


def test_every_part_of_error_records(deck: Deck) -> None:
    run = replay(deck, "err")
    run.ended()
    first, second, third, fourth, last = run.values(ERROR)
    assert first == {
        "message": "plain error",
        "category": "NotSpecified",
        "exception_type": "Microsoft.PowerShell.Commands.WriteErrorException",
        "id": "Microsoft.PowerShell.Commands.WriteErrorException,err.ps1",
        "stack": "at <ScriptBlock>, /opt/demo/err.ps1: line 1",
        # the recorded script block is not ours, so its position is left as it is
        "position": "At line:12 char:1\n+ & $path @params | & {\n+ ~~~~~~~~~~~~~~~",
    }
    assert second["category"] == "ObjectNotFound" and second["target"] == "/nope"
    assert second["position"] == "At /opt/demo/err.ps1:2 char:1\n+ Get-Item /nope\n+ ~~~~~~~~~~~~~~"
    assert third["id"] == "inner,err.ps1" and third["category"] == "OperationStopped"
    assert fourth["exception_type"] == "System.Management.Automation.RuntimeException"
    assert last["id"] == "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"
    assert last["stack"] == "at <ScriptBlock>, /opt/demo/err.ps1: line 10"


def test_colours_and_open_lines(deck: Deck) -> None:
    run = replay(deck, "streams")
    run.ended()
    records = [(json.loads(data), flags) for stream, flags, data in run.records() if stream == INFORMATION]
    assert records == [
        ({"message": "for the log", "tags": ["audit", "test"], "source": "/opt/demo/streams.ps1"}, 0),
        ({"message": "\x1b[92mhello \x1b[0m"}, 4),
        ({"message": "\x1b[93;44mwörld\x1b[0m"}, 0),
    ]


ANSWERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"caption": "cmdlet prompts.ps1 at command pipeline position 1",
      "message": "Supply values for the following parameters:",
      "fields": [{"name": "Name", "type": "string", "mandatory": True, "default": None, "help": "", "label": "Name"}]},
     {"fields": {"Name": "given"}}),
    ({"message": "Your answer", "secret": False}, {"text": "given"}),
    ({"message": "Secret", "secret": True}, {"text": "sec"}),
    ({"message": "Masked", "secret": True}, {"text": "sec"}),
    ({"caption": "Title", "message": "Go on?", "default": "No", "choices": [
        {"label": "Yes", "hotkey": "Y", "help": ""}, {"label": "No", "hotkey": "N", "help": ""},
        {"label": "Help me", "hotkey": "H", "help": ""}]}, {"text": "h"}),
    ({"caption": "PowerShell credential request", "message": "Log in"},
     {"fields": {"UserName": "", "Password": "hunter2"}}),
    ({"caption": "Cap", "message": "Msg", "fields": [
        {"name": "Age", "type": "integer", "mandatory": True, "default": None, "help": "years", "label": ""}]},
     {"text": "42"}),
    ({"message": "Press a key"}, {"text": "a"}),
    ({"caption": "Confirm", "default": "Yes"}, {"text": ""}),
    ({"message": ""}, {"text": "typed line"}),
]  # fmt: skip


def test_every_kind_of_prompt(deck: Deck) -> None:
    run = replay(deck, "prompts")
    for number, (question, answer) in enumerate(ANSWERS, 1):
        until(lambda number=number: len(run.values(PROMPT)) == number, f"question {number}")  # type: ignore[misc]
        asked = run.values(PROMPT)[-1]
        assert {name: asked.get(name) for name in question} == question
        assert run.ask(op="answer", feedback=number, **answer) == {"ok": True}
    end = run.ended()
    assert end["status"] == "Completed"
    heard = [line.partition(">")[2].partition("<")[0] for line in (deck.directory / "heard").read_text().splitlines()]
    sent = [base64.b64decode(each)[61:] for each in heard]
    theirs = [payload for kind, payload in said("prompts", ">") if kind == 0x41101]
    assert [answered(each) for each in sent] == [answered(each) for each in theirs]
    journal = (run.directory / "out.dat").read_bytes()
    assert b"hunter2" not in journal and b"cred=bob/***" in journal


def answered(payload: bytes) -> Any:
    """An answer without the numbers that are each client's own."""

    def shape(node: ElementTree.Element) -> Any:
        inner = [shape(each) for each in node if each.tag not in ("TN", "ToString")]
        return node.tag, node.get("N"), node.text, inner

    root = element(payload)
    return shape(member(root, "mr")), member(root, "ci").text, member(root, "mi").findtext("I32")


def test_an_exit_of_the_process_is_the_jobs(deck: Deck) -> None:
    end = replay(deck, "envexit", code=5).ended()
    assert (end["status"], end["exit_code"], end["reason"]) == ("Failed", 5, None)


@pytest.mark.parametrize(("name", "shown"), [("sleep", ["go"]), ("fin", ["cleanup"]), ("rh", [])])
def test_a_cancel_is_a_signal(deck: Deck, name: str, shown: list[str]) -> None:
    run = replay(deck, name)
    if name == "rh":
        run.until_state("WaitingOnFeedback")
    until(lambda: (deck.directory / "waits").exists(), "the script to run")
    assert run.ask(op="cancel", by="root") == {"ok": True}
    end = run.ended()
    assert end["status"] == "Canceled"
    assert run.stream(STDOUT).decode() == expected_text(name)
    assert [each["message"] for each in run.values(INFORMATION)] == shown
    assert run.values(ERROR) == []


def test_a_server_that_says_nonsense(deck: Deck, tmp_path: Path) -> None:
    transcript = tmp_path / "bad.psrp"
    lines = (GOLDEN / "streams.psrp").read_text().splitlines()
    cut = next(number for number, line in enumerate(lines) if "CommandAck" in line) + 3
    lines[cut] = lines[cut][:-40] + "%%%" + lines[cut][-37:]
    transcript.write_text("\n".join(lines))
    argv = [sys.executable, str(SERVER), str(transcript), str(tmp_path / "heard"), "160"]
    run = deck.job(*argv, script="'x'", suffix=".ps1", kind="powershell", powershell={}).go()
    end = run.ended()
    assert end["status"] == "Failed"
    assert end["reason"].startswith("PowerShell said what cannot be understood: a packet whose data is damaged")
