"""Questions of jobs, answered at a terminal and by the verb."""

from __future__ import annotations

import time
from subprocess import DEVNULL, PIPE

from tests.end_to_end.command import Command, Terminal

FIELDS = """
import json, os, socket
channel = socket.socket(socket.AF_UNIX)
channel.connect(os.environ["JOBDECK_CHANNEL"])
fields = ["User", {"name": "Port", "type": "integer", "default": 22}, {"name": "Password", "type": "secret"}]
question = {"type": "ask", "message": "Log in", "caption": "To db1", "fields": fields}
channel.sendall(json.dumps(question).encode() + b"\\n")
answer = json.loads(channel.makefile().readline())["answer"]
print(answer["User"], answer["Port"], len(answer["Password"]))
"""


def test_fields_are_answered_by_name(jobdeck: Command) -> None:
    script = jobdeck.script("fields.py", FIELDS)
    jobdeck("run", "--detach", script)
    jobdeck.until("1", "WaitingOnFeedback")
    assert "public" in jobdeck("answer", "1", "Password=x", code=2).stderr
    assert "no field" in jobdeck("answer", "1", "Colour=x", code=2).stderr
    assert "whole number" in jobdeck("answer", "1", "user=root", "Port=x", input="geheim\n", code=2).stderr
    jobdeck("answer", "1", "user=a=b", input="geheim\n")
    jobdeck("wait", "1")
    assert jobdeck("output", "1").stdout == "a=b 22 6\n"


def test_what_is_asked_is_told_where_nobody_can_be_asked(jobdeck: Command) -> None:
    followed = jobdeck.start("run", jobdeck.script("fields.py", FIELDS), stdin=DEVNULL, stderr=PIPE)
    jobdeck.until("1", "WaitingOnFeedback")
    assert "Asks         To db1 Log in [User, Port, Password]\n" in jobdeck("job", "1").stdout
    jobdeck("answer", "1", "User=root", input="geheim\n")
    told = followed.communicate(timeout=30)[1]
    assert told.splitlines()[:2] == [
        "Job 1 asks: To db1 Log in [User, Port, Password]",
        "Job 1 waits for an answer: jobdeck answer 1",
    ]


def test_fields_are_asked_for_one_by_one(jobdeck: Command) -> None:
    terminal = Terminal(jobdeck, "run", jobdeck.script("fields.py", FIELDS))
    terminal.until("To db1\r\nLog in\r\nUser: ")
    terminal.type("root\n")
    terminal.until("Port (a whole number) [22]: ")
    terminal.type("x\n")
    terminal.until("Password: ")
    terminal.type("geheim\n")
    terminal.until("must be a whole number")
    terminal.until("User: ")
    terminal.type("root\n")
    terminal.type("\n")
    terminal.shown = ""
    terminal.until("Password: ")
    terminal.type("geheim\n")
    assert terminal.end() == 0
    assert "root 22 6" in terminal.shown and "geheim" not in terminal.shown


def test_answers_from_another_process(jobdeck: Command) -> None:
    jobdeck.script(
        "q.py",
        "import jobdeck\nprint(jobdeck.ask('Go?', choices=['&Yes', '&No']))\n"
        "print(len(jobdeck.ask('Word?', secret=True)))\n",
    )
    jobdeck("run", "--detach", "q.py")
    assert jobdeck.until("1", "WaitingOnFeedback")["feedback"] == 1
    jobdeck("answer", "1", "maybe", code=2)
    jobdeck("answer", "1", "y")
    deadline = time.monotonic() + 20
    while jobdeck.json("job", "1")["feedback"] != 2:
        assert time.monotonic() < deadline
    assert "public" in jobdeck("answer", "1", "secret-word", code=2).stderr
    jobdeck("answer", "1", input="secret-word\n")
    jobdeck("wait", "1")
    assert jobdeck("output", "1").stdout == "Yes\n11\n"
    jobdeck("answer", "1", "again", code=1)


def test_run_asks_at_its_terminal_and_hides_secrets(jobdeck: Command) -> None:
    jobdeck.script(
        "t.py",
        "import jobdeck\nprint('hello', jobdeck.ask('Name?'))\n"
        "print(len(jobdeck.ask('Word?', secret=True)), 'letters')\n",
    )
    terminal = Terminal(jobdeck, "run", "t.py")
    terminal.until("Name?")
    terminal.type("Eve\r")
    terminal.until("hello Eve")
    terminal.until("Word?")
    terminal.type("hunter22\r")
    terminal.until("8 letters")
    assert terminal.end() == 0
    assert "hunter22" not in terminal.shown
