"""Feedback: the questions that processes of the job ask, one open at a time, and their answers."""

from __future__ import annotations

from core.journal.format import ANSWER, PROMPT
from core.runner.recorder import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.recorder import Recorder


class Refused(Exception):
    """An answer that cannot be taken; `kind` is "conflict", "invalid" or "not_found", the text a sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Question:
    """One question. `reply(answer, error)` is called once: with the answer, or with why there is none."""

    __slots__ = ("choices", "default", "message", "number", "reply", "secret")

    def __init__(
        self,
        message: str,
        secret: bool,
        choices: list[dict[str, str]] | None,
        default: str | None,
        reply: Callable[[str | None, str | None], None],
    ) -> None:
        self.number = 0
        self.message = message
        self.secret = secret
        self.choices = choices
        self.default = default
        self.reply = reply


def read_choices(values: object) -> list[dict[str, str]] | None:
    """Choices as a job sends them (strings or {"label", "help"}, `&` before the hotkey). Raises ValueError."""
    if not values:
        return None
    if not isinstance(values, list):
        raise ValueError("choices must be a list.")
    choices = []
    for value in values:
        label = value.get("label") if isinstance(value, dict) else value
        if not isinstance(label, str) or not label.replace("&", ""):
            raise ValueError("Each of the choices must be a text or an object with a label.")
        help_text = str(value.get("help") or "") if isinstance(value, dict) else ""
        before, _, behind = label.partition("&")
        choices.append({"label": before + behind, "hotkey": behind[:1], "help": help_text})
    return choices


def match(choices: list[dict[str, str]], text: str) -> str | None:
    """The label that `text` means: a label or a hotkey in any case, an index from 0; None if it means none."""
    wanted = text.strip().casefold()
    for key in ("label", "hotkey"):
        for choice in choices:
            if choice[key] and choice[key].casefold() == wanted:
                return choice["label"]
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(choices):
        return choices[int(wanted)]["label"]
    return None


class Questions:
    """All questions of one job, numbered from 1 as they open; the oldest one unanswered is the open one."""

    def __init__(self, job: int, recorder: Recorder, changed: Callable[[str, int], None]) -> None:
        """`changed(event, number)` records the change of status, "ask" or "answer"."""
        self._job = job
        self._recorder = recorder
        self._changed = changed
        self._queue: list[Question] = []
        self._count = 0
        self._open: Question | None = None
        self._closed: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether a question is open."""
        return self._open is not None

    def ask(self, question: Question) -> None:
        """Open it, now or once those before it are answered."""
        if self._closed is not None:
            question.reply(None, self._closed)
            return
        self._queue.append(question)
        self._next()

    def answer(self, number: int | None, text: object, by: str) -> None:
        """Answer the open question. Raises Refused."""
        question = self._open
        if not isinstance(text, str):
            raise Refused("invalid", "The answer must be a text.")
        if number is not None and (number < 1 or number > self._count):
            raise Refused("not_found", f"Job {self._job} has no question {number}.")
        if number is not None and (question is None or number != question.number):
            raise Refused("conflict", f"Question {number} of job {self._job} has been answered already.")
        if question is None:
            if self._count:
                raise Refused("conflict", f"Question {self._count} of job {self._job} has been answered already.")
            raise Refused("conflict", f"Job {self._job} waits for no answer.")
        if not text and question.default is not None:
            text = question.default
        if question.choices is not None:
            label = match(question.choices, text)
            if label is None:
                allowed = ", ".join(
                    f"{choice['label']} ({choice['hotkey']})" if choice["hotkey"] else choice["label"]
                    for choice in question.choices
                )
                given = "That" if question.secret else f'"{text}"'
                raise Refused("invalid", f"{given} is not one of the choices. Answer with one of: {allowed}.")
            text = label
        if question.secret:
            self._recorder.secrets.add(text)
        recorded = None if question.secret else text
        self._end({"feedback": question.number, "text": recorded, "by": by})
        self._changed("answer", question.number)
        question.reply(text, None)
        self._next()

    def withdraw(self, question: Question) -> None:
        """Whoever asked it is gone: it needs no answer any more."""
        if question is self._open:
            self._end({"feedback": question.number, "text": None, "by": None, "cancelled": True})
            self._changed("answer", question.number)
            self._next()
        elif question in self._queue:
            self._queue.remove(question)

    def close(self, why: str) -> None:
        """End the open question without an answer, and refuse those that come: the job is ending. `why`: a sentence."""
        self._closed = why
        question = self._open
        if question is not None:
            self._end({"feedback": question.number, "text": None, "by": None, "cancelled": True})
            question.reply(None, why)
        queue, self._queue = self._queue, []
        for waiting in queue:
            waiting.reply(None, why)

    def _end(self, record: dict[str, Any]) -> None:
        self._open = None
        self._recorder.record(ANSWER, to_json(record))

    def _next(self) -> None:
        if self._open is not None or not self._queue:
            return
        question = self._queue.pop(0)
        self._count += 1
        question.number = self._count
        self._open = question
        prompt = {
            "feedback": question.number,
            "message": question.message,
            "secret": question.secret,
            "choices": question.choices,
            "default": question.default,
        }
        self._recorder.record(PROMPT, to_json(prompt))
        self._changed("ask", question.number)
