"""nvmemfile_reserve and nvmemfile_sign_digest: a leaf set aside under a token, and the one digest
that it signs.
"""

import hashlib

import pytest
from kit.commands import (
    CHEAP,
    LEAVES,
    SETS,
    SLOT,
    ask,
    digest_for,
    hash_key,
    make_key_on_cards,
    refuse,
    sign,
)
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.lms.engines.portable import PortableEngine
from seemachine.machine import Session
from seemachine.state.cards.smartcard import read_card, write_card
from seemachine.state.errors import DiskFull
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.ledger import Order, hash_bound
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

UNKNOWN = b"lms" + bytes(8)
T1, T2 = b"1" * 16, b"2" * 16


def reserve(session, key, token=T1):
    """A reservation of a leaf of the key."""
    return ask(session, m.NvmemfileReserve(file=key.file, token=token))


def finish(key, digest, token=T1):
    """The request that signs a digest with a reservation."""
    return m.NvmemfileSignDigest(file=key.file, token=token, digest=digest)


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
def test_a_large_message(session, names):
    """The client hashes the message with what the reservation gave; the signature verifies like any
    other, and is the next leaf's.
    """
    key = hash_key(session, names)
    ask(session, sign(key.file))
    reserved = reserve(session, key)
    assert (reserved.leaf, reserved.remaining) == (1, LEAVES - 2)
    message = bytes(range(256)) * 1000
    signed = ask(session, finish(key, digest_for(key.public_key, reserved, message)))

    assert (signed.leaf, signed.remaining) == (1, LEAVES - 2)
    assert verifies(key.public_key, signed.signature, message)
    assert reserved.randomizer in signed.signature


def test_both_ways_give_the_same(world, session):
    """For one leaf and one message the two ways to sign give the same bytes: there is one signature
    a leaf.
    """
    key = make_key_on_cards(world, session, CHEAP, 0, 1)
    [path] = world.folder.rglob(f"{key.cards[0]}.card")
    card = read_card(path)
    whole, parts = Session(world.machine()), Session(world.machine())
    ask(whole, m.ProvisionLms(slot=SLOT))
    # Two machines with the same lease: what the rest of the project prevents is a convenience here.
    write_card(path.parent, card)
    ask(parts, m.ProvisionLms(slot=SLOT))
    reserved = reserve(parts, key)

    signed = ask(parts, finish(key, digest_for(key.public_key, reserved, b"both")))
    assert signed == ask(whole, sign(key.file, b"both"))


def test_a_reservation_asked_again(session, machine):
    """The same token gives the same leaf, before and after its digest came, on any connection; no
    leaf is taken.
    """
    key = hash_key(session)
    reserved = reserve(session, key)
    assert reserve(Session(machine), key) == reserved
    ask(session, finish(key, bytes(24)))

    assert reserve(session, key) == reserved
    assert reserve(session, key, T2).leaf == 1


def test_a_digest_asked_again(session, machine):
    """The same token and digest give the same signature, on any connection and however often; no
    leaf is taken.
    """
    key = hash_key(session)
    digest = digest_for(key.public_key, reserve(session, key), b"mine")
    signed = ask(session, finish(key, digest))

    assert verifies(key.public_key, signed.signature, b"mine")
    assert ask(session, finish(key, digest)) == ask(Session(machine), finish(key, digest)) == signed
    assert ask(session, sign(key.file)).leaf == 1


def test_one_token_signs_one_digest(session):
    """Another digest under a token that was used is refused, again and again, and takes no leaf;
    the first one stays good.
    """
    key = hash_key(session)
    reserve(session, key)
    signed = ask(session, finish(key, bytes(24)))

    for _ in range(2):
        refused = refuse(session, finish(key, bytes(23) + b"1"))
        assert refused.status is Status.ObjectInUse
        assert "this request token was used before, for another message: leaf 0" in refused.detail
    assert ask(session, finish(key, bytes(24))) == signed
    assert ask(session, sign(key.file)).leaf == 1


def test_another_connection_may_finish_it(session, machine):
    """A reservation does not belong to its connection, and does not end with it."""
    key = hash_key(session)
    reserved = reserve(session, key)
    session.close()
    signed = ask(Session(machine), finish(key, digest_for(key.public_key, reserved, b"mine")))

    assert signed.leaf == reserved.leaf
    assert verifies(key.public_key, signed.signature, b"mine")


