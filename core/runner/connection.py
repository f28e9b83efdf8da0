"""Conversations in JSON lines over stream sockets: the control socket's and the channel's."""

from __future__ import annotations

import _socket
import json
import os
import stat

from core.runner.loop import GONE, READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from core.runner.loop import Loop

#: what a peer that does not read its replies may leave unread, bytes
_UNREAD = 1 << 20
_READ_SIZE = 1 << 16
#: where sockets lie between two jobs, in the data directory; a name begins with its runner's pid
IDLE_DIRECTORY = "idle"


class Connection:
    """One peer. `on_line(connection, line)` gets each line without its end; `on_raw`, once set, gets bytes instead.

    While `keep` is true a peer that has closed its sending half stays connected, for it may wait for a reply.
    """

    __slots__ = (
        "_held", "_incoming", "_limit", "_loop", "_mask", "_outgoing", "_paused", "_scanned", "_sent_all",
        "before_lines", "fd", "keep", "on_close", "on_line", "on_raw",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        fd: int,
        limit: int,
        on_line: Callable[[Connection, bytes], None],
        on_close: Callable[[Connection], None],
    ) -> None:
        self.fd = fd
        self.on_line = on_line
        self.on_close = on_close
        self.on_raw: Callable[[bytearray], None] | None = None
        self.before_lines: Callable[[], None] | None = None
        self.keep = False
        self._loop = loop
        self._limit = limit
        self._incoming = bytearray()
        self._scanned = 0
        self._outgoing = bytearray()
        self._paused = False
        self._held = False
        self._sent_all = False
        os.set_blocking(fd, False)
        self._mask = READ
        loop.watch(fd, READ, self._ready)

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self.fd < 0

    def send(self, message: dict[str, Any]) -> None:
        """Send one line; what the peer does not take at once follows when it does."""
        if self.fd < 0:
            return
        self._outgoing += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        self._flush()

    def pause(self) -> None:
        """Take no more lines until `resume`; that the peer goes is still noticed."""
        self._paused = True
        self._update()

    def resume(self) -> None:
        """Take lines again, first those that are here already."""
        if self.fd >= 0 and self._paused:
            self._paused = False
            self._lines()
            self._update()

    def hold(self) -> None:
        """Leave everything as it is until `release`, even a peer that goes: what it has sent is taken then."""
        if self.fd >= 0 and not self._held:
            self._held = True
            self._loop.forget(self.fd)

    def release(self) -> None:
        """Go on after `hold`."""
        if self.fd >= 0 and self._held:
            self._held = False
            self._loop.watch(self.fd, self._mask, self._ready)
            self._lines()
            self._update()

    def catch_up(self) -> None:
        """Take everything that the peer has sent until now."""
        while self.fd >= 0 and not self._paused and not self._held and not self._sent_all:
            if not self._read():
                return

    def close(self) -> None:
        """End it; `on_close` is told."""
        if self.fd >= 0:
            self._loop.forget(self.fd)
            os.close(self.fd)
            self.fd = -1
            self.on_close(self)

    def _update(self) -> None:
        if self.fd < 0 or self._held:
            return
        if self._sent_all and not self._paused and not self.keep and not self._outgoing:
            self.close()
            return
        mask = (0 if self._paused or self._sent_all else READ) | (WRITE if self._outgoing else 0)
        if mask != self._mask:
            self._mask = mask
            self._loop.change(self.fd, mask)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if self.fd >= 0 and events & READ and not self._paused and not self._sent_all:
            self._read()
        elif self.fd >= 0 and events & GONE:
            self.close()

    def _read(self) -> bool:
        """One read; whether something came."""
        try:
            data = os.read(self.fd, _READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            self.close()
            return False
        if not data:
            self._sent_all = True
            if self._incoming and self.on_raw is None:
                # a last line may come without its end
                self._incoming += b"\n"
        self._incoming += data
        self._lines()
        self._update()
        return True

    def _lines(self) -> None:
        if self.before_lines is not None and self._incoming:
            self.before_lines()
        while self.fd >= 0 and not self._paused and not self._held and self._incoming:
            if self.on_raw is not None:
                taken = self.on_raw
                taken(self._incoming)
                if self.on_raw is taken:
                    return
                continue
            end = self._incoming.find(b"\n", self._scanned)
            if end < 0:
                self._scanned = len(self._incoming)
                if self._scanned > self._limit:
                    self.send({"error": f"A message may have {self._limit} bytes at most."})
                    self.close()
                return
            line = bytes(self._incoming[:end])
            del self._incoming[: end + 1]
            self._scanned = 0
            if line.strip():
                self.on_line(self, line)

    def _flush(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self.fd, self._outgoing)]
        except BlockingIOError:
            if len(self._outgoing) > _UNREAD:
                self.close()
                return
        except OSError:
            self.close()
            return
        self._update()


