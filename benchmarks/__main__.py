"""All benchmarks, each beside its floor in the same run: `python -m benchmarks` writes benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
from pathlib import Path

from benchmarks import (
    client_bench,
    clixml_bench,
    command_bench,
    engine_bench,
    job_screen_bench,
    journal_bench,
    powershell_bench,
    server_bench,
    service_bench,
    terminal_bench,
)
from benchmarks.table import Row, markdown

_ALL = {
    "engine": engine_bench.run,
    "command": command_bench.run,
    "journal": journal_bench.run,
    "client": client_bench.run,
    "clixml": clixml_bench.run,
    "powershell": powershell_bench.run,
    "service": service_bench.run,
    "server": server_bench.run,
    "terminal": terminal_bench.run,
    "job_screen": job_screen_bench.run,
}


def main() -> int:
    """Run the benchmarks named, or all, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(_ALL)} (default: all)")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in _ALL:
            parser.error(f"there is no benchmark {name!r}")
    rows: list[Row] = []
    for name in arguments.names or _ALL:
        print(f"{name} …", file=sys.stderr, flush=True)
        measured = _ALL[name]()
        print(markdown(measured), file=sys.stderr, flush=True)
        rows += measured
    table = markdown(rows)
    print(table, end="")
    if not arguments.names:
        system = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
        head = f"Measured {datetime.date.today()} on {system}. Trust the ratios: each floor ran beside it."
        (Path(__file__).parent / "RESULTS.md").write_text(f"# Benchmarks\n\n{head}\n\n{table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
