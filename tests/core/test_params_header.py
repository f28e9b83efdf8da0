"""The comment header: what it declares, and what it says when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.params.read import read_interface
from core.service import Invalid, Parameter

HEADER = """\
#!/usr/bin/env bash
# shellcheck disable=SC2034
# Back up a directory.
# In two lines.
#
# More that is no description.
# @param {file} source What to back up
# @param {integer 1..365} [days=7] How many days
#   to keep
# @param {full|incremental} [mode=full] How
# @param {string[]} [exclude] - Leave out
# @param {integer[]} [sizes=1, 2]
# @param {list of integer} [more]
# @param {switch} [dry_run] Only tell
# @param {secret in environment} token
# @param {password} [pass] "Pass phrase" Unlocks it
# @param plain Text
# @param {number ..2.5} [share=0.5]
# @param {string /[a-z]+/} [tag]
# @param {string} [greeting="Hello, you]"]
# @param {datetime} [since=2026-01-31T18:00]
# @param {a|b}[] broken
# @param $1 documents something else
set -e
# @param {nothing} here is code
"""


def header(text: str) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in read_interface(text.encode(), "command", "x.sh").parameters}


def test_everything_a_header_can_say() -> None:
    found = read_interface(HEADER.replace("# @param {a|b}[] broken\n", "").encode(), "command", "backup.sh")
    assert found.style == "header" and found.declared
    assert found.description == "Back up a directory.\nIn two lines." and found.synopsis == "Back up a directory."
    assert found.parameters == (
        Parameter("source", "file", mandatory=True, help="What to back up"),
        Parameter("days", "integer", default=7, help="How many days to keep", minimum=1, maximum=365),
        Parameter("mode", default="full", choices=("full", "incremental"), help="How"),
        Parameter("exclude", "list", help="Leave out"),
        Parameter("sizes", "list", default=[1, 2], item_type="integer"),
        Parameter("more", "list", item_type="integer"),
        Parameter("dry_run", "switch", help="Only tell"),
        Parameter("token", "secret", mandatory=True, in_environment=True),
        Parameter("pass", "secret", help="Unlocks it", display_name="Pass phrase"),
        Parameter("plain", mandatory=True, help="Text"),
        Parameter("share", "number", default=0.5, maximum=2.5),
        Parameter("tag", pattern="[a-z]+"),
        Parameter("greeting", default="Hello, you]"),
        Parameter("since", "datetime", default="2026-01-31T18:00:00"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "// @param {int} n The number\nconsole.log(1)",
        "-- @param {int} n The number\nprint(1)",
        "#!/usr/bin/env node\n'use strict';\n\n/**\n * Text\n * @param {int} n The number\n */\nfoo()",
        "<?php\n// @param {int} n The number\n",
        "; @param {int} n The number\n",
        "\ufeff#!/bin/sh\r\n# @param {int} n The number\r\n",
        "\n\n##\n## @param {Integer}   n   The number\n##\n",
    ],
)
def test_any_language(text: str) -> None:
    assert header(text) == {"n": Parameter("n", "integer", mandatory=True, help="The number")}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{integr} days", "x.sh, line 2: there is no type 'integr'. Types are string, integer"),
        ("{integer 1-3} days", "x.sh, line 2: '1-3' is not understood"),
        ("{string 1..3} days", "only numbers have a range"),
        ("{string /[/} days", "is not a regular expression"),
        ("{integer 1..3} [days=9]", "the default of days must be a whole number from 1 to 3, not '9'"),
        ("{a|b} [mode=c]", "the default of mode must be one of a, b, not 'c'"),
        ("{a||b} mode", "write the choices as {one|two|three}"),
        ("{secret} [word=hidden]", "may not have its default in the script"),
        ("days=7 How many", "a parameter with a default stands in brackets: [days=7"),
        ("{secret[]} words", "a list of secret cannot be given"),
    ],
)
def test_a_mistake_is_told_with_its_line(line: str, sentence: str) -> None:
    with pytest.raises(Invalid) as raised:
        header(f"#!/bin/sh\n# @param {line}\n")
    assert sentence in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_a_name_may_be_declared_once() -> None:
    with pytest.raises(Invalid, match="'a' is declared twice"):
        header("# @param a\n# @param {int} a\n")


def test_code_ends_the_header() -> None:
    assert header("set -e\n# @param {int} a\n") == {}
    assert read_interface(b"echo hello\n", "command", "x.sh").style == "none"
    assert read_interface(bytes(range(256)) * 50, "command", "x").parameters == ()


def test_a_python_script_may_have_a_header() -> None:
    found = read_interface(b"# @param {int} n The number\nimport sys\nprint(sys.argv)\n", "python", "x.py")
    assert found.style == "header" and found.parameters[0].name == "n"
    # also one that this Python cannot parse
    assert read_interface(b"# @param {int} n\nprint 'two'\n", "python", "x.py").style == "header"


def test_the_examples_say_what_they_ask_for() -> None:
    examples = Path(__file__).parents[2] / "examples"
    styles = {
        path.name: read_interface(path.read_bytes(), "python" if path.suffix == ".py" else "command", path.name)
        for path in examples.iterdir()
        if path.suffix in (".py", ".sh")
    }
    assert {name: found.style for name, found in styles.items()} == {
        "disk-usage.sh": "header",
        "log-digest.py": "main",
        "backup.sh": "header",
        "service-check.py": "argparse",
        "nightly.py": "main",
        "sum.sh": "none",
    }
    assert all(found.parameters and found.description for found in styles.values() if found.style != "none")
