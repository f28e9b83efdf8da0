"""Given values against parameters, and on to arguments and variables."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from core.params.check import check
from core.params.command import LONGEST_ARGUMENT, positional, to_text, variables
from core.service import Invalid, Parameter


def one(parameter: Parameter, given: Any) -> Any:
    return check([parameter], {parameter.name: given}, declared=True, script="x.sh")[parameter.name]


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        (Parameter("a"), "text", "text"),
        (Parameter("a"), "", ""),
        (Parameter("a"), 5, "5"),
        (Parameter("a", pattern="[a-z]+"), "abc", "abc"),
        (Parameter("a", choices=("Yes", "No")), "yes", "Yes"),
        (Parameter("a", "integer"), " 007 ", 7),
        (Parameter("a", "integer", choices=("1", "2")), "2", 2),
        (Parameter("a", "integer"), 3.0, 3),
        (Parameter("a", "integer", minimum=1, maximum=3), "3", 3),
        (Parameter("a", "number"), "3", 3),
        (Parameter("a", "number"), "-.5e1", -5.0),
        (Parameter("a", "boolean"), "Yes", True),
        (Parameter("a", "switch"), True, True),
        (Parameter("a", "switch"), "0", False),
        (Parameter("a", "list"), ["x", "y"], ["x", "y"]),
        (Parameter("a", "list"), "x", ["x"]),
        (Parameter("a", "list"), "x,y", ["x,y"]),
        (Parameter("a", "list"), '["x", "y"]', ["x", "y"]),
        (Parameter("a", "list"), "[x", ["[x"]),
        (Parameter("a", "list", item_type="integer"), ["1", 2], [1, 2]),
        (Parameter("a", "list", choices=("x", "y")), ["X"], ["x"]),
        (Parameter("a", "date"), "2026-01-31", "2026-01-31"),
        (Parameter("a", "datetime"), "2026-01-31 18:00", "2026-01-31T18:00:00"),
        (Parameter("a", "file"), "/nowhere", "/nowhere"),
        (Parameter("a", "secret"), "sesam", "sesam"),
        (Parameter("a", "credential"), "ada:se:sam", {"username": "ada", "password": "se:sam"}),
        (Parameter("a", "object"), '{"x": [1]}', {"x": [1]}),
        (Parameter("a", "object"), {"x": 1}, {"x": 1}),
    ],
)
def test_values(parameter: Parameter, given: Any, value: Any) -> None:
    found = one(parameter, given)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("parameter", "given", "sentence"),
    [
        (Parameter("a", "integer"), "x", "x.sh: a must be a whole number, not 'x'."),
        (Parameter("a", "integer"), "1.5", "x.sh: a must be a whole number, not '1.5'."),
        (Parameter("a", "integer"), 1.5, "x.sh: a must be a whole number, not '1.5'."),
        (Parameter("a", "integer"), True, "x.sh: a needs a value: a=…."),
        (Parameter("a"), True, "x.sh: a needs a value: a=…."),
        (Parameter("a", "integer", minimum=1, maximum=9), "10", "must be a whole number from 1 to 9, not '10'"),
        (
            Parameter("a", "integer", maximum=1234567),
            "2000000",
            "must be a whole number of at most 1234567, not '2000000'",
        ),
        (Parameter("a", "number", minimum=0.5), "0", "must be a number of at least 0.5, not '0'"),
        (Parameter("a", "number", minimum=1), "0.5", "must be a number of at least 1, not '0.5'"),
        (Parameter("a", "number", maximum=1), "2", "must be a number of at most 1, not '2'"),
        (Parameter("a", "number"), "nan", "must be a number, not 'nan'"),
        (Parameter("a", "number"), float("inf"), "must be a number"),
        (Parameter("a", "integer"), "1" * 5000, "must be a whole number"),
        (Parameter("a", "boolean"), "maybe", "must be true or false, not 'maybe'"),
        (Parameter("a", choices=("x", "y")), "z", "must be one of x, y, not 'z'"),
        (Parameter("a", "list", item_type="integer"), ["1", "x"], "must be a whole number, not 'x'"),
        (Parameter("a"), ["1", "2"], "takes one value, 2 were given"),
        (Parameter("a"), {"x": 1}, "must be text"),
        (Parameter("a"), "x\0y", "NUL"),
        (Parameter("a", pattern="[a-z]+"), "ab1", "must match /[a-z]+/, not 'ab1'"),
        (Parameter("a", "date"), "31.1.2026", "must be a date like 2026-01-31, not '31.1.2026'"),
        (Parameter("a", "datetime"), "now", "must be a date and time like"),
        (Parameter("a", "object"), "{x", "must be JSON, not '{x'"),
        (Parameter("a", "credential"), "ada", "must be a user name and a password"),
        (Parameter("a", "file"), "", "must be the path of a file"),
        (Parameter("a", "integer"), "\x1b[31mred\n", r"not '\x1b[31mred\n'"),
        (Parameter("a", "integer"), "x" * 500, "…'"),
    ],
)
def test_refused_values(parameter: Parameter, given: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as raised:
        one(parameter, given)
    text = str(raised.value)
    assert sentence in text and len(text) < 250 and "\x1b" not in text


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter("a", "secret", pattern="[a-z]+"),
        Parameter("a", "secret", choices=("x",)),
        Parameter("a", "credential"),
    ],
)
def test_a_refused_secret_is_not_shown(parameter: Parameter) -> None:
    with pytest.raises(Invalid) as raised:
        one(parameter, "SESAM5")
    assert "SESAM" not in str(raised.value)


PARAMETERS = [
    Parameter("path", "file", mandatory=True, help="Where to look.\nMore."),
    Parameter("days", "integer", default=7, minimum=1),
    Parameter("dry_run", "switch"),
]


def test_defaults_order_and_near_names() -> None:
    values = check(PARAMETERS, {"DAYS": "3", "Path": "/x"}, declared=True, script="x.sh")
    assert list(values.items()) == [("path", "/x"), ("days", 3)]
    assert check(PARAMETERS, {"path": "/x", "dry-run": True}, declared=True, script="x.sh")["dry_run"] is True
    assert check(PARAMETERS, {"path": "/x", "days": None}, declared=True, script="x.sh") == {"path": "/x", "days": 7}


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(Invalid) as raised:
        check(PARAMETERS, {"pth": "/x", "days": "0"}, declared=True, script="backup.sh")
    assert str(raised.value) == (
        "backup.sh has no parameter 'pth'. It takes: path, days, dry_run. Did you mean 'path'?"
        " backup.sh needs path (Where to look): a path."
        " backup.sh: days must be a whole number of at least 1, not '0'."
    )


def test_undeclared_names() -> None:
    assert check([], {"b": "1", "a": True, "c": ["x"]}, declared=False, script="x") == {"b": "1", "a": True, "c": ["x"]}
    with pytest.raises(Invalid, match="x takes no parameters, 'b' was given"):
        check([], {"b": "1"}, declared=True, script="x")
    with pytest.raises(Invalid, match="not a name"):
        check([], {"": "1"}, declared=False, script="x")


def test_the_same_parameter_twice() -> None:
    for given in ({"days": "1", "DAYS": "2"}, {"DAYS": "2", "days": "1"}):
        with pytest.raises(Invalid, match="'days' and 'DAYS' are the same parameter"):
            check(PARAMETERS, {"path": "/x", **given}, declared=True, script="x.sh")


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({}, []),
        ({"a": "x"}, ["x"]),
        ({"c": [1, "ü"]}, ["", "", "", '[1,"ü"]']),
        ({"a": "", "b": True}, ["", "true"]),
        ({"secret": "sesam"}, []),
        ({"secret": "sesam", "c": ["x"]}, ["", "", "", '["x"]']),
        ({"other": "x"}, ["", "", "", "", "x"]),
    ],
)
def test_positional(values: dict[str, Any], arguments: list[str]) -> None:
    parameters = [Parameter("a"), Parameter("b", "switch"), Parameter("secret", "secret"), Parameter("c", "list")]
    assert positional(parameters, values) == arguments


def test_undeclared_values_keep_their_order() -> None:
    assert positional([], {"b": "1", "a": True, "c": None, "d": 2.5}) == ["1", "true", "", "2.5"]


def test_the_longest_argument_is_the_kernels() -> None:
    longest = "x" * (LONGEST_ARGUMENT - 1)
    [argument] = positional([], {"a": longest})
    assert subprocess.run(["/bin/true", argument], check=False).returncode == 0
    assert subprocess.run(["/bin/true"], env={"a": longest[2:]}, check=False).returncode == 0
    assert variables({"a": longest[2:]}, []) == {"a": longest[2:]}
    assert variables({"a": longest}, []) == {}
    with pytest.raises(Invalid, match="a has 131072 bytes; a command line takes at most 131071"):
        positional([], {"a": longest + "x"})
    with pytest.raises(OSError):
        subprocess.run(["/bin/true", longest + "x"], check=False)


def test_variables() -> None:
    parameters = [
        Parameter("a", "list"),
        Parameter("hidden", "secret"),
        Parameter("shown", "secret", in_environment=True),
        Parameter("login", "credential"),
    ]
    values = {
        "a": ["x"],
        "hidden": "1",
        "shown": "2",
        "login": {"username": "u", "password": "p"},
        "path": "/x",
        "n": None,
    }
    assert variables(values, parameters) == {"a": '["x"]', "shown": "2", "path": "/x"}


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LD_PRELOAD", "BASH_ENV", "ENV", "IFS", "PYTHONPATH", "NODE_OPTIONS", "PERL5OPT", "RUBYOPT",
     "SHELL", "USER", "JOBDECK_CHANNEL", "LC_ALL", "BASH_FUNC_ls%%", "DYLD_INSERT_LIBRARIES", "GIT_SSH"],
)  # fmt: skip
def test_names_that_change_programs_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be called"):
        variables({name: "x"}, [])
    with pytest.raises(Invalid, match="cannot be called"):
        variables({name: "x"}, [Parameter(name, "secret")])


@pytest.mark.parametrize("name", ["a=b", "", "a\0"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="is not a name for a parameter"):
        variables({name: "x"}, [])


def test_text() -> None:
    given = ["x", 1, 1.5, True, False, None, ["ü"], {"a": 1}]
    assert [to_text(value) for value in given] == ["x", "1", "1.5", "true", "false", "", '["ü"]', '{"a":1}']
