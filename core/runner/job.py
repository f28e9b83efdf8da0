"""One job from its spec to its end: what the runner does, in the order it does it."""

from __future__ import annotations

import os
import signal
import time

from core.journal.summary import Summary
from core.journal.writer import JournalWriter
from core.runner import processes, spawn
from core.runner.begin import begin_command
from core.runner.calling import call_for_children
from core.runner.channel import Channel
from core.runner.commands import Commands
from core.runner.ending import Ending, has_children, told
from core.runner.exit_file import ExitFile
from core.runner.loop import READ, Loop
from core.runner.mask import Secrets, within
from core.runner.outcome import Outcome
from core.runner.output import Outputs
from core.runner.questions import Questions
from core.runner.recorder import Recorder
from core.runner.signals import Signals
from core.runner.spec import launch, read_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from core.runner.connection import Parking
    from core.runner.feeding import Feeding
    from core.runner.powershell.hosting import Hosting
    from core.runner.powershell.shell import Shell
    from core.runner.spawn import Child, Terminal
    from core.runner.spec import Launch

#: how long output is waited for after the main process's end while other processes hold the pipes, seconds
DRAIN = 2.0
#: seconds in which a process that closed the last pipe may end before it is called a leftover
LEAVING = 0.05
#: seconds that processes get between TERM and KILL once their script has been stopped
STOPPED = 2.0
#: bytes of output after which a process is given up, not used again: it has grown
LARGE = 16 << 20


class AlreadyRan(Exception):
    """The journal is not empty: this job was started before, and is never started twice."""


