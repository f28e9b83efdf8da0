"""Asking a person at the terminal on behalf of a job; the question can be withdrawn while it stands."""

from __future__ import annotations

import os
import termios

from core.service import Feedback, FeedbackField, Job, JobService
from tui import text
from tui.standard_input import readable

#: an answer: a text, or the value of each field by its name
Answer = str | dict[str, str]
#: what is typed into fields of these types is not shown
SECRET_TYPES = ("secret", "credential")
_TYPES = {
    "integer": "a whole number", "number": "a number", "boolean": "true or false", "switch": "true or false",
    "list": "several, separated by commas", "date": "a date", "datetime": "a date and time", "file": "a path",
    "object": "JSON",
}  # fmt: skip


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

    async def ask(self, question: Feedback) -> Answer:
        """Put the question and give back the answer as typed, or that of each field by its name.

        An empty answer is the default where there is one.
        """
        if question.fields:
            self.show(heading(question))
            return {each.name: await self.field(each) for each in question.fields}
        answer = await self.line(wording(question), question.secret)
        return question.default if not answer and question.default is not None else answer

    async def field(self, field: FeedbackField) -> str:
        """Ask for the value of one field; an empty answer is its default where it has one."""
        answer = await self.line(field_wording(field), field.type in SECRET_TYPES)
        return field.default if not answer and field.default is not None else answer


async def give(service: JobService, job: int, question: Feedback, answer: Answer) -> Job:
    """Answer a question with what `Terminal.ask` gave. Raises as `JobService.answer`."""
    if isinstance(answer, str):
        return await service.answer(job, answer, feedback=question.id)
    return await service.answer(job, fields=answer, feedback=question.id)


def brief(question: Feedback) -> str:
    """What is asked, in one line: `Really delete everything? [Yes, No]`."""
    said = " ".join(part for part in (question.caption, question.message) if part.strip())
    named = [choice.label for choice in question.choices] or [field.label or field.name for field in question.fields]
    return text.one_line(" ".join([*said.split(), f"[{', '.join(named)}]" if named else ""]).strip())


def heading(question: Feedback) -> str:
    """What stands above the fields or choices of a question: its caption and its message, each on lines of its own."""
    said = [text.many_lines(part) for part in (question.caption, question.message) if part]
    return "".join(f"{part}\n" for part in said)


def field_wording(field: FeedbackField) -> str:
    """One field as it is asked for: `Count (a whole number, years) [3]: `."""
    about = [_TYPES[field.type]] if field.type in _TYPES else []
    if field.help:
        about.append(text.one_line(field.help))
    said = text.one_line(field.label or field.name)
    if about:
        said += f" ({', '.join(about)})"
    if field.default is not None and field.type not in SECRET_TYPES:
        said += f" [{text.one_line(field.default)}]"
    return f"{said}: "


def wording(question: Feedback) -> str:
    """The question as shown: message, choices with their hotkeys, default."""
    said = text.many_lines(question.message)
    if question.caption:
        said = f"{text.many_lines(question.caption)}\n{said}"
    lines = []
    for number, choice in enumerate(question.choices):
        key = f"[{text.one_line(choice.hotkey)}] " if choice.hotkey else ""
        about = f": {text.one_line(choice.help)}" if choice.help else ""
        lines.append(f"  {number}  {key}{text.one_line(choice.label)}{about}\n")
    if lines:
        said = f"{said}\n{''.join(lines)}{'Choices, separated by commas' if question.multiple else 'Choice'}"
    if question.default is not None and not question.secret:
        said = f"{said.rstrip().removesuffix(':')} [{text.one_line(question.default)}]:"
    if not said.rstrip("\x1b[0m").endswith((" ", "\n")):
        said += " " if said.endswith((":", "?")) else ": "
    return said
