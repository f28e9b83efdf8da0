"""The helper for shells, `jobdeck-job`: one message to the job per call. Lean: every call starts an interpreter."""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from _jobdeck_channel import Channel

    Message = dict[str, Any]

_CORE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(_CORE, "python"))
from _jobdeck_words import Misuse, is_number, split  # noqa: E402

USAGE = """\
jobdeck-job emit JSON                     an object for the pipeline ("-": each line of standard input is one)
jobdeck-job emit --text TEXT              a text as an object ("-": standard input)
jobdeck-job emit -k NAME=VALUE…           an object of its fields; VALUE is JSON where it is, else text
jobdeck-job progress PERCENT [ACTIVITY] [--status TEXT] [--seconds N]
jobdeck-job info|warn|error|debug|verbose MESSAGE…      ("-": standard input)
jobdeck-job ask PROMPT [--secret] [--choice LABEL]… [--default ANSWER] [--caption TEXT]       prints the answer
                --choice LABEL… --multiple            several choices: a line for each label that was chosen
                --field NAME[:TYPE]…                  several values: one JSON object of texts. A field may be JSON,
                                                      with name, type, mandatory, default, help, label
jobdeck-job parameter NAME                prints a parameter's value, secrets too
jobdeck-job run FILE|SCRIPT [-p NAME=VALUE]… [--wait] [--detach] [--environment NAME] [--timeout S] [--line N]
                                          starts it as a job of its own and shows its output; ends with its exit code
                                          (--wait: shows nothing; --detach: prints the job's number and goes on)
jobdeck-job job [FIELD]                   prints what is known of the job, as JSON
jobdeck-job script [FIELD]                … of the script
Put -- before a text that begins with a dash."""

_KINDS = {
    "info": "information", "information": "information", "warn": "warning", "warning": "warning", "error": "error",
    "debug": "debug", "verbose": "verbose",
}  # fmt: skip


def _input() -> str:
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda word: word)
    except ValueError as problem:
        raise Misuse(
            f"This is not JSON: {text[:80]} ({problem}). For plain text: jobdeck-job emit --text TEXT"
        ) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda word: word)
    except ValueError:
        return text


def _object(value: Any, text: str = "") -> Message:
    """The message for one value. The JSON `text` that it was read from goes along: a float would lose its digits."""
    message: Message = {"type": "object", "value": _clean(value)}
    try:
        json.loads(text, parse_constant=_refuse)
        text.encode()
    except ValueError:
        return message
    # Line ends in JSON stand between its parts alone.
    message["written"] = text.replace("\n", " ").replace("\r", " ")
    return message


def _refuse(word: str) -> None:
    raise ValueError(word)


def _objects(words: Sequence[str]) -> list[Message]:
    plain, options = split(words, (), ("--text", "-k", "--key"))
    fields = options.get("-k", []) + options.get("--key", [])
    if fields:
        # `-k a=1 b=2` means the same as `-k a=1 -k b=2`
        named: dict[str, Any] = {}
        written: dict[str, str] = {}
        for field in fields + plain:
            name, equals, value = field.partition("=")
            if not equals or not name or "--text" in options:
                raise Misuse(f"Write each field as NAME=VALUE, not {field}.")
            given = named[name] = _value(value)
            # A text that is no JSON is all that its value is.
            written[name] = json.dumps(value) if given == value else value
        parts = [f"{json.dumps(name)}: {text}" for name, text in written.items()]
        return [_object(named, "{" + ", ".join(parts) + "}")]
    if "--text" in options:
        if plain or len(options["--text"]) > 1:
            raise Misuse("emit --text takes one text; quote it.")
        text = options["--text"][0]
        return [_object(_input().rstrip("\n") if text == "-" else text)]
    if len(plain) != 1:
        raise Misuse("emit takes one JSON value; quote it. For plain text: jobdeck-job emit --text TEXT")
    if plain[0] != "-":
        return [_object(_json(plain[0]), plain[0])]
    text = _input()
    try:
        value = json.loads(text, parse_constant=lambda word: word)
    except ValueError:
        return [_object(_json(line), line) for line in text.splitlines() if line.strip()]
    return [_object(value, text)]


