"""`jobdeck output`: the text of a job, exactly as it came."""

from __future__ import annotations

import argparse

from core.journal import format as journal
from core.json_shapes import rfc3339
from core.service import Invalid
from tui import lines, options, say
from tui.connection import service
from tui.sink import Sink

STREAMS = ("stdout", "stderr", "information", "warning", "verbose", "debug", "error", "progress", "terminal")
DETAILS = """\
Without --stream: all text streams in the order they came, messages with a word in front that tells them from output
("WARNING: "); streams that are named go into a pipe or a file without it. Bytes go there exactly as the job wrote
them; to a terminal, colours pass and other control sequences do not.
With --json each line of stdout and stderr is one {stream, time, text}, its line end included."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of output."""
    options.add_id(parser)
    parser.add_argument("--follow", action="store_true", help="go on until the job has ended")
    parser.add_argument(
        "--stream", nargs="+", action="extend", metavar="NAME", help=f"only these streams: {', '.join(STREAMS)}"
    )
    parser.add_argument("--timestamps", action="store_true", help="begin each line with its time: RFC 3339, UTC")
    options.add_json(parser, "a list of {stream, time, text}; with --follow one of them per line")


async def run(arguments: argparse.Namespace) -> int:
    """Write it."""
    streams = _streams(arguments.stream)
    sink = Sink(1)
    async with service("act" if arguments.follow else "look") as engine:
        number = await options.job_id(engine, arguments.id)
        await engine.job(number)
        mixed = not arguments.stream
        shown: _Json | _Stamped | None = None
        if arguments.json:
            shown = _Json(sink, arguments.follow)
        elif arguments.timestamps:
            shown = _Stamped(sink, mixed or sink.terminal)
        write = sink.write if arguments.follow else sink.gather
        if isinstance(shown, _Json):
            await shown.begin()
        async for record in engine.records(number, streams=streams, follow=arguments.follow):
            if shown is not None:
                for piece in shown.lines.add(record):
                    await shown.piece(*piece)
                if arguments.follow:
                    await sink.flush()
            elif record.stream in journal.RAW_STREAMS:
                await write(record.data)
            else:
                await write(lines.told(record, sink, mixed))
            if sink.closed:
                break
        if shown is not None:
            for piece in shown.lines.rest():
                await shown.piece(*piece)
        if isinstance(shown, _Json):
            await shown.end()
        await sink.close()
    return 0


def _streams(words: list[str] | None) -> frozenset[int]:
    if not words:
        return journal.TEXT_STREAMS
    chosen = set()
    for word in (part.strip().lower() for words_ in words for part in words_.split(",")):
        if word not in STREAMS:
            raise Invalid(f"{word!r} is no stream. There are: {', '.join(STREAMS)}.")
        chosen.add(journal.STREAM_NUMBERS[word])
    return frozenset(chosen)


class _Stamped:
    """Every line with its time in front; a message of several lines has it on each.

    With `prefixed`, the word for a message's kind follows the first.
    """

    def __init__(self, sink: Sink, prefixed: bool) -> None:
        self.lines = lines.Lines()
        self._sink = sink
        self._prefixed = prefixed

    async def piece(self, stream: int, time: int, data: bytes, begins: bool) -> None:
        stamp = f"{rfc3339(time)} ".encode()
        if stream not in journal.RAW_STREAMS:
            if self._prefixed:
                data = lines.PREFIXES.get(stream, "").encode() + data
            data = b"".join(stamp + line + b"\n" for line in data.split(b"\n"))
        else:
            # a line that never ended, or is shown in pieces, ends here: the next one may be another stream's
            data = (stamp if begins else b"") + data + (b"" if data.endswith(b"\n") else b"\n")
        await self._sink.gather(data)


class _Json:
    """A list of {stream, time, text}, or JSON lines when following."""

    def __init__(self, sink: Sink, follow: bool) -> None:
        self.lines = lines.Lines()
        self._sink = sink
        self._follow = follow
        self._first = True

    async def begin(self) -> None:
        if not self._follow:
            await self._sink.gather(b"[")

    async def piece(self, stream: int, time: int, data: bytes, begins: bool) -> None:
        item = {"stream": journal.STREAM_NAMES[stream], "time": rfc3339(time), "text": data.decode("utf-8", "replace")}
        before = "" if self._follow or self._first else ",\n"
        self._first = False
        await self._sink.gather((before + say.json_text(item) + ("\n" if self._follow else "")).encode())

    async def end(self) -> None:
        if not self._follow:
            await self._sink.gather(b"]\n")
