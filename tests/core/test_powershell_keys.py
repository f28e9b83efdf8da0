"""Secrets for a PowerShell before 7.6: keys are exchanged, with the real one at protocol 2.3 and with psrpcore."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psrpcore._crypto import PSRemotingCrypto, encrypt_session_key

from core.journal.format import ERROR, INFORMATION, PROMPT
from core.runner.loop import Loop
from core.runner.powershell import keys
from core.runner.powershell.keys import Exchange
from core.runner.powershell.values import read
from tests.core.powershell_jobs import documents, powershell, text
from tests.core.runner_jobs import Deck, Run, until
from tests.core.test_powershell_jobs import PARAMETERS
from tests.powershell import pwsh

OLDER = Path(__file__).with_name("older_pwsh.py")
SERVER = Path(__file__).with_name("psrpcore_server.py")


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def older(deck: Deck, script: str, settings: dict[str, Any] | None = None, **spec: Any) -> Run:
    """A job on the real PowerShell, which speaks protocol 2.3."""
    return deck.job(
        sys.executable, str(OLDER), pwsh(), "-NoLogo", "-NoProfile", "-s", script=script, suffix=".ps1",
        kind="powershell", environment="PowerShell 7", powershell=settings or {}, size=[120, 40], **spec,
    )  # fmt: skip


def of_psrpcore(deck: Deck, scenario: str) -> Run:
    """A job whose PowerShell is psrpcore."""
    return deck.job(
        sys.executable, str(SERVER), scenario, script="'x'", suffix=".ps1", kind="powershell", powershell={}
    )


def question(run: Run, number: int) -> dict[str, Any]:
    until(lambda: len(run.values(PROMPT)) >= number, f"question {number}", 60)
    return run.values(PROMPT)[number - 1]


def written(deck: Deck, run: Run, *secrets: str) -> list[Path]:
    """The files that hold one of these, but for the job's own: its script."""
    forms = [each for s in secrets for each in (s.encode(), s.encode("utf-16-le"), base64.b64encode(s.encode()))]
    forms += [base64.b64encode(secret.encode("utf-16-le")) for secret in secrets]
    forms += [secret.encode("utf-16-le").hex().encode() for secret in secrets]
    files = [path for path in deck.directory.rglob("*") if path.is_file() and path.suffix != ".ps1"]
    assert run.directory / "out.dat" in files
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


QUESTIONS = r"""
param([Parameter(Mandatory)][securestring]$First, [Parameter(Mandatory)][pscredential]$Second, [securestring]$Given)
function tell([securestring]$secret) {
    # letter by letter: as it is it would be hidden
    [System.Net.NetworkCredential]::new('', $secret).Password.ToCharArray().ForEach({ [int]$_ }) -join ' '
}
"first $(tell $First)"
"second $($Second.UserName) $(tell $Second.Password)"
"given $(tell $Given)"
Write-Host 'and now: ' -NoNewline
"line $(tell $Host.UI.ReadLineAsSecureString())"
"secure $(tell (Read-Host 'Secure' -AsSecureString))"
"masked $((Read-Host 'Masked' -MaskInput).ToCharArray().ForEach({ [int]$_ }) -join ' ')"
$c = Get-Credential -Message 'Log in' -UserName bob
"credential $($c.UserName) $(tell $c.Password)"
$c = $Host.UI.PromptForCredential('Caption', 'Message', 'ann', 'target', 'Generic', 'None')
"options $($c.UserName) $(tell $c.Password)"
1..3 | ForEach-Object { "row $(tell (Read-Host "Row $_" -AsSecureString))" }
"plain $(Read-Host 'Plain')"
"protocol $($PSVersionTable.PSVersion -ge '7.6')"
"""
SECRETS = ("geheim-first", "geheim-second", "geheim-given", "geheim-🎵-line", "g" * 1000, "geheim-masked", "geheim-c",
           "geheim-o", "geheim", "geheim7", "geheim16 bytes..")  # fmt: skip


def spelled(secret: str) -> str:
    wide = secret.encode("utf-16-le")
    return " ".join(str(int.from_bytes(wide[at : at + 2], "little")) for at in range(0, len(wide), 2))


