"""discovery.py: where machines should be, in which order, and what is said of those that are not
there.
"""

import json
import math
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from client.ports import answering, serving
from kit.connections import free_port
from kit.frames import answered_frame
from kit.here import addresses
from kit.services import make_machine
from kit.stories import GREETING
from seeclient import connecting, discovery
from seeclient.effects import Address, Peer
from seeclient.environment import Environment

from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.names import PROTOCOL
from seemachine.wire.printable import is_printable
from seemachine.wire.status import Status, StatusError
from seemachine.world import World


def publish(home, esn, module, port=8888, host="127.0.0.1"):
    """Put a published object into the world."""
    folder = home / "published" / "pqsdk"
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"esn": esn, "model": "5c", "module": module, "host": host, "port": port, "pid": 1}
    (folder / f"{esn}.json").write_text(json.dumps(entry))


def esns(found):
    """The ESNs of some addresses."""
    return [address.esn for address in found]


# ---------------------------------------------------------------- published objects


def test_a_world_without_machines_has_no_addresses():
    """Nothing published, nothing found, nothing complained about."""
    assert addresses() == []


def test_published_objects_are_in_module_order(home):
    """Modules count as numbers, and ESNs decide between equal ones."""
    modules = {"AAAA-0000-0000": 10, "BBBB-0000-0000": 2, "DDDD-0000-0000": 1, "CCCC-0000-0000": 1}
    for esn, module in modules.items():
        publish(home, esn, module, port=1000 + module)
    assert esns(addresses()) == [
        "CCCC-0000-0000",
        "DDDD-0000-0000",
        "BBBB-0000-0000",
        "AAAA-0000-0000",
    ]
    assert addresses()[2] == Address("127.0.0.1", 1002, 2, "BBBB-0000-0000")


GOOD = {"esn": OTHER_ESN, "host": "h", "port": 1, "module": 1, "nvram": "0f" * 16}
WRONG = {
    "port": ["p", math.inf, 70000, -1, True, None],
    "esn": ["", "x", "../../../victim", "/tmp/aaaa-bbbb", OTHER_ESN.lower(), f"{OTHER_ESN}\n", 5],
    "host": ["a\nb", "\x1b[2J", "\u202eh", "\u2028", 5],
    "nvram": ["0F" * 16, "0f", "../../victim", "0f" * 16 + "\n", 5],
}
UNREACHABLE = [
    json.dumps(GOOD | {field: value}) for field, values in WRONG.items() for value in values
]


