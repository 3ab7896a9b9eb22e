"""nvmemfile_reserve and nvmemfile_sign_digest: a leaf set aside under a token, and the one digest that it signs."""

import pytest
from commands.kit import CHEAP, LEAVES, SETS, SLOT, ask, digest_for, finish, hash_key, make_key, refuse, reserve, sign, spend, verifies

from seemachine.commands import nvmem
from seemachine.lms.engines.portable import PortableEngine
from seemachine.machine import Session
from seemachine.state import store
from seemachine.state.cards import read_card, write_card
from seemachine.state.errors import DiskFull
from seemachine.state.file import FileStore
from seemachine.state.ledger import hash_bound, message_bound
from seemachine.state.sqlite import SqliteStore
from seemachine.wire import messages as m
from seemachine.wire.status import Status

UNKNOWN = b"lms" + bytes(8)
DIGEST, OTHER_DIGEST = bytes(24), bytes(23) + b"1"


class FailingOnce(PortableEngine):
    """An engine that can't sign at first."""

    broken = True

    def sign(self, *arguments):
        """Break, once."""
        if self.broken:
            self.broken = False
            raise MemoryError
        return super().sign(*arguments)


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
def test_a_large_message(session, names):
    """The client hashes the message with what the reservation gave; the signature verifies like any other, and is the next leaf's."""
    key = hash_key(session, names)
    ask(session, sign(key.file))
    reserving = reserve(key.file)
    reserved = ask(session, reserving)
    assert (reserved.leaf, reserved.remaining) == (1, LEAVES - 2)
    message = bytes(range(256)) * 1000
    signed = ask(session, finish(reserving, digest_for(key.public_key, reserved, message)))

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
    reserving = reserve(key.file)
    reserved = ask(parts, reserving)

    signed = ask(parts, finish(reserving, digest_for(key.public_key, reserved, b"both")))
    assert signed == ask(whole, sign(key.file, b"both"))


class TestTokens:
    """One token, one leaf, one digest."""

    def test_asked_again_it_is_the_same_leaf(self, session):
        """A reservation that is asked for again, before or after its digest came, is the same, and takes no leaf."""
        key = hash_key(session)
        reserving = reserve(key.file)
        first = ask(session, reserving)
        assert ask(session, reserving) == first
        ask(session, finish(reserving, DIGEST))

        assert ask(session, reserving) == first
        assert ask(session, reserve(key.file)).leaf == 1

    def test_the_same_digest_again(self, session):
        """The digest that was signed is signed again with the same leaf: the same bytes, on any connection."""
        key = hash_key(session)
        reserving = reserve(key.file)
        ask(session, reserving)
        first = ask(session, finish(reserving, DIGEST))

        assert ask(session, finish(reserving, DIGEST)) == first
        assert ask(Session(session.machine), finish(reserving, DIGEST)) == first
        assert ask(session, sign(key.file)).leaf == 1

    def test_another_digest(self, session):
        """Any other digest is refused, each time and on any connection; the leaf is nobody else's, and the first digest still has it."""
        key = hash_key(session)
        reserving = reserve(key.file)
        ask(session, reserving)
        first = ask(session, finish(reserving, DIGEST))
        for asking in (session, session, Session(session.machine)):
            refused = refuse(asking, finish(reserving, OTHER_DIGEST))
            assert refused.status is Status.ObjectInUse
            assert "this request token was used before, for another message" in refused.detail

        assert ask(session, sign(key.file)).leaf == 1
        assert ask(session, finish(reserving, DIGEST)).signature == first.signature

    def test_another_connection_may_finish(self, session, machine):
        """A reservation belongs to its token: also when its connection is gone another one brings the digest."""
        key = hash_key(session)
        reserving = reserve(key.file)
        digest = digest_for(key.public_key, ask(session, reserving), b"mine")
        session.close()
        signed = ask(Session(machine), finish(reserving, digest))

        assert (signed.leaf, verifies(key.public_key, signed.signature, b"mine")) == (0, True)

    def test_an_invented_token(self, session):
        """A token under which nothing was reserved signs nothing and takes no leaf."""
        key = hash_key(session)
        refused = refuse(session, finish(reserve(key.file), DIGEST))

        assert refused.status is Status.ObjectInUse
        assert "no leaf was reserved under this token in nvmemfile_sign_digest; reserve one first" in refused.detail
        assert ask(session, sign(key.file)).leaf == 0

    def test_a_token_is_of_its_file(self, session):
        """Under the token of another key's leaf there is nothing to be had, by none of the three requests, and no leaf is taken."""
        one, other = hash_key(session), hash_key(session)
        reserving = reserve(one.file)
        ask(session, reserving)
        elsewhere = reserve(other.file, reserving.token)
        for request in (elsewhere, finish(elsewhere, DIGEST), sign(other.file, token=reserving.token)):
            assert refuse(session, request).status is Status.ObjectInUse

        assert ask(session, sign(other.file)).leaf == 0
        assert ask(session, finish(reserving, DIGEST)).leaf == 0

    def test_the_token_of_a_whole_message(self, world):
        """The token of a whole message brings no digest, not even the hash that the ledger has of that message, nor a reservation."""
        session = Session(world.machine())
        key = hash_key(session, SETS[1])
        signing = sign(key.file, b"m")
        signed = ask(session, signing)
        reserving = reserve(key.file, signing.token)
        for request in (reserving, finish(reserving, message_bound(b"m")[1:]), finish(reserving, bytes(32)), reserving):
            assert refuse(session, request).status is Status.ObjectInUse

        assert ask(session, signing) == signed
        assert ask(session, sign(key.file)).leaf == 1

    @pytest.mark.parametrize("bound", [False, True])
    def test_the_token_of_a_reservation_signs_no_whole_message(self, session, bound):
        """Under the token of a reserved leaf no whole message is signed, whether its digest came already or not."""
        key = hash_key(session)
        reserving = reserve(key.file)
        ask(session, reserving)
        if bound:
            ask(session, finish(reserving, DIGEST))
        assert refuse(session, sign(key.file, DIGEST, reserving.token)).status is Status.ObjectInUse

        assert ask(session, finish(reserving, DIGEST)).leaf == 0

    def test_in_any_order(self, session):
        """Reservations of several keys are finished in any order, each with its own leaf, while other requests take others."""
        keys = [hash_key(session, names) for names in SETS]
        held = [(key, request, ask(session, request)) for key in keys * 3 for request in [reserve(key.file)]]
        others = [ask(session, sign(key.file)).leaf for key in keys]
        finished = [
            (key, one, ask(session, finish(request, digest_for(key.public_key, one, request.token))), request.token)
            for key, request, one in reversed(held)
        ]

        assert others == [3] * 4
        assert sorted(one.leaf for _, one, _, _ in finished) == [0] * 4 + [1] * 4 + [2] * 4
        assert all(verifies(key.public_key, signed.signature, token) and signed.leaf == one.leaf for key, one, signed, token in finished)

    def test_a_machine_holds_few(self, session, monkeypatch):
        """Of too many leaves that wait for their digests the oldest is burned; the others can be finished."""
        monkeypatch.setattr(store, "MAX_AWAITED", 3)
        key = hash_key(session)
        held = [reserve(key.file) for _ in range(4)]
        for request in held:
            ask(session, request)
        refused = refuse(session, finish(held[0], DIGEST))
        assert refused.status is Status.ObjectInUse

        assert refuse(session, held[0]).status is Status.ObjectInUse
        assert [ask(session, finish(request, DIGEST)).leaf for request in held[1:]] == [1, 2, 3]
        assert ask(session, sign(key.file)).leaf == 4


