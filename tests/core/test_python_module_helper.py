"""jobdeck-job, the helper for shells: real calls over a real socket, and by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import exact_json
from tests.core.channel_server import HELPER, ChannelServer, environment


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    server = ChannelServer(
        tmp_path, parameters={"days": 7, "on": True, "names": ["a", "ü"], "password": "se sam", "n": None}
    )
    yield server
    server.close()


def call(server: ChannelServer | None, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HELPER), *words],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(server, **more),
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "stdin", "values"),
    [
        (["emit", '{"a": [1, null]}'], "", [{"a": [1, None]}]),
        (["emit", "5"], "", [5]),
        (["emit", '"text"'], "", ["text"]),
        (["emit", "NaN"], "", ["NaN"]),
        (["emit", "--text", "it's\n{plain}"], "", ["it's\n{plain}"]),
        (["emit", "--text=-x"], "", ["-x"]),
        (["emit", "--text", "-"], "from\ninput\n", ["from\ninput"]),
        (["emit", "-k", "a=1", "-k", "b=x=y", "-k", "c=[1]"], "", [{"a": 1, "b": "x=y", "c": [1]}]),
        (["emit", "-k", "a=1", "b=two words", "c="], "", [{"a": 1, "b": "two words", "c": ""}]),
        (["emit", "-"], '{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        (["emit", "-"], '{"a":\n1}\n', [{"a": 1}]),
        (["emit", "-"], "", []),
    ],
)
def test_emit(server: ChannelServer, words: list[str], stdin: str, values: list[Any]) -> None:
    done = call(server, *words, stdin=stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert server.objects == values


def test_emitted_fields_have_their_numbers_as_they_were_written(server: ChannelServer) -> None:
    fields = ["a=1.10", 'b=x "y"', "c=12345678901234567890123", "d=NaN", "e=[1.0, 2.50]", "a=2.20"]
    assert call(server, "emit", "-k", *fields).returncode == 0
    (value,) = server.objects
    told = '{"a": 2.20, "b": "x \\"y\\"", "c": 12345678901234567890123, "d": "NaN", "e": [1.0, 2.50]}'
    assert exact_json.dumps(value) == told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["info", "two", "words"], {"type": "information", "message": "two words"}),
        (["warn", "careful"], {"type": "warning", "message": "careful"}),
        (["error", "broken"], {"type": "error", "message": "broken"}),
        (["debug", "--", "--x"], {"type": "debug", "message": "--x"}),
        (["verbose", "-"], {"type": "verbose", "message": "line 1\nline 2"}),
        (["warn", "-5", "degrees"], {"type": "warning", "message": "-5 degrees"}),
        (["progress", "40"], {"type": "progress", "percent": 40}),
        (["progress", "140%"], {"type": "progress", "percent": 100}),
        (
            ["progress", "40.5", "Copying", "--status", "12 of 30", "--seconds=3"],
            {"type": "progress", "percent": 40.5, "activity": "Copying", "status": "12 of 30", "seconds": 3},
        ),
    ],
)
def test_messages(server: ChannelServer, words: list[str], message: dict[str, Any]) -> None:
    done = call(server, *words, stdin="line 1\nline 2\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert server.messages == [message]


def test_names_that_are_not_utf8(server: ChannelServer) -> None:
    done = subprocess.run([os.fsencode(HELPER), b"warn", b"caf\xe9"], env=environment(server), check=False)
    assert done.returncode == 0
    assert server.messages == [{"type": "warning", "message": "caf\ufffd"}]


def test_ask(server: ChannelServer) -> None:
    done = call(server, "ask", "Go?", "--choice", "&Yes", "--choice=&No", "--default", "No", "--secret")
    assert (done.returncode, done.stdout) == (0, "yes\n")
    assert server.messages == [
        {"type": "ask", "message": "Go?", "secret": True, "choices": ["&Yes", "&No"], "default": "No"}
    ]


def test_a_question_that_ends_without_an_answer(server: ChannelServer) -> None:
    server.answer = "refuse"
    done = call(server, "ask", "Go?")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "jobdeck-job: The job is ending.\n")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["parameter", "days"], "7\n"),
        (["parameter", "on"], "true\n"),
        (["parameter", "names"], '["a", "ü"]\n'),
        (["parameter", "password"], "se sam\n"),
        (["parameter", "n"], "\n"),
        (["job", "id"], "17\n"),
        (["script", "path"], "/srv/x.py\n"),
    ],
)
def test_what_it_prints(server: ChannelServer, words: list[str], out: str) -> None:
    done = call(server, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, out, "")


def test_the_whole_job_is_json(server: ChannelServer) -> None:
    assert json.loads(call(server, "job").stdout) == {"id": 17, "run_id": "abc"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "jobdeck-job emit JSON"),
        (["frobnicate"], "There is no command frobnicate"),
        (["emit"], "emit takes one JSON value"),
        (["emit", "{a}"], "This is not JSON: {a}"),
        (["emit", "a", "b"], "emit takes one JSON value"),
        (["emit", "-k", "a"], "NAME=VALUE"),
        (["emit", "--text"], "--text needs a value"),
        (["emit", "--frob", "x"], "There is no option --frob"),
        (["progress", "half"], "PERCENT must be a number, not half"),
        (["progress", "nan"], "PERCENT must be a number"),
        (["progress"], "progress takes PERCENT"),
        (["warn"], "warn needs a message"),
        (["warn", "--x"], "put -- before a text"),
        (["ask"], "ask takes one PROMPT"),
        (["parameter"], "parameter takes one NAME"),
        (["job", "nothing"], "There is no field nothing. There are: id, run_id"),
    ],
)
def test_wrong_use(server: ChannelServer, words: list[str], sentence: str) -> None:
    done = call(server, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr and "Traceback" not in done.stderr


def test_what_the_job_refuses(server: ChannelServer, tmp_path: Path) -> None:
    done = call(server, "parameter", "other")
    assert (done.returncode, done.stderr) == (1, "jobdeck-job: There is no parameter other.\n")
    gone = call(None, "warn", "x", JOBDECK_CHANNEL=str(tmp_path / "gone"))
    assert gone.returncode == 1 and "cannot be reached" in gone.stderr


def test_a_shell_uses_it_from_a_link_and_from_path(server: ChannelServer, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "jd").symlink_to(HELPER)
    variables = environment(server)
    variables["PATH"] = f"{tmp_path}/bin:{HELPER.parent}:{variables['PATH']}"
    subprocess.run(["sh", "-c", "jd warn link; jobdeck-job warn path"], env=variables, check=True)
    assert [message["message"] for message in server.messages] == ["link", "path"]


def test_by_hand() -> None:
    variables = environment(None, WORD="hello")
    del variables["JOBDECK_PYTHON"]
    variables["PATH"] = os.path.dirname(sys.executable) + os.pathsep + variables["PATH"]

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [str(HELPER), *words], input=stdin, capture_output=True, text=True, env=variables, check=False
        )
        return done.returncode, done.stdout, done.stderr

    assert run("emit", "-k", "a=1") == (0, '{"a": 1}\n', "")
    assert run("warn", "careful") == (0, "", "warning: careful\n")
    assert run("progress", "40", "Copying") == (0, "", "Copying 40 %\n")
    assert run("ask", "Go?", "--choice", "&Yes", "--choice", "&No", stdin="n\n")[:2] == (0, "No\n")
    assert run("parameter", "WORD") == (0, "hello\n", "")
    assert run("parameter", "NO_WORD")[0] == 1
    assert run("ask", "Who?")[0] == 1
    assert run("--help")[0] == 0
