"""Fleets whose machines listen on Unix sockets."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.shell import FIRST, SECOND, FleetShell
from kit.sockets import short_folder
from kit.waiting import eventually
from seeclient import discovery

from seemachine.config import ConfigError
from seemachine.fleet import configuration
from seemachine.fleet.configuration import FleetPlan
from seemachine.world import World

FILE = f"""
sockets = "sockets"

[[machines]]
esn = "{FIRST}"
port = 0

[[machines]]
esn = "{SECOND}"
tcp = false
"""


def read(folder: Path, text: str) -> FleetPlan:
    """A fleet file of this text, read."""
    (folder / "fleet.toml").write_text(text)
    return configuration.read(folder / "fleet.toml", World.at(folder))


def test_each_machine_has_a_socket_in_the_folder(tmp_path: Path) -> None:
    """By its module and its ESN; one that has a socket of its own has that one. What is no port is
    not reserved.
    """
    plan = read(tmp_path, FILE)
    folder = tmp_path / "sockets"
    assert [machine.socket_path for machine in plan.machines] == [
        folder / f"1-{FIRST}.sock",
        folder / f"2-{SECOND}.sock",
    ]
    assert [machine.reserved_ports for [machine] in plan.groups] == [(), ()]
    own = read(tmp_path, FILE + 'socket = "/run/own.sock"\n')
    assert own.machines[1].socket_path == Path("/run/own.sock")


def test_a_new_world_keeps_the_folder(tmp_path: Path) -> None:
    """In the file that is made for it; the command line counts more than a file."""
    path = configuration.find(World.at(tmp_path), None, sockets="run")
    plan = configuration.read(path, World.at(tmp_path))
    assert {machine.socket for machine in plan.machines} == {"run/"}
    other = configuration.read(path, World.at(tmp_path), sockets="/x")
    assert {machine.socket for machine in other.machines} == {"/x/"}
    assert (plan.sockets, other.sockets) == ("run", "/x")


def test_a_client_reads_the_same_of_the_file(tmp_path: Path) -> None:
    """Where the machine without a port will be."""
    plan = read(tmp_path, FILE)
    found = discovery.addresses(World.at(tmp_path), tmp_path / "fleet.toml")
    assert [address.socket for address in found] == ["", str(plan.machines[1].socket_path)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (FILE.replace("tcp", 'socket = "x"\ntcp').replace("port = 0", 'socket = "x"'), "same soc"),
        (FILE.replace('sockets = "sockets"', ""), "tcp = false leaves nothing to listen on"),
        (FILE.replace("tcp = false", 'sockets = "x"'), "takes no sockets: it is of the whole"),
        (FILE.replace('"sockets"', "5"), "sockets takes the path of a folder, not 5"),
        (FILE.replace('"sockets"', f'"{"x" * 99}"'), "107 bytes at most"),
    ],
)
def test_a_file_that_can_not_be_meant_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigError, match=complaint):
        read(tmp_path, text)


@pytest.fixture
def folder() -> Iterator[Path]:
    """For sockets, with a short path."""
    with short_folder() as made:
        yield made


@pytest.fixture
def up(tmp_path: Path, folder: Path) -> Iterator[FleetShell]:
    """Such a fleet is up, until after the test."""
    world = FleetShell(tmp_path)
    (tmp_path / "fleet.toml").write_text(FILE)
    code, lines = world.seemachine("fleet", "up", "--detach", "--sockets", str(folder))
    assert code == 0, lines
    yield world
    world.seemachine("fleet", "down")


def rows(world: FleetShell) -> list[dict[str, object]]:
    """What `fleet status` says of the machines."""
    _, lines = world.seemachine("fleet", "status", "--json")
    found: list[dict[str, object]] = json.loads("\n".join(lines))["machines"]
    return found


def test_a_fleet_of_sockets_lives_its_life(up: FleetShell, folder: Path) -> None:
    """Clients find all in the folder; a machine that is killed replaces its socket; one whose
    socket was removed is found; and nothing is left in the end.
    """
    first, second = rows(up)
    assert first["socket"] == f"{folder}/1-{FIRST}.sock"
    assert second["address"] == f"unix:{folder}/2-{SECOND}.sock"
    both = f"PQSDK: 1.4.1 ({FIRST}: 1.4.1, {SECOND}: 1.4.1)"
    assert up.pipsqueak()[1] == [both]
    up.env["SEEMACHINE_FLEET"] = f"unix:{folder}"
    assert up.pipsqueak()[1] == [both]

    os.kill(int(str(second["pid"])), signal.SIGKILL)
    assert eventually(lambda: rows(up)[1]["pid"] not in (second["pid"], None))
    assert eventually(lambda: up.pipsqueak()[1] == [both])

    (folder / f"1-{FIRST}.sock").unlink()
    code, lines = up.seemachine("fleet", "check")
    assert (code, lines[0]) == (1, f"{FIRST}: its socket {folder}/1-{FIRST}.sock is gone")
    up.seemachine("fleet", "down")
    assert list(folder.iterdir()) == []
