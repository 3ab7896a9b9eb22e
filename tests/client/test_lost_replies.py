"""Replies that never arrive, of machines in processes of their own: the client gets its signature
all the same, and no leaf is burned.

Each test has a network that swallows just one request or reply, and most of them a machine that is
killed at that moment.
"""

import contextlib
from functools import partial

import pytest
import trio
from client.swallowing import REPLY, REQUEST, swallowing
from kit import processes
from kit.processes import RunningMachine
from kit.verdicts import verifies
from seeclient import Status, StatusError
from seeclient.algorithms.lms import persisting

from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN, OTHER_ESN
from seemachine.world import World

TREE = {"lms": "sha256_m24_h5", "lmots": "sha256_n24_w4"}
SIGN, RESERVE, SIGN_DIGEST = "nvmemfile_sign", "nvmemfile_reserve", "nvmemfile_sign_digest"
# Short enough for tests, and long enough in all for a process to start on a busy host.
PATIENT, IMPATIENT = (0.05,) * 300, (0.02,) * 3
SMALL, LARGE = b"message", bytes(range(256)) * (1 << 13)


@pytest.fixture
def patience(monkeypatch):
    """Clients wait for a machine that is started again."""
    monkeypatch.setattr(persisting, "RETRY_PAUSES", PATIENT)


@pytest.fixture
def machine(home, patience):
    """A machine in a process of its own."""
    with processes.machines(home, (ESN,)) as [running]:
        yield running


def again(machine: RunningMachine) -> None:
    """Kill a machine, and start it anew, on another port."""
    machine.kill()
    machine.start()


async def signed_through(machine, open_fleet, message, cases):
    """Sign once through each of these losses.

    A case is losses, leaves that they burn, and in which of them the signature was.

    Each signature has the next leaf but for those that were burned, and so has the one after it.
    """
    async with swallowing(machine) as network, open_fleet(network.text) as fleet:
        key, leaf = await fleet.generate_lms("key", **TREE), 0
        for losses, burned, signature_in in cases:
            network.swallowed.clear()
            for loss in losses:
                network.lose(*loss)
            signed = await key.sign_with(message)
            leaf += burned
            assert network.losses == []
            assert (signed.leaf, signed.remaining) == (leaf, 31 - leaf)
            assert verifies(key.public_key, signed.signature, message)
            assert [signed.signature in lost for lost in network.swallowed] == signature_in
            assert (await key.sign_with(b"after")).leaf == leaf + 1
            leaf += 2
        assert (await key.info()).remaining == 32 - leaf


async def test_a_lost_exchange_costs_no_leaf(machine, open_fleet):
    """Whichever way it was lost, the same request again gets one signature with one leaf: the one
    that was made, if any was.
    """
    await signed_through(
        machine, open_fleet, SMALL, [([(SIGN, REQUEST)], 0, [False]), ([(SIGN, REPLY)], 0, [True])]
    )


async def test_a_machine_that_dies_meanwhile_costs_no_leaf(machine, open_fleet):
    """The same when it is killed before the request came, or after it was done, and
    started again.
    """
    cases = [
        ([(SIGN, what, partial(again, machine))], 0, [what is REPLY]) for what in (REQUEST, REPLY)
    ]
    await signed_through(machine, open_fleet, SMALL, cases)


async def test_a_reply_that_is_lost_again_and_again(machine, open_fleet):
    """It is one leaf and one signature, however often the machine has to make it."""
    losses = [
        (SIGN, REPLY, partial(again, machine)),
        (SIGN, REPLY),
        (SIGN, REQUEST),
        (SIGN, REPLY, partial(again, machine)),
        (SIGN, REPLY),
    ]
    await signed_through(machine, open_fleet, SMALL, [(losses, 0, [True, True, False, True, True])])


HALVES = [(name, what) for name in (RESERVE, SIGN_DIGEST) for what in (REQUEST, REPLY)]


async def test_a_lost_half_costs_no_leaf(machine, open_fleet):
    """Of a message that is hashed here, too: the same leaf is reserved again, the same digest
    signed again.
    """
    await signed_through(
        machine, open_fleet, LARGE, [([half], 0, [half == (SIGN_DIGEST, REPLY)]) for half in HALVES]
    )


