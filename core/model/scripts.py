"""Scripts, what they ask for, what runs them, how their jobs went.

Times are nanoseconds since the epoch, UTC; what is not known yet is None. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.model.jobs import Status
from core.model.values import Value

ERROR_ACTIONS = ("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore", "Break")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a script asks for, as read from the script.

    `type` is one of: string, integer, number, boolean, switch, list, date, datetime, file, secret, credential, object.
    """

    name: str
    type: str = "string"
    mandatory: bool = False
    default: Value = None
    choices: tuple[str, ...] = ()
    help: str = ""
    display_name: str = ""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    #: type of a list's items
    item_type: str = "string"
    #: put the secret into the job's environment too (a secret is otherwise given over the channel alone)
    in_environment: bool = False
    parameter_set: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that jobdeck knows. `timeout` is in seconds, 0 = never."""

    id: int
    name: str
    path: str
    description: str = ""
    notes: str = ""
    environment: str | None = None
    working_directory: str | None = None
    timeout: float = 0.0
    error_action: str = "Continue"
    concurrent_jobs: int = 100
    #: so many of its finished jobs are kept, the newest ones; 0 = all
    max_history: int = 100
    retry_limit: int = 0
    discard_pipeline: bool = False
    merge: bool = False
    kill_leftovers: bool = False
    disable_manual_invocation: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    #: cancelling a job cancels the jobs it started
    cancel_children: bool = True
    #: how deep PowerShell's pipeline objects are written
    object_depth: int = 2
    #: PowerShell's preferences by stream ("Verbose", "Debug", "Information", "Warning", "Progress"), e.g. "Continue"
    preferences: Mapping[str, str] = field(default_factory=dict)
    created: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """What runs a script. `arguments` holds `{scriptPath}` where the script's path goes.

    `kind` is "command", "python" or "powershell"; "" in one that is to be added: its program tells. `found` = jobdeck
    found it itself; else a user added it.
    """

    name: str
    path: str
    arguments: tuple[str, ...] = ("{scriptPath}",)
    kind: str = ""
    version: str = ""
    found: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    #: PowerShell: modules that are imported before the script, and a script that runs before it
    modules: tuple[str, ...] = ()
    startup_script: str | None = None
    #: PowerShell: runners that are kept warm; None = one where PowerShell jobs run
    warm_runners: int | None = None


@dataclass(frozen=True, slots=True)
class ScriptStatistics:
    """How the jobs of one script went, of those on record. `seconds`: the median run time of the newest of them.

    `last_job` is the newest one, whatever it does; `last_ended` is None while it is unfinished.
    """

    script_id: int
    jobs: int
    #: ended well: Completed or Warning
    succeeded: int
    #: ended otherwise
    failed: int
    last_job: int | None = None
    last_status: Status | None = None
    last_ended: int | None = None
    seconds: float | None = None