@pytest.mark.parametrize("kind", [SqliteStore, FileStore])
class TestAfterARestart:
    """The machine stops between the two halves, or after them."""

    @staticmethod
    def restarted(world, session):
        """A connection to the same machine in its next process."""
        session.machine.store.close()
        return Session(world.machine(store=type(session.machine.store)(world.folder / "hsm" / ESN)))

    def session(self, world, kind):
        """A connection to the machine in its first process."""
        return Session(world.machine(store=kind(world.folder / "hsm" / ESN)))

    def test_a_leaf_that_waits_is_burned(self, world, kind):
        """Whether it saw a digest, no restored NVRAM could say: the leaf signs nothing any more,
        and its token is of no use.
        """
        first = self.session(world, kind)
        key = hash_key(first)
        reserve(first, key)
        session = self.restarted(world, first)

        for request in (finish(key, bytes(24)), m.NvmemfileReserve(file=key.file, token=T1)):
            refused = refuse(session, request)
            assert refused.status is Status.ObjectInUse
            assert "waits for no digest any more, and is burned" in refused.detail
        assert reserve(session, key, T2).leaf == 1
        session.machine.store.close()

    def test_a_digest_that_was_signed_is_signed_again(self, world, kind):
        """The same token and digest give the same signature in the next process; another digest is
        refused.
        """
        first = self.session(world, kind)
        key = hash_key(first)
        reserve(first, key)
        signed = ask(first, finish(key, bytes(24)))
        session = self.restarted(world, first)

        assert ask(session, finish(key, bytes(24))) == signed
        assert refuse(session, finish(key, b"x" * 24)).status is Status.ObjectInUse
        session.machine.store.close()


@pytest.mark.parametrize("size", [25, 31, 32])
def test_a_digest_of_the_wrong_length(session, size):
    """A digest that is not as long as the set's hash is refused and burns nothing: the token takes
    the right one still.
    """
    key = hash_key(session)
    reserve(session, key)
    refused = refuse(session, finish(key, bytes(size)))

    assert refused.status is Status.InvalidParameter
    assert refused.detail == "Q has 24 bytes for this key in nvmemfile_sign_digest"
    assert ask(session, finish(key, bytes(24))).leaf == 0


def test_a_digest_of_the_wrong_length_for_the_last_leaf(session):
    """With the file gone nobody knows the right length before the leaf is bound: it is spent, and
    signs nothing.
    """
    key = hash_key(session)
    use_up(session, key, LEAVES - 1)
    reserve(session, key)
    refused = refuse(session, finish(key, bytes(32)))

    assert (refused.status, refused.detail.rpartition("; ")[2]) == (
        Status.InvalidParameter,
        "the leaf is spent",
    )
    assert refuse(session, finish(key, bytes(24))).status is Status.ObjectInUse


def test_an_invented_token(session):
    """A token under which nothing was reserved is refused, and takes no leaf."""
    key = hash_key(session)
    refused = refuse(session, finish(key, bytes(24)))

    assert refused.status is Status.ObjectInUse
    assert (
        "no leaf was reserved under this token in nvmemfile_sign_digest; reserve one first"
        in refused.detail
    )
    assert ask(session, sign(key.file)).leaf == 0


def test_a_token_of_another_key(session):
    """A token is good for the file that it was used with, and no other; its leaf stays good."""
    key, other = hash_key(session), hash_key(session)
    reserved = reserve(session, key)

    assert refuse(session, finish(other, bytes(24))).status is Status.ObjectInUse
    assert (
        refuse(session, m.NvmemfileReserve(file=other.file, token=T1)).status is Status.ObjectInUse
    )
    assert refuse(session, sign(other.file, token=T1)).status is Status.ObjectInUse
    assert ask(session, finish(key, bytes(24))).leaf == reserved.leaf


def test_a_token_of_a_whole_message(session):
    """The token of a message that the machine hashed takes no digest, not even one that is the
    message's SHA-256, and no reservation.
    """
    key = hash_key(session, SETS[1])
    signed = ask(session, sign(key.file, b"message", T1))

    for request in (
        finish(key, hashlib.sha256(b"message").digest()),
        m.NvmemfileReserve(file=key.file, token=T1),
    ):
        assert refuse(session, request).status is Status.ObjectInUse
    assert ask(session, sign(key.file, b"message", T1)) == signed


def test_a_token_of_a_reservation(session):
    """The token of a leaf that waits takes no whole message, before its digest came and after."""
    key = hash_key(session)
    reserve(session, key)
    assert refuse(session, sign(key.file, b"message", T1)).status is Status.ObjectInUse
    ask(session, finish(key, bytes(24)))

    assert refuse(session, sign(key.file, b"message", T1)).status is Status.ObjectInUse


