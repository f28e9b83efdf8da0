"""The channel: typed records, questions and their answers, parameters; driven by real processes in real jobs."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from core.journal.format import ANSWER, ERROR, FLAG_CLIXML, OBJECT, PROGRESS, PROMPT, STDOUT, TERMINAL, WARNING
from core.runner import control
from tests.core.runner_jobs import Deck, Run, until

#: gives a job's Python `send(message)`, and `ask(message)` which returns the reply
CLIENT = """
import json, os, socket, sys
def connect():
    channel = socket.socket(socket.AF_UNIX); channel.connect(os.environ["JOBDECK_CHANNEL"])
    return channel, channel.makefile("rb")
channel, lines = connect()
def send(message): channel.sendall(json.dumps(message).encode() + b"\\n")
def ask(message):
    send(message); return json.loads(lines.readline())
"""


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def client(deck: Deck, body: str, **settings: Any) -> Run:
    return deck.job("python3", "-c", CLIENT + body, **settings)


def test_every_kind_of_record(deck: Deck) -> None:
    body = """
send({"type": "object", "value": {"a": [1, "é", None]}})
send({"type": "object", "clixml": "<S>x</S>"})
send({"type": "warning", "message": "careful"})
send({"type": "error", "message": "bad", "category": "IO", "nothing": 1, "stack": None})
send({"type": "progress", "activity": "copying", "percent": 12.5, "operation": "x", "completed": False})
print(ask({"type": "information", "message": "told", "ack": True}))
print(ask({"type": "nonsense"}))
channel.sendall(b"{no json\\n"); print(json.loads(lines.readline()))
print(ask({"type": "object", "value": float("nan"), "ack": True}))
"""
    run = client(deck, body).go()
    end = run.ended()
    assert end["status"] == "Error"
    assert [(json.loads(data), flags) for stream, flags, data in run.records() if stream == OBJECT and not flags] == [
        ({"a": [1, "é", None]}, 0),
        (None, 0),
    ]
    assert (OBJECT, FLAG_CLIXML, b"<S>x</S>") in run.records()
    assert run.values(WARNING) == [{"message": "careful"}]
    assert run.values(ERROR) == [{"message": "bad", "category": "IO"}]
    assert run.values(PROGRESS) == [
        {"activity": "copying", "current_operation": "x", "percent": 12.5, "completed": False}
    ]
    replies = run.stream(STDOUT).decode().splitlines()
    assert replies[0] == "{'ok': True}"
    assert "is no type of message" in replies[1]
    assert "one JSON object in one line" in replies[2]
    assert (end["summary"]["objects"], end["summary"]["errors"], end["summary"]["warnings"]) == (3, 1, 1)


def test_numbers_of_any_size_and_depths(deck: Deck) -> None:
    body = r"""
def say(text):
    channel.sendall(text + b"\n"); print(lines.readline().decode().strip())
