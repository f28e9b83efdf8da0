"""Finding and choosing what runs a script, with the interpreters of this machine and with ones made for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.engine.environments import choose, command, find
from core.service import Environment, Invalid

SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def fake_python(path: Path, version: str, real: Path | None = None) -> Path:
    """A command that answers as a Python of that version does, and notes each call beside it."""
    return program(path, f'#!/bin/sh\necho call >> "$0.calls"\necho "{real or path}"\necho {version}\n')


def calls(path: Path) -> int:
    notes = path.with_name(path.name + ".calls")
    return len(notes.read_text().splitlines()) if notes.exists() else 0


def chosen(
    content: bytes, name: str = "x", path: str = SYSTEM, known: dict[str, Environment] | None = None, **given: Any
) -> Environment:
    return choose(given.get("requested"), name, content, known or {}, path, given.get("probes", {}))


def test_what_this_machine_has() -> None:
    found = find(os.path.dirname(sys.executable) + os.pathsep + SYSTEM, {})
    names = [environment.name for environment in found]
    assert names[:2] == ["Bash", "sh"] and len(set(names)) == len(names)
    by_name = {environment.name: environment for environment in found}
    python = by_name["Python"]
    assert python.kind == "python" and python.version == ".".join(str(n) for n in sys.version_info[:3])
    assert by_name["Python {}.{}".format(*sys.version_info[:2])].version == python.version
    for environment in found:
        assert os.path.isabs(environment.path) and os.access(environment.path, os.X_OK)
    assert by_name["Bash"].version and (by_name["awk"].arguments == ("-f", "{scriptPath}"))


@pytest.mark.parametrize(
    "name", ["Bash", "sh", "Python", "Node", "Perl", "Ruby", "PHP", "awk", "Zsh", "Fish", "Lua", "R"]
)
def test_each_really_runs_a_script(tmp_path: Path, name: str) -> None:
    scripts = {
        "Python": "print('hello')", "Node": "console.log('hello')", "Perl": 'print "hello\\n";', "Ruby": "puts 'hello'",
        "PHP": "<?php echo \"hello\\n\";", "awk": 'BEGIN { print "hello" }', "Lua": "print('hello')",
        "R": "cat('hello\\n')",
    }  # fmt: skip
    environment = next((each for each in find(SYSTEM, {}) if each.name == name), None)
    if environment is None:
        pytest.skip(f"there is no {name} here")
    script = tmp_path / "script"
    script.write_text(scripts.get(name, "echo hello"))
    argv = [part.replace("{scriptPath}", str(script)) for part in command(environment)]
    if environment.kind == "python":
        argv.append(str(script))
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stdout == "hello\n"


def test_every_python_on_path_once(tmp_path: Path) -> None:
    fake_python(tmp_path / "a" / "python3", "3.12.1")
    fake_python(tmp_path / "b" / "python3.12", "3.12.9")
    fake_python(tmp_path / "b" / "python3.9", "3.9.1")
    fake_python(tmp_path / "b" / "python3.6", "3.6.1")
    program(tmp_path / "b" / "python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    program(tmp_path / "b" / "python3-config", "#!/bin/sh\nexit 1\n")
    found = find(f"{tmp_path}/a:{tmp_path}/b:relative:", {})
    assert [(each.name, each.path, each.version) for each in found] == [
        ("Python", f"{tmp_path}/a/python3", "3.12.1"),
        ("Python 3.12", f"{tmp_path}/a/python3", "3.12.1"),
        ("Python 3.9", f"{tmp_path}/b/python3.9", "3.9.1"),
    ]


def test_a_shim_is_resolved_and_a_broken_one_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "broken" / "python3", "#!/bin/sh\nexit 127\n")
    program(tmp_path / "broken" / "bash", "#!/bin/sh\nexit 127\n")
    real = fake_python(tmp_path / "real" / "python3.11", "3.11.7")
    fake_python(tmp_path / "shims" / "python3", "3.11.7", real)
    path = f"{tmp_path}/broken:{tmp_path}/shims:{SYSTEM}"
    assert chosen(b"", "x.py", path).path == str(real)
    assert chosen(b"#!/usr/bin/env python3\n", "x", path).path == str(real)
    assert chosen(b"", "x.sh", path).path in ("/usr/bin/bash", "/bin/bash")
    assert chosen(b"#!/usr/bin/env bash\n", "x", path).path in ("/usr/bin/bash", "/bin/bash")


def test_a_virtual_environment_stays_itself(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    found = chosen(b"", "x.py", f"{tmp_path}/v/bin:{SYSTEM}")
    assert found.path.startswith(str(tmp_path / "v" / "bin" / "python"))


def test_nothing_is_asked_twice_until_it_changes(tmp_path: Path) -> None:
    python = fake_python(tmp_path / "python3", "3.12.1")
    broken = program(tmp_path / "node", '#!/bin/sh\necho call >> "$0.calls"\nexit 1\n')
    probes: dict[str, Any] = {}
    for _ in range(3):
        assert [each.name for each in find(str(tmp_path), probes)] == ["Python", "Python 3.12"]
    assert (calls(python), calls(broken)) == (1, 1)
    fake_python(python, "3.13.10")
    assert find(str(tmp_path), probes)[0].version == "3.13.10"
    assert calls(python) == 2
    python.unlink()
    assert find(str(tmp_path), probes) == []


def test_what_a_shim_stood_for_may_go(tmp_path: Path) -> None:
    real = fake_python(tmp_path / "real" / "python3", "3.11.7")
    shim = fake_python(tmp_path / "shims" / "python3", "3.11.7", real)
    probes: dict[str, Any] = {}
    assert find(str(shim.parent), probes)[0].path == str(real)
    real.unlink()
    assert find(str(shim.parent), probes)[0].path == str(shim)


def test_choosing_probes_only_what_it_needs(tmp_path: Path) -> None:
    python = fake_python(tmp_path / "python3", "3.12.1")
    probes: dict[str, Any] = {}
    assert chosen(b"", "x.sh", f"{tmp_path}:{SYSTEM}", probes=probes).name == "Bash"
    assert chosen(b"#!/bin/sh\n", "x", f"{tmp_path}:{SYSTEM}", probes=probes).name == "sh"
    assert calls(python) == 0
    assert all(not path.endswith("python3") for path in probes)


@pytest.mark.parametrize(
    ("content", "name", "expected", "argv"),
    [
        (b"#!/bin/bash\n", "x.py", "Bash", ["/bin/bash", "{scriptPath}", "a"]),
        (b"#!/bin/bash -eu\n", "x", "Bash", ["/bin/bash", "-eu", "{scriptPath}", "a"]),
        (b"#! /bin/sh\n", "x", "sh", ["/bin/sh", "{scriptPath}", "a"]),
        (b"#!/usr/bin/env -S perl -w\n", "x", "Perl", ["/usr/bin/perl", "-w", "{scriptPath}", "a"]),
        (b"#!/usr/bin/env -Sperl -w\n", "x", "Perl", ["/usr/bin/perl", "-w", "{scriptPath}", "a"]),
        (b"#!/usr/bin/awk -f\n", "x", "awk", ["/usr/bin/awk", "-f", "{scriptPath}", "a"]),
        (b"#!/usr/bin/tee\n", "x", "tee", ["/usr/bin/tee", "{scriptPath}", "a"]),
        (b"#!/usr/bin/perl\r\n", "x", "Perl", ["/usr/bin/perl", "{scriptPath}", "a"]),
        (b"#!\n", "x.awk", "awk", ["/usr/bin/awk", "-f", "{scriptPath}", "a"]),
    ],
)
def test_the_first_line_is_obeyed(content: bytes, name: str, expected: str, argv: list[str]) -> None:
    found = chosen(content, name)
    assert (found.name, command(found, ["a"])) == (expected, argv)


def test_env_may_set_variables() -> None:
    found = chosen(b"#!/usr/bin/env -S LANG=C X=1 bash -e\n")
    assert found.variables == {"LANG": "C", "X": "1"} and found.arguments == ("-e", "{scriptPath}")


@pytest.mark.skipif(not shutil.which("python3", path=SYSTEM), reason="there is no system Python")
def test_python_keeps_its_kind_and_options() -> None:
    first = os.path.dirname(sys.executable) + os.pathsep + SYSTEM
    path = shutil.which("python3", path=SYSTEM)
    found = chosen(f"#!{path} -u\n".encode(), "x", first)
    assert found.kind == "python" and command(found, ["not for it"])[1:] == ["-u"]
    assert found.name.startswith("Python 3.")
    assert chosen(b"#!/usr/bin/env python3\n", "x", first).name == "Python"


def test_an_old_python_runs_scripts_as_they_are(tmp_path: Path) -> None:
    old = fake_python(tmp_path / "python2", "2.7.18")
    found = chosen(b"#!/usr/bin/env python2\n", "x", str(tmp_path))
    assert (found.name, found.kind, found.path) == ("Python 2.7", "command", str(old))


def test_a_users_own_environment_is_taken() -> None:
    own = Environment("Bash", "/opt/bash", ("--login", "{scriptPath}"), found=False, variables={"A": "1"})
    known = {"Bash": own}
    assert chosen(b"", "x.sh", known=known) is own
    assert chosen(b"", "x", known=known, requested="BASH") is own
    assert chosen(b"#!/usr/bin/env bash\n", known=known) is own
    literal = chosen(b"#!/bin/bash -e\n", known=known)
    assert (literal.path, literal.arguments, literal.variables) == ("/bin/bash", ("-e", "{scriptPath}"), {"A": "1"})


def test_names_in_any_case(tmp_path: Path) -> None:
    fake_python(tmp_path / "python3.10", "3.10.1")
    path = f"{tmp_path}:{SYSTEM}"
    assert chosen(b"#!/bin/sh\n", requested="bash").name == "Bash"
    assert chosen(b"", requested="python  3.10", path=path).version == "3.10.1"
    assert chosen(b"", requested="Python3.10", path=path).name == "Python 3.10"
    assert chosen(b"", requested="NODE" if shutil.which("node", path=SYSTEM) else "PERL").name in ("Node", "Perl")


def test_a_program_runs_itself(tmp_path: Path) -> None:
    copy = tmp_path / "true"
    shutil.copy("/bin/true", copy)
    found = chosen(copy.read_bytes(), str(copy))
    assert (found.name, command(found, ["a"])) == ("true", ["{scriptPath}", "a"])
    copy.chmod(0o644)
    with pytest.raises(Invalid, match="Nothing says what runs"):
        chosen(copy.read_bytes(), str(copy))


def test_a_command_line_without_a_placeholder_gets_the_script_at_its_end() -> None:
    assert command(Environment("x", "/bin/x", ("-v",)), ["a"]) == ["/bin/x", "-v", "{scriptPath}", "a"]
    assert command(Environment("x", "/bin/x", ("--file={scriptPath}",))) == ["/bin/x", "--file={scriptPath}"]


@pytest.mark.parametrize(
    ("content", "name", "requested", "sentence"),
    [
        (b"", "x", "Cobol", "There is no environment 'Cobol'. There are: Bash, sh,"),
        (b"text", "notes.txt", None, "Nothing says what runs notes.txt"),
        (b"", "x.psm1", None, "is a PowerShell module"),
        (
            b"#!/usr/bin/env no-such-program\n",
            "x",
            None,
            "asks for no-such-program in its #! line, which is nowhere on PATH",
        ),
        (b"#!/opt/none/bash\n", "x", None, "asks for /opt/none/bash in its #! line, which is not there"),
        (b"#!/etc\n", "x", None, "asks for /etc in its #! line"),
        (b"#!/bin/bash\r\necho\r\n", "x y.sh", None, r"sed -i 's/\r$//' 'x y.sh'"),
        (b"echo\r\n", "x.sh", None, "Windows line ends"),
        (b"echo\r\n", "x", "sh", "Windows line ends"),
    ],
)
def test_what_cannot_be_run_is_told(content: bytes, name: str, requested: str | None, sentence: str) -> None:
    with pytest.raises(Invalid) as raised:
        chosen(content, name, requested=requested)
    assert sentence in str(raised.value)


def test_windows_lines_do_not_matter_to_python() -> None:
    assert chosen(b"#!/usr/bin/env python3\r\nprint(1)\r\n", "x", os.path.dirname(sys.executable)).kind == "python"


def test_a_program_that_never_answers_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "python3", "#!/bin/sh\nexec sleep 30\n")
    monkeypatch.setattr("core.engine.programs.PROBE_SECONDS", 0.2)
    assert find(str(tmp_path), {}) == []


def test_what_was_only_slow_is_asked_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = program(tmp_path / "node", '#!/bin/sh\necho call >> "$0.calls"\nexec sleep 30\n')
    probes: dict[str, Any] = {}
    monkeypatch.setattr("core.engine.programs.PROBE_SECONDS", 0.5)
    for _ in range(2):
        assert find(str(tmp_path), probes) == []
    assert calls(slow) == 1
    monkeypatch.setattr("core.engine.programs.LATE_SECONDS", 0.0)
    assert find(str(tmp_path), probes) == []
    assert calls(slow) == 2
