"""Storms of every fault that a request can meet: no leaf signs two messages, whoever asks again
with a token gets the same, and nothing is lost but leaves.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.logs import Events
from kit.services import Peer, join, make_machine, make_service, name_of
from kit.verdicts import leaf_of, verifies
from kit.waiting import until
from kit.whens import CHANCE, COUNT, SCHEDULE, Ticks
from seeclient import StatusError as Refused
from seeclient import blocking

from seemachine import testing
from seemachine.commands import pages
from seemachine.faults import KINDS, Injector, Plan, fault_of
from seemachine.faults.kinds import REQUEST
from seemachine.lms.keys import PublicKey
from seemachine.machine import Machine
from seemachine.server.pipeline import SigningPipeline
from seemachine.server.promptness import IN_A_ROW, Promptness
from seemachine.testing import ESN, QUICK, install_key
from seemachine.wire import messages as m
from seemachine.wire.status import StatusError

MESSAGES = 24
CALM = Plan(seed="7")
# What each kind needs; restart is the host's, who has a storm of its own.
WORDS = {"delay": "seconds=0.0005"}
OF_REQUESTS = [
    kind.name for kind in KINDS.values() if kind.place == REQUEST and kind.name != "restart"
]
ALL = " ".join(OF_REQUESTS)


def beset(machine: Machine, kinds: str, when: str = CHANCE) -> Injector:
    """Each kind at some of the requests that sign, reserve and look."""
    injector = machine.faults
    assert injector is not None
    for kind in kinds.split():
        injector.add(f"{kind} {when} {WORDS.get(kind, '')}")
    return injector


def is_over(injector: Injector) -> bool:
    """Whether each fault happened; none does any more."""
    happened = all(each.fired for each in injector.listing())
    injector.clear()
    return happened


def judged(machine: Machine, key: PublicKey, signed: dict[bytes, set[bytes]]) -> None:
    """Of each message and its signatures: one, valid, with a leaf that no other message has; and
    the ledger says the same.
    """
    assert all(len(signatures) == 1 for signatures in signed.values())
    leaves = {}
    for message, [signature] in signed.items():
        assert verifies(key.encode(), signature, message)
        assert leaves.setdefault(leaf_of(signature), message) == message
    rows = [row for _, row in machine.store.ledger(0, 1 << 10)]
    assert len({row.leaf for row in rows}) == len(rows)
    assert {row.leaf for row in rows} >= set(leaves)
    file = machine.store.get(name_of(key))
    taken = file.next if file is not None else 1 << 5
    assert taken == len(rows)


# ---------------------------------------------------------------- over sessions


async def insist(connect: Callable[[], Any], request: Any) -> Any:
    """The reply to a request that is asked again, on another connection, until it comes."""
    for _ in range(300):
        peer = await connect()
        await peer.send(request)
        reply = None
        with trio.move_on_after(5):
            reply = await received(peer)
        await peer.stream.aclose()
        if reply is not None and not isinstance(reply, StatusError):
            return reply
    raise AssertionError("it never was carried out")


async def received(peer: Peer) -> Any:
    """A whole reply, or None."""
    try:
        return await peer.receive()
    except Exception:  # noqa: BLE001
        return None


def token(number: int) -> bytes:
    """One for each message."""
    return number.to_bytes(16, "big")


@pytest.mark.parametrize("kinds", [*OF_REQUESTS, ALL])
async def test_a_storm_over_sessions(tmp_path: Path, nursery: trio.Nursery, kinds: str) -> None:
    """One signature a message, however often it is asked for; each takes one leaf."""
    machine = make_machine(tmp_path)
    machine.faults = Injector(CALM, Ticks())
    key = install_key(machine, tree=QUICK["lms"], ots=QUICK["lmots"])
    service = make_service(machine, Events())
    nursery.start_soon(service.pipeline.run)
    injector = beset(machine, kinds)

    async def connect() -> Peer:
        return await join(nursery, service).greet()

    signed: dict[bytes, set[bytes]] = {}
    for number in range(MESSAGES):
        message = b"%d" % number
        request = m.NvmemfileSign(file=name_of(key), token=token(number), message=message)
        for _ in range(2):
            reply = await insist(connect, request)
            signed.setdefault(message, set()).add(reply.signature)
    assert is_over(injector)
    judged(machine, key, signed)


@pytest.mark.parametrize("kinds", [*OF_REQUESTS, ALL])
async def test_a_storm_of_many_and_of_digests(
    tmp_path: Path, nursery: trio.Nursery, kinds: str
) -> None:
    """Requests for many signatures, and leaves that are reserved before they sign."""
    machine = make_machine(tmp_path)
    machine.faults = Injector(CALM, Ticks())
    key = install_key(machine, tree=QUICK["lms"], ots=QUICK["lmots"])
    service = make_service(machine, Events())
    nursery.start_soon(service.pipeline.run)
    # All by one count would happen at once, of which the first decides.
    injector = beset(machine, kinds, CHANCE if kinds == ALL else COUNT)

    async def connect() -> Peer:
        return await join(nursery, service).greet()

    file, signed = name_of(key), dict[bytes, set[bytes]]()
    for start in range(0, 12, 4):
        numbers = range(start, start + 4)
        tokens, messages = [token(n) for n in numbers], [b"%d" % n for n in numbers]
        request = m.NvmemfileSignMany(file=file, tokens=tokens, messages=messages)
        for _ in range(2):
            reply = await insist(connect, request)
            for message, signature in zip(messages, reply.signatures, strict=True):
                signed.setdefault(message, set()).add(signature)
    digests: dict[int, set[bytes]] = {}
    for number in range(12, 20):
        for _ in range(2):
            reserved = await insist(connect, m.NvmemfileReserve(file=file, token=token(number)))
            digest = b"%-24d" % number
            request = m.NvmemfileSignDigest(file=file, token=token(number), digest=digest)
            reply = await insist(connect, request)
            assert reply.leaf == reserved.leaf
            digests.setdefault(reply.leaf, set()).add(reply.signature)
    assert len(digests) == 8
    assert all(len(signatures) == 1 for signatures in digests.values())
    assert not digests.keys() & {leaf_of(each) for [each] in signed.values()}
    assert is_over(injector)
    judged(machine, key, signed)


async def test_a_reply_is_lost_after_a_signature_of_the_loop(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    """The loop itself signs for one client alone; a fault comes after its commit as after any."""
    machine = make_machine(tmp_path)
    key = install_key(machine, tree=QUICK["lms"], ots=QUICK["lmots"])
    pages.prepare(machine, name_of(key))
    machine.faults = Injector(Plan((fault_of(f"drop-after after={IN_A_ROW + 4}"),)))
    service = make_service(machine)
    # However busy the host is, commits take no time.
    promptness = Promptness(alone=True, clock=lambda: 0.0)
    service.pipeline = SigningPipeline(machine, promptness=promptness)
    here: list[Any] = []
    sign_here = service.pipeline._sign_here
    service.pipeline._sign_here = lambda job: here.append(job) or sign_here(job)
    nursery.start_soon(service.pipeline.run)
    peer = await join(nursery, service).greet()
    for number in range(IN_A_ROW + 4):
        await peer.ask(m.NvmemfileSign(file=name_of(key), token=token(number), message=b"m"))
        await until(lambda: service.pipeline._turns.idle)
    before = len(here)
    last = m.NvmemfileSign(file=name_of(key), token=token(99), message=b"last")
    await peer.send(last)
    assert await peer.rest() == b""
    assert len(here) == before + 1 > 1
    file = machine.store.get(name_of(key))
    assert file is not None
    assert file.next == IN_A_ROW + 5
    machine.faults.clear()
    assert (await (await join(nursery, service).greet()).ask(last)).leaf == IN_A_ROW + 4


# ---------------------------------------------------------------- with the client


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> testing.Rig:
    """A world with a machine, and a client whose pauses are short."""
    monkeypatch.setattr("seeclient.algorithms.lms.persisting.RETRY_PAUSES", (0.0,) * 60)
    made = testing.Rig(tmp_path)
    # From before anybody connects: who is connected has met none.
    made.start(faults=Injector(CALM, Ticks()))
    return made


@pytest.mark.parametrize("kinds", ["delay", "drop-before", "drop-after", "tear"])
def test_the_client_signs_through_a_storm(rig: testing.Rig, kinds: str) -> None:
    """Its retries get it one signature a message, of a leaf each: none is lost."""
    machine = rig.machines[ESN]
    with rig.fleet() as fleet:
        key = fleet.generate_lms("release", **QUICK)
        injector = beset(machine, kinds)
        signed = {b"%d" % n: {key.sign(b"%d" % n)} for n in range(MESSAGES)}
        assert is_over(injector)
        public = PublicKey.decode(fleet.key("release").public_key)
        judged(machine, public, signed)
        assert fleet.key("release").info().remaining == 32 - MESSAGES


def on_card(rig: testing.Rig, fleet: blocking.Fleet) -> blocking.Key:
    """A key whose leases are on the card in the slot, whatever attempts it took."""
    while not (loaded := [each.card for each in rig.rack.listing() if each.leases]):
        with contextlib.suppress(Refused):
            if fleet.roster.keys.has("cards"):
                fleet.roster.keys.remove("cards")
            fleet.generate_lms("cards", **QUICK, expcards=0, explease=2, replace=True)
    rig.move(loaded[0])
    return fleet.key("cards")


@pytest.mark.parametrize("kinds", [*OF_REQUESTS, ALL])
def test_leases_and_cards_survive_a_storm(rig: testing.Rig, kinds: str) -> None:
    """A key on a card is made and provisioned through a storm, and signs until nothing is left.
    Whatever was refused or lost on the way, no leaf signed twice, and a key can still be made.
    """
    machine = rig.machines[ESN]
    rig.feed_blank()
    with rig.fleet() as fleet:
        injector = beset(machine, kinds, f"{SCHEDULE} {CHANCE}")
        key = on_card(rig, fleet)
        leaves, refused = [], 0
        while refused < 8 or not all(each.spent for each in injector.listing()):
            try:
                if not fleet.key("cards").info().remaining:
                    fleet.provision(ESN, 2)
                leaves.append(leaf_of(key.sign(b"message")))
            except Refused:
                refused += 1
        assert is_over(injector)
    assert 8 <= len(leaves) == len(set(leaves)) <= 32
    rows = [row for _, row in machine.store.ledger(0, 1 << 10)]
    assert len({row.leaf for row in rows}) == len(rows) >= len(leaves)