class Parking:
    """Listening sockets between two jobs of one runner, by name: moved from job to job, not made anew.

    A name that is unlinked makes every inode of the next jobs dearer (ext4 looks for those deleted a moment ago).
    """

    def __init__(self, store: str) -> None:
        self._directory = os.path.join(store, IDLE_DIRECTORY)
        self._parked: dict[str, _socket.socket] = {}

    def park(self, listening: _socket.socket, path: str) -> bool:
        """Take a socket and its name away from a job that has ended; False when that cannot be done."""
        name = os.path.basename(path)
        target = self._path(name)
        try:
            try:
                os.rename(path, target)
            except FileNotFoundError:
                os.makedirs(self._directory, 0o700, exist_ok=True)
                os.rename(path, target)
        except OSError:
            # the job's directory was deleted, or the disk is full: it is made anew for the next one
            return False
        self._parked[name] = listening
        return True

    def fetch(self, path: str) -> _socket.socket | None:
        """The parked socket of that name, at its new place; None when there is none, or something is there."""
        name = os.path.basename(path)
        listening = self._parked.get(name)
        if listening is None or os.path.lexists(path):
            return None
        try:
            while True:
                # whoever called when the last job had just ended
                os.close(listening._accept()[0])  # type: ignore[attr-defined]
        except BlockingIOError:
            os.rename(self._path(name), path)
        return self._parked.pop(name)

    def close(self) -> None:
        """Let go of what is parked."""
        for name, listening in self._parked.items():
            os.unlink(self._path(name))
            listening.close()
        self._parked.clear()

    @property
    def descriptors(self) -> set[int]:
        """Those of the sockets that are parked."""
        return {listening.fileno() for listening in self._parked.values()}

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, f"{os.getpid()}-{name}")


class Listener:
    """A listening Unix socket at `directory`/`name`, mode 0600; `on_accept(fd)` gets each connection."""

    def __init__(
        self,
        loop: Loop,
        directory: str,
        name: str,
        on_accept: Callable[[int], object],
        parking: Parking | None = None,
    ) -> None:
        """Raises FileExistsError when a live process listens there already, else OSError."""
        self.path = os.path.join(directory, name)
        self._loop = loop
        self._on_accept = on_accept
        self._parking = parking
        parked = None if parking is None else parking.fetch(self.path)
        listening = parked or _listen(self.path, directory, name)
        self._socket: _socket.socket | None = listening
        loop.watch(listening.fileno(), READ, self._ready)

    def catch_up(self) -> None:
        """Accept every connection that has been made until now."""
        while self._accept():
            continue

    def close(self) -> None:
        """Listen no more, and take the socket's name away."""
        listening, self._socket = self._socket, None
        if listening is None:
            return
        self._loop.forget(listening.fileno())
        if self._parking is not None and self._parking.park(listening, self.path):
            return
        listening.close()
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            # whoever deleted it wanted just this
            return

    def _ready(self, _events: int) -> None:
        self._accept()

    def _accept(self) -> bool:
        if self._socket is None:
            return False
        try:
            fd, _address = self._socket._accept()  # type: ignore[attr-defined]
        except (BlockingIOError, ConnectionAbortedError):
            return False
        os.set_inheritable(fd, False)
        self._on_accept(fd)
        return True


def _listen(path: str, directory: str, name: str) -> _socket.socket:
    listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listening.setblocking(False)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    before = os.umask(0o177)
    try:
        # an address has room for 107 bytes: a long path goes through the directory's descriptor
        short = path if len(os.fsencode(path)) <= 100 else f"/proc/self/fd/{folder}/{name}"
        try:
            listening.bind(short)
        except OSError:
            if not stat.S_ISSOCK(os.stat(path).st_mode) or _answers(short):
                raise FileExistsError(17, "another process listens here", path) from None
            os.unlink(path)
            listening.bind(short)
    finally:
        os.umask(before)
        os.close(folder)
    listening.listen(64)
    return listening


def _answers(path: str) -> bool:
    probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    finally:
        probe.close()
    return True
