"""What a job's journal says, as the service's data: errors, questions, objects."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from core.journal import format as journal
from core.journal.reader import BLOCK, STREAM_AT, JournalReader, stream_pattern
from core.service import Choice, ErrorRecord, Feedback, FeedbackField, PipelineObject


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
    names = ("message", "category", "exception_type", "id", "position", "stack", "target")
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
                asked[number] = _question(record, number, id, entry.time)
            elif number in asked:
                asked[number] = replace(
                    asked[number],
                    complete=True,
                    response=_response(asked[number], record),
                    answered_by=record.get("by"),
                    answered=entry.time,
                )
    # The open one last, as the interface says; the rest in the order they were asked.
    return sorted(asked.values(), key=lambda question: (not question.complete, question.id))


def _question(record: dict[str, Any], number: int, job: int, time: int) -> Feedback:
    return Feedback(
        id=number,
        job=job,
        time=time,
        message=str(record.get("message", "")),
        secret=bool(record.get("secret")),
        choices=tuple(
            Choice(str(c.get("label", "")), str(c.get("hotkey") or ""), str(c.get("help") or ""))
            for c in record.get("choices") or ()
        ),
        default=record.get("default"),
        caption=str(record.get("caption") or ""),
        fields=tuple(
            FeedbackField(
                name=str(each.get("name", "")),
                type=str(each.get("type") or "string"),
                mandatory=bool(each.get("mandatory")),
                default=each.get("default"),
                help=str(each.get("help") or ""),
                label=str(each.get("label") or ""),
            )
            for each in record.get("fields") or ()
        ),
        multiple=bool(record.get("multiple")),
    )


def _response(question: Feedback, record: dict[str, Any]) -> str | None:
    """The answer as text: that of several fields is one JSON object, in which a secret is null."""
    if question.secret:
        return None
    if isinstance(record.get("fields"), dict):
        return json.dumps(record["fields"], ensure_ascii=False)
    return record.get("text")


class ObjectIndex:
    """Where the objects of one job are: their record numbers, read from the journal's index once, then what is new.

    Eight bytes an object. One thread at a time.
    """

    def __init__(self, directory: str) -> None:
        self.reader = JournalReader(directory)
        self._records = array("Q")
        self._next = 1

    def objects(self, start: int, count: int) -> list[PipelineObject]:
        """`count` objects of the pipeline from the `start`-th on."""
        stop = self.reader.refresh() + 1
        find = stream_pattern(frozenset({journal.OBJECT})).finditer
        while len(self._records) < start + count and self._next < stop:
            first, self._next = self._next, min(stop, self._next + BLOCK)
            streams = self.reader.index(first, self._next)[STREAM_AT :: journal.ENTRY_SIZE]
            self._records.extend([first + found.start() for found in find(streams)])
        found: list[PipelineObject] = []
        for number in self._records[max(start, 0) : max(start, 0) + max(count, 0)]:
            entry = self.reader.entry(number)
            kind = "clixml" if entry.flags & journal.FLAG_CLIXML else "json"
            found.append(PipelineObject(entry.number, entry.time, kind, self.reader.data(entry)))
        return found
