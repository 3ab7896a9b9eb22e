"""lifetime.py: a fleet that was closed, or that a fork took along, asks nothing of a machine."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import seeclient
from kit import processes
from seeclient import FleetClosed, aio, blocking, trio_fleet
from seeclient.blocking_wire import SocketWire

from seemachine import testing

CLOSED = "this fleet is closed: call open_fleet() again"


@pytest.fixture
def rig(tmp_path: Path) -> testing.Rig:
    """A world with one machine."""
    made = testing.Rig(tmp_path)
    made.start()
    return made


# What can be asked of a fleet and a key of it.
ASKED: dict[str, Callable[[Any, Any], Any]] = {
    "sign": lambda _fleet, key: key.sign(b"m"),
    "sign with": lambda _fleet, key: key.sign_with(b"m"),
    "destroy": lambda _fleet, key: key.destroy(),
    "info": lambda _fleet, key: key.info(),
    "warn at": lambda _fleet, key: key.warn_at(1),
    "generate": lambda fleet, _key: fleet.generate_lms("other", **testing.QUICK),
    "resume": lambda fleet, _key: fleet.resume_lms("other"),
    "provision": lambda fleet, _key: fleet.provision(testing.ESN, 2),
    "machines": lambda fleet, _key: fleet.machines(),
    "key": lambda fleet, _key: fleet.key("release"),
    "keys": lambda fleet, _key: fleet.keys(),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_closed_fleet_refuses(what: str, rig: testing.Rig) -> None:
    """Whatever is asked of it, with the reason; no leaf is taken, no key made."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
    with pytest.raises(FleetClosed) as refused:
        ASKED[what](fleet, key)
    assert refused.value.detail == CLOSED
    with rig.fleet() as again:
        assert again.key("release").sign_with(b"m").leaf == 0
        assert [each.alias for each in again.keys()] == ["release"]  # noqa: SIM118


async def answer(asked: Callable[[Any, Any], Any], fleet: Any, key: Any) -> Any:
    """What is answered, at once or to who awaits it."""
    return await asked(fleet, key)


async def test_a_closed_trio_fleet_refuses(rig: testing.Rig) -> None:
    """The same for trio."""
    async with rig.trio_fleet() as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
    for asked in ASKED.values():
        with pytest.raises(FleetClosed, match="this fleet is closed"):
            await answer(asked, fleet, key)
    with rig.fleet() as again:
        assert again.key("release").sign_with(b"m").leaf == 0


def test_a_closed_asyncio_fleet_refuses(rig: testing.Rig) -> None:
    """The same for asyncio."""

    async def scenario() -> None:
        async with aio.connected(rig.environment, connect=rig.connect) as fleet:
            key = await fleet.generate_lms("release", **testing.QUICK)
        for asked in ASKED.values():
            with pytest.raises(FleetClosed, match="this fleet is closed"):
                await answer(asked, fleet, key)

    asyncio.run(scenario())
    with rig.fleet() as again:
        assert again.key("release").sign_with(b"m").leaf == 0


