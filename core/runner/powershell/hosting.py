"""One job's PowerShell: from the open session to the end of the script, its questions and its exit code."""

from __future__ import annotations

import os
import signal

from core.journal.format import STDERR
from core.runner.powershell import client, prompts, requests, wire
from core.runner.powershell.arguments import arguments
from core.runner.powershell.bootstrap import AGAIN, ENDED_BY_ERROR, SCRIPT
from core.runner.powershell.errors import ended_by
from core.runner.powershell.requests import Writer
from core.runner.powershell.streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from core.runner.job import Job
    from core.runner.powershell.shell import Shell
    from core.runner.powershell.values import Value
    from core.runner.powershell.wire import Message
    from core.runner.spec import Launch

#: seconds in which a PowerShell must open its session
OPENING = 120.0
#: seconds in which one that is told to go must be gone
LEAVING = 5.0
UNANSWERABLE = "The question is put in a way that nobody can answer."
_STOPPED, _COMPLETED, _FAILED = 3, 4, 5


class Hosting:
    """The conversation of a job with its PowerShell; `warm`: one that was started before the job."""

    def __init__(self, job: Job, shell: Shell, launch: Launch, *, warm: bool) -> None:
        self._job = job
        self.child = shell.child
        self._shell = shell
        self._launch = launch
        self._warm = warm
        self._client = shell.client
        self._streams = Streams(job)
        self._streams.on_call = self._asked
        self._streams.on_exit = self._exit
        self._exit_code: int | None = None
        #: the script has ended, and how is settled
        self.ended = False
        self._stopping = False
        self._may_run = False
        self._client.on_opened = self._run_if_may
        self._client.on_batch = job.outputs.catch_up
        self._client.on_message = self._message
        self._client.on_stray = self._stray
        self._client.on_done = self._done
        self._client.on_gone = self._gone
        if (job.spec.get("error_action") or "") == "Break":
            job.outcome.remark("ErrorAction Break needs somebody to debug: errors were treated as with Continue.")
        if not warm:
            job.loop.after(OPENING, self._late)

    def go(self) -> None:
        """The start is on record: run the script as soon as the session is open."""
        self._may_run = True
        self._run_if_may()

    def _run_if_may(self) -> None:
        if self._may_run and self._client.opened:
            self._run()

    def pause(self) -> None:
        """Read nothing until `resume`: the journal takes nothing now."""
        self._client.pause()

    def resume(self) -> None:
        """Read again."""
        self._client.resume()

    def catch_up(self) -> None:
        """Take everything that it has said until now."""
        self._client.catch_up()

    def stop(self) -> bool:
        """Ask the script to stop, its `finally` blocks first; whether there is one that can."""
        if self.ended or not self._client.opened:
            return False
        self._stopping = True
        self._client.stop()
        return True

    def close(self) -> None:
        """Let go of everything; the process is gone."""
        self._client.catch_up()
        self._shell.release()
        outcome = self._job.outcome
        if self.ended or outcome.why is not None or outcome.failed_to_start:
            return
        said = bytes(self._shell.said).strip()
        if said:
            self._job.outputs.put(STDERR, said + b"\n")
        if not self._client.opened:
            why = said.partition(b"\n")[0].decode("utf-8", "replace")
            outcome.failure = "PowerShell ended before it could run the script" + (f": {why}" if why else ".")

    def _run(self) -> None:
        writer = Writer()
        given = arguments(
            self._job.spec,
            self._job.secret_values,
            self._launch,
            self._shell.child.pid,
            writer,
            environment=self._shell.environment if self._warm else None,
        )
        script = AGAIN if self._warm else SCRIPT
        self._client.invoke(requests.pipeline(script, given, *self._shell.size, writer))

    def _message(self, message: Message) -> None:
        if message.type != wire.PIPELINE_STATE:
            self._streams.message(message)
            return
        state = client.pipeline_state(message.payload)
        if state not in (_STOPPED, _COMPLETED, _FAILED) or self.ended:
            return
        self._streams.settle()
        code, reason = self._exit_code, None
        if state == _FAILED:
            code, reason = 1, ended_by(self._streams.failed(message.payload))
        elif state == _STOPPED and not self._stopping:
            code, reason = 1, "Its pipeline was stopped from within."
        elif code == ENDED_BY_ERROR:
            code, reason = 1, ended_by(self._streams.last_error)
        elif code is None and state == _COMPLETED:
            code = 0
        self.ended = True
        # one that was stopped has no code of its own
        self._job.outcome.settle(None if code is None else code & 0xFF, reason)
        self._client.close()
        self._job.loop.after(LEAVING, self._kill)
        self._job.script_ended()

    def _exit(self, code: int) -> None:
        self._exit_code = code

    def _stray(self, data: bytes) -> None:
        self._job.outputs.put(STDERR, data)

    def _done(self) -> None:
        self._client.end_input()

    def _gone(self, reason: str) -> None:
        if reason and not self.ended:
            self._job.outcome.failure = reason
            self._kill()

    def _late(self) -> None:
        if not self._client.opened and not self._job.main_ended and self._job.outcome.why is None:
            self._job.outcome.failure = f"PowerShell was not ready after {OPENING:g} s."
            self._kill()

    def _kill(self) -> None:
        if not self._job.main_ended:
            os.kill(self._shell.child.pid, signal.SIGKILL)

    # questions

    def _asked(self, call: int, method: int, arguments: list[Value]) -> None:
        if method not in prompts.METHODS:
            self._client.respond(
                requests.refusal(call, method, f"There is no console here that could do this (host method {method}).")
            )
            return
        line = self._streams.line

        def ask(problem: str) -> None:
            if problem:
                self._respond(requests.refusal(call, method, problem))
            elif not self.ended:
                self._ask(call, method, arguments, line)

        if prompts.is_secret(method, arguments):
            # before it is asked: nobody is to type a secret that cannot be sent
            self._client.when_secrets_can_be_sent(ask)
        else:
            ask("")

    def _ask(self, call: int, method: int, arguments: list[Value], line: str) -> None:
        try:
            question = prompts.question(call, method, arguments, line, self._respond, self._client.secure)
        except (IndexError, ValueError):
            self._client.respond(requests.refusal(call, method, UNANSWERABLE))
            return
        self._streams.line = ""
        self._job.outputs.flush()
        self._job.questions.ask(question)

    def _respond(self, response: bytes) -> None:
        # a job that is being ended gets no answer: its script must not go on with it
        if self._job.outcome.why is None:
            self._client.respond(response)