def test_reservations_in_any_order(session):
    """Reservations of several keys are finished in any order, each with its own leaf, while other
    requests take others.
    """
    keys = [hash_key(session, names) for names in SETS]
    tokens = [new_token() for _ in keys * 3]
    held = [
        (key, token, reserve(session, key, token))
        for key, token in zip(keys * 3, tokens, strict=True)
    ]
    others = [ask(session, sign(key.file)).leaf for key in keys]
    finished = [
        (key, token, one, ask(session, finish(key, digest_for(key.public_key, one, token), token)))
        for key, token, one in reversed(held)
    ]

    assert others == [3] * 4
    assert sorted(one.leaf for _, _, one, _ in finished) == [0] * 4 + [1] * 4 + [2] * 4
    assert all(
        verifies(key.public_key, signed.signature, token) and signed.leaf == one.leaf
        for key, token, one, signed in finished
    )


def use_up(session, key, count):
    """Take leaves off the key's file."""
    session.machine.store.reserve(
        [Order(key.file, new_token(), hash_bound(bytes(24))) for _ in range(count)]
    )


def test_the_last_leaf_can_be_reserved(session):
    """With the last leaf reserved the file is gone; the reservation is good all the same, and may
    come again.
    """
    key = hash_key(session)
    use_up(session, key, LEAVES - 1)
    reserved = reserve(session, key)
    assert (reserved.leaf, reserved.remaining) == (LEAVES - 1, 0)
    assert (
        refuse(session, m.NvmemfileReserve(file=key.file, token=T2)).status is Status.NotAvailable
    )
    assert reserve(session, key) == reserved
    request = finish(key, digest_for(key.public_key, reserved, b"last"))
    signed = ask(session, request)

    assert verifies(key.public_key, signed.signature, b"last")
    assert ask(session, request) == signed


def test_an_unknown_file(session):
    """A file that is not here is refused, and the token is free still."""
    key = hash_key(session)
    assert refuse(session, m.NvmemfileReserve(file=UNKNOWN, token=T1)).status is Status.NotAvailable
    assert reserve(session, key).leaf == 0


def test_a_file_in_quarantine(session):
    """No leaf of it is reserved, and none that waits is signed with."""
    key = hash_key(session)
    reserve(session, key)
    session.machine.store.quarantine(key.file, "it may be a copy")

    for request in (
        m.NvmemfileReserve(file=key.file, token=T2),
        finish(key, bytes(24)),
        sign(key.file),
    ):
        refused = refuse(session, request)
        assert refused.status is Status.AccessDenied
        assert "is in quarantine: it may be a copy" in refused.detail
        assert "see: seemachine quarantine explain" in refused.detail


def failing(_changes):
    """A write that does not become durable."""
    raise DiskFull("the disk: no")


def test_a_failed_reservation_gives_no_leaf(session, machine, monkeypatch):
    """When the reservation is not durable nothing is given, and the leaf is gone: the same token
    gets the next one.
    """
    key = hash_key(session)
    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "_write", failing)
        assert (
            refuse(session, m.NvmemfileReserve(file=key.file, token=T1)).status
            is Status.OSErrorErrno
        )
    assert refuse(session, finish(key, bytes(24))).status is Status.ObjectInUse

    assert reserve(session, key).leaf == 1


def test_a_digest_that_could_not_be_bound(session, machine, monkeypatch):
    """When the binding is not durable nothing is signed, and the leaf is burned, for that digest
    and for any other.
    """
    key = hash_key(session)
    reserve(session, key)
    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "_write", failing)
        assert refuse(session, finish(key, bytes(24))).status is Status.OSErrorErrno

    for digest in (bytes(24), b"x" * 24):
        assert refuse(session, finish(key, digest)).status is Status.ObjectInUse
    assert ask(session, sign(key.file)).leaf == 1


def test_a_broken_engine(world):
    """When signing the digest breaks the leaf stays bound to it: the same digest may come again,
    another may not.
    """

    class Broken(PortableEngine):
        """An engine that can't sign, until it is repaired."""

        broken = True

        def sign(self, *arguments):
            """Break."""
            if self.broken:
                raise RuntimeError
            return super().sign(*arguments)

    engine = Broken()
    session = Session(world.machine(engine=engine))
    key = hash_key(session)
    reserve(session, key)
    refused = refuse(session, finish(key, bytes(24)))
    assert refused.status is Status.Failed
    assert isinstance(refused.__cause__, RuntimeError)
    engine.broken = False

    assert refuse(session, finish(key, b"x" * 24)).status is Status.ObjectInUse
    assert ask(session, finish(key, bytes(24))).leaf == 0
