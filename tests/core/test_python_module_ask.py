"""Questions for several values or several choices, from `jobdeck.ask` and `jobdeck-job ask`: real jobs, answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.engine.engine import Engine
from core.service import Environment, Feedback, Invalid, Job, RunRequest, Status
from tests.core.channel_server import HELPER, environment
from tests.core.test_child_jobs import ended, output, write
from tests.core.test_python_module import PYTHONS, by_hand

ASKING = """\
import jobdeck, json

login = jobdeck.ask("Log in", caption="To db1", fields=[
    "User",
    {"name": "Port", "type": "integer", "default": 22, "help": "of ssh"},
    {"name": "Word", "type": "secret", "label": "Password", "mandatory": True},
    {"name": "Fast", "type": "switch"},
])
assert type(login) is dict and list(login) == ["User", "Port", "Word", "Fast"], login
print(json.dumps([login["User"], login["Port"], len(login["Word"]), login["Fast"]]))
print(json.dumps(jobdeck.ask("Which?", choices=["&Files", {"label": "&Mail", "help": "yours"}, "&Logs"], multiple=True,
                             default=[0, "Logs"])))
print(json.dumps(jobdeck.ask("Which?", choices=["&Files", "&Mail"], multiple=True)))
print(json.dumps(jobdeck.ask(fields=["Only"])))
for wrong in ({"fields": ["a"], "choices": ["b"]}, {"multiple": True}):
    try:
        jobdeck.ask("?", **wrong)
    except ValueError as problem:
        print(problem)
try:
    jobdeck.ask("?", fields=[{"name": "a", "type": "colour"}])
except jobdeck.JobdeckError as problem:
    print("refused:", problem)
"""
SHELL = """\
jobdeck-job ask "Log in" --caption "To db1" --field User --field Port:integer \\
    --field '{"name": "Word", "type": "secret", "label": "Password", "mandatory": true}'
chosen=$(jobdeck-job ask "Which?" --choice "&Files" --choice "&Mail" --choice "&Logs" --multiple --default "files, l")
echo "$chosen" | tr '\\n' '|'
"""


async def question(engine: Engine, id: int, number: int) -> Feedback:
    """The job's question with this number, once it is asked."""
    while True:
        job = await engine.job(id)
        if job.feedback == number:
            return (await engine.feedback(id))[number - 1]
        assert not job.status.finished, await output(engine, id)
        await engine.wait(id, 0.02)


def parts(asked: Feedback) -> list[tuple[Any, ...]]:
    return [(f.name, f.type, f.mandatory, f.default, f.help, f.label) for f in asked.fields or ()]


async def test_every_python_asks_for_several_values_and_choices(engine: Engine, scripts: Path) -> None:
    path = write(scripts, "asking.py", ASKING)
    for number, python in enumerate(PYTHONS):
        await engine.add_environment(Environment(f"P{number}", python, kind="python", found=False))
        id = (await engine.run(RunRequest(path=path, environment=f"P{number}"))).id
        asked = await question(engine, id, 1)
        assert (asked.message, asked.caption) == ("Log in", "To db1")
        assert parts(asked) == [
            ("User", "string", False, None, "", ""),
            ("Port", "integer", False, "22", "of ssh", ""),
            ("Word", "secret", True, None, "", "Password"),
            ("Fast", "switch", False, None, "", ""),
        ]
        with pytest.raises(Invalid, match="Word needs a value"):
            await engine.answer(id, fields={"User": "é"})
        await engine.answer(id, fields={"User": "é", "Word": "open-sesame", "Fast": "true"})
        asked = await question(engine, id, 2)
        assert asked.multiple and asked.default == "Files, Logs"
        with pytest.raises(Invalid, match="some of"):
            await engine.answer(id, "f, turnips")
        await engine.answer(id, "")
        await question(engine, id, 3)
        await engine.answer(id, "m")
        asked = await question(engine, id, 4)
        assert (asked.message, asked.caption) == ("", "")
        await engine.answer(id, fields={"Only": "one"})
        job = await ended(engine, id)
        said = await output(engine, id)
        assert (job.status, job.exit_code) == (Status.Completed, 0), (python, said)
        assert [json.loads(line) for line in said.splitlines()[:4]] == [
            ["é", "22", 11, "true"],
            ["Files", "Logs"],
            ["Mail"],
            {"Only": "one"},
        ]
        rest = said.splitlines()[4:]
        assert rest[0] == "A question has choices or fields, not both." and "choices" in rest[1], rest
        assert rest[2].startswith("refused: The type of the field a is 'colour'"), rest
        assert "open-sesame" not in said