@pytest.mark.parametrize("start", [older, powershell])
def test_every_question_for_a_secret(deck: Deck, start: Callable[..., Run]) -> None:
    """The same job on both: who is asked sees no difference."""
    first, second, given_, line, secure, masked, login, options, *rows = SECRETS
    run = start(deck, QUESTIONS, {"secrets": {"Given": "secret"}}, parameters={"Given": None}).go({"Given": given_})
    asked = question(run, 1)
    assert [(each["name"], each["type"]) for each in asked["fields"]] == [
        ("First", "secret"),
        ("Second", "credential"),
    ]
    answers: list[dict[str, Any]] = [
        {"fields": {"First": first, "Second": json.dumps({"username": "sue", "password": second})}},
        *({"text": each} for each in (line, secure, masked)),
        *({"fields": {"Password": each}} for each in (login, options)),
        *({"text": each} for each in rows),
        {"text": "open"},
    ]
    for number, answer in enumerate(answers, 1):
        question(run, number)
        assert run.ask(op="answer", feedback=number, **answer) == {"ok": True}
    end = run.ended()
    assert end["status"] == "Completed", run.values(ERROR)
    assert text(run).splitlines() == [
        f"first {spelled(first)}", f"second sue {spelled(second)}", f"given {spelled(given_)}",
        f"line {spelled(line)}", f"secure {spelled(secure)}", f"masked {spelled(masked)}",
        f"credential bob {spelled(login)}", f"options ann {spelled(options)}",
        *(f"row {spelled(each)}" for each in rows), "plain open", "protocol True",
    ]  # fmt: skip
    told = [each["message"] for each in run.values(PROMPT)]
    assert told[1:] == ["and now: ", "Secure", "Masked", "Log in", "Message", "Row 1", "Row 2", "Row 3", "Plain"]
    assert written(deck, run, *SECRETS) == []


def test_given_secrets(deck: Deck) -> None:
    secrets = {"Word": "geheim-1", "Login": json.dumps({"username": "bob", "password": "open-sesame"})}
    kinds = {"secrets": {"Word": "secret", "Login": "credential"}}
    run = older(deck, PARAMETERS, kinds, parameters={"Count": 41, "Sent": "x", "Word": None, "Login": None}).go(secrets)
    assert run.ended()["status"] == "Completed", run.values(ERROR)
    assert text(run).splitlines()[1:] == ["8 bob String x", "secret *** ***"]
    assert written(deck, run, "geheim-1", "open-sesame") == []


def test_lists_of_secrets_and_credentials(deck: Deck) -> None:
    """However the script shows them afterwards."""
    script = (
        "param([Parameter(Mandatory)][securestring[]]$Words, [Parameter(Mandatory)][pscredential[]]$Logins,"
        " [Parameter(Mandatory)][pscredential]$Login)\n"
        '"$($Words.Count) $($Words[1].Length) $($Logins.Count) $($Logins[0].UserName) $($Login.UserName)"\n'
        "$Words; $Logins; $Login; ConvertFrom-SecureString $Words[0]\n"
        "$Words | ForEach-Object { [System.Net.NetworkCredential]::new('', $_).Password }\n"
        "$Login, $Logins[0] | ForEach-Object { $_.GetNetworkCredential().Password }\n"
    )
    for start in (older, powershell):
        run = start(deck, script).go()
        asked = question(run, 1)
        assert [each["type"] for each in asked["fields"]] == ["secret", "secret", "credential"]
        fields = {"Words": "geheim-one, geheim-three", "Logins": "bob:geheim-four", "Login": "ann:geheim:five"}
        assert run.ask(op="answer", fields=fields) == {"ok": True}
        assert run.ended()["status"] == "Completed", run.values(ERROR)
        assert text(run).startswith("2 12 1 bob ann\n")
        shown = ("geheim-one", "geheim-three", "geheim-four", "geheim:five")
        assert written(deck, run, *shown) == []
        # PSSerializer writes them in hexadecimal: still readable, but not what they were
        assert sum(document.count("2a002a002a00") for document in documents(run)) == 4


