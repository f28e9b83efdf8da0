"""A PowerShell made of a recorded conversation: `python psrp_replay.py TRANSCRIPT HEARD EXIT`.

Sends what the server said up to the client's next line, then waits for a packet of that kind. The pipeline's id is the
client's own. What the client answers is written to the file HEARD. The conversations were recorded with a script block
that had the formatter show every string: their strings are marked as ours are where the formatter shows them.
"""

from __future__ import annotations

import base64
import re
import struct
import sys
from pathlib import Path

PACKET = re.compile(r"<(\w+)(?: Stream='(\w+)')? PSGuid='([0-9a-f-]+)'")
SESSION = "00000000-0000-0000-0000-000000000000"


def kind(line: str) -> tuple[str, str, str]:
    """Element, stream and id of a packet."""
    found = PACKET.search(line)
    assert found, line
    return found[1], found[2] or "", found[3]


def marked(line: str) -> str:
    """A packet as our own script block would have made it."""
    name, _stream, _guid = kind(line)
    if name != "Data":
        return line
    before, _, rest = line.partition(">")
    data = base64.b64decode(rest.partition("<")[0])
    number, fragment, flags, length = struct.unpack_from(">QQBI", data)
    # the fragments behind the first are left as they are
    body, others = data[21 : 21 + length], data[21 + length :]
    start = b"\xef\xbb\xbf<S>"
    if not flags & 1 or body[4:8] != struct.pack("<I", 0x41004) or not body[40:].startswith(start):
        return line
    text = body[40 + len(start) :]
    if text.startswith(b"_x0002_"):
        return line
    body = body[:40] + start + b"_x0003_" + text
    data = struct.pack(">QQBI", number, fragment, flags, len(body)) + body + others
    return f"{before}>{base64.b64encode(data).decode()}</Data>"


def main() -> None:
    """Be that PowerShell."""
    transcript, heard, code = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    theirs = ours = ""
    answers: list[str] = []
    for line in transcript.read_text("utf-8").splitlines():
        side, packet = line[0], line[2:]
        name, stream, guid = kind(packet)
        if side == ">":
            if name == "Signal":
                heard.with_name("waits").touch()
            came = sys.stdin.readline()
            if not came:
                sys.exit(99)
            if kind(came)[:2] != (name, stream):
                sys.stderr.write(f"expected {name} {stream}, got {came[:120]}\n")
                sys.exit(98)
            if name == "Command":
                theirs, ours = guid, kind(came)[2]
            if stream == "PromptResponse":
                answers.append(came)
                heard.write_text("".join(answers))
        else:
            sys.stdout.write(marked(packet).replace(f"'{theirs}'", f"'{ours}'") + "\n" if theirs else packet + "\n")
            sys.stdout.flush()
    for descriptor, ending in ((3, ".stdout"), (4, ".stderr")):
        said = transcript.with_suffix(ending)
        if said.exists():
            with open(descriptor, "wb") as file:
                file.write(said.read_bytes())
    if code != 5:
        while sys.stdin.readline():
            continue
    sys.exit(code)


main()
