"""One class and one function are a whole request: over the wire, admitted, counted, logged, and
asked again by the client.
"""

import threading
from dataclasses import dataclass, field

import pytest
import trio
from kit.here import here
from kit.logs import Events
from kit.services import make_machine, make_service
from kit.stories import a_key_file, a_peer
from seeclient import connecting, trio_fleet, trio_runner
from seeclient.algorithms.lms import persisting
from seeclient.effects import ask
from seeclient.trio_connection import Connection
from trio.testing import memory_stream_pair

from seemachine.commands.table import COMMANDS, command
from seemachine.config import LimitSettings
from seemachine.machine import Session
from seemachine.server.admission import Admission
from seemachine.server.log_limits import LINES_AT_ONCE, SparingLog
from seemachine.server.service import Service
from seemachine.server.session import Conversation
from seemachine.testing import ESN
from seemachine.wire.fields import number, octets, wire_class
from seemachine.wire.messages import REQUESTS, Greeting
from seemachine.wire.names import TOKEN_BYTES
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import Caller, ClientRole
from seemachine.wire.status import Status, StatusError

USER = Caller("alice", ClientRole.USE)
PROVISIONER = Caller("bob", ClientRole.PROVISION)
FACTS = {
    "name": "stamp",
    "least": ClientRole.PROVISION,
    "effect": Effect.CHANGES,
    "again": Again.FREELY,
}


@pytest.fixture(autouse=True)
def as_before():
    """What is declared here is gone afterwards."""
    requests, commands = dict(REQUESTS), dict(COMMANDS)
    yield
    for table, before in ((REQUESTS, requests), (COMMANDS, commands)):
        table.clear()
        table.update(before)


@dataclass
class StampedMachine:
    """A machine, its log, the threads in which it stamped, and what it had borrowed meanwhile."""

    service: Service
    log: Events = field(default_factory=Events)
    admission: Admission = field(default_factory=lambda: Admission(LimitSettings()))
    threads: list[int] = field(default_factory=list)
    borrowed: list[str] = field(default_factory=list)


@pytest.fixture
def world(tmp_path):
    """The machine."""
    made = StampedMachine(make_service(make_machine(tmp_path)))
    made.service.log = made.log
    return made


def declare(world, **changes):
    """The new request: one class, and one function. Returns the class."""

    @wire_class
    class Stamped(Record):
        """How often it was stamped."""

        remaining: int = number(0, 9)

    @wire_class
    class Stamp(Request[Stamped], **{**FACTS, **changes}):
        """Stamp a card."""

        slot: int = number(0, 5)
        token: bytes = octets(TOKEN_BYTES, default=bytes(TOKEN_BYTES))

    @command
    def stamp(session: Session, request: Stamp) -> Stamped:
        """Nothing has to be known of it anywhere else."""
        if request.slot == 5:
            raise StatusError(Status.NotAvailable, "no card")
        names = "reading", "hashing", "others"
        limiters = {name: getattr(world.service, name) for name in names}
        world.borrowed += [name for name, each in limiters.items() if each.borrowed_tokens]
        world.threads.append(threading.get_ident())
        return Stamped(remaining=len(world.threads))

    return Stamp


class StreamWire:
    """The client's side of a memory stream."""

    certificate = None
    # The machine closes none.
    has_news = False

    def __init__(self, stream):
        self.send, self.close = stream.send_all, stream.aclose
        self._stream = stream

    async def receive(self):
        """See seeclient.trio_wire.Wire."""
        return bytes(await self._stream.receive_some())


class Line(Connection):
    """A connection that, when it is lossy, breaks as the reply of a stamp comes."""

    lossy = False

    async def _receive(self):
        reply = await super()._receive()
        if self.lossy and type(reply).__name__ == "Stamped":
            raise trio.BrokenResourceError
        return reply


@pytest.fixture
def connect(world, nursery, monkeypatch):
    """Gives a fleet of one machine, over a memory stream; it is connected to again where it is
    lost.
    """
    seats = []

    def wire(caller):
        ours, theirs = memory_stream_pair()
        seat = world.admission.admit("192.0.2.1")
        seats.append(seat)

        async def converse():
            async with theirs:
                with seat.scope:
                    await Conversation(world.service, theirs, "192.0.2.1:1", seat, caller).run()

        nursery.start_soon(converse)
        return Line(a_peer().address, StreamWire(ours))

    async def begin(caller, *, lossy=False):
        async def anew(*_, **__):
            return wire(caller)

        monkeypatch.setattr(trio_runner, "connect", anew)
        monkeypatch.setattr(persisting, "RETRY_PAUSES", (0,))
        fleet, line = trio_fleet.Fleet(here()), wire(caller)
        peer = a_peer()
        peer.greeting = await line.greet()
        line.lossy = lossy
        fleet._connections[peer] = line
        return fleet, peer, seats

    return begin


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """What the client remembers of machines."""
    monkeypatch.setenv("SEEMACHINE_HOME", str(tmp_path / "world"))


async def test_it_goes_to_the_machine_and_back(world, connect):
    """The client asks, the function answers, and the log has the request's numbers."""
    stamp = declare(world)
    fleet, peer, _ = await connect(PROVISIONER)
    assert peer.esn == ESN
    assert (await fleet.run(ask(peer, stamp(slot=3)))).remaining == 1
    line = world.log.named("request")[-1]
    told = {name: line[name] for name in ("command", "status", "slot", "remaining")}
    assert told == {"command": "stamp", "status": "OK", "slot": 3, "remaining": 1}


