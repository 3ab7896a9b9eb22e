"""World folders that are copied, moved or put back: whatever runs and whoever signs, no leaf's
signature is released for two messages.

What a machine can notice it puts into quarantine; what it can't, the client's memory notices.
"""

import subprocess
import threading
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
from kit.images import as_from_an_image
from kit.in_process import Machine, Shell, connect, machines
from kit.verdicts import verifies
from seeclient import Status, StatusError, blocking, sightings
from seeclient.sightings import Sightings

from seemachine.frozen import replace
from seemachine.state.errors import StateError
from seemachine.testing import ESN
from seemachine.world import OFF, SEEN_VARIABLE

TREE = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w4"}
either_store = pytest.mark.parametrize("store", ["sqlite", "file"])


class Released:
    """Every signature that a caller got: none for a leaf that has another message."""

    def __init__(self, public_key):
        self.public_key = public_key
        self.messages = defaultdict(set)
        self.number = count()

    def sign(self, fleet, seen="off"):
        """One signature of a message that nobody signed before, with the memory `seen`: its leaf,
        or the refusal.
        """
        message = b"message %d" % next(self.number)
        memory = Sightings(None if seen == OFF else Path(seen))
        fleet.roster = replace(fleet.roster, sightings=memory)
        try:
            signed = fleet.key("key").sign_with(message)
        except StatusError as refused:
            return refused
        assert verifies(self.public_key, signed.signature, message)
        self.messages[signed.leaf].add(message)
        return signed.leaf

    def check(self):
        """The promise."""
        assert [leaf for leaf, messages in self.messages.items() if len(messages) > 1] == []


