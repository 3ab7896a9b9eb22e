"""Machines and their sessions on pretend wires, with engines that wait."""

import os
import socket
import threading
from pathlib import Path
from typing import Any
from weakref import WeakSet

import trio
from kit.logs import Events
from kit.waiting import PATIENCE
from trio.testing import memory_stream_pair

from seemachine.config import LimitSettings
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.keys import PublicKey
from seemachine.machine import Machine
from seemachine.server.admission import Admission
from seemachine.server.deadlines import Deadlines
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.plain_stream import PlainStream
from seemachine.server.service import Service
from seemachine.server.session import Conversation
from seemachine.state.cards.slots import Slots
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.link import NEED_DATA, Answered, Closed, Link, Refused, Role
from seemachine.wire.names import PROTOCOL, nvram_name
from seemachine.world import World

HELLO = m.Hello(protocol=PROTOCOL, client="test")
NO_FILE = m.GetNvmemfileInfo(file=b"lmsnosuchke")
H5_W4 = {"lms": 5, "lmots": 3, "expcards": 0, "explease": 0}
H10_W4 = {**H5_W4, "lms": 6}


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

    _look_after(nursery, service)
    nursery.start_soon(run)
    return peer


def plain_stream_pair() -> tuple[trio.SocketStream, PlainStream]:
    """A real wire: a client's end, and the machine's as it is without TLS."""
    ours, theirs = (
        trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in socket.socketpair()
    )
    return ours, PlainStream(theirs)


WATCHED: "WeakSet[Deadlines]" = WeakSet()


def _look_after(nursery: trio.Nursery, service: Service) -> None:
    """What a daemon runs beside its sessions, for the time limits of these."""
    if service.deadlines not in WATCHED:
        WATCHED.add(service.deadlines)
        nursery.start_soon(service.deadlines.run)
