"""promptness.py: one client alone is signed for in the loop while the disk is fast, and never where
a slow disk would stop the loop.
"""

import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.services import NO_FILE, Peer, join, make_machine, make_service, name_of
from kit.verdicts import verifies
from kit.waiting import PATIENCE, until
from seeclient.algorithms.lms.signing import new_token
from trio.testing import MockClock

from seemachine.commands import pages
from seemachine.config import Config
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.keys import PublicKey
from seemachine.machine import Machine
from seemachine.server.crew import Allotment, Crew
from seemachine.server.daemon import Daemon
from seemachine.server.pipeline import SHORT_BYTES, SigningPipeline
from seemachine.server.promptness import FAST_SECONDS, LATELY_SECONDS, Promptness
from seemachine.server.service import Service
from seemachine.state.errors import StateFailed
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.testing import ESN, install_key
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

SLOW = 2 * FAST_SECONDS
FAST = FAST_SECONDS / 4
LOOP, THREAD = "loop", "thread"
# Few, so that a small key has leaves enough.
IN_A_ROW = 4


@pytest.fixture(autouse=True)
def soon_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk is trusted after few commits."""
    monkeypatch.setattr("seemachine.server.promptness.IN_A_ROW", IN_A_ROW)


class Clock:
    """Stands still, but for what a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# ---------------------------------------------------------------- when the loop may


class Trial:
    """Promptness after so many requests of one client, each fast."""

    def __init__(self, *, alone: bool = True) -> None:
        self.clock = Clock()
        self.prompt = Promptness(alone=alone, clock=self.clock)

    def ask(self, asker: str = "a", commit: float = FAST, signing: float = FAST) -> bool:
        """A request and its batch; whether the loop might have made it."""
        trusted = self.prompt.trusts(asker)
        began = self.clock.now
        self.clock.now += commit + signing
        self.prompt.took(began, began + commit, self.clock.now)
        return trusted

    def answers(self, count: int, asker: str = "a") -> list[bool]:
        """Of so many more."""
        return [self.ask(asker) for _ in range(count)]


def test_after_many_fast_ones_of_one_client() -> None:
    """And not sooner; then as long as it goes on."""
    assert Trial().answers(IN_A_ROW + 40) == [False] * IN_A_ROW + [True] * 40


@pytest.mark.parametrize("slow", [{"commit": SLOW}, {"signing": SLOW}, {"commit": FAST_SECONDS}])
def test_the_first_slow_one_ends_it(slow: dict[str, float]) -> None:
    """Until as many in a row were fast again."""
    trial = Trial()
    trial.answers(IN_A_ROW)
    assert trial.ask(**slow)
    assert trial.prompt.is_slow
    assert trial.answers(IN_A_ROW + 1) == [False] * IN_A_ROW + [True]
    assert not trial.prompt.is_slow


def test_with_another_client_there_is_none_alone() -> None:
    """Two in turn are never signed for in the loop; one that has left is forgotten."""
    trial = Trial()
    trial.answers(IN_A_ROW)
    trial.ask("b")
    assert not any(trial.ask(asker) for asker in ["a", "b"] * 50)
    assert trial.answers(IN_A_ROW + 1) == [False] * IN_A_ROW + [True]


def test_not_after_a_while() -> None:
    """What the disk did long ago says nothing of now; after one it is trusted again."""
    trial = Trial()
    trial.answers(IN_A_ROW)
    trial.clock.now += LATELY_SECONDS
    assert trial.ask()
    trial.clock.now += LATELY_SECONDS + 0.1
    assert not trial.ask()
    assert trial.ask()


def test_not_beside_other_machines() -> None:
    """Nor where a witness is asked that is not of this host."""
    assert not any(Trial(alone=False).answers(3 * IN_A_ROW))


@pytest.mark.parametrize(
    ("machines", "witness", "alone"),
    [(1, "", True), (2, "", False), (1, "postgresql://witness.example/w", False)],
)
def test_which_machines_are_alone(tmp_path: Path, machines: int, witness: str, alone: bool) -> None:
    """Those that have their process for themselves, and whose witnesses are folders."""
    config = Config(esn=ESN, world=World.at(tmp_path), witness=witness)
    daemon = Daemon(make_machine(tmp_path), config, None, Allotment(crew=Crew(machines)))
    prompt = daemon._service.pipeline._promptness
    for _ in range(IN_A_ROW + 1):
        now = prompt.clock()
        prompt.took(now, now, now)
        trusted = prompt.trusts("a")
    assert trusted is alone


# ---------------------------------------------------------------- what the pipeline does with it


class TimedStore(MemoryStore):
    """Says where each commit was made. One takes as long on the clock as it is told, and waits at a
    gate.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.places: list[str] = []
        self.seconds = FAST
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self._time = clock

    def _write(self, changes: Any) -> None:
        main = threading.current_thread() is threading.main_thread()
        self.places.append(LOOP if main else THREAD)
        assert self.gate.wait(PATIENCE)
        self._time.now += self.seconds
        if self.failure is not None:
            raise self.failure
        super()._write(changes)


@pytest.fixture
def clock() -> Clock:
    """The clock of commits."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> TimedStore:
    """The store of the machine."""
    return TimedStore(clock)


