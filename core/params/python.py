"""What a Python script asks for: its `main` function or its argparse, read from the syntax tree, never executed."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from core.params.annotations import Names, describe
from core.params.docstring import parameter_help
from core.params.interface import Interface
from core.service import Parameter

FUNCTION = "main"
#: names by which a lone parameter of main stands for the whole command line
_ARGV = frozenset({"argv", "args", "sys_argv", "arguments", "cli_args", "cmdline"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_python(content: bytes) -> Interface:
    """The interface of a Python script; style "none" also for what cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Interface()
    description = (ast.get_docstring(tree) or "").strip()
    if _uses_argparse(tree):
        from core.params.argparse_calls import read_argparse

        return read_argparse(tree, description)
    main = next((node for node in reversed(tree.body) if isinstance(node, _Function) and node.name == FUNCTION), None)
    if main is None or main.decorator_list:
        return Interface(description=description)
    guards = [node for node in tree.body if isinstance(node, ast.If) and _is_guard(node.test)]
    calls = [call for guard in guards for statement in guard.body for call in _calls(statement)]
    others = [node for node in tree.body if node not in guards]
    if any(_calls_main(call) for node in others for call in _calls(node)):
        return Interface(description=description)
    if guards and not any(_calls_main(call) for call in calls):
        return Interface(description=description)
    takes_argv = _takes_argv(main, calls)
    has_parameters = not takes_argv and bool(_arguments(main))
    if guards and not has_parameters:
        return Interface(description=description)
    doc = ast.get_docstring(main) or ""
    parameters, takes_any = ((), False) if takes_argv else _parameters(main, doc, Names(tree))
    return Interface(
        parameters=parameters,
        description=description or _first_paragraph(doc),
        style="main",
        function=FUNCTION,
        exit_from_return=any(_exits_from_main(guard) for guard in guards),
        open=takes_any,
    )


def _arguments(main: _Function) -> list[ast.arg]:
    a = main.args
    every = [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]
    return [argument for argument in every if argument is not None]


def _parameters(main: _Function, doc: str, names: Names) -> tuple[tuple[Parameter, ...], bool]:
    helps = parameter_help(doc)
    a = main.args
    placed = [*a.posonlyargs, *a.args]
    missing = len(placed) - len(a.defaults)
    defaults: list[ast.expr | None] = [*([None] * missing), *a.defaults]
    found = [
        describe(argument.arg, argument.annotation, default, helps.get(argument.arg, ""), names)
        for argument, default in zip(placed, defaults, strict=True)
    ]
    if a.vararg is not None:
        rest = describe(a.vararg.arg, a.vararg.annotation, None, helps.get(a.vararg.arg, ""), names)
        item = "string" if rest.type == "list" else rest.type
        found.append(Parameter(rest.name, "list", choices=rest.choices, help=rest.help, item_type=item))
    found += [
        describe(argument.arg, argument.annotation, default, helps.get(argument.arg, ""), names)
        for argument, default in zip(a.kwonlyargs, a.kw_defaults, strict=True)
    ]
    return tuple(found), a.kwarg is not None


def _takes_argv(main: _Function, calls: list[ast.Call]) -> bool:
    """Whether main's only parameter is the command line: `main(argv=None)`, `main(sys.argv[1:])`."""
    arguments = _arguments(main)
    if len(arguments) != 1 or main.args.kwarg is not None or main.args.vararg is not None:
        return False
    if any(_calls_main(call) and any(_is_argv(value) for value in call.args) for call in calls):
        return True
    default = [*main.args.defaults, *main.args.kw_defaults]
    none = bool(default) and isinstance(default[0], ast.Constant) and default[0].value is None
    return arguments[0].arg in _ARGV and (none or (bool(default) and _is_argv(default[0])))


def _is_argv(node: ast.expr | None) -> bool:
    """`sys.argv`, `argv`, and slices of them."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        node = node.value
    return (isinstance(node, ast.Attribute) and node.attr == "argv") or (
        isinstance(node, ast.Name) and node.id == "argv"
    )


def _is_guard(test: ast.expr) -> bool:
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            sides = (node.left, node.comparators[0])
            names = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
            if names and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides):
                return True
    return False


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that happen when the statement runs: not those inside functions and classes it defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _calls_main(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == FUNCTION


def _holds_main(node: ast.AST) -> bool:
    return any(_calls_main(call) for call in _calls(node))


def _exits_from_main(guard: ast.If) -> bool:
    """`sys.exit(main())`, `raise SystemExit(main())`, and the same by way of a variable."""
    carriers: set[str] = set()
    for statement in guard.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and _holds_main(node.value):
                carriers.update(target.id for target in node.targets if isinstance(target, ast.Name))
            if not isinstance(node, ast.Call) or not node.args or _calls_main(node):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in ("exit", "_exit", "quit", "SystemExit"):
                continue
            argument = node.args[0]
            carried = any(isinstance(inner, ast.Name) and inner.id in carriers for inner in ast.walk(argument))
            if _holds_main(argument) or carried:
                return True
    return False


def _uses_argparse(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("ArgumentParser", "parse_args", "parse_known_args") and _imports_argparse(tree):
                return True
    return False


def _imports_argparse(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == "argparse" for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "argparse":
            return True
    return False


def _first_paragraph(doc: str) -> str:
    return " ".join(line.strip() for line in doc.strip().partition("\n\n")[0].splitlines())
