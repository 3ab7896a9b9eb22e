"""testing.fleet: machines that are there for a block, and then were never there."""

import contextlib
import gc
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kit.waiting import eventually
from seeclient import FleetClosed, Status, StatusError

from seemachine import testing
from seemachine.config import ConfigError
from seemachine.state.disk import durable
from seemachine.state.errors import StateError
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.runtime import RuntimeWitness
from seemachine.temporary.folder import sweep
from seemachine.testing.hosting import descriptors

# Once for all: it stays for as long as its process.
LOOP = "seemachine.testing"


def held():
    """What this process has open."""
    found = (path for path in Path("/proc/self/fd").iterdir() if path.exists())
    return {str(path.readlink()) for path in found}


def test_a_key_signs_on_machines_that_nobody_started():
    """The guide's two machines are up within the block, and are what a client needs."""
    with testing.fleet(machines=2) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        key.verify(b"firmware", key.sign(b"firmware"))

        assert [(view.esn, view.model) for view in fleet.machines()] == [
            (testing.ESN, "5c"),
            (testing.OTHER_ESN, "xc"),
        ]
        assert fleet.esns == [testing.ESN, testing.OTHER_ESN]


def forked(child):
    """Have a child of this process do something, and return its process number."""
    process = os.fork()
    if not process:
        with contextlib.suppress(BaseException):
            child()
        os._exit(0)
    return process


def exit_code(asked):
    """1 where something is so in a child of this process."""
    process = os.fork()
    if not process:
        os._exit(asked())
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_child_of_the_process():
    """It is refused the fleet, can have one of its own, and keeps no port and no folder from the
    machines of the parent, which start again while it lives.
    """
    reading, writing = os.pipe()

    def child():
        try:
            fleet.stop()
        except FleetClosed as refused:
            with testing.fleet() as own:
                own.generate_lms("release", **testing.QUICK).sign(b"firmware")
            fleet.close()
            os.write(writing, str(refused).encode())
        os.close(writing)
        gate.wait()

    gate = multiprocessing.get_context("fork").Event()
    with testing.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        key.sign(b"one")
        process = forked(child)
        os.close(writing)
        said = os.read(reading, 1000).decode()
        fleet.restart()
        assert key.sign_with(b"two").leaf == 1
        gate.set()
        os.waitpid(process, 0)
    assert "this is a child of it" in said
    assert len({event["port"] for event in fleet.log if event["event"] == "ready"}) == 1
    os.close(reading)


@pytest.mark.parametrize("settings", [{}, {"tcp": False}])
def test_sockets_of_a_child_are_its_own(settings, tmp_path):
    """What the program has open, and no machine, goes on in its children: also an unbound socket,
    and one of UDP on the very port of a machine.
    """
    socket_path = str(tmp_path / "sockets" / "hsm")
    with (
        testing.fleet(socket=socket_path, **settings) as fleet,
        socket.socket() as unbound,
        socket.socket(type=socket.SOCK_DGRAM) as bound,
    ):
        [ready] = [event for event in fleet.log if event["event"] == "ready"]
        bound.bind(("127.0.0.1", ready.get("port", 0)))

        def child():
            # Raises OSError for what is no socket.
            name = bound.getsockname()
            unbound.bind(("127.0.0.1", 0))
            bound.sendto(b"as ever", name)

        process = forked(child)
        bound.settimeout(10)
        assert bound.recv(100) == b"as ever"
        os.waitpid(process, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_ended_within_a_block(number):
    """After Ctrl-C nothing is left; what a kill leaves, the next process that needs a folder
    removes.
    """
    code = (
        "import sys, time; from seemachine import testing\n"
        "with testing.fleet() as fleet: print(fleet.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        folder = Path(process.stdout.readline().strip())
        process.send_signal(number)
        errors = process.communicate()[1]
    assert errors.strip().endswith("KeyboardInterrupt") == (number == signal.SIGINT)
    assert folder.parent.exists() == (number == signal.SIGKILL)
    sweep(folder.parent.parent)
    assert not folder.parent.exists()


def test_nothing_is_left():
    """After the block there is no folder, no port, no descriptor, and no thread but the loop's."""
    with testing.fleet():
        pass
    before, threads = held(), set(threading.enumerate())
    with testing.fleet(machines=2) as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"firmware")
        folder = fleet.folder
        assert folder.is_dir()
        assert set(threading.enumerate()) == threads

    assert not folder.parent.exists()
    assert not [path for path in durable._certain if path.is_relative_to(folder)]
    assert held() <= before
    assert [thread.name for thread in threads].count(LOOP) == 1


def test_an_error_of_the_block_comes_out_as_it_is():
    """The machines go all the same."""
    wrong = AssertionError("wrong")
    with pytest.raises(AssertionError) as raised, testing.fleet() as fleet:
        raise wrong
    assert raised.value is wrong
    assert not fleet.folder.exists()
    with pytest.raises(FleetClosed) as closed:
        fleet.machines()
    assert closed.value.detail == (
        "the block or the test of this fleet has ended: make another with testing.fleet()"
    )


def test_a_machine_goes_on_after_its_leaves():
    """Stopped and started again it is found by who was connected, on the same port, and signs with
    the next leaf.
    """
    with testing.fleet(machines=2) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, esn=testing.OTHER_ESN)
        key.sign(b"one")
        fleet.stop(2)
        with pytest.raises(StatusError) as refused:
            key.sign(b"two")
        assert refused.value.status is Status.OSErrorErrno
        assert refused.value.detail.endswith(
            ": Connection refused; the test stopped machine 2; start it with: fleet.start(2)"
        )
        assert set(fleet.hosted) == {testing.ESN}
        fleet.start(testing.OTHER_ESN)

        assert key.sign_with(b"two").leaf == 1
        ready = [event for event in fleet.log if event["event"] == "ready"]
        assert len({event["port"] for event in ready if event["esn"] == testing.OTHER_ESN}) == 1
        assert len(ready) == 3


