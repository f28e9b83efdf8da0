"""Run a Python script as a job: `python jobdeck_main.py SCRIPTPATH [argv…]`.

The script sees itself as the `__main__` that it would be by hand. What jobdeck adds: output appears line by line, an
uncaught exception is an error record as well as a traceback, and, where the script has a `main` with parameters,
that is called with the job's. Two variables of the environment, taken out of it at once, say how:

JOBDECK_SCRIPT_CONTENT  the file to read, when it is not SCRIPTPATH itself (the script changed since the submit)
JOBDECK_PYTHON_STYLE    `python` of spec.json: {"style": "main" or "script", "function": …, "exit_from_return": …}
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any, Callable, Optional, Type

#: this module, which gives its name to the script
_HELD: list[ModuleType] = []


def _run() -> None:
    if len(sys.argv) < 2:
        sys.stderr.write("jobdeck_main.py needs the path of a script.\n")
        sys.exit(2)
    style = os.environ.pop("JOBDECK_PYTHON_STYLE", "")
    path = sys.argv[1]
    copy = os.environ.pop("JOBDECK_SCRIPT_CONTENT", "") or path
    _set_paths(path)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    try:
        with open(copy, "rb") as file:
            content = file.read()
    except OSError as problem:
        sys.stderr.write("%s: can't open file %r: %s\n" % (sys.executable, path, problem))
        sys.exit(2)
    if content[:2] == b"PK" or b"PK\x05\x06" in content[-66000:]:
        import runpy

        sys.path.insert(0, copy)
        run_main: Any = vars(runpy)["_run_module_as_main"]
        _guarded(lambda: run_main("__main__", alter_argv=False))
        return
    if copy != path:
        _keep_lines(path, content)
    module = _module(path)
    if '"main"' in style:
        import json

        how = json.loads(style)
        if how.get("style") == "main":
            _guarded(lambda: _call(module, path, content, how.get("function") or "main", how.get("exit_from_return")))
            return
    _guarded(lambda: exec(compile(content, path, "exec", 0, True), module.__dict__))


def _set_paths(path: str) -> None:
    """argv and sys.path as `python SCRIPT` would have them; the module stays to be found, whatever the options."""
    here = os.path.dirname(os.path.abspath(__file__))
    del sys.argv[0]
    isolated = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
    if not isolated:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    if here not in sys.path:
        sys.path.append(here)


def _module(path: str) -> ModuleType:
    from importlib.machinery import SourceFileLoader

    module = type(sys)("__main__")
    module.__dict__.update(
        __file__=path, __loader__=SourceFileLoader("__main__", path), __builtins__=__builtins__, __spec__=None,
        __package__=None, __cached__=None, __annotations__={},
    )  # fmt: skip
    # a module that nobody holds any more would lose what it knows
    _HELD.append(sys.modules["__main__"])
    sys.modules["__main__"] = module
    return module


def _keep_lines(path: str, content: bytes) -> None:
    """Let tracebacks show what runs, not what the file holds by now."""
    import io
    import linecache
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = io.TextIOWrapper(io.BytesIO(content), encoding).read()
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    sys.excepthook = _show_from_cache


def _show_from_cache(kind: Type[BaseException], value: BaseException, trace: Optional[TracebackType]) -> None:
    import traceback

    traceback.print_exception(kind, value, trace)


def _guarded(work: Callable[[], Any]) -> None:
    """Do it; an exception that nobody catches takes Python's own way out, its traceback without this file's frames."""
    try:
        work()
    except SystemExit:
        raise
    except BaseException as problem:
        trace = problem.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        show = sys.excepthook

        def hook(kind: Type[BaseException], value: BaseException, _: Optional[TracebackType]) -> None:
            sys.excepthook = show
            value.__traceback__ = trace
            show(kind, value, trace)
            if not isinstance(value, KeyboardInterrupt):
                _record(value)

        sys.excepthook = hook
        raise


def _record(problem: BaseException) -> None:
    """The error record of an uncaught exception; the traceback is on stderr whatever becomes of this."""
    try:
        import jobdeck

        if jobdeck.in_job():
            name = type(problem).__name__
            position = ""
            if isinstance(problem, SyntaxError) and problem.filename:
                position = "%s:%s" % (problem.filename, problem.lineno)
            jobdeck.error(problem, category="UncaughtException", id=name, position=position)
    except Exception as trouble:
        sys.stderr.write("jobdeck: the error record could not be written: %s\n" % trouble)


class _NotMain:
    """Takes the `if __name__ == "__main__"` of a syntax tree for false, outside functions and classes."""

    def __init__(self, ast: Any) -> None:
        self.ast = ast

    def treat(self, node: Any) -> None:
        ast = self.ast
        for field, old in ast.iter_fields(node):
            for position, child in enumerate(old if isinstance(old, list) else [old]):
                if not isinstance(child, ast.AST):
                    continue
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
                    continue
                if self.is_guard(child):
                    false = ast.copy_location(ast.Constant(value=False, kind=None), child)
                    if isinstance(old, list):
                        old[position] = false
                    else:
                        setattr(node, field, false)
                else:
                    self.treat(child)

    def is_guard(self, node: Any) -> bool:
        ast = self.ast
        if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq)):
            return False
        sides = (node.left, node.comparators[0])
        named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
        return named and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


def _call(module: ModuleType, path: str, content: bytes, name: str, exit_from_return: bool) -> None:
    """Load the script without its guard, then call its function with the job's parameters."""
    import ast

    tree: Any = compile(content, path, "exec", ast.PyCF_ONLY_AST, True)
    _NotMain(ast).treat(tree)
    exec(compile(tree, path, "exec", 0, True), module.__dict__)
    import jobdeck
    from _jobdeck_call import arguments

    function = module.__dict__[name]
    placed, named = arguments(function, jobdeck.parameters())
    result = function(*placed, **named)
    if hasattr(result, "__await__"):
        import asyncio

        result = asyncio.run(_awaited(result))
    if exit_from_return and (result is None or isinstance(result, (int, str))):
        sys.exit(result)
    if result is not None:
        jobdeck.emit(result)


async def _awaited(result: Any) -> Any:
    return await result


if __name__ == "__main__":
    _run()
