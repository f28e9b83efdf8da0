"""Following a job at the command line, as `run` and `attach` do: its output, its questions, ctrl+c, its end."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from core.journal import format as journal
from core.service import Conflict, Feedback, Invalid, Job, JobService, NotFound, Record, ServiceError, Status
from tui import lines, outcome, say, standard_input, text
from tui.sink import Sink

#: after the first ctrl+c: how long (s) a second one is waited for before the job is asked to end
SECOND_CTRL_C = 0.7
#: how often (s) a queued job is looked at; the first look is also the moment before its reason is told
_QUEUE_LOOK = 1.0

_TO_STDOUT = frozenset({journal.STDOUT, journal.INFORMATION})
_FOLLOWED = journal.TEXT_STREAMS | {journal.PROGRESS, journal.PROMPT, journal.ANSWER}


class Left(Exception):
    """The person left the job to itself; holds the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Follower:
    """One job that a person follows. `as_json`: all output goes to standard error."""

    def __init__(self, service: JobService, job: Job, as_json: bool = False) -> None:
        self._service = service
        self._id = job.id
        self._stderr = Sink(2)
        self._stdout = self._stderr if as_json else Sink(1)
        self._terminal = standard_input.kind() == "terminal"
        self._question: asyncio.Task[None] | None = None
        self._asked = 0
        self._told = 0
        self._ended = False
        self._interrupts = 0
        self._leave: asyncio.Future[Any] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._status_shown = False
        self._progress = ""

    async def follow(self, feed: bool = False) -> Job:
        """Show everything until the job has ended; `feed`: copy standard input to it. Raises Left."""
        loop = asyncio.get_running_loop()
        self._leave = loop.create_future()
        handled = {signal.SIGINT: self._interrupt, signal.SIGTERM: self._hang_up, signal.SIGHUP: self._hang_up}
        for number, handler in handled.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, handler, number)
        shown: asyncio.Future[None] = asyncio.ensure_future(self._show())
        self._start(self._tell_queue())
        if feed:
            self._start(self._feed())
        try:
            await asyncio.wait([shown, self._leave], return_when=asyncio.FIRST_COMPLETED)
            if shown.done():
                shown.result()
                self._ended = True
                return await self._service.wait(self._id)
            raise Left(self._leave.result())
        finally:
            await self._stop(shown)
            for number in handled:
                loop.remove_signal_handler(number)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, ServiceError):
            # the job goes on, and so does following it
            say.complain(error)
        elif self._leave is not None and not self._leave.done():
            self._leave.set_exception(error)

    async def _stop(self, shown: asyncio.Future[None]) -> None:
        pending = [shown, *self._tasks, *([self._question] if self._question else [])]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await self._hide_status()
        for sink in {self._stdout, self._stderr}:
            await sink.close()

    # --- output

    async def _show(self) -> None:
        async for record in self._service.records(self._id, streams=_FOLLOWED, follow=True):
            await self._record(record)

    async def _record(self, record: Record) -> None:
        stream = record.stream
        if stream == journal.PROGRESS:
            self._progress = "" if lines.content(record).get("completed") else lines.message(record)
            await self._show_status()
        elif stream == journal.PROMPT:
            await self._prompt(lines.content(record))
        elif stream == journal.ANSWER:
            await self._answered(lines.content(record))
        else:
            await self._hide_status()
            sink = self._stdout if stream in _TO_STDOUT else self._stderr
            if stream in journal.RAW_STREAMS:
                await sink.write(record.data)
            else:
                await sink.write(lines.told(record, sink))
            await self._show_status()

    async def _show_status(self) -> None:
        busy = self._question is not None and not self._question.done()
        mid_line = any(sink.terminal and sink.mid_line for sink in (self._stdout, self._stderr))
        if not self._stderr.terminal or busy or mid_line:
            return
        if self._progress:
            await self._stderr.own(f"\r\x1b[K{text.cut(text.one_line(self._progress), _columns() - 1)}")
            self._status_shown = True
        else:
            await self._hide_status()

    async def _hide_status(self) -> None:
        if self._status_shown:
            self._status_shown = False
            await self._stderr.own("\r\x1b[K")

    # --- questions

    async def _prompt(self, fields: dict[str, Any]) -> None:
        number = fields.get("feedback")
        question = await self._open_question(number)
        if question is None:
            return
        self._asked = question.id
        if self._terminal:
            if self._question is not None:
                self._question.cancel()
            await self._hide_status()
            self._question = asyncio.ensure_future(self._ask(question))
        elif self._told != question.id:
            self._told = question.id
            from tui.question import brief

            asked = brief(question)
            if asked:
                say.tell(f"Job {self._id} asks: {asked}")
            say.tell(f"Job {self._id} waits for an answer: jobdeck answer {self._id}")

    async def _open_question(self, number: object) -> Feedback | None:
        for question in reversed(await self._service.feedback(self._id)):
            if question.id == number:
                return None if question.complete else question
        return None

    async def _answered(self, fields: dict[str, Any]) -> None:
        if fields.get("feedback") != self._asked or self._question is None:
            return
        if not self._question.done():
            self._question.cancel()
            await asyncio.wait({self._question})
            if fields.get("cancelled"):
                say.tell("\n(The job withdrew the question.)")
            else:
                say.tell(f"\n(Answered by {fields.get('by') or 'somebody else'}.)")
        self._question = None

    async def _ask(self, question: Feedback) -> None:
        from tui.question import EndOfInput, Terminal, give

        terminal = Terminal()
        while True:
            try:
                answer = await terminal.ask(question)
                sending = asyncio.ensure_future(give(self._service, self._id, question, answer))
                # once sent it is not called back: our own answer's record comes while this still waits for the reply
                self._asked = 0
                await asyncio.shield(sending)
                return
            except Invalid as error:
                self._asked = question.id
                say.complain(error)
            except (Conflict, NotFound) as error:
                say.complain(error)
                return
            except EndOfInput:
                say.tell(f"\nNot answered. Job {self._id} waits: jobdeck answer {self._id}")
                return

    # --- input and signals

    async def _feed(self) -> None:
        try:
            await self._service.send_input(self._id, standard_input.chunks())
        except (Conflict, NotFound):
            # the job ended, or closed its input, before ours was at its end: that is its right
            return

    async def _tell_queue(self) -> None:
        told = None
        while True:
            await asyncio.sleep(_QUEUE_LOOK)
            job = await self._service.job(self._id)
            if job.status is not Status.Queued:
                return
            why = job.queue_reason or "it waits for its turn"
            if why != told:
                told = why
                say.tell(f"Job {self._id} is queued: {why}")

    def _interrupt(self, number: int) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self._start(self._cancel())
        else:
            self._leave_with(130)

    def _hang_up(self, number: int) -> None:
        self._leave_with(128 + number)

    def _leave_with(self, code: int) -> None:
        if self._leave is not None and not self._leave.done():
            say.tell(
                f"\nJob {self._id} goes on. To follow it: jobdeck attach {self._id}. "
                f"To end it: jobdeck cancel {self._id}."
            )
            self._leave.set_result(code)

    async def _cancel(self) -> None:
        say.tell(f"\nCancelling job {self._id}. Ctrl+C again leaves it running.")
        await asyncio.sleep(SECOND_CTRL_C)
        try:
            await self._service.cancel(self._id)
        except Conflict:
            # it ended meanwhile, which is what was wanted
            return
        except ServiceError as error:
            say.complain(error)


async def to_the_end(service: JobService, job: Job, as_json: bool, feed: bool = False) -> int:
    """Follow the job, tell how it ended where its exit code does not, and give the exit code."""
    try:
        job = await Follower(service, job, as_json).follow(feed)
    except Left as left:
        return left.code
    if outcome.surprising(job):
        say.tell(outcome.sentence(job))
    for remark in job.remarks:
        say.tell(f"Job {job.id}: {remark}")
    if as_json:
        say.write_json(job)
    return outcome.exit_code(job)


def _columns() -> int:
    import os

    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:
        return 80
