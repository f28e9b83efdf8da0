"""What a job's records add up to: counts, its state, its open question, its progress.

The runner folds each record as it writes it, an engine folds what it reads, a rebuild folds all: one class, so that
the three cannot differ. The bytes of output are never needed.
"""

from __future__ import annotations

import json

from core.journal.format import ANSWER, ERROR, OBJECT, PROGRESS, PROMPT, RAW_STREAMS, STATE, WARNING, Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from core.journal.reader import JournalReader

#: The streams whose data `fold` looks into; of all others only the length counts.
READ_STREAMS = frozenset({PROGRESS, PROMPT, ANSWER, STATE})
#: Streams of which `fold` must see every entry, with data or without.
COUNTED_STREAMS = READ_STREAMS | {WARNING, ERROR, OBJECT}

#: Longest text kept of a progress record, in characters: a summary goes into exit.json, whose space is limited.
_TEXT = 200


class Summary:
    """The sum of a journal's records, in order from the first.

    * `records`, `bytes`: all of them, output and others
    * `objects`, `errors`, `warnings`: records of these streams
    * `prompts`: the highest feedback number; `feedback`: the open question as it was recorded, or None
    * `state_seq`: how many state records; `state`: the last one (without its `summary`), {} before the first
    * `progress`: the last progress record, {} before the first; long texts are cut
    * `remarks`: the sentences of all state records, each once
    * `started` (ns), `process_id`: of the start record, None before it
    """

    __slots__ = (
        "bytes", "errors", "feedback", "objects", "process_id", "progress", "prompts", "records", "remarks", "started",
        "state", "state_seq", "warnings",
    )  # fmt: skip

    def __init__(self) -> None:
        self.records = 0
        self.bytes = 0
        self.objects = 0
        self.errors = 0
        self.warnings = 0
        self.prompts = 0
        self.feedback: dict[str, Any] | None = None
        self.state_seq = 0
        self.state: dict[str, Any] = {}
        self.progress: dict[str, Any] = {}
        self.remarks: list[str] = []
        self.started: int | None = None
        self.process_id: int | None = None

    def fold(self, entry: Entry, data: bytes | None) -> None:
        """Take in the record behind `entry`; `data` may be None for streams outside `READ_STREAMS`."""
        self._look(entry.stream, data)
        self.reach(entry)

    def fold_raw(self, stream: int, length: int, data: bytes | bytearray | memoryview | None) -> None:
        """Take in the next record, `length` bytes of `stream`; `data` as for `fold`."""
        self.records += 1
        self.bytes += length
        if stream not in RAW_STREAMS:
            self._look(stream, data)

    def reach(self, entry: Entry) -> None:
        """Count everything up to and including `entry`, whose place in the journal says how much that is."""
        self.records = entry.number
        self.bytes = entry.offset + entry.length

    def _look(self, stream: int, data: bytes | bytearray | memoryview | None) -> None:
        if stream == OBJECT:
            self.objects += 1
        elif stream == ERROR:
            self.errors += 1
        elif stream == WARNING:
            self.warnings += 1
        elif stream == STATE:
            self.state_seq += 1
            self._state(_parse(data))
        elif stream == PROGRESS:
            self.progress = {
                key: value[:_TEXT] if isinstance(value, str) else value for key, value in _parse(data).items()
            }
        elif stream == PROMPT:
            prompt = _parse(data)
            if _number(prompt):
                self.prompts = max(self.prompts, _number(prompt))
                self.feedback = prompt
        elif stream == ANSWER and self.feedback is not None and _number(_parse(data)) == _number(self.feedback):
            self.feedback = None

    def _state(self, state: dict[str, Any]) -> None:
        state.pop("summary", None)
        self.state = state
        if state.get("event") == "start":
            self.started = state.get("started")
            self.process_id = state.get("process_id")
        for remark in state.get("remarks") or ():
            if remark not in self.remarks:
                self.remarks.append(remark)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; `from_dict` takes it back."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Summary:
        """The summary that `to_dict` wrote down; names it does not know are ignored, missing ones are empty."""
        summary = cls()
        for name in cls.__slots__:
            if name in values:
                setattr(summary, name, values[name])
        return summary


def _number(record: dict[str, Any]) -> int:
    number = record.get("feedback")
    return number if isinstance(number, int) else 0


def _parse(data: bytes | bytearray | memoryview | None) -> dict[str, Any]:
    """The JSON object in `data`; a record that is none (written by no runner of ours) counts but says nothing."""
    if data is None:
        return {}
    try:
        value = json.loads(bytes(data))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def summarize(reader: JournalReader, summary: Summary, from_number: int = 1) -> int:
    """Fold the records from `from_number` on (from 1) that are there now; returns the number to go on from next time.

    Reads the index in blocks and the data of prompts, answers, progress and states alone. Raises JournalError.
    """
    stop = reader.refresh() + 1
    progress: Entry | None = None
    for entry in reader.select(COUNTED_STREAMS, from_number, stop):
        if entry.stream == PROGRESS:
            # Only the last one counts: a job may write a million.
            progress = entry
            continue
        summary.fold(entry, reader.data(entry) if entry.stream in READ_STREAMS else None)
    if progress is not None:
        summary.fold(progress, reader.data(progress))
    if stop > from_number:
        summary.reach(reader.entry(stop - 1))
    return max(stop, from_number)
