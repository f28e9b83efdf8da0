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
secret), or read as one line of a piped standard input. A secret is refused as TEXT: command lines are public."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of answer."""
    options.add_id(parser)
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the answer")
    options.add_json(parser, "the job as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Answer the open question."""
    async with service("act") as engine:
        number = await options.job_id(engine, arguments.id)
        job = await engine.job(number)
        question = await _open_question(engine, job)
        if arguments.text is not None:
            if question.secret:
                raise Invalid(
                    f"The answer is secret, and command lines are public. `jobdeck answer {number}` asks for it "
                    "hidden, or reads it from a pipe."
                )
            job = await engine.answer(number, arguments.text, feedback=question.id)
        elif os.isatty(0):
            job = await _ask(engine, number, question)
        else:
            job = await engine.answer(number, _piped_line(), feedback=question.id)
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


async def _ask(engine: JobService, number: int, question: Feedback) -> Job:
    from tui.question import EndOfInput, Terminal

    terminal = Terminal()
    while True:
        try:
            return await engine.answer(number, await terminal.ask(question), feedback=question.id)
        except Invalid as error:
            say.complain(error)
        except EndOfInput:
            raise Conflict(f"Not answered. Job {number} goes on waiting.") from None


def _piped_line() -> str:
    try:
        line = sys.stdin.buffer.readline()
    except (OSError, AttributeError) as error:
        raise Invalid("Standard input is closed. Give the answer as TEXT, or on a pipe.") from error
    if not line:
        raise Invalid("Standard input held no line. Give the answer as TEXT, or one line on a pipe.")
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Invalid("The answer on standard input is no UTF-8 text.") from None
