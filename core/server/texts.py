"""The text of a job's journal: whole characters per record, whole lines per stream."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator

from core.journal import format as journal
from core.journal.text import record_message, record_text
from core.service import Record

#: characters after which an unfinished line is told as it is
_LONGEST = 1 << 20
_Decoders = dict[int, codecs.IncrementalDecoder]


def _decode(decoders: _Decoders, stream: int, data: bytes, final: bool = False) -> str:
    decoder = decoders.get(stream)
    if decoder is None:
        decoder = decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(data, final)


def elided(record: Record) -> str:
    """What stands where a cap took records away."""
    return f"… {record.flags} records are not kept here: the output was longer than its cap"


def message(record: Record) -> str | None:
    """The text of a record that is no raw bytes, without its line end; None for one that nobody was to see."""
    shown = record_text(record.stream, record.data, record.flags)
    return record_message(record.data) if shown else None


async def console_text(records: AsyncIterator[Record]) -> AsyncIterator[str]:
    """The text as a console would have shown it."""
    decoders: _Decoders = {}
    async for record in records:
        if record.stream == journal.ELIDED:
            yield elided(record) + "\n"
            continue
        text = _decode(decoders, record.stream, record_text(record.stream, record.data, record.flags))
        if text:
            yield text
    for stream in decoders:
        if text := _decode(decoders, stream, b"", True):
            yield text


async def entries(records: AsyncIterator[Record]) -> AsyncIterator[tuple[int, int, str]]:
    """(stream, time, text): a line of what the script wrote itself, a message of the other streams.

    A line comes once it is finished, with the time at which it began.
    """
    decoders: _Decoders = {}
    begun: dict[int, tuple[int, str]] = {}
    async for record in records:
        stream, time = record.stream, record.time
        if stream == journal.ELIDED:
            yield journal.STDOUT, time, elided(record)
        elif stream not in journal.RAW_STREAMS:
            told = message(record)
            if told is None:
                continue
            first, before = begun.pop(stream, (time, ""))
            if record.flags & journal.FLAG_OPEN:
                begun[stream] = (first, before + told)
            else:
                yield stream, first, before + told
        else:
            first, before = begun.pop(stream, (time, ""))
            *lines, last = (before + _decode(decoders, stream, record.data)).split("\n")
            for line in lines:
                yield stream, first, line
                first = time
            if len(last) >= _LONGEST:
                yield stream, first, last
            elif last:
                begun[stream] = (first, last)
    for stream in {**begun, **decoders}:
        first, before = begun.get(stream, (0, ""))
        rest = _decode(decoders, stream, b"", True) if stream in decoders else ""
        if before or rest:
            yield stream, first, before + rest