@pytest.mark.parametrize("kind", [SqliteStore, FileStore])
class TestOpenedAnew:
    """The machine was started again in between."""

    def test_a_leaf_without_digest_is_burned(self, world, kind):
        """What waited for its digest waits no more: neither that digest nor another is signed, and the reservation can't be repeated."""
        folder = world.folder / "nvram"
        before = Session(world.machine(store=kind(folder)))
        key = hash_key(before)
        reserving = reserve(key.file)
        ask(before, reserving)
        before.machine.store.close()
        session = Session(world.machine(store=kind(folder)))
        for request in (finish(reserving, DIGEST), finish(reserving, OTHER_DIGEST), reserving):
            assert refuse(session, request).status is Status.ObjectInUse

        assert "is burned" in refuse(session, reserving).detail
        assert ask(session, sign(key.file)).leaf == 1
        session.machine.store.close()

    def test_a_digest_stays_bound(self, world, kind):
        """A digest that was signed is signed again with the same bytes, and no other one is."""
        folder = world.folder / "nvram"
        before = Session(world.machine(store=kind(folder)))
        key = hash_key(before)
        reserving = reserve(key.file)
        reserved = ask(before, reserving)
        first = ask(before, finish(reserving, DIGEST))
        before.machine.store.close()
        session = Session(world.machine(store=kind(folder)))

        assert ask(session, finish(reserving, DIGEST)) == first
        assert ask(session, reserving) == reserved
        assert refuse(session, finish(reserving, OTHER_DIGEST)).status is Status.ObjectInUse
        session.machine.store.close()

    def test_the_last_leaf(self, world, kind):
        """The signatures of the last leaf, of a message and of a digest, can be had again, though their files are gone."""
        folder = world.folder / "nvram"
        before = Session(world.machine(store=kind(folder)))
        keys = [hash_key(before) for _ in range(2)]
        for key in keys:
            spend(before.machine, key.file, LEAVES - 1)
        signing, reserving = sign(keys[0].file, b"last"), reserve(keys[1].file)
        ask(before, reserving)
        first = [ask(before, request) for request in (signing, finish(reserving, DIGEST))]
        before.machine.store.close()
        session = Session(world.machine(store=kind(folder)))

        assert ask(session, m.ListNvmemfiles()).files == []
        assert [ask(session, request) for request in (signing, finish(reserving, DIGEST))] == first
        for request in (sign(keys[0].file, b"another", signing.token), finish(reserving, OTHER_DIGEST)):
            assert refuse(session, request).status is Status.ObjectInUse
        session.machine.store.close()