def test_an_empty_answer_and_a_validated_one(deck: Deck) -> None:
    script = (
        "$e = Read-Host e -AsSecureString; $c = Get-Credential -Message m -UserName u\n"
        '"$($e.Length) $($null -eq $c) $($c.Password.Length)"'
    )
    run = older(deck, script).go()
    question(run, 1)
    run.ask(op="answer", text="")
    question(run, 2)
    run.ask(op="answer", fields={})
    end = run.ended()
    assert (end["status"], text(run)) == ("Completed", "0 False 0\n")


def test_cancel_while_a_secret_is_waited_for(deck: Deck) -> None:
    script = (
        "try { Read-Host one -AsSecureString; Read-Host two -AsSecureString; 'never' }"
        " finally { Write-Host 'cleaned up' }"
    )
    run = older(deck, script, kill_leftovers=True).go()
    question(run, 1)
    run.ask(op="answer", text="geheim-1")
    question(run, 2)
    assert run.ask(op="cancel", by="root") == {"ok": True}
    end = run.ended()
    assert end["status"] == "Canceled" and "never" not in text(run)
    assert [each["message"] for each in run.values(INFORMATION)] == ["cleaned up"]


def test_secrets_that_come_from_powershell_are_told_as_on_a_console(deck: Deck) -> None:
    """Encrypted by it (before 2.4) or not: in records, defaults, errors, and what a startup script says."""
    startup = deck.directory / "startup.ps1"
    startup.write_text(
        "$made = ConvertTo-SecureString 'geheim-made' -AsPlainText\n$made\n[pscredential]::new('u', $made)"
    )
    script = (
        "Write-Information $made -InformationAction Continue; Write-Host $made; Write-Warning $made\n"
        "Write-Error wrong -TargetObject $made\n"
        "$field = [System.Management.Automation.Host.FieldDescription]::new('Word')\n"
        "$field.SetParameterType([securestring]); $field.DefaultValue = $made\n"
        "$($Host.UI.Prompt('Caption', 'Message', $field).Word.Length); 'on'"
    )
    for start in (older, powershell):
        run = start(deck, script, {"startup_script": str(startup)}).go()
        (asked,) = question(run, 1)["fields"]
        assert asked["default"] is None
        run.ask(op="answer", text="geheim")
        end = run.ended()
        name = "System.Security.SecureString"
        assert [each["message"] for each in run.values(INFORMATION)] == [name, name]
        (error,) = run.values(ERROR)
        assert (error["message"], error["target"]) == ("wrong", name)
        assert end["status"] == "Error" and text(run).endswith("6\non\n")
        assert len(documents(run)) == 4 and f"{name}\n" in text(run)


@pytest.mark.parametrize("scenario", ["asks", "waits"])
def test_psrpcore_reads_the_secret(deck: Deck, scenario: str) -> None:
    run = of_psrpcore(deck, scenario).go()
    assert question(run, 1)["secret"] is True
    run.ask(op="answer", text="geheim-pä🎵")
    assert run.ended()["status"] == "Completed"
    assert text(run) == f"answered: {'geheim-pä🎵'.encode().hex(':')}\n"
    assert run.values(INFORMATION)[0]["message"] == "System.Security.SecureString"
    assert written(deck, run, "geheim-pä🎵", "geheim of a record") == []


def test_a_key_that_is_none(deck: Deck) -> None:
    run = of_psrpcore(deck, "nonsense").go()
    assert run.ended()["status"] == "Completed"
    assert text(run) == "refused: PowerShell sent no key that secrets could be encrypted with, so it gets none.\n"
    assert run.values(PROMPT) == []


def test_cancel_while_the_key_is_waited_for(deck: Deck) -> None:
    run = of_psrpcore(deck, "silent").go()
    until(lambda: run.values(INFORMATION), "the script to run")
    run.ask(op="cancel", by="root")
    end = run.ended()
    assert end["status"] == "Canceled" and run.values(PROMPT) == [] and text(run) == ""


