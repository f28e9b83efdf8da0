"""The shapes of the command line that programs rely on."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.end_to_end.command import PROGRAM, Command, Terminal

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_run_hands_back_output_and_exit_code(jobdeck: Command) -> None:
    jobdeck.script("a.sh", "echo out; echo err >&2; exit 7\n")
    done = jobdeck("run", "a.sh", code=7)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_a_signal_is_128_and_its_number(jobdeck: Command) -> None:
    jobdeck.script("s.sh", "kill -TERM $$\n")
    jobdeck("run", "s.sh", code=143)


def test_exact_bytes_go_into_a_pipe(jobdeck: Command) -> None:
    jobdeck.script("b.py", "import os\nfor n in range(256): os.write(1, bytes([n]) * 1000)\n")
    done = subprocess.run(
        [*PROGRAM, "run", "b.py"],
        cwd=jobdeck.directory,
        env=jobdeck.variables,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout == b"".join(bytes([n]) * 1000 for n in range(256))


def test_json_is_the_finished_job(jobdeck: Command) -> None:
    jobdeck.script("p.py", "import sys\ndef main(n: int, who: str = 'me'):\n    print(n, who)\n    sys.exit(4)\n")
    done = jobdeck("run", "p.py", "-p", "n=3", "--json", code=4)
    job = json.loads(done.stdout)
    assert done.stderr == "3 me\n"
    assert (job["id"], job["status"], job["exit_code"], job["script"]) == (1, "Failed", 4, "p.py")
    assert job["parameters"] == {"n": 3, "who": "me"} and job["environment"] == "Python"
    for name in ("created", "started", "ended"):
        assert RFC3339.fullmatch(job[name])
    assert job["run_id"] and job["identity"] and job["queue_reason"] is None


def test_detach_prints_the_number_and_the_job_goes_on(jobdeck: Command) -> None:
    jobdeck.script("d.sh", "sleep 0.3; echo late; exit 5\n")
    assert jobdeck("run", "--detach", "d.sh").stdout == "1\n"
    jobdeck("wait", "1", code=5)
    assert jobdeck("output", "1").stdout == "late\n"
    jobdeck.script("long.sh", "sleep 1000\n")
    assert json.loads(jobdeck("run", "--detach", "--json", "long.sh").stdout)["id"] == 2
    jobdeck("wait", "last", "--timeout", "0.01", code=124)
    jobdeck("cancel", "last")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["run", "nowhere.sh"], 2, "nowhere.sh"),
        (["run", "p.py"], 2, "n"),
        (["run", "p.py", "-p", "n=many"], 2, "many"),
        (["run", "p.py", "-p", "n=1", "-p", "x=1"], 2, "'x'"),
        (["run", "p.py", "-p", "n=1", "--environment", "Cobol"], 2, "Cobol"),
        (["run", "p.py", "-p", "n=1", "--cwd", "/nowhere"], 2, "/nowhere"),
        (["job", "77"], 1, "77"),
        (["job", "last"], 1, "no job"),
        (["output", "seven"], 2, "seven"),
        (["frobnicate"], 2, "frobnicate"),
        (["jobs", "--status", "sleepy"], 2, "sleepy"),
        (["scripts", "add", "nowhere.sh"], 2, "nowhere.sh"),
        (["environments", "add", "X", "/nowhere"], 2, "/nowhere"),
        (["answer", "9", "x"], 1, "9"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(jobdeck: Command, arguments: list[str], code: int, told: str) -> None:
    jobdeck.script("p.py", "def main(n: int):\n    print(n)\n")
    done = jobdeck(*arguments, code=code)
    assert done.stdout == "" and told in done.stderr and done.stderr.startswith("jobdeck: ")


def test_a_pipe_on_stdin_goes_to_the_job(jobdeck: Command) -> None:
    jobdeck.script("c.sh", "cat; echo end\n")
    assert jobdeck("run", "c.sh", input="some\ndata").stdout == "some\ndataend\n"
    assert jobdeck("run", "--no-input", "c.sh", input="ignored").stdout == "end\n"


def test_parameters_reach_a_command_line(jobdeck: Command) -> None:
    jobdeck.script("v.sh", 'echo "$1|$2|$3|$word|$list|$flag"\n')
    done = jobdeck("run", "v.sh", "-p", "word=@@x", "-p", "list=a", "-p", "list=b", "-p", "flag")
    assert done.stdout == '@x|["a","b"]|true|@x|["a","b"]|true\n'
    jobdeck("run", "v.sh", "-p", "LD_PRELOAD=x", code=2)
    assert jobdeck("run", "v.sh", "--env", "word=from-env").stdout == "|||from-env||\n"


def test_streams_timestamps_and_json_of_output(jobdeck: Command) -> None:
    jobdeck.script(
        "m.py",
        "import jobdeck, sys\nprint('one')\njobdeck.warn('two')\n"
        "print('three', file=sys.stderr)\njobdeck.information('four')\n",
    )
    done = jobdeck("run", "m.py")
    assert done.stdout == "one\nfour\n" and done.stderr == "two\nthree\n"
    assert jobdeck("output", "1", "--stream", "stdout", "--stream", "stderr").stdout == "one\nthree\n"
    every = sorted(["one", "WARNING: two", "three", "four"])
    assert sorted(jobdeck("output", "1").stdout.splitlines()) == every
    stamped = jobdeck("output", "1", "--timestamps").stdout.splitlines()
    assert all(RFC3339.match(line) for line in stamped)
    assert sorted(line.partition(" ")[2] for line in stamped) == every
    assert jobdeck("output", "1", "--stream", "warning").stdout == "two\n"
    assert jobdeck("output", "1", "--stream", "warning", "--timestamps").stdout.endswith("Z two\n")
    records = jobdeck.json("output", "1")
    assert {record["stream"] for record in records} == {"stdout", "stderr", "warning", "information"}
    assert all(set(record) == {"stream", "time", "text"} for record in records)
    assert [record["text"] for record in records if record["stream"] == "warning"] == ["two"]


def test_objects_and_errors(jobdeck: Command) -> None:
    jobdeck.script(
        "o.py", "import jobdeck\njobdeck.emit({'a': [1, None]})\njobdeck.emit('text')\nraise KeyError('k')\n"
    )
    jobdeck("run", "o.py", code=1)
    assert jobdeck.json("objects", "1") == [{"a": [1, None]}, "text"]
    first, second = jobdeck.json("objects", "1", "--clixml")
    assert "<DCT>" in first
    assert second.endswith("<S>text</S>\n</Objs>")
    (error,) = jobdeck.json("errors", "1")
    assert set(error) == {"time", "message", "category", "exception_type", "id", "position", "stack"}
    assert "KeyError" in error["exception_type"] and "o.py" in error["position"]


def test_jobs_are_filtered_ordered_and_paged(jobdeck: Command) -> None:
    jobdeck.script("good.sh", "true\n")
    jobdeck.script("bad.sh", "false\n")
    for name, code in (("good.sh", 0), ("bad.sh", 1), ("good.sh", 0)):
        jobdeck("run", name, code=code)

    def ids(*arguments: str) -> list[int]:
        return [job["id"] for job in jobdeck.json("jobs", *arguments)]

    assert ids() == [3, 2, 1]
    assert ids("--take", "2") == [3, 2] and ids("--before", "3") == [2, 1]
    assert ids("--status", "Failed") == [2] and ids("--status", "historical", "--script", "good.sh") == [3, 1]
    assert ids("--since", "1h") == [3, 2, 1] and ids("--until", "2020-01-01") == []
    assert "bad.sh" in jobdeck("jobs").stdout


def test_rerun_delete_and_cancel(jobdeck: Command) -> None:
    jobdeck.script("r.sh", 'echo "$1"\n')
    jobdeck("run", "r.sh", "-p", "x=hello")
    assert jobdeck("rerun", "1").stdout == "2\n"
    jobdeck("wait", "2")
    assert jobdeck("output", "2").stdout == "hello\n"
    jobdeck("cancel", "1", code=1)
    jobdeck("delete", "1", "2")
    assert jobdeck.json("jobs") == []
    jobdeck.script("long.sh", "sleep 1000\n")
    jobdeck("run", "--detach", "long.sh")
    jobdeck("delete", "3", code=1)
    jobdeck.until("3", "Running")
    assert jobdeck.json("cancel", "3")["status"] == "Canceled"
    jobdeck("wait", "3", code=130)


def test_ctrl_c_cancels_and_a_second_one_leaves_the_job(jobdeck: Command) -> None:
    jobdeck.script("long.sh", "echo ready; sleep 1000\n")
    terminal = Terminal(jobdeck, "run", "long.sh")
    terminal.until("ready")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert jobdeck.json("job", "1")["status"] == "Canceled"
    jobdeck.script("stubborn.sh", "trap '' TERM; echo ready; sleep 1000 & wait; sleep 1000\n")
    terminal = Terminal(jobdeck, "run", "stubborn.sh")
    terminal.until("ready")
    terminal.type("\x03")
    terminal.until("again")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "jobdeck attach 2" in terminal.shown
    assert jobdeck.json("job", "2")["status"] == "Running"
    jobdeck("cancel", "2")
    jobdeck("wait", "2", code=130)


def test_only_colours_reach_a_terminal(jobdeck: Command) -> None:
    jobdeck.script("e.sh", r"printf '\033]0;title\007\033[2J\033[31mred\033[0m\n'" + "\n")
    terminal = Terminal(jobdeck, "run", "e.sh")
    assert terminal.end() == 0
    assert "\x1b[31mred" in terminal.shown and "\x1b]0;" not in terminal.shown and "\x1b[2J" not in terminal.shown
    assert "\x1b]0;title" in jobdeck("output", "1").stdout


def test_a_closed_pipe_is_no_error(jobdeck: Command) -> None:
    jobdeck.script("y.sh", "yes | head -n 200000\n")
    jobdeck("run", "--detach", "y.sh")
    jobdeck("wait", "1")
    command = " ".join([*PROGRAM, "output", "1"])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | head -n 1"],
        env=jobdeck.variables, cwd=jobdeck.directory, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "y\n" and done.stderr == ""


def test_a_job_started_inside_a_job_knows_its_parent(jobdeck: Command) -> None:
    jobdeck.script("inner.sh", "echo inner; exit 3\n")
    jobdeck.script("outer.sh", f"{' '.join(PROGRAM)} run inner.sh; echo code $?\n")
    assert jobdeck("run", "outer.sh").stdout == "inner\ncode 3\n"
    assert jobdeck.json("job", "2")["parent_job"] == 1 and jobdeck.json("job", "1")["children"] == [2]


def test_every_verb_has_help_and_version_is_told(jobdeck: Command) -> None:
    listed = jobdeck("--help").stdout
    for verb in [
        "run",
        "attach",
        "jobs",
        "job",
        "output",
        "objects",
        "errors",
        "wait",
        "answer",
        "cancel",
        "rerun",
        "delete",
        "scripts",
        "environments",
        "status",
        "rebuild",
        "completion",
    ]:
        assert verb in listed and "usage: jobdeck" in jobdeck(verb, "--help").stdout
    assert re.search(r"\d+\.\d+\.\d+", jobdeck("--version").stdout)
    assert jobdeck.json("status")["data_directory"] == str(jobdeck.home)
    assert {"Bash", "Python"} <= {environment["name"] for environment in jobdeck.json("environments")}
