"""One command per file, for shells and pipes.

Every module here has `add_arguments(parser)` and `async run(arguments) -> int`, which gives the exit code and may
raise `ServiceError`. Its line of help stands here, so that `jobdeck --help` imports none of them.
"""

from __future__ import annotations

#: title of a group -> verb -> one line of help
GROUPS: dict[str, dict[str, str]] = {
    "Run": {
        "run": "run a file or a script as a job and follow it",
        "attach": "follow a job and answer its questions, as run does",
        "answer": "answer the question that a job waits with",
        "cancel": "end jobs, with everything they started",
        "rerun": "run jobs again with the same parameters",
        "wait": "wait until jobs have ended",
    },
    "Look": {
        "jobs": "list jobs, newest first",
        "job": "everything about one job",
        "output": "the output of a job",
        "objects": "the objects a job sent down the pipeline",
        "errors": "the records of a job's error stream",
        "status": "where the data, the log and the leader are",
        "audit": "who did what",
    },
    "Set up": {
        "scripts": "add, list, show, change and remove scripts",
        "environments": "add, list, change and remove what runs scripts",
        "delete": "remove finished jobs with all their records",
        "groom": "remove finished jobs that were kept long enough, now",
        "rebuild": "make the database again from the jobs' directories",
        "settings": "what is in force, and changing it",
        "token": "grant, list and revoke keys to a server",
        "serve": "answer over REST, for programs and other computers",
        "login": "keep the app token of a server, for --server",
        "logout": "let go of the token of a server",
        "completion": "the completion script for bash, zsh or fish",
    },
}
#: verbs that programs use and people need not see
HIDDEN = {"__complete": "words for the shells' completion"}


def verbs() -> dict[str, str]:
    """Every verb that people see, with its line of help, in the order of the help."""
    return {name: line for group in GROUPS.values() for name, line in group.items()}