@pytest.mark.parametrize("size", [25, 31, 32])
def test_a_digest_of_the_wrong_length(session, size):
    """A digest that is not as long as the set's hash is refused before anything is bound to it; the right one is signed after it."""
    key = hash_key(session)
    reserving = reserve(key.file)
    ask(session, reserving)
    refused = refuse(session, finish(reserving, bytes(size)))

    assert refused.status is Status.InvalidParameter
    assert refused.detail == "Q has 24 bytes for this key in nvmemfile_sign_digest"
    assert ask(session, finish(reserving, DIGEST)).leaf == 0


def test_a_digest_of_the_wrong_length_for_the_last_leaf(session):
    """Without the file it is known too late how long the digest should be: the leaf is bound to it, and signs nothing any more."""
    key = hash_key(session)
    spend(session.machine, key.file, LEAVES - 1)
    reserving = reserve(key.file)
    ask(session, reserving)
    for _ in range(2):
        refused = refuse(session, finish(reserving, bytes(32)))
        assert refused.status is Status.InvalidParameter
        assert refused.detail == "Q has 24 bytes for sha256_n24_w2 in nvmemfile_sign_digest; the leaf is spent"

    assert refuse(session, finish(reserving, DIGEST)).status is Status.ObjectInUse


def test_the_last_leaf_can_be_reserved(session):
    """With the last leaf reserved the file is gone, and the reservation is good all the same."""
    key = hash_key(session)
    spend(session.machine, key.file, LEAVES - 1)
    reserving = reserve(key.file)
    reserved = ask(session, reserving)
    assert (reserved.leaf, reserved.remaining) == (LEAVES - 1, 0)
    assert refuse(session, reserve(key.file)).status is Status.NotAvailable
    signed = ask(session, finish(reserving, digest_for(key.public_key, reserved, b"last")))

    assert verifies(key.public_key, signed.signature, b"last")


def test_an_unknown_file(session):
    """A file that is not here is refused, and nothing waits for a digest."""
    reserving = reserve(UNKNOWN)
    assert refuse(session, reserving).status is Status.NotAvailable
    assert refuse(session, finish(reserving, DIGEST)).status is Status.ObjectInUse


def test_a_failed_reservation_gives_nothing(session, machine, monkeypatch):
    """When the reservation is not durable its leaf is gone, and no digest can be brought for it."""
    key = hash_key(session)
    reserving = reserve(key.file)

    def fail(_changes):
        raise DiskFull("the disk: no")

    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "_write", fail)
        assert refuse(session, reserving).status is Status.OSErrorErrno
    assert refuse(session, finish(reserving, DIGEST)).status is Status.ObjectInUse
    assert ask(session, reserve(key.file)).leaf == 1


def test_a_failed_binding_burns_the_leaf(session, machine, monkeypatch):
    """When the binding to a digest is not durable nothing was signed, and neither that digest nor another is signed afterwards."""
    key = hash_key(session)
    reserving = reserve(key.file)
    ask(session, reserving)

    def fail(_changes):
        raise DiskFull("the disk: no")

    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "_write", fail)
        assert refuse(session, finish(reserving, DIGEST)).status is Status.OSErrorErrno
    for digest in (DIGEST, OTHER_DIGEST):
        assert refuse(session, finish(reserving, digest)).status is Status.ObjectInUse
    assert ask(session, sign(key.file)).leaf == 1


def test_a_broken_engine_costs_nothing(world):
    """When signing breaks the digest is bound already: the same can be asked for again, and another can't."""
    session = Session(world.machine(engine=FailingOnce()))
    key = hash_key(session)
    reserving = reserve(key.file)
    reserved = ask(session, reserving)
    digest = digest_for(key.public_key, reserved, b"m")
    refused = refuse(session, finish(reserving, digest))

    assert refused.status is Status.Failed
    assert isinstance(refused.__cause__, MemoryError)
    assert refuse(session, finish(reserving, DIGEST)).status is Status.ObjectInUse
    assert verifies(key.public_key, ask(session, finish(reserving, digest)).signature, b"m")


def test_it_is_durable_before_it_is_signed(session, machine, monkeypatch):
    """When the engine is asked to sign, the ledger has the digest already."""
    key = hash_key(session)
    reserving = reserve(key.file)
    ask(session, reserving)
    seen, original = [], nvmem.finish_signing

    def look(*arguments):
        seen.append(machine.store.ledger(0, 1)[0][1].digest)
        return original(*arguments)

    monkeypatch.setattr(nvmem, "finish_signing", look)
    assert machine.store.ledger(0, 1)[0][1].digest == hash_bound(b"")
    ask(session, finish(reserving, DIGEST))

    assert seen == [hash_bound(DIGEST)]
