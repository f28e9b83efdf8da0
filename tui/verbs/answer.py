"""`jobdeck answer`: answer the question that a job waits with."""

from __future__ import annotations

import argparse
import os
import sys

from core.service import Conflict, Feedback, Invalid, Job, JobService
from tui import options, say
from tui.connection import service

DETAILS = """\
A choice takes its label, its hotkey or its index from 0. Without TEXT the answer is asked for (hidden when it is
secret), or read as one line of a piped standard input. A secret is refused as TEXT: command lines are public.
A question that asks for several values takes NAME=VALUE for each; those not given are asked for, or read from a pipe,
one line each in their order. Several choices, where they are allowed, are separated by commas."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of answer."""
    options.add_id(parser)
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="the answer; NAME=VALUE for each field of a question that has several"
    )
    options.add_json(parser, "the job as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Answer the open question."""
    async with service("act") as engine:
        number = await options.job_id(engine, arguments.id)
        job = await engine.job(number)
        question = await _open_question(engine, job)
        if question.fields:
            job = await _fields(engine, number, question, arguments.text)
        elif arguments.text:
            if len(arguments.text) > 1:
                raise Invalid("The answer is one TEXT: quote it when it holds spaces.")
            if question.secret:
                raise _public(number)
            job = await engine.answer(number, arguments.text[0], feedback=question.id)
        elif os.isatty(0):
            job = await _ask(engine, number, question)
        else:
            job = await engine.answer(number, _piped_line("the answer"), feedback=question.id)
    if arguments.json:
        say.write_json(job)
    return 0


async def _open_question(engine: JobService, job: Job) -> Feedback:
    questions = await engine.feedback(job.id)
    if questions and not questions[-1].complete and not job.status.finished:
        return questions[-1]
    if job.status.finished:
        raise Conflict(f"Job {job.id} has ended ({job.status.name}); it asks nothing any more.")
    if questions:
        by = f" by {questions[-1].answered_by}" if questions[-1].answered_by else ""
        raise Conflict(f"Job {job.id} waits for no answer: its last question was answered{by}.")
    raise Conflict(f"Job {job.id} waits for no answer. `jobdeck attach {job.id}` follows it and asks when it does.")


def _public(number: int) -> Invalid:
    return Invalid(
        f"The answer is secret, and command lines are public. `jobdeck answer {number}` asks for it hidden, or reads "
        "it from a pipe."
    )


async def _ask(engine: JobService, number: int, question: Feedback) -> Job:
    from tui.question import EndOfInput, Terminal, give

    terminal = Terminal()
    while True:
        try:
            return await give(engine, number, question, await terminal.ask(question))
        except Invalid as error:
            say.complain(error)
        except EndOfInput:
            raise Conflict(f"Not answered. Job {number} goes on waiting.") from None


async def _fields(engine: JobService, number: int, question: Feedback, words: list[str]) -> Job:
    """Answer with the fields of the command line; those missing are asked for, or read line by line from a pipe."""
    from tui.question import SECRET_TYPES, EndOfInput, Terminal, give

    if not words and os.isatty(0):
        return await _ask(engine, number, question)
    given = _assigned(question, words)
    secret = [field.name for field in question.fields if field.type in SECRET_TYPES]
    if any(name in secret for name in given):
        raise _public(number)
    missing = [field for field in question.fields if field.name not in given]
    if words:
        missing = [field for field in missing if field.default is None]
    if missing and os.isatty(0):
        terminal = Terminal()
        try:
            for field in missing:
                given[field.name] = await terminal.field(field)
        except EndOfInput:
            raise Conflict(f"Not answered. Job {number} goes on waiting.") from None
    else:
        for field in missing:
            given[field.name] = _piped_line(field.name)
    return await give(engine, number, question, given)


def _assigned(question: Feedback, words: list[str]) -> dict[str, str]:
    names = {field.name.casefold(): field.name for field in question.fields}
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.casefold() in names:
            given[names[name.casefold()]] = value
        elif len(names) == 1 and len(words) == 1:
            given[question.fields[0].name] = word
        else:
            known = ", ".join(names.values())
            raise Invalid(f"{word!r} is no field of the question. Answer with NAME=VALUE of: {known}.")
    return given


def _piped_line(what: str) -> str:
    try:
        line = sys.stdin.buffer.readline()
    except (OSError, AttributeError) as error:
        raise Invalid("Standard input is closed. Give the answer as TEXT, or on a pipe.") from error
    if not line:
        raise Invalid(f"Standard input held no line for {what}. Give it as an argument, or one line of it on a pipe.")
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Invalid("The answer on standard input is no UTF-8 text.") from None
