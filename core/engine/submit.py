"""From a request to a job on record: what runs, with what, where, fixed in spec.json before anything starts."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.access import Caller, Role
from core.config import Settings
from core.params.check import check
from core.params.command import argparse_arguments, positional, variables
from core.params.interface import Interface
from core.params.read import read_interface
from core.service import Clixml, Conflict, Environment, Invalid, NotFound, RunRequest, Script, Status

from . import scripts
from .callers import check_run, user_name
from .environments import choose, command
from .git import commit_of
from .limits import limits_of_jobs
from .paths import content_copy, job_directory
from .query import job_with_key

#: parameter types whose values are sealed at rest
SECRET_TYPES = ("secret", "credential")
#: what a job must not inherit from whoever submits it: another job's own, and the submitter's keys to the service
_OWN_VARIABLES = (
    "JOBDECK_JOB_ID", "JOBDECK_RUN", "JOBDECK_CHANNEL", "JOBDECK_SCRIPT", "JOBDECK_SCRIPT_ID", "JOBDECK_SCRIPT_PATH",
    "JOBDECK_SCRIPT_CONTENT", "JOBDECK_PYTHON_STYLE", "JOBDECK_IDENTITY", "JOBDECK_STORE", "JOBDECK_PYTHON",
    "JOBDECK_ROLE", "JOBDECK_TOKEN", "JOBDECK_SERVER",
)  # fmt: skip
_LONGEST_KEY = 255
_STANDARD_INPUTS = ("terminal", "pipe", "none")


@dataclass(slots=True)
class Prepared:
    """A checked request: the spec without its number, and the secrets in clear, which are in no file."""

    spec: dict[str, Any]
    script: Script
    content: bytes
    secrets: dict[str, str] = field(default_factory=dict)
    #: what the environments' candidates said when they were tried just now, for the cache
    probes: dict[str, Any] = field(default_factory=dict)
    #: what the script says of itself, in a line
    description: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a rerun takes over from the job it repeats."""

    attempt: int = 1
    rerun_of: int | None = None
    #: the content to run when the script's file is gone
    content_hash: str | None = None
    #: on whose behalf; None = the user of this process
    caller: Caller | None = None


class Known(Exception):
    """The same request was made before: `id` is the job it made."""

    def __init__(self, id: int) -> None:
        super().__init__(id)
        self.id = id


