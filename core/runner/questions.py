"""Feedback: the questions that processes of the job ask, one open at a time, and their answers."""

from __future__ import annotations

from core.journal.format import ANSWER, PROMPT
from core.runner.answers import allowed, complete, items, match, match_several
from core.runner.mask import of_credential
from core.runner.recorder import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.recorder import Recorder

    Answer = str | dict[str, str] | list[str]

#: fields of these types are shown and recorded nowhere
SECRET_TYPES = ("secret", "credential")


class Refused(Exception):
    """An answer that cannot be taken; `kind` is "conflict", "invalid" or "not_found", the text a sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Question:
    """One question. `reply(answer, error)` is called once: with the answer, or with why there is none.

    The answer is a text; with `fields` the text of each by its name; with `multiple` a list of labels. `chosen` then
    holds the indices of the choices that were taken. `lists`: fields of several secrets, and the type of each of those.
    `check` says of fields that fit their types what else does not fit, in sentences; "" where all does.
    """

    __slots__ = (
        "caption", "check", "choices", "chosen", "default", "fields", "lists", "message", "multiple", "number", "reply",
        "secret",
    )  # fmt: skip

    def __init__(
        self,
        message: str,
        reply: Callable[[Answer | None, str | None], None],
        *,
        secret: bool = False,
        choices: list[dict[str, str]] | None = None,
        default: str | None = None,
        caption: str = "",
        fields: list[dict[str, Any]] | None = None,
        multiple: bool = False,
    ) -> None:
        self.number = 0
        self.message = message
        self.secret = secret
        self.choices = choices
        self.default = default
        self.caption = caption
        self.fields = fields
        self.multiple = multiple
        self.lists: dict[str, str] = {}
        self.chosen: list[int] = []
        self.check: Callable[[dict[str, str]], str] = lambda _fields: ""
        self.reply = reply

    def record(self) -> dict[str, Any]:
        """As the journal keeps it."""
        record: dict[str, Any] = {
            "feedback": self.number,
            "message": self.message,
            "secret": self.secret,
            "choices": self.choices,
            "default": self.default,
        }
        if self.caption:
            record["caption"] = self.caption
        if self.fields:
            record["fields"] = self.fields
        if self.multiple:
            record["multiple"] = True
        return record

    def take(self, text: object, fields: object) -> Answer:
        """The answer as it counts, from a text or from fields. Raises Refused when the question does not allow it."""
        if self.fields is not None:
            return self._take_fields(text, fields)
        if fields:
            raise Refused("invalid", "The question asks for one answer and has no fields.")
        if not isinstance(text, str):
            raise Refused("invalid", "The answer must be a text.")
        if not text and self.default is not None:
            text = self.default
        if self.choices is None:
            return text
        given = "That" if self.secret else f'"{text}"'
        if self.multiple:
            several = match_several(self.choices, text)
            if isinstance(several, str):
                given = "That" if self.secret else f'"{several}"'
                raise Refused("invalid", f"{given} is not one of the choices. {self._choose(several=True)}")
            self.chosen = several
            return [self.choices[number]["label"] for number in several]
        chosen = match(self.choices, text)
        if chosen is None:
            raise Refused("invalid", f"{given} is not one of the choices. {self._choose()}")
        self.chosen = [chosen]
        return self.choices[chosen]["label"]

    def _choose(self, several: bool = False) -> str:
        how = "some of, separated by commas" if several else "one of"
        return f"Answer with {how}: {allowed(self.choices or [])}."

    def _take_fields(self, text: object, fields: object) -> dict[str, str]:
        assert self.fields is not None
        if not isinstance(fields, dict):
            if not isinstance(text, str):
                raise Refused("invalid", "The answer must be a text, or a value for each field.")
            if len(self.fields) > 1 and text:
                names = ", ".join(field["name"] for field in self.fields)
                raise Refused("invalid", f"The question asks for several values: answer with NAME=VALUE of {names}.")
            fields = {self.fields[0]["name"]: text} if len(self.fields) == 1 else {}
        try:
            answer = complete(self.fields, fields)
        except ValueError as error:
            raise Refused("invalid", str(error)) from None
        problem = self.check(answer)
        if problem:
            raise Refused("invalid", problem)
        return answer

    def recorded(self, answer: Answer) -> dict[str, Any]:
        """What of an answer the journal may show: `text`, and `fields` where there are some; secrets are null."""
        if isinstance(answer, dict):
            assert self.fields is not None
            hidden = {field["name"] for field in self.fields if field["type"] in SECRET_TYPES}
            return {"text": None, "fields": {n: None if n in hidden else value for n, value in answer.items()}}
        if self.secret:
            return {"text": None}
        return {"text": answer if isinstance(answer, str) else ", ".join(answer)}

    def secrets(self, answer: Answer) -> list[str]:
        """What of an answer nobody may see."""
        if isinstance(answer, dict):
            assert self.fields is not None
            found = []
            for field in self.fields:
                if field["type"] in SECRET_TYPES:
                    name, value = field["name"], answer[field["name"]]
                    kind = self.lists.get(name)
                    each_kind, each = (field["type"], [value]) if kind is None else (kind, [*items(value)])
                    found.append(value)
                    for part in each:
                        found += of_credential(part) if each_kind == "credential" else [part]
            return found
        if not self.secret:
            return []
        return [answer] if isinstance(answer, str) else answer


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

    def answer(self, number: int | None, text: object, by: str, fields: object = None) -> None:
        """Answer the open question, by a text or by `fields` (name to text). Raises Refused."""
        question = self._open
        if number is not None and (number < 1 or number > self._count):
            raise Refused("not_found", f"Job {self._job} has no question {number}.")
        if number is not None and (question is None or number != question.number):
            raise Refused("conflict", f"Question {number} of job {self._job} has been answered already.")
        if question is None:
            if self._count:
                raise Refused("conflict", f"Question {self._count} of job {self._job} has been answered already.")
            raise Refused("conflict", f"Job {self._job} waits for no answer.")
        answer = question.take(text, fields)
        for secret in question.secrets(answer):
            self._recorder.secrets.add(secret)
        self._end({"feedback": question.number, **question.recorded(answer), "by": by})
        self._changed("answer", question.number)
        question.reply(answer, None)
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
        self._recorder.record(PROMPT, to_json(question.record()))
        self._changed("ask", question.number)