@pytest.fixture
def machine(tmp_path: Path, store: TimedStore) -> Machine:
    """A machine with it."""
    return make_machine(tmp_path, store=store)


@pytest.fixture
def key(machine: Machine) -> PublicKey:
    """A key of 32 leaves whose page is hashed."""
    made: PublicKey = install_key(machine, tree="sha256_m24_h5", ots="sha256_n24_w1")
    pages.prepare(machine, name_of(made))
    return made


@pytest.fixture
def pipeline(machine: Machine, clock: Clock, nursery: trio.Nursery) -> SigningPipeline:
    """A pipeline of a machine that is alone."""
    running = SigningPipeline(machine, promptness=Promptness(alone=True, clock=clock))
    nursery.start_soon(running.run)
    return running


def request(key: PublicKey, message: bytes = b"message") -> m.NvmemfileSign:
    """A new request."""
    return m.NvmemfileSign(file=name_of(key), token=new_token(), message=message)


async def sign(pipeline: SigningPipeline, key: PublicKey, count: int) -> None:
    """So many, one after the other."""
    for number in range(count):
        message = b"message %d" % number
        signed = await pipeline.sign(request(key, message))
        assert isinstance(signed, m.NvmemfileSigned)
        assert verifies(key.encode(), signed.signature, message)
        await until(lambda: pipeline._turns.idle)


async def test_one_client_is_signed_for_in_the_loop(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey
) -> None:
    """After so many in threads; each with a leaf of its own."""
    await sign(pipeline, key, IN_A_ROW + 10)
    assert store.places == [THREAD] * IN_A_ROW + [LOOP] * 10
    assert [row.leaf for _, row in store.ledger(0, 100)] == list(range(IN_A_ROW + 10))


async def test_a_slow_commit_holds_the_loop_once(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey
) -> None:
    """What comes after it is for threads, until the disk was fast as often as before."""
    await sign(pipeline, key, IN_A_ROW + 5)
    store.places.clear()
    store.seconds = SLOW
    await sign(pipeline, key, 4)
    store.seconds = FAST
    await sign(pipeline, key, IN_A_ROW + 3)
    assert store.places == [LOOP] + [THREAD] * 3 + [THREAD] * IN_A_ROW + [LOOP] * 3


async def test_a_disk_that_stalls_keeps_nobody_else_waiting(
    pipeline: SigningPipeline,
    store: TimedStore,
    key: PublicKey,
    machine: Machine,
    nursery: trio.Nursery,
) -> None:
    """After a fast period the first commit holds the loop until it is done; while the next ones
    stall, the loop goes on.
    """
    await sign(pipeline, key, IN_A_ROW + 1)
    store.places.clear()
    store.seconds = 5.0
    store.gate.clear()
    threading.Timer(0.05, store.gate.set).start()
    await sign(pipeline, key, 1)
    store.gate.clear()
    nursery.start_soon(sign, pipeline, key, 1)
    await until(lambda: len(store.places) == 2)
    turns = 0
    for _ in range(100):
        await trio.lowlevel.checkpoint()
        turns += 1
    assert (store.places, turns) == ([LOOP, THREAD], 100)
    store.gate.set()


async def test_two_clients_share_commits(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey
) -> None:
    """Whoever has a neighbour is not signed for in the loop."""
    turn = [trio.Event() for _ in range(4 * IN_A_ROW + 1)]
    turn[0].set()

    async def in_turn(first: int) -> None:
        for number in range(first, 4 * IN_A_ROW, 2):
            await turn[number].wait()
            await sign(pipeline, key, 1)
            turn[number + 1].set()

    async with trio.open_nursery() as both:
        for first in range(2):
            both.start_soon(in_turn, first)
    assert store.places == [THREAD] * 4 * IN_A_ROW


async def test_where_a_page_is_missing(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey, machine: Machine
) -> None:
    """Pages are hashed in threads, and so is that signature made."""
    await sign(pipeline, key, IN_A_ROW + 1)
    other: PublicKey = install_key(machine)
    store.places.clear()
    await sign(pipeline, other, 2)
    assert store.places == [THREAD, LOOP]


async def test_a_long_message_is_for_a_thread(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey
) -> None:
    """To hash it takes longer than to wake a thread."""
    await sign(pipeline, key, IN_A_ROW + 1)
    for size, place in ((SHORT_BYTES, LOOP), (SHORT_BYTES + 1, THREAD)):
        assert isinstance(await pipeline.sign(request(key, bytes(size))), m.NvmemfileSigned)
        assert store.places[-1] == place


