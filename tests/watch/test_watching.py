"""watching.py: machines that are asked again and again, over memory."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import trio
from kit.waiting import until
from watch.looking import OTHER_ESN

from seemachine import testing
from seemachine.faults import Injector, Plan, fault_of, latency_of
from seemachine.testing import ESN
from seemachine.testing.rigs import wires
from seemachine.watch import watching as watching_module
from seemachine.watch.looks import DOWN, UP, MachineLook
from seemachine.watch.watched import Watched
from seemachine.watch.watching import SELDOM, Watching
from seemachine.watch.world import WorldLook
from seemachine.wire.requests import Effect
from seemachine.wire.roles import ClientRole
from seemachine.wire.status import Status, StatusError

EVERY = 0.01


@pytest.fixture
def rig(tmp_path):
    """Two machines."""
    made = testing.Rig(tmp_path)
    made.start(ESN)
    made.start(OTHER_ESN)
    return made


@contextlib.asynccontextmanager
async def watching(rig) -> AsyncIterator[Watching]:
    """The machines that are up now, watched as long as the block lasts."""
    eyes = Watching(rig.environment, EVERY, rig.connect_async)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(eyes.run)
        await eyes.settled()
        yield eyes
        nursery.cancel_scope.cancel()


def states(eyes):
    """Of the machines, by ESN."""
    return {machine.esn: machine.state for machine in eyes.look(0, 0).machines}


def next_leaves(eyes):
    """Of the NVRAM files of the first machine."""
    [found] = [each.files for each in eyes.look(0, 0).machines if each.esn == ESN]
    return [info.next for info in found]


async def test_one_look_finds_all(rig):
    """What hello says, NVRAM files, cards."""
    testing.install_key(rig.machines[ESN])
    [card] = rig.rack.new()
    rig.rack.insert(card, ESN, 2)
    eyes = Watching(rig.environment, EVERY, rig.connect_async)
    await eyes.once()
    first, second = sorted(eyes.look(0, 0).machines, key=lambda each: each.module)
    assert (first.esn, first.model, first.state) == (ESN, "5c", "up")
    assert ([info.remaining for info in first.files], first.slots[0].card) == ([32], card)
    assert (second.esn, second.files, second.slots) == (OTHER_ESN, (), ())


async def test_leaves_burn_while_it_looks(rig):
    """Over one connection, and no leaf is taken by it."""
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **testing.QUICK, esn=ESN)
        async with watching(rig) as eyes:
            assert next_leaves(eyes) == [0]
            for _ in range(3):
                key.sign(b"m")
            await until(lambda: next_leaves(eyes) == [3])
            assert eyes.look(0, 0).aliases
        assert key.sign_with(b"m").leaf == 3


async def test_a_machine_goes_down_and_comes_up(rig):
    """The others are asked all the while; it is known by its opening that it was started anew."""
    async with watching(rig) as eyes:
        fleet = Watched()
        fleet.take(eyes.look(0, 0))
        rig.stop(OTHER_ESN)
        await until(lambda: states(eyes) == {ESN: "up", OTHER_ESN: "silent"})
        [change] = fleet.take(eyes.look(1, 1))
        assert change.sentence.startswith(f"{OTHER_ESN} is silent: connect")
        rig.start(OTHER_ESN)
        await until(lambda: states(eyes) == {ESN: "up", OTHER_ESN: "up"})
        assert [each.sentence for each in fleet.take(eyes.look(2, 2))] == [
            f"{OTHER_ESN} was started again"
        ]
        assert fleet.restarts == {OTHER_ESN: 1}


async def test_a_machine_that_was_down_is_up_once_it_answers(rig, nursery):
    """Its files may say so before: what it said earlier is of another opening."""
    eyes, files, fleet = Watching(rig.environment, EVERY, rig.connect_async), {}, Watched()
    await eyes.once()
    fleet.take(eyes.look(0, 0))
    eyes._around.look = lambda: (WorldLook(files), rig.environment.addresses())
    told = []
    for state in (DOWN, UP):
        files[OTHER_ESN] = MachineLook(OTHER_ESN, state)
        await eyes._look_around(nursery)
        told += [each.sentence for each in fleet.take(eyes.look(1, 1))]
    assert told == [f"{OTHER_ESN} is down"]


async def test_a_restart_is_seen_with_the_first_answer_after_it(rig, monkeypatch):
    """Though what hello says is asked for seldom."""
    monkeypatch.setattr(watching_module, "SELDOM", 1 << 30)
    async with watching(rig) as eyes:
        fleet = Watched()
        fleet.take(eyes.look(0, 0))
        rig.stop(OTHER_ESN)
        rig.start(OTHER_ESN)
        await until(lambda: fleet.take(eyes.look(1, 1)) or fleet.restarts)
        assert fleet.restarts == {OTHER_ESN: 1}


async def test_a_machine_that_hangs_holds_up_no_other(rig, monkeypatch):
    """It is silent once its time is over, and says so; the others burn on."""
    monkeypatch.setattr(watching_module, "PATIENCE_SECONDS", 0.2)
    testing.install_key(rig.machines[ESN])

    async def connect(address, context=None):
        if address.esn == OTHER_ESN:
            await trio.sleep_forever()
        return await rig.connect_async(address, context)

    eyes = Watching(rig.environment, EVERY, connect)
    await eyes.once()
    hung = next(each for each in eyes.look(0, 0).machines if each.esn == OTHER_ESN)
    assert (hung.state, hung.why) == ("silent", "no answer within 0 s")
    assert states(eyes)[ESN] == "up"
    assert len(next_leaves(eyes)) == 1


async def test_it_asks_for_nothing_but_a_look(rig, monkeypatch):
    """Each request takes no leaf and needs the role `use` alone; what changes seldom is asked for
    seldom.
    """
    asked = []
    real = wires.answer

    def noting(session, request):
        asked.append(type(request))
        return real(session, request)

    monkeypatch.setattr(wires, "answer", noting)
    async with watching(rig):
        await until(lambda: len(asked) > 20 * SELDOM)
    assert {request.EFFECT for request in asked} == {Effect.LOOKS}
    assert {request.LEAST for request in asked} == {ClientRole.USE}
    names = [request.NAME for request in asked]
    assert names.count("nvmemfile_list") > (SELDOM - 1) * names.count("slot_list")


async def test_faults_are_named_to_an_admin(tmp_path, monkeypatch):
    """Those that may still happen; others are told how many there are. Who is only slow is not
    asked.
    """
    rig = testing.Rig(tmp_path)
    given = ("delay on=signing seconds=1", "tear on=nvmemfile_sign")
    plan = Plan(tuple(map(fault_of, (*given, "drop-after until=0.000001"))), latency_of("5c"))
    rig.start(ESN, faults=Injector(plan))
    rig.start(OTHER_ESN, faults=Injector(Plan(latency=latency_of("5c"))))

    async def seen():
        eyes = Watching(rig.environment, EVERY, rig.connect_async)
        await eyes.once()
        return {each.esn: (each.slow, each.wrong) for each in eyes.look(0, 0).machines}

    slow = ("latency 5c", "")
    assert await seen() == {ESN: ("latency 5c", "; ".join(given)), OTHER_ESN: slow}
    denied = StatusError(Status.AccessDenied, "only an admin may", "fault_list")
    monkeypatch.setattr(watching_module.injecting, "listing", lambda _peer: refused(denied))
    assert await seen() == {ESN: ("latency 5c", "2 faults"), OTHER_ESN: slow}


def refused(error):
    """A story that ends at once."""
    raise error
    yield


async def test_nobody_is_there(rig):
    """A fleet that is down is waited for: there is nothing to be seen yet."""
    for esn in (ESN, OTHER_ESN):
        rig.stop(esn)
    async with watching(rig) as eyes:
        assert states(eyes) == {}