async def test_it_is_refused_below_its_role(world, connect):
    """The smaller role is told which one it takes, and the function is not called."""
    stamp = declare(world)
    fleet, peer, _ = await connect(USER)
    with pytest.raises(StatusError, match="alice has the role use, and the role provision is need"):
        await fleet.run(ask(peer, stamp(slot=3)))
    assert world.threads == []
    line = world.log.named("request")[-1]
    assert (line["command"], line["status"]) == ("stamp", "AccessDenied")


async def test_its_refusals_have_its_own_name_or_the_guides(world, connect):
    """What the function raises reaches the client with the name that its class has for errors."""
    stamp = declare(world, where="command_see_stamp")
    fleet, peer, _ = await connect(PROVISIONER)
    with pytest.raises(StatusError) as refused:
        await fleet.run(ask(peer, stamp(slot=5)))
    assert refused.value.status is Status.NotAvailable
    assert (refused.value.detail, refused.value.where) == (
        "no card in command_see_stamp",
        "command_see_stamp",
    )


@pytest.mark.parametrize("effect", Effect)
async def test_its_effect_says_what_it_earns_and_where_it_runs(world, connect, effect):
    """Who only looks earns no place and gets one of few threads; who has something hashed waits for
    a core; all else has the other threads.
    """
    stamp = declare(world, effect=effect)
    fleet, peer, [seat] = await connect(PROVISIONER)
    assert not seat.proven
    await fleet.run(ask(peer, stamp(slot=3)))
    assert seat.proven is (effect is not Effect.LOOKS)
    expected = {Effect.LOOKS: ["reading"], Effect.HASHES: ["hashing"]}
    assert world.borrowed == expected.get(effect, ["others"])
    assert world.threads != [threading.get_ident()]


async def test_what_is_answered_at_once_takes_no_thread(world, connect):
    """The loop answers it."""
    stamp = declare(world, effect=Effect.LOOKS, at_once=True)
    fleet, peer, _ = await connect(PROVISIONER)
    await fleet.run(ask(peer, stamp(slot=3)))
    assert (world.threads, world.borrowed) == ([threading.get_ident()], [])


@pytest.mark.parametrize("effect", [Effect.LOOKS, Effect.CHANGES])
async def test_a_crowd_that_looks_does_not_fill_the_log(world, connect, effect):
    """Each change that was done has its line, however many there are."""
    stamp = declare(world, effect=effect)
    log = SparingLog(Events())
    for _ in range(LINES_AT_ONCE + 5):
        log.info("request", command=stamp.NAME, status="OK")
    over = 5 if effect is Effect.LOOKS else 0
    assert len(log._log.kept) == LINES_AT_ONCE + 5 - over


@pytest.mark.parametrize("again", Again)
async def test_a_lost_reply_is_asked_for_again_if_it_may_be(world, connect, again):
    """Freely or by its token it is asked once more on a new connection; what may not be is asked
    once, and the client hears that the connection broke.
    """
    stamp = declare(world, again=again)
    fleet, peer, seats = await connect(PROVISIONER, lossy=True)
    story = persisting.persist(peer, a_key_file(), stamp(slot=3))
    if again is Again.NEVER:
        with pytest.raises(StatusError, match=r"connection to 127.0.0.1 on port 8888: broken"):
            await fleet.run(story)
    else:
        assert (await fleet.run(story)).remaining == 2
    times = 1 if again is Again.NEVER else 2
    assert (len(world.threads), len(seats)) == (times, times)


async def test_what_its_connection_holds_is_asked_on_no_other(world, connect):
    """A bound request is not asked anew on a connection that holds nothing of what it is about."""
    stamp = declare(world, bound=True)
    fleet, peer, seats = await connect(PROVISIONER, lossy=True)
    with pytest.raises(StatusError, match=r"connection to 127.0.0.1 on port 8888: closed"):
        await fleet.run(persisting.persist(peer, a_key_file(), stamp(slot=3)))
    assert (len(world.threads), len(seats)) == (1, 1)


@pytest.mark.parametrize("effect", Effect)
def test_a_doubted_machine_is_asked_it_if_it_makes_no_leaf(world, effect):
    """The doubt is raised for what could take or make one."""
    peer, stamp = a_peer(), declare(world, effect=effect)(slot=3)
    peer.doubt = StatusError(Status.AccessDenied, "a doubt")
    if effect in (Effect.LOOKS, Effect.COMPUTES, Effect.CHANGES):
        connecting.refuse_doubted(peer, stamp)
    else:
        with pytest.raises(StatusError, match="a doubt"):
            connecting.refuse_doubted(peer, stamp)


def test_a_class_without_checks_has_no_command():
    """Somebody forgot the decorator: the fields would be taken as they come."""

    class Bare(Request[Greeting], **FACTS):
        """Under no @wire_class."""

    def stamp(session: Session, request: Bare) -> Greeting:
        """Could answer it."""

    with pytest.raises(TypeError, match=r"^Bare stands under no @wire_class, so its fields"):
        command(stamp)
