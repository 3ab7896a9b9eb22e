"""Leaves that are taken at once or not at all, for who must not wait for others."""

import threading

import pytest
from kit.leases import lease, leaves, name, order, take

from seemachine.state.errors import StateFailed
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.witness.absent import NoWitness


def test_the_same_leaves_as_ever(store: MirroredStore) -> None:
    """One after the other with those that may wait, durable, with a row each; a token that comes
    again gets its leaf again.
    """
    store.install(lease(end=4))
    first, second = order(name(), b"1" * 16), order(name(), b"2" * 16)
    assert leaves(store.reserve_at_once([first])) == [0]
    assert leaves(take(store, [name()])) == [1]
    assert leaves(store.reserve_at_once([second, first])) == [2, 0]
    assert leaves(store.reserve_at_once([order(name(), b"3" * 16)])) == [3]
    assert store.reserve_at_once([order(name(), b"4" * 16)]) == [None]
    assert [row.leaf for _, row in store.ledger(0, 10)] == [0, 1, 2, 3]


def test_not_while_others_are_at_it(store: MirroredStore) -> None:
    """Nothing is taken then, and nobody is waited for."""
    store.install(lease(end=4))
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store._lock:
            inside.set()
            assert done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(10)
    assert store.reserve_at_once([order(name(), b"1" * 16)]) is None
    done.set()
    holder.join()
    assert store.ledger(0, 10) == []
    assert leaves(store.reserve_at_once([order(name(), b"1" * 16)])) == [0]


def test_not_what_no_witness_knows_of(store: MirroredStore) -> None:
    """The witness is asked as ever, before a leaf is taken; what it does not know of stays."""
    store.install(lease(end=4))
    asked: list[str] = []

    class Doubtful(NoWitness):
        knows = False

        def vouch(self, uses: object) -> None:
            del uses
            asked.append("vouch")

        def take(self, uses: object) -> bool:
            del uses
            asked.append("take")
            return self.knows

    store._witness = witness = Doubtful()
    assert store.reserve_at_once([order(name(), b"1" * 16)]) is None
    assert asked == ["vouch", "take"]
    assert store.ledger(0, 10) == []
    witness.knows = True
    assert leaves(store.reserve_at_once([order(name(), b"1" * 16)])) == [0]


def test_a_store_that_failed(store: MirroredStore) -> None:
    """It says so, and lets others say it, too."""
    store.install(lease(end=4))
    store._failed = "gone"
    for _ in range(2):
        with pytest.raises(StateFailed, match="gone"):
            store.reserve_at_once([order(name(), b"1" * 16)])
