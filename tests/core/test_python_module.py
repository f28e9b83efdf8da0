"""jobdeck.py: what scripts say to their job, over a real socket."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.channel_server import ChannelServer, environment, run_python


def _version(path: Path) -> tuple[int, int]:
    major, minor = path.parts[-3].split(".")[:2]
    return int(major), int(minor)


#: every interpreter that is here and may import the module
PYTHONS = [sys.executable] + [
    str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")) if _version(path) >= (3, 8)
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    server = ChannelServer(tmp_path, parameters={"days": 7, "password": "sesam", "none": None})
    yield server
    server.close()


def write(tmp_path: Path, text: str, name: str = "script.py") -> Path:
    path = tmp_path / name
    path.write_text(textwrap.dedent(text))
    return path


EVERYTHING = """
    import collections, dataclasses, datetime, decimal, enum, pathlib, sys, uuid
    import jobdeck

    class Color(enum.Enum):
        RED = 1

    class Word(enum.Enum):
        YES = "yes"

    @dataclasses.dataclass
    class Disk:
        name: str
        free: float

    class Plain:
        def __init__(self):
            self.a, self._b = 1, 2

    Point = collections.namedtuple("Point", "x y")
    jobdeck.emit({
        "date": datetime.date(2026, 1, 31), "time": datetime.datetime(2026, 1, 31, 18, 0),
        "span": datetime.timedelta(minutes=1), "path": pathlib.Path("/a/b"), "decimal": decimal.Decimal("1.5"),
        "exact": decimal.Decimal("0.1000000000000000000001"), "disk": Disk("sda", 0.5), "set": {3, 1, 2},
        "bytes": b"abc", "raw": b"\\xff\\x00", "color": Color.RED, "word": Word.YES, "point": Point(1, 2),
        "tuple": (1, 2), "nan": float("nan"), "inf": float("inf"), "low": float("-inf"), "big": 2 ** 70,
        "error": ValueError("no"), "plain": Plain(), "deque": collections.deque([1]), "none": None, "true": True,
        3: "three", None: 0, False: 1, (1, 2): "pair", "surrogate": "caf\\udce9", "uuid": uuid.UUID(int=1),
    })
    print("printed", end="")
    jobdeck.information("Grüße")
    jobdeck.warn("careful")
    jobdeck.debug("d")
    jobdeck.verbose("v")
    jobdeck.error("broken", category="Disk", id="E1")
    jobdeck.progress(40, "Copying", status="12 of 30", seconds=3, operation="file")
    assert jobdeck.in_job() and jobdeck.job.id == 17 and jobdeck.script.path == "/srv/x.py"
    assert jobdeck.parameter("password") == "sesam" and jobdeck.parameter("other", 5) == 5
    assert jobdeck.parameters()["days"] == 7
    assert jobdeck.ask("Go?", choices=["&Yes", {"label": "&No", "help": "stop"}], default="No") == "yes"
    try:
        jobdeck.parameter("other")
    except jobdeck.JobdeckError as problem:
        print(problem)
    jobdeck.emit("last")
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_everything_arrives(server: ChannelServer, tmp_path: Path, python: str) -> None:
    script = write(tmp_path, EVERYTHING)
    done = run_python(server, script, python=python)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "printedThere is no parameter other.\n"
    first, last = server.objects
    assert last == "last"
    assert first == {
        "date": "2026-01-31",
        "time": "2026-01-31T18:00:00",
        "span": 60.0,
        "path": "/a/b",
        "decimal": 1.5,
        "exact": "0.1000000000000000000001",
        "disk": {"name": "sda", "free": 0.5},
        "set": [1, 2, 3],
        "bytes": "abc",
        "raw": "/wA=",
        "color": "RED",
        "word": "yes",
        "point": {"x": 1, "y": 2},
        "tuple": [1, 2],
        "nan": "NaN",
        "inf": "Infinity",
        "low": "-Infinity",
        "big": 2**70,
        "error": {"type": "ValueError", "message": "no"},
        "plain": {"a": 1},
        "deque": [1],
        "none": None,
        "true": True,
        "3": "three",
        "null": 0,
        "(1, 2)": "pair",
        "surrogate": "caf\ufffd",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "false": 1,
    }
    assert server.of("information") == [{"type": "information", "message": "Grüße"}]
    [error] = server.of("error")
    assert (error["message"], error["category"], error["id"]) == ("broken", "Disk", "E1")
    line = next(number for number, text in enumerate(script.read_text().splitlines(), 1) if "jobdeck.error" in text)
    assert error["position"] == f"{script}:{line}"
    [progress] = server.of("progress")
    assert progress == {
        "type": "progress", "activity": "Copying", "status": "12 of 30", "operation": "file", "percent": 40,
        "seconds": 3,
    }  # fmt: skip
    [question] = server.of("ask")
    assert question["choices"] == ["&Yes", {"label": "&No", "help": "stop"}]
    assert question["default"] == "No" and question["secret"] is False
    order = [message["type"] for message in server.messages]
    assert order.index("information") < order.index("warning") < order.index("error") < order.index("progress")