async def test_a_machine_that_dies_between_the_halves_burns_one_leaf(machine, open_fleet):
    """A leaf that waits for its digest is burned when the machine ends, and another is taken; one
    that has its digest is not.
    """
    cases = [
        ([(*half, partial(again, machine))], burned, [half == (SIGN_DIGEST, REPLY)])
        for half, burned in zip(HALVES, (0, 1, 1, 0), strict=True)
    ]
    await signed_through(machine, open_fleet, LARGE, cases)


# ---------------------------------------------------------------- the last leaf


@contextlib.asynccontextmanager
async def one_leaf_left(machine, open_fleet):
    """A key with a single leaf."""
    async with swallowing(machine) as network, open_fleet(network.text) as fleet:
        key = await fleet.generate_lms("key", **TREE)
        for _ in range(31):
            await key.sign(b"before")
        yield network, key


async def used_up(key):
    """Nobody signs with this key any more."""
    with pytest.raises(StatusError) as refused:
        await key.sign(b"after")
    assert (refused.value.status, refused.value.where) == (
        Status.NotAvailable,
        "dispatch_see_nvmemfile",
    )


@pytest.mark.parametrize(("message", "name"), [(SMALL, SIGN), (LARGE, SIGN_DIGEST)])
async def test_the_last_leaf_is_not_lost(message, name, machine, open_fleet):
    """Its NVRAM file is gone with it, and yet the signature is made once more for whoever did not
    get it.
    """
    async with one_leaf_left(machine, open_fleet) as (network, key):
        network.lose(name, REPLY, partial(again, machine))
        signed = await key.sign_with(message)
        assert (signed.leaf, signed.remaining) == (31, 0)
        assert signed.signature in network.swallowed[0]
        assert verifies(key.public_key, signed.signature, message)
        await used_up(key)


async def test_the_last_leaf_waits_for_its_digest(machine, open_fleet):
    """Reserved, and the reply lost, it is still the asker's."""
    async with one_leaf_left(machine, open_fleet) as (network, key):
        network.lose(RESERVE)
        assert (await key.sign_with(LARGE)).leaf == 31
        await used_up(key)


async def test_the_last_leaf_without_its_digest_is_lost_with_the_machine(machine, open_fleet):
    """Nobody knows then what it signed: the refusal is that of a key that is used up, and no
    signature was ever made with it.
    """
    async with one_leaf_left(machine, open_fleet) as (network, key):
        network.lose(RESERVE, REPLY, partial(again, machine))
        with pytest.raises(StatusError) as refused:
            await key.sign(LARGE)
        assert refused.value.status is Status.NotAvailable
        await used_up(key)


# ---------------------------------------------------------------- several clients, several machines


@pytest.mark.parametrize("message", [SMALL, LARGE])
async def test_two_clients_lose_their_replies(message, machine, open_fleet):
    """Both asked at once, both lose what they asked for to one crash, and each gets its
    own leaf.
    """
    made = []

    async def sign(key, mine):
        made.append((await key.sign_with(mine), mine))

    async with (
        swallowing(machine) as one,
        swallowing(machine) as other,
        open_fleet(one.text) as first,
        open_fleet(other.text) as second,
    ):
        key = await first.generate_lms("key", **TREE)
        for turn in range(3):
            name = SIGN if message is SMALL else SIGN_DIGEST
            one.lose(name, REPLY, partial(again, machine))
            other.lose(name, REPLY)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sign, key, message + b"first%d" % turn)
                nursery.start_soon(sign, second.key("key"), message + b"second%d" % turn)
        leaves = [signed.leaf for signed, _ in made]
        assert len(set(leaves)) == 6
        assert all(verifies(key.public_key, signed.signature, mine) for signed, mine in made)
        if message is SMALL:
            assert sorted(leaves) == list(range(6))
            assert (await key.info()).remaining == 26


@contextlib.asynccontextmanager
async def two_holders(home, open_fleet):
    """Two machines with a lease of two leaves each, both behind networks that fail."""
    with processes.machines(home, (ESN,), (OTHER_ESN,)) as [one, other]:
        rack = Rack(World.at(home))
        rack.insert(rack.new()[0], ESN, 2)
        async with (
            swallowing(one) as near,
            swallowing(other) as far,
            open_fleet(f"{near.text},{far.text}") as fleet,
        ):
            key = await fleet.generate_lms("key", **TREE, explease=4)
            await fleet.provision(ESN, 2)
            rack.insert(rack.remove(ESN, 2), OTHER_ESN, 2)
            await fleet.provision(OTHER_ESN, 2)
            yield one, near, key


