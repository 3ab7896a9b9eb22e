"""What the tests of server and client share: machines, engines that wait, peers on pretend wires,
daemons in this process.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import processes
import pytest
import trio
from processes import RunningMachine
from pyhsslms import LmsPublicKey
from trio.testing import memory_stream_pair

from seemachine.commands.leases import to_store
from seemachine.config import Config, LimitSettings, TlsSettings
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.generation import Generation
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import lmots, lms
from seemachine.lms.sectors import Sectors
from seemachine.machine import Machine
from seemachine.server.admission import Admission
from seemachine.server.daemon import Daemon
from seemachine.server.launch import wire_limits
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.session import Conversation, Service
from seemachine.state.cards.slots import Slots
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.wire import messages as m
from seemachine.wire.link import NEED_DATA, Answered, Closed, Link, Refused, Role
from seemachine.wire.names import PROTOCOL, nvram_name
from seemachine.world import World

ESN = "7852-268D-3BF9"
HELLO = m.Hello(protocol=PROTOCOL, client="test")
NO_FILE = m.GetNvmemfileInfo(file=b"lmsnosuchke")
H5_W4 = {"lms": 5, "lmots": 3, "expcards": 0, "explease": 0}
H10_W4 = {**H5_W4, "lms": 6}
# Only how long a test that fails may hang; nothing is measured with them.
PATIENCE = 20.0
LONGEST_TEST = 60


def good(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether somebody else's implementation takes the signature."""
    verdict: bool = LmsPublicKey.deserialize(public_key).verify(message, signature)
    return verdict


def leaf_of(signature: bytes) -> int:
    """The leaf that a signature spent."""
    return int.from_bytes(signature[:4], "big")


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Break off a test that hangs, which with a clock that stands still no timeout does."""

    def expire(number: int, frame: object) -> None:
        raise AssertionError(f"the test did not end within {LONGEST_TEST} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(LONGEST_TEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that another thread or task brings about, whatever trio's clock does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await trio.to_thread.run_sync(time.sleep, 0.002)


def wait_until(condition: Callable[[], Any]) -> None:
    """The same without a loop."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


@dataclass
class Events:
    """A logger that keeps what it is told."""

    kept: list[dict[str, Any]] = field(default_factory=list)
    bound: dict[str, Any] = field(default_factory=dict)

    def bind(self, **more: Any) -> "Events":
        """A logger that adds `more` to every event."""
        return Events(self.kept, {**self.bound, **more})

    def _keep(self, level: str, event: str, **details: Any) -> None:
        self.kept.append({**self.bound, "level": level, "event": event, **details})

    def __getattr__(self, level: str) -> Any:
        return partial(self._keep, level)

    def named(self, event: str) -> list[dict[str, Any]]:
        """The events of one name."""
        return [kept for kept in self.kept if kept["event"] == event]


class GatedEngine(PortableEngine):
    """Hashes leaves, and nodes above them, only while its gate is open.

    Calls are counted as they come and as they go.
    """

    def __init__(self, *, shut: bool = True) -> None:
        self.gate = threading.Event()
        self.entered = 0
        self.left = 0
        self.climbing = 0
        if not shut:
            self.gate.set()

    def leaf_nodes(self, *arguments: Any) -> bytes:
        """See Engine."""
        self.entered += 1
        assert self.gate.wait(PATIENCE)
        nodes = super().leaf_nodes(*arguments)
        self.left += 1
        return nodes

    def parents(self, *arguments: Any) -> bytes:
        """See Engine."""
        self.climbing += 1
        assert self.gate.wait(PATIENCE)
        return super().parents(*arguments)


@contextlib.contextmanager
def slow_machine(home: Path, *options: str) -> Iterator[RunningMachine]:
    """A machine in a process of its own that hashes in plain Python, so that a long step is long
    whatever engine is built here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            processes, "environment", partial(processes.environment, SEEMACHINE_ENGINE="portable")
        )
        with processes.machines(home, (ESN, *options)) as [running]:
            yield running


def make_machine(
    world: Path, *, store: Any = None, engine: Any = None, random: Any = os.urandom, **limits: int
) -> Machine:
    """A machine without a process, by default with a memory that forgets.

    `limits` are those of Limits.
    """
    given = {
        "frame": 1 << 20,
        "message": (1 << 20) - m.ENVELOPE_BYTES,
        "idle_seconds": 300,
        "request_seconds": 120,
        **limits,
    }
    return Machine(
        esn=ESN,
        model="5c",
        store=MemoryStore() if store is None else store,
        slots=Slots(World.at(world), ESN),
        engine=PortableEngine() if engine is None else engine,
        random=random,
        limits=m.Limits(**given),
    )


def make_key(
    tree: str = "sha256_m32_h5",
    ots: str = "sha256_n32_w4",
    expcards: int = 0,
    explease: int = 0,
    random: Any = os.urandom,
) -> Generation:
    """A finished generation."""
    parameters = lms(tree)
    made = Generation(
        parameters, lmots(ots), Sectors(parameters.h, expcards, explease), parameters.h, 0, random
    )
    while made.remaining:
        made.step(PortableEngine(), lambda: False)
    return made


def install_key(machine: Machine, **choice: Any) -> PublicKey:
    """A new key whose first lease is in the machine's NVRAM."""
    made = make_key(**choice)
    machine.store.install(to_store(made.lease(0)))
    return made.public_key


