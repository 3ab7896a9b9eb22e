"""Leaves that wait for a digest: each takes one, and none after the store was opened anew.

In every store.
"""

import threading

import pytest
from kit.leases import lease, leaves, name, order, take
from state.orders import HOUR, OTHER_Q, Q, awaited, brought, later, leaf_of, one, refused, rows

from seemachine.state.errors import (
    LeaseGone,
    LeaseQuarantined,
    StateFailed,
    StateLocked,
    TokenSpent,
)
from seemachine.state.nvram import base
from seemachine.state.nvram.ledger import Order, hash_bound, message_bound


class TestBinding:
    """A leaf that waits for its digest."""

    def test_one_digest(self, store):
        """The first digest has the leaf, now and when it comes again; every other one
        is refused.
        """
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        assert store.bind(brought(wish)).leaf == 0
        for _ in range(2):
            with pytest.raises(TokenSpent, match="for another message: leaf 0"):
                store.bind(brought(wish, OTHER_Q))

        assert store.bind(brought(wish)).leaf == 0
        assert [row.digest for row in rows(store)] == [hash_bound(Q)]
        assert leaves(take(store, [name()])) == [1]

    def test_an_nvram_that_is_another_s_binds_none(self, store, monkeypatch):
        """Where the witness says that another machine has the NVRAM now, no digest is taken."""
        store.install(lease())
        wish = awaited(name())
        one(store, wish)

        def lost(_uses):
            raise StateLocked("another machine has it")

        monkeypatch.setattr(store._witness, "vouch", lost)
        with pytest.raises(StateFailed, match="another machine has it"):
            store.bind(brought(wish))

    def test_a_reservation_again(self, store):
        """Before and after its digest came a reservation can be repeated; it has the same leaf."""
        store.install(lease())
        wish = awaited(name())
        given = [leaf_of(one(store, wish)), leaf_of(one(store, wish))]
        store.bind(brought(wish))

        assert [*given, leaf_of(one(store, wish))] == [0, 0, 0]

    def test_the_token_of_a_whole_message(self, store):
        """What was signed as a message is bound: no digest is taken for it, not even the SHA-256
        that the ledger has of that message.
        """
        store.install(lease())
        wish = order(name(), message=b"m")
        one(store, wish)
        for digest in (message_bound(b"m")[1:], message_bound(b"m"), b"", Q):
            with pytest.raises(TokenSpent):
                store.bind(brought(wish, digest))

        assert [row.digest for row in rows(store)] == [message_bound(b"m")]
        assert leaf_of(one(store, wish)) == 0

    @pytest.mark.parametrize("bound", [True, False])
    def test_a_whole_message_under_the_token_of_a_reservation(self, store, bound):
        """A reserved leaf signs no whole message, also not one whose text is the digest."""
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        if bound:
            store.bind(brought(wish))
        for message in (b"message", b"", Q):
            assert refused(one(store, order(name(), wish.token, message)))

        assert store.bind(brought(wish)).leaf == 0

    def test_nothing_was_reserved(self, store):
        """A token without a reservation, one of another file, and one that got no leaf bind
        nothing.
        """
        for key in (1, 2):
            store.install(lease(key))
        wish, nowhere = awaited(name()), awaited(name(3))
        one(store, wish)
        one(store, nowhere)
        for order_of in (awaited(name()), Order(name(2), wish.token, b""), nowhere):
            with pytest.raises(TokenSpent):
                store.bind(brought(order_of))

        assert store.bind(brought(wish)).leaf == 0
        assert store.get(name(2)).next == 0

    def test_two_digests_at_once(self, store):
        """Of two digests that come at the same moment exactly one is bound."""
        store.install(lease())
        for leaf in range(20):
            wish = awaited(name())
            one(store, wish)
            outcomes = []
            start = threading.Barrier(2)

            def bring(digest, wish=wish, start=start, outcomes=outcomes):
                start.wait()
                try:
                    outcomes.append((digest, store.bind(brought(wish, digest)).leaf))
                except TokenSpent:
                    outcomes.append(None)

            threads = [threading.Thread(target=bring, args=(digest,)) for digest in (Q, OTHER_Q)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            [(digest, bound)] = [outcome for outcome in outcomes if outcome]
            assert bound == leaf
            assert rows(store)[leaf].digest == hash_bound(digest)

    def test_only_so_many_wait(self, store, monkeypatch):
        """Beyond the limit the oldest reservation is burned, for good; the younger ones are not."""
        monkeypatch.setattr(base, "MAX_AWAITED", 2)
        store.install(lease())
        wishes = [awaited(name()) for _ in range(3)]
        store.reserve(wishes)

        with pytest.raises(TokenSpent):
            store.bind(brought(wishes[0]))
        assert refused(one(store, wishes[0]))
        assert [store.bind(brought(wish)).leaf for wish in wishes[1:]] == [1, 2]

    def test_in_quarantine(self, store):
        """While its file is in quarantine a leaf is not bound and no order is repeated; the leaves
        before the skip are there after it.
        """
        store.install(lease())
        wish, waiting = order(name()), awaited(name())
        store.reserve([wish, waiting])
        store.quarantine(name(), "a doubt")
        with pytest.raises(LeaseQuarantined, match="a doubt"):
            store.bind(brought(waiting))
        assert [type(answer) for answer in store.reserve([wish, waiting, order(name())])] == [
            LeaseQuarantined
        ] * 3
        store.skip(name(), 8)

        assert leaf_of(one(store, wish)) == 0
        assert store.bind(brought(waiting)).leaf == 1
        assert leaves(take(store, [name()])) == [8]


class TestOpenedAnew:
    """What outlives the process."""

    def test_orders_do(self, reopen):
        """An order has its leaf also after the store was opened anew, and nothing else is taken
        under its token.
        """
        store = reopen()
        store.install(lease())
        wishes = [order(name()) for _ in range(3)]
        store.reserve(wishes)
        for _ in range(2):
            store = reopen()
            assert leaves(store.reserve([wishes[2], wishes[0]])) == [2, 0]
            assert refused(one(store, order(name(), wishes[1].token, b"another")))

        assert leaves(take(store, [name()])) == [3]

    def test_what_waits_is_burned(self, reopen):
        """A leaf that waited for its digest takes none any more, and its reservation is refused,
        for good.
        """
        store = reopen()
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        for _ in range(2):
            store = reopen()
            with pytest.raises(TokenSpent):
                store.bind(brought(wish))
            assert refused(one(store, wish))

        assert leaves(take(store, [name()])) == [1]
        assert rows(store)[0].digest == hash_bound(b"")

    def test_what_is_bound_stays_bound(self, reopen):
        """The digest that was brought has the leaf also after the store was opened anew; another
        has not.
        """
        store = reopen()
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        store.bind(brought(wish))
        for _ in range(2):
            store = reopen()
            with pytest.raises(TokenSpent):
                store.bind(brought(wish, OTHER_Q))
            assert store.bind(brought(wish)).leaf == 0

        assert leaf_of(one(store, wish)) == 0

    def test_a_used_up_lease(self, reopen):
        """The last leaf can be repeated after the store was opened anew, until its time is over."""
        store = reopen()
        store.install(lease(end=2))
        wishes = [order(name()), order(name())]
        store.reserve(wishes)
        store = reopen()
        assert leaves(store.reserve(wishes)) == [0, 1]
        later(store, HOUR)
        store.tidy()
        store = reopen()

        assert all(refused(answer, LeaseGone) for answer in store.reserve(wishes))

    def test_the_seed_of_a_used_up_lease_goes(self, durable_kind, tmp_path):
        """When the time of a used-up lease is over its seed is nowhere in the store's files."""
        store = durable_kind.open(tmp_path)
        store.install(lease(end=1))
        take(store, [name()])
        later(store, HOUR)
        store.tidy()
        store.close()

        assert not any(
            lease(end=1).seed.rstrip(b".") in path.read_bytes()
            for path in tmp_path.rglob("*")
            if path.is_file()
        )