async def test_the_helper_asks_for_several_values_and_choices(engine: Engine, scripts: Path) -> None:
    id = (await engine.run(RunRequest(path=write(scripts, "asking.sh", SHELL)))).id
    asked = await question(engine, id, 1)
    assert (asked.message, asked.caption) == ("Log in", "To db1")
    assert parts(asked) == [
        ("User", "string", False, None, "", ""),
        ("Port", "integer", False, None, "", ""),
        ("Word", "secret", True, None, "", "Password"),
    ]
    await engine.answer(id, fields={"User": "Ann", "Port": "22", "Word": "geheim"})
    assert (await question(engine, id, 2)).default == "files, l"
    await engine.answer(id, "")
    job: Job = await ended(engine, id)
    said = await output(engine, id)
    assert job.status is Status.Completed, said
    first, second = said.splitlines()
    assert json.loads(first) == {"User": "Ann", "Port": "22", "Word": "***"} and second == "Files|Logs|"


@pytest.mark.parametrize(
    ("call", "stdin", "answer", "told"),
    [
        ("ask('A', fields=['B', 'C'])", "x\ny\n", {"B": "x", "C": "y"}, "A\nB: C: "),
        (
            "ask('A', caption='Top', fields=[{'name': 'N', 'type': 'integer', 'default': 7, 'help': 'how many'}])",
            "many\n\n",
            {"N": "7"},
            "Top\nA\nN [how many] (7): N must be a whole number.\n",
        ),
        ("ask(fields=[{'name': 'N', 'mandatory': True}])", "\n1\n", {"N": "1"}, "N: N needs a value.\nN: "),
        ("ask(fields=[{'name': 'N', 'type': 'number'}])", "inf\n1e3\n", {"N": "1e3"}, "N must be a number."),
        ("ask(fields=[{'name': 'N', 'type': 'switch'}])", "perhaps\nno\n", {"N": "no"}, "N must be true or false."),
        ("ask(fields=[{'name': 'N', 'type': 'object'}])", "{\n[1]\n", {"N": "[1]"}, "N must be JSON."),
        (
            "ask('A', choices=['&B', '&C'], multiple=True)",
            "x, b\nc,b,c\n",
            ["B", "C"],
            "some of, separated by commas: B",
        ),
        ("ask('A', choices=['&B', '&C'], multiple=True, default=[1])", "\n", ["C"], "A [B (B), C (C)] (C): "),
        ("ask('A', choices=['B', 'C, D'], multiple=True)", "c, d\n", ["C, D"], ""),
    ],
)
def test_by_hand_it_asks_for_each(tmp_path: Path, call: str, stdin: str, answer: Any, told: str) -> None:
    done = by_hand(tmp_path, f"import jobdeck, json\nprint(json.dumps(jobdeck.{call}))", stdin)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == answer and told in done.stderr


@pytest.mark.parametrize(
    ("words", "stdin", "code", "out", "told"),
    [
        (["A", "--field", "B", "--field=C:integer"], "x\n5\n", 0, '{"B": "x", "C": "5"}\n', "A\nB: C: "),
        (["A", "--choice", "&B", "--choice", "&C", "--multiple"], "b,c\n", 0, "B\nC\n", ""),
        (["A", "--choice", "&B", "--choice", "&C", "--multiple"], " , \n", 0, "", ""),
        (["A", "--multiple"], "", 2, "", "--multiple needs choices"),
        (["A", "--field", "B", "--choice", "C"], "", 2, "", "not both"),
        (["A", "--field", "{B"], "", 2, "", "This field is no JSON object: {B"),
    ],
)
def test_the_helper_by_hand(words: list[str], stdin: str, code: int, out: str, told: str) -> None:
    variables = environment(None)
    done = subprocess.run(
        [sys.executable, f"{HELPER.parent}/jobdeck_job.py", "ask", *words],
        input=stdin, capture_output=True, text=True, env=variables, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, out) and told in done.stderr