def test_objects_are_not_lost_at_the_end_nor_mixed_by_threads(server: ChannelServer, tmp_path: Path) -> None:
    script = write(
        tmp_path,
        """
        import threading, jobdeck
        def work(n):
            for i in range(200):
                jobdeck.emit([n, i, "x" * 5000])
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        """,
    )
    done = run_python(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    found = [(n, i) for n, i, _ in server.objects]
    assert sorted(found) == [(n, i) for n in range(4) for i in range(200)]
    assert all([i for n, i in found if n == wanted] == list(range(200)) for wanted in range(4))


def test_a_forked_child_has_a_connection_of_its_own(server: ChannelServer, tmp_path: Path) -> None:
    script = write(
        tmp_path,
        """
        import os, jobdeck
        jobdeck.emit("parent")
        child = os.fork()
        if child == 0:
            for i in range(300): jobdeck.emit(["child", i])
            jobdeck.warn("from the child")
            os._exit(0)
        for i in range(300): jobdeck.emit(["parent", i])
        os.waitpid(child, 0)
        jobdeck.information("done")
        """,
    )
    done = run_python(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.connections == 2
    assert [v for v in server.objects if v[0] == "child"] == [["child", i] for i in range(300)]
    assert [v for v in server.objects if v[0] == "parent"] == [["parent", i] for i in range(300)]


def test_a_question_keeps_no_other_thread_waiting(server: ChannelServer, tmp_path: Path) -> None:
    server.may_answer.clear()
    script = write(
        tmp_path,
        """
        import threading, jobdeck
        asker = threading.Thread(target=lambda: jobdeck.emit(jobdeck.ask("Who?", secret=True)))
        asker.start()
        jobdeck.warn("meanwhile")
        print("warned", flush=True)
        asker.join()
        """,
    )
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=environment(server), text=True
    ) as process:
        assert server.asked.wait(10)
        assert process.stdout is not None and process.stdout.readline() == "warned\n"
        server.may_answer.set()
        assert process.wait(10) == 0
    assert server.objects == ["yes"]
    assert server.of("ask")[0]["secret"] is True


def test_a_signal_handler_may_speak_while_a_message_is_on_its_way(server: ChannelServer, tmp_path: Path) -> None:
    script = write(
        tmp_path,
        """
        import signal, jobdeck
        count = 0
        def handler(*_):
            global count
            count += 1
            mine = count
            # first of all, so that a handler within a handler cannot count past it unseen
            if count >= 50: signal.setitimer(signal.ITIMER_REAL, 0)
            jobdeck.emit(["signal", mine])
            assert jobdeck.parameter("days") == 7
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        number = 0
        while count < 50:
            assert jobdeck.parameter("password") == "sesam"
            jobdeck.information(str(number)); number += 1
        jobdeck.emit(["number", number])
        """,
    )
    done = run_python(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    number = next(value[1] for value in server.objects if value[0] == "number")
    assert [int(message["message"]) for message in server.of("information")] == list(range(number))
    assert sorted(value[1] for value in server.objects if value[0] == "signal")[:50] == list(range(1, 51))


def test_a_signal_while_the_channel_is_too_busy_to_be_reached(tmp_path: Path) -> None:
    path = str(tmp_path / "busy")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(0)
    listener.settimeout(20)
    with listener, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
        # The one place in its queue is taken.
        first.connect(path)
        script = write(
            tmp_path,
            """
            import signal, jobdeck
            signal.signal(signal.SIGALRM, lambda *_: print("signal", flush=True))
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            jobdeck.information("heard")
            """,
        )
        variables = environment(None, JOBDECK_CHANNEL=path)
        with subprocess.Popen([sys.executable, script], env=variables, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"signal\n"
            listener.accept()[0].close()
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                assert json.loads(stream.readline())["message"] == "heard"
            process.kill()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("a = []; a.append(a); jobdeck.emit(a)", "holds itself"),
        ("a = []\nfor _ in range(100000): a = [a]\njobdeck.emit(a)", "nested too deep"),
        ("jobdeck.progress(float('nan'))", "must be a number"),
    ],
)
def test_what_cannot_be_sent_is_told(server: ChannelServer, tmp_path: Path, code: str, words: str) -> None:
    done = run_python(server, write(tmp_path, "import jobdeck\n" + code))
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert words in server.of("error")[0]["message"]
    assert server.objects == []


def test_an_ended_question_is_an_error(server: ChannelServer, tmp_path: Path) -> None:
    server.answer = "refuse"
    done = run_python(server, write(tmp_path, "import jobdeck\njobdeck.ask('Go?')"))
    assert done.returncode == 1
    assert done.stderr.endswith("JobdeckError: The job is ending.\n")


def test_a_runner_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    code = "import jobdeck\njobdeck.warn('x')"
    done = run_python(None, write(tmp_path, code), JOBDECK_CHANNEL=gone)
    assert done.returncode == 1
    assert f"The job's channel {gone} cannot be reached" in done.stderr


def test_a_channel_with_a_long_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    link = tmp_path / "c"
    link.mkdir()
    server = ChannelServer(link)
    (deep / "channel").hardlink_to(server.path)
    try:
        done = run_python(
            None, write(tmp_path, "import jobdeck\njobdeck.emit(1)"), JOBDECK_CHANNEL=str(deep / "channel")
        )
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        server.close()
    assert server.objects == [1]


def by_hand(tmp_path: Path, code: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    script = write(tmp_path, code)
    return subprocess.run(
        [sys.executable, str(script)],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(None, WORD="from the environment"),
        timeout=60,
        check=False,
    )


def test_by_hand_it_prints(tmp_path: Path) -> None:
    done = by_hand(
        tmp_path,
        """
        import jobdeck
        jobdeck.emit({"a": 1, "b": float("inf")}); jobdeck.emit("text"); jobdeck.information("info")
        jobdeck.warn("w"); jobdeck.error("e"); jobdeck.progress(50, "Copying", status="now", seconds=2)
        print(jobdeck.in_job(), jobdeck.job.id, jobdeck.script.name, jobdeck.parameter("WORD"))
        """,
    )
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert json.loads(lines[0]) == {"a": 1, "b": "Infinity"}
    assert lines[1:] == ["text", "info", "False None script.py from the environment"]
    assert done.stderr.splitlines() == ["warning: w", "error: e", "Copying: now 50 %, 2 s left"]


@pytest.mark.parametrize(
    ("call", "stdin", "answer"),
    [
        ("ask('Name')", "Ada\n", "Ada"),
        ("ask('Name', default='Bob')", "\n", "Bob"),
        ("ask('Go?', choices=['&Yes', '&No'])", "maybe\nn\n", "No"),
        ("ask('Go?', choices=['&Yes', '&No'])", "1\n", "No"),
        ("ask('Go?', choices=['&Yes', '&No'])", "YES\n", "Yes"),
        ("ask('Go?', choices=['&Yes', '&No'], default='y')", "\n", "Yes"),
        ("ask('Pass', secret=True)", "sesam\n", "sesam"),
    ],
)
def test_by_hand_it_asks(tmp_path: Path, call: str, stdin: str, answer: str) -> None:
    done = by_hand(tmp_path, f"import jobdeck\nprint(jobdeck.{call})", stdin)
    assert (done.returncode, done.stdout) == (0, answer + "\n")
    if stdin.startswith("maybe"):
        assert "Answer with one of: Yes, No." in done.stderr


def test_by_hand_the_end_of_input_is_told(tmp_path: Path) -> None:
    done = by_hand(tmp_path, "import jobdeck\njobdeck.ask('Name')")
    assert done.returncode == 1
    assert "There is nobody to answer 'Name'" in done.stderr


def test_values_of_numeric_libraries(server: ChannelServer, tmp_path: Path) -> None:
    """Anything with tolist, item or isoformat, as numpy and pandas have them."""
    code = """
        import jobdeck
        class Array:
            def tolist(self): return [1.0, float("nan")]
        class Scalar:
            def item(self): return 5
        jobdeck.emit({"array": Array(), "scalar": Scalar(), "class": Array})
    """
    done = run_python(server, write(tmp_path, code))
    assert (done.returncode, done.stderr) == (0, "")
    value: dict[str, Any] = server.objects[0]
    assert value["array"] == [1.0, "NaN"] and value["scalar"] == 5 and not math.isnan(value["scalar"])
    assert "Array" in value["class"]
