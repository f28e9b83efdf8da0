"""`jobdeck status`: where the data, the log and the leader are, and how the service fares."""

from __future__ import annotations

import argparse
from dataclasses import replace

from core.json_shapes import rfc3339
from tui import options, say
from tui.connection import service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of status."""
    options.add_json(parser, "the same as JSON")


async def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    async with service("look") as engine:
        status = await engine.status()
    leader = status.leader
    if arguments.json:
        shown = leader and {**leader, "since": rfc3339(leader["since"])}
        say.write_json(replace(status, leader=shown))
        return 0
    say.facts(
        [
            ("jobdeck", status.version),
            ("Data", status.data_directory),
            ("Config", status.config_file),
            ("Log", status.log_file),
            (
                "Leader",
                f"process {leader['process_id']}, since {say.local_time(leader['since'])}"
                if leader
                else "none: nothing is due",
            ),
            ("Jobs", ", ".join(f"{count} {name}" for name, count in status.counts.items() if count) or "none"),
            ("At once", f"at most {status.max_running} jobs"),
            ("Retention", status.retention),
            ("Problems", "\n".join(status.problems)),
        ]
    )
    return 0
