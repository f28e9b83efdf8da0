"""`jobdeck __complete`: the words that the shells' completion offers for one place of the command line.

The shell gives the words before the cursor, the one being typed last; each answer is one line: a word, a tab, and
what it is. Nothing is ever said on standard error: a person is typing.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from core.service import JobQuery, JobService, ServiceError, Status
from tui import connection, say, text
from tui.options import Parser

#: offered for a job: so many of the newest
_JOBS = 100
_SHELLS = ("bash", "zsh", "fish")
#: what the shell itself completes: the scripts look for this word
FILES = "__files__"
DIRECTORIES = "__directories__"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words so far."""
    parser.add_argument("words", nargs=argparse.REMAINDER)


async def run(arguments: argparse.Namespace) -> int:
    """Offer words; a store that cannot be read offers none."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    try:
        offers = await _offers(words or [""])
    except ServiceError:
        return 0
    say.write("".join(f"{text.one_line(word)}\t{text.one_line(about)}\n" for word, about in offers))
    return 0


async def _offers(words: list[str]) -> list[tuple[str, str]]:
    from tui.verbs import verbs

    *before, typed = words
    while before and before[0].startswith("-"):
        option, _, url = before.pop(0).partition("=")
        if option == "--server" and (url or before):
            connection.use(url or before.pop(0))
    if not before:
        globals_ = [("--help", "what there is"), ("--version", "the version"), ("--server", "a jobdeck elsewhere")]
        return [offer for offer in [*verbs().items(), *globals_] if offer[0].startswith(typed)]
    parser = _parser(before[0])
    if parser is None:
        return []
    place = [before[0]]
    taken: list[str] = []
    for word in before[1:]:
        below = _verbs_below(parser).get(word)
        if below is not None and not taken:
            parser, place = below, [*place, word]
        else:
            taken.append(word)
    return [offer for offer in await _place(parser, place, taken, typed) if offer[0].startswith((typed, "__"))]


def _parser(verb: str) -> argparse.ArgumentParser | None:
    from importlib import import_module

    from tui.verbs import verbs

    if verb not in verbs():
        return None
    parser = Parser(prog=f"jobdeck {verb}")
    import_module(f"tui.verbs.{verb}").add_arguments(parser)
    return parser


def _verbs_below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


async def _place(
    parser: argparse.ArgumentParser, place: list[str], taken: list[str], typed: str
) -> list[tuple[str, str]]:
    options = {name: action for action in parser._actions for name in action.option_strings}
    last = options.get(taken[-1]) if taken else None
    if last is not None and last.nargs != 0:
        return await _values(last.dest, last.choices)
    if typed.startswith("-"):
        return [(name, action.help or "") for name, action in options.items() if name.startswith("--")]
    below = _verbs_below(parser)
    if below:
        return [(name, "") for name in below]
    # --status and --stream take several words
    for word in reversed(taken):
        if word in options:
            if options[word].nargs == "+":
                return await _values(options[word].dest, None)
            break
    positional = next((action for action in parser._actions if not action.option_strings), None)
    if positional is None or (positional.nargs != "+" and list(_words(taken, options))):
        return []
    name = "script" if positional.dest == "file" else positional.dest
    if place == ["environments", "change"] or place == ["environments", "remove"]:
        name = "environment"
    return await _values("file" if positional.dest == "file" else name, positional.choices)


def _words(taken: list[str], options: dict[str, argparse.Action]) -> Iterator[str]:
    skip = False
    for word in taken:
        if skip:
            skip = False
        elif word in options:
            skip = options[word].nargs != 0
        elif not word.startswith("-"):
            yield word


@asynccontextmanager
async def _service() -> AsyncIterator[JobService]:
    """The service, for a person who is typing and waits for no server."""
    opened = await connection.connect("look", patience=0.5, told=None)
    try:
        yield opened
    finally:
        await opened.close()


async def _values(name: str, choices: object) -> list[tuple[str, str]]:
    if isinstance(choices, (list, tuple)):
        return [(str(choice), "") for choice in choices]
    if name in ("id", "ids", "before", "parent"):
        async with _service() as engine:
            page = await engine.jobs(JobQuery(take=_JOBS))
        return [("last", "the newest job"), *((str(job.id), f"{job.status.name} {job.script}") for job in page.jobs)]
    if name in ("script", "target"):
        async with _service() as engine:
            found = [(script.name, script.path) for script in await engine.scripts()]
        return [*found, (FILES, "")] if name == "target" else found
    if name == "environment":
        async with _service() as engine:
            return [(item.name, item.version or item.path) for item in await engine.environments()]
    if name == "setting":
        async with _service() as engine:
            return [(setting.name, setting.help) for setting in await engine.settings()]
    if name == "tokens":
        async with _service() as engine:
            return [
                (str(token.id), f"{token.identity} {token.role.value}")
                for token in await engine.tokens()
                if token.revoked is None
            ]
    if name == "tag":
        async with _service() as engine:
            return [(tag, "") for tag in sorted({tag for script in await engine.scripts() for tag in script.tags})]
    if name == "status":
        return [(status.name, "") for status in Status]
    if name == "stream":
        from tui.verbs.output import STREAMS

        return [(stream, "") for stream in STREAMS]
    if name == "shell":
        return [(shell, "") for shell in _SHELLS]
    if name in ("file", "path"):
        return [(FILES, "")]
    if name in ("cwd", "working_directory"):
        return [(DIRECTORIES, "")]
    if name == "order":
        return [("desc", "newest first"), ("asc", "oldest first")]
    if name == "error_action":
        from core.service import ERROR_ACTIONS

        return [(action, "") for action in ERROR_ACTIONS]
    return []