def test_an_object_with_all_that_it_may_have_counts(home):
    """The values that the wrong ones below differ from."""
    publish(home, ESN, 1)
    (home / "published" / "pqsdk" / "other.json").write_text(json.dumps(GOOD))
    assert addresses()[1 - addresses().index(Address("127.0.0.1", 8888, 1, ESN))] == Address(
        "h", 1, 1, OTHER_ESN, nvram="0f" * 16
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", '{"esn": "x"}', *UNREACHABLE, "\xff", "[" * 200_000]
)
def test_what_is_no_published_object_is_passed_over(text, home):
    """A damaged entry hides no other."""
    publish(home, ESN, 1)
    (home / "published" / "pqsdk" / "other.json").write_bytes(text.encode("latin-1"))
    assert esns(addresses()) == [ESN]


def test_only_objects_of_this_name_count(home):
    """Scratch files beside the objects are not looked at."""
    publish(home, ESN, 1)
    publish(home, OTHER_ESN, 2)
    folder = home / "published" / "pqsdk"
    (folder / f"{OTHER_ESN}.json").rename(folder / f"{OTHER_ESN}.json.new")
    assert esns(addresses()) == [ESN]


async def test_a_stale_object_gives_the_guides_line(home, open_fleet):
    """A machine that was killed is a failure in the guide's words (2.8.1), and the others are
    there.
    """
    port = free_port()
    publish(home, OTHER_ESN, 1, port)
    async with serving(make_machine(home)) as machine:
        publish(home, ESN, 2, machine.port)
        async with open_fleet() as fleet:
            assert [peer.esn for peer in fleet.roster.peers] == [ESN]
            [failure] = fleet.roster.failures
    assert (
        str(failure)
        == f"OSErrorErrno(57): connecting to 127.0.0.1 on port {port}: Connection refused"
    )
    assert failure.where == "dispatch_socket_connect"


async def test_a_stale_object_whose_port_belongs_to_another_machine_is_no_second_machine(
    home, open_fleet
):
    """The port of a killed machine may be taken by another; that one must not appear twice, or its
    leaves count twice.
    """
    async with serving(make_machine(home)) as machine:
        publish(home, OTHER_ESN, 1, machine.port)
        publish(home, ESN, 2, machine.port)
        async with open_fleet() as fleet:
            assert [peer.esn for peer in fleet.roster.peers] == [ESN]
            [failure] = fleet.roster.failures
            assert OTHER_ESN in failure.detail


# ---------------------------------------------------------------- a fleet as text


TEXTS = {
    "127.0.0.1:1": [("127.0.0.1", 1)],
    "127.0.0.1:1,localhost:65535": [("127.0.0.1", 1), ("localhost", 65535)],
    " a:1 , b:2 ,": [("a", 1), ("b", 2)],
    "hsm.example": [("hsm.example", 8888)],
    "[::1]:1": [("::1", 1)],
    "[::1]:1,127.0.0.1:2": [("::1", 1), ("127.0.0.1", 2)],
    ",": [],
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_fleet_is_written_as_text(text, monkeypatch):
    """Addresses are separated by commas, in module order; a port may be left out, an IPv6 address
    stands in brackets.
    """
    expected = [Address(host, port, module) for module, (host, port) in enumerate(TEXTS[text], 1)]
    assert addresses(text) == expected
    monkeypatch.setenv("SEEMACHINE_FLEET", text)
    assert addresses() == expected


@pytest.mark.parametrize(
    "text",
    [
        "a:0",
        "a:65536",
        "a:b",
        "a:",
        "a:-1",
        "a:1.5",
        "a:1,b:x",
        "[::1]:x",
        "a:" + "9" * 5000,
        "a:\u0661",
    ],
)
def test_a_wrong_address_is_refused_with_how_to_write_it(text):
    """The refusal names the address that is wrong."""
    with pytest.raises(
        StatusError, match="is not an address; a fleet is written as host:port,host:port"
    ) as refused:
        addresses(text)
    assert refused.value.status is Status.InvalidParameter
    assert text.rpartition(",")[2] in refused.value.detail


@pytest.mark.parametrize("text", ["a\nb:1", "a\x1b[2J", "\u202ea:1", "a:1,b\x9b", "\udc9b"])
def test_an_address_is_printable(text):
    """A list may come from a file of somebody else's, and is named in every line about its
    machines.
    """
    with pytest.raises(StatusError, match="is not an address") as refused:
        addresses(text)
    assert is_printable(refused.value.detail)


@pytest.mark.parametrize(
    ("text", "host"), [("[::1]", "::1"), ("::1", "::1"), ("[fe80::1]", "fe80::1")]
)
def test_an_ipv6_address_without_a_port_has_the_usual_port(text, host):
    """The colons of an address are not the colon before a port."""
    assert addresses(text) == [Address(host, 8888, 1)]


def test_the_text_wins_over_published_objects(home, monkeypatch):
    """Who names machines means those; an empty variable names none."""
    publish(home, ESN, 1)
    monkeypatch.setenv("SEEMACHINE_FLEET", "other:1")
    assert addresses() == [Address("other", 1, 1)]
    assert addresses("third:2") == [Address("third", 2, 1)]
    monkeypatch.setenv("SEEMACHINE_FLEET", "")
    assert esns(addresses()) == [ESN]


async def test_an_ipv6_machine_that_is_not_there_is_told_by_its_address(open_fleet):
    """The guide's line has the host without brackets."""
    port = free_port()
    async with open_fleet(f"[::1]:{port}") as fleet:
        [failure] = fleet.roster.failures
    assert failure.detail.startswith(f"connecting to ::1 on port {port}: ")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a b"])
async def test_a_host_that_nobody_knows_is_a_failure_with_a_reason(host, open_fleet, monkeypatch):
    """A name that can't be looked up is told with the resolver's words, not with its number."""
    monkeypatch.setattr(socket, "getaddrinfo", nobody)  # the tests ask no name server
    async with open_fleet(f"{host}:8888") as fleet:
        [failure] = fleet.roster.failures
    assert (
        str(failure)
        == f"OSErrorErrno(57): connecting to {host} on port 8888: Name or service not known"
    )


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
async def test_a_host_that_is_no_name_is_a_failure_too(host, open_fleet):
    """An empty label or one that is too long is a failure like any other."""
    async with open_fleet(f"{host}:8888") as fleet:
        [failure] = fleet.roster.failures
    assert failure.status is Status.OSErrorErrno
    assert failure.detail.startswith(f"connecting to {host} on port 8888: ")


def nobody(*arguments, **options):
    """A resolver that knows no name."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_system_error_is_told_in_the_systems_words():
    """Whatever text the error carries, the line has that of its number, as in the guide."""
    failure = connecting.connect_failure(
        Address("h", 1, 1), OSError(111, "Error connecting to ('h', 1)")
    )
    assert failure.detail == f"connecting to h on port 1: {os.strerror(111)}"
    assert connecting.connect_failure(
        Address("h", 1, 1), TimeoutError("timed out")
    ).detail.endswith(": timed out")
    assert connecting.connect_failure(Address("h", 1, 1), OSError()).detail.endswith(": OSError")


# ---------------------------------------------------------------- a fleet as a file

FLEET = """
[[machines]]
esn = "7852-268D-3BF9"
module = 2
port = 1111

[[machines]]
esn = "5F08-02E0-D947"
module = 1
host = "10.0.0.1"
"""


def write_fleet(folder, text=FLEET):
    """A fleet file."""
    path = folder / "fleet.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("kind", [Path, str])
def test_a_fleet_file_says_where_machines_are_meant_to_be(kind, home):
    """Machines come in module order; without a port, each has the next one from 8888 on in the
    order of the file.
    """
    assert addresses(kind(write_fleet(home))) == [
        Address("10.0.0.1", 8889, 1, OTHER_ESN),
        Address("127.0.0.1", 1111, 2, ESN),
    ]


def test_a_machine_that_is_published_is_where_it_says(home):
    """A fleet file gives way to the published object of a machine, for it may have had to take
    another port.
    """
    publish(home, ESN, 7, port=2222)
    publish(home, "AAAA-0000-0000", 3)
    assert addresses(write_fleet(home)) == [
        Address("10.0.0.1", 8889, 1, OTHER_ESN),
        Address("127.0.0.1", 2222, 7, ESN),
    ]


def test_the_environment_may_name_a_fleet_file(home, monkeypatch):
    """A name that ends in .toml is a file."""
    monkeypatch.setenv("SEEMACHINE_FLEET", str(write_fleet(home)))
    assert esns(addresses()) == [OTHER_ESN, ESN]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "machines = 5",
        "machines = [5]",
        "[[machines]]\nport = 1",
        "[[machines]]\nesn = ",
        "[machines]\nesn = 'x'",
        "\udcff",
    ],
)
def test_what_is_no_fleet_file_is_refused_by_name(text, home):
    """The refusal names the file."""
    path = home / "fleet.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(StatusError, match="is not a fleet file") as refused:
        addresses(path)
    assert refused.value.status is Status.InvalidParameter
    assert str(path) in refused.value.detail


def test_a_fleet_file_that_is_not_there_is_refused_by_name(home):
    """A missing file is not an empty fleet."""
    with pytest.raises(StatusError, match=r"nowhere\.toml is not a fleet file"):
        addresses(str(home / "nowhere.toml"))


@pytest.mark.parametrize(
    "line", ['module = "first"', "host = 5", 'port = "http"', "port = 99999", "esn = 5"]
)
def test_a_fleet_file_with_a_wrong_type_is_refused_by_name(line, home):
    """What can't be an address is refused when the file is read."""
    path = write_fleet(
        home,
        FLEET + "[[machines]]\n" + ("" if "esn" in line else 'esn = "AAAA-0000-0000"\n') + line,
    )
    with pytest.raises(StatusError, match="is not a fleet file"):
        addresses(path)


@pytest.mark.parametrize(
    ("protocol", "older", "newer"),
    [(PROTOCOL - 1, ESN, "this client"), (PROTOCOL + 1, "this client", ESN)],
)
async def test_a_machine_of_another_protocol_is_not_used(open_fleet, protocol, older, newer):
    """Its answer to hello says which one it speaks; the failure says which side is older."""

    async def greet(stream):
        assert await stream.receive_some(1 << 16)
        await stream.send_all(answered_frame(1, replace(GREETING, protocol=protocol)))

    async with answering(greet) as other, open_fleet(other.text) as opened:
        assert opened.roster.peers == []
        [failure] = opened.roster.failures
    assert failure.detail.endswith(
        f": {ESN} speaks protocol {protocol}, this client {PROTOCOL}; {older} is older: bring it to"
        f" the version of seemachine that {newer} has"
    )


def test_a_fleet_file_of_another_world_means_its_machines(home, tmp_path):
    """The same ESNs are published in both worlds: those of the file's own world are meant."""
    other = tmp_path / "other"
    for world, port in ((home, 1001), (other, 2001)):
        (world / "hsm").mkdir(parents=True, exist_ok=True)
        publish(world, ESN, 1, port=port)
    path = other / "fleet.toml"
    path.write_text(f'[[machines]]\nesn = "{ESN}"\nport = 0\n')

    found = discovery.addresses(World.at(home), str(path))
    assert [address.port for address in found] == [2001]


def test_one_machine_is_found_by_its_own_object(home, monkeypatch):
    """A hundred connections that are opened anew read a hundred objects, not ten thousand. Where a
    machine's own tells nothing, all are looked through.
    """
    environment = Environment(World.at(home))
    publish(home, ESN, 1, 1001)
    publish(home, OTHER_ESN, 2, 1002)
    peer = Peer(Address("127.0.0.1", 1, 2, OTHER_ESN), replace(GREETING, esn=OTHER_ESN))
    with monkeypatch.context() as patched:
        patched.setattr(discovery, "addresses", None)
        assert environment.current_address(peer) == Address("127.0.0.1", 1002, 2, OTHER_ESN)
    folder = home / "published" / "pqsdk"
    (folder / f"{OTHER_ESN}.json").rename(folder / "other.json")
    assert environment.current_address(peer).port == 1002
    (folder / "other.json").write_text("{")
    assert environment.current_address(peer) == peer.address
