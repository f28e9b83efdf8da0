"""Warm runners: PowerShells that are open before their job comes, each used once and replaced at once.

They are kept by an engine that lives long, for the environments whose jobs it starts: as many as the environment says.
A job takes one only where everything agrees that a process has from its start; else it starts cold.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

log = logging.getLogger("jobdeck.engine")
#: what a process reads at its start and never again, or what code outside of .NET reads
_START = re.compile(
    r"HOME|USER|LOGNAME|TZ|TZDIR|LANG|LANGUAGE|LC_.*|LOCPATH|NLSPATH|PSModulePath|TMPDIR|TERM|TERMINFO|COLORTERM|NO_COLOR"
    r"|(?i:.*_proxy)|DOTNET_.*|COMPlus_.*|CORECLR_.*|LD_.*|SSL_.*|OPENSSL_.*|KRB5.*|GSS.*|XDG_.*|POWERSHELL_.*"
    r"|MALLOC_.*|GLIBC_.*|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS"
)
#: seconds after which one that nobody wanted is given up, and between two looks
UNUSED = 600.0
LOOK = 5.0
#: seconds that a job has for itself before the next one is made: one that took a warm one, and one that starts cold
MOMENT = 0.2
COLD_MOMENT = 1.0
#: kinds of runners kept at once, and runners in all
KINDS = 4
MOST = 32
#: bytes of free memory below which none are kept; each holds about 125 MB
LEAST_MEMORY = 512 << 20
#: seconds in which a kind whose runners do not become warm is not tried again
TROUBLE = 60.0


def warm_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a warm PowerShell must be started with to serve a job like this one."""
    from core.runner.spec import powershell_environment

    # those of the parameters are this job's alone; what a later job has otherwise is set when it comes
    variables = {name: value for name, value in spec["variables"].items() if name not in spec["parameters"]}
    return {
        "argv": list(spec["argv"]),
        "environment": powershell_environment(variables),
        "umask": spec["umask"],
        "limits": dict(spec.get("limits") or {}),
    }


def fits(spec: Mapping[str, Any]) -> bool:
    """Whether a job could run in a warm PowerShell at all."""
    return spec.get("kind") == "powershell" and not spec.get("merge") and spec.get("stdin") != "pipe"


def _key(settings: Mapping[str, Any]) -> str:
    compared = {name: value for name, value in settings["environment"].items() if _START.fullmatch(name)}
    return json.dumps({**settings, "environment": compared}, sort_keys=True)


class _Kind:
    """Runners that are alike: those that are ready, those that are not yet, and how many there should be."""

    def __init__(self, settings: dict[str, Any], wanted: int) -> None:
        self.settings = settings
        self.wanted = wanted
        self.used = time.monotonic()
        self.trouble = 0.0
        #: the job that has just been started took one
        self.taken = False
        self.ready: list[socket.socket] = []
        self.warming: set[socket.socket] = set()


class Warming:
    """The warm runners of one engine. `start(settings, connection)` forks one, and raises OSError."""

    def __init__(self, start: Callable[[Mapping[str, Any], int], object]) -> None:
        self._start = start
        self._kinds: dict[str, _Kind] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> int:
        """How many wait for a job."""
        return sum(len(kind.ready) for kind in self._kinds.values())

    def take(self, spec: Mapping[str, Any]) -> socket.socket | None:
        """The connection of a runner that is ready for this job; the caller's from now on."""
        if not fits(spec):
            return None
        kind = self._kinds.get(_key(warm_settings(spec)))
        if kind is None or not kind.ready:
            return None
        kind.used = time.monotonic()
        kind.taken = True
        connection = kind.ready.pop(0)
        asyncio.get_running_loop().remove_reader(connection.fileno())
        return connection

    def keep(self, spec: Mapping[str, Any]) -> None:
        """A job like this one has started: have as many ready for the next ones as its environment says."""
        if not fits(spec):
            return
        wanted = (spec.get("powershell") or {}).get("warm_runners")
        settings = warm_settings(spec)
        key = _key(settings)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(settings, 0)
        kind.wanted = 1 if wanted is None else int(wanted)
        kind.used = time.monotonic()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look(), name="warm runners")
        # the job that has just begun goes first
        asyncio.get_running_loop().call_later(MOMENT if kind.taken else COLD_MOMENT, self._fill_if_kept, kind)
        kind.taken = False

    def _fill_if_kept(self, kind: _Kind) -> None:
        if kind in self._kinds.values():
            self._fill(kind)

    def close(self) -> None:
        """Let them go: each ends when its connection does."""
        if self._task is not None:
            self._task.cancel()
        for kind in self._kinds.values():
            self._drop(kind)
        self._kinds.clear()

    def _fill(self, kind: _Kind) -> None:
        if kind.trouble and time.monotonic() - kind.trouble < TROUBLE:
            return
        while len(kind.ready) > kind.wanted:
            self._let_go(kind.ready.pop())
        total = sum(len(each.ready) + len(each.warming) for each in self._kinds.values())
        while len(kind.ready) + len(kind.warming) < kind.wanted and total < MOST and _memory() >= LEAST_MEMORY:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            try:
                self._start(kind.settings, theirs.fileno())
            except OSError as error:
                log.warning("no warm runner: %s", error)
                kind.trouble = time.monotonic()
                ours.close()
                return
            finally:
                theirs.close()
            kind.warming.add(ours)
            total += 1
            asyncio.get_running_loop().add_reader(ours.fileno(), self._heard, kind, ours)

    def _heard(self, kind: _Kind, connection: socket.socket) -> None:
        try:
            data = connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            kind.warming.discard(connection)
            kind.ready.append(connection)
            return
        if connection in kind.warming:
            # it never became warm: no use in trying again at once
            kind.trouble = time.monotonic()
            log.warning("a warm runner of %s ended before it was warm", kind.settings["argv"][0])
        kind.warming.discard(connection)
        if connection in kind.ready:
            kind.ready.remove(connection)
        self._let_go(connection)
        self._fill(kind)

    def _let_go(self, connection: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(connection.fileno())
        connection.close()

    def _drop(self, kind: _Kind) -> None:
        for connection in [*kind.ready, *kind.warming]:
            self._let_go(connection)
        kind.ready.clear()
        kind.warming.clear()

    async def _look(self) -> None:
        """Give up what nobody uses, and everything while memory is short."""
        while True:
            await asyncio.sleep(LOOK)
            now = time.monotonic()
            short = _memory() < LEAST_MEMORY
            if short and any(kind.ready or kind.warming for kind in self._kinds.values()):
                log.warning("memory is short: warm runners are given up")
            by_use = sorted(self._kinds.items(), key=lambda item: item[1].used, reverse=True)
            for number, (key, kind) in enumerate(by_use):
                if now - kind.used > UNUSED or number >= KINDS:
                    self._drop(kind)
                    del self._kinds[key]
                elif short:
                    self._drop(kind)
                else:
                    self._fill(kind)


def _memory() -> int:
    """Bytes that programs may still take."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return LEAST_MEMORY
    return LEAST_MEMORY
