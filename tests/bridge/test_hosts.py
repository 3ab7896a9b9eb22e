"""The bridge in hosts that do what hosts do: threads, children, closed descriptors, signals.

The host is a C program, run as it is and under the compiler's sanitizers.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bridge.helpers import host, pids, signalled, wait_for_none
from bridge.native import Bridge, compiled
from kit.processes import RunningMachine
from kit.verdicts import leaf_of, verifies
from kit.waiting import eventually
from seeclient import blocking

PROGRAM = Path(__file__).parent / "standalone" / "host.c"
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
BUILDS = {"plain": (), "address": SANITIZED, "thread": ("-fsanitize=thread",)}


# Programs of these tests import what the tests share.
TESTS = Path(__file__).parent.parent

UNLOADS = """
import _ctypes, os, sys
from bridge.native import Bridge
for _ in range(3):
    bridge = Bridge(sys.argv[1])
    print(bridge.ask("list").status, flush=True)
    _ctypes.dlclose(bridge._library._handle)
    if not (child := os.fork()):
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs are built."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(params=BUILDS)
def program(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The host, built in each way."""
    made = folder / request.param / "host"
    if not made.exists():
        made.parent.mkdir()
        compiled(made, *BUILDS[request.param], sources=[PROGRAM])
    return made


@pytest.fixture
def plain(folder: Path) -> Path:
    """The host alone."""
    made = folder / "alone" / "host"
    if not made.exists():
        made.parent.mkdir()
        compiled(made, sources=[PROGRAM])
    return made


@pytest.fixture(autouse=True)
def no_helper_is_left(machine: RunningMachine) -> object:
    """Whatever becomes of a host, its helpers end; those that do not are ended here."""
    yield
    try:
        wait_for_none(machine.home)
    finally:
        signalled(machine.home, signal.SIGKILL)


def signatures(lines: list[str]) -> dict[str, bytes]:
    """What a host was given, by who asked."""
    rows = [line.split(" ", 1) for line in lines if line != "ready"]
    assert [row for row in rows if len(row) != 2] == []
    return {who: bytes.fromhex(made) for who, made in rows}


def check_leaves(alias: str, made: dict[str, bytes]) -> None:
    """Each is a signature of who asked, and no two are of one leaf."""
    with blocking.open_fleet() as fleet:
        public_key = fleet.key(alias).public_key
    for who, signature in made.items():
        assert verifies(public_key, signature, who.encode())
    assert len({leaf_of(signature) for signature in made.values()}) == len(made)


def test_two_hundred_threads_share_one_helper(
    program: Path, alias: str, machine: RunningMachine
) -> None:
    """Each gets its own signature, and one leaf is taken for each."""
    with host(program, "threads", alias, "200", "2") as threads:
        made = signatures([threads.line()])
        assert eventually(lambda: len(pids(machine.home)) == 1)
        made |= signatures(threads.ended())
    assert len(made) == 400
    check_leaves(alias, made)
    with blocking.open_fleet() as fleet:
        assert fleet.key(alias).info().remaining == 1024 - 400


def test_a_child_has_a_helper_of_its_own(
    program: Path, alias: str, machine: RunningMachine
) -> None:
    """The parent's goes on with the parent, and ends with it, not with the child."""
    with host(program, "forks", alias) as parent:
        lines = [parent.line()]
        [first] = pids(machine.home)
        lines += [parent.line(), parent.line()]
        both = pids(machine.home)
        assert len(both) == 2
        parent.go_on()
        lines += [parent.line(), parent.line()]
        assert eventually(lambda: pids(machine.home) == {first})
        parent.go_on()
        lines += parent.ended()
    made = signatures(lines)
    assert set(made) == {"before", "child", "after"}
    check_leaves(alias, made)


def test_a_child_that_asks_nothing_keeps_no_helper(
    plain: Path, alias: str, machine: RunningMachine
) -> None:
    """The parent's ends with the parent, though the child lives on."""
    with host(plain, "quiet-child", alias) as parent:
        parent.line()
        child = int(parent.line())
        parent.process.kill()
        wait_for_none(machine.home)
        os.kill(child, signal.SIGKILL)


def test_children_may_come_while_threads_wait(plain: Path, alias: str) -> None:
    """A child that is made while others ask has no lock of theirs, and asks too."""
    with host(plain, "forks-among-threads", alias, "10", "40") as parent:
        made = signatures(parent.ended())
    assert len(made) == 160
    check_leaves(alias, made)


def test_a_host_may_close_and_reuse_every_descriptor(
    program: Path, alias: str, tmp_path: Path
) -> None:
    """Its files are never written, its descriptors never closed; signatures go on."""
    with host(program, "closes", alias, str(tmp_path / "file")) as closing:
        made = signatures(closing.ended())
    assert set(made) == {"before", "closed", "over"}
    check_leaves(alias, made)


def test_a_host_without_standard_streams(plain: Path, alias: str, tmp_path: Path) -> None:
    """What it opens next as standard output is its own file."""
    with host(plain, "without-standard-streams", alias, str(tmp_path / "file")) as silent:
        assert silent.ended() == []
    assert (tmp_path / "file").read_text() == "0\n"


@pytest.mark.parametrize("how", ["default", "ignored", "handled"])
def test_a_dead_helper_raises_no_signal(
    program: Path, how: str, alias: str, machine: RunningMachine
) -> None:
    """Whatever the host does on SIGPIPE; it asks a new helper."""
    with host(program, "pipes", alias, how) as signing:
        lines = [signing.line(), signing.line()]
        [killed] = signalled(machine.home, signal.SIGKILL)
        signing.go_on()
        made = signatures(lines + signing.ended())
    assert set(made) == {"before", "after"}
    check_leaves(alias, made)
    assert killed not in pids(machine.home)


def test_a_helper_ends_with_its_host(plain: Path, alias: str, machine: RunningMachine) -> None:
    """Also when that is killed."""
    with host(plain, "waits", alias) as waiting:
        waiting.line()
        assert eventually(lambda: len(pids(machine.home)) == 1)
        waiting.process.kill()
        wait_for_none(machine.home)


def test_a_helper_that_stands_still_is_given_up(
    folder: Path, alias: str, machine: RunningMachine
) -> None:
    """After some time without a word of it a new one is asked; woken up, the old one ends."""
    program = folder / "short" / "host"
    program.parent.mkdir()
    compiled(program, "-DSM_SILENCE_SECONDS=2", sources=[PROGRAM])
    with host(program, "waits", alias) as waiting:
        made = [waiting.line(), waiting.line()]
        stopped = signalled(machine.home, signal.SIGSTOP)
        waiting.go_on()
        made += [waiting.line(), waiting.line()]
        # It may have answered before the process that started it has ended.
        assert eventually(lambda: len(pids(machine.home) - stopped) == 1)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        assert eventually(lambda: not pids(machine.home) & stopped)
        waiting.go_on()
        waiting.ended()
    check_leaves(alias, signatures(made))


def test_a_helper_has_nothing_of_its_host(
    bridge: Bridge, machine: RunningMachine, tmp_path: Path
) -> None:
    """Its standard streams are nothing; a pipe of the host that is open for its children ends when
    the host closes it.
    """
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    assert bridge.ask("list").status == 0
    os.close(writer)
    assert os.read(reader, 1) == b""
    os.close(reader)
    [pid] = pids(machine.home)
    opened = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert opened.count("/dev/null") == 3
    assert all(each.startswith(("/dev/null", "socket:")) for each in opened), opened
    assert os.getsid(pid) != os.getsid(0)


def test_the_library_can_be_unloaded(library: Path, alias: str, machine: RunningMachine) -> None:
    """Its helper ends, and so do its handlers of fork; loaded again it begins anew."""
    with subprocess.Popen(
        [sys.executable, "-c", UNLOADS, str(library), alias],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        told = process.communicate(timeout=60)[0].splitlines()
    assert (process.returncode, told) == (0, ["0", "0", "0"])
    wait_for_none(machine.home)


def test_a_helper_that_takes_nothing_is_given_up(
    tmp_path: Path, alias: str, machine: RunningMachine
) -> None:
    """A message that no socket holds as a whole waits for no helper that stands still."""
    bridge = Bridge(compiled(tmp_path / "libbridge.so", "-shared", "-DSM_SILENCE_SECONDS=1"))
    assert bridge.ask("list").status == 0
    stopped = signalled(machine.home, signal.SIGSTOP)
    try:
        assert len(stopped) == 1
        message = bytes(1 << 22)
        made = bridge.sign(alias, message)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
    assert made.status == 0
    with blocking.open_fleet() as fleet:
        fleet.key(alias).verify(message, made.fields[0])
    bridge.close()


def test_a_question_may_have_sixteen_fields(bridge: Bridge) -> None:
    """It comes to the helper, which says what it makes of it."""
    assert "takes 7 fields, not 16" in bridge.ask("sign", *[b""] * 16).sentence


BOASTS = """
import os, resource, sys
from bridge.native import Bridge
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert Bridge(sys.argv[1]).ask("list").status == 1000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_reply_takes_no_memory_before_it_comes(library: Path, tmp_path: Path) -> None:
    """A helper that announces a gigabyte, and ends, has not made its host fill that."""
    boaster = tmp_path / "python"
    boaster.write_text(
        f"#!{sys.executable}\n"
        "import os, socket\n"
        "wire = socket.socket(fileno=3)\n"
        "wire.sendall(bytes([0, 0, 0, 5, 0, 0, 0, 0, 3]))\n"
        "if os.fork(): os._exit(0)\n"
        "wire.recv(1000)\n"
        "wire.sendall(bytes([64, 0, 0, 0, 0, 0, 0, 1, 2]) + b'x')\n"
    )
    boaster.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", BOASTS, str(library)],
        env=os.environ | {"SEEMACHINE_PYTHON": str(boaster), "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 100_000