def test_the_library_is_loaded_only_where_it_is_needed(deck: Deck) -> None:
    for start, loaded in ((powershell, False), (older, True)):
        run = start(deck, "$x = Read-Host one -AsSecureString; 'between'; Read-Host two").go()
        question(run, 1)
        run.ask(op="answer", text="geheim")
        question(run, 2)
        assert ("/cryptography/" in Path(f"/proc/{run.pid}/maps").read_text()) is loaded
        run.ask(op="answer", text="")
        run.ended()


class Conversation:
    """An exchange on a loop of its own, and what it has sent."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.sent: list[bytes] = []
        self.told: list[str] = []
        self.exchange = Exchange(self.loop, self._send)

    def _send(self, payload: bytes) -> None:
        self.sent.append(payload)
        self.loop.stop()

    def tell(self, failure: str) -> None:
        self.told.append(failure)
        self.loop.stop()

    def run(self) -> None:
        self.loop.resume()
        self.loop.after(20, self.loop.stop)
        self.loop.run()

    def public(self) -> bytes:
        return base64.b64decode(read(self.sent[-1])["PublicKey"].word())


def answered(key: bytes) -> bytes:
    blob = base64.b64encode(key).decode()
    return f'<Obj RefId="0"><MS><S N="EncryptedSessionKey">{blob}</S></MS></Obj>'.encode()


@pytest.fixture(scope="module")
def agreed() -> tuple[Exchange, PSRemotingCrypto]:
    """Both sides of an exchange: ours, and psrpcore's."""
    conversation = Conversation()
    conversation.exchange.when_ready(conversation.tell)
    conversation.run()
    theirs = PSRemotingCrypto()
    theirs.register_key(bytes(range(32)))
    conversation.exchange.received(answered(encrypt_session_key(conversation.public(), bytes(range(32)))))
    assert conversation.told == [""]
    return conversation.exchange, theirs


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_every_text_is_read_by_psrpcore(agreed: tuple[Exchange, PSRemotingCrypto], secret: str) -> None:
    ours, theirs = agreed
    assert theirs.decrypt(ours.secure(secret)) == secret.encode("utf-16-le", "surrogatepass").decode(
        "utf-16-le", "surrogatepass"
    )


def test_keys_are_made_once_and_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = threading.Event()
    make = keys._make
    made: list[bool] = []

    def slowly(done: int, found: list[Any]) -> None:
        made.append(turned.wait(10))
        make(done, found)

    monkeypatch.setattr(keys, "_make", slowly)
    conversation = Conversation()
    conversation.exchange.requested()
    conversation.exchange.when_ready(conversation.tell)
    # the loop goes on while keys are made
    conversation.loop.after(0.01, turned.set)
    conversation.run()
    assert made == [True] and len(conversation.sent) == 1 and conversation.told == []
    conversation.exchange.requested()
    assert made == [True] and conversation.sent[0] == conversation.sent[1]


@pytest.mark.parametrize("blob", [b"", b"x" * 12, b"x" * 268, b"x" * 2000])
def test_whatever_comes_for_a_key_is_told(blob: bytes) -> None:
    conversation = Conversation()
    conversation.exchange.when_ready(conversation.tell)
    conversation.run()
    conversation.exchange.received(answered(blob))
    assert conversation.told == ["PowerShell sent no key that secrets could be encrypted with, so it gets none."]
    conversation.exchange.received(b"<no CLIXML")
    # one that comes after all is taken
    conversation.exchange.received(answered(encrypt_session_key(conversation.public(), bytes(32))))
    conversation.exchange.when_ready(conversation.tell)
    assert conversation.told[1:] == [""]


def test_a_key_that_nobody_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PATIENCE", 0.01)
    conversation = Conversation()
    conversation.exchange.when_ready(conversation.tell)
    while not conversation.told:
        conversation.run()
    assert conversation.told[0].startswith("PowerShell sent no key to encrypt secrets with within")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    conversation = Conversation()
    conversation.exchange.when_ready(conversation.tell)
    conversation.run()
    (told,) = conversation.told
    assert "lacks the library" in told and "update PowerShell" in told
