"""Tokens, settings, the record of acts and the filters of jobs, at the command line."""

from __future__ import annotations

import os
import re
import time

import pytest

from core.times import nanoseconds
from tests.end_to_end.command import PROGRAM, Command


def test_tokens_are_granted_listed_and_revoked(jobdeck: Command) -> None:
    done = jobdeck("token", "grant", "ada", "--role", "Execute", "--script", "a.sh", "--tag", "web", "--expires", "30d")
    assert re.fullmatch(r"jobdeck_[\w-]{43}\n", done.stdout) and "shown this once" in done.stderr
    token = jobdeck.json("token", "grant", "bob", "--role", "Reader", "--description", "looks")
    assert (token["id"], token["role"], token["scripts"], token["expires"][:2]) == (2, "Reader", [], "20")
    listed = jobdeck.json("token", "list")
    assert [(each["identity"], each["token"], each["revoked"]) for each in listed] == [
        ("ada", None, None),
        ("bob", None, None),
    ]
    assert (listed[0]["scripts"], listed[0]["tags"]) == (["a.sh"], ["web"])
    # Thirty days from now, and a year.
    days = [(_seconds(each["expires"]) - time.time()) / 86_400 for each in listed]
    assert 29.9 < days[0] < 30.1 and 364.9 < days[1] < 365.1
    shown = jobdeck("token").stdout
    assert "ada" in shown and "a.sh, tag web" in shown and "looks" in shown
    assert done.stdout.strip() not in shown + str(listed)
    assert jobdeck.json("token", "revoke", "1")["revoked"]
    assert "revoked" in jobdeck("token", "list").stdout
    assert "revoked already" in jobdeck("token", "revoke", "1", code=1).stderr
    assert jobdeck("token", "revoke", "99", code=1).stderr.startswith("jobdeck: There is no token 99")


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "grant", "ada"],
        ["token", "grant", "ada", "--role", "King"],
        ["token", "grant", "ada", "--role", "Reader", "--expires", "2020-01-01"],
        ["token", "grant", " ", "--role", "Reader"],
        ["token", "revoke", "one"],
        ["settings", "nonsense"],
        ["settings", "nonsense", "1"],
        ["settings", "max_running", "none"],
        ["settings", "--default"],
        ["audit", "--take", "0"],
        ["audit", "--since", "long ago"],
    ],
)
def test_wrong_use_is_told_in_a_sentence(jobdeck: Command, arguments: list[str]) -> None:
    done = jobdeck(*arguments, code=2)
    assert not done.stdout and done.stderr.startswith("jobdeck: ")


def test_settings_are_shown_and_changed(jobdeck: Command) -> None:
    names = [setting["name"] for setting in jobdeck.json("settings")]
    assert {"max_running", "cancel_grace", "max_depth"} <= set(names)
    assert "max_running" in jobdeck("settings").stdout
    assert jobdeck("settings", "max_running").stdout == "100\n"
    assert "max_running is 5 now" in jobdeck("settings", "max_running", "5").stderr
    assert jobdeck.json("settings", "max_running") | {"help": ""} == {
        "name": "max_running", "value": 5, "default": 100, "origin": "file", "minimum": 1, "maximum": 1_000_000,
        "help": "",
    }  # fmt: skip
    assert jobdeck.json("status")["max_running"] == 5
    jobdeck.variables["JOBDECK_MAX_RUNNING"] = "9"
    assert "JOBDECK_MAX_RUNNING" in jobdeck("settings", "max_running", "7", code=1).stderr
    assert jobdeck("settings", "max_running").stdout == "9\n"
    del jobdeck.variables["JOBDECK_MAX_RUNNING"]
    jobdeck("settings", "max_running", "--default")
    assert jobdeck("settings", "max_running").stdout == "100\n"
    assert os.stat(jobdeck.home / "config.toml").st_mode & 0o777 == 0o600


