"""Piped standard input: every byte, its end, its feeder's death, a job that does not read."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from pathlib import Path

import pytest

from core.journal.format import STDOUT
from core.runner import control
from tests.core.runner_jobs import Deck, Run, lock

EARLY = "Standard input ended early: whoever fed it went away."


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    return Deck(tmp_path)


def feed(run: Run) -> socket.socket:
    connection = control.connect(run.directory, 20)
    connection.sendall(b'{"op": "input"}\n')
    assert connection.recv(100) == b'{"ok":true}\n'
    return connection


def frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_every_byte_and_the_end(deck: Deck) -> None:
    run = deck.job("sha256sum", stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_state("Running")
    blob = os.urandom(3_000_001)
    with feed(run) as connection:
        connection.sendall(frame(blob[:1]) + frame(blob[1:2_000_000]))
        connection.sendall(frame(blob[2_000_000:]) + frame(b""))
        end = run.ended()
    os.close(feeder)
    assert (end["status"], end["remarks"]) == ("Completed", [])
    assert run.stream(STDOUT).split()[0].decode() == hashlib.sha256(blob).hexdigest()


def test_a_job_that_does_not_read_holds_its_feeder_back(deck: Deck) -> None:
    run = deck.job(script="read line; echo got $line; read x </dev/tty", stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_state("Running")
    with feed(run) as connection:
        connection.settimeout(0.5)
        sent = 0
        block = b"line\n" * 20000
        with pytest.raises(TimeoutError):
            while sent < 50_000_000:
                connection.sendall(frame(block))
                sent += len(block)
        assert sent < 5_000_000
        assert run.ask(op="status")["ok"] is True
        run.ask(op="cancel")
        run.ended()
    os.close(feeder)
    assert run.stream(STDOUT) == b"got line\n"


def test_a_job_that_closes_its_input_lets_the_feeder_come_to_its_end(deck: Deck) -> None:
    run = deck.job(script="exec <&-; echo closed; read x </dev/tty", stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_output(STDOUT, b"closed")
    with feed(run) as connection:
        for _ in range(50):
            connection.sendall(frame(b"x" * 100_000))
        connection.sendall(frame(b""))
        connection.sendall(b'{"op": "cancel"}\n')
        assert connection.recv(100) == b'{"ok":true}\n'
        end = run.ended()
    os.close(feeder)
    assert end["remarks"] == []


def test_nobody_feeds(deck: Deck) -> None:
    end = deck.job("cat", stdin="pipe").go().ended()
    assert (end["status"], end["remarks"]) == ("Completed", [EARLY])


def test_the_feeder_dies_in_the_middle(deck: Deck) -> None:
    run = deck.job("cat", stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_state("Running")
    connection = feed(run)
    connection.sendall(frame(b"first\n") + struct.pack(">I", 1000) + b"half of it")
    run.until_output(STDOUT, b"half of it")
    connection.close()
    os.close(feeder)
    end = run.ended()
    assert (end["status"], end["remarks"]) == ("Completed", [EARLY])
    assert run.stream(STDOUT) == b"first\nhalf of it"


def test_a_feeder_may_connect_again(deck: Deck) -> None:
    run = deck.job("cat", stdin="pipe")
    feeder = lock(run.directory / "input")
    run.go().until_state("Running")
    with feed(run) as connection:
        assert run.ask(op="input")["error"]["kind"] == "conflict"
        connection.sendall(frame(b"one "))
        run.until_output(STDOUT, b"one ")
    with feed(run) as connection:
        connection.sendall(frame(b"two") + frame(b""))
        end = run.ended()
    os.close(feeder)
    assert (run.stream(STDOUT), end["remarks"]) == (b"one two", [])
