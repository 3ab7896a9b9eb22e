"""Machines of a fleet that are forked: what each has of its own, and what the end of the process
that forks them is to them.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet.shell import FIRST, KEY, SECOND, FleetShell
from kit.processes import children, gone
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="needs Linux")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FleetShell]:
    """A world of two machines that are up, and down again after the test."""
    made = FleetShell(tmp_path, NOTIFY_SOCKET="@nobody-listens")
    assert made.seemachine("fleet", "up", "--detach")[0] == 0
    yield made
    made.seemachine("fleet", "down")


def fork_server(world: FleetShell) -> int:
    """The child of the supervisor that is no machine."""
    machines = {world.process(FIRST), world.process(SECOND)}
    [server] = [pid for pid in children(world.supervisor()) if pid not in machines]
    return server


def sockets(pid: int) -> set[str]:
    """The sockets and pipes that a process has, beside the standard streams."""
    paths = (path for path in Path(f"/proc/{pid}/fd").iterdir() if int(path.name) > 2)
    links = [str(path.readlink()) for path in paths]
    return {link for link in links if link.startswith(("socket:", "pipe:"))}


def test_what_each_machine_has_of_its_own(world: FleetShell) -> None:
    """It is a child of the supervisor, leads a session, is called by its ESN, shares no socket with
    anybody, has the environment of a machine, and says its ESN in each line.
    """
    supervisor, server = world.supervisor(), fork_server(world)
    machines = {esn: world.process(esn) for esn in (FIRST, SECOND)}
    assert set(children(supervisor)) == {server, *machines.values()}
    for esn, pid in machines.items():
        assert os.getsid(pid) == pid
        assert Path(f"/proc/{pid}/comm").read_text().strip() == esn
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Umask:\t0077" in status
        assert "SigBlk:\t0000000000000000" in status
    everybody = [sockets(pid) for pid in (server, *machines.values())]
    assert len(set.union(*everybody)) == sum(map(len, everybody))
    assert len(everybody[0]) == len(list(Path(f"/proc/{server}/task").iterdir())) == 1
    assert b"NOTIFY_SOCKET" not in Path(f"/proc/{server}/environ").read_bytes()
    log = (world.home / "fleet" / "log").read_text().splitlines()
    lines = [line for line in map(json.loads, log) if line["event"] != "fleet"]
    assert {line["esn"] for line in lines} == {FIRST, SECOND}


def test_the_fork_server_may_die(world: FleetShell) -> None:
    """The machines go on and are watched as before; one that dies then is forked by another."""
    server, machine = fork_server(world), world.process(FIRST)
    world.pipsqueak("generate", "alias=test", *KEY)
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: gone(server))
    assert world.pipsqueak("alias=test", "message=a")[0] == 0
    assert eventually(lambda: "the fork server was killed by SIGKILL" in log_of(world))

    os.kill(machine, signal.SIGTERM)
    assert eventually(lambda: f"{FIRST} ended with exit code 0; starting it again" in log_of(world))
    assert eventually(lambda: world.machine(FIRST)["state"] == "up")
    assert fork_server(world) != server
    assert world.pipsqueak("alias=test", "message=b")[0] == 0


def log_of(world: FleetShell) -> str:
    """What supervisor and machines wrote."""
    return (world.home / "fleet" / "log").read_text()


def test_a_fork_server_that_hangs_holds_nothing_up(world: FleetShell) -> None:
    """Stopped by SIGSTOP, it keeps no fleet from ending."""
    server = fork_server(world)
    os.kill(server, signal.SIGSTOP)
    assert world.seemachine("fleet", "down")[0] == 0
    assert gone(server)


def test_the_fork_server_ends_with_its_supervisor(world: FleetShell) -> None:
    """Also with one that is killed; the machines go on, and `down` ends them."""
    server, machine, supervisor = fork_server(world), world.process(FIRST), world.supervisor()
    os.kill(supervisor, signal.SIGKILL)
    assert eventually(lambda: gone(server))
    assert not gone(machine)
    assert world.seemachine("fleet", "down") == (0, [f"stopped: {FIRST}, {SECOND}"])


WITHOUT_HANDLES = """
import os
from seemachine.process.fork_server import adopt_orphans
del os.pidfd_open
assert not adopt_orphans()
from seemachine.cli.command import main
raise SystemExit(main(["fleet", "up"]))
"""


def test_where_nobody_can_adopt(tmp_path: Path) -> None:
    """On a system without pidfds each machine is started by itself, and watched in the same way."""
    world = FleetShell(tmp_path)
    command = [sys.executable, "-c", WITHOUT_HANDLES]
    with subprocess.Popen(command, env=world.env, stderr=subprocess.DEVNULL) as supervisor:
        machines = [FIRST, SECOND]
        assert eventually(lambda: {world.machine(esn)["state"] for esn in machines} == {"up"})
        pids = {world.process(esn) for esn in machines}
        assert set(children(supervisor.pid)) == pids
        for pid in pids:
            assert b"\0serve\0--config\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(30) == 0
    assert all(map(gone, pids))