def prepare(
    connection: sqlite3.Connection, settings: Settings, request: RunRequest, origin: Origin | None = None
) -> Prepared:
    """Read, check and decide everything about a job. Raises Invalid, NotFound, Conflict, Unavailable; Known."""
    origin = origin or Origin()
    if request.standard_input not in _STANDARD_INPUTS:
        raise Invalid(f"Standard input {request.standard_input!r} is not one of {', '.join(_STANDARD_INPUTS)}.")
    if request.timeout is not None and not 0 <= request.timeout < 10**9:
        raise Invalid(f"The timeout is {request.timeout!r}; it must be seconds from 0 (none) to 1000000000.")
    who = origin.caller or Caller(user_name(), Role.Administrator)
    if who.job is not None:
        # What a job's own token asks for is that job's child, whatever the request says.
        request = replace(request, parent_job=who.job, source="job")
    identity = _identity(connection, request, who)
    if request.key is not None:
        if not 0 < len(request.key) <= _LONGEST_KEY or not request.key.isprintable():
            raise Invalid(f"The key of a request must have 1 to {_LONGEST_KEY} printable characters.")
        known = job_with_key(connection, identity, request.key)
        if known is not None:
            raise Known(known)
    script = _script(connection, request)
    check_run(who, script)
    if request.parent_job is not None:
        _check_depth(connection, settings, request.parent_job)
    content = _content(settings.data_directory, script.path, origin)
    if request.variables is not None:
        submitted = dict(request.variables)
    else:
        submitted = _of_parent(settings, who.job) or dict(os.environ)
    for name in _OWN_VARIABLES:
        submitted.pop(name, None)
    environment, probes = _environment(connection, request, script, content, submitted)
    interface = read_interface(
        content,
        environment.kind,
        script.name,
        program=environment.path,
        cache=os.path.join(settings.data_directory, "interfaces"),
    )
    given = _documents(request.parameters) if environment.kind == "powershell" else _plain(request.parameters)
    values = check(
        interface.parameters,
        given,
        declared=interface.declared,
        script=script.name,
        accepted=interface.accepted,
        untyped=interface.untyped,
        asks=environment.kind == "powershell",
        answered=request.standard_input != "none",
    )
    values = {n: {"clixml": v.document} if isinstance(v, Clixml) else v for n, v in values.items()}
    secret_names = {p.name for p in interface.parameters if p.type in SECRET_TYPES} & values.keys()
    for name in _with_secrets(request.parameters, values) - secret_names:
        if environment.kind != "powershell":
            raise Invalid(
                f"The parameter {name} holds a SecureString, and {script.name} does not ask for a secret there: it"
                " would be seen by others. Declare it as a secret in the script, or give it as text."
            )
        secret_names.add(name)
    public = {name: value for name, value in values.items() if name not in secret_names}
    secrets = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if name in secret_names and value is not None
    }
    spec: dict[str, Any] = {
        "format": 1,
        "run_id": str(uuid.uuid4()),
        "created": time.time_ns(),
        "script": {
            "id": script.id,
            "name": script.name,
            "path": script.path,
            "hash": hashlib.sha256(content).hexdigest(),
            "git_commit": commit_of(script.path),
        },
        "environment": environment.name,
        "kind": environment.kind,
        "parameters": {name: None if name in secret_names else value for name, value in values.items()},
        "secrets_in_environment": [p.name for p in interface.parameters if p.in_environment and p.name in secrets],
        "variables": submitted
        | dict(environment.variables)
        | dict(script.variables)
        | ({} if environment.kind == "powershell" else variables(public, interface.parameters))
        | dict(request.extra_variables),
        "cwd": _working_directory(request, script),
        "umask": _umask(),
        "limits": limits_of_jobs(),
        "timeout": float(script.timeout if request.timeout is None else request.timeout),
        "grace": settings.cancel_grace,
        "error_action": script.error_action,
        "discard_pipeline": script.discard_pipeline,
        "merge": script.merge,
        "kill_leftovers": script.kill_leftovers,
        "cancel_children": script.cancel_children,
        "stdin": request.standard_input,
        "size": [120, 40],
        "identity": identity,
        "caller": {
            "identity": who.identity,
            "role": who.role.value,
            "token_id": who.token_id,
            "scripts": list(who.scripts),
            "tags": list(who.tags),
        },
        "key": request.key,
        "computer_name": os.uname().nodename,
        "source": request.source,
        "parent_job": request.parent_job,
        "parent_line_number": request.parent_line_number,
        "attempt": origin.attempt,
        "rerun_of": origin.rerun_of,
        "tags": list(request.tags or script.tags),
        "notes": request.notes,
        "store": settings.data_directory,
    }
    spec |= _launch(environment, script, interface, values)
    for name, value in spec["variables"].items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise Invalid(f"{name!r} cannot be an environment variable: its name or value is not possible.")
    return Prepared(spec, script, content, secrets, probes, interface.synopsis)


