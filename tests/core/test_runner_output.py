"""What a job's processes see and say: bytes, codes, descriptors, terminal, limits."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path

import pytest

from core.journal.format import STATE, STDERR, STDOUT, TERMINAL
from tests.core.runner_jobs import Deck, lock, until


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def test_both_streams_arrive_byte_for_byte(deck: Deck) -> None:
    blob = bytes(range(256)) * 4096
    (deck.directory / "blob").write_bytes(blob)
    run = deck.job(script="cat blob; cat blob >&2; head -c 300000 blob; printf 'no newline'").go()
    end = run.ended()
    assert (end["status"], end["exit_code"], end["signal"]) == ("Completed", 0, None)
    assert run.stream(STDOUT) == blob + blob[:300000] + b"no newline"
    assert run.stream(STDERR) == blob
    assert run.states() == ["Running", "Completed"]
    assert end["summary"]["bytes"] == sum(len(data) for _, _, data in run.records()[:-1])
    assert end["id"] == run.id


def test_order_between_streams_is_kept(deck: Deck) -> None:
    body = "for i in 1 2 3; do echo o$i; sleep 0.03; echo e$i >&2; sleep 0.03; done"
    run = deck.job(script=body).go()
    run.ended()
    spoken = [data for stream, _, data in run.records() if stream in (STDOUT, STDERR)]
    assert spoken == [b"o1\n", b"e1\n", b"o2\n", b"e2\n", b"o3\n", b"e3\n"]


def test_merge_is_one_pipe(deck: Deck) -> None:
    run = deck.job(script="for i in $(seq 200); do echo o$i; echo e$i >&2; done", merge=True).go()
    run.ended()
    assert run.stream(STDERR) == b""
    assert run.stream(STDOUT) == b"".join(b"o%d\ne%d\n" % (i, i) for i in range(1, 201))


def test_small_writes_are_gathered_and_soon_there(deck: Deck) -> None:
    code = "import os\nfor i in range(20000): os.write(1, b'x')\nos.write(1, b'!')\ninput()"
    run = deck.job("/usr/bin/env", "python3", "-c", code).go()
    run.until_output(STDOUT, b"!")
    assert len([1 for stream, _, _ in run.records() if stream == STDOUT]) < 2000
    run.ask(op="cancel")
    run.ended()
    assert run.stream(STDOUT) == b"x" * 20000 + b"!"


@pytest.mark.parametrize("code", [0, 1, 7, 100, 126, 127, 128, 137, 254, 255])
def test_exit_codes(deck: Deck, code: int) -> None:
    end = deck.job("/bin/sh", "-c", f"exit {code}").go().ended()
    assert (end["exit_code"], end["signal"]) == (code, None)
    assert end["status"] == ("Failed" if code else "Completed")


def test_a_signal_is_no_exit_code(deck: Deck) -> None:
    end = deck.job("/bin/sh", "-c", "kill -SEGV $$").go().ended()
    assert (end["status"], end["exit_code"], end["signal"]) == ("Failed", None, 11)
    assert end["reason"] == "It was ended by signal 11 (SIGSEGV)."


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["/no/such/program"], "Could not start /no/such/program: No such file or directory."),
        (["no-such-program-on-path"], "Could not start no-such-program-on-path: No such file or directory."),
        (["/etc/passwd"], "Could not start /etc/passwd: Permission denied."),
        (["/bin/echo", "x" * 200000], "too long together"),
        (["/bin/echo", "a\0b"], "Could not start /bin/echo: embedded null byte."),
    ],
)
def test_what_cannot_be_executed_says_so(deck: Deck, argv: list[str], part: str) -> None:
    run = deck.job(*argv).go()
    end = run.ended()
    assert (end["status"], end["exit_code"]) == ("Failed", None)
    assert part in end["reason"]
    assert "Traceback" not in run.log()


def test_a_working_directory_that_is_gone(deck: Deck) -> None:
    end = deck.job("/bin/true", cwd="/no/such/place").go().ended()
    assert end["status"] == "Failed"
    assert "working directory /no/such/place cannot be used (No such file or directory)" in end["reason"]


def test_sigpipe_and_all_other_signals_are_default(deck: Deck) -> None:
    body = 'yes | head -n1 >/dev/null; echo "${PIPESTATUS[*]}"; grep -E "SigIgn|SigBlk" /proc/self/status'
    run = deck.job(script=body).go()
    run.ended()
    words = run.stream(STDOUT).split()
    assert words[:4] == [b"141", b"0", b"SigBlk:", b"0" * 16]
    # 32 and 33 are the C library's own, which its posix_spawn leaves ignored
    assert int(words[5], 16) & ~(3 << 31) == 0


def test_descriptors_do_not_leak_into_the_job(deck: Deck) -> None:
    run = deck.job("/bin/ls", "/proc/self/fd").go({"word": "a secret value"})
    run.ended()
    assert run.stream(STDOUT).split() == [b"0", b"1", b"2", b"3"]


def test_umask_directory_limits_and_environment(deck: Deck) -> None:
    body = "umask; pwd; ulimit -Sn; ulimit -Hn; ulimit -Ht; echo $GREETING; env | grep ^JOBDECK_ | sort"
    place = deck.directory / "a place"
    place.mkdir()
    run = deck.job(
        script=body,
        umask=0o027,
        cwd=str(place),
        limits={"NOFILE": [100, 200], "CPU": [500, 1000], "CORE": [0, resource.RLIM_INFINITY], "NOSUCH": [1, 2]},
        variables={"PATH": "/usr/bin:/bin", "GREETING": "hë", "JOBDECK_ROLE": "engine", "JOBDECK_RUN": "other"},
    ).go()
    end = run.ended()
    assert end["status"] == "Completed", end
    lines = run.stream(STDOUT).decode().splitlines()
    assert lines[:6] == ["0027", str(place), "100", "200", "1000", "hë"]
    told = dict(line.split("=", 1) for line in lines[6:])
    assert "JOBDECK_ROLE" not in told
    assert told["JOBDECK_RUN"] == run.spec["run_id"]
    assert told["JOBDECK_JOB_ID"] == str(run.id)
    assert told["JOBDECK_SCRIPT_PATH"] == run.spec["script"]["path"]


def test_the_terminal_is_the_jobs_own(deck: Deck) -> None:
    body = (
        "[ -t 0 ] && [ ! -t 1 ] && stty size && ps -o tpgid=,pgid= -p $$ && echo typed >/dev/tty"
        " && read -t 0.05 x; echo $?"
    )
    run = deck.job(script=body, size=[132, 50]).go()
    end = run.ended()
    lines = run.stream(STDOUT).split(b"\n")
    assert lines[0] == b"50 132", (end, lines)
    group, foreground = lines[1].split()
    assert group == foreground
    assert lines[2] == b"142"  # the read timed out: it was neither stopped nor at the end of the file
    assert run.stream(TERMINAL) == b"typed\r\n"


def test_a_terminal_is_there_even_if_standard_input_is_not(deck: Deck) -> None:
    run = deck.job(script="cat; echo said >/dev/tty; echo done", stdin="none").go()
    assert run.ended()["status"] == "Completed"
    assert run.stream(STDOUT) == b"done\n"
    assert run.stream(TERMINAL) == b"said\r\n"


def test_resize_reaches_the_job(deck: Deck) -> None:
    run = deck.job(script="trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done").go()
    run.until_output(STDOUT, b"ready")
    assert run.ask(op="resize", columns=120, rows=40) == {"ok": True}
    run.ended()
    assert run.stream(STDOUT) == b"ready\n40 120\n"


def test_a_child_that_holds_the_pipe_does_not_hold_the_end(deck: Deck) -> None:
    run = deck.job(script="sleep 30 & echo $!").go()
    end = run.ended(6)
    child = int(run.stream(STDOUT))
    try:
        assert end["status"] == "Completed"
        assert end["remarks"] == [f"Processes that the script started were left running: sleep ({child})."]
        assert Path(f"/proc/{child}/comm").read_text() == "sleep\n"
        assert 1.9 < (end["ended"] - end["summary"]["started"]) / 1e9 < 3.5
    finally:
        os.kill(child, 9)


def test_leftovers_survive_our_exit_or_are_ended(deck: Deck) -> None:
    # The main process ends once the child is the program it is to become, so that its name is certain.
    body = 'setsid sleep 300 >/dev/null 2>&1 </dev/null & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; echo $!'
    run = deck.job(script=body, kill_leftovers=True).go()
    end = run.ended()
    child = int(run.stream(STDOUT))
    assert end["status"] == "Completed"
    assert end["remarks"] == [f"Processes that the script left running were ended: sleep ({child})."]
    assert [(one["process_id"], one["signal"]) for one in end["receipt"]["signalled"]] == [(child, "TERM")]
    assert not os.path.exists(f"/proc/{child}")


def test_what_is_written_after_the_main_processs_end_is_kept(deck: Deck) -> None:
    run = deck.job(script="exec > >(sleep 0.2; tr a-z A-Z); echo late").go()
    end = run.ended()
    assert (run.stream(STDOUT), end["status"], end["remarks"]) == (b"LATE\n", "Completed", [])
    # ended when the pipe did, not when patience did
    assert (end["ended"] - end["summary"]["started"]) / 1e9 < 1.5


def test_a_script_that_changed_runs_from_its_copy(deck: Deck) -> None:
    for change in ("changed", "gone"):
        run = deck.job(script="echo original")
        path = Path(run.spec["script"]["path"])
        if change == "gone":
            path.unlink()
        else:
            path.write_text("echo other")
        end = run.go().ended()
        assert run.stream(STDOUT) == b"original\n"
        assert end["summary"]["remarks"] == ["The script changed after it was submitted: the stored copy ran."]


def test_python_jobs_get_the_main_module_and_their_content(deck: Deck) -> None:
    run = deck.job(
        "/bin/echo", "-I", script="x = 1", kind="python", python={"style": "script", "argv_tail": ["--a", "1"]}
    ).go()
    run.ended()
    words = run.stream(STDOUT).decode().split()
    assert words[0] == "-I"
    assert words[1].endswith("/core/python/jobdeck_main.py")
    assert words[2:] == [run.spec["script"]["path"], "--a", "1"]


def test_a_job_is_never_run_twice(deck: Deck) -> None:
    run = deck.job(script="echo once >> ran").go()
    run.ended()
    before = run.records()
    run.go().left()
    assert (deck.directory / "ran").read_text() == "once\n"
    assert run.records() == before
    assert "has been started before" in run.log()


def test_a_second_runner_beside_a_live_one_leaves_it_alone(deck: Deck) -> None:
    run = deck.job(script="echo once >> ran; read x").go()
    run.until_state("Running")
    again = type(run)(run.directory, run.id, run.spec).go(held=lock(deck.directory / "another lock"))
    again.left()
    assert run.ask(op="status")["status"] == "Running"
    until(lambda: (deck.directory / "ran").exists(), "the script")
    run.ask(op="cancel")
    run.ended()
    assert (deck.directory / "ran").read_text() == "once\n"


def test_directories_longer_than_a_socket_address(tmp_path: Path) -> None:
    deck = Deck(tmp_path / ("long" * 40))
    run = deck.job(script='test -S "$JOBDECK_CHANNEL" && echo "${#JOBDECK_CHANNEL}" "$JOBDECK_CHANNEL"; read x').go()
    run.until_output(STDOUT, b"\n")
    length, channel = run.stream(STDOUT).split()
    assert int(length) <= 100
    assert run.ask(op="cancel", by="me") == {"ok": True}
    assert run.ended()["status"] == "Canceled"
    assert not os.path.exists(os.path.dirname(channel))


def test_the_title_says_whose_runner_it_is(deck: Deck) -> None:
    run = deck.job(script="read x").go()
    run.until_state("Running")
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(run.pid)], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == f"jobdeck core.runner {run.id} script{run.id}.sh"
    modes = {name: os.stat(run.directory / name).st_mode & 0o777 for name in ("control", "channel", "out.dat")}
    assert set(modes.values()) == {0o600}, modes
    run.ask(op="cancel")
    run.ended()


def test_requests_that_are_none_are_told_what_is_one(deck: Deck) -> None:
    run = deck.job(script="read x").go()
    run.until_state("Running")
    for request in ({"op": "dance"}, {}, {"op": "signal", "signal": "NOPE"}, {"op": "resize", "columns": "x"}):
        assert run.ask(**request)["error"]["kind"] == "invalid"
    assert run.ask(op="input")["error"]["kind"] == "conflict"
    assert run.ask(op="answer", text="x")["error"] == {
        "kind": "conflict",
        "message": f"Job {run.id} waits for no answer.",
    }
    status = run.ask(op="status")
    assert (status["status"], status["state_seq"], status["disk_full"]) == ("Running", 1, False)
    assert run.ask(op="signal", signal="USR1") == {"ok": True}
    assert run.ended()["signal"] == 10
    assert [line["state_seq"] for line in run.told()] == [1, 2]


def test_the_end_is_in_the_journal_and_in_exit_json(deck: Deck) -> None:
    run = deck.job("/bin/true").go()
    end = run.ended()
    del end["id"]
    assert run.values(STATE)[-1] == end
    assert json.loads((run.directory / "spec.json").read_text())["id"] == run.id
    assert sorted(os.listdir(run.directory)) == ["exit.json", "lock", "out.dat", "out.idx", "spec.json"]
