"""`jobdeck run`: submit a file or a script as a job and follow it to its end."""

from __future__ import annotations

import argparse
import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from core.config import Settings
from core.service import Invalid, Job, JobService, NotFound, RunRequest
from tui import connection, options, say, standard_input
from tui.connection import service

if TYPE_CHECKING:
    import socket

DETAILS = """\
An existing file wins over a script's name. What comes on a pipe or from a file on standard input goes to the job.
Exit code: the job's own; 128+n when signal n ended it; Canceled 130, TimedOut 124, Failed without a code 1.
On a server (--server URL) the content of the file is sent and kept there as the script of its name; a script of that
name that came from elsewhere is run when it holds the same, and never overwritten. --cwd is a directory there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of run."""
    parser.add_argument("target", metavar="FILE|SCRIPT", help="a file, or the name of a script on record")
    parser.add_argument(
        "-p", "--parameter", dest="parameters", action="append", metavar="NAME[=VALUE]",
        help="a parameter; NAME alone is true, a repeated one a list, @@ at the beginning a literal @",
    )  # fmt: skip
    parser.add_argument(
        "--environment", metavar="NAME", help="what runs it: Bash, Python 3.12, … (jobdeck environments)"
    )
    parser.add_argument("--env", action="append", metavar="NAME=VALUE", help="an environment variable of the job")
    parser.add_argument("--timeout", type=float, metavar="S", help="end the job after so many seconds; 0 = never")
    parser.add_argument("--cwd", metavar="DIR", help="the job's working directory")
    parser.add_argument("--no-input", action="store_true", help="the job's standard input is at its end at once")
    parser.add_argument("--detach", action="store_true", help="do not follow: print the job's number")
    options.add_json(parser, "output on standard error, the finished job as JSON on standard output")


async def run(arguments: argparse.Namespace) -> int:
    """Submit, then follow (or print the number with --detach)."""
    wanted = request(arguments)
    async with service("act", runner=_runner(arguments.target)) as engine:
        if connection.server() and wanted.path is not None:
            from tui.sending import script_for

            wanted = replace(wanted, path=None, script=(await script_for(engine, wanted.path)).id)
        job = await submit(engine, wanted, arguments.target)
        if arguments.detach:
            if arguments.json:
                say.write_json(job)
            else:
                say.write(f"{job.id}\n")
            return 0
        from tui.follow import to_the_end

        return await to_the_end(engine, job, arguments.json, feed=wanted.standard_input == "pipe")


def _runner(target: str) -> socket.socket | None:
    """The job's runner, which loads while this process loads the engine; None where the job runs elsewhere."""
    if connection.server():
        return None
    from core.runner.start import start_waiting

    with contextlib.suppress(OSError):
        # whatever keeps one from being started is told with the job that it fails
        return start_waiting(powershell=target.lower().endswith(".ps1"))
    return None


async def submit(engine: JobService, wanted: RunRequest, target: str) -> Job:
    """Run it; a script that is not there is wrong use, like a file that is not there."""
    try:
        return await engine.run(wanted)
    except NotFound as error:
        if wanted.script is None:
            raise Invalid(str(error)) from error
        raise Invalid(
            f"There is neither a file nor a script called {target!r}. `jobdeck scripts` lists the scripts."
        ) from error


def request(arguments: argparse.Namespace) -> RunRequest:
    """What the arguments ask for. Raises Invalid."""
    target = arguments.target
    is_file = os.path.isfile(target)
    if not is_file:
        if os.path.isdir(target):
            raise Invalid(f"{target} is a directory. Give the file to run.")
        if os.path.exists(target):
            raise Invalid(f"{target} is not an ordinary file. Give the file to run.")
        if "/" in target or not target:
            raise Invalid(f"There is no file {target!r}.")
    timeout = arguments.timeout
    if timeout is not None and not 0 <= timeout < 1e9:
        raise Invalid(f"--timeout {timeout:g} must be a number of seconds, 0 or more.")
    remote = connection.server() is not None
    here = None if remote else _here()
    parent = None if remote else parent_job()
    return RunRequest(
        path=os.path.abspath(target) if is_file else None,
        script=None if is_file else target,
        parameters=options.parameters(arguments.parameters),
        environment=arguments.environment,
        extra_variables=options.assignments(arguments.env, "--env"),
        timeout=timeout,
        working_directory=_directory(arguments.cwd, remote),
        current_directory=here,
        standard_input=_standard_input(arguments),
        parent_job=parent,
        source="cli" if parent is None else "job",
    )


def _directory(given: str | None, remote: bool) -> str | None:
    if given is None:
        return None
    if remote:
        if not os.path.isabs(given):
            raise Invalid(f"--cwd {given} must be a whole path on the server's computer, from / on.")
        return given
    if not os.path.isdir(given):
        raise Invalid(f"--cwd {given}: there is no such directory.")
    return os.path.abspath(given)


def _here() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def parent_job() -> int | None:
    """The job of this store inside which this process runs."""
    number = os.environ.get("JOBDECK_JOB_ID", "")
    if not (number.isascii() and number.isdigit()):
        return None
    store = os.environ.get("JOBDECK_STORE")
    if not store or os.path.realpath(store) != os.path.realpath(Settings.load().data_directory):
        return None
    return int(number)


def _standard_input(arguments: argparse.Namespace) -> str:
    if arguments.no_input:
        return "none"
    return "terminal" if arguments.detach else standard_input.kind()
