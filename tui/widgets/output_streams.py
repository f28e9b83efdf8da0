"""The streams of a job as the Output tab names them."""

from __future__ import annotations

from core.journal import format as journal

#: (stream, the letter that stands for it, its name)
STREAMS = (
    (journal.STDOUT, "o", "stdout"),
    (journal.STDERR, "e", "stderr"),
    (journal.TERMINAL, "t", "terminal"),
    (journal.INFORMATION, "i", "information"),
    (journal.WARNING, "w", "warning"),
    (journal.VERBOSE, "v", "verbose"),
    (journal.DEBUG, "d", "debug"),
    (journal.ERROR, "x", "error"),
    (journal.PROGRESS, "p", "progress"),
    (journal.PROMPT, "?", "prompt"),
    (journal.ANSWER, "a", "answer"),
)
#: the letter of each stream
LETTERS = {stream: letter for stream, letter, _name in STREAMS}
#: what is shown until somebody asks for more: a job may tell its progress a million times
SHOWN = frozenset(stream for stream, _letter, _name in STREAMS) - {journal.PROGRESS}
#: the names of those that are told beside the lines; standard output is what a job says as a rule
NAMES = {stream: name for stream, _letter, name in STREAMS if stream != journal.STDOUT}