@contextmanager
def met(machine, seen="off"):
    """A fleet of one machine, wherever it is, met with the memory `seen`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SEEN_VARIABLE, str(seen))
        opened = blocking.open_fleet(f"127.0.0.1:{machine.port}", connect=connect)
        fleet = opened.__enter__()
    try:
        yield fleet
    finally:
        opened.__exit__(None, None, None)


def refused(outcomes):
    """Whether all of these are refusals for mistrust: of the machine's own, or of who
    remembers it.
    """
    return {getattr(outcome, "status", outcome) for outcome in outcomes} == {Status.AccessDenied}


def copy(world, name):
    """A copy of a world, as `cp -a` makes it: of a machine that runs, too, whose files
    come and go.
    """
    subprocess.run(
        ["cp", "-a", str(world), str(world.with_name(name))], check=False, stderr=subprocess.DEVNULL
    )
    return world.with_name(name)


@pytest.fixture
def store():
    """The kind of NVRAM."""
    return "sqlite"


@pytest.fixture
def running(home, store):
    """A machine of the world with a key whose first three leaves are used, and what was released of
    it.
    """
    with machines(home, (ESN, {"store": store})) as [machine]:
        with met(machine, home / "seen") as fleet:
            released = Released(fleet.generate_lms("key", **TREE).public_key)
            assert [released.sign(fleet, home / "seen") for _ in range(3)] == [0, 1, 2]
        yield machine, released
        released.check()


def start(world, store):
    """A machine on a world that may be unusable: the machine, or nothing when it is refused."""
    try:
        return Machine(world, ESN, store=store)
    except StateError:
        return None


@contextmanager
def started(world, store):
    """The same, for the length of a block."""
    machine = start(world, store)
    try:
        yield machine
    finally:
        if machine is not None:
            machine.stop()


MEMORIES = {"one memory": ("seen", "seen"), "two memories": ("seen", "other")}


def signing_on_both(released, original, its_copy, seen):
    """Sign in turns on a machine and its copy, both met before the first signature.

    Returns what became of it on each.
    """
    with ExitStack() as stack:
        fleets = [
            stack.enter_context(met(machine, where))
            for machine, where in zip((original, its_copy), seen, strict=True)
        ]
        outcomes = [[], []]
        for _ in range(4):
            for number in range(2):
                outcomes[number].append(released.sign(fleets[number], seen[number]))
    return outcomes


@pytest.fixture(params=MEMORIES)
def seen(request, home):
    """The memories of those who sign on the original, and on the copy."""
    return [home / name for name in MEMORIES[request.param]]


@either_store
def test_a_copy_of_a_running_machine(running, home, store, seen):
    """While the machine goes on signing its world is copied, and the copy is started: it signs
    nothing, and the original all.
    """
    machine, released = running
    halt = threading.Event()

    def sign_on():
        with met(machine, home / "seen") as fleet:
            while not halt.wait(0.005) and len(released.messages) < 20:
                released.sign(fleet, home / "seen")

    signer = threading.Thread(target=sign_on)
    signer.start()
    try:
        world = copy(home, "copy")
    finally:
        halt.set()
        signer.join()
    with started(world, store) as its_copy:
        if its_copy is not None:
            mine, others = signing_on_both(released, machine, its_copy, seen)
            assert refused(others)
            assert mine == [len(released.messages) - 4 + turn for turn in range(4)]
    with met(machine) as fleet:
        assert released.sign(fleet) == len(released.messages) - 1


def test_a_copy_that_is_met_first(running, home, store):
    """Who meets the copy before the original has a memory of both, and takes nothing from the one
    that seems to have gone back.
    """
    machine, released = running
    with started(copy(home, "copy"), store) as its_copy:
        assert its_copy is not None
        with met(its_copy, home / "seen") as fleet:
            assert refused([released.sign(fleet, home / "seen")])
        with met(machine, home / "seen") as fleet:
            assert fleet.roster.peers == []
            assert "its NVRAM was put back" in fleet.roster.failures[0].detail
        with met(machine, home / "other") as fleet:
            assert released.sign(fleet, home / "other") == 3


@either_store
def test_a_copy_of_a_stopped_machine(running, home, store, seen):
    """Both are started: the copy signs nothing whoever asks, and the original, where it is not met
    second, all.
    """
    machine, released = running
    machine.stop()
    world = copy(home, "copy")
    machine.start()
    with started(world, store) as its_copy:
        assert its_copy is not None
        with met(machine, seen[0]) as fleet:
            assert released.sign(fleet, seen[0]) == 3
        with met(its_copy, seen[1]) as fleet:
            outcome = released.sign(fleet, seen[1])
            # Met with the memory of the other it is not even asked.
            assert bool(fleet.roster.failures) == (seen[0] == seen[1])
            assert refused([outcome]) or fleet.roster.failures[0].status is Status.AccessDenied
        with met(machine, seen[0]) as fleet:
            assert released.sign(fleet, seen[0]) == 4


@either_store
def test_a_copy_in_the_place_of_the_original(running, home, store):
    """Moved to where the original was, which is gone, it is a copy all the same."""
    machine, released = running
    machine.stop()
    world = copy(home, "copy")
    home.rename(home.with_name("gone"))
    world.rename(home)
    machine.start()
    with met(machine, home / "seen") as fleet:
        assert refused([released.sign(fleet, home / "seen") for _ in range(3)])


def test_a_world_that_was_moved(running, home, store):
    """The same folder under another name is not a copy: its machine goes on where it was."""
    machine, released = running
    machine.stop()
    home.rename(home.with_name("moved"))
    (home / "kmdata").parent.mkdir()
    copied = subprocess.run(
        ["cp", "-a", str(home.with_name("moved") / "kmdata"), str(home)], check=True
    )
    assert copied.returncode == 0
    with started(home.with_name("moved"), store) as moved:
        assert moved is not None
        with met(moved, home.with_name("moved") / "seen") as fleet:
            assert released.sign(fleet, home.with_name("moved") / "seen") == 3


def test_a_quarantine_that_was_ended_too_early(running, home, store):
    """Somebody lets the copy go on at a later leaf while the original still signs: who remembers
    both never gets one leaf twice.
    """
    machine, released = running
    with started(copy(home, "copy"), store) as its_copy:
        assert its_copy is not None
        words = ["quarantine", "skip", "key", "--esn", ESN, "--to", "6"]
        code, lines = Shell(its_copy.home).seemachine(*words)
        assert code == 0, lines
        with met(machine, home / "seen") as one, met(its_copy, home / "seen") as other:
            mine = [released.sign(one, home / "seen") for _ in range(4)]
            others = [released.sign(other, home / "seen") for _ in range(4)]
            rest = [released.sign(one, home / "seen") for _ in range(4)]
    assert (mine, others[1:]) == ([3, 4, 5, 6], [7, 8, 9])
    assert refused([others[0], *rest[:3]])
    assert rest[3] == 10


# ---------------------------------------------------------------- put back as it was


class Snapshot:
    """All bytes of a machine's state and of its witness, as an image of the disk has them: put
    back, every file is the one that it was.
    """

    def __init__(self, world):
        self.world = world
        self.folders = [world / "hsm" / ESN, world / "witness"]
        self.files = {path: path.read_bytes() for path in self._paths()}

    def _paths(self):
        return [path for folder in self.folders for path in folder.rglob("*") if path.is_file()]

    def put_back(self):
        """In place, so that nothing of the file system shows it."""
        for path in self._paths():
            if path not in self.files:
                path.unlink()
        for path, data in self.files.items():
            path.write_bytes(data)
        as_from_an_image(self.world)


@pytest.fixture
def put_back(running, home):
    """The machine, which signed three more messages after a snapshot and two starts; stopped, and
    put back to it.
    """
    machine, released = running
    machine.stop()
    snapshot = Snapshot(home)
    for _ in range(2):
        machine.start()
        machine.stop()
    machine.start()
    with met(machine, home / "seen") as fleet:
        assert [released.sign(fleet, home / "seen") for _ in range(3)] == [3, 4, 5]
    machine.stop()
    snapshot.put_back()
    return machine, released


def starts(machine, times):
    """Start a stopped machine so many times, and leave it running."""
    for _ in range(times - 1):
        machine.start()
        machine.stop()
    machine.start()


@pytest.mark.parametrize(
    ("times", "words"),
    [(1, "its NVRAM was put back"), (2, "its NVRAM was put back"), (3, "one of them is a copy")],
)
def test_a_whole_disk_that_was_put_back(put_back, times, words, home):
    """The machine does not notice; its count of starts, or the opening of the same count, tells
    whoever met it before.
    """
    machine, released = put_back
    starts(machine, times)
    with met(machine, home / "seen") as fleet:
        assert fleet.roster.peers == []
        assert words in fleet.roster.failures[0].detail
        assert isinstance(released.sign(fleet, home / "seen"), StatusError)
    code, lines = Shell(home).pipsqueak("alias=key", "message=another")
    assert code == 1
    assert any(words in line for line in lines), lines
    assert not any("signature:" in line for line in lines), lines


@either_store
def test_a_machine_that_was_put_back_and_started_often(put_back, home):
    """When its count has caught up only the leaves tell: those that were seen are refused, one
    after the other, and no others.
    """
    machine, released = put_back
    starts(machine, 4)
    with met(machine, home / "seen") as fleet:
        outcomes = [released.sign(fleet, home / "seen") for _ in range(5)]
    assert refused(outcomes[:3])
    assert all(
        "was seen here before; the signature is not released" in outcome.detail
        for outcome in outcomes[:3]
    )
    assert outcomes[3:] == [6, 7]


def test_without_a_memory_nobody_notices(put_back, home):
    """What these tests rest on, and why there is a memory: a machine that was put back as a whole
    gives its leaves again.
    """
    machine, released = put_back
    starts(machine, 1)
    with met(machine) as fleet:
        twice = Released(released.public_key)
        assert twice.sign(fleet) in released.messages


def test_a_machine_that_is_put_back_under_a_client(running, home):
    """A client whose connection is gone meets the machine anew before it asks for its signature,
    and then asks it nothing.
    """
    machine, released = running
    with blocking.open_fleet(connect=connect) as fleet:
        machine.stop()
        snapshot = Snapshot(home)
        machine.start()
        assert released.sign(fleet, home / "seen") == 3
        machine.stop()
        snapshot.put_back()
        machine.start()
        refusal = released.sign(fleet, home / "seen")
    assert (refusal.status, refusal.where) == (Status.AccessDenied, sightings.WHERE)
    with met(machine) as fleet:
        assert Released(released.public_key).sign(fleet) == 3


def refusal(call):
    """What a call is refused with."""
    with pytest.raises(StatusError) as refused:
        call()
    return refused.value.detail


def test_who_looks_into_an_alarm_signs_nothing(put_back, home):
    """A fleet opened for that has the doubted machine among its peers, is told what it holds, and
    gets no signature, key or lease.
    """
    machine, _ = put_back
    machine.start()
    with blocking.open_fleet(doubted=True, connect=connect) as fleet:
        [peer] = fleet.roster.peers
        assert "its NVRAM was put back" in peer.doubt.detail
        assert fleet.key("key").info().remaining == 29
        for call in (
            lambda: fleet.key("key").sign(b"a"),
            lambda: fleet.generate_lms("another", **TREE),
            lambda: fleet.resume_lms("another", esn=ESN),
            lambda: fleet.provision(ESN, 2),
        ):
            assert refusal(call) == peer.doubt.detail
        assert fleet.key("key").info().remaining == 29


def test_a_machine_that_is_put_back_under_who_looks(running, home):
    """The doubt is of the machine that answers now: after a reconnect it is there, and after
    another it is gone.
    """
    machine, released = running
    with blocking.open_fleet(doubted=True, connect=connect) as fleet:
        machine.stop()
        snapshot = Snapshot(home)
        machine.start()
        assert released.sign(fleet, home / "seen") == 3
        machine.stop()
        newer = Snapshot(home)
        snapshot.put_back()
        machine.start()
        refused_by_memory = released.sign(fleet, home / "seen")
        assert (refused_by_memory.status, refused_by_memory.where) == (
            Status.AccessDenied,
            sightings.WHERE,
        )
        machine.stop()
        newer.put_back()
        machine.start()
        assert released.sign(fleet, home / "seen") == 4
