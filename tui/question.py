"""Asking a person at the terminal on behalf of a job; the question can be withdrawn while it stands."""

from __future__ import annotations

import os
import termios

from core.service import Feedback
from tui import text
from tui.standard_input import readable


class EndOfInput(Exception):
    """The person ended the input (ctrl+d) instead of answering."""


class Terminal:
    """The terminal of this process: lines come from descriptor 0, questions go where a person sees them."""

    def __init__(self) -> None:
        self._output = 2 if os.isatty(2) else os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)

    def show(self, words: str) -> None:
        """Write words that are safe already."""
        os.write(self._output, words.encode("utf-8", "replace"))

    async def line(self, words: str, secret: bool) -> str:
        """Show the words and give back one line as typed, without its end; not echoed when secret.

        Raises EndOfInput. Cancelling it is safe.
        """
        before = termios.tcgetattr(0)
        if secret:
            hidden = [*before]
            hidden[3] = before[3] & ~termios.ECHO
            # Before the question is seen: who answers fast must not see it either.
            termios.tcsetattr(0, termios.TCSAFLUSH, hidden)
        self.show(words)
        got = bytearray()
        try:
            while not got.endswith(b"\n"):
                await readable(0)
                piece = os.read(0, 4096)
                if not piece:
                    if got:
                        break
                    raise EndOfInput
                got += piece
        finally:
            if secret:
                termios.tcsetattr(0, termios.TCSADRAIN, before)
                self.show("\n")
        return got.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")

    async def ask(self, question: Feedback) -> str:
        """Put the question and give back the answer as typed; an empty one is the default where there is one."""
        answer = await self.line(wording(question), question.secret)
        return question.default if not answer and question.default is not None else answer


def wording(question: Feedback) -> str:
    """The question as shown: message, choices with their hotkeys, default."""
    said = text.many_lines(question.message)
    lines = []
    for number, choice in enumerate(question.choices):
        key = f"[{text.one_line(choice.hotkey)}] " if choice.hotkey else ""
        about = f": {text.one_line(choice.help)}" if choice.help else ""
        lines.append(f"  {number}  {key}{text.one_line(choice.label)}{about}\n")
    if lines:
        said = f"{said}\n{''.join(lines)}Choice"
    if question.default is not None and not question.secret:
        said = f"{said.rstrip().removesuffix(':')} [{text.one_line(question.default)}]:"
    if not said.rstrip("\x1b[0m").endswith((" ", "\n")):
        said += " " if said.endswith((":", "?")) else ": "
    return said