def _progress(words: Sequence[str]) -> Message:
    plain, options = split(words, (), ("--status", "--seconds", "--operation"))
    if not plain or len(plain) > 2:
        raise Misuse("progress takes PERCENT and an ACTIVITY; quote the activity.")
    message: Message = {"type": "progress"}
    for name, given in (("percent", plain[:1]), ("seconds", options.get("--seconds", [])[-1:])):
        if given:
            text = given[0].rstrip("%") if name == "percent" else given[0]
            if not is_number(text) or float(text) in (float("inf"), float("-inf")):
                raise Misuse(
                    "{} must be a number, not {}.".format("PERCENT" if name == "percent" else "--seconds", given[0])
                )
            message[name] = max(0.0, min(float(text), 100.0) if name == "percent" else float(text))
    for name, texts in (
        ("activity", plain[1:]),
        ("status", options.get("--status")),
        ("operation", options.get("--operation")),
    ):
        if texts:
            message[name] = _clean(texts[-1])
    return message


def _clean(value: Any) -> Any:
    from _jobdeck_values import plain

    return plain(value)


def _print(value: Any) -> None:
    if isinstance(value, bool) or value is None:
        value = {True: "true", False: "false", None: ""}[value]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape") + b"\n")
    sys.stdout.buffer.flush()


def _ask(words: Sequence[str], channel: Channel | None) -> None:
    plain, options = split(words, ("--secret", "--multiple"), ("--choice", "--default", "--caption", "--field"))
    if len(plain) != 1:
        raise Misuse("ask takes one PROMPT; quote it.")
    choices, fields = options.get("--choice", []), options.get("--field", [])
    if fields and choices:
        raise Misuse("A question has choices or fields, not both.")
    if "--multiple" in options and not choices:
        raise Misuse("--multiple needs choices to choose from: give each as --choice LABEL.")
    question: Message = {"type": "ask", "message": _clean(plain[0]), "secret": "--secret" in options}
    question["choices"] = [_clean(choice) for choice in choices] or None
    question["default"] = _clean(options["--default"][-1]) if "--default" in options else None
    if "--caption" in options:
        question["caption"] = _clean(options["--caption"][-1])
    if fields:
        question["fields"] = [_clean(_field(field)) for field in fields]
    if "--multiple" in options:
        question["multiple"] = True
    if channel is None:
        from _jobdeck_asking import ask

        answer: Any = ask(question)
    else:
        answer = channel.request(question).get("answer")
    if isinstance(answer, list):
        for label in answer:
            _print(label)
    else:
        _print(answer or "")


def _field(text: str) -> dict[str, Any]:
    """A field of a question: NAME, NAME:TYPE, or all of it as a JSON object."""
    if text.lstrip().startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError as problem:
            raise Misuse(f"This field is no JSON object: {text[:80]} ({problem}).") from None
    name, colon, kind = text.rpartition(":")
    return {"name": name, "type": kind} if colon else {"name": text}


def _parameter(words: Sequence[str], channel: Channel | None) -> None:
    plain, _ = split(words, (), ())
    if len(plain) != 1:
        raise Misuse("parameter takes one NAME.")
    if channel is not None:
        _print(channel.request({"type": "parameter", "name": plain[0]}).get("value"))
        return
    value = os.environ.get(plain[0])
    if value is None:
        from _jobdeck_channel import JobdeckError

        raise JobdeckError(f"There is no parameter '{plain[0]}': outside a job, set the variable {plain[0]}.")
    _print(value)


def _about(kind: str, words: Sequence[str], channel: Channel | None) -> None:
    plain, _ = split(words, (), ())
    if len(plain) > 1:
        raise Misuse(f"{kind} takes one FIELD at most.")
    if channel is None:
        from _jobdeck_alone import describe_job

        told = describe_job()
    else:
        told = channel.request({"type": "job"})
    record = told.get(kind) or {}
    if plain and plain[0] not in record:
        raise Misuse("There is no field {}. There are: {}.".format(plain[0], ", ".join(record)))
    _print(record[plain[0]] if plain else record)


def _send(messages: Sequence[Message], channel: Channel | None) -> None:
    for number, message in enumerate(messages, 1):
        if channel is None:
            from _jobdeck_alone import show, show_progress, tell

            kind = message["type"]
            if kind == "object":
                show(message["value"])
            elif kind == "progress":
                show_progress(message)
            else:
                tell(kind, message["message"])
        elif number == len(messages):
            # the last one's acknowledgement stands for all: they are recorded in order
            channel.record(message)
        else:
            channel.send(message)