def _documents(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, those of an earlier job too, whose spec (or secret, as JSON) holds `{"clixml": document}`."""
    return {name: _document(value) for name, value in parameters.items()}


def _document(value: Any) -> Any:
    stored = value
    if isinstance(value, str) and value.startswith('{"clixml": '):
        try:
            stored = json.loads(value)
        except ValueError:
            return value
    if isinstance(stored, dict) and stored.keys() == {"clixml"} and isinstance(stored["clixml"], str):
        return Clixml(stored["clixml"])
    return value


def _with_secrets(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> set[str]:
    """The names, as in `values`, of what was given as CLIXML with a SecureString in it."""
    given = {
        name.casefold()
        for name, value in _documents(parameters).items()
        if isinstance(value, Clixml) and "<SS" in value.document
    }
    return {name for name in values if name.casefold() in given} if given else set()


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the simple values of those given in CLIXML. Raises Invalid for a document that is none."""
    if not any(isinstance(value, Clixml) for value in parameters.values()):
        return dict(parameters)
    from core.clixml.plain import simple

    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        try:
            plain[name] = simple(value.document) if isinstance(value, Clixml) else value
        except Invalid as error:
            raise Invalid(f"The parameter {name} is no CLIXML that can be read: {error}") from error
    return plain


def _of_parent(settings: Settings, parent: int | None) -> dict[str, str]:
    """The environment of the job that starts another over the service, without its parameters; {} where unknown.

    Whichever engine serves the request: its own environment is no business of the job's.
    """
    from .outcome import read_spec

    spec = None if parent is None else read_spec(job_directory(settings.data_directory, parent))
    if spec is None:
        return {}
    return {name: value for name, value in spec["variables"].items() if name not in spec["parameters"]}


def _script(connection: sqlite3.Connection, request: RunRequest) -> Script:
    if request.path is not None:
        path = os.path.abspath(os.path.join(request.current_directory or os.getcwd(), request.path))
        try:
            path.encode()
        except UnicodeEncodeError:
            raise Invalid(f"{path!r} is not valid UTF-8: give the file a name that is.") from None
        known = scripts.script_at(connection, path)
        script = known or Script(id=0, name=os.path.basename(path), path=path)
    elif request.script is not None:
        try:
            script = scripts.find_script(connection, request.script)
        except NotFound as error:
            raise Invalid(
                f"There is no file and no script {request.script!r}. Check the path, or see `jobdeck scripts`."
            ) from error
    else:
        raise Invalid("Say what to run: a file or a script on record.")
    if script.disable_manual_invocation and request.source in ("cli", "tui", "api"):
        raise Conflict(f"The script {script.name} may not be started by hand (DisableManualInvocation).")
    return script


def _identity(connection: sqlite3.Connection, request: RunRequest, who: Caller) -> str:
    """Who the job is told of: a job that another job starts has its parent's identity. Raises Invalid, Conflict."""
    named = request.identity if who.role is Role.Administrator else None
    if request.parent_job is None:
        return named or who.identity
    parent = connection.execute(
        "SELECT identity, status FROM job WHERE id = ?", (min(max(request.parent_job, 0), 2**63 - 1),)
    ).fetchone()
    if parent is None:
        raise Invalid(f"There is no job {request.parent_job} that could be the parent of this one.")
    if parent["status"] in (Status.Canceling, Status.Canceled):
        raise Conflict(f"Job {request.parent_job} is being cancelled: it starts no further jobs.")
    return named or str(parent["identity"])


def _check_depth(connection: sqlite3.Connection, settings: Settings, parent: int) -> None:
    depth = connection.execute(
        "WITH RECURSIVE line (id, depth) AS (SELECT ?, 1 UNION ALL SELECT job.parent_job, depth + 1 FROM line"
        " JOIN job ON job.id = line.id WHERE job.parent_job IS NOT NULL AND depth <= ?) SELECT max(depth) FROM line",
        (parent, settings.max_depth),
    ).fetchone()[0]
    if depth > settings.max_depth:
        raise Conflict(
            f"Jobs may start jobs {settings.max_depth} deep, and job {parent} is that deep already: does a script start"
            " itself? If it is meant so, raise the setting max_depth."
        )


def _content(store: str, path: str, origin: Origin) -> bytes:
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Invalid(f"{path} is not a regular file, so it cannot be kept and run as a script.")
            return file.read()
    except FileNotFoundError:
        if origin.content_hash:
            with open(content_copy(store, origin.content_hash), "rb") as file:
                return file.read()
        raise Invalid(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise Invalid(f"{path} is a directory; name the script in it.") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error


def _environment(
    connection: sqlite3.Connection, request: RunRequest, script: Script, content: bytes, submitted: Mapping[str, str]
) -> tuple[Environment, dict[str, Any]]:
    cached = {row["key"]: json.loads(row["result"]) for row in connection.execute("SELECT * FROM probe")}
    probes = dict(cached)
    environment = choose(
        request.environment or script.environment,
        script.path,
        content,
        scripts.added_environments(connection),
        submitted.get("PATH", os.defpath),
        probes,
    )
    return environment, {key: value for key, value in probes.items() if cached.get(key) != value}


def _powershell(environment: Environment, script: Script, interface: Interface) -> dict[str, Any]:
    """What a PowerShell job is run with besides its command line."""
    return {
        "depth": script.object_depth,
        "preferences": dict(script.preferences),
        "modules": list(environment.modules),
        "startup_script": environment.startup_script,
        "warm_runners": environment.warm_runners,
        "secrets": {each.name: each.type for each in interface.parameters if each.type in SECRET_TYPES},
    }


def _launch(
    environment: Environment, script: Script, interface: Interface, values: Mapping[str, Any]
) -> dict[str, Any]:
    argv = command(environment)
    if environment.kind == "powershell":
        return {"argv": argv, "python": None, "powershell": _powershell(environment, script, interface)}
    if environment.kind == "python":
        tail: list[str] = []
        if interface.style == "argparse":
            tail = argparse_arguments(interface.parameters, values)
        elif interface.style != "main":
            tail = positional(interface.parameters, values)
        python = {
            "style": "main" if interface.style == "main" else "script",
            "function": interface.function,
            "exit_from_return": interface.exit_from_return,
            "argv_tail": tail,
        }
        return {"argv": argv, "python": python}
    return {"argv": argv + positional(interface.parameters, values), "python": None}


def _working_directory(request: RunRequest, script: Script) -> str:
    stands = request.current_directory or os.getcwd()
    if request.working_directory:
        directory = os.path.abspath(os.path.join(stands, os.path.expanduser(request.working_directory)))
    elif script.working_directory:
        directory = script.working_directory
    else:
        directory = stands if request.path is not None else os.path.dirname(script.path)
    if not os.path.isdir(directory):
        raise Invalid(f"The working directory {directory} does not exist. Make it, or name another.")
    return directory


def _umask() -> int:
    """This process's file mode mask; reading it by umask() would change it for a moment, for every thread."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        return 0o022
    return 0o022
