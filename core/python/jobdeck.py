"""Talk to the job that this script runs in.

    import jobdeck

    jobdeck.emit({"host": "web1", "free": 0.4})         # an object for the pipeline
    jobdeck.progress(40, "Copying", status="12 of 30")
    jobdeck.warn("Disk is filling up")
    name = jobdeck.ask("Which host?")
    if jobdeck.ask("Go on?", choices=["&Yes", "&No"], default="No") == "Yes": ...
    login = jobdeck.ask("Log in", fields=["User", {"name": "Password", "type": "secret"}])  # login["User"]
    some = jobdeck.ask("Which?", choices=["&Files", "&Mail"], multiple=True)                # ["Files", "Mail"]
    jobdeck.job.id, jobdeck.script.path

    other = jobdeck.run("other.sh", name="value")       # a job of its own, started at once
    other.wait(60).status, other.exit_code, other.output, other.objects

Outside a job it prints, and asks at the terminal, so that a script runs by hand as well; `run` then starts a job on the
server of JOBDECK_SERVER (with JOBDECK_TOKEN), or in this user's own store.
Python 3.8 or newer, standard library only. Threads may use it at once, and so may forked children.
"""

from __future__ import annotations

import atexit
import os
import sys

from _jobdeck_channel import Channel, JobdeckError
from _jobdeck_values import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Literal, Mapping, Optional, Sequence, Union, overload

    from _jobdeck_jobs import StartedJob

    #: a text, or an object of texts and, for a field, more
    Choice = Union[str, Mapping[str, str]]
    Field = Union[str, Mapping[str, Any]]

    #: what is known of the job and of its script; outside a job their ids are None
    job: Record
    script: Record


__all__ = [
    "JobdeckError", "Secret", "ask", "debug", "emit", "error", "in_job", "information", "job", "parameter",
    "parameters", "progress", "run", "script", "verbose", "warn",
]  # fmt: skip

_path = os.environ.get("JOBDECK_CHANNEL")
_channel = Channel(_path) if _path else None
_MISSING = object()


class Secret(str):
    """A parameter's annotation: `def main(password: jobdeck.Secret)`. Text that does not show itself in a repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"


class Record:
    """What is known of the job or of the script, by attribute; `vars(…)` gives all of it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __repr__(self) -> str:
        return "Record(%s)" % ", ".join("%s=%r" % item for item in sorted(self.__dict__.items()))


def in_job() -> bool:
    """Whether this runs inside a job."""
    return _channel is not None


def emit(value: Any) -> None:
    """Put an object into the job's pipeline: anything JSON can say, dates, paths, dataclasses, sets, …

    Raises ValueError for an object that holds itself.
    """

    value = plain(value)
    if _channel is None:
        from _jobdeck_alone import show

        show(value)
    else:
        _flush()
        _channel.send({"type": "object", "value": value})


def progress(
    percent: Optional[float] = None,
    activity: Optional[str] = None,
    status: Optional[str] = None,
    seconds: Optional[float] = None,
    operation: Optional[str] = None,
    completed: bool = False,
) -> None:
    """Say how far the job is: `percent` from 0 to 100, `seconds` that are left; whatever is not known is left out."""
    message: Dict[str, Any] = {"type": "progress"}
    for name, value in (("activity", activity), ("status", status), ("operation", operation)):
        if value is not None:
            message[name] = str(value)
    for name, amount in (("percent", percent), ("seconds", seconds)):
        if amount is not None:
            number = float(amount)
            if number != number or number in (float("inf"), float("-inf")):
                raise ValueError("%s must be a number, not %r." % (name, amount))
            message[name] = min(max(number, 0.0), 100.0) if name == "percent" else max(number, 0.0)
    if completed:
        message["completed"] = True
    if _channel is None:
        from _jobdeck_alone import show_progress

        show_progress(message)
    else:
        _flush()
        _channel.send(message)


def information(message: object) -> None:
    """A line for whoever reads the job's output."""
    _tell("information", message)


def warn(message: object) -> None:
    """A warning: the job will end as Warning at best."""
    _tell("warning", message)


def debug(message: object) -> None:
    """A message for who looks for mistakes."""
    _tell("debug", message)


def verbose(message: object) -> None:
    """A message for who wants to know everything."""
    _tell("verbose", message)


def error(
    message: object,
    category: str = "",
    id: str = "",
    exception_type: str = "",
    position: str = "",
    stack: str = "",
) -> None:
    """An error record: the job goes on, and will end as Error. `message` may be an exception."""
    if isinstance(message, BaseException):
        import traceback

        found = message
        exception_type = exception_type or type(found).__name__
        stack = stack or "".join(traceback.format_exception(type(found), found, found.__traceback__))
        if not position and found.__traceback__ is not None:
            last = traceback.extract_tb(found.__traceback__)[-1]
            position = "%s:%s" % (last.filename, last.lineno)
        message = str(found) or type(found).__name__
    if not position:
        frame = sys._getframe(1)
        position = "%s:%d" % (frame.f_code.co_filename, frame.f_lineno)
    _tell("error", message, category=category, id=id, exception_type=exception_type, position=position, stack=stack)


if TYPE_CHECKING:

    @overload
    def ask(prompt: object = "", *, fields: Sequence[Field], caption: object = "") -> Dict[str, str]: ...

    @overload
    def ask(
        prompt: object,
        secret: bool = False,
        choices: Optional[Sequence[Choice]] = None,
        default: Optional[object] = None,
        *,
        caption: object = "",
        multiple: Literal[True],
    ) -> List[str]: ...

    @overload
    def ask(
        prompt: object,
        secret: bool = False,
        choices: Optional[Sequence[Choice]] = None,
        default: Optional[object] = None,
        *,
        caption: object = "",
    ) -> str: ...


