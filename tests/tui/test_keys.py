"""The table of keys: complete, without contradictions, and true."""

from __future__ import annotations

import inspect
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.widget import Widget

from tui.keys import BY_ID, KEYS, TITLES, bindings, markdown

_ROOT = Path(__file__).parents[2]


def _classes() -> list[type[Any]]:
    found: list[type[Any]] = []
    for path in [*(_ROOT / "tui" / "screens").glob("*.py"), *(_ROOT / "tui" / "widgets").glob("*.py")]:
        name = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
        module = import_module(name)
        found += [
            kind for kind in vars(module).values()
            if inspect.isclass(kind) and issubclass(kind, Widget) and kind.__module__ == name
        ]  # fmt: skip
    from tui.app import JobdeckApp

    return [*found, JobdeckApp]


def test_every_id_is_there_once_and_has_a_title() -> None:
    assert not [id for id, number in Counter(key.id for key in KEYS).items() if number > 1]
    assert {key.group for key in KEYS} <= set(TITLES)
    assert all(key.label and key.help and not key.help.endswith(".") for key in KEYS)


def test_every_key_does_something() -> None:
    """Somebody binds each key of the table, and has the action it names."""
    bound: set[str] = set()
    for kind in _classes():
        for binding in kind.__dict__.get("BINDINGS", ()):
            id = getattr(binding, "id", None)
            assert id is None or id in BY_ID, f"{kind.__name__} binds {id}, which is not in the table"
            if id is None:
                continue
            action = binding.action.partition("(")[0].rpartition(".")[2]
            if "." not in binding.action:
                assert hasattr(kind, f"action_{action}"), f"{kind.__name__} has no action_{action} for {id}"
            bound.add(id)
    assert bound == set(BY_ID), f"nobody binds {set(BY_ID) - bound}"


def test_screens_bind_nothing_beside_the_table() -> None:
    # A screen that asks for a key, and one that shows a token, know ways out that nobody can take away.
    screens = [
        kind for kind in _classes() if issubclass(kind, Screen) and kind.__name__ not in ("KeyScreen", "GrantedScreen")
    ]
    for kind in screens:
        for binding in kind.__dict__.get("BINDINGS", ()):
            assert getattr(binding, "id", None) in BY_ID, f"{kind.__name__} binds {binding}"


@pytest.mark.parametrize("group", sorted(TITLES))
def test_no_key_means_two_things_in_one_group(group: str) -> None:
    keys = Counter(key for row in KEYS if row.group == group for key in row.keys.split(","))
    assert not [key for key, number in keys.items() if number > 1]


@pytest.mark.parametrize("key", [key for row in KEYS for key in row.keys.split(",")])
def test_no_key_that_a_terminal_cannot_tell_from_another(key: str) -> None:
    # ctrl+j is what ctrl+enter is to most terminals; it is bound beside it, never to something else.
    assert key not in {"ctrl+i", "ctrl+m", "ctrl+h", "ctrl+left_square_bracket", "ctrl+space", "ctrl+a", "ctrl+b"}
    assert not key.startswith("alt+")


def test_an_unknown_group_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        bindings("nowhere")


def test_the_documentation_is_the_table() -> None:
    """`python -m tui.keys > docs/keys.md` writes it."""
    assert (_ROOT / "docs" / "keys.md").read_text() == markdown()
