"""Nothing goes wrong on purpose where others could rely on it, whichever way it is asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kit.in_process import Shell

from seemachine import testing
from seemachine.commands import answer
from seemachine.config import Config, ConfigError, load
from seemachine.faults import KINDS
from seemachine.faults.forms import WORDS
from seemachine.fleet import configuration
from seemachine.machine import Session
from seemachine.server.assembly import build
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.testing.plugin import marker
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

ESN = "7852-268D-3BF9"
WHY = " is not a loopback address, and others rely on what answers there"
FILE = 'host = "{host}"\ninsecure_bind = true\nfault_injection = true\n'


def line(kind: str) -> str:
    """A fault of a kind."""
    return " ".join((kind, *(f"{name}={WORDS[name].example}" for name in KINDS[kind].needs)))


LINES = list(map(line, KINDS))


def refused(make: Callable[[], object]) -> str:
    """Why settings are refused."""
    with pytest.raises(ConfigError) as refusal:
        make()
    return str(refusal.value)


def of_file(folder: Path, host: str, line: str) -> str:
    """The settings file of a machine."""
    path = folder / "machine.toml"
    path.write_text(f'esn = "{ESN}"\n{FILE.format(host=host)}faults = ["{line}"]\n')
    return refused(lambda: load(path, World.at(folder)))


def of_fleet_file(folder: Path, host: str, line: str) -> str:
    """[[faults]] of a fleet file."""
    kind, *words = line.split()
    table = "\n".join(f"{name} = {value}" for name, _, value in (w.partition("=") for w in words))
    path = folder / "fleet.toml"
    path.write_text(
        f'fault_injection = true\n[[machines]]\nesn = "{ESN}"\nhost = "{host}"\n'
        f'insecure_bind = true\n[[faults]]\nkind = "{kind}"\n{table}\n'
    )
    return refused(lambda: configuration.read(path, World.at(folder)))


def of_marker(folder: Path, host: str, line: str) -> str:
    """`@pytest.mark.seemachine`, and `testing.fleet`, which takes the same words."""
    del folder
    settings = {"host": host, "insecure_bind": True}
    words = marker.of_fleet({"faults": [line], "settings": settings})
    return refused(lambda: testing.fleet(**words).__enter__())


WAYS = [of_file, of_fleet_file, of_marker]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("line", LINES)
def test_no_fault_of_any_kind_from_the_start(
    tmp_path: Path, way: Callable[[Path, str, str], str], line: str
) -> None:
    """Whatever else allows the address; addresses of both families, of all interfaces, names."""
    for host in ("0.0.0.0", "::", "192.0.2.7", "hsm.example.org"):
        assert f"{host}{WHY}" in way(tmp_path, host, line)


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--esn", ESN, "--host", "0.0.0.0", "--insecure-bind", "--fault-injection"),
        ("serve", "--esn", ESN, "--host", "0.0.0.0", "--insecure-bind", "--latency", "5c"),
        ("fleet", "up", "--fault-injection"),
        ("fleet", "up", "--latency", "model"),
        *(("fleet", "up", "--fault", each) for each in LINES),
    ],
    ids=" ".join,
)
def test_no_command_starts_such_a_machine(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It ends with the sentence and exit code 2, and nothing was made."""
    path = tmp_path / "fleet.toml"
    path.write_text(f'[[machines]]\nesn = "{ESN}"\nhost = "0.0.0.0"\ninsecure_bind = true\n')
    code, lines = Shell(tmp_path).seemachine(*words)
    assert (code, WHY in lines[-1]) == (2, True), lines
    assert list(tmp_path.iterdir()) == [path]


def test_a_socket_beside_such_a_port_changes_nothing(tmp_path: Path) -> None:
    """The port is there for others all the same."""
    given = {"esn": ESN, "world": World.at(tmp_path), "host": "0.0.0.0", "insecure_bind": True}
    assert WHY in refused(lambda: Config(**given, socket="see.sock", fault_injection=True))
    assert WHY in refused(lambda: Config(**given, socket="see.sock", latency="5c"))


@pytest.mark.parametrize("line", LINES)
def test_no_request_brings_one_in(tmp_path: Path, line: str) -> None:
    """An admin who asks is told how such a machine is started; nothing is listed either."""
    host = {"host": "0.0.0.0", "insecure_bind": True}
    config = Config(esn=ESN, world=World.at(tmp_path), **host)
    session = Session(build(config, MemoryStore()))
    for request in (m.AddFault(fault=line), m.ListFaults(after=0), m.ClearFaults(number=0)):
        reply = answer(session, request)
        assert isinstance(reply, StatusError)
        assert reply.status is Status.NotAvailable
        assert "stop it, and start it with --fault-injection" in reply.detail
