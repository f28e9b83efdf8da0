"""jobdeck_main.py: a Python script as a job is the script it is by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.params.read import read_interface
from tests.core.channel_server import BOOTSTRAP, ChannelServer, environment, run_python
from tests.core.test_python_module import PYTHONS, write


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    server = ChannelServer(tmp_path)
    yield server
    server.close()


def by_hand(script: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, str(script), *arguments],
        capture_output=True,
        text=True,
        env=environment(None),
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    "body",
    [
        "import sys, os; print(__name__, __file__, sys.argv, sys.path[0], __doc__, __spec__, __package__)",
        "print(sorted(n for n in globals() if n not in ('__annotations__', '__cached__')))",
        "import __main__; x = 5; print(__main__.x)",
        "class A: pass\nprint(A().__module__, repr(A))",
        "def f(): 1 / 0\nf()",
        "import sys; sys.exit(7)",
        "import sys; sys.exit('words')",
        "import sys; sys.exit(None)",
        "raise SystemExit(300)",
        "raise SystemExit",
        "x = = 1",
        "try:\n    {}['a']\nexcept KeyError:\n    raise ValueError('second')",
        "import sys; sys.excepthook = lambda *a: print('mine', a[0].__name__, a[2].tb_lineno, a[2].tb_next)\n1/0",
        "import atexit; atexit.register(print, 'bye'); raise ValueError",
        "import threading; threading.Thread(target=lambda: print('thread')).start(); raise ValueError",
        "from __future__ import annotations\ndef f(x: nothing): pass\nprint(f.__annotations__)",
        "import pickle, collections\nclass P: pass\nprint(type(pickle.loads(pickle.dumps(P()))) is P)",
        "# -*- coding: latin-1 -*-\nprint(ascii('ü'))",
    ],
)
def test_it_is_as_by_hand(server: ChannelServer, tmp_path: Path, python: str, body: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(body + "\n", encoding="latin-1" if "latin-1" in body else "utf-8")
    own, hand = run_python(server, script, "a", "b", python=python), by_hand(script, "a", "b", python=python)
    assert (own.returncode, own.stdout, own.stderr) == (hand.returncode, hand.stdout, hand.stderr)


@pytest.mark.parametrize("python", PYTHONS)
def test_an_interrupt_ends_it_as_python_does(server: ChannelServer, tmp_path: Path, python: str) -> None:
    script = write(
        tmp_path, "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGINT)\n    while True: pass\nf()"
    )
    own, hand = run_python(server, script, python=python), by_hand(script, python=python)
    assert own.returncode == hand.returncode == -signal.SIGINT
    assert own.stderr == hand.stderr and "KeyboardInterrupt" in own.stderr
    assert server.of("error") == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(server: ChannelServer, tmp_path: Path, method: str) -> None:
    script = write(
        tmp_path,
        f"""
        import multiprocessing, warnings
        warnings.simplefilter("ignore")
        def square(x): return x * x
        def main(count: int):
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                return pool.map(square, range(count))
        if __name__ == "__main__":
            print("guard")
            main(2)
        """,
    )
    server.parameters = {"count": 4}
    own = run_python(server, script, style={"style": "main", "function": "main"})
    assert (own.returncode, own.stdout, own.stderr) == (0, "", "")
    assert server.objects == [[0, 1, 4, 9]]
    assert run_python(server, script).stdout == "guard\n"


def test_an_uncaught_exception_is_an_error_record_too(server: ChannelServer, tmp_path: Path) -> None:
    script = write(tmp_path, "def f():\n    raise ValueError('no such thing')\nf()\n")
    own = run_python(server, script)
    [error] = server.of("error")
    assert error["message"] == "no such thing"
    assert error["exception_type"] == error["id"] == "ValueError"
    assert error["position"] == f"{script}:2"
    assert error["stack"] == own.stderr and "jobdeck_main" not in own.stderr


def test_the_stored_copy_runs_under_the_scripts_name(server: ChannelServer, tmp_path: Path) -> None:
    copy = write(tmp_path, "import sys\nprint(__file__, sys.path[0])\nraise ValueError('from the copy')\n", "copy")
    script = write(tmp_path, "# another line\n\nprint('changed')\n")
    own = run_python(server, script, JOBDECK_SCRIPT_CONTENT=str(copy))
    assert own.stdout == f"{script} {tmp_path}\n"
    assert "raise ValueError('from the copy')" in own.stderr and "changed" not in own.stderr
    assert "from the copy" in server.of("error")[0]["stack"]


def test_what_the_bootstrap_is_told_stays_with_it(server: ChannelServer, tmp_path: Path) -> None:
    script = write(
        tmp_path, "import os\nprint([n for n in os.environ if n in ('JOBDECK_PYTHON_STYLE', 'JOBDECK_SCRIPT_CONTENT')])"
    )
    own = run_python(server, script, style={"style": "script"}, JOBDECK_SCRIPT_CONTENT=str(script))
    assert own.stdout == "[]\n"


def test_options_that_hide_paths_do_not_hide_the_module(server: ChannelServer, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    script = write(
        tmp_path, "import jobdeck\njobdeck.emit(1)\ntry:\n    import beside\nexcept ImportError:\n    print('isolated')"
    )
    own = run_python(server, script, options=("-I",))
    assert (own.stdout, own.stderr) == ("isolated\n", "")
    assert server.objects == [1]
    assert run_python(server, script).stdout == ""


def test_an_archive_runs(server: ChannelServer, tmp_path: Path) -> None:
    path = tmp_path / "app.pyz"
    with path.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("__main__.py", "import sys, other; print(__name__, sys.argv, other.x)")
            archive.writestr("other.py", "x = 1")
    own, hand = run_python(server, path, "a"), by_hand(path, "a")
    assert (
        (own.returncode, own.stdout, own.stderr) == (hand.returncode, hand.stdout, hand.stderr) == (0, hand.stdout, "")
    )


def test_a_missing_script(server: ChannelServer, tmp_path: Path) -> None:
    own = run_python(server, tmp_path / "missing.py")
    assert own.returncode == 2
    assert "can't open file" in own.stderr and "Traceback" not in own.stderr


def test_lines_appear_at_once(server: ChannelServer, tmp_path: Path) -> None:
    script = write(tmp_path, "import sys\nprint('first')\nsys.stdin.read()\n")
    with subprocess.Popen(
        [sys.executable, str(BOOTSTRAP), str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(server),
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        os.set_blocking(process.stdout.fileno(), False)
        deadline = time.monotonic() + 10
        seen = b""
        while not seen and time.monotonic() < deadline:
            seen = process.stdout.read() or b""
            time.sleep(0.005)
        assert seen == b"first\n"
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.wait(10) == 0


def as_job(server: ChannelServer, script: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run it the way its own interface says."""
    found = read_interface(script.read_bytes(), "python", script.name)
    assert found.style == "main"
    style: dict[str, Any] = {"style": "main", "function": found.function, "exit_from_return": found.exit_from_return}
    return run_python(server, script, style=style, python=python)