@pytest.mark.parametrize("store", ["sqlite", "file", "memory"])
def test_a_world_that_a_test_destroys(store):
    """With the machines up: they end all the same, and other fleets go on."""
    with testing.fleet(store=store) as other, testing.fleet(store=store) as fleet:
        fleet.generate_lms("release", **testing.QUICK)
        shutil.rmtree(fleet.folder)
        with contextlib.suppress(StatusError):
            fleet.key("release").sign(b"firmware")
        fleet.stop()
        other.generate_lms("release", **testing.QUICK).sign(b"firmware")
    with testing.fleet(store=store, folder=other.folder) as again:
        shutil.rmtree(again.folder)
    assert not other.folder.exists()


def test_two_fleets_in_one_process_never_meet():
    """Each has its own keys, though their machines have the same ESNs and one loop."""
    with testing.fleet() as one, testing.fleet() as other:
        one.generate_lms("release", **testing.QUICK)
        with pytest.raises(StatusError) as refused:
            other.key("release")
        assert refused.value.status is Status.UnknownID
        assert one.folder != other.folder


def test_a_folder_that_stays(tmp_path):
    """A world of the caller's is not removed, and another fleet goes on in it."""
    with testing.fleet(folder=tmp_path) as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"one")
    with testing.fleet(folder=tmp_path) as fleet:
        assert fleet.key("release").sign_with(b"two").leaf == 1


def test_a_world_that_was_there_before(tmp_path):
    """What is put back, file by file in place, makes no key a second time."""
    world, kept = tmp_path / "world", tmp_path / "kept"
    with testing.fleet(seed=7, folder=world):
        pass
    shutil.copytree(world, kept)
    with testing.fleet(folder=world) as fleet:
        fleet.generate_lms("release", **testing.QUICK).sign(b"one")
    _put_back(kept, world)
    with testing.fleet(folder=world) as fleet, pytest.raises(StatusError) as refused:
        fleet.generate_lms("release", **testing.QUICK)
    assert "is a copy, or was put back" in refused.value.detail


def test_the_host_remembers_a_world_that_stays(tmp_path):
    """In its runtime witness, of which a new one has no need."""
    for witness in (NoWitness, RuntimeWitness):
        with testing.fleet(folder=tmp_path) as fleet:
            machine = fleet.bench.hosting.places[testing.ESN].machine
            assert type(machine.store._witness._layers[-1]) is witness


def _put_back(kept, world):
    for path in sorted(world.rglob("*"), reverse=True):
        if not (kept / path.relative_to(world)).exists():
            path.rmdir() if path.is_dir() else path.unlink()
    for path in kept.rglob("*"):
        if path.is_file():
            (world / path.relative_to(kept)).write_bytes(path.read_bytes())


