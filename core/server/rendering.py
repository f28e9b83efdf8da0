"""How the records of a job look to those who follow it: as server-sent events, or as frames of the journal itself."""

from __future__ import annotations

from collections.abc import Callable

from core.frames import frame
from core.journal import format as journal
from core.service import Invalid, Record
from core.times import rfc3339

from .live import sse
from .texts import message

#: the original's numbers for the kinds of output
TYPES = {
    journal.STDOUT: 0,
    journal.STDERR: 0,
    journal.TERMINAL: 0,
    journal.INFORMATION: 0,
    journal.DEBUG: 1,
    journal.VERBOSE: 2,
    journal.WARNING: 3,
    journal.ERROR: 4,
}


class Frames:
    """Records as frames of the journal. The mark is the last record's number."""

    def __init__(self, mark: str) -> None:
        self.number = int(mark)

    @property
    def mark(self) -> str:
        """The number of the last record."""
        return str(self.number)

    @property
    def after(self) -> int:
        """The same."""
        return self.number

    def render(self, record: Record) -> bytes:
        """The frame of a record."""
        self.number = _last(record)
        return frame(record)

    def rest(self) -> bytes:
        """Nothing is ever held back."""
        return b""


class OutputEvents:
    """Text records as server-sent events, `{type, message, data, timestamp, stream}`; the text is whole characters.

    A character that a record of bytes ends within belongs to the next record of its stream. What was held back so is
    told in the mark: `17` is everything up to record 17; `17~15:2` is that without the last 2 bytes of record 15.
    """

    def __init__(self, mark: str) -> None:
        number, *held = mark.split("~")
        try:
            self.number = int(number)
            #: where unfinished characters begin: record -> how many of its last bytes
            self._seeds = {int(record): int(count) for record, _, count in (one.partition(":") for one in held)}
        except ValueError:
            raise Invalid(f"{mark!r} is no place in the output: give the id of the last event that came.") from None
        if not 0 <= self.number < 2**63 or any(not 0 < count <= 3 for count in self._seeds.values()):
            raise Invalid(f"{mark!r} is no place in the output: give the id of the last event that came.")
        self._after = min([self.number, *(record - 1 for record in self._seeds)])
        #: stream -> (the unfinished bytes, the record they begin in, how many of its last bytes)
        self._held: dict[int, tuple[bytes, int, int]] = {}

    @property
    def mark(self) -> str:
        """The last record's number, and what was held back until then."""
        held = "".join(f"~{record}:{count}" for _data, record, count in self._held.values())
        return f"{self.number}{held}"

    @property
    def after(self) -> int:
        """The record behind which to read: before the first byte that was held back."""
        return min([self.number, *(record - 1 for _data, record, _count in self._held.values()), self._after])

    def render(self, record: Record) -> bytes:
        """The event of a text record; empty for another, and for one that adds no whole character."""
        if record.number <= self.number:
            self._seed(record)
            return b""
        self._after = self.number = _last(record)
        stream = record.stream
        if stream == journal.ELIDED:
            return sse("elided", {"records": record.flags}, self.mark)
        if stream not in TYPES:
            return b""
        if stream not in journal.RAW_STREAMS:
            told = message(record)
            return b"" if told is None else self._event(record, told)
        before, first, count = self._held.pop(stream, (b"", 0, 0))
        data = before + record.data
        tail = unfinished(data)
        if tail:
            if tail <= len(record.data):
                first, count = record.number, tail
            self._held[stream] = (data[-tail:], first, count)
            data = data[:-tail]
        return self._event(record, data.decode("utf-8", "replace")) if data else b""

    def _seed(self, record: Record) -> None:
        """Take back what was held of a record that was sent before."""
        count = self._seeds.get(record.number)
        if count:
            self._held[record.stream] = (record.data[-count:], record.number, count)
        elif record.stream in self._held:
            data, first, count = self._held[record.stream]
            self._held[record.stream] = (data + record.data, first, count)

    def _event(self, record: Record, text: str) -> bytes:
        return sse(None, output_record(record.stream, record.time, text) | _named(record.stream), self.mark)

    def rest(self) -> bytes:
        """The bytes that never became a character."""
        return b"".join(
            sse(None, output_record(stream, 0, data.decode("utf-8", "replace")) | _named(stream), str(self.number))
            for stream, (data, _first, _count) in self._held.items()
        )


def output_record(stream: int, time: int, message: str) -> dict[str, object]:
    """The original's `{type, message, data, timestamp}`."""
    return {"type": TYPES[stream], "message": message, "data": None, "timestamp": rfc3339(time)}


def _named(stream: int) -> dict[str, object]:
    return {"stream": journal.STREAM_NAMES[stream]}


def _last(record: Record) -> int:
    """The number of the last record that this one tells of: a gap tells of several."""
    return record.number + max(record.flags, 1) - 1 if record.stream == journal.ELIDED else record.number


def unfinished(data: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character that is not finished; 0 when there is none."""
    for count in range(1, min(3, len(data)) + 1):
        byte = data[-count]
        if byte & 0xC0 == 0x80:
            continue
        length = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return count if length > count else 0
    return 0


#: what makes a rendering that goes on behind a mark
Kind = Callable[[str], "OutputEvents | Frames"]
