"""The terminal application in a real terminal: tmux, its keys and its screen."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.command import PROGRAM, Command


class Tmux:
    """One terminal with a shell in it, on a tmux server of its own."""

    def __init__(self, command: Command, socket: Path, size: tuple[int, int] = (100, 30)) -> None:
        if shutil.which("tmux") is None:
            if os.environ.get("CI") == "true":
                pytest.fail("tmux is not installed")
            pytest.skip("tmux is not installed")
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._log = ""
        environment = {
            name: value for name, value in command.variables.items()
            if name not in ("TMUX", "TMUX_PANE", "NO_COLOR") and not name.startswith("TEXTUAL")
        }  # fmt: skip
        environment |= {"LC_ALL": "C.UTF-8", "PS1": "shell> ", "HISTFILE": "", "TERM": "screen-256color"}
        subprocess.run(
            [*self._tmux, "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), "-c", str(command.directory),
             "bash", "--norc", "--noprofile"],
            env=environment, check=True, timeout=30,
        )  # fmt: skip
        subprocess.run([*self._tmux, "set", "-s", "set-clipboard", "on"], check=True, timeout=30)
        self.until(r"^shell>")

    def type(self, text: str) -> None:
        """Type letters."""
        subprocess.run([*self._tmux, "send-keys", "-l", text], check=True, timeout=30)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True, timeout=30)

    def enter(self, line: str) -> None:
        """Type a line for the shell."""
        self.type(line)
        self.press("Enter")

    def jobdeck(self, *words: str) -> None:
        """Start the application, or a verb, from the shell."""
        self.enter(shlex.join([*PROGRAM, *words]))

    def screen(self) -> str:
        """What is on the screen."""
        done = subprocess.run([*self._tmux, "capture-pane", "-p"], check=True, capture_output=True, timeout=30)
        return done.stdout.decode("utf-8", "replace")

    def mouse(self, button: int, column: int, row: int, end: str) -> None:
        """What a terminal sends (SGR) for the mouse: button 0, +32 while moved, 64 and 65 the wheel; from 1; M or m."""
        self.type(f"\x1b[<{button};{column};{row}{end}")

    def clipboard(self) -> str:
        """What the application put into the clipboard (OSC 52)."""
        done = subprocess.run([*self._tmux, "show-buffer"], check=True, capture_output=True, timeout=30)
        return done.stdout.decode("utf-8", "replace")

    def state(self) -> str:
        """How the terminal is set: its title, modes, clipboard, what a program may have turned on or off."""
        names = ("pane_title", "alternate_on", "cursor_flag", "mouse_any_flag", "insert_flag", "wrap_flag",
                 "origin_flag", "keypad_flag", "keypad_cursor_flag", "scroll_region_upper", "scroll_region_lower",
                 "pane_tabs", "buffer_sample", "pane_width", "pane_height")  # fmt: skip
        told = "|".join(f"#{{{name}}}" for name in names)
        done = subprocess.run([*self._tmux, "display-message", "-p", told], check=True, capture_output=True, timeout=30)
        return done.stdout.decode("utf-8", "replace")

    def until(self, pattern: str, seconds: float = 40) -> str:
        """The screen, once it matches."""
        return self._wait(pattern, seconds, True)

    def gone(self, pattern: str, seconds: float = 40) -> str:
        """The screen, once it does not match any more."""
        return self._wait(pattern, seconds, False)

    def _wait(self, pattern: str, seconds: float, there: bool) -> str:
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if bool(re.search(pattern, screen, re.MULTILINE)) is there:
                return screen
            assert time.monotonic() < deadline, f"{pattern!r} {'never came' if there else 'stayed'}:\n{screen}"
            time.sleep(0.05)

    def pane_process(self) -> int:
        """The number of the shell's process."""
        done = subprocess.run(
            [*self._tmux, "display-message", "-p", "#{pane_pid}"], check=True, capture_output=True, timeout=30
        )
        return int(done.stdout)

    def application(self) -> int:
        """The number of the process that the shell runs."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            shell = self.pane_process()
            children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
            if children:
                return int(children[0])
            time.sleep(0.02)
        raise AssertionError("the shell runs nothing")

    def close(self) -> None:
        """End the terminal, as closing its window does: what runs in it gets SIGHUP."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=30)