def test_machines_of_a_world_that_is_served(tmp_path):
    """Who is refused the world has changed nothing of the machine that serves it."""
    with testing.fleet(folder=tmp_path):
        told = tmp_path / "hsm" / testing.ESN / "settings.toml"
        told.touch(0o600)
        with (
            pytest.raises(StateError, match="is already in use"),
            testing.fleet(folder=tmp_path, processes=True),
        ):
            pass
        assert not told.read_text()


def test_the_log_has_what_was_answered():
    """Also the very last request."""
    with testing.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        for leaf in range(20):
            key.sign(b"firmware")
            assert fleet.log[-1]["leaf"] == leaf


def test_a_seed_makes_the_same_keys():
    """Each fleet of a seed has the same key and signature; without one no two have."""

    def made(seed):
        with testing.fleet(seed=seed) as fleet:
            key = fleet.generate_lms("release", **testing.QUICK)
            return key.file.public_key, key.sign(b"firmware")

    assert made(7) == made("7")
    assert made(8) != made(7)
    assert made(None) != made(None)


def test_programs_find_the_machines():
    """In `fleet.env` a program acts on this world, whatever the environment says otherwise."""
    with pytest.MonkeyPatch.context() as patch, testing.fleet() as fleet:
        patch.setenv("SEEMACHINE_FLEET", "127.0.0.1:1")
        fleet.generate_lms("release", **testing.QUICK)
        done = subprocess.run(
            [sys.executable, "-m", "seeclient", "list"],
            env=fleet.env,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "release" in done.stdout


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fleet_that_is_never_closed():
    """Collected it is closed, and Python warns of its sockets; else it is when its process ends."""
    fleet = testing.fleet().__enter__()
    folder = fleet.folder
    del fleet
    gc.collect()
    assert eventually(lambda: not folder.parent.exists())

    code = "from seemachine import testing; f = testing.fleet().__enter__(); print(f.folder)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stderr, Path(done.stdout.strip()).parent.exists()) == ("", False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"machines": 0}, "machines takes a number from 1 to 10000, not 0"),
        ({"machines": 100_000}, "machines takes a number from 1 to 10000, not 100000"),
        ({"seed": ""}, "seed takes a number or a text; leave it out"),
        ({"folder": ""}, "folder takes the path of a folder; leave it out"),
        ({"model": "9c"}, "model takes one of 5c, xc, not '9c'"),
        ({"stroe": "file"}, "unknown setting stroe; did you mean store? Known are"),
        ({"machine": 2}, "unknown setting machine; did you mean machines?"),
        ({"esn": testing.ESN}, "esn is not to be set here: each machine of a fleet has its own"),
    ],
)
def test_what_is_mistyped_is_refused_by_name(given, sentence):
    """Before anything is started, and nothing is left of it."""
    with pytest.raises(ConfigError) as refused, testing.fleet(**given):
        pass
    assert sentence in str(refused.value)


def test_more_machines_than_open_files():
    """Refused before one is started, with what to do; where the system lets us ask, it is asked."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
        descriptors.allow(20)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 20 * descriptors.EACH
        with pytest.raises(ConfigError, match="ulimit -n"):
            descriptors.allow(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_machine_that_there_is_not():
    """It is named, with those that there are."""
    with testing.fleet() as fleet, pytest.raises(ConfigError) as refused:
        fleet.stop(2)
    assert str(refused.value) == (
        f"there is no machine 2 in this fleet; there are 1 ({testing.ESN})"
    )


def test_machines_in_processes_of_their_own():
    """They end with the block, speak in its log, and fail on demand as others do."""
    with testing.fleet(processes=True) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        fleet.faults.add("drop-after on=nvmemfile_sign times=1")
        key.sign(b"one")
        assert fleet.faults.listing()[0].spent
        # It tells the machine that this process lives, which no child can.
        process = fleet.bench.hosting.places[testing.ESN]._process
        life = str(Path(f"/proc/self/fd/{process.stdin.fileno()}").readlink())
        assert life in held()
        assert exit_code(lambda: life in held()) == 0
        fleet.restart()
        assert fleet.faults.listing() == []
        assert key.sign_with(b"two").leaf == 1
        assert fleet.hosted == {}
    assert [event["event"] for event in fleet.log].count("stopped") == 2
    assert not fleet.folder.exists()