class Job:
    """The job of this runner. `run` returns when it is over and on record."""

    def __init__(
        self,
        directory: str,
        secrets: dict[str, str],
        parking: Parking | None = None,
        shell: Shell | None = None,
    ) -> None:
        """Raises OSError, ValueError for a directory that holds no job, AlreadyRan, FileExistsError (it runs now).

        `parking`: this process may run a further job after this one, if this one leaves nothing behind.
        `shell`: a warm PowerShell, on a loop that this job takes over.
        """
        self.directory = directory
        self.spec = read_spec(directory)
        self.secret_values = secrets
        self.parking = parking
        self.id = int(self.spec["id"])
        self.run_id = str(self.spec["run_id"])
        self.loop = Loop() if shell is None else shell.loop
        writer = JournalWriter(directory)
        if writer.records:
            raise AlreadyRan(f"Job {self.id} has been started before: it is not started again.")
        self.secrets = Secrets(part for value in secrets.values() for part in within(value))
        self.recorder = Recorder(self.loop, writer, Summary(), self.secrets)
        self.recorder.on_blocked = self._disk_refuses
        self.recorder.on_free = self._disk_takes
        self.exit_file = ExitFile(directory)
        self.outputs = Outputs(self.loop, self.recorder)
        self.outputs.on_end = self.advance
        self.questions = Questions(self.id, self.recorder, self._feedback)
        self.outcome = Outcome(self.spec)
        self.commands = Commands(self)
        self.channel = Channel(self)
        self.feeding: Feeding | None = None
        self.terminal: Terminal | None = None
        self.child: Child | None = None
        #: of a PowerShell job: the conversation with it
        self.hosting: Hosting | None = None
        self._shell = shell
        self._stopping = False
        self.ending: Ending | None = None
        self.main_ended = False
        self._launch: Launch | None = None
        self._drained = False
        self._dropping = False
        self._leftovers_done = False
        #: those who may be leftovers are given a moment, and had it
        self._patient = False
        self._waited = False
        self._finished = False
        #: this process runs no further job if secrets were in its memory
        self._reusable = parking is not None and not secrets and self.spec["kind"] != "powershell"
        self._signals: Signals | None = None
        self._continued = False
        #: it has ended and left this process as good as new; whoever started it has been told so
        self.idle = False

    @property
    def status(self) -> str:
        """The status as the last state record has it, or will."""
        if self.outcome.why is not None:
            return "Canceling"
        return "WaitingOnFeedback" if self.questions.waiting else "Running"

    def run(self) -> None:
        """Run it to its end."""
        self._signals = Signals(self.loop, self._signalled)
        if self._shell is not None:
            # it may have died before anybody listened for that
            self.loop.after(0, self._reap)
        by = self.commands.early_cancel()
        if by is not None:
            self.outcome.cancel("cancel", by)
            self.outcome.never_started = True
            self._finish()
        else:
            self._start()
        if not self._finished:
            self.loop.run()

    # start

    def _start(self) -> None:
        spec = self.spec
        self._launch = plan = launch(spec, self.secret_values, self.channel.path)
        at_once = False
        if spec["kind"] == "powershell":
            from core.runner.powershell.begin import begin

            self.hosting = begin(self, plan, self._shell)
            self.child = self.hosting.child
        else:
            at_once = spawn.can_start_at_once(plan) and self.exit_file.mark(processes.boot_id())
            self.child = begin_command(self, plan, at_once=at_once)
        child = self.child
        if child is not None and child.report >= 0:
            self.loop.watch(child.report, READ, lambda _events: self._executed(child))
        record = {
            "status": "Running",
            "event": "start",
            "started": time.time_ns(),
            "process_id": child and child.pid,
            "start_ticks": child and processes.start_ticks(child.pid),
            "runner": processes.this_process(),
            "boot_id": processes.boot_id(),
            "computer_name": spec.get("computer_name") or os.uname().nodename,
            "remarks": plan.remarks,
        }
        if at_once:
            self.recorder.state(record, then=self._started, sync=False)
            if child is None:
                self.advance()
        else:
            # executed only once its start is on the disk: a runner that dies here has not run anything
            self.recorder.state(record, then=self._go)

    def _go(self) -> None:
        assert self.child is not None
        if self.outcome.why is None:
            if self.hosting is not None:
                self.hosting.go()
            else:
                self.child.go()
        self._started()

    def _started(self) -> None:
        self.commands.tell_state()
        timeout = float(self.spec.get("timeout") or 0)
        if timeout > 0 and self.outcome.why is None:
            self.loop.after(timeout, lambda: self.cancel("timeout", None))

    def _executed(self, child: Child) -> None:
        """The child executes its program, or says why it cannot."""
        self.loop.forget(child.report)
        report = child.take_report()
        if report:
            assert self._launch is not None
            self.outcome.failed_to_start = spawn.complaint(report, self._launch)

    # while it runs

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers:
            self.outcome.remark("The job's runner was asked to end (SIGTERM), as it is when the system shuts down.")
            self.cancel("cancel", "system")
        if signal.SIGCHLD in numbers:
            self._reap()

    def _reap(self) -> None:
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                break
            if ended is None:
                break
            if self.child is not None and ended.si_pid == self.child.pid:
                self.main_ended = True
                if self.child.report >= 0:
                    # why it could not execute is told before its end is looked at
                    self._executed(self.child)
                self.outcome.ended(ended.si_code, ended.si_status)
                if self.hosting is not None:
                    self.hosting.close()
                if self._stopping:
                    self._end_tree()
                self.loop.after(DRAIN, self._drain_over)
        self._continue_stopped()
        if self.ending is not None:
            self.ending.child_ended()
        self.advance()

    def _continue_stopped(self) -> None:
        """Let the main process go on if it read its terminal in the moment before it was made the foreground."""
        if self.child is None or self.main_ended or self._continued:
            return
        # once: who is stopped later has been put into the background by the job itself
        self._continued = self.child.continue_if_stopped()

    def _drain_over(self) -> None:
        self._drained = True
        self.advance()

    def _feedback(self, event: str, number: int) -> None:
        """A question opened or was answered: the status changes with it, unless the job is ending."""
        if self.outcome.why is None:
            status = "WaitingOnFeedback" if event == "ask" else "Running"
            self.recorder.state({"status": status, "event": event, "feedback": number}, then=self.commands.tell_state)

    def _disk_refuses(self) -> None:
        if not self._dropping:
            self.outputs.pause()
            self.channel.pause()
            if self.hosting is not None:
                self.hosting.pause()

    def _disk_takes(self) -> None:
        self.exit_file.reserve()
        self.outputs.resume()
        self.channel.resume()
        if self.hosting is not None:
            self.hosting.resume()
        self.advance()

    # end

    def cancel(self, why: str, by: str | None) -> None:
        """End the job; `why` is "cancel", "timeout" or "error_action". The first reason stays."""
        grace = float(self.spec.get("grace", 5.0))
        if self.outcome.settled and self.recorder.blocked:
            # it has ended, and only the full disk keeps it here
            self.loop.after(grace, self._stop_waiting_for_disk)
        if self.outcome.why is not None or self.outcome.settled or (why == "timeout" and self.main_ended):
            return
        self.outputs.catch_up()
        self.outcome.cancel(why, by)
        self.questions.close("The job is ending: there will be no answer.")
        record = {"status": "Canceling", "event": "cancel", "by": by, "why": why}
        self.recorder.state(record, then=self.commands.tell_state)
        if why == "timeout" and (trouble := call_for_children(self.spec)) is not None:
            self.outcome.remark(trouble)
        # on a full disk the end must not wait for ever for what cannot be recorded
        self.loop.after(grace + processes.KILL_TIME, self._stop_waiting_for_disk)
        if self.hosting is not None and self.hosting.stop():
            # the script's own `finally` blocks first, then whoever is left of its processes
            self._stopping = True
            self.loop.after(grace, self._end_tree)
            return
        self._begin_ending(grace)

    def script_ended(self) -> None:
        """The script of a PowerShell job has ended; its process follows."""
        if self._stopping:
            self._end_tree()

    def _end_tree(self) -> None:
        if self._stopping:
            self._stopping = False
            grace = float(self.spec.get("grace", 5.0))
            self._begin_ending(min(grace, STOPPED))

    def _begin_ending(self, grace: float) -> None:
        self.ending = self._end_processes(grace)
        self.ending.look()

    def _end_processes(self, grace: float) -> Ending:
        include = () if self.child is None or self.main_ended else (self.child.pid,)
        sweep = processes.Sweep(self.run_id, root=os.getpid(), session=os.getsid(0), include=include)
        return Ending(self.loop, sweep, self.terminal, grace, lambda _receipt: self._reap())

    def _stop_waiting_for_disk(self) -> None:
        if not self.recorder.blocked:
            self.loop.after(1.0, self._stop_waiting_for_disk)
            return
        self._dropping = True
        records, size = self.recorder.give_up()
        self.outcome.dropped(records, size)
        if self._finished:
            # what waited was the end itself
            self._ended(self._end_record())
            return
        self.outputs.drop()
        self.advance()

    def advance(self) -> None:
        """Take the next step towards the end, if everything that comes before it has happened."""
        ending = self.ending
        if self._finished or self._stopping or (ending is not None and ending.receipt is None):
            return
        if self.child is not None and not self.main_ended and ending is None:
            return
        self.outputs.catch_up()
        self.channel.catch_up()
        if self._finished or self.ending is not ending:
            # one of these messages was an error that stops the job
            return
        if self.outputs.open_pipes and not self._drained and (ending is None or self.main_ended):
            return
        if not self._leftovers_done:
            if ending is None and not self._patient and has_children():
                # Who closed the last pipe is often about to end: a moment later it is gone, or a leftover.
                self._patient = True
                self.loop.after(LEAVING, self._leaving_over)
            if self._patient and not self._waited and has_children():
                return
            self._leftovers_done = True
            if ending is None and has_children() and self._leftovers():
                return
        if self.recorder.blocked and not self._dropping:
            return
        self._finish()

    def _leaving_over(self) -> None:
        self._waited = True
        self.advance()

    def _leftovers(self) -> bool:
        """Deal with processes that outlive the main one; whether they are being ended now."""
        sweep = processes.Sweep(self.run_id, root=os.getpid(), session=os.getsid(0))
        left = sweep.find()
        if not left:
            return False
        if not self.spec.get("kill_leftovers"):
            self.outcome.remark(f"Processes that the script started were left running: {told(left)}.")
            return False
        self.outcome.remark(f"Processes that the script left running were ended: {told(left)}.")
        self.ending = self._end_processes(float(self.spec.get("grace", 5.0)))
        self.ending.look()
        return True

    def _finish(self) -> None:
        self._finished = self.outcome.settled = True
        self.outputs.catch_up()
        if self.terminal is not None:
            self.terminal.release()
        self.outputs.close()
        self.questions.close("The job has ended.")
        self.channel.close()
        if self.feeding is not None:
            self.feeding.close()
        self.outcome.dropped(0, self.outputs.dropped)
        end = self._end_record()
        self.recorder.state(end, then=lambda: self._ended(end))
        if self.recorder.blocked and (self._dropping or self.outcome.never_started):
            self.recorder.give_up()
            self._ended(end)

    def _end_record(self) -> dict[str, Any]:
        return self.outcome.record(self.recorder.summary.to_dict(), self.ending.receipt if self.ending else None)

    def _ended(self, end: dict[str, Any]) -> None:
        try:
            self.exit_file.write({**end, "id": self.id})
        except FileNotFoundError:
            # the job's directory was removed under it: there is nowhere to say anything
            raise
        except OSError as error:
            self.loop.after(0.5, lambda: self._ended(end))
            self.recorder.failure = error
            return
        small = self.recorder.writer.size < LARGE
        self.idle = self._reusable and small and not self._dropping and not has_children()
        self.commands.tell_end(idle=self.idle)
        self.commands.close()
        self.loop.stop()

    def close(self) -> None:
        """Let go of everything that the end of the process would, for the next job that it runs."""
        if self._signals is not None:
            self._signals.close()
        self.recorder.writer.close()
        self.loop.close()
