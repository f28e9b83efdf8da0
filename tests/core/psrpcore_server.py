"""A PowerShell made of psrpcore, which speaks protocol 2.3: `python psrpcore_server.py SCENARIO`.

Its script asks for a line that nobody may see, says what psrpcore read of the answer, or of the refusal, and ends.

* `asks`: requests our public key as soon as the script begins, as servers of protocol 2.1 do
* `waits`: waits for the client to send it
* `silent`: never answers with a key
* `nonsense`: answers with what is none
"""

from __future__ import annotations

import base64
import re
import sys
import uuid
from typing import Any

import psrpcore
from psrpcore.types import EncryptedSessionKey, HostMethodIdentifier, PSSecureString

SESSION = "00000000-0000-0000-0000-000000000000"
PACKET = re.compile(r"<(\w+)(?: Stream='\w+')? PSGuid='([0-9a-f-]+)'(?: />|>(.*)</Data>)")
SCENARIO = sys.argv[1]


class Pool(psrpcore.ServerRunspacePool):
    """With an exchange of keys that may go wrong."""

    def _process_PublicKey(self, event: Any) -> None:
        if SCENARIO == "nonsense":
            self.prepare_message(EncryptedSessionKey(EncryptedSessionKey=base64.b64encode(bytes(268)).decode()))
        elif SCENARIO != "silent":
            super()._process_PublicKey(event)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def send(pool: Pool) -> None:
    """All that psrpcore has to say."""
    while (payload := pool.data_to_send()) is not None:
        data = base64.b64encode(bytes(payload.data)).decode()
        say(f"<Data Stream='Default' PSGuid='{payload.pipeline_id or SESSION}'>{data}</Data>")


def begin(pipeline: psrpcore.ServerPipeline) -> None:
    """The script's first half: a secret within a record, and the question."""
    pipeline.start()
    if SCENARIO == "asks":
        pipeline.runspace_pool.request_key()
    pipeline.write_information(PSSecureString("geheim of a record"), "here")
    pipeline.host_call(HostMethodIdentifier.ReadLineAsSecureString)


def finish(pipeline: psrpcore.ServerPipeline, event: Any) -> None:
    """The script's second half: what the answer was."""
    if event.error is not None:
        pipeline.write_output(f"refused: {event.error.Exception.Message}")
    else:
        # as base64: as it is it would be hidden
        told = event.result.decrypt().encode("utf-8", "surrogatepass")
        pipeline.write_output(f"answered: {told.hex(':')}")
    pipeline.complete()


def main() -> None:
    """Be that PowerShell."""
    pool = Pool()
    pipeline: psrpcore.ServerPipeline | None = None
    for line in sys.stdin:
        found = PACKET.match(line)
        assert found, line
        kind, guid, data = found.groups()
        of = None if guid == SESSION else uuid.UUID(guid)
        say(f"<{kind}Ack PSGuid='{guid}' />")
        if kind == "Command":
            assert of is not None
            pipeline = psrpcore.ServerPipeline(pool, of)
        elif kind == "Signal":
            assert pipeline is not None
            pipeline.stop()
        elif kind == "Data":
            pool.receive_data(psrpcore.PSRPPayload(base64.b64decode(data), psrpcore.StreamType.default, of))
        while (event := pool.next_event()) is not None:
            if isinstance(event, psrpcore.CreatePipelineEvent):
                assert pipeline is not None
                begin(pipeline)
            elif isinstance(event, psrpcore.PipelineHostResponseEvent):
                assert pipeline is not None
                finish(pipeline, event)
        send(pool)


main()
