"""The programs that run scripts: where they are, whether they work, what version they are.

A candidate must run to count: version managers leave commands on PATH that do not work. What a probe told is kept in
`probes`, a JSON-able mapping that the engine saves: path → {"mtime", "size", "time", "real", "version"}.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import MutableMapping, Sequence
from typing import Any

from core.service import Environment

PLACEHOLDER = "{scriptPath}"
#: a candidate that does not answer in so many seconds does not work
PROBE_SECONDS = 10.0
#: what did not work is tried again after so many seconds
RETRY_SECONDS = 3600.0
#: and what did not answer in time, which may have been the computer's fault
LATE_SECONDS = 60.0
#: the module and the bootstrap need at least this Python
OLDEST_PYTHON = (3, 8)

_PYTHON_PROBE = ("-I", "-S", "-c", "import sys; print(sys.executable); print('%d.%d.%d' % tuple(sys.version_info[:3]))")


class Program:
    """A program that runs scripts: how its environment is called, how it is found and made to speak.

    `probe`: arguments that print the real executable's path (or nothing) on the first line, the version on the second.
    """

    __slots__ = ("arguments", "commands", "extensions", "name", "probe")

    def __init__(
        self,
        name: str,
        commands: Sequence[str],
        extensions: Sequence[str],
        probe: Sequence[str],
        arguments: Sequence[str] = (PLACEHOLDER,),
    ) -> None:
        self.name = name
        self.commands = tuple(commands)
        self.extensions = tuple(extensions)
        self.probe = tuple(probe)
        self.arguments = tuple(arguments)


PROGRAMS = (
    Program("Bash", ["bash"], [".sh", ".bash"], ["--norc", "-c", 'echo; echo "$BASH_VERSION"']),
    Program("sh", ["sh"], [], ["-c", "echo; echo"]),
    Program("Zsh", ["zsh"], [".zsh"], ["-f", "-c", 'echo; echo "$ZSH_VERSION"']),
    Program("Ksh", ["ksh"], [".ksh"], ["-c", "echo; echo"]),
    Program("Fish", ["fish"], [".fish"], ["--no-config", "-c", "echo; echo $version"]),
    Program(
        "Node", ["node", "nodejs"], [".js", ".mjs", ".cjs"], ["-p", 'process.execPath + "\\n" + process.versions.node']
    ),
    Program("Perl", ["perl"], [".pl"], ["-e", 'printf "%s\\n%vd\\n", $^X, $^V']),
    Program("Ruby", ["ruby"], [".rb"], ["-e", "puts RbConfig.ruby, RUBY_VERSION"]),
    Program("PHP", ["php"], [".php"], ["-r", 'echo PHP_BINARY, "\\n", PHP_VERSION, "\\n";']),
    Program("Lua", ["lua"], [".lua"], ["-e", "print(''); print((_VERSION:gsub('Lua ', '')))"]),
    Program("R", ["Rscript"], [".r"], ["-e", "cat('\\n', R.version$major, '.', R.version$minor, '\\n', sep='')"]),
    Program("awk", ["awk"], [".awk"], ['BEGIN { print ""; print "" }'], ["-f", PLACEHOLDER]),
)
_POWERSHELL_PROBE = (
    "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "''; \"$($PSVersionTable.PSVersion)\"",
)  # fmt: skip
_POWERSHELL_PLACES = (
    "/usr/local/bin/pwsh", "/usr/bin/pwsh", "/opt/microsoft/powershell/7/pwsh", "/opt/microsoft/powershell/7-lts/pwsh",
    "/snap/bin/pwsh", "/opt/homebrew/bin/pwsh", "/home/linuxbrew/.linuxbrew/bin/pwsh",
)  # fmt: skip
#: the script block that runs the job's script needs at least this PowerShell
OLDEST_POWERSHELL = (7, 3)
SHELLS = frozenset({"bash", "sh", "zsh", "ksh", "fish", "dash", "ash", "mksh"})
PYTHON_NAME = re.compile(r"python(?P<version>[0-9](?:\.[0-9]+)?)?(?:\.exe)?")


def find(search_path: str, probes: MutableMapping[str, Any]) -> list[Environment]:
    """Every environment that works, in the order of their names' table, Pythons behind the shells.

    `search_path` is a PATH. Each program is run once and then never again while its file stays the same.
    """
    found = [environment for program in PROGRAMS if (environment := working(program, search_path, probes))]
    shells = [environment for environment in found if environment.name.lower() in SHELLS]
    others = [environment for environment in found if environment not in shells]
    pwsh = powershell(search_path, probes)
    return [*([pwsh] if pwsh else []), *shells, *pythons(search_path, probes), *others]


def working(program: Program, search_path: str, probes: MutableMapping[str, Any]) -> Environment | None:
    """The environment of a program, None when none of its commands on PATH works."""
    for name in program.commands:
        for path in where(name, search_path):
            answer = _probe(path, program.probe, probes)
            if answer is not None:
                return Environment(program.name, answer[0], program.arguments, "command", answer[1])
    return None


def powershell(search_path: str, probes: MutableMapping[str, Any], path: str | None = None) -> Environment | None:
    """ "PowerShell 7": the first pwsh on PATH or in the usual places that works, or the one at `path`."""
    home = os.path.expanduser("~")
    places = [
        *where("pwsh", search_path),
        *_POWERSHELL_PLACES,
        os.path.join(home, ".dotnet/tools/pwsh"),
        os.path.join(home, ".local/bin/pwsh"),
        *where("pwsh-lts", search_path),
        *where("pwsh-preview", search_path),
    ]
    for candidate in dict.fromkeys(places if path is None else [path]):
        answer = _probe(candidate, _POWERSHELL_PROBE, probes) if _is_program(candidate) else None
        if answer is not None and answer[1][:1].isdigit():
            name = f"PowerShell {answer[1].partition('.')[0]}"
            return Environment(name, answer[0], (), "powershell", answer[1])
    return None


def first_python(search_path: str, probes: MutableMapping[str, Any]) -> Environment | None:
    """ "Python": the first python3 on PATH that works and is new enough."""
    for name in ("python3", "python"):
        for path in where(name, search_path):
            environment = python_of(path, "Python", probes)
            if environment is not None and environment.kind == "python":
                return environment
    return None


def pythons(search_path: str, probes: MutableMapping[str, Any]) -> list[Environment]:
    """ "Python", then "Python 3.N" for each version, the first on PATH of each; the newest first."""
    first = first_python(search_path, probes)
    versions: dict[str, Environment] = {}
    for path in _python_candidates(search_path):
        environment = python_of(path, None, probes)
        if environment is not None and environment.kind == "python":
            versions.setdefault(environment.name, environment)
    ordered = sorted(versions.values(), key=lambda each: version_numbers(each.version), reverse=True)
    return [*([first] if first else []), *ordered]


def _python_candidates(search_path: str) -> list[str]:
    """Everything on PATH that is called python3, python3.N or python, plain names first within a directory."""
    paths: list[str] = []
    for directory in _directories(search_path):
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        matching = sorted(name for name in names if PYTHON_NAME.fullmatch(name))
        paths += [path for name in matching if _is_program(path := os.path.join(directory, name))]
    return paths


def probe_python(path: str, probes: MutableMapping[str, Any]) -> tuple[str, str] | None:
    """The real executable behind a Python (a venv's own stays) and its version, None when it does not run."""
    return _probe(path, _PYTHON_PROBE, probes)


def python_of(path: str, name: str | None, probes: MutableMapping[str, Any]) -> Environment | None:
    """The environment of one interpreter, "Python 3.N" when no name is given; kind "command" when it is too old."""
    answer = probe_python(path, probes)
    if answer is None:
        return None
    real, version = answer
    numbers = version_numbers(version)
    kind = "python" if numbers[:2] >= OLDEST_PYTHON else "command"
    own = f"Python {numbers[0]}.{numbers[1]}" if len(numbers) > 1 else "Python"
    return Environment(name or own, real, (PLACEHOLDER,), kind, version)


def version_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", version)[:3])


def _directories(search_path: str) -> list[str]:
    return list(dict.fromkeys(part for part in search_path.split(os.pathsep) if os.path.isabs(part)))


def where(name: str, search_path: str) -> list[str]:
    """Every executable file of that name, in PATH's order."""
    return [path for part in _directories(search_path) if _is_program(path := os.path.join(part, name))]


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _probe(path: str, arguments: Sequence[str], probes: MutableMapping[str, Any]) -> tuple[str, str] | None:
    """The real executable and its version, None when it does not run. Asked of the file once."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    kept = probes.get(path)
    if isinstance(kept, dict) and (kept.get("mtime"), kept.get("size")) == (found.st_mtime_ns, found.st_size):
        real = kept.get("real")
        if isinstance(real, str) and _is_program(real):
            return real, str(kept.get("version", ""))
        patience = LATE_SECONDS if kept.get("late") else RETRY_SECONDS
        if real is None and 0 <= time.time() - float(kept.get("time", 0)) < patience:
            return None
    answer, late = None, False
    try:
        answer = _ask(path, arguments)
    except subprocess.TimeoutExpired:
        late = True
    probes[path] = {
        "mtime": found.st_mtime_ns,
        "size": found.st_size,
        "time": int(time.time()),
        "real": answer[0] if answer else None,
        "version": answer[1] if answer else "",
        **({"late": True} if late else {}),
    }
    return answer


def _ask(path: str, arguments: Sequence[str]) -> tuple[str, str] | None:
    """The real executable and its version, None when it does not run. Raises TimeoutExpired."""
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            cwd="/",
            check=False,
        )
    except OSError:
        return None
    if done.returncode != 0:
        return None
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
    real = lines[0].strip() if lines else ""
    version = lines[1].strip() if len(lines) > 1 else ""
    return (real if os.path.isabs(real) and _is_program(real) else path), version
