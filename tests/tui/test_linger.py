"""Whether logging out ends the jobs, by the files that say so, and that quitting tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.engine.engine import Engine
from core.service import RunRequest, Status
from tests.tui.conftest import Deck, until
from tui import linger
from tui.linger import what_keeps_jobs
from tui.screens.quit import QuitScreen

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u1.scope\n"
ELSEWHERE = "0::/system.slice/jobdeck.service\n"
KILLS = {"etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\n"}
LINGERS = {"var/lib/systemd/linger/me": ""}


def system(root: Path, files: dict[str, str], place: str) -> str:
    """A root directory with these files, and this process in that control group."""
    for name, text in {**files, "proc/self/cgroup": place}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return str(root)


@pytest.mark.parametrize(
    ("files", "place", "user", "ends"),
    [
        ({}, SESSION, "me", False),
        (KILLS, SESSION, "me", True),
        # Lingering does not save what belongs to the session.
        (KILLS | LINGERS, SESSION, "me", True),
        (KILLS, ELSEWHERE, "me", False),
        (KILLS, "", "me", False),
        ({}, MANAGER, "me", True),
        (KILLS | LINGERS, MANAGER, "me", False),
        (KILLS, SESSION, "root", False),
        ({"etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\nKillExcludeUsers=\n"}, SESSION, "root", True),
        ({"etc/systemd/logind.conf": "[Login]\nKillExcludeUsers=you me\nKillUserProcesses=1\n"}, SESSION, "me", False),
        ({"etc/systemd/logind.conf": "[Login]\nKillOnlyUsers=you\nKillUserProcesses=yes\n"}, SESSION, "me", False),
        ({"etc/systemd/logind.conf": "[Login]\nKillOnlyUsers=you me\n"}, SESSION, "me", True),
        ({"etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, SESSION, "me", False),
        ({"etc/systemd/logind.conf": "[Other]\nKillUserProcesses=yes\n"}, SESSION, "me", False),
        ({"usr/lib/systemd/logind.conf.d/a.conf": "[Login]\nKillUserProcesses = true\n"}, SESSION, "me", True),
        (KILLS | {"etc/systemd/logind.conf.d/z.conf": "[Login]\nKillUserProcesses=no\n"}, SESSION, "me", False),
        # Additions are read by name, whatever directory they are in; of two of one name that in etc counts.
        (
            {
                "etc/systemd/logind.conf.d/10.conf": "[Login]\nKillUserProcesses=no\n",
                "usr/lib/systemd/logind.conf.d/20.conf": "[Login]\nKillUserProcesses=yes\n",
            },
            SESSION, "me", True,
        ),
        (
            {
                "etc/systemd/logind.conf.d/10.conf": "[Login]\nKillUserProcesses=no\n",
                "usr/lib/systemd/logind.conf.d/10.conf": "[Login]\nKillUserProcesses=yes\n",
            },
            SESSION, "me", False,
        ),
    ],
)  # fmt: skip
def test_whether_logging_out_ends_jobs(
    tmp_path: Path, files: dict[str, str], place: str, user: str, ends: bool
) -> None:
    keeps = what_keeps_jobs(system(tmp_path, files, place), user)
    assert (keeps is not None) is ends
    if keeps is not None:
        assert "loginctl enable-linger" in keeps and ("systemd-run" in keeps) is (place == SESSION)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_quitting_says_so(
    deck: Deck, engine: Engine, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(linger, "ROOT", system(tmp_path / "root", KILLS, SESSION))
    monkeypatch.setattr(linger, "_user", lambda: "me")
    (scripts / "long.sh").write_text("exec sleep 60\n")
    job = await engine.run(RunRequest(path=str(scripts / "long.sh"), environment="sh"))
    async with deck(size=size) as pilot:
        await until(pilot, lambda: bool(pilot.app.counts.get(Status.Running)))  # type: ignore[attr-defined]
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuitScreen))
        await pilot.pause()
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "ends your processes when you log out" in picture and "loginctl" in picture and "Stay [esc]" in picture
    await engine.cancel(job.id)
    await engine.wait(job.id)
