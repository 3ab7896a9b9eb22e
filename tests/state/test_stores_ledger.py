"""Orders and their tokens: the same order has the same leaf for good, and nothing else has it.

In every store.
"""

import os
import threading

import pytest
from kit.leases import lease, leaves, name, order, take
from state.orders import DAY, HOUR, Q, awaited, brought, later, leaf_of, one, refused, rows

from seemachine.state.errors import LeaseGone, LeaseSpent, StateCorrupt, StateFailed
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.ledger import LedgerRow, hash_bound, message_bound
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore


def test_a_row_of_the_lease_after_this_one_burns_nothing(durable_kind, tmp_path):
    """Leases of a key come in any order; what the ledger has of one says nothing of another."""
    store = durable_kind.open(tmp_path)
    store.install(lease(first=16, end=17))
    assert leaves(take(store, [name()])) == [16]
    store.install(lease(first=0, end=16))
    store.close()

    store = durable_kind.open(tmp_path)
    assert leaves(take(store, [name()])) == [0]
    store.close()


class TestAgain:
    """The same token once more."""

    def test_the_same_order(self, store):
        """Asked again, however often and whatever happened in between, an order has its leaf, and
        takes none.
        """
        store.install(lease())
        first, second = order(name()), order(name())
        given = [leaf_of(one(store, each)) for each in (first, second, first, second, first)]

        assert given == [0, 1, 0, 1, 0]
        assert store.get(name()).next == 2
        assert one(store, first).again
        assert not one(store, order(name())).again

    @pytest.mark.parametrize(
        "other",
        [
            lambda wish: order(wish.name, wish.token, b"another message"),
            lambda wish: order(wish.name, wish.token, b""),
            lambda wish: order(name(2), wish.token),
            lambda wish: order(name(3), wish.token),
            lambda wish: awaited(wish.name, wish.token),
            lambda wish: brought(wish, message_bound(b"message")[1:]),
        ],
        ids=[
            "another message",
            "the empty message",
            "another file",
            "no file",
            "a reservation",
            "a digest",
        ],
    )
    def test_another_order(self, store, other):
        """Anything else under a token that was used is refused and takes no leaf of any file; the
        first order keeps its leaf.
        """
        for key in (1, 2):
            store.install(lease(key))
        wish = order(name())
        one(store, wish)
        for _ in range(2):
            assert refused(one(store, other(wish)))

        assert [store.get(name(key)).next for key in (1, 2)] == [1, 0]
        assert leaf_of(one(store, wish)) == 0
        assert len(rows(store)) == 1

    def test_within_a_batch(self, store):
        """An order that is twice in one batch gets one leaf, and another order under its token gets
        none; the rest is not disturbed.
        """
        store.install(lease())
        wish = order(name())
        batch = store.reserve(
            [wish, order(name()), wish, order(name(), wish.token, b"another"), order(name())]
        )

        assert [leaf_of(batch[at]) for at in (0, 1, 2, 4)] == [0, 1, 0, 2]
        assert refused(batch[3])
        assert [row.leaf for row in rows(store)] == [0, 1, 2]

    def test_within_a_batch_that_takes_the_last_leaf(self, store):
        """Also where the batch uses the file up, its orders can be repeated within it
        and after it.
        """
        store.install(lease(end=2))
        wishes = [order(name()) for _ in range(3)]
        batch = store.reserve([wishes[0], wishes[1], wishes[2], wishes[1], wishes[0]])

        assert leaves(batch) == [0, 1, None, 1, 0]
        assert leaves(store.reserve(wishes)) == [0, 1, None]
        assert store.names() == []

    def test_an_order_that_got_nothing_is_new(self, store):
        """An order that was refused for want of leaves is not in the ledger: once there are some it
        gets one.
        """
        wish = order(name())
        assert one(store, wish) is None
        store.install(lease())

        assert leaf_of(one(store, wish)) == 0

    def test_from_many_threads(self, store):
        """The same orders from many threads at once take one leaf each."""
        store.install(lease())
        wishes = [order(name()) for _ in range(8)]
        given: list[list[int]] = [[] for _ in range(6)]
        threads = [
            threading.Thread(
                target=lambda got=got: got.extend(leaf_of(one(store, wish)) for wish in wishes)
            )
            for got in given
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all(got == given[0] for got in given)
        assert sorted(given[0]) == list(range(8))


class TestTheLastLeaf:
    """A lease that is used up is kept for those who ask again."""

    def test_it_can_be_repeated(self, store):
        """The order of the last leaf, and those before it, have their leaves though the file is
        gone; a new order gets none.
        """
        store.install(lease(end=2))
        wishes = [order(name()), awaited(name())]
        store.reserve(wishes)

        assert store.names() == []
        assert leaves(store.reserve(wishes)) == [0, 1]
        assert store.bind(brought(wishes[1])).leaf == 1
        assert take(store, [name()]) == [None]

    def test_beside_the_next_lease(self, store):
        """With the next lease of the key installed both have their leaves: orders of the old one go
        on getting those.
        """
        store.install(lease(end=2))
        old = [order(name()), awaited(name())]
        store.reserve(old)
        store.install(lease(first=2, end=4))
        new = [order(name()), order(name())]

        assert leaves(store.reserve([*new, *old])) == [2, 3, 0, 1]
        assert [answer.lease for answer in store.reserve([old[0], new[0]])] == [
            lease(end=2),
            lease(first=2, end=4),
        ]
        assert store.bind(brought(old[1])).lease == lease(end=2)

    def test_for_a_while(self, store):
        """After the time for it the lease is destroyed: its orders are refused for good, and their
        tokens are not free for others.
        """
        store.install(lease(end=2))
        wish, waiting = order(name()), awaited(name())
        store.reserve([wish, waiting])
        later(store, HOUR - 1)
        store.tidy()
        assert leaf_of(one(store, wish)) == 0
        later(store, 1)
        store.tidy()

        assert refused(one(store, wish), LeaseGone)
        assert refused(one(store, waiting), LeaseGone)
        with pytest.raises(LeaseGone, match="leaf 1"):
            store.bind(brought(waiting))
        assert refused(one(store, order(name(), wish.token, b"another")))
        with pytest.raises(LeaseSpent):
            store.install(lease(end=2))

    def test_after_a_burn(self, store):
        """What was deleted by a person is not kept: its orders are refused."""
        store.install(lease())
        wish, waiting = order(name()), awaited(name())
        store.reserve([wish, waiting])
        store.delete(name())

        assert refused(one(store, wish), LeaseGone)
        with pytest.raises(LeaseGone):
            store.bind(brought(waiting))

    def test_tidying_touches_nothing_else(self, store):
        """However late, what is in a file stays, with its orders."""
        store.install(lease())
        wish, waiting = order(name()), awaited(name())
        store.reserve([wish, waiting])
        later(store, 1000 * DAY)
        store.tidy()

        assert leaf_of(one(store, wish)) == 0
        assert store.bind(brought(waiting)).leaf == 1
        assert store.get(name()).next == 2


class TestTheLedger:
    """What a row says."""

    def test_rows_come_in_order(self, store):
        """There is a row for each leaf, with who asked when for what, numbered from 1, and it can
        be read in parts.
        """
        store.install(lease())
        store._clock = lambda: 1000.5
        wishes = [
            order(name(), client="somebody"),
            awaited(name()),
            order(name(), client="somebody else"),
        ]
        store.reserve(wishes)
        store.bind(brought(wishes[1]))

        assert store.ledger(0, 2) == [
            (
                1,
                LedgerRow(
                    name(), 0, wishes[0].token, message_bound(b"message"), "somebody", 1_000_500
                ),
            ),
            (2, LedgerRow(name(), 1, wishes[1].token, hash_bound(Q), "test", 1_000_500)),
        ]
        assert [(number, row.leaf) for number, row in store.ledger(2, 5)] == [(3, 2)]
        assert store.ledger(3, 5) == []

    @pytest.mark.parametrize(
        "client",
        ["", "x" * 64, "\N{CYRILLIC SMALL LETTER ZHE}" * 64, "\N{LINEAR B SYLLABLE B008 A}" * 64],
    )
    def test_names_of_clients(self, kind, tmp_path, client):
        """A name of 64 characters is kept as it is, whatever characters those are, also for the
        next process.
        """
        store = kind.open(tmp_path)
        store.install(lease())
        wishes = [order(name(), client=client) for _ in range(2)]
        store.reserve(wishes)
        if kind.durable:
            store.close()
            store = kind.open(tmp_path)

        assert [row.client for row in rows(store)] == [client] * 2
        assert leaves(store.reserve(wishes)) == [0, 1]
        store.close()

    def test_one_row_a_leaf(self, tmp_path):
        """The database itself takes no second row for a leaf, nor for a token."""
        store = SqliteStore(tmp_path)
        store.install(lease())
        wish = order(name())
        one(store, wish)
        for row in (
            LedgerRow(name(), 0, os.urandom(16), message_bound(b""), "", 0),
            LedgerRow(name(), 1, wish.token, b"q", "", 0),
        ):
            with pytest.raises(StateFailed, match="UNIQUE"):
                store._write(Changes(rows=[row]))

        assert [row.token for row in rows(store)] == [wish.token]
        store.close()

    def test_one_digest_a_row(self, tmp_path):
        """The database itself binds a row once."""
        store = SqliteStore(tmp_path)
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        store.bind(brought(wish))
        [row] = rows(store)
        with pytest.raises(StateFailed):
            store._write(Changes(bound=[row]))

        store.close()

    def test_a_ledger_ahead_of_its_file(self, tmp_path):
        """A database whose ledger names a leaf that its file has not given yet was tampered with:
        it is refused.
        """
        store = SqliteStore(tmp_path)
        store.install(lease())
        take(store, [name()] * 3)
        store._write(
            Changes(rows=[LedgerRow(name(), 7, os.urandom(16), message_bound(b""), "", 0)])
        )
        store.close()

        with pytest.raises(StateCorrupt, match="the ledger has leaf 7"):
            SqliteStore(tmp_path)


def test_a_memory_store_forgets_with_its_process():
    """A store without a disk knows no order of another one."""
    first, second = MemoryStore(), MemoryStore()
    wish = order(name())
    for store in (first, second):
        store.install(lease())
    one(first, wish)

    assert not one(second, wish).again
