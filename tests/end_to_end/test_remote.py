"""The command line over a server: as at home, also when the server goes away under it."""

from __future__ import annotations

import hashlib
import json
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from core.access import Role
from tests.end_to_end.command import Command, Terminal
from tests.end_to_end.server import Server


@pytest.fixture
def remote(jobdeck: Command, server: Server) -> Command:
    """`jobdeck` that talks to the server and has its token; its own store stays empty."""
    jobdeck.variables |= {"JOBDECK_SERVER": server.url, "JOBDECK_TOKEN": server.token()}
    return jobdeck


def test_verbs_go_to_the_server(remote: Command, server: Server) -> None:
    remote.script("a.sh", "echo out; echo err >&2; exit 7\n")
    done = remote("run", "a.sh", code=7)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    remote.script("a.sh", "echo changed\n")
    assert remote("run", "a.sh").stdout == "changed\n"
    remote.script("o.py", "import jobdeck\njobdeck.emit({'a': 1})\njobdeck.error('broken')\njobdeck.ask('Name?')\n")
    assert remote("run", "o.py", "--detach").stdout == "3\n"
    remote.until("3", "WaitingOnFeedback")
    remote("answer", "3", "Eve")
    assert remote.json("wait", "3")["identity"] == "tests"
    assert remote.json("objects", "3") == [{"a": 1}]
    assert [error["message"] for error in remote.json("errors", "3")] == ["broken"]
    assert remote.json("rerun", "2")["rerun_of"] == 2
    remote("wait", "4")
    assert remote("output", "4").stdout == "changed\n"
    remote("delete", "4")
    assert [job["id"] for job in remote.json("jobs")] == [3, 2, 1]
    assert [script["name"] for script in remote.json("scripts")] == ["a.sh", "o.py"]
    assert "Bash" in {item["name"] for item in remote.json("environments")}
    assert remote.json("status")["data_directory"] == str(server.home)
    remote.script("long.sh", "sleep 1000\n")
    remote("run", "--detach", "long.sh")
    assert remote.json("cancel", "last")["status"] == "Canceled"
    words = remote("__complete", "--", "--server", server.url, "run", "o.").stdout
    assert words.startswith("o.py\t")
    # Nothing of all that happened in the store of whoever called.
    assert not (remote.home / "jobdeck.db").exists()


def test_parameters_input_and_json(remote: Command) -> None:
    remote.script("p.py", "import sys\ndef main(n: int, who: str = 'me'):\n    print(n, who)\n    sys.exit(4)\n")
    done = remote("run", "p.py", "-p", "n=3", "--json", code=4)
    job = json.loads(done.stdout)
    assert done.stderr == "3 me\n" and job["parameters"] == {"n": 3, "who": "me"}
    assert "n" in remote("run", "p.py", code=2).stderr
    remote.script("c.sh", "sha1sum\n")
    given = "x" * 300_000
    assert remote("run", "c.sh", input=given).stdout.split()[0] == hashlib.sha1(given.encode()).hexdigest()
    assert remote("run", "c.sh", "--no-input").stdout.split()[0] == hashlib.sha1(b"").hexdigest()
    assert "whole path" in remote("run", "c.sh", "--cwd", "sub", code=2).stderr
    assert "does not exist" in remote("run", "c.sh", "--cwd", "/nowhere", code=2).stderr


def test_a_script_of_somebody_else_is_not_overwritten(remote: Command) -> None:
    remote.script("x.sh", "echo mine\n")
    remote("scripts", "add", "x.sh", "--notes", "theirs")
    remote.script("x.sh", "echo yours\n")
    refused = remote("run", "x.sh", code=2).stderr
    assert "another script" in refused and "scripts change 1 --content x.sh" in refused
    assert remote("run", "1").stdout == "mine\n"
    remote("scripts", "change", "1", "--content", "x.sh")
    assert remote("run", "x.sh").stdout == "yours\n"


def test_roles_and_places_are_told(remote: Command, server: Server) -> None:
    remote.script("a.sh", "echo hi\n")
    remote("run", "a.sh")
    remote.variables["JOBDECK_TOKEN"] = server.token(Role.Reader)
    assert remote("output", "1").stdout == "hi\n"
    assert "Execute" in remote("run", "1", code=1).stderr
    remote.variables["JOBDECK_TOKEN"] = server.token(Role.Execute)
    assert remote("run", "a.sh").stdout == "hi\n"
    remote.script("new.sh", "echo new\n")
    assert "Operator" in remote("run", "new.sh", code=1).stderr
    remote.variables["JOBDECK_TOKEN"] = "nonsense"
    assert f"jobdeck login {server.url}" in remote("jobs", code=1).stderr
    del remote.variables["JOBDECK_TOKEN"]
    assert "asks for an app token" in remote("jobs", code=1).stderr
    assert "Leave out JOBDECK_SERVER" in remote("rebuild", code=2).stderr
    assert "Write http://localhost:1" in remote("--server", "localhost:1", "jobs", code=2).stderr


