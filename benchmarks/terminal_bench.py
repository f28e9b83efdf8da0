"""The terminal application over a store with a million jobs, in a pseudo-terminal, beside a minimal Textual one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from benchmarks.million import fill
from benchmarks.table import Row
from core.config import Settings

_STARTS = 7
_KEYS = 60
_IDLE = 5.0
#: a filter, and what tells that its jobs are on the screen
_FILTERS = (
    ("status:failed", b"Failed"),
    ("script:script-7.sh", b"of 1,000,000"),
    ("tag:nightly", b"of 1,000,000"),
    ("tag:nobody", b"0 of 1,000,000"),
    ("env:nobody", b"0 of 1,000,000"),
    ("!env:Bash", b"0 of 1,000,000"),
    ("source:trigger status:failed", b"0 of 1,000,000"),
    ("host-996", b"of 1,000,000"),
    ("no such text", b"0 of 1,000,000"),
    ("zz", b"0 of 1,000,000"),
    ("status:failed user:user-3 host-99", b"of 1,000,000"),
    ("!tag:nightly since:1d", b"of 1,000,000"),
)
_MINIMAL = """\
from textual.app import App
from textual.widgets import Static

class Minimal(App[None]):
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [("j", "turn", "Turn")]
    def compose(self):
        yield Static("ready 0", id="text")
    def action_turn(self):
        self.n = getattr(self, "n", 0) + 1
        self.query_one("#text", Static).update(f"ready {self.n}")

Minimal().run()
"""


class _Program:
    """A program at a terminal of 120x40: what it writes, when."""

    def __init__(self, argv: list[str], variables: dict[str, str]) -> None:
        self.began = time.perf_counter()
        self.process, self._master = pty.fork()
        if self.process == 0:
            os.execve(argv[0], argv, variables)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def until(self, *markers: bytes, seconds: float = 60) -> float:
        """Milliseconds from the beginning (of the program, or of `type`) until one of the markers was written."""
        seen = b""
        deadline = time.perf_counter() + seconds
        while not any(marker in seen for marker in markers):
            data = self._read(deadline - time.perf_counter())
            if not data:
                raise RuntimeError(f"{markers!r} never came: {seen[-2000:]!r}")
            seen += data
        return (time.perf_counter() - self.began) * 1000

    def _read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._master], [], [], max(seconds, 0))
        if not ready:
            return b""
        with contextlib.suppress(OSError):
            return os.read(self._master, 1 << 20)
        return b""

    def quiet(self, seconds: float) -> int:
        """Read until nothing has come for so long; how many bytes came."""
        count = 0
        while data := self._read(seconds):
            count += len(data)
        return count

    def type(self, text: str) -> None:
        """Press keys."""
        self.began = time.perf_counter()
        os.write(self._master, text.encode())

    def key(self, text: str) -> tuple[float, int]:
        """Press a key: milliseconds until the last byte of the frame it causes, and the frame's bytes."""
        self.type(text)
        count, last = 0, self.began
        while data := self._read(0.06 if count else 1.0):
            count += len(data)
            last = time.perf_counter()
        return (last - self.began) * 1000, count

    def cpu(self, seconds: float) -> float:
        """Percent of a core that it uses while it is left alone."""
        before = self.ticks()
        self.quiet(0.1)
        time.sleep(seconds)
        return (self.ticks() - before) / 1000 / seconds * 100

    def ticks(self) -> float:
        """Milliseconds of processor that it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Kill it."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self._master)


def _run(directory: str) -> list[Row]:
    home = os.path.join(directory, "home")
    settings = Settings.load({"JOBDECK_HOME": home})
    fill(settings)
    minimal = os.path.join(directory, "minimal.py")
    Path(minimal).write_text(_MINIMAL)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("JOBDECK_", "TEXTUAL"))}
    variables |= {"JOBDECK_HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
    ours, floor = [sys.executable, "-P", "-m", "tui"], [sys.executable, minimal]

    first: list[float] = []
    rows: list[float] = []
    least: list[float] = []
    for _ in range(_STARTS):
        program = _Program(floor, variables)
        least.append(program.until(b"ready 0"))
        program.end()
        program = _Program(ours, variables)
        first.append(program.until(b"Status"))
        rows.append(program.until(b"Completed"))
        program.end()

    program = _Program(floor, variables)
    program.until(b"ready 0")
    program.quiet(0.5)
    before = program.ticks()
    turned = [program.key("j") for _ in range(_KEYS)]
    least_work = (program.ticks() - before) / _KEYS
    program.end()

    program = _Program(ours, variables)
    program.until(b"Completed")
    program.quiet(2.0)
    before = program.ticks()
    down = [program.key("j") for _ in range(_KEYS // 2)] + [program.key("k") for _ in range(_KEYS // 2)]
    work = (program.ticks() - before) / _KEYS
    program.key("g")
    page = [program.key("\x1b[6~") for _ in range(_KEYS)]
    end = [value for _ in range(5) for value in (program.key("G"), program.key("g"))]
    found: dict[str, list[float]] = {}
    for _ in range(3):
        for text, marker in _FILTERS:
            program.type("/")
            program.quiet(0.2)
            # Pasted, so that it is found when enter comes and not while it is typed.
            program.type(f"\x1b[200~{text}\x1b[201~\r")
            found.setdefault(text, []).append(program.until(marker))
            program.quiet(1.0)
            program.type("\x1b")
            program.quiet(1.5)
    cpu = program.cpu(_IDLE)
    program.end()

    def middle(values: list[float]) -> float:
        return statistics.median(values)

    key = middle([milliseconds for milliseconds, _ in down])
    least_key = middle([milliseconds for milliseconds, _ in turned])
    return [
        Row("terminal: exec to first paint, a million jobs", middle(first), "ms", middle(least),
            "minimal Textual application", "≤ 1.4"),
        Row("terminal: exec to the first jobs on the screen", middle(rows), "ms", middle(least),
            "minimal Textual application's first paint"),
        Row("terminal: cursor down, key to last byte of its frame", key, "ms", least_key,
            "one Static changed by a key", "≤ 5 ms"),
        Row("terminal: processor time per cursor key", work, "ms", least_work, "one Static changed by a key"),
        Row("terminal: a page down among a million jobs", middle([one for one, _ in page]), "ms", target="≤ 100 ms"),
        Row("terminal: to the last of a million jobs, or back", middle([one for one, _ in end]), "ms",
            target="≤ 100 ms"),
        *(Row(f"terminal: filter {text}, pasted, to the jobs", middle(times), "ms", target="≤ 100 ms")
          for text, times in found.items()),
        Row("terminal: bytes written per cursor key", middle([count for _, count in down]), "B"),
        Row("terminal: bytes written per page", middle([count for _, count in page]), "B"),
        Row("terminal: processor while idle", cpu, "%", target="≈ 0"),
    ]  # fmt: skip


def run() -> list[Row]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory(prefix="jobdeck-bench-") as directory:
        return _run(directory)
