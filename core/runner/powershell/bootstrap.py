"""The script block that runs a job's script within PowerShell: bootstrap.ps1, as it is sent."""

from __future__ import annotations

import os

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.ps1")


def _load() -> str:
    with open(_PATH, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return "\n".join(line for line in lines if line and not line.startswith("#")) + "\n"


SCRIPT = f". {{\n{_load()}}} @args\n"
#: the same block once more, where the warm-up left it: as it was compiled then
AGAIN = ". ([AppDomain]::CurrentDomain.GetData('jobdeck.run')) @args\n"
#: their lines: what stands at one of them is not the job's doing
LINES = frozenset((SCRIPT + AGAIN).split("\n"))

#: what it puts before a string of the pipeline: a whole CLIXML document follows; a text that the formatter shows too;
#: a text that begins with one of these itself; the text of an object that has no form in XML; the whole CLIXML document
#: of a text with members
DOCUMENT = b"_x0002_"
FORMATTED = b"_x0003_"
LITERAL = b"_x0004_"
UNWRITABLE = b"_x0005_"
NOTED = b"_x0006_"
#: the exit code by which it tells that an error ended the script as a command: one of its parameters, of what it
#: requires, or one that it threw as a cmdlet does
ENDED_BY_ERROR = -(1 << 31)
