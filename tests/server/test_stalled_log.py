"""A machine, and a fleet in the foreground, whose standard error is a pipe that nobody reads."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attacks.siege import signing_key
from kit import processes
from kit.waiting import PATIENCE, eventually
from seeclient.algorithms.lms.signing import new_token
from seeclient.blocking_connection import Connection
from seeclient.effects import Address

from seemachine.testing import ESN
from seemachine.wire.messages import NvmemfileSign, NvmemfileSigned

# Their log lines are several times what the pipe holds.
SIGNATURES = 100


@contextmanager
def small_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe of one page; the reading one is the caller's to close."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    try:
        yield reading, writing
    finally:
        os.close(writing)


class Stalled(processes.RunningMachine):
    """A machine whose log goes into a pipe; `reading` is its other end."""

    def start(self) -> None:
        """See RunningMachine."""
        self.log.touch()
        with small_pipe() as (self.reading, writing):
            self.process = self.process_with(writing)
        self.wait_until_published()

    def rest(self) -> list[dict[str, object]]:
        """All that is still in the pipe, once the machine has ended."""
        with open(self.reading, "rb") as pipe:  # noqa: PTH123
            return [json.loads(line) for line in pipe.read().splitlines()]


def signatures(entry: dict[str, object], file: str, count: int) -> list[object]:
    """What a machine says to so many requests."""
    connection = Connection(Address(str(entry["host"]), int(str(entry["port"])), 1))
    connection.greet()
    replies = []
    for _ in range(count):
        asked = NvmemfileSign(file=bytes.fromhex(file), token=new_token(), message=b"m")
        connection.send(asked)
        replies.append(connection.receive())
    connection.close()
    return replies


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[Stalled]:
    """A machine whose log nobody reads."""
    machine = Stalled(tmp_path, ESN)
    yield machine
    machine.stop()


def test_signing_and_stopping_wait_for_no_reader(stalled: Stalled) -> None:
    """A machine whose log stalls signs on and stops in order; the pipe has its first lines."""
    replies = signatures(stalled.published(), signing_key(stalled, 10), SIGNATURES)
    assert all(isinstance(reply, NvmemfileSigned) for reply in replies)
    assert stalled.stop() == 0
    assert stalled.published() == {}
    events = [event["event"] for event in stalled.rest()]
    assert events[:2] == ["ready", "hardened"]


def test_a_reader_that_comes_back_finds_every_line(stalled: Stalled) -> None:
    """What the machine wrote while nobody read is there in its order, up to its last words."""
    signatures(stalled.published(), signing_key(stalled, 10), SIGNATURES)
    stalled.process.send_signal(signal.SIGTERM)
    events = stalled.rest()
    assert stalled.process.wait(PATIENCE) == 0
    signed = [event["leaf"] for event in events if event.get("command") == "nvmemfile_sign"]
    assert signed == list(range(SIGNATURES))
    assert events[-1]["event"] == "stopped"


class OnTerminal(processes.RunningMachine):
    """A machine whose log goes to a terminal."""

    def start(self) -> None:
        """See RunningMachine."""
        self.log.touch()
        self.keyboard, self.screen = os.openpty()
        self.process = self.process_with(self.screen)
        self.wait_until_published()


def test_a_terminal_that_was_stopped_holds_up_nobody(tmp_path: Path) -> None:
    """After Ctrl-S a machine signs on, and ends at Ctrl-C as at any other time."""
    machine = OnTerminal(tmp_path, ESN)
    try:
        file = signing_key(machine, 10)
        termios.tcflow(machine.screen, termios.TCOOFF)
        replies = signatures(machine.published(), file, SIGNATURES)
        assert all(isinstance(reply, NvmemfileSigned) for reply in replies)
        machine.process.send_signal(signal.SIGINT)
        assert machine.process.wait(PATIENCE) == 0
    finally:
        machine.stop()
        for descriptor in (machine.keyboard, machine.screen):
            os.close(descriptor)


@pytest.mark.parametrize("closed", [False, True])
def test_a_fleet_in_the_foreground_waits_for_no_reader(closed: bool, tmp_path: Path) -> None:
    """Nor does the supervisor, which starts a killed machine again; also when the reader left."""
    (tmp_path / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\nport = 0\n')
    machine = processes.RunningMachine.__new__(processes.RunningMachine)
    machine.home, machine.esn = tmp_path, ESN
    with small_pipe() as (reading, writing):
        if closed:
            os.close(reading)
        command = [sys.executable, "-m", "seemachine", "fleet", "up"]
        fleet = subprocess.Popen(command, env=processes.environment(tmp_path), stderr=writing)
    try:
        assert eventually(machine.published)
        entry = machine.published()
        assert len(signatures(entry, signing_key(machine, 10), SIGNATURES)) == SIGNATURES
        os.kill(int(str(entry["pid"])), signal.SIGKILL)
        assert eventually(lambda: machine.published().get("pid", entry["pid"]) != entry["pid"])
        fleet.send_signal(signal.SIGTERM)
        assert fleet.wait(PATIENCE) == 0
    finally:
        fleet.kill()
        if not closed:
            os.close(reading)
    assert machine.published() == {}
