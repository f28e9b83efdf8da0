"""The job's control channel, seen from inside the job: JSON lines over a Unix stream socket.

Python 3.8+, standard library, and as little of it as possible: the helper for shells starts with every call.
"""

from __future__ import annotations

import errno
import json
import os
from _thread import RLock

try:
    import _socket as _sockets
except ImportError:  # an interpreter that is not CPython
    import socket as _sockets  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Message = Dict[str, Any]


#: the longest message that the job takes, bytes
LIMIT = 64 << 20


class JobdeckError(Exception):
    """Something between the script and its job did not work; the text says what."""


class _Connection:
    """One connection; not for two threads at once."""

    __slots__ = ("_incoming", "_socket")

    def __init__(self, path: str) -> None:
        self._incoming = bytearray()
        self._socket = _sockets.socket(_sockets.AF_UNIX, _sockets.SOCK_STREAM)
        directory = -1
        address = path
        try:
            if len(os.fsencode(path)) > 100:
                # an address has room for 107 bytes: a long path goes through its directory's descriptor
                directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                address = "/proc/self/fd/%d/%s" % (directory, os.path.basename(path))
            self._connect(address)
        except OSError as error:
            self._socket.close()
            raise JobdeckError("The job's channel %s cannot be reached: %s." % (path, error.strerror)) from None
        finally:
            if directory >= 0:
                os.close(directory)

    def _connect(self, address: str) -> None:
        while True:
            self._socket.connect(address)
            try:
                self._socket.getpeername()
            except OSError as error:
                # Python takes it for connected when a signal came while it waited for its turn.
                if error.errno != errno.ENOTCONN:
                    raise
            else:
                return

    def send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise JobdeckError("The job's channel is gone (%s): its runner has ended." % error.strerror) from None

    def receive(self) -> Message:
        """The next line as an object."""
        while True:
            end = self._incoming.find(b"\n")
            if end >= 0:
                line = bytes(self._incoming[:end])
                del self._incoming[: end + 1]
                reply = json.loads(line.decode("utf-8", "surrogatepass"))
                if not isinstance(reply, dict):
                    raise JobdeckError("The job's channel answered something that is not an object.")
                return reply
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise JobdeckError("The job's channel is gone (%s): its runner has ended." % error.strerror) from None
            if not data:
                raise JobdeckError("The job's channel was closed: its runner has ended.")
            self._incoming += data

    def close(self) -> None:
        self._socket.close()


class Channel:
    """The channel at `path`, for all threads and after forks: a child talks over a connection of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._reset()

    def _reset(self) -> None:
        self._lock = RLock()
        self._connection: Optional[_Connection] = None
        self._process = os.getpid()
        self._busy = False
        #: something was sent that nobody has confirmed
        self._unconfirmed = False

    def after_fork(self) -> None:
        """In a child: leave the parent's connection, and its lock, alone."""
        connection = self._connection
        self._reset()
        if connection is not None:
            connection.close()

    def send(self, message: Message) -> None:
        """Send a message and do not wait until it is recorded."""
        line = _line(message)
        with self._lock:
            if self._busy:
                # a signal handler in the middle of another message
                connection = _Connection(self.path)
                try:
                    connection.send(line)
                finally:
                    connection.close()
                return
            self._exchange(line, False)
            self._unconfirmed = True

    def record(self, message: Message) -> None:
        """Send a message and wait until it is recorded."""
        self.request(dict(message, ack=True))

    def request(self, message: Message) -> Message:
        """Send a request and return its reply. Raises JobdeckError with the reply's words when it is an error."""
        line = _line(message)
        with self._lock:
            if self._busy:
                reply = self._aside(line)
            else:
                reply = self._exchange(line, True)
                self._unconfirmed = False
        return _checked(reply)

    def ask(self, message: Message) -> Message:
        """As `request`, over a connection of its own: others may go on while a person thinks."""
        self.confirm()
        return _checked(self._aside(_line(message)))

    def confirm(self) -> None:
        """Wait until everything that this process sent is recorded."""
        if self._unconfirmed and not self._busy and self._process == os.getpid():
            self.request({"type": "job"})

    def _aside(self, line: bytes) -> Message:
        connection = _Connection(self.path)
        try:
            connection.send(line)
            return connection.receive()
        finally:
            connection.close()

    def _exchange(self, line: bytes, reply: bool) -> Message:
        self._busy = True
        whole = False
        try:
            if self._connection is None:
                self._connection = _Connection(self.path)
            self._connection.send(line)
            answer = self._connection.receive() if reply else {}
            whole = True
            return answer
        finally:
            self._busy = False
            if not whole and self._connection is not None:
                # interrupted half way: what would come next belongs to nobody
                self._connection.close()
                self._connection = None


def _line(message: Message) -> bytes:
    """The message as it is sent. `written` is the JSON text of its value, which goes as it stands."""
    written = message.get("written")
    if written is not None:
        message = {name: value for name, value in message.items() if name not in ("written", "value")}
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    if written is not None:
        text = '%s,"value":%s}' % (text[:-1], written)
    line = text.encode("utf-8", "replace") + b"\n"
    if len(line) > LIMIT:
        raise JobdeckError("This has %d bytes; the job takes %d in one message. Send it in parts." % (len(line), LIMIT))
    return line


def _checked(reply: Message) -> Message:
    if "error" in reply:
        raise JobdeckError(str(reply["error"]))
    return reply
