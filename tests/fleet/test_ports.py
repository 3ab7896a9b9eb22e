"""On which ports the machines of a fleet listen, and who is told when it is not their own."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kit import processes

from seemachine.fleet import configuration
from seemachine.hsms.published import Published, announce
from seemachine.server import ports as ports_module
from seemachine.server.ports import CannotListen, candidates, open_listeners
from seemachine.world import World

ESNS = ("0000-0000-0001", "0000-0000-0002", "0000-0000-0003")
TLS = 'tls = {pki = "auto"}'


def plan(folder: Path, *machines: str, head: str = "") -> configuration.FleetPlan:
    """The fleet of a file with machines of these lines."""
    entries = [
        f'[[machines]]\nesn = "{esn}"\n{lines}\n'
        for esn, lines in zip(ESNS, machines, strict=False)
    ]
    (folder / "fleet.toml").write_text(head + "".join(entries))
    return configuration.read(folder / "fleet.toml", World.at(folder))


@pytest.mark.parametrize(
    ("lines", "searches"),
    [
        ("", True),
        ('host = "localhost"', True),
        ('host = "::1"', True),
        ("search_port = false", False),
        (TLS, False),
        (f"{TLS}\nsearch_port = true", True),
        ('host = "192.0.2.1"\ninsecure_bind = true', False),
        ('host = ""\ninsecure_bind = true', False),
        ('host = ""\ninsecure_bind = true\nsearch_port = true', True),
    ],
)
def test_who_searches_a_port(tmp_path: Path, lines: str, searches: bool) -> None:
    """Machines that only clients of this host reach, without TLS, and that were not told otherwise:
    others are known by the port that they were given.
    """
    [machine] = plan(tmp_path, lines).machines
    assert machine.search_port is searches


def test_each_reserves_the_ports_of_the_others(tmp_path: Path) -> None:
    """Of a file and by default; any port is no port. In one process they are known anyway."""
    fleet = plan(tmp_path, "", "", "port = 0")
    assert [machine.reserved_ports for [machine] in fleet.groups] == [
        (8889,),
        (8888,),
        (8888, 8889),
    ]
    [together] = plan(tmp_path, "", "", head='process = "one"\n').groups
    assert [machine.reserved_ports for machine in together] == [(), ()]


def entry(esn: str, port: int) -> Published:
    """Where a machine listens."""
    return Published(esn, "5c", 1, "127.0.0.1", port, 1)


def test_a_search_passes_over_what_others_have_and_found(tmp_path: Path) -> None:
    """Their own ports, and those where they listened last: they may be starting again there. Its
    own last one is free to it, and its own port is tried first whoever had that.
    """
    [first], _, _ = plan(tmp_path, "", "", "").groups
    announce(World.at(tmp_path), entry(ESNS[0], 8892))
    announce(World.at(tmp_path), entry(ESNS[1], 8891))
    announce(World.at(tmp_path), entry(ESNS[2], 8888))
    tried = candidates(first, {*first.reserved_ports})
    assert [next(tried) for _ in range(3)] == [8888, 8892, 8893]


def test_many_that_search_look_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At where others listen, in each second: a thousand in one process would look a million times.
    Each passes over the ports of all others.
    """
    looks = []
    monkeypatch.setattr(ports_module.time, "monotonic", lambda: 7.5)
    monkeypatch.setattr(
        ports_module.published,
        "listening",
        lambda _world, esn: looks.append(esn) or entry(esn, 9000 + len(looks)),
    )
    machines = plan(tmp_path, "", "", "").machines
    for esn in ESNS:
        (tmp_path / "hsm" / esn).mkdir(parents=True)
    passed = []
    for machine in machines:
        reserved: set[int] = set()
        next(tried := candidates(machine, reserved)), next(tried)
        passed.append(len(reserved))
    assert sorted(looks) == list(ESNS)
    assert passed == [2, 2, 2]


@pytest.fixture
def ports() -> Iterator[tuple[int, list[socket.socket]]]:
    """The first of four free ports in a row, and a socket that listens on it."""
    with ExitStack() as stack:
        yield next(filter(None, (_row_of_ports(stack) for _ in range(100))))


def _row_of_ports(stack: ExitStack) -> tuple[int, list[socket.socket]] | None:
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = int(taken.getsockname()[1])
    try:
        for number in range(port + 1, port + 4):
            socket.create_server(("127.0.0.1", number)).close()
    except OSError:
        return None
    return port, [taken]


async def test_no_search_takes_a_port_that_another_is_to_have(
    tmp_path: Path, ports: tuple[int, list[socket.socket]]
) -> None:
    """Though it is free by now. Who may not search is refused."""
    port, _ = ports
    [first], [second] = plan(tmp_path, f"port = {port}", f"port = {port + 1}").groups
    listeners = await open_listeners(first)
    assert listeners[0].socket.getsockname()[1] >= port + 2
    more = await open_listeners(second)
    assert more[0].socket.getsockname()[1] == port + 1
    for listener in (*listeners, *more):
        await listener.aclose()
    [alone] = plan(tmp_path, f"port = {port}\nsearch_port = false").machines
    with pytest.raises(CannotListen, match=f"port {port} of 127.0.0.1 is taken; choose another"):
        await open_listeners(alone)


def test_a_machine_that_moved_is_named(
    tmp_path: Path, ports: tuple[int, list[socket.socket]]
) -> None:
    """By `fleet up`, `fleet status` and `fleet check`, with the port that was taken; the other one
    has its own.
    """
    port, _ = ports
    plan(tmp_path, f"port = {port}", f"port = {port + 1}")
    env = processes.environment(tmp_path)
    try:
        up = processes.seemachine(["fleet", "up", "--detach"], env)
        log = (tmp_path / "fleet" / "log").read_text().splitlines()
        shown = processes.seemachine(["fleet", "status", "--json"], env)
        found = processes.seemachine(["fleet", "check"], env)
    finally:
        processes.seemachine(["fleet", "down"], env)

    moved, other = json.loads("\n".join(shown[1]))["machines"]
    assert (shown[0], moved["moved_from"], other["address"]) == (0, port, f"127.0.0.1:{port + 1}")
    assert moved["address"] not in (f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}")
    assert "moved_from" not in other
    was_taken = [line.endswith(f"(port {port} was taken)") for line in up[1]]
    assert (up[0], was_taken) == (0, [True, False])
    events = [json.loads(line) for line in log]
    [said] = [each["detail"] for each in events if f"{ESNS[0]} (5c" in each.get("detail", "")]
    assert said.endswith(f"; port {port} was taken")
    assert [each["wanted"] for each in events if each["event"] == "port is taken"] == [port]
    problem = f"note: {ESNS[0]}: port {port} was taken when it started, so it listens on another"
    assert (found[0], found[1][0], found[1][-1]) == (0, problem, "no problems found")