def test_login_keeps_the_token(jobdeck: Command, server: Server) -> None:
    token = server.token()
    kept = jobdeck.home / "servers.json"
    assert "not known" in jobdeck("login", server.url, input="wrong\n", code=1).stderr
    assert "No token" in jobdeck("login", server.url, input="\n", code=2).stderr
    assert not kept.exists()
    said = jobdeck("login", server.url + "/", input=f" {token}\n").stderr
    assert "as tests (Operator)" in said and token not in said
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert jobdeck.json("--server", server.url, "jobs") == []
    jobdeck.variables["JOBDECK_TOKEN"] = "nonsense"
    jobdeck("--server", server.url, "jobs", code=1)
    jobdeck.variables["JOBDECK_TOKEN"] = ""
    terminal = Terminal(jobdeck, "login", server.url)
    terminal.until("App token")
    terminal.type(token + "\n")
    terminal.until("Logged in")
    assert terminal.end() == 0 and token not in terminal.shown
    jobdeck("logout")
    assert token not in kept.read_text()
    assert "asks for an app token" in jobdeck("--server", server.url, "jobs", code=1).stderr
    assert "No token is kept" in jobdeck("logout", code=1).stderr


def test_login_prefers_a_keyring(jobdeck: Command, server: Server, tmp_path: Path) -> None:
    # What the library offers, over a file: the real one needs a desktop.
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "keyring.py").write_text(
        "import json, os\nF = os.environ['TEST_KEYRING']\n"
        "class K:\n    priority = 5\n"
        "def get_keyring():\n    return K\n"
        "def _all():\n    return json.load(open(F)) if os.path.exists(F) else {}\n"
        "def _put(d):\n    json.dump(d, open(F, 'w'))\n"
        "def set_password(s, u, p):\n    _put({**_all(), s + u: p})\n"
        "def get_password(s, u):\n    return _all().get(s + u)\n"
        "def delete_password(s, u):\n    d = _all(); d.pop(s + u); _put(d)\n"
    )
    del jobdeck.variables["JOBDECK_HOME"]
    jobdeck.variables |= {
        "PYTHONPATH": str(tmp_path / "library"),
        "TEST_KEYRING": str(tmp_path / "ring"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    token = server.token()
    assert "the keyring" in jobdeck("login", server.url, input=token).stderr
    kept = tmp_path / "config" / "jobdeck" / "servers.json"
    assert json.loads(kept.read_text()) == {server.url: None} and token in (tmp_path / "ring").read_text()
    assert jobdeck.json("--server", server.url, "jobs") == []
    jobdeck("logout", server.url)
    assert (tmp_path / "ring").read_text() == "{}" and kept.read_text() == "{}"


def test_questions_and_ctrl_c_at_a_terminal(remote: Command) -> None:
    remote.script("q.sh", "echo hello $(jobdeck-job ask 'Your name?'); sleep 1000\n")
    terminal = Terminal(remote, "run", "q.sh")
    terminal.until("Your name?")
    terminal.type("Eve\n")
    terminal.until("hello Eve")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert remote.json("job", "last")["status"] == "Canceled"


class Reader:
    """A verb whose standard output is read line by line as it comes."""

    def __init__(self, command: Command, *arguments: str) -> None:
        self.lines: list[str] = []
        self._process = command.start(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            self.lines.extend(self._process.stdout)

    def until(self, count: int) -> None:
        """Wait for so many lines."""
        deadline = time.monotonic() + 30
        while len(self.lines) < count:
            assert time.monotonic() < deadline and self._thread.is_alive()
            time.sleep(0.01)

    def end(self) -> int:
        """Wait for its end; the exit code."""
        code = self._process.wait(60)
        self._thread.join()
        return code


LINES = 4000
#: writes its lines in bursts, each once the test has let it
BURSTS = """\
for burst in 1 2 3 4; do
    until [ -e {go}$burst ]; do sleep 0.02; done
    for n in $(seq $(( (burst - 1) * {each} + 1 )) $(( burst * {each} ))); do echo "line $n"; done
done
exit 23
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_goes_under_a_follower_loses_and_doubles_nothing(
    remote: Command, server: Server, tmp_path: Path, number: int
) -> None:
    go = str(tmp_path / "go")
    remote.script("bursts.sh", BURSTS.format(go=go, each=LINES // 4))
    (tmp_path / "go1").touch()
    running = Reader(remote, "run", "bursts.sh")
    running.until(1)
    following = Reader(remote, "output", "1", "--follow")
    following.until(1)
    # One burst while it lives, one while it is dead, one after; then down and up again before the last.
    server.end(number)
    (tmp_path / "go2").touch()
    deadline = time.monotonic() + 20
    while b"line 2000\n" not in (server.home / "jobs" / "0" / "1" / "out.dat").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.start()
    (tmp_path / "go3").touch()
    server.end(number)
    server.start()
    (tmp_path / "go4").touch()
    expected = [f"line {n}\n" for n in range(1, LINES + 1)]
    assert running.end() == 23 and running.lines == expected
    assert following.end() == 0 and following.lines == expected


def test_a_server_that_never_comes_back_is_told(remote: Command, server: Server) -> None:
    remote.script("long.sh", "echo begun; sleep 1000\n")
    with remote.start(
        "run", "long.sh", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None and run.stderr is not None
        assert run.stdout.readline() == "begun\n"
        server.end(signal.SIGKILL)
        assert "Trying again" in run.stderr.readline()
        run.send_signal(signal.SIGINT)
        while "Cancelling" not in run.stderr.readline():
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == 130
    server.start()
    assert remote.json("job", "1")["status"] == "Running"
    remote("cancel", "1")
