"""What a job's journal says, as the service's data: errors, questions, objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.journal import format as journal
from core.journal.reader import JournalReader
from core.service import Choice, ErrorRecord, Feedback, PipelineObject


def _of_streams(reader: JournalReader, *streams: int) -> Iterator[tuple[journal.Entry, dict[str, Any]]]:
    for entry in reader.select(frozenset(streams), 1, reader.refresh() + 1):
        try:
            value = json.loads(reader.data(entry))
        except ValueError:
            continue
        if isinstance(value, dict):
            yield entry, value


def errors(directory: str) -> list[ErrorRecord]:
    """The error stream."""
    names = ("message", "category", "exception_type", "id", "position", "stack")
    with JournalReader(directory) as reader:
        return [
            ErrorRecord(
                time=entry.time,
                record=entry.number,
                **{name: str(record[name]) for name in names if record.get(name) is not None}
                | {"message": str(record.get("message", ""))},
            )
            for entry, record in _of_streams(reader, journal.ERROR)
        ]


def feedback(directory: str, id: int) -> list[Feedback]:
    """The questions of a job with their answers."""
    asked: dict[int, Feedback] = {}
    with JournalReader(directory) as reader:
        for entry, record in _of_streams(reader, journal.PROMPT, journal.ANSWER):
            number = int(record.get("feedback", 0))
            if entry.stream == journal.PROMPT:
                asked[number] = Feedback(
                    id=number,
                    job=id,
                    time=entry.time,
                    message=str(record.get("message", "")),
                    secret=bool(record.get("secret")),
                    choices=tuple(
                        Choice(str(c.get("label", "")), str(c.get("hotkey") or ""), str(c.get("help") or ""))
                        for c in record.get("choices") or ()
                    ),
                    default=record.get("default"),
                )
            elif number in asked:
                question = asked[number]
                asked[number] = Feedback(
                    id=number,
                    job=id,
                    time=question.time,
                    message=question.message,
                    secret=question.secret,
                    choices=question.choices,
                    default=question.default,
                    complete=True,
                    response=None if question.secret else record.get("text"),
                    answered_by=record.get("by"),
                    answered=entry.time,
                )
    # The open one last, as the interface says; the rest in the order they were asked.
    return sorted(asked.values(), key=lambda question: (not question.complete, question.id))


def objects(directory: str, start: int, count: int) -> list[PipelineObject]:
    """`count` objects of the pipeline from the `start`-th on."""
    found: list[PipelineObject] = []
    with JournalReader(directory) as reader:
        for index, entry in enumerate(reader.select(frozenset({journal.OBJECT}), 1, reader.refresh() + 1)):
            if index >= start + count:
                break
            if index >= start:
                kind = "clixml" if entry.flags & journal.FLAG_CLIXML else "json"
                found.append(PipelineObject(entry.number, entry.time, kind, reader.data(entry)))
    return found