say(b'{"type": "object", "ack": true, "value": [1e400, 1.10, 12345678901234567890.5]}')
say(b'{"type": "warning", "ack": true, "message": [1e400]}')
say(b'{"type": "error", "ack": true, "message": 1e400, "position": 1.10}')
say(b'{"type": "object", "ack": true, "value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
"""
    run = client(deck, body).go()
    run.ended()
    assert run.stream(STDOUT).decode().splitlines() == ['{"ok":true}'] * 3 + [
        '{"error":"The message is nested too deep."}'
    ]
    assert (OBJECT, 0, b"[1e400,1.10,12345678901234567890.5]") in run.records()
    assert run.values(WARNING) == [{"message": "[1e400]"}]
    assert run.values(ERROR) == [{"message": "1e400", "position": "1.10"}]


def test_output_written_before_a_message_is_recorded_before_it(deck: Deck) -> None:
    body = """
for i in range(50):
    os.write(1, b"out %d\\n" % i); os.write(2, b"err %d\\n" % i); send({"type": "object", "value": i})
"""
    run = client(deck, body).go()
    run.ended()
    seen = b""
    for stream, _, data in run.records():
        if stream in (STDOUT, 2):
            seen += data
        elif stream == OBJECT:
            assert b"out %d\n" % json.loads(data) in seen
            assert b"err %d\n" % json.loads(data) in seen


def test_a_message_just_before_the_end_is_kept(deck: Deck) -> None:
    run = client(deck, "[send({'type': 'object', 'value': i}) for i in range(3000)]; os._exit(0)").go()
    run.ended()
    assert [json.loads(data) for stream, _, data in run.records() if stream == OBJECT] == list(range(3000))


def test_a_storm_of_progress_is_thinned_and_its_last_kept(deck: Deck) -> None:
    run = client(deck, "[send({'type': 'progress', 'percent': i / 500}) for i in range(50001)]").go()
    end = run.ended()
    took = (end["ended"] - end["summary"]["started"]) / 1e9
    assert len(run.values(PROGRESS)) <= took * 10 + 2
    assert run.values(PROGRESS)[-1] == {"percent": 100.0}
    assert end["summary"]["progress"] == {"percent": 100.0}
    assert 1 <= sum(1 for line in run.told() if "progress" in line) <= took * 2 + 1


@pytest.mark.parametrize(
    ("action", "status", "recorded"),
    [("Continue", "Error", 2), ("SilentlyContinue", "Completed", 2), ("Ignore", "Completed", 0), ("Stop", "Failed", 1)],
)
def test_error_actions(deck: Deck, action: str, status: str, recorded: int) -> None:
    body = (
        "ask({'type': 'error', 'message': 'first', 'ack': True})\nask({'type': 'error', 'message': 'b', 'ack': True})"
    )
    run = client(deck, body, error_action=action, grace=0.2).go()
    end = run.ended()
    assert end["status"] == status
    errors = run.values(ERROR)
    if action == "Stop":
        assert end["reason"] == "It was stopped at its first error: first"
        assert errors[0] == {"message": "first"}
        assert run.states() == ["Running", "Canceling", "Failed"]
    else:
        assert len(errors) == recorded
        assert all(error.get("silent") for error in errors) == (action != "Continue")


def test_the_pipeline_can_be_discarded(deck: Deck) -> None:
    run = client(deck, "print(ask({'type': 'object', 'value': 1, 'ack': True}))", discard_pipeline=True).go()
    end = run.ended()
    assert run.stream(STDOUT) == b"{'ok': True}\n"
    assert end["summary"]["objects"] == 0


def test_parameters_and_the_job(deck: Deck) -> None:
    body = """
print(ask({"type": "parameter", "name": "count"})["value"])
print(len(ask({"type": "parameter", "name": "password"})["value"]))
print(sorted(ask({"type": "parameters"})["value"]))
print(ask({"type": "parameter", "name": "nope"})["error"])
about = ask({"type": "job"}); print(about["job"]["id"], about["script"]["name"], about["job"]["parameters"])
print(os.environ.get("password", "").upper(), os.environ.get("other"))
"""
    run = client(
        deck, body, parameters={"count": 3, "password": None, "other": None}, secrets_in_environment=["password"]
    ).go({"password": "geheim", "other": "nothing"})
    run.ended()
    lines = run.stream(STDOUT).decode().splitlines()
    assert lines[:3] == ["3", "6", "['count', 'other', 'password']"]
    assert lines[3] == f'Job {run.id} has no parameter "nope". Its parameters: count, password, other.'
    assert lines[4] == f"{run.id} {run.spec['script']['name']} {{'count': 3, 'password': None, 'other': None}}"
    assert lines[5] == "GEHEIM None"


def test_a_question_and_its_answer(deck: Deck) -> None:
    run = client(deck, "print(ask({'type': 'ask', 'message': 'Name?'}))").go()
    run.until_state("WaitingOnFeedback")
    assert run.ask(op="status")["status"] == "WaitingOnFeedback"
    assert run.ask(op="answer", feedback=2, text="x")["error"]["kind"] == "not_found"
    assert run.ask(op="answer", text=3)["error"]["kind"] == "invalid"
    assert run.ask(op="answer", feedback=1, text="Ann é", by="bob") == {"ok": True}
    again = (
        run.ask(op="answer", feedback=1, text="Ann", by="bob") if not (run.directory / "exit.json").exists() else None
    )
    end = run.ended()
    if again is not None:
        assert again["error"] == {
            "kind": "conflict",
            "message": f"Question 1 of job {run.id} has been answered already.",
        }
    assert run.stream(STDOUT).decode() == "{'answer': 'Ann é'}\n"
    assert run.values(PROMPT) == [
        {"feedback": 1, "message": "Name?", "secret": False, "choices": None, "default": None}
    ]
    assert run.values(ANSWER) == [{"feedback": 1, "text": "Ann é", "by": "bob"}]
    assert run.states() == ["Running", "WaitingOnFeedback", "Running", "Completed"]
    assert end["summary"]["feedback"] is None


def test_answering_twice_is_a_conflict(deck: Deck) -> None:
    run = client(deck, "ask({'type': 'ask', 'message': 'one'}); ask({'type': 'ask', 'message': 'two'})").go()
    run.until_state("WaitingOnFeedback")
    assert run.ask(op="answer", text="1") == {"ok": True}
    until(lambda: len(run.values(PROMPT)) == 2, "the second question")
    said = run.ask(op="answer", feedback=1, text="again")
    assert said["error"] == {"kind": "conflict", "message": f"Question 1 of job {run.id} has been answered already."}
    assert run.ask(op="answer", feedback=2, text="2") == {"ok": True}
    run.ended()


@pytest.mark.parametrize(
    ("text", "label"), [("yes", "Yes"), ("N", "No"), ("2", "Not now"), ("", "No"), ("t", "Not now")]
)
def test_choices(deck: Deck, text: str, label: str) -> None:
    choices = ["&Yes", {"label": "&No", "help": "leave it"}, "No&t now"]
    run = client(
        deck, f"print(ask({{'type': 'ask', 'message': 'Sure?', 'choices': {choices!r}, 'default': 1}})['answer'])"
    ).go()
    run.until_state("WaitingOnFeedback")
    assert run.values(PROMPT)[0]["choices"] == [
        {"label": "Yes", "hotkey": "Y", "help": ""},
        {"label": "No", "hotkey": "N", "help": "leave it"},
        {"label": "Not now", "hotkey": "t", "help": ""},
    ]
    refused = run.ask(op="answer", text="perhaps")
    assert refused["error"]["kind"] == "invalid"
    assert refused["error"]["message"].endswith("Answer with one of: Yes (Y), No (N), Not now (t).")
    assert run.ask(op="answer", text=text) == {"ok": True}
    run.ended()
    assert run.stream(STDOUT).decode() == label + "\n"
    assert run.values(ANSWER)[0]["text"] == label


def test_a_secret_answer_is_written_nowhere(deck: Deck) -> None:
    body = """
word = ask({"type": "ask", "message": "Password?", "secret": True})["answer"]
import base64
os.write(1, word[:5].encode()); import time; time.sleep(0.05); os.write(1, word[5:].encode() + b" got it\\n")
print(base64.b64encode(("user:" + word).encode()).decode(), len(word), flush=True)
os.system('echo "$0" > /dev/tty' .replace("$0", word))
ask({"type": "object", "value": {"word": word}, "ack": True})
"""
    run = client(deck, body).go()
    run.until_state("WaitingOnFeedback")
    run.ask(op="answer", text="correct-horse", by="ann")
    end = run.ended()
    assert end["status"] == "Completed"
    for path in run.directory.iterdir():
        if path.is_file():
            assert b"correct-horse" not in path.read_bytes()
    assert run.stream(STDOUT).startswith(b"*** got it\n")
    assert b"Y29ycmVjdC1ob3JzZ" not in run.stream(STDOUT)
    assert run.stream(TERMINAL) == b"***\r\n"
    assert run.values(OBJECT) == [{"word": "***"}]
    assert run.values(ANSWER) == [{"feedback": 1, "text": None, "by": "ann"}]


def test_questions_of_several_processes_queue(deck: Deck) -> None:
    body = """
import time
if os.fork() == 0:
    time.sleep(0.2)
    channel, lines = connect()
    print("b", ask({"type": "ask", "message": "b?"})["answer"], flush=True); os._exit(0)
print("a", ask({"type": "ask", "message": "a?"})["answer"], flush=True); os.wait()
"""
    run = client(deck, body).go()
    run.until_state("WaitingOnFeedback")
    time.sleep(0.4)
    assert [prompt["message"] for prompt in run.values(PROMPT)] == ["a?"]
    run.ask(op="answer", text="1")
    until(lambda: len(run.values(PROMPT)) == 2, "b's question")
    run.ask(op="answer", feedback=2, text="2")
    run.ended()
    assert sorted(run.stream(STDOUT).splitlines()) == [b"a 1", b"b 2"]
    assert run.states() == ["Running", "WaitingOnFeedback", "Running", "WaitingOnFeedback", "Running", "Completed"]


def test_an_asker_that_dies_takes_its_question_along(deck: Deck) -> None:
    body = """
import time
child = os.fork()
if child == 0:
    channel, lines = connect()
    send({"type": "ask", "message": "b?"}); time.sleep(300)
channel.close(); print(child, flush=True); os.wait(); sys.stdin.readline()
"""
    run = client(deck, body).go()
    run.until_state("WaitingOnFeedback")
    os.kill(int(run.until_output(STDOUT, b"\n")), signal.SIGKILL)
    run.until_state("Running")
    assert run.values(ANSWER) == [{"feedback": 1, "text": None, "by": None, "cancelled": True}]
    assert run.ask(op="answer", feedback=1, text="late")["error"]["kind"] == "conflict"
    run.ask(op="cancel")
    run.ended()


def test_cancel_while_waiting(deck: Deck) -> None:
    run = client(deck, "print(ask({'type': 'ask', 'message': 'a?'}), flush=True)").go()
    run.until_state("WaitingOnFeedback")
    began = time.monotonic()
    run.ask(op="cancel", by="ann")
    assert run.ended()["status"] == "Canceled"
    assert time.monotonic() - began < 2
    assert run.states() == ["Running", "WaitingOnFeedback", "Canceling", "Canceled"]
    assert run.values(ANSWER) == [{"feedback": 1, "text": None, "by": None, "cancelled": True}]


def test_a_question_that_outlives_the_script_is_closed(deck: Deck) -> None:
    body = """
if os.fork() == 0:
    channel, lines = connect()
    os.close(1); os.close(2)
    ask({"type": "ask", "message": "b?"}); os._exit(0)
lines.read(0)
import time; time.sleep(0.3)
"""
    run = client(deck, body).go()
    assert run.ended()["status"] == "Completed"
    assert run.values(ANSWER)[0]["cancelled"] is True
    assert run.states()[-1] == "Completed"


def test_a_client_may_close_its_sending_half(deck: Deck) -> None:
    body = "send({'type': 'ask', 'message': 'x'}); channel.shutdown(socket.SHUT_WR); print(lines.readline().decode())"
    run = client(deck, body).go()
    run.until_state("WaitingOnFeedback")
    assert run.ask(op="answer", text="fine") == {"ok": True}
    run.ended()
    assert json.loads(run.stream(STDOUT)) == {"answer": "fine"}


def test_a_watcher_that_reads_nothing_holds_nobody_up(deck: Deck) -> None:
    run = client(deck, "[ask({'type': 'progress', 'percent': i, 'ack': True}) for i in range(2000)]").go()
    run.until_state("Running")
    deaf = control.connect(run.directory)
    deaf.sendall(b'{"op": "watch"}\n')
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    assert run.ended()["status"] == "Completed"
    deaf.close()