def _run(words: Sequence[str], channel: Channel | None) -> int:
    """Start another script as a job; the exit code is its own unless it is left to itself."""
    plain, options = split(words, ("--wait", "--detach"), ("-p", "--parameter", "--environment", "--timeout", "--line"))
    if len(plain) != 1:
        raise Misuse("run takes one FILE or SCRIPT; parameters are given by -p NAME=VALUE.")
    last = {name: values[-1] for name, values in options.items()}
    if "--wait" in last and "--detach" in last:
        raise Misuse("--wait and --detach exclude each other.")
    timeout, line = last.get("--timeout"), last.get("--line")
    if timeout is not None and not is_number(timeout):
        raise Misuse(f"--timeout takes a number of seconds, not {timeout}.")
    if line is not None and not line.isdecimal():
        raise Misuse(f"--line takes a line's number, such as $LINENO, not {line}.")
    from _jobdeck_jobs import INFORMATION, STDOUT, start

    job = start(
        channel,
        plain[0],
        _parameters(options.get("-p", []) + options.get("--parameter", [])),
        None if line is None else int(line),
        environment=last.get("--environment"),
        timeout=None if timeout is None else float(timeout),
    )
    if "--detach" in last:
        _print(job.id)
        return 0
    if "--wait" not in last:
        for stream, data in job.follow():
            _write(1 if stream in (STDOUT, INFORMATION) else 2, data)
    job.wait()
    facts = job.facts
    code, status = facts["exitCode"], job.status
    if code is None or (code == 0 and status == "Failed"):
        sys.stderr.write(f"jobdeck-job: job {job.id} ended as {status}. {facts['reason'] or ''}".rstrip() + "\n")
        signalled = 128 + facts["signal"] if facts["signal"] else 1
        return {"Canceled": 130, "TimedOut": 124, "Failed": signalled}.get(status, 0)
    return int(code) & 0xFF


def _parameters(words: Sequence[str]) -> dict[str, Any]:
    """What -p gave: NAME is true, NAME=VALUE a text, a repeated name a list; @@ at the beginning is one @."""
    given: dict[str, Any] = {}
    lists: set[str] = set()
    for word in words:
        name, equals, text = word.partition("=")
        if not name:
            raise Misuse(f"-p {word} has no name. Give -p NAME=VALUE, or -p NAME for true.")
        if text.startswith("@") and not text.startswith("@@"):
            raise Misuse(f"-p {word}: for a value that begins with @ write {name}=@{text}.")
        value: Any = _clean(text[1:] if text.startswith("@@") else text) if equals else True
        if name in lists:
            given[name].append(value)
        elif name in given:
            given[name] = [given[name], value]
            lists.add(name)
        else:
            given[name] = value
    return given


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def run(words: Sequence[str]) -> int:
    """Do one command; gives the exit code. Raises Misuse, JobdeckError."""
    verb, rest = words[0], words[1:]
    path = os.environ.get("JOBDECK_CHANNEL")
    channel: Channel | None = None
    if path:
        from _jobdeck_channel import Channel

        channel = Channel(path)
    if verb == "emit":
        _send(_objects(rest), channel)
    elif verb == "progress":
        _send([_progress(rest)], channel)
    elif verb in _KINDS:
        plain, _ = split(rest, (), ())
        if not plain:
            raise Misuse(f"{verb} needs a message.")
        text = _input().rstrip("\n") if plain == ["-"] else " ".join(plain)
        _send([{"type": _KINDS[verb], "message": _clean(text)}], channel)
    elif verb == "ask":
        _ask(rest, channel)
    elif verb == "parameter":
        _parameter(rest, channel)
    elif verb in ("job", "script"):
        _about(verb, rest, channel)
    elif verb == "run":
        return _run(rest, channel)
    else:
        raise Misuse(f"There is no command {verb}. Try: jobdeck-job --help")
    return 0


def main() -> int:
    """The process: exit code 0, 2 for wrong use, 1 for anything else."""
    words = sys.argv[1:]
    if not words:
        sys.stderr.write(USAGE + "\n")
        return 2
    if words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    from _jobdeck_channel import JobdeckError

    try:
        return run(words)
    except Misuse as problem:
        sys.stderr.write(f"jobdeck-job: {problem}\n")
        return 2
    except (JobdeckError, OSError, ValueError) as problem:
        sys.stderr.write(f"jobdeck-job: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
