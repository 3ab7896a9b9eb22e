"""nvmemfile_reserve and nvmemfile_sign_digest: a leaf set aside, and the one digest that it signs."""

import pytest
from commands.kit import CHEAP, LEAVES, SETS, SLOT, ask, digest_for, hash_key, make_key, refuse, sign, verifies

from seemachine.commands.nvmem import MAX_RESERVATIONS
from seemachine.lms.engines.portable import PortableEngine
from seemachine.machine import Session
from seemachine.state.cards import read_card, write_card
from seemachine.state.errors import DiskFull
from seemachine.wire import messages as m
from seemachine.wire.status import Status

UNKNOWN = b"lms" + bytes(8)


def reserve(session, key):
    """A reservation of the key's next leaf."""
    return ask(session, m.NvmemfileReserve(file=key.file))


def finish(reserved, digest):
    """The request that signs a digest with a reservation."""
    return m.NvmemfileSignDigest(ticket=reserved.ticket, digest=digest)


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
def test_a_large_message(session, names):
    """The client hashes the message with what the reservation gave; the signature verifies like any other, and is the next leaf's."""
    key = hash_key(session, names)
    ask(session, sign(key.file))
    reserved = reserve(session, key)
    assert (reserved.leaf, reserved.remaining) == (1, LEAVES - 2)
    message = bytes(range(256)) * 1000
    signed = ask(session, finish(reserved, digest_for(key.public_key, reserved, message)))

    assert (signed.leaf, signed.remaining) == (1, LEAVES - 2)
    assert verifies(key.public_key, signed.signature, message)
    assert reserved.randomizer in signed.signature


def test_both_ways_give_the_same(world, session):
    """For one leaf and one message the two ways to sign give the same bytes: there is one signature a leaf."""
    key = make_key(world, session, CHEAP, 0, 1)
    [path] = world.folder.rglob(f"{key.cards[0]}.card")
    card = read_card(path)
    whole, parts = Session(world.machine()), Session(world.machine())
    ask(whole, m.ProvisionLms(slot=SLOT))
    # Two machines with the same lease: what the rest of the project prevents is a convenience here.
    write_card(path.parent, card)
    ask(parts, m.ProvisionLms(slot=SLOT))
    reserved = reserve(parts, key)

    signed = ask(parts, finish(reserved, digest_for(key.public_key, reserved, b"both")))
    assert signed == ask(whole, sign(key.file, b"both"))


def test_one_ticket_signs_one_digest(session):
    """A ticket that was used is unknown, for the same digest as for another, and its leaf is used by nobody else."""
    key = hash_key(session)
    reserved = reserve(session, key)
    ask(session, finish(reserved, bytes(24)))

    for digest in (bytes(24), bytes(23) + b"1"):
        refused = refuse(session, finish(reserved, digest))
        assert refused.status is Status.UnknownID
        assert "each takes one digest" in refused.detail
    assert ask(session, sign(key.file)).leaf == 1


def test_tickets_are_of_their_connection(session, machine):
    """On any other connection a ticket is unknown; there nothing is burned, and its owner can use it still."""
    key = hash_key(session)
    reserved = reserve(session, key)
    digest = digest_for(key.public_key, reserved, b"mine")
    assert refuse(Session(machine), finish(reserved, digest)).status is Status.UnknownID

    assert verifies(key.public_key, ask(session, finish(reserved, digest)).signature, b"mine")


@pytest.mark.parametrize("size", [25, 31, 32])
def test_a_digest_of_the_wrong_length_burns_the_leaf(session, size):
    """A digest that is not as long as the set's hash is refused, and the ticket is spent with its leaf."""
    key = hash_key(session)
    reserved = reserve(session, key)
    refused = refuse(session, finish(reserved, bytes(size)))

    assert refused.status is Status.InvalidParameter
    assert refused.detail == "Q has 24 bytes for sha256_n24_w2 in nvmemfile_sign_digest; the leaf is spent"
    assert refuse(session, finish(reserved, bytes(24))).status is Status.UnknownID
    assert ask(session, sign(key.file)).leaf == 1


