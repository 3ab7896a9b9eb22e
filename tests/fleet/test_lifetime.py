"""lifetime.py: fleets that end by themselves, and with nothing left of them."""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import processes
from kit.waiting import eventually
from shell import FIRST, SECOND, FleetShell

from seemachine.cli import fleet_background, fleet_foreground
from seemachine.cli.argtypes import duration
from seemachine.fleet import lifetime, running
from seemachine.fleet.lifetime import Lifetime
from seemachine.process.parent import Parent
from seemachine.world import World

UP = f"{sys.executable} -m seemachine fleet up"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[FleetShell]:
    """A world with two machines, which is empty at the end."""
    made = FleetShell(tmp_path / "world")
    yield made
    made.seemachine("fleet", "down")


def test_a_fleet_ends_after_its_time(shell: FleetShell) -> None:
    """In order, and its log says why."""
    code, lines = shell.seemachine("fleet", "up", "--ttl", "1s")
    assert code == 0
    assert any("the fleet stops: its time is over" in line for line in lines)
    assert [shell.machine(esn)["state"] for esn in (FIRST, SECOND)] == ["down", "down"]


def test_a_fleet_in_the_background_ends_with_the_shell_that_started_it(shell: FleetShell) -> None:
    """Killed, the shell takes along what lives in sessions of its own."""
    words = ["sh", "-c", f"{UP} --detach --die-with-parent; read line"]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, env=shell.env, **streams) as owner:
        assert owner.stdout is not None
        assert [owner.stdout.readline().split()[4] for _ in (FIRST, SECOND)] == ["up", "up"]
        supervisor = shell.supervisor()
        owner.kill()
    assert eventually(lambda: processes.gone(supervisor))
    assert [shell.machine(esn)["state"] for esn in (FIRST, SECOND)] == ["down", "down"]


def test_a_parent_that_has_ended_by_then_lets_no_fleet_come_up() -> None:
    """Its number may be another's, so its handle is none of it."""
    other = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    gone = Parent()
    gone.pid = other.pid
    options = argparse.Namespace(die_with_parent=True, parent=gone, ttl=None, until_end_of=None)
    # One of that number that lives is another.
    for end in (lambda: None, other.communicate):
        end()
        with pytest.raises(fleet_background.Refused, match="was to end with has ended"):
            fleet_background._handle(options)
    assert fleet_foreground._lifetime(options).over


@pytest.mark.parametrize("process", ["each", "one"])
def test_machines_do_not_outlive_a_killed_supervisor(process: str, shell: FleetShell) -> None:
    """Of a fleet with a time: nobody would end them."""
    fleet = shell.home / "fleet.toml"
    fleet.write_text(f'process = "{process}"\n{fleet.read_text()}')
    code, lines = shell.seemachine("fleet", "up", "--detach", "--ttl", "1h")
    assert (code, lines[-1].startswith("the fleet stops by itself in ")) == (0, True)
    said = shell.seemachine("fleet", "status")[1][-1]
    assert re.search(r"the fleet stops by itself in (1h 0m|59m)", said)
    running = {shell.process(esn) for esn in (FIRST, SECOND)}
    os.kill(shell.supervisor(), signal.SIGKILL)
    assert eventually(lambda: all(map(processes.gone, running)))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0s"), (59.4, "59s"), (60, "1m 0s"), (3599, "59m 59s"), (5400, "1h 30m")],
)
def test_how_long_a_fleet_has(seconds: float, said: str) -> None:
    """In two units."""
    assert lifetime.span(seconds) == said


@pytest.mark.parametrize("until", ["1e400", '"soon"', "-1.0", "true", "null", "[]"])
def test_a_damaged_end_is_none(tmp_path: Path, until: str) -> None:
    """What a fleet did not write is not told."""
    world = World.at(tmp_path)
    world.fleet.mkdir()
    running.write(world, [], 1800000000.5)
    assert running.ends_at(world) == 1800000000.5
    (world.fleet / running.FILE_NAME).write_text(f'{{"until": {until}}}')
    assert running.ends_at(world) is None


def test_a_lifetime_is_over_once_either_end_is_there() -> None:
    """The time, or the process; without both a fleet goes on."""
    ended = [False]
    life = Lifetime(3600, lambda: ended[0])
    assert (life.over, Lifetime().over) == ("", "")
    ended[0] = True
    assert life.over == "the process that it was to end with has ended"
    assert Lifetime(0).over == "its time is over"


def test_only_a_fleet_with_an_end_binds_its_machines() -> None:
    """Others outlive a supervisor that is killed."""
    assert Lifetime().options == []
    assert Lifetime(60).options == Lifetime(None, bool).options == ["--die-with-parent"]


def test_a_handle_tells_of_the_end_of_its_process() -> None:
    """And is not handed on to children."""
    other = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    handle = os.pidfd_open(other.pid)
    ended = lifetime.process_ended(handle)
    assert (ended(), os.get_inheritable(handle)) == (False, False)
    other.communicate()
    assert ended()
    os.close(handle)


def test_a_system_without_handles_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a fleet that outlives its owner."""
    monkeypatch.delattr(os, "pidfd_open")
    options = argparse.Namespace(die_with_parent=True, parent=Parent())
    with pytest.raises(fleet_background.Refused, match="leave out --detach, or --die-with-parent"):
        fleet_background._handle(options)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), ("366d", 31622400)],
)
def test_a_time_has_a_unit(text: str, seconds: int) -> None:
    """A number alone may be meant in minutes."""
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "90", "0s", "5x", "1.5h", "h", "367d", "1h30m", "٣m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With what one looks like."""
    with pytest.raises(argparse.ArgumentTypeError, match="such as 90s, 30m, 2h or 1d"):
        duration(text)