def test_a_signature_is_still_checked(rig: testing.Rig) -> None:
    """That needs no machine."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK)
        signature = key.sign(b"m")
    key.verify(b"m", signature)


def test_closed_in_the_middle_of_a_story(rig: testing.Rig) -> None:
    """The next request of an operation is refused too, and opens no connection anew."""
    fleet = blocking.Fleet(rig.environment, connect=rig.connect)

    def close(_event: object) -> None:
        fleet.close()

    with pytest.raises(FleetClosed, match="this fleet is closed"):
        fleet.generate_lms("release", **testing.QUICK, progress=close)
    assert fleet.roster.keys.aliases() == []


def test_closed_while_a_connection_is_opened_anew(tmp_path: Path) -> None:
    """By another thread: the connection is not left open, and no leaf is asked of it."""
    rig, fleets, closed = testing.Rig(tmp_path), [], []
    rig.start(store="file")

    class Noticed(testing.MemoryWire):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def connect(address: Any, context: Any) -> testing.MemoryWire:
        if fleets:
            fleets[0].close()
        machine = rig.machines[address.esn]
        return Noticed(machine, lambda: rig.machines.get(address.esn) is machine)

    fleet = blocking.Fleet(rig.environment, connect=connect)
    key = fleet.generate_lms("release", **testing.QUICK)
    fleets.append(fleet)
    rig.stop()
    rig.start(store="file")
    with pytest.raises(FleetClosed, match="this fleet is closed"):
        key.sign(b"m")
    assert len(closed) == 2
    with rig.fleet() as again:
        assert again.key("release").sign_with(b"m").leaf == 0


async def test_closed_while_trio_opens_a_connection_anew(tmp_path: Path) -> None:
    """The same by another task."""
    rig, fleets, closed = testing.Rig(tmp_path), [], []
    rig.start(store="file")

    class Noticed(testing.AsyncMemoryWire):
        async def close(self) -> None:
            closed.append(self)
            await super().close()

    async def connect(address: Any, context: Any) -> testing.AsyncMemoryWire:
        if fleets:
            await fleets[0].close()
        return Noticed(rig.connect(address, context))

    async with trio_fleet.connected(rig.environment, connect=connect) as fleet:
        key = await fleet.generate_lms("release", **testing.QUICK)
        fleets.append(fleet)
        rig.stop()
        rig.start(store="file")
        with pytest.raises(FleetClosed, match="this fleet is closed"):
            await key.sign(b"m")
        assert len(set(closed)) == 2
    with rig.fleet() as again:
        assert again.key("release").sign_with(b"m").leaf == 0


def test_who_waits_for_a_reply_is_woken() -> None:
    """A thread that waits keeps neither a closed fleet nor its process for minutes."""
    ours, theirs = socket.socketpair()
    wire, woken = SocketWire(ours, None), threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            assert wire.receive(20.0) == b""
        woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    with theirs:
        # So that it waits by then, most likely: closed before, it ends at once.
        theirs.settimeout(0.2)
        with pytest.raises(TimeoutError):
            theirs.recv(1)
        wire.close()
        assert woken.wait(5)
    thread.join()


# ---------------------------------------------------------------- fork

FORKED = """
import os, sys, traceback
from seeclient import blocking, FleetClosed

def in_child(ask):
    read, write = os.pipe()
    if not os.fork():
        try:
            said = str(ask())
        except FleetClosed as refused:
            said = f"{type(refused).__name__}: {refused.detail}"
        except BaseException:
            said = traceback.format_exc()
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    os.wait()
    with os.fdopen(read) as pipe:
        return pipe.read()

with blocking.open_fleet() as fleet:
    key = fleet.generate_lms("release", lms="sha256_m24_h5", lmots="sha256_n24_w2")
    key.sign(b"in the parent")
    print(os.getpid())
    print(in_child(lambda: key.sign(b"in the child")))
    print(in_child(fleet.keys))

    def leave():
        fleet.close()
        return "left"

    print(in_child(leave))

    def anew():
        with blocking.open_fleet() as own:
            return own.key("release").sign_with(b"in the child").leaf

    print(in_child(anew))
    print(key.sign_with(b"in the parent").leaf)
"""


def test_a_child_opens_a_fleet_of_its_own(tmp_path: Path) -> None:
    """Over the parent's connections replies would go to whoever reads first. The refusal says what
    to do; a child that leaves does not hang up on its parent, and one that opens a fleet signs.
    """
    with processes.machines(tmp_path, (testing.ESN,)):
        done = subprocess.run(
            [sys.executable, "-c", FORKED],
            env=processes.environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stderr == ""
    parent, *lines = done.stdout.splitlines()
    refusal = (
        f"FleetClosed: this fleet was opened by process {parent}, and this is a child of it: call"
        " open_fleet() again in the child"
    )
    assert lines == [refusal, refusal, "left", "1", "2"]


LOCKED = """
import fcntl, os, sys
from seeclient import memory_files
from seeclient.sightings import FORMAT

path = f"{sys.argv[1]}/file"
memory_files.change(path, FORMAT, list)
# As between the lock and the write of another thread.
fcntl.flock(memory_files._files[path].descriptor, fcntl.LOCK_EX)
memory_files._lock.acquire()
if not os.fork():
    assert not memory_files._files
    assert memory_files._lock.acquire(blocking=False)
    try:
        fcntl.flock(memory_files._opened(path).descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os._exit(7)
    os._exit(8)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_child_waits_for_its_parents_memory(tmp_path: Path) -> None:
    """A lock by a descriptor that both have would lock nobody out: what the parent is about to
    remember could be written over. Nor does the child wait for a thread that it does not have.
    """
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", LOCKED, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "7\n")


def test_the_state_is_seen(rig: testing.Rig) -> None:
    """A fleet shows who answers, and when it is closed."""
    with rig.fleet() as fleet:
        assert repr(fleet) == f"<seeclient.blocking.Fleet {testing.ESN}>"
    assert repr(fleet) == f"<seeclient.blocking.Fleet {testing.ESN}, closed>"
    assert isinstance(seeclient.FleetClosed("x", "y"), seeclient.StatusError)  # type: ignore[arg-type]