TYPED = """
    from __future__ import annotations
    import enum, sys
    from datetime import date, datetime
    from decimal import Decimal
    from pathlib import Path
    from typing import Dict, List, Optional, Union
    import jobdeck

    class Color(enum.Enum):
        RED = 1
        BLUE = 2

    def main(path: Path, number: int, share: float, day: date, when: datetime, exact: Decimal, color: Color,
             names: List[str], numbers: "list[int]", table: Dict[str, int], password: jobdeck.Secret,
             maybe: int | None, either: Union[int, str] = 5, default=Path("/x"), *rest: int, flag: bool = False,
             **more):
        print(repr((path, number, share, day, when, exact, color, names, numbers, table, password, maybe, either,
                    default, rest, flag, more)))
        return {"password": password == "sesam"}

    if __name__ == "__main__":
        sys.exit(main())
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_main_gets_its_types(server: ChannelServer, tmp_path: Path, python: str) -> None:
    server.parameters = {
        "path": "/a", "number": 3, "share": 1, "day": "2026-01-31", "when": "2026-01-31T18:00:00+00:00", "exact": 1.5,
        "color": "BLUE", "names": ["a"], "numbers": [1, 2], "table": {"a": 1}, "password": "sesam", "rest": [7, 8],
        "flag": True, "further": "x", "either": "y",
    }  # fmt: skip
    script = write(tmp_path, TYPED)
    done = as_job(server, script, python)
    assert done.stderr == ""
    assert done.stdout == (
        "(PosixPath('/a'), 3, 1.0, datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 18, 0,"
        " tzinfo=datetime.timezone.utc), Decimal('1.5'), <Color.BLUE: 2>, ['a'], [1, 2], {'a': 1}, Secret('***'), None,"
        " 'y', PosixPath('/x'), (7, 8), True, {'further': 'x'})\n"
    )
    assert server.objects == [{"password": True}]


@pytest.mark.parametrize(
    ("script", "parameters", "code", "objects", "stderr"),
    [
        ("def main(a: int): return a\nif __name__ == '__main__': sys.exit(main(1))", {"a": 5}, 5, [], ""),
        ("def main(a: int): return a\nif __name__ == '__main__': main(1)", {"a": 5}, 0, [5], ""),
        ("def main(a: int): return {0: a}\nif __name__ == '__main__': sys.exit(main(1))", {"a": 5}, 0, [{"0": 5}], ""),
        ("def main(a: str): return a\nif __name__ == '__main__': sys.exit(main(1))", {"a": "bad"}, 1, [], "bad\n"),
        ("def main(a: int):\n    print(a)", {"a": 5}, 0, [], ""),
        ("def main(): return 'called'", {}, 0, ["called"], ""),
        ("async def main(a: int):\n    import asyncio\n    await asyncio.sleep(0)\n    return a", {"a": 5}, 0, [5], ""),
        ("def main(a, /, b): return [a, b]", {"a": 1, "b": 2}, 0, [[1, 2]], ""),
        ("def main(a=1, /, b=2, *, c=3): return [a, b, c]", {"c": 9}, 0, [[1, 2, 9]], ""),
        ("def main(a=1, *rest: int): return [a, rest]", {"rest": [4]}, 0, [[1, [4]]], ""),
        ("if __name__ == '__main__' and True:\n    print('guard')\ndef main(a: int): return a", {"a": 1}, 0, [1], ""),
        ("def main(a: int): sys.exit(a)", {"a": 6}, 6, [], ""),
    ],
)  # fmt: skip
def test_what_main_returns(
    server: ChannelServer, tmp_path: Path, script: str, parameters: Any, code: int, objects: list[Any], stderr: str
) -> None:
    server.parameters = parameters
    path = write(tmp_path, "import sys\n" + script)
    if "guard" in script:
        done = run_python(server, path, style={"style": "main", "function": "main"})
        assert done.stdout == ""
    else:
        done = as_job(server, path)
    assert (done.returncode, done.stderr) == (code, stderr)
    assert server.objects == objects


def test_line_numbers_stay_where_the_guard_is_taken_away(server: ChannelServer, tmp_path: Path) -> None:
    server.parameters = {"a": 1}
    text = """
        if __name__ == "__main__":
            print("guard")
        def main(a: int):
            raise ValueError("here")
    """
    done = run_python(server, write(tmp_path, text), style={"style": "main", "function": "main"})
    assert done.stdout == "" and 'script.py", line 5, in main' in done.stderr
    assert json.loads(json.dumps(server.of("error")[0]))["position"].endswith("script.py:5")
