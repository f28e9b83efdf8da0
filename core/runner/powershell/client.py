"""A conversation with `pwsh -s`: what is sent waits for the acknowledgement of what was sent before it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re

from core.runner.loop import GONE, READ, WRITE
from core.runner.powershell import requests, wire
from core.runner.powershell.wire import SESSION, Assembler, Sender, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from core.runner.loop import Loop
    from core.runner.powershell.keys import Exchange
    from core.runner.powershell.wire import Message, Packet

_READ_SIZE = 1 << 18
_PIPE = 1 << 20
_F_SETPIPE_SZ = 1031
#: a line that is no packet is given out when it is longer than this
_LONGEST_LINE = 1 << 20

_OPENED, _CLOSED, _BROKEN = 2, 3, 5
#: the protocol's version (PowerShell 7.6) from which on secrets are sent as they are
_PLAIN_SECRETS = (2, 4)


class Client:
    """One session with at most one pipeline at a time. Set the `on_…` callbacks before `open`.

    * `on_opened()`: the session can run something
    * `on_message(message)`: what the pipeline sends, in order; `on_batch()` before each handful of them
    * `on_stray(data)`: bytes on its standard output that are not the protocol
    * `on_done()`: the pipeline and the session are closed
    * `on_gone(reason)`: the other side is gone, or said what is not the protocol (a sentence; "" for a plain end)
    """

    def __init__(self, loop: Loop, reading: int, writing: int) -> None:
        """`reading`, `writing`: the pipes from and to its standard streams, owned from now on."""
        self._loop = loop
        self._reading = reading
        self._writing = writing
        for fd in (reading, writing):
            os.set_blocking(fd, False)
        with contextlib.suppress(OSError):
            # where the user's budget for pipes is used up, the usual size does, only slower
            fcntl.fcntl(reading, _F_SETPIPE_SZ, _PIPE)
        self._incoming = b""
        self._outgoing = bytearray()
        self._waits_to_write = False
        self._paused = False
        self._sender = Sender(wire.new_guid())
        self._assembler = Assembler()
        #: packets that wait for the acknowledgement of the one before them, by guid
        self._unsent: dict[str, list[bytes]] = {}
        self._unacknowledged: set[str] = set()
        self._pipeline: str | None = None
        self._commanded = False
        self._closing = False
        self._stopping = False
        self.opened = False
        #: the protocol's version that the other side speaks
        self.version = (0, 0)
        self._exchange: Exchange | None = None
        self.on_opened: Callable[[], None] = lambda: None
        self.on_batch: Callable[[], None] = lambda: None
        self.on_message: Callable[[Message], None] = lambda _message: None
        self.on_stray: Callable[[bytes], None] = lambda _data: None
        self.on_done: Callable[[], None] = lambda: None
        self.on_gone: Callable[[str], None] = lambda _reason: None

    def open(self, capability: bytes, runspace: bytes) -> None:
        """Begin: negotiate and open a runspace."""
        self._loop.watch(self._reading, READ, self._readable)
        messages = [(wire.SESSION_CAPABILITY, capability), (wire.INIT_RUNSPACEPOOL, runspace)]
        self._queue(SESSION, self._sender.packets(messages, SESSION))

    def invoke(self, pipeline: bytes) -> None:
        """Run a pipeline; the session is open and runs none."""
        self._pipeline = guid = wire.new_guid()
        self._commanded = False
        self._stopping = False
        self._unsent[guid] = self._sender.packets([(wire.CREATE_PIPELINE, pipeline)], guid)
        self._send(f"<Command PSGuid='{guid}' />\n".encode())

    def respond(self, response: bytes) -> None:
        """Answer one of the pipeline's host calls."""
        if self._pipeline is not None and not self._closing:
            messages = [(wire.PIPELINE_HOST_RESPONSE, response)]
            self._queue(self._pipeline, self._sender.packets(messages, self._pipeline, "PromptResponse"))

    def when_secrets_can_be_sent(self, then: Callable[[str], None]) -> None:
        """Call `then` once with "", at once where no key is needed for that; or with why they cannot (a sentence)."""
        if self.version >= _PLAIN_SECRETS:
            then("")
        else:
            self._keys().when_ready(then)

    def secure(self, text: str) -> str:
        """A secret as the content of an SS element, once secrets can be sent."""
        return requests.unencrypted(text) if self.version >= _PLAIN_SECRETS else self._keys().secure(text)

    def stop(self) -> None:
        """Ask the pipeline to stop: its state tells when it has."""
        if self._pipeline is not None and not self._stopping:
            self._stopping = True
            self._unsent.pop(self._pipeline, None)
            self._send(f"<Signal PSGuid='{self._pipeline}' />\n".encode())

    def finish(self) -> None:
        """The pipeline has ended: let go of it; the session stays open for another one."""
        if self._pipeline is not None:
            self._unsent.pop(self._pipeline, None)
            self._send(f"<Close PSGuid='{self._pipeline}' />\n".encode())

    def close(self) -> None:
        """Close pipeline and session; `on_done` tells when they are."""
        if self._closing:
            return
        self._closing = True
        if self._pipeline is not None:
            self.finish()
        else:
            self._close_session()

    def end_input(self) -> None:
        """Say no more: the other side ends."""
        if self._writing >= 0:
            if self._waits_to_write:
                self._loop.forget(self._writing)
                self._waits_to_write = False
            os.close(self._writing)
            self._writing = -1

    def release(self) -> None:
        """Let go of both pipes."""
        self.end_input()
        if self._reading >= 0:
            if not self._paused:
                self._loop.forget(self._reading)
            os.close(self._reading)
            self._reading = -1

    def pause(self) -> None:
        """Read nothing until `resume`: the other side waits on its full pipe."""
        if self._reading >= 0 and not self._paused:
            self._paused = True
            self._loop.forget(self._reading)

    def resume(self) -> None:
        """Read again."""
        if self._reading >= 0 and self._paused:
            self._paused = False
            self._loop.watch(self._reading, READ, self._readable)

    def catch_up(self) -> None:
        """Take everything that has been sent until now."""
        while self._reading >= 0 and not self._paused and self._read():
            continue

    # sending

    def _queue(self, guid: str, packets: list[bytes]) -> None:
        waiting = self._unsent.setdefault(guid, [])
        waiting += packets
        if guid not in self._unacknowledged and (guid == SESSION or self._commanded):
            self._next(guid)

    def _next(self, guid: str) -> None:
        waiting = self._unsent.get(guid)
        if waiting:
            self._unacknowledged.add(guid)
            self._send(waiting.pop(0))

    def _send(self, data: bytes) -> None:
        if self._writing < 0:
            return
        self._outgoing += data
        self._flush()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self._writing, self._outgoing)]
        except BlockingIOError:
            if not self._waits_to_write:
                self._waits_to_write = True
                self._loop.watch(self._writing, WRITE, lambda _events: self._flush())
            return
        except OSError:
            # it has gone; the end of what it says tells
            self._outgoing.clear()
        if self._waits_to_write:
            self._waits_to_write = False
            self._loop.forget(self._writing)

    # receiving

    def _readable(self, events: int) -> None:
        if events & (READ | GONE):
            self._read()

    def _read(self) -> bool:
        """One read; whether something came."""
        try:
            data = os.read(self._reading, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._gone("")
            return False
        lines = (self._incoming + data).split(b"\n")
        self._incoming = lines.pop()
        self.on_batch()
        try:
            for line in lines:
                if line:
                    self._line(line)
        except WireError as error:
            self._gone(f"PowerShell said what cannot be understood: {error}.")
            return False
        if len(self._incoming) > _LONGEST_LINE:
            self.on_stray(self._incoming)
            self._incoming = b""
        return self._reading >= 0

    def _gone(self, reason: str) -> None:
        if self._incoming:
            self.on_stray(self._incoming)
            self._incoming = b""
        self.release()
        self.on_gone(reason)

    def _line(self, line: bytes) -> None:
        before, packet = wire.read_packet(line)
        if before.strip():
            self.on_stray(before if packet else before + b"\n")
        if packet is None:
            return
        if packet.kind == "Data":
            for message in self._assembler.add(packet.data):
                self._message(message)
        else:
            self._acknowledged(packet)

    def _acknowledged(self, packet: Packet) -> None:
        guid = packet.guid
        if packet.kind == "DataAck":
            self._unacknowledged.discard(guid)
            self._next(guid)
        elif packet.kind == "CommandAck" and guid == self._pipeline:
            self._commanded = True
            self._next(guid)
        elif packet.kind == "CloseAck":
            if guid == self._pipeline:
                self._pipeline = None
                self._unacknowledged.discard(guid)
                if self._closing:
                    self._close_session()
                else:
                    self.on_done()
            elif guid == SESSION:
                self.on_done()

    def _close_session(self) -> None:
        self._send(f"<Close PSGuid='{SESSION}' />\n".encode())

    def _message(self, message: Message) -> None:
        if message.type == wire.RUNSPACEPOOL_STATE:
            state = _state(message.payload, b"RunspaceState")
            if state == _OPENED:
                self.opened = True
                self.on_opened()
            elif state in (_CLOSED, _BROKEN) and not self._closing:
                self._gone("PowerShell closed its session.")
        elif message.type == wire.SESSION_CAPABILITY:
            self.version = _version(message.payload)
        elif message.type == wire.PUBLIC_KEY_REQUEST:
            self._keys().requested()
        elif message.type == wire.ENCRYPTED_SESSION_KEY:
            self._keys().received(message.payload)
        elif message.type != wire.APPLICATION_PRIVATE_DATA:
            self.on_message(message)

    def _keys(self) -> Exchange:
        if self._exchange is None:
            # only for a PowerShell that needs it
            from core.runner.powershell.keys import Exchange

            self._exchange = Exchange(self._loop, self._send_key)
        return self._exchange

    def _send_key(self, payload: bytes) -> None:
        if not self._closing:
            self._queue(SESSION, self._sender.packets([(wire.PUBLIC_KEY, payload)], SESSION))


def _state(payload: bytes, name: bytes) -> int:
    """The number that a state message tells."""
    start = payload.find(b'N="' + name + b'">')
    end = payload.find(b"<", start)
    try:
        return int(payload[start + len(name) + 5 : end])
    except ValueError:
        return -1


def _version(payload: bytes) -> tuple[int, int]:
    found = re.search(rb'N="protocolversion">(\d+)\.(\d+)', payload)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def pipeline_state(payload: bytes) -> int:
    """2 running, 3 stopped, 4 completed, 5 failed; -1 for what is no state."""
    return _state(payload, b"PipelineState")