def test_an_invented_ticket(session):
    """A ticket that no reservation gave is unknown."""
    refused = refuse(session, m.NvmemfileSignDigest(ticket=bytes(16), digest=bytes(24)))

    assert refused.status is Status.UnknownID


def test_tickets_in_any_order(session):
    """Reservations of several keys are finished in any order, each with its own leaf, while other requests take others."""
    keys = [hash_key(session, names) for names in SETS]
    held = [(key, reserve(session, key)) for key in keys * 3]
    others = [ask(session, sign(key.file)).leaf for key in keys]
    finished = [(key, one, ask(session, finish(one, digest_for(key.public_key, one, one.ticket)))) for key, one in reversed(held)]

    assert others == [3] * 4
    assert sorted(one.leaf for _, one, _ in finished) == [0] * 4 + [1] * 4 + [2] * 4
    assert all(verifies(key.public_key, signed.signature, one.ticket) and signed.leaf == one.leaf for key, one, signed in finished)
    assert len({one.ticket for _, one, _ in finished}) == 12


def test_a_connection_holds_few(session, machine):
    """A reservation beyond the limit is refused and takes no leaf; a used ticket makes room, another connection has room of its own."""
    keys = [hash_key(session) for _ in range(3)]
    held = [reserve(session, keys[number // LEAVES]) for number in range(MAX_RESERVATIONS)]
    refused = refuse(session, m.NvmemfileReserve(file=keys[2].file))
    assert refused.status is Status.ObjectInUse
    assert f"holds {MAX_RESERVATIONS} reserved leaves already in nvmemfile_reserve; use one first" in refused.detail

    assert reserve(Session(machine), keys[2]).leaf == 0
    ask(session, finish(held[0], bytes(24)))
    assert reserve(session, keys[2]).leaf == 1


def test_the_last_leaf_can_be_reserved(session):
    """With the last leaf reserved the file is gone, and the reservation is good all the same."""
    key = hash_key(session)
    session.machine.store.reserve([key.file] * (LEAVES - 1))
    reserved = reserve(session, key)
    assert (reserved.leaf, reserved.remaining) == (LEAVES - 1, 0)
    assert refuse(session, m.NvmemfileReserve(file=key.file)).status is Status.NotAvailable
    signed = ask(session, finish(reserved, digest_for(key.public_key, reserved, b"last")))

    assert verifies(key.public_key, signed.signature, b"last")


def test_an_unknown_file(session):
    """A file that is not here is refused, and no ticket is given."""
    assert refuse(session, m.NvmemfileReserve(file=UNKNOWN)).status is Status.NotAvailable
    assert session.reservations == {}


def test_a_failed_reservation_gives_no_ticket(session, machine, monkeypatch):
    """When the reservation is not durable there is no ticket, and the leaf is gone."""
    key = hash_key(session)

    def fail(_changes):
        raise DiskFull("the disk: no")

    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "_write_changes", fail)
        assert refuse(session, m.NvmemfileReserve(file=key.file)).status is Status.OSErrorErrno
    assert session.reservations == {}
    assert reserve(session, key).leaf == 1


def test_a_broken_engine_burns_the_ticket(world):
    """When signing the digest breaks the ticket is spent: nobody knows what was computed of it."""

    class Broken(PortableEngine):
        """An engine that can't sign."""

        def sign(self, *_arguments):
            """Break."""
            raise MemoryError

    session = Session(world.machine(engine=Broken()))
    key = hash_key(session)
    reserved = reserve(session, key)
    refused = refuse(session, finish(reserved, bytes(24)))

    assert refused.status is Status.Failed
    assert isinstance(refused.__cause__, MemoryError)
    assert refuse(session, finish(reserved, bytes(24))).status is Status.UnknownID