def name_of(key: PublicKey) -> bytes:
    """The name of a key's NVRAM file."""
    return nvram_name(key.encode())


class Peer:
    """A client on any trio stream."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.link = Link(Role.CLIENT)
        self.over = trio.Event()  # set when a conversation started by `join` has returned

    async def send(self, request: Any) -> None:
        """Ask, and don't wait."""
        await self.stream.send_all(self.link.send(request))

    async def receive(self) -> Any:
        """The reply, the refusal as a value, or None when the machine closed."""
        while True:
            event = self.link.next_event()
            if event is NEED_DATA:
                self.link.receive_data(await self.stream.receive_some(1 << 16))
                continue
            assert isinstance(event, Answered | Refused | Closed)
            if isinstance(event, Closed):
                return None
            return event.reply if isinstance(event, Answered) else event.error

    async def ask(self, request: Any) -> Any:
        """Ask and wait."""
        await self.send(request)
        return await self.receive()

    async def greet(self) -> "Peer":
        """Say hello."""
        assert isinstance(await self.ask(HELLO), m.Greeting)
        return self

    async def rest(self) -> bytes:
        """Everything up to the machine's close."""
        received = b""
        while data := await self.stream.receive_some(1 << 16):
            received += data
        return received


def make_service(machine: Machine, log: Any = None, hashing: int = 2, others: int = 4) -> Service:
    """What the sessions of a machine share, without a listener."""
    return Service(
        machine=machine,
        pipeline=SigningPipeline(machine),
        log=Events() if log is None else log,
        hashing=trio.CapacityLimiter(hashing),
        others=trio.CapacityLimiter(others),
    )


async def converse(service: Service, stream: trio.abc.Stream) -> None:
    """The machine's side of a connection, with a place that nobody else wants."""
    seat = Admission(LimitSettings()).admit("peer")
    with seat.scope:
        await Conversation(service, stream, "peer", seat).run()


def join(nursery: trio.Nursery, service: Service, pair: Any = memory_stream_pair) -> Peer:
    """A new session on a pretend wire. The machine's end closes when its conversation is over."""
    ours, theirs = pair()
    peer = Peer(ours)

    async def run() -> None:
        async with theirs:
            await converse(service, theirs)
        peer.over.set()

    nursery.start_soon(run)
    return peer


@dataclass
class Running:
    """A daemon in this process."""

    daemon: Daemon
    host: str
    port: int
    log: Events
    ended: trio.Event
    peers: list[Peer] = field(default_factory=list)

    async def connect(self) -> Peer:
        """A new connection that has said nothing yet."""
        self.peers.append(Peer(await trio.open_tcp_stream(self.host, self.port)))
        return self.peers[-1]

    async def greeted(self) -> Peer:
        """A new connection after hello."""
        return await (await self.connect()).greet()

    @property
    def service(self) -> Service:
        """What its sessions share."""
        service: Service = self.daemon._service
        return service

    @property
    def sessions(self) -> int:
        """Connections that are served now."""
        return len(self.daemon._admission)


@contextlib.asynccontextmanager
async def running(
    world: Path,
    engine: Any = None,
    store: Any = None,
    tls: TlsSettings | None = None,
    most: int = 1 << 20,
    **limits: int,
) -> AsyncIterator[Running]:
    """A daemon on a port of this process, for as long as the block lasts.

    `limits` are those of the configuration; `most` sockets are in hand at one time.
    """
    config = Config(
        esn=ESN,
        port=0,
        world=World.at(world),
        publish=False,
        store="memory",
        limits=LimitSettings(**limits),
        tls=tls,
    )
    hsm = make_machine(world, engine=engine, store=store)
    hsm.limits = wire_limits(config)
    log = Events()
    machine = Running(Daemon(hsm, config, log, most), "", 0, log, trio.Event())
    ready = trio.Event()

    def on_ready(host: str, port: int) -> None:
        machine.host, machine.port = host, port
        ready.set()

    async def run() -> None:
        await machine.daemon.run(on_ready)
        machine.ended.set()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await ready.wait()
            yield machine
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            for peer in machine.peers:
                await trio.aclose_forcefully(peer.stream)