def test_what_stands_behind_two_dashes_is_the_command_line_of_an_environment(jobdeck: Command) -> None:
    jobdeck("environments", "add", "Mine", "/usr/bin/env", "--env", "X=1", "--", "-i", "sh", "--", "--env")

    def mine() -> tuple[list[str], dict[str, str]]:
        (found,) = (each for each in jobdeck.json("environments") if each["name"] == "Mine")
        return found["arguments"], found["variables"]

    assert mine() == (["-i", "sh", "--", "--env", "{scriptPath}"], {"X": "1"})
    jobdeck("environments", "change", "Mine", "--", "{scriptPath}", "-v")
    assert mine() == (["{scriptPath}", "-v"], {"X": "1"})
    assert "unrecognized arguments: -v" in jobdeck("environments", "remove", "Mine", "--", "-v", code=2).stderr


def test_a_running_engine_takes_a_setting_over(jobdeck: Command) -> None:
    go = jobdeck.directory / "go"
    jobdeck.script("w.sh", f"until [ -e {go} ]; do sleep 0.1; done\n")
    jobdeck("settings", "max_running", "1")
    serving = jobdeck.start("run", "w.sh", "--no-input")
    try:
        jobdeck.until("1", "Running")
        jobdeck("run", "--detach", "w.sh")
        assert "max_running" in jobdeck.json("job", "2")["queue_reason"]
        jobdeck("settings", "max_running", "2")
        # Nobody else starts it: the engine of the first `run` has it from the file.
        jobdeck.until("2", "Running")
        assert serving.poll() is None
    finally:
        go.touch()
        assert serving.wait(30) == 0


def test_acts_are_on_record(jobdeck: Command) -> None:
    assert jobdeck.json("audit") == []
    jobdeck.script("x.sh", "exit 3\n")
    jobdeck("run", "x.sh", code=3)
    jobdeck("cancel", "1", code=1)
    acts = jobdeck.json("audit")
    assert [(act["action"], act["target"]) for act in acts] == [("cancel", "job 1 (x.sh)"), ("run", "job 1 (x.sh)")]
    assert acts[1]["outcome"] == "done" and "finished already" in acts[0]["outcome"]
    assert jobdeck.json("audit", "--take", "1") == acts[:1]
    assert jobdeck.json("audit", "--since", acts[0]["time"]) == acts[:1]
    assert "x.sh" in jobdeck("audit").stdout
    assert os.stat(jobdeck.home / "audit.jsonl").st_mode & 0o777 == 0o600


def test_jobs_are_chosen_by_what_they_are(jobdeck: Command) -> None:
    jobdeck.script("a.sh", "# parameter: word\ntrue\n")
    jobdeck.script("b.sh", "true\n")
    jobdeck("scripts", "add", "b.sh", "--tag", "web")
    jobdeck("run", "a.sh", "-p", "word=needle")
    jobdeck("run", "b.sh")
    who = jobdeck.json("job", "1")["identity"]
    by_duration = jobdeck.json("jobs", "--order-by", "duration", "--order", "asc")
    took = [nanoseconds(job["ended"]) - nanoseconds(job["started"]) for job in by_duration]
    assert took == sorted(took) and len(took) == 2
    assert "a.sh" in jobdeck("jobs", "--order-by", "started").stdout

    def ids(*arguments: str) -> list[int]:
        return [job["id"] for job in jobdeck.json("jobs", *arguments)]

    assert ids("--tag", "web") == [2]
    assert ids("--text", "needle") == [1]
    assert ids("--identity", who) == [2, 1] and ids("--identity", "nobody") == []
    assert ids("--script", "a.sh", "--script", "b.sh") == [2, 1]
    assert ids("--script", "a.sh", "--tag", "web") == []
    assert ids("--parent", "1") == []


def test_completion_knows_tokens_and_settings(jobdeck: Command) -> None:
    jobdeck("token", "grant", "ada", "--role", "Reader")
    assert jobdeck("__complete", "--", "token", "revoke", "").stdout == "1\tada Reader\n"
    assert "Operator\t" in jobdeck("__complete", "--", "token", "grant", "ada", "--role", "").stdout
    assert "max_running\t" in jobdeck("__complete", "--", "settings", "max").stdout


def test_a_script_that_starts_itself_comes_to_an_end(jobdeck: Command) -> None:
    jobdeck("settings", "max_depth", "3")
    jobdeck.script("self.sh", f"{' '.join(PROGRAM)} run --no-input {jobdeck.directory}/self.sh\n")
    done = jobdeck("run", "self.sh", code=1)
    assert "max_depth" in done.stderr
    assert [job["id"] for job in jobdeck.json("jobs")] == [4, 3, 2, 1]