def ask(
    prompt: object = "",
    secret: bool = False,
    choices: Optional[Sequence[Choice]] = None,
    default: Optional[object] = None,
    *,
    caption: object = "",
    fields: Optional[Sequence[Field]] = None,
    multiple: bool = False,
) -> Union[str, List[str], Dict[str, str]]:
    """Ask a person and wait for the answer: a text, or the label of one of the choices.

    `choices`: texts, or {"label": …, "help": …}; an & stands before the letter that is enough. With `multiple` several
    may be chosen: the answer is a list of labels, and `default` may be one. `fields` asks for several values at once:
    names, or {"name", "type", "mandatory", "default", "help", "label"}, types as those of parameters ("integer",
    "date", "secret", …); the answer is a dict of texts, which fit the types. `caption` stands above it all. `secret`
    answers are shown and recorded nowhere.

    Raises JobdeckError when the question ends without an answer, ValueError for one that cannot be asked.
    """

    if fields and choices:
        raise ValueError("A question has choices or fields, not both.")
    if multiple and not choices:
        raise ValueError("Several answers need choices to choose from.")
    if isinstance(default, (list, tuple)):
        default = [each if isinstance(each, int) else plain(str(each)) for each in default]
    elif default is not None:
        default = plain(str(default))
    question = {
        "type": "ask",
        "message": plain(str(prompt)),
        "secret": bool(secret),
        "choices": _parts(choices),
        "default": default,
    }
    if caption:
        question["caption"] = plain(str(caption))
    if fields:
        question["fields"] = _parts(fields)
    if multiple:
        question["multiple"] = True
    if _channel is None:
        from _jobdeck_asking import ask as ask_here

        here: Union[str, List[str], Dict[str, str]] = ask_here(question)
        return here
    _flush()
    answer = _channel.ask(question).get("answer")
    if isinstance(answer, dict):
        return {str(name): str(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [str(label) for label in answer]
    return "" if answer is None else str(answer)


def _parts(given: Optional[Sequence[Any]]) -> Optional[List[Any]]:
    """Choices or fields as they are sent."""
    return [plain(dict(each) if hasattr(each, "keys") else str(each)) for each in given or ()] or None


def run(
    *script: Union[int, str, os.PathLike[str]],
    _environment: Optional[str] = None,
    _timeout: Optional[float] = None,
    _tags: Sequence[str] = (),
    _notes: str = "",
    **parameters: Any,
) -> StartedJob:
    """Start another script as a job, at once, and return it: `.wait(timeout)`, `.status`, `.exit_code`, `.output`,
    `.objects`, `.errors`, `.cancel()`.

    `script`: a file (from this directory, or from that of this script), or the name or number of a script on record.
    Every keyword is a parameter of it; options therefore begin with an underscore: `_environment` (what runs it),
    `_timeout` (s), `_tags`, `_notes`. Inside a job the new one is its child: cancelled with it, and told beside it.
    Raises JobdeckError when the job cannot be started; how it ends is for the caller to look at.
    """
    from _jobdeck_jobs import line_of_script, start

    if len(script) != 1:
        raise TypeError("run takes one script; its parameters are given by name: run('other.sh', name=value)")
    given = {name: plain(value) for name, value in parameters.items()}
    if _channel is not None:
        _flush()
    return start(
        _channel,
        script[0],
        given,
        line_of_script(sys._getframe(1)),
        environment=_environment,
        timeout=_timeout,
        tags=list(_tags) or None,
        notes=_notes or None,
    )


def parameter(name: str, default: Any = _MISSING) -> Any:
    """The value of one parameter of this job, secrets included.

    Outside a job, the environment variable of that name. Raises JobdeckError when there is none and no default.
    """
    if _channel is None:
        value = os.environ.get(name)
        if value is None and default is _MISSING:
            raise JobdeckError("There is no parameter '%s': outside a job, set the variable %s." % (name, name))
        return default if value is None else value
    if default is not _MISSING:
        return parameters().get(name, default)
    return _channel.request({"type": "parameter", "name": str(name)}).get("value")


def parameters() -> Dict[str, Any]:
    """All parameters of this job as a dict, secrets included; outside a job, none."""
    if _channel is None:
        return {}
    return dict(_channel.request({"type": "parameters"}).get("value") or {})


def _tell(kind: str, message: object, **fields: str) -> None:

    message = plain(str(message))
    if _channel is None:
        from _jobdeck_alone import tell

        tell(kind, message)
        return
    _flush()
    record = {"type": kind, "message": message}
    record.update((name, plain(str(value))) for name, value in fields.items() if value)
    _channel.record(record)


def _flush() -> None:
    """What was printed so far stands before what is sent now."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                # closed, or nobody reads: the script hears of it when it prints
                continue


def __getattr__(name: str) -> Any:
    """`job` and `script`, asked for when they are first used."""
    if name not in ("job", "script"):
        raise AttributeError("module 'jobdeck' has no attribute %r" % name)
    if _channel is None:
        from _jobdeck_alone import describe_job

        told = describe_job()
    else:
        told = _channel.request({"type": "job"})
    for kind in ("job", "script"):
        globals()[kind] = Record(told.get(kind) or {})
    return globals()[name]


def _at_exit() -> None:
    try:
        if _channel is not None:
            _channel.confirm()
    except JobdeckError:
        # the runner is gone; the script did all it could
        return


def _after_fork() -> None:
    # a bound method of the channel here would keep its socket past the end of the interpreter: Python 3.8 crashes
    if _channel is not None:
        _channel.after_fork()


if _channel is not None:
    atexit.register(_at_exit)
    os.register_at_fork(after_in_child=_after_fork)
