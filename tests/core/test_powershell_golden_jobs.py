"""The scripts of the recorded conversations as real jobs: the journal must hold what the complete PowerShell said then.

Every script is run; none needs what the PowerShell of the tests lacks. What differs by nature:

* paths, moments, and what tells of the computer: see `neutral`, `names`, `MACHINE`
* the order of a Hashtable's entries, which .NET shuffles in each process
* the position of a script's own `Write-Error`: the recorded script block showed its own line there, ours the script's
* secrets are hidden
* progress is thinned out: how much of it is on record depends on the time it takes
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.engine.engine import Engine
from core.journal.format import DEBUG, ERROR, INFORMATION, OBJECT, PROGRESS, PROMPT, STDERR, STDOUT, VERBOSE, WARNING
from core.runner.powershell.errors import NATIVE, describe
from core.service import Environment, Job, Record, RunRequest, Status
from tests.core.test_powershell_replay import (
    ANSWERS,
    GOLDEN,
    expected_objects,
    expected_text,
    information,
    plain,
    said,
    to_strings,
)
from tests.powershell import pwsh

SCRIPTS = GOLDEN.with_name("scripts")
NAMESPACE = ' xmlns="http://schemas.microsoft.com/powershell/2004/04"'
#: where the scripts lay when they were recorded
THERE = "/opt/demo"
#: record types of the conversation and the journal's streams for them
STREAMS = {0x41004: OBJECT, 0x41005: ERROR, 0x41007: DEBUG, 0x41008: VERBOSE, 0x41009: WARNING, 0x41011: INFORMATION}
#: status and exit code of those that are not simply completed
ENDS = {
    "envexit": (Status.Failed, 5), "err": (Status.Failed, 1), "exit3": (Status.Failed, 3),
    "exitfn": (Status.Failed, 9), "nested": (Status.Warning, 0), "streams": (Status.Error, 0),
    "syntax": (Status.Failed, 1), "tbl": (Status.Failed, 1), "throw": (Status.Failed, 1),
}  # fmt: skip


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The scripts in a directory of this test's own."""
    return Path(shutil.copytree(SCRIPTS, tmp_path / "demo"))


@pytest.fixture
async def engine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setenv("PATH", f"{os.path.dirname(pwsh())}:{os.environ['PATH']}")
    opened = await Engine.open(settings, "act")
    yield opened
    await opened.close()


class Journal:
    """What a finished job has on record, as if its script had lain where the recorded one did."""

    def __init__(self, records: list[Record], directory: Path) -> None:
        self.records = [(each.stream, each.data.decode().replace(str(directory), THERE)) for each in records]

    def of(self, stream: int) -> list[str]:
        return [data for number, data in self.records if number == stream]

    def values(self, stream: int) -> list[dict[str, Any]]:
        return [json.loads(data) for data in self.of(stream)]

    def messages(self, stream: int) -> list[str]:
        return [re.sub("\x1b\\[[0-9;]*m", "", each["message"]) for each in self.values(stream)]


async def ended(engine: Engine, job: Job, demo: Path) -> tuple[Job, Journal]:
    job = await engine.wait(job.id, 120)
    return job, Journal([each async for each in engine.records(job.id)], demo)


def neutral(document: str) -> Any:
    """A document without what differs by nature: moments, lengths of files; entries of tables in one order."""

    root = ElementTree.fromstring(document.replace(NAMESPACE, ""))
    types = {each.get("RefId"): [kind.text for kind in each] for each in root.iter("TN")}

    def shape(node: ElementTree.Element) -> Any:
        text = (node.text or "").strip()
        if node.tag in ("TN", "TNRef"):
            # where a table comes in another order, another of its values is the first of its type
            return types[node.get("RefId")]
        inner = [shape(each) for each in node]
        if node.tag == "DT" or re.search("Time(String)?$|^(Length|Mode)$", node.get("N", "")):
            text = "*"
        if node.tag == "DCT":
            inner.sort(key=repr)
        return node.tag, node.get("N"), text, inner

    return shape(root)


def names(document: str) -> tuple[list[str | None], set[str | None]]:
    """The types of a document's object, and the names of its properties."""
    root = ElementTree.fromstring(document.replace(NAMESPACE, ""))[0]
    members = {each.get("N") for part in ("Props", "MS") for each in root.findall(f"{part}/*")}
    return [each.text for each in root.findall("TN/T")], members


