"""What is read from Python: main, its annotations and docstring; argparse."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from core.params.check import check
from core.params.command import argparse_arguments
from core.params.interface import Interface, Option
from core.params.read import read_interface
from core.service import Parameter


def read(text: str) -> Interface:
    return read_interface(textwrap.dedent(text).encode(), "python", "x.py")


def main(signature: str, before: str = "", doc: str = "") -> dict[str, Parameter]:
    found = read(f"{before}\ndef main({signature}):\n    '''{doc}'''\n")
    assert found.style == "main"
    return {parameter.name: parameter for parameter in found.parameters}


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("a: str", Parameter("a", mandatory=True)),
        ("a: int = 3", Parameter("a", "integer", default=3)),
        ("a: int = -3", Parameter("a", "integer", default=-3)),
        ("a: float = 60 * 60", Parameter("a", "number", default=3600)),
        ("a: bool = False", Parameter("a", "switch", default=False)),
        ("a: bool = True", Parameter("a", "boolean", default=True)),
        ("a: bool", Parameter("a", "boolean", mandatory=True)),
        ("a=5", Parameter("a", "integer", default=5)),
        ("a=False", Parameter("a", "switch", default=False)),
        ("a=(1, 2)", Parameter("a", "list", default=[1, 2], item_type="integer")),
        ("a", Parameter("a", mandatory=True)),
        ("a: list[int]", Parameter("a", "list", mandatory=True, item_type="integer")),
        ("a: 'List[str]' = None", Parameter("a", "list")),
        ("a: Sequence[Path] = ()", Parameter("a", "list", default=[], item_type="file")),
        ("a: Optional[int]", Parameter("a", "integer")),
        ("a: int | None = None", Parameter("a", "integer")),
        ("a: Union[int, float]", Parameter("a", "number", mandatory=True)),
        ("a: Literal['x', 'y'] = 'x'", Parameter("a", default="x", choices=("x", "y"))),
        ("a: Literal[1, 2]", Parameter("a", "integer", mandatory=True, choices=("1", "2"))),
        ("a: list[Literal['x', 'y']]", Parameter("a", "list", mandatory=True, choices=("x", "y"))),
        ("a: Annotated[int, 'how many'] = 1", Parameter("a", "integer", default=1, help="how many")),
        ("a: date", Parameter("a", "date", mandatory=True)),
        ("a: datetime.datetime", Parameter("a", "datetime", mandatory=True)),
        ("a: Path = Path('/x')", Parameter("a", "file", default="/x")),
        ("a: dict[str, int]", Parameter("a", "object", mandatory=True)),
        ("a: jobdeck.Secret", Parameter("a", "secret", mandatory=True)),
        ("a: int = compute()", Parameter("a", "integer")),
        ("a: float = float('nan')", Parameter("a", "number")),
        ("a: int = 10 ** 10 ** 10", Parameter("a", "integer")),
        ("*a: int", Parameter("a", "list", item_type="integer")),
        ("*, a: str", Parameter("a", mandatory=True)),
        ("a: Unknown", Parameter("a", mandatory=True)),
    ],
)
def test_annotations_and_defaults(signature: str, expected: Parameter) -> None:
    assert main(signature) == {"a": expected}


def test_enumerations_constants_and_aliases() -> None:
    before = textwrap.dedent("""
        class Color(enum.Enum):
            RED = 1
            BLUE = 2
        class Mode(str, Enum):
            FULL = "full"
            PART = "part"
        Level = Literal["low", "high"]
        LIMIT = 9
    """)
    found = main(
        "c: Color = Color.BLUE, m: Mode = Mode.FULL, n=Mode.PART.value, l: Level = 'low', k: int = LIMIT", before
    )
    assert found["c"] == Parameter("c", default="BLUE", choices=("RED", "BLUE"))
    assert found["m"] == Parameter("m", default="full", choices=("full", "part"))
    assert found["n"].default == "part"
    assert found["l"].choices == ("low", "high")
    assert found["k"].default == 9


@pytest.mark.parametrize(
    "doc",
    [
        "Do.\n\n    Args:\n        a: the first\n            of all\n        b (int, optional): second: two\n\n"
        "    Returns:\n        c: no",
        "Do.\n\n    Parameters\n    ----------\n    a : str\n        the first\n        of all\n"
        "    b : int\n        second: two\n\n"
        "    Returns\n    -------\n    c : int\n        no",
        "Do.\n\n    :param a: the first\n        of all\n    :param int b: second: two\n    :returns: no",
    ],
)
def test_docstrings(doc: str) -> None:
    found = main("a, b=1", doc=doc)
    assert (found["a"].help, found["b"].help) == ("the first of all", "second: two")


GUARD = "if __name__ == '__main__':\n    "


@pytest.mark.parametrize(
    ("text", "style", "exits"),
    [
        ("def main(a): pass", "main", False),
        ("def main(a): pass\n" + GUARD + "main(1)", "main", False),
        ("def main(a): pass\n" + GUARD + "sys.exit(main(1))", "main", True),
        ("def main(a): pass\n" + GUARD + "raise SystemExit(main(1))", "main", True),
        ("def main(a): pass\n" + GUARD + "code = main(1)\n    sys.exit(code)", "main", True),
        ("def main(a): pass\n" + GUARD + "main(1)\n    sys.exit(0)", "main", False),
        ("async def main(a): pass\n" + GUARD + "sys.exit(asyncio.run(main(1)))", "main", True),
        ("def main(a): pass\nif '__main__' == __name__:\n    main(sys.argv[1])", "main", False),
        ("def main(): pass", "main", False),
        ("def main(): pass\n" + GUARD + "main()", "none", False),
        ("def main(): pass\nmain()", "none", False),
        ("def main(a): pass\nmain(1)", "none", False),
        ("def main(a): pass\ntry:\n    asyncio.run(main(1))\nfinally:\n    pass", "none", False),
        ("def main(a): pass\ndef other(): main(1)", "main", False),
        ("def main(argv=None): pass\n" + GUARD + "main()", "none", False),
        ("def main(argv): pass\n" + GUARD + "sys.exit(main(sys.argv[1:]))", "none", False),
        ("def main(paths): pass\n" + GUARD + "main(sys.argv)", "none", False),
        ("def main(a): pass\n" + GUARD + "typer.run(main)", "none", False),
        ("def main(a): pass\n" + GUARD + "cli()", "none", False),
        ("@click.command()\ndef main(a): pass\n" + GUARD + "main()", "none", False),
        ("class A:\n    def main(self, a): pass", "none", False),
        ("def main(a: pass", "none", False),
        ("print 'two'", "none", False),
        ("x = 1\0", "none", False),
        ("", "none", False),
        ("import argparse\ndef main(a): pass\nargparse.ArgumentParser().parse_args()", "argparse", False),
        ("# import argparse\ndef main(a): 'ArgumentParser'", "main", False),
    ],
)
def test_what_is_called(text: str, style: str, exits: bool) -> None:
    found = read(text)
    assert (found.style, found.exit_from_return) == (style, exits)


def test_names_beyond_the_declared() -> None:
    assert read("def main(a, **more): pass").declared is False
    assert read("def main(a): pass").declared is True
    assert read("def main(): pass").declared is True
    assert read("print(1)").declared is False


def test_deep_and_strange_source_is_no_crash() -> None:
    assert read("x = " + "(" * 5000 + ")" * 5000).style == "none"
    assert read("x = " + "-" * 50000 + "1").style == "none"
    assert read(r"x = '\d'" + "\ndef main(a): pass").style == "main"


ARGPARSE = """
    import argparse, json, sys
    from pathlib import Path
    parser = argparse.ArgumentParser(description="Do it.")
    parser.add_argument("source", help="what to read")
    parser.add_argument("target", nargs="?", default="out")
    parser.add_argument("-d", "--days", type=int, default=7, choices=range(1, 31), help="days (%(default)s)")
    parser.add_argument("--mode", choices=["full", "part"], required=True)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--no-cache", dest="cache", action="store_false")
    parser.add_argument("--quiet", action="store_false")
    parser.add_argument("-v", action="count", default=0)
    parser.add_argument("--tag", action="append", default=["x"])
    parser.add_argument("--size", type=float, nargs="+")
    parser.add_argument("--color", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("-o", dest="output", type=Path)
    parser.add_argument("--version", action="version", version="1")
    print(json.dumps(vars(parser.parse_args()), default=str))
"""


def test_argparse_is_read() -> None:
    found = read(ARGPARSE)
    assert (found.style, found.open, found.description) == ("argparse", False, "Do it.")
    assert found.parameters == (
        Option("source", mandatory=True, help="what to read"),
        Option("target", default="out", nargs="?"),
        Option("days", "integer", default=7, help="days (7)", minimum=1, maximum=30, flag="--days"),
        Option("mode", mandatory=True, choices=("full", "part"), flag="--mode"),
        Option("dry_run", "switch", default=False, flag="--dry-run", action="flag"),
        Option("cache", "boolean", default=True, flag="--no-cache", action="flag"),
        Option("quiet", "switch", default=False, flag="--quiet", action="flag"),
        Option("v", "integer", default=0, minimum=0, flag="-v", action="count"),
        Option("tag", "list", default=["x"], flag="--tag", action="append"),
        Option("size", "list", item_type="number", flag="--size", nargs="+"),
        Option("color", "boolean", default=True, flag="--color", action="boolean"),
        Option("output", "file", flag="-o"),
    )


@pytest.mark.parametrize(
    ("given", "different"),
    [
        ({}, {}),
        ({"target": "-t"}, {"target": "-t"}),
        ({"source": "--days"}, {"source": "--days"}),
        ({"days": "9", "mode": "PART"}, {"days": 9, "mode": "part"}),
        ({"dry_run": True, "quiet": "yes"}, {"dry_run": True, "quiet": False}),
        ({"cache": "false"}, {"cache": False}),
        ({"v": "2"}, {"v": 2}),
        ({"tag": ["a", "-b"]}, {"tag": ["x", "a", "-b"]}),
        ({"size": ["1.5", "-2"]}, {"size": [1.5, -2.0]}),
        ({"color": "no"}, {"color": False}),
        ({"output": "-x"}, {"output": "-x"}),
        ({"output": "a b"}, {"output": "a b"}),
    ],
)
def test_argparse_gets_what_was_given(tmp_path: Path, given: dict[str, Any], different: dict[str, Any]) -> None:
    """The script itself says what it understood."""
    script = tmp_path / "x.py"
    script.write_text(textwrap.dedent(ARGPARSE))
    found = read(ARGPARSE)
    values = check(found.parameters, {"source": "in", "mode": "full"} | given, declared=found.declared, script="x.py")
    done = subprocess.run(
        [sys.executable, str(script), *argparse_arguments(found.parameters, values)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "source": "in", "target": "out", "days": 7, "mode": "full", "dry_run": False, "cache": True, "quiet": True,
        "v": 0, "tag": ["x"], "size": None, "color": True, "output": None,
    } | different  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        "sub = parser.add_subparsers()",
        "for name in NAMES: parser.add_argument(name)",
        "parser.add_argument(NAME)",
        "parser.add_argument('--x', **more)",
        "parser.add_argument('--x', action=Own)",
        "parser.parse_known_args()",
    ],
)
def test_argparse_that_cannot_be_read_as_a_whole_is_open(more: str) -> None:
    found = read(
        f"import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--a')\n{more}\nparser.parse_args()"
    )
    assert (found.style, found.declared) == ("argparse", False)
    assert argparse_arguments(found.parameters, {"other_name": "-1", "flag": True}) == ["--other-name=-1", "--flag"]
