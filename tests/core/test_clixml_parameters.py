"""Parameters given as CLIXML: undecoded to PowerShell, plain to others, their secrets in no file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.clixml.values import PSObject, SecureString
from core.clixml.writer import write
from core.engine.engine import Engine
from core.service import Clixml, Invalid, Job, RunRequest, Status
from tests import powershell

SECRET = "hush-hush"
CREDENTIAL = Clixml(
    write(
        PSObject(
            ("System.Management.Automation.PSCredential", "System.Object"),
            adapted={"UserName": "me", "Password": SecureString.of(SECRET)},
        )
    )
)


@pytest.fixture
def pwsh(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds the tests' PowerShell."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(powershell.pwsh())}{os.pathsep}{os.environ['PATH']}")


async def output(engine: Engine, job: Job) -> list[str]:
    page = await engine.lines(job.id, 0, 100)
    return [line.data.decode() for line in page.lines]


def files_with(directory: Path, texts: list[bytes]) -> list[str]:
    """The files of a store in which one of the texts stands."""
    found = []
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_socket():
            data = path.read_bytes()
            found += [str(path) for text in texts if text in data]
    return found


async def test_powershell_gets_it_undecoded_and_no_file_holds_the_secret(
    pwsh: None, engine: Engine, scripts: Path, tmp_path: Path
) -> None:
    path = scripts / "s.ps1"
    path.write_text(
        "param([pscredential] $Login, $Any, [hashtable] $Map)\n"
        '"$($Login.UserName) $($Login.GetNetworkCredential().Password.Length)'
        " $([System.Net.NetworkCredential]::new('', $Any).Password.Length) $($Map.a)\"\n"
    )
    parameters = {"Login": CREDENTIAL, "any": Clixml(write(SecureString.of(SECRET))), "Map": Clixml(write({"a": 5}))}
    job = await engine.run(RunRequest(path=str(path), parameters=parameters))
    job = await engine.wait(job.id, 60)
    assert await output(engine, job) == ["me 9 9 5"]
    assert job.parameters["Login"] is None
    assert job.parameters["Any"] is None
    forms = [SECRET.encode(), SECRET.encode("utf-16-le").hex().encode(), SECRET.encode("utf-16-le")]
    assert files_with(tmp_path / "home", forms) == []
    again = await engine.wait((await engine.rerun(job.id)).id, 60)
    assert await output(engine, again) == ["me 9 9 5"]
    assert again.status is Status.Completed


async def test_lists_of_secrets(pwsh: None, engine: Engine, scripts: Path, tmp_path: Path) -> None:
    """One as it is typed, several as CLIXML; in no file either way."""
    path = scripts / "s.ps1"
    path.write_text(
        "param([securestring[]] $Words, [Collections.Generic.List[pscredential]] $Logins)\n"
        '"$($Words.Length) $($Words[-1].Length) $($Logins.Count) $($Logins[-1].UserName)'
        ' $($Logins[-1].GetNetworkCredential().Password.Length)"\n'
    )
    several = Clixml(write([SecureString.of("first-one"), SecureString.of(SECRET)]))
    for words, count in ((SECRET, 1), (several, 2)):
        parameters = {"Words": words, "Logins": f"me:{SECRET}"}
        job = await engine.wait((await engine.run(RunRequest(path=str(path), parameters=parameters))).id, 60)
        assert await output(engine, job) == [f"{count} 9 1 me 9"]
        assert (job.status, job.parameters["Words"], job.parameters["Logins"]) == (Status.Completed, None, None)
    forms = [SECRET.encode(), SECRET.encode("utf-16-le").hex().encode(), SECRET.encode("utf-16-le")]
    assert files_with(tmp_path / "home", forms) == []


async def test_others_get_the_plain_value(engine: Engine, scripts: Path) -> None:
    path = scripts / "s.py"
    path.write_text("import json\ndef main(data: dict, n: int):\n    print(json.dumps(data, sort_keys=True), n)\n")
    given = {"data": Clixml(write({"b": [1, None], "a": "x"})), "n": Clixml(write(7))}
    job = await engine.wait((await engine.run(RunRequest(path=str(path), parameters=given))).id, 60)
    assert json.loads((await output(engine, job))[0].rpartition(" ")[0]) == {"a": "x", "b": [1, None]}
    with pytest.raises(Invalid, match="no CLIXML that can be read"):
        await engine.run(RunRequest(path=str(path), parameters={"data": Clixml("<Objs"), "n": 1}))


async def test_a_secret_goes_only_where_one_is_asked_for(engine: Engine, scripts: Path) -> None:
    (scripts / "open.sh").write_text("echo $1")
    (scripts / "asks.sh").write_text("# @param {secret} word The word\njobdeck-job parameter word | wc -c\n")
    word = Clixml(write(SecureString.of(SECRET)))
    with pytest.raises(Invalid, match=r"holds a SecureString, and open.sh does not ask for a secret there"):
        await engine.run(RunRequest(path=str(scripts / "open.sh"), parameters={"word": word}))
    job = await engine.run(RunRequest(path=str(scripts / "asks.sh"), parameters={"word": word}))
    job = await engine.wait(job.id, 60)
    assert job.parameters["word"] is None
    assert (await output(engine, job))[0].strip() in ("9", "10")