def is_file(document: str) -> bool:
    """Whether it is a file or directory of the computer."""
    return "<T>System.IO.FileSystemInfo</T>" in document[:600]


def same_objects(found: list[str], wanted: list[str]) -> None:
    """Files of the computer by their types and properties, as many as there are; all others in order, whole."""
    assert [neutral(each) for each in found if not is_file(each)] == [
        neutral(each) for each in wanted if not is_file(each)
    ]
    assert {is_file(each) for each in found} == {is_file(each) for each in wanted}
    if files := [names(each) for each in wanted if is_file(each)]:
        assert all(names(each) in files for each in found if is_file(each))


#: rows that tell of the computer: its files, two of its variables
MACHINE = {
    "noise": re.compile(r"[\w()…]+ +\S"),
    "table": re.compile(r"[-dl]([r-][w-][xsStT-]){3} |host\S* +\d+$"),
}
NOTHING = re.compile("(?!)")


def rows(name: str, text: str) -> list[str]:
    """The lines of a text without widths and what tells of the computer; the entries of tables in one order."""
    found = []
    for line in text.splitlines():
        if not MACHINE.get(name, NOTHING).match(line):
            narrow = re.sub("-{2,}", "-", re.sub(" +", " ", re.sub("\x1b\\[[0-9;]*m", "", line))).strip()
            found.append(re.sub(r"\{(.*)\}", lambda table: " ".join(sorted(re.split(r", (?=\[)", table[1]))), narrow))
    return found


@pytest.mark.parametrize(
    "name",
    ["envexit", "err", "exit3", "exitfn", "many", "mix", "native4", "nested", "noise", "streams", "syntax", "table",
     "tbl", "throw"],
)  # fmt: skip
async def test_a_job_says_what_was_recorded(engine: Engine, demo: Path, name: str) -> None:
    parameters: dict[str, Any] = {"Name": "wörld", "Times": 3} if name == "streams" else {}
    job = await engine.run(RunRequest(path=str(demo / f"{name}.ps1"), parameters=parameters))
    job, journal = await ended(engine, job, demo)
    assert (job.status, job.exit_code) == ENDS.get(name, (Status.Completed, 0)), job.reason
    check(name, journal)
    if name == "syntax":
        assert "Missing condition in if statement" in str(job.reason)


def check(name: str, journal: Journal) -> None:
    """Everything of a job that ran to its end."""
    same_objects(journal.of(OBJECT), expected_objects(name))
    for stream, kind in ((WARNING, 0x41009), (VERBOSE, 0x41008), (DEBUG, 0x41007)):
        assert journal.messages(stream) == to_strings(name, kind)
    assert journal.messages(INFORMATION) == [plain(each) for each in information(name)]
    wanted = [describe(payload) for kind, payload in said(name) if kind == 0x41005]
    wanted += [describe(payload) for kind, payload in said(name) if kind == 0x41006 and b">5</I32>" in payload]
    natives = [each["message"] for each in wanted if each.get("id") in NATIVE]
    same_errors(journal.values(ERROR), [each for each in wanted if each.get("id") not in NATIVE])
    strays = {each: GOLDEN / f"{name}{each}" for each in (".stdout", ".stderr")}
    shown, complained = (path.read_text().splitlines() if path.exists() else [] for path in strays.values())
    printed = "".join(journal.of(STDOUT))
    for line in shown:
        assert f"{line}\n" in printed
        printed = printed.replace(f"{line}\n", "", 1)
    assert rows(name, printed) == rows(name, expected_text(name))
    assert sorted("".join(journal.of(STDERR)).splitlines()) == sorted(natives + complained)
    in_order(name, journal)


def same_errors(found: list[dict[str, Any]], wanted: list[dict[str, str]]) -> None:
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        position = ours.pop("position", "")
        recorded = theirs.pop("position", "")
        assert ours == theirs
        if recorded.startswith("At line:"):
            # the line of the recorded script block itself
            frame = re.search(r"at .*, (.+\.ps1): line (\d+)", theirs["stack"])
            assert frame and position == f"At {frame[1]}:{frame[2]}"
        else:
            assert position == recorded


