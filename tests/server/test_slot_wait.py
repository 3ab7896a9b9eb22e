"""slot_wait on a pretend wire: who waits hears of a card when it comes, costs next to nothing until
then, and holds up nobody.
"""

from functools import partial
from pathlib import Path

import pytest
import trio
from kit.services import HELLO, Peer, join, make_machine, make_service
from kit.waiting import until
from trio.testing import MockClock, memory_stream_pair

from seemachine.config import LimitSettings
from seemachine.machine import Machine
from seemachine.server.admission import Admission
from seemachine.server.answering import WAITED_PART
from seemachine.server.service import Service
from seemachine.server.session import Conversation
from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.roles import Caller, ClientRole
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

SLOT = 2
LONG = m.WaitForCard(kind="blank", slot=SLOT, seconds=60)
CROWD = 150


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose cards a person puts in."""
    return make_machine(tmp_path)


@pytest.fixture
def rack(machine: Machine, tmp_path: Path) -> Rack:
    """The hands of that person, who has three blank cards."""
    made = Rack(World.at(tmp_path))
    made.new(3)
    return made


@pytest.fixture
def service(machine: Machine, rack: Rack, nursery: trio.Nursery) -> Service:
    """What the sessions share, with its watch at work."""
    made = make_service(machine)
    nursery.start_soon(made.watch_slots)
    return made


async def waits(service: Service, many: int = 1) -> None:
    """Until so many wait, and each has looked."""
    await until(lambda: service.watch._waiting == many and not service.reading.borrowed_tokens)


def refused(reply: object, status: Status = Status.NotAvailable) -> bool:
    """Whether a reply is a refusal of that status."""
    return isinstance(reply, StatusError) and reply.status is status


async def test_a_card_that_is_there_is_told_at_once(
    service: Service, rack: Rack, nursery: trio.Nursery
) -> None:
    """Nothing is waited for."""
    rack.insert("card1", ESN, SLOT)
    peer = await join(nursery, service).greet()
    told = m.Slot(slot=SLOT, ic=1, kind="blank", card="card1", leases=0)
    assert await peer.ask(m.WaitForCard(kind="blank", slot=SLOT, seconds=0)) == told
    assert await peer.ask(m.WaitForCard(kind="blank", slot=None, seconds=9)) == told
    assert service.watch._waiting == 0


async def test_a_card_that_comes_is_told_when_it_comes(
    service: Service, rack: Rack, nursery: trio.Nursery
) -> None:
    """Whoever put it in; a card in another slot is not told."""
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    rack.insert("card1", ESN, 4)
    rack.insert("card2", ESN, SLOT)
    assert (await peer.receive()).card == "card2"
    assert (await peer.ask(HELLO)).esn == ESN


async def test_a_card_that_is_written_in_its_slot_is_told(
    service: Service, machine: Machine, rack: Rack, nursery: trio.Nursery
) -> None:
    """One that is made blank where it is suits as well as one that is put in."""
    rack.insert("card1", ESN, SLOT)
    machine.slots.write_leases(SLOT, ())
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    rack.format(ESN, SLOT)
    assert (await peer.receive()).card == "card1"


async def test_the_time_may_be_over(
    service: Service, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """The refusal says what to do, and the connection goes on."""
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    mock_clock.jump(60)
    reply = await peer.receive()
    assert refused(reply)
    assert reply.detail == (
        f"there is no card in slot {SLOT} in slot_wait; insert one with: seemachine card insert"
        f" CARD --esn {ESN} --slot {SLOT}"
    )
    assert refused(await peer.ask(m.WaitForCard(kind="blank", slot=SLOT, seconds=0)))


async def test_no_time_is_longer_than_a_request_may_take(
    service: Service, machine: Machine, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """Who asks for a hundred years is told within the time that its client waits for a reply."""
    peer = await join(nursery, service).greet()
    await peer.send(m.WaitForCard(kind="blank", slot=SLOT, seconds=(1 << 32) - 1))
    await waits(service)
    mock_clock.jump(machine.limits.request_seconds * WAITED_PART)
    assert refused(await peer.receive())


async def test_who_leaves_is_waited_for_no_more(service: Service, nursery: trio.Nursery) -> None:
    """Its conversation ends at once."""
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    await peer.stream.aclose()
    with trio.fail_after(20):
        await peer.over.wait()
    assert service.watch._waiting == 0


async def test_who_ends_its_direction_still_gets_a_reply(
    service: Service, nursery: trio.Nursery
) -> None:
    """It is the one that can be given now."""
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    await peer.stream.send_eof()  # type: ignore[attr-defined]
    assert refused(await peer.receive())
    assert await peer.receive() is None


async def test_who_asks_for_something_else_is_answered_both(
    service: Service, nursery: trio.Nursery
) -> None:
    """A hasty client ends its own waiting; nothing of what it sent is lost."""
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    hasty = Peer(peer.stream)
    hasty.link._number, hasty.link._greeted = 2, True
    await hasty.send(HELLO)
    assert refused(await peer.receive())
    assert isinstance(await hasty.receive(), m.Greeting)


async def test_a_machine_that_stops_waits_for_nobody(
    service: Service, nursery: trio.Nursery
) -> None:
    """Who waits has its reply and the end of the connection; who asks later, too."""
    peer, late = await join(nursery, service).greet(), await join(nursery, service).greet()
    await peer.send(LONG)
    await waits(service)
    # In the middle of a request, so that it is not idle.
    data = late.link.send(LONG)
    await late.stream.send_all(data[:9])
    await trio.testing.wait_all_tasks_blocked()
    service.drain()
    await late.stream.send_all(data[9:])
    with trio.fail_after(20):
        for each in (peer, late):
            assert refused(await each.receive())
            await each.over.wait()


async def test_a_crowd_that_waits_is_cheap(
    service: Service, machine: Machine, rack: Rack, nursery: trio.Nursery
) -> None:
    """No thread, no lock, one look for all of them; others are served, and one card is told to all
    of the crowd.
    """
    peers = [await join(nursery, service).greet() for _ in range(CROWD)]
    for peer in peers:
        await peer.send(LONG)
    await waits(service, CROWD)
    looks = 0
    trace, listed = machine.slots.trace, machine.slots.suitable

    def counted() -> object:
        nonlocal looks
        looks += 1
        return trace()

    machine.slots.trace = counted  # type: ignore[method-assign, assignment]
    machine.slots.suitable = partial(pytest.fail, "looked again")  # type: ignore[method-assign]
    before = trio.current_time()
    other = await join(nursery, service).greet()
    assert (await other.ask(m.ListSlots())).slots == []
    await trio.sleep(0.2)
    assert looks <= 1 + (trio.current_time() - before) / 0.02
    assert service.others.borrowed_tokens == service.hashing.borrowed_tokens == 0
    machine.slots.suitable = listed  # type: ignore[method-assign]
    rack.insert("card1", ESN, SLOT)
    with trio.fail_after(20):
        assert [(await peer.receive()).card for peer in peers] == ["card1"] * CROWD


async def test_nobody_looks_while_nobody_waits(
    service: Service, machine: Machine, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """An idle machine leaves its disk alone."""
    peer = await join(nursery, service).greet()
    assert refused(await peer.ask(m.WaitForCard(kind="blank", slot=SLOT, seconds=0)))
    await until(lambda: not service.reading.borrowed_tokens)
    mock_clock.jump(1)
    await trio.testing.wait_all_tasks_blocked()
    machine.slots.trace = partial(pytest.fail, "looked")  # type: ignore[method-assign]
    mock_clock.jump(1000)
    await trio.testing.wait_all_tasks_blocked()


async def test_slots_that_can_not_be_looked_at_now_are_looked_at_later(
    service: Service, machine: Machine, rack: Rack, nursery: trio.Nursery
) -> None:
    """A want of descriptors ends neither the watch nor the waiting."""
    errors, trace = [OSError(24, "Too many open files"), MemoryError()], machine.slots.trace

    def failing() -> object:
        if errors:
            raise errors.pop()
        return trace()

    machine.slots.trace = failing  # type: ignore[method-assign, assignment]
    peer = await join(nursery, service).greet()
    await peer.send(LONG)
    await until(lambda: not errors)
    rack.insert("card1", ESN, SLOT)
    assert (await peer.receive()).card == "card1"


async def test_a_bug_is_refused_as_one(
    service: Service, machine: Machine, nursery: trio.Nursery
) -> None:
    """What a look raises ends the waiting, not the session."""
    machine.slots.suitable = lambda *_: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    peer = await join(nursery, service).greet()
    assert refused(await peer.ask(LONG), Status.Failed)
    assert service.watch._waiting == 0


async def test_waiting_earns_no_place(service: Service, nursery: trio.Nursery) -> None:
    """Else a few hundred connections that wait for a card that never comes would keep all others
    out.
    """
    admission = Admission(LimitSettings(connections=1))
    seat = admission.admit("192.0.2.1")
    ours, theirs = memory_stream_pair()
    over = trio.Event()

    async def run() -> None:
        async with theirs:
            with seat.scope:
                await Conversation(service, theirs, "192.0.2.1:1", seat).run()
        over.set()

    nursery.start_soon(run)
    peer = await Peer(ours).greet()
    await peer.send(LONG)
    await waits(service)
    admission.admit("192.0.2.2")
    with trio.fail_after(20):
        await over.wait()
    assert seat.shed
    assert service.watch._waiting == 0


async def test_who_may_only_use_keys_puts_in_no_card(
    service: Service, nursery: trio.Nursery
) -> None:
    """Cards are for those who may provision."""
    ours, theirs = memory_stream_pair()
    seat = Admission(LimitSettings()).admit("192.0.2.1")
    alice = Caller("alice", ClientRole.USE)
    nursery.start_soon(Conversation(service, theirs, "192.0.2.1:1", seat, alice).run)
    peer = await Peer(ours).greet()
    assert refused(await peer.ask(LONG), Status.AccessDenied)
    await peer.stream.aclose()
