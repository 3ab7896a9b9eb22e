"""Fleets of so many machines: who they are, with which file, at each count."""

from itertools import islice
from pathlib import Path

import pytest
from kit.in_process import Shell
from seeclient import discovery

from seemachine.config import ConfigError
from seemachine.fleet import configuration
from seemachine.fleet.configuration import FleetPlan
from seemachine.wire.entries import given_esns
from seemachine.wire.names import is_esn
from seemachine.wire.status import StatusError
from seemachine.world import World

GUIDE = ["7852-268D-3BF9", "5F08-02E0-D947"]
GIVEN = ["9E37-79B9-7F4B", "3C6E-F372-FE96", "DAA6-6D2C-7DE1"]
NAMED = '[[machines]]\nesn = "0000-0000-0001"\n'


def read(tmp_path: Path, text: str, count: int | None = None) -> FleetPlan:
    """A fleet file of this text, with another count perhaps."""
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    return configuration.read(path, World.at(tmp_path), count)


def who(fleet: FleetPlan) -> list[tuple[str, int, int]]:
    """ESN, module and port of those that are to be up."""
    up = [machine for machine in fleet.machines if machine.esn not in fleet.left_out]
    return [(machine.esn, machine.module, machine.port) for machine in up]


def test_esns_are_given_out_in_one_order() -> None:
    """The same everywhere and at all times, and none comes twice."""
    many = list(islice(given_esns(()), 20_000))
    assert many[:3] == GIVEN
    assert len(set(many)) == len(many)
    assert all(map(is_esn, many))


def test_a_count_alone_is_a_fleet(tmp_path: Path) -> None:
    """With defaults: modules and ports in order."""
    fleet = read(tmp_path, "count = 3\n")
    assert who(fleet) == [(GIVEN[0], 1, 8888), (GIVEN[1], 2, 8889), (GIVEN[2], 3, 8890)]
    assert [(machine.model, machine.store) for machine in fleet.machines] == [("5c", "sqlite")] * 3


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_whoever_has_an_esn_keeps_it(tmp_path: Path, count: int) -> None:
    """Whatever the count is by then: the first so many of one row."""
    longest = who(read(tmp_path, "count = 7\n" + NAMED))
    assert who(read(tmp_path, NAMED, count)) == longest[:count]


def test_machines_are_like_the_first(tmp_path: Path) -> None:
    """But for ESN, module and port, of which they get those that nobody has."""
    first = 'esn = "0000-0000-0001"\nmodel = "xc"\nstore = "memory"\nport = 9000\n'
    second = f'esn = "{GIVEN[0]}"\nmodule = 3\nport = 9001\n'
    text = f"count = 4\n[[machines]]\n{first}[[machines]]\n{second}"
    fleet = read(tmp_path, text)
    assert who(fleet) == [
        ("0000-0000-0001", 1, 9000),
        (GIVEN[1], 2, 9002),
        (GIVEN[0], 3, 9001),
        (GIVEN[2], 4, 9003),
    ]
    kinds = [(machine.model, machine.store) for machine in fleet.machines]
    assert kinds == [("xc", "memory"), ("xc", "memory"), ("5c", "sqlite"), ("xc", "memory")]
    assert {
        machine.port for machine in read(tmp_path, "count=9\n" + NAMED + "port=0\n").machines
    } == {0}


def test_fewer_than_the_file_names(tmp_path: Path) -> None:
    """The first by module; it is said of each other that it stays down, and why."""
    more = '[[machines]]\nesn = "0000-0000-0002"\nmodule = 1\n'
    fleet = read(tmp_path, "count = 1\n[[machines]]\nesn = '0000-0000-0001'\nmodule = 2\n" + more)
    assert who(fleet) == [("0000-0000-0002", 1, 8889)]
    assert fleet.left_out == {"0000-0000-0001": "stays down: count is 1"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "count = -1\n",
            "count takes a number from 0 (as many as there are [[machines]]) to 10000",
        ),
        ("count = 10001\n", "to 10000, not 10001"),
        ("count = 1.5\n", "count takes a number"),
        ("count = true\n", "count takes a number"),
        ('count = "3"\n', "count takes a number"),
        ("count = 0\n", "count takes a number from 1 to 10000 where there is no [[machines]]"),
        (f"count = 3\n{NAMED}port = 65534\n", "there are too few ports after 65534"),
        (f'count = 3\n{NAMED}port = "x"\n', "port takes"),
        (
            f'count = 2\n{NAMED}tls = {{certificate = "a", key = "b", ca = "c"}}\n',
            "each needs a certificate of its own",
        ),
    ],
)
def test_a_bad_count_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """With a sentence that names the file; a client refuses such a file too."""
    with pytest.raises(ConfigError, match=r"fleet.toml: ") as refused:
        read(tmp_path, text)
    assert complaint in str(refused.value)
    with pytest.raises(StatusError):
        discovery.addresses(World.at(tmp_path), tmp_path / "fleet.toml")


@pytest.mark.parametrize(
    "text", ["count = 5\n", f"count = 5\n{NAMED}", f'count=1\n{NAMED}{NAMED[:-3]}2"\n']
)
def test_a_client_reads_the_same_of_a_file(tmp_path: Path, text: str) -> None:
    """The machines that are to be up, where they are meant to be."""
    fleet = read(tmp_path, text)
    found = discovery.addresses(World.at(tmp_path), tmp_path / "fleet.toml")
    assert [(each.esn, each.module, each.port) for each in found] == who(fleet)


def test_a_new_world_keeps_the_count(tmp_path: Path) -> None:
    """In the file that is made for it; one that is there is left as it is."""
    path = configuration.find(World.at(tmp_path), None, 3)
    fleet = configuration.read(path, World.at(tmp_path))
    assert [esn for esn, _, _ in who(fleet)] == [*GUIDE, GIVEN[0]]
    written = path.read_bytes()
    assert configuration.find(World.at(tmp_path), None, 5).read_bytes() == written


@pytest.mark.parametrize("count", ["0", "-1", "x", "10001", "1.0"])
def test_a_bad_option_is_wrong_usage(tmp_path: Path, count: str) -> None:
    """Nothing is written."""
    code, lines = Shell(tmp_path).seemachine("fleet", "up", f"--count={count}")
    assert code == 2
    assert lines[-1].endswith(f"--count: takes a number from 1 to 10000, not '{count}'")
    assert not list(tmp_path.iterdir())