def in_order(name: str, journal: Journal) -> None:
    """Objects, messages and errors come one after the other as they were recorded."""
    wanted = []
    for kind, payload in said(name):
        if kind in STREAMS and not (kind == 0x41005 and describe(payload).get("id") in NATIVE):
            wanted.append(STREAMS[kind])
        elif kind == 0x41006 and b">5</I32>" in payload:
            wanted.append(ERROR)
    files = [each for each in journal.of(OBJECT) if is_file(each)]
    recorded = [each for each in expected_objects(name) if is_file(each)]
    found = [stream for stream, _data in journal.records if stream in STREAMS.values()]
    if len(files) == len(recorded):
        assert found == wanted


async def test_progress_is_the_recorded_one_thinned_out(engine: Engine, demo: Path) -> None:
    """The inner activity is left when the outer one ends, as on a console."""
    _job, journal = await ended(engine, await engine.run(RunRequest(path=str(demo / "streams.ps1"))), demo)
    told = journal.values(PROGRESS)
    assert told[0] == {
        "activity": "Copying", "status": "file 1 of 4", "current_operation": "part 1", "percent": 25, "seconds": 3
    }  # fmt: skip
    assert told[-1] == {"activity": "Inner", "status": "x", "percent": 50}
    assert all(each["status"] == f"file {each['percent'] // 25} of 4" for each in told[:-1])


async def test_every_prompt_is_put_and_answered_as_recorded(engine: Engine, demo: Path) -> None:
    job = await engine.run(RunRequest(path=str(demo / "prompts.ps1")))
    answers = iter(ANSWERS)
    async for record in engine.records(job.id, streams=frozenset({PROMPT}), follow=True):
        question, answer = next(answers)
        asked = json.loads(record.data)
        assert {name: asked.get(name) for name in question} == question
        await engine.answer(job.id, answer.get("text"), fields=answer.get("fields"))
    assert next(answers, None) is None
    job, journal = await ended(engine, job, demo)
    assert (job.status, job.exit_code) == (Status.Completed, 0)
    hidden = [each.replace("hunter2", "***") for each in expected_objects("prompts")]
    assert journal.of(OBJECT) == hidden
    assert "".join(journal.of(STDOUT)) == expected_text("prompts").replace("hunter2", "***")
    assert journal.of(ERROR) == [] == journal.of(STDERR)


async def asked(engine: Engine, job: Job) -> None:
    async for _record in engine.records(job.id, streams=frozenset({PROMPT}), follow=True):
        return


async def greeted(engine: Engine, job: Job) -> None:
    async for _record in engine.records(job.id, streams=frozenset({INFORMATION}), follow=True):
        return


async def sleeps(engine: Engine, job: Job) -> None:
    """Wait until the script is in its Start-Sleep: it has begun, and no thread of its PowerShell has anything to do."""
    begun = Path(os.environ["JOBDECK_HOME"]) / "begun"
    quiet = 0
    deadline = time.monotonic() + 60
    while quiet < 15:
        assert time.monotonic() < deadline
        pid = (await engine.job(job.id)).process_id
        states = {path.read_text().rpartition(") ")[2][0] for path in Path(f"/proc/{pid}/task").glob("*/stat")}
        quiet = quiet + 1 if begun.exists() and states == {"S"} else 0
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("name", "ready"), [("rh", asked), ("sleep", greeted), ("fin", sleeps)])
async def test_a_cancelled_job_ends_as_the_recorded_one(
    engine: Engine, demo: Path, name: str, ready: Callable[[Engine, Job], Any]
) -> None:
    mark = demo / "mark.ps1"
    mark.write_text("[IO.File]::WriteAllText(\"$env:JOBDECK_STORE/begun\", '')\n")
    await engine.add_environment(
        Environment("Marked", pwsh(), kind="powershell", startup_script=str(mark), found=False)
    )
    job = await engine.run(RunRequest(path=str(demo / f"{name}.ps1"), environment="Marked"))
    await ready(engine, job)
    await engine.cancel(job.id)
    job, journal = await ended(engine, job, demo)
    assert job.status is Status.Canceled
    assert "".join(journal.of(STDOUT)) == expected_text(name)
    assert journal.of(OBJECT) == expected_objects(name)
    assert journal.messages(INFORMATION) == information(name)
    assert journal.of(ERROR) == [] == journal.of(STDERR)


def test_no_script_is_forgotten() -> None:
    """`child` is run by `nested`."""
    here = Path(__file__).read_text()
    for path in SCRIPTS.glob("*.ps1"):
        assert path.stem == "child" or f'"{path.stem}"' in here or f"{path.stem}.ps1" in here
