"""The `jobdeck` command: no verb = the terminal application, a verb = one command for shells and pipes."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from tui.verbs import GROUPS, HIDDEN, verbs

_USAGE = "jobdeck [--server URL] [VERB …]"
_HEAD = "Run scripts as jobs that nothing can lose."
_TAIL = """\
Without a verb, at a terminal: the terminal application.
`jobdeck VERB --help` tells more of each; every verb takes --json. ID is a job's number, or `last`.
Options: --version, --server URL (from JOBDECK_SERVER), -h, --help. JOBDECK_HOME=DIR holds data and config.
Every verb also goes to a server: its token is that of `jobdeck login URL`, or of JOBDECK_TOKEN."""
_FIRST_STEPS = """\
jobdeck runs scripts as jobs that nothing can lose.

  jobdeck run FILE         run a script and follow it: its output, its questions, its exit code
  jobdeck run FILE --detach    the same in the background; prints the job's number
  jobdeck jobs             what ran and what runs
  jobdeck output last      what the newest job wrote
  jobdeck --help           everything else
"""


def main() -> int:
    """The whole command; gives the exit code: 0 done, 2 wrong use, 1 anything else, or what the verb says."""
    try:
        code = _command(sys.argv[1:])
        sys.stdout.flush()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
        code = _flushed(code)
    except BrokenPipeError:
        _silence()
        code = 0
    except KeyboardInterrupt:
        _silence()
        code = 130
    except Exception as error:
        code = _failed(error)
    return code


def _command(words: list[str]) -> int:
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in ("-h", "--help"):
            print(_help())
            return 0
        if word in ("-V", "--version"):
            from core.config import VERSION

            print(f"jobdeck {VERSION}")
            return 0
        option, _, url = word.partition("=")
        if option != "--server":
            return _wrong(f"There is no option {word}.")
        url = url or (words.pop(0) if words else "")
        if not url or url.startswith("-"):
            return _wrong("--server needs a URL, such as http://localhost:5000.")
        from tui import connection

        connection.use(url)
    if not words:
        return _application()
    verb = words.pop(0)
    if verb == "help":
        print(_help())
        return 0
    known = verbs() | HIDDEN
    if verb not in known:
        return _wrong(_unknown(verb))
    return _run(verb, known[verb], words)


def _application() -> int:
    """The terminal application where there is a terminal; else how to begin."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    # A driver of its own is asked for where a browser shows the application (textual-serve).
    if not (terminal or "TEXTUAL_DRIVER" in os.environ):
        if sys.stdin.isatty() and sys.stdout.isatty():
            from tui.say import tell

            tell("This terminal (TERM=dumb) cannot show the application; the verbs work here all the same.")
        print(_FIRST_STEPS, end="")
        return 0
    from tui.start import start

    return start()


def _run(verb: str, line: str, words: list[str]) -> int:
    import asyncio
    from importlib import import_module

    from tui.options import HelpFormatter, Parser

    module: ModuleType = import_module(f"tui.verbs.{verb.strip('_')}")
    parser = Parser(
        prog=f"jobdeck {verb}",
        description=line[0].upper() + line[1:] + ".",
        epilog=getattr(module, "DETAILS", None),
        formatter_class=HelpFormatter,
    )
    module.add_arguments(parser)
    code: int = asyncio.run(module.run(parser.parse_args(words)))
    return code


def _help() -> str:
    wide = max(map(len, verbs()))
    groups = [
        f"{title}:\n" + "\n".join(f"  {name:<{wide}}  {line}" for name, line in group.items())
        for title, group in GROUPS.items()
    ]
    return "\n\n".join([f"Usage: {_USAGE}\n{_HEAD}", *groups, _TAIL])


def _unknown(verb: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(verb, verbs(), 1)
    hint = f" Did you mean `jobdeck {near[0]}`?" if near else ""
    if not near and os.path.isfile(verb):
        hint = f" To run the file: jobdeck run {verb}"
    return f"There is no verb {verb!r}.{hint}"


def _wrong(sentence: str) -> int:
    from tui.say import complain, tell

    complain(sentence)
    tell("Try `jobdeck --help`.")
    return 2


def _failed(error: Exception) -> int:
    """Tell a person what happened, in a sentence; what nobody foresaw goes to the log with its traceback."""
    _flushed(0)
    from core.service import Invalid, ServiceError
    from tui.say import complain

    if isinstance(error, ServiceError):
        complain(error)
        return 2 if isinstance(error, Invalid) else 1
    log = _log(error)
    where = f"The details are in {log}." if log else "No log could be written."
    complain(f"Something unforeseen happened: {type(error).__name__}: {error}. {where}")
    return 1


def _log(error: Exception) -> str | None:
    import time
    import traceback

    from core.config import Settings
    from core.service import ServiceError

    try:
        path = Settings.load().log_file
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            file.write(f"{when} {os.getpid()} jobdeck {' '.join(sys.argv[1:2])}\n")
            file.writelines(traceback.format_exception(error))
    except (OSError, ServiceError):
        return None
    return path


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()
    return code


def _silence() -> None:
    """Let nothing more be written to a standard output whose reader has gone."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)


if __name__ == "__main__":
    sys.exit(main())
