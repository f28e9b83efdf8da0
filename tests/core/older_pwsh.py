"""A PowerShell before 7.6, as far as the protocol goes: `python older_pwsh.py PWSH ARGUMENT …`.

The real one, which is told that its client speaks version 2.3 of the protocol, and then does so itself: secrets are
encrypted with a key that is exchanged first.
"""

from __future__ import annotations

import base64
import os
import sys


def feed() -> None:
    """Standard input to standard output, with another version in the first packet."""
    incoming = os.fdopen(0, "rb", buffering=0)
    first = b""
    while not first.endswith(b"\n"):
        byte = incoming.read(1)
        if not byte:
            return
        first += byte
    before, _, rest = first.partition(b">")
    data, end, behind = rest.partition(b"<")
    told = base64.b64decode(data)
    assert told.count(b'"protocolversion">2.4<') == 1
    told = told.replace(b'"protocolversion">2.4<', b'"protocolversion">2.3<')
    out = before + b">" + base64.b64encode(told) + end + behind
    while out:
        while out:
            out = out[os.write(1, out) :]
        out = incoming.read(1 << 16)


def main() -> None:
    """Be that PowerShell: this very process, with another one before its standard input."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.dup2(writing, 1)
        os.closerange(3, 256)
        # nothing of the job's environment: it is no process of the script
        os.execve(sys.executable, [sys.executable, "-I", "-S", __file__], {})
    os.dup2(reading, 0)
    for fd in (reading, writing):
        os.close(fd)
    os.execvp(sys.argv[1], sys.argv[1:])


if len(sys.argv) > 1:
    main()
else:
    feed()
