"""What a test's fleet leaves in its process, and what its children, its end and a kill do to it."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from seeclient import FleetClosed

from seemachine import testing
from seemachine.state.disk import durable
from seemachine.temporary.folder import sweep

# Once for all: it stays for as long as its process.
LOOP = "seemachine.testing"


def held():
    """What this process has open."""
    found = (path for path in Path("/proc/self/fd").iterdir() if path.exists())
    return {str(path.readlink()) for path in found}


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


def test_machines_in_processes_of_their_own():
    """They end with the block, speak in its log, and fail on demand as others do."""
    with testing.fleet(processes=True) as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        fleet.faults.add("drop-after on=signing times=1")
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