@pytest.mark.parametrize(
    ("message", "name"), [(SMALL, SIGN), (LARGE, RESERVE), (LARGE, SIGN_DIGEST)]
)
async def test_another_machine_signs_when_the_first_stays_away(
    message, name, home, open_fleet, monkeypatch
):
    """Its leaf is burned, the signature comes from the other's, and when it is back it goes on
    behind the burned one.
    """
    monkeypatch.setattr(persisting, "RETRY_PAUSES", IMPATIENT)
    async with two_holders(home, open_fleet) as (machine, network, key):
        network.lose(name, REPLY, machine.kill)
        signed = await key.sign_with(message)
        assert (signed.esn, signed.leaf) == (OTHER_ESN, 2)
        assert verifies(key.public_key, signed.signature, message)
        machine.start()
        assert [((signed := await key.sign_with(b"after")).esn, signed.leaf) for _ in range(2)] == [
            (OTHER_ESN, 3),
            (ESN, 1),
        ]
        await used_up(key)


async def test_a_machine_that_stays_away_is_the_refusal(machine, open_fleet, monkeypatch):
    """When no other has leaves, the caller hears of the lost connection; the leaf is burned, for
    nobody asks again.
    """
    monkeypatch.setattr(persisting, "RETRY_PAUSES", IMPATIENT)
    async with swallowing(machine) as network, open_fleet(network.text) as fleet:
        key = await fleet.generate_lms("key", **TREE)
        network.lose(SIGN, REPLY, machine.kill)
        with pytest.raises(StatusError) as refused:
            await key.sign(SMALL)
        assert (refused.value.status, refused.value.where) == (
            Status.OSErrorErrno,
            "dispatch_socket_connect",
        )
        machine.start()
        assert (await key.sign_with(SMALL)).leaf == 1


async def test_another_machine_in_its_place_is_not_taken_for_it(
    home, machine, open_fleet, monkeypatch
):
    """Where only the address is known, and another machine answers there by now, a request that
    names the first is not done by it.
    """
    monkeypatch.setattr(persisting, "RETRY_PAUSES", IMPATIENT)
    with processes.machines(home, (OTHER_ESN,)) as [other]:
        rack = Rack(World.at(home))
        rack.insert(rack.new()[0], ESN, 2)
        async with swallowing(machine) as network, open_fleet(network.text) as fleet:
            await fleet.generate_lms("key", **TREE, explease=4)
            rack.insert(rack.remove(ESN, 2), OTHER_ESN, 2)
            network.machine = other
            machine.kill()
            for esn in (ESN, ESN):
                with pytest.raises(StatusError) as refused:
                    await fleet.provision(esn, 2)
                assert refused.value.status is Status.OSErrorErrno
            network.machine = machine
            machine.start()
            rack.insert(rack.remove(OTHER_ESN, 2), ESN, 2)
            assert (await fleet.provision(ESN, 2)).leases_left == 15


async def test_pipsqueak_asks_again(home, machine):
    """A command of its own process, whose machine dies under it, prints its signature, and the next
    one takes the next leaf.
    """

    def pipsqueak(network, *words):
        return processes.pipsqueak(
            list(words), processes.environment(home, SEEMACHINE_FLEET=network.text)
        )

    async with swallowing(machine) as network:
        making = [
            "generate",
            "alias=key",
            "algorithm=lms",
            f"lmscode={TREE['lms']}",
            f"lmotscode={TREE['lmots']}",
        ]
        code, lines = await trio.to_thread.run_sync(pipsqueak, network, *making)
        assert code == 0, lines
        network.lose(SIGN, REPLY, partial(again, machine))
        for leaf in range(2):
            code, lines = await trio.to_thread.run_sync(
                pipsqueak, network, "alias=key", "message=text", "--json"
            )
            assert code == 0, lines
            assert f'"leaf": {leaf}' in "\n".join(lines), lines
    assert network.losses == []
