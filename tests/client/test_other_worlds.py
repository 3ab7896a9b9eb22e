"""Published objects that are stale: whatever took their port, a client asks only the machine that
was published.
"""

import json

import pytest
from kit.in_process import Machine, Shell

from seemachine.testing import ESN

GENERATE = [
    "generate",
    "alias=lost",
    "algorithm=lms",
    "lmscode=sha256_m24_h5",
    "lmotscode=sha256_n24_w8",
]
OBJECT = f"published/pqsdk/{ESN}.json"


def start(world, port=0):
    """The machine of a world; every world has one of this ESN."""
    world.mkdir(exist_ok=True)
    return Machine(world, ESN, port=port)


def entry(world):
    """The object that the machine of a world published."""
    return json.loads((world / OBJECT).read_text())


@pytest.fixture
def stale(tmp_path):
    """A world whose machine stopped and stayed published, and the port that it left."""
    world = tmp_path / "here"
    machine = start(world)
    kept = (world / OBJECT).read_text()
    machine.stop()
    (world / OBJECT).write_text(kept)
    return world, json.loads(kept)["port"]


def test_a_stale_object_does_not_lead_into_another_world(stale, tmp_path):
    """A machine with the same ESN on the same port makes no key for a host that it was not
    published to (guide 2.8.1 step 5).
    """
    world, port = stale
    other = tmp_path / "there"
    machine = start(other, port)
    try:
        _, banner = Shell(world).pipsqueak()
        code, lines = Shell(world).pipsqueak(*GENERATE)
        known_there = Shell(other).pipsqueak()
    finally:
        machine.stop()
    where = f"OSErrorErrno(57): connecting to 127.0.0.1 on port {port}: Connection refused"
    assert banner[0].partition(" dispatch_socket_connect[dispatch.c:172] ")[2].startswith(where)
    assert f"another {ESN} answers there" in banner[0]
    assert banner[1:] == ["PQSDK: 1.4.1 ()"]
    assert (code, lines[-1]) == (1, "ERROR: generate failed")
    assert not list(other.glob(f"hsm/{ESN}/making/*"))
    assert (
        not (world / "seen" / ESN).exists()
        or entry(other)["nvram"] not in (world / "seen" / ESN).read_text()
    )
    assert known_there == (0, [f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"])


def test_a_machine_that_was_started_again_is_still_the_one_that_was_published(stale):
    """On its old port it is found by the object of its last start: `csadmin start` publishes
    nothing.
    """
    world, port = stale
    kept = (world / OBJECT).read_text()
    machine = start(world, port)
    try:
        (world / OBJECT).write_text(kept)
        assert Shell(world).pipsqueak() == (
            0,
            [f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"],
        )
    finally:
        machine.stop()


def test_an_object_of_before_is_taken_by_its_esn(stale):
    """One that names no NVRAM, as those that were written by earlier checkouts."""
    world, port = stale
    machine = start(world, port)
    try:
        old = {name: value for name, value in entry(world).items() if name != "nvram"}
        (world / OBJECT).write_text(json.dumps(old))
        assert Shell(world).pipsqueak() == (
            0,
            [f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"],
        )
    finally:
        machine.stop()


@pytest.mark.parametrize("was_up", [True, False])
def test_a_fleet_file_does_not_lead_into_another_world(stale, tmp_path, was_up):
    """Default fleets of two users have the same ESNs and ports: the file of the one that is down
    means its own machines, be it that they were never up.
    """
    world, port = stale
    (world / OBJECT).unlink()
    if not was_up:
        (world / "hsm" / ESN / "listening.json").unlink()
    (world / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\nport = {port}\n')
    other = tmp_path / "there"
    machine = start(other, port)
    shell = Shell(world, SEEMACHINE_FLEET=str(world / "fleet.toml"))
    try:
        _, banner = shell.pipsqueak()
        code, _ = shell.pipsqueak(*GENERATE)
    finally:
        machine.stop()
    assert f"on port {port}: Connection refused; another {ESN} answers there" in banner[0]
    assert banner[1] == "PQSDK: 1.4.1 ()"
    assert code == 1
    assert not list(other.glob(f"hsm/{ESN}/making/*"))


def test_a_fleet_file_finds_an_unpublished_machine_of_its_own(tmp_path):
    """Where the file says, if it is the one of that world."""
    machine = start(tmp_path / "here")
    world = machine.home
    port = entry(world)["port"]
    (world / OBJECT).unlink()
    (world / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\nport = {port}\n')
    shell = Shell(world, SEEMACHINE_FLEET=str(world / "fleet.toml"))
    try:
        banner = shell.pipsqueak()
    finally:
        machine.stop()
    assert banner == (0, [f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"])


def test_any_port_says_what_to_do(tmp_path):
    """`port = 0` in a fleet file is no place to look for a machine that is down."""
    (tmp_path / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\nport = 0\n')
    _, banner = Shell(tmp_path, SEEMACHINE_FLEET=str(tmp_path / "fleet.toml")).pipsqueak()
    where, _, way_out = banner[0].partition(f"; {ESN} takes any port, and is not published; ")
    assert where.endswith("connecting to 127.0.0.1 on port 0: Connection refused")
    assert way_out == "start it with: seemachine fleet up"