async def test_while_others_are_at_the_nvram(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey, nursery: trio.Nursery
) -> None:
    """The loop waits for nobody's commit but its own: what would have to is for a thread, and no
    leaf is lost.
    """
    await sign(pipeline, key, IN_A_ROW + 1)
    store.places.clear()
    with store._lock:
        nursery.start_soon(sign, pipeline, key, 1)
        await until(lambda: not pipeline._turns.idle)
        for _ in range(100):
            await trio.lowlevel.checkpoint()
        assert store.places == []
    await until(lambda: pipeline._turns.idle)
    assert store.places == [THREAD]
    assert [row.leaf for _, row in store.ledger(0, 100)] == list(range(IN_A_ROW + 2))


async def test_a_refusal_in_the_loop(
    pipeline: SigningPipeline, store: TimedStore, key: PublicKey
) -> None:
    """It is what a thread would say, for a request and for a failing disk; and it costs as many
    leaves.
    """
    await sign(pipeline, key, IN_A_ROW + 1)
    asked = request(key)
    await pipeline.sign(asked)
    again = m.NvmemfileSign(file=asked.file, token=asked.token, message=b"another")
    refused = await pipeline.sign(again)
    assert isinstance(refused, StatusError)
    assert (refused.status, refused.where) == (Status.ObjectInUse, "nvmemfile_sign")
    assert refused.detail.count(" in nvmemfile_sign") == 1
    store.failure = StateFailed("the disk is gone")
    refused = await pipeline.sign(request(key))
    assert isinstance(refused, StatusError)
    assert refused.status is Status.OSErrorErrno
    assert store.places[-1] == LOOP


async def test_a_slow_engine_is_for_threads(
    tmp_path: Path, clock: Clock, store: TimedStore, nursery: trio.Nursery
) -> None:
    """Where signing takes long the loop never does it, however fast the disk."""

    class Slow(PortableEngine):
        def sign(self, ots: Any, jobs: Any) -> Any:
            clock.now += SLOW
            return super().sign(ots, jobs)

    machine = make_machine(tmp_path, store=store, engine=Slow())
    key: PublicKey = install_key(machine, tree="sha256_m24_h5", ots="sha256_n24_w1")
    pages.prepare(machine, name_of(key))
    running = SigningPipeline(machine, promptness=Promptness(alone=True, clock=clock))
    nursery.start_soon(running.run)
    await sign(running, key, 2 * IN_A_ROW)
    assert store.places == [THREAD] * 2 * IN_A_ROW


async def test_no_leaf_signs_before_it_is_durable(
    tmp_path: Path, clock: Clock, store: TimedStore, nursery: trio.Nursery
) -> None:
    """Nor in the loop."""
    early: list[int] = []

    class Watching(PortableEngine):
        def sign(self, ots: Any, jobs: Any) -> Any:
            durable = len(store.ledger(0, 1 << 10))
            early.extend(job.leaf for job in jobs if job.leaf >= durable)
            return super().sign(ots, jobs)

    machine = make_machine(tmp_path, store=store, engine=Watching())
    key: PublicKey = install_key(machine, tree="sha256_m24_h5", ots="sha256_n24_w1")
    pages.prepare(machine, name_of(key))
    running = SigningPipeline(machine, promptness=Promptness(alone=True, clock=clock))
    nursery.start_soon(running.run)
    await sign(running, key, 2 * IN_A_ROW)
    assert early == []
    assert store.places.count(LOOP) == IN_A_ROW


# ---------------------------------------------------------------- sessions


async def greeted(nursery: trio.Nursery, service: Service) -> Peer:
    """A connection."""
    return await join(nursery, service).greet()


async def test_time_limits_hold_after_a_stall(
    machine: Machine,
    store: TimedStore,
    clock: Clock,
    key: PublicKey,
    nursery: trio.Nursery,
    mock_clock: MockClock,
) -> None:
    """Who was kept for longer than a request may take is refused, as if a thread had been at it; a
    connection that was idle for too long is closed. Others go on.
    """
    service = make_service(machine)
    service.pipeline = SigningPipeline(machine, promptness=Promptness(alone=True, clock=clock))
    nursery.start_soon(service.pipeline.run)
    nursery.start_soon(service.deadlines.run)
    peer, other = await greeted(nursery, service), await greeted(nursery, service)
    for _ in range(IN_A_ROW + 1):
        assert isinstance(await peer.ask(request(key)), m.NvmemfileSigned)
        await until(lambda: service.pipeline._turns.idle)
    assert store.places[-1] == LOOP
    write = store._write

    def stall(changes: Any) -> None:
        mock_clock.jump(machine.limits.request_seconds + 1)
        write(changes)

    store._write = stall  # type: ignore[method-assign]
    store.seconds = machine.limits.request_seconds + 1
    asked = request(key)
    refused = await peer.ask(asked)
    assert isinstance(refused, StatusError)
    assert refused.status is Status.TimeLimitExceeded
    assert await peer.rest() == b""
    store._write = write  # type: ignore[method-assign]
    assert (await other.ask(NO_FILE)).status is Status.NotAvailable
    assert (await other.ask(asked)).leaf == IN_A_ROW + 1
