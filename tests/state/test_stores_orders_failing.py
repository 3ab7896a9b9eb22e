"""Orders on a disk that fails, or that a process died on: no leaf has two, whatever is
asked again.
"""

import pytest
from kit.faults import Disk, at_every_place
from kit.leases import lease, leaves, name, order, take
from kit.stores import SQLITE
from state.orders import (
    HOUR,
    OTHER_Q,
    Q,
    awaited,
    brought,
    later,
    leaf_of,
    one,
    refused,
    rows,
    signs,
)

from seemachine.state.errors import DiskFull, LeaseGone, StateFailed


class TestFailing:
    """A disk that fails in the middle."""

    @at_every_place
    def test_a_binding_that_failed(self, disk):
        """Wherever binding fails for want of room, at most the digest that was brought is ever
        signed.
        """
        store = disk.open()
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        disk.fail(lambda: store.bind(brought(wish)), full=True)

        assert signs(store, wish, [OTHER_Q, Q, OTHER_Q]) <= {Q}
        assert leaves(take(store, [name()])) == [1]
        store.close()
        store = disk.open()
        assert signs(store, wish, [OTHER_Q, Q, OTHER_Q]) <= {Q}
        store.close()

    @at_every_place
    def test_a_binding_that_broke(self, disk):
        """Wherever binding breaks, the store is done for, and the next one signs at most the digest
        that was brought.
        """
        store = disk.open()
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        disk.fail(lambda: store.bind(brought(wish)), full=False)

        with pytest.raises(StateFailed, match="restart the machine"):
            store.bind(brought(wish))
        store.close()
        store = disk.open()
        assert signs(store, wish, [OTHER_Q, Q, OTHER_Q]) <= {Q}
        store.close()

    @at_every_place
    def test_a_binding_that_died(self, disk):
        """Wherever the process dies while it binds, the next one signs at most the digest that was
        brought.
        """
        store = disk.open()
        store.install(lease())
        wish = awaited(name())
        one(store, wish)
        copy = disk.folder.with_name("left")
        disk.crash(lambda: store.bind(brought(wish)), copy)
        store.close()
        disk.fault.disarm()
        store = disk.kind.open(copy)

        assert signs(store, wish, [OTHER_Q, Q, OTHER_Q]) <= {Q}
        assert leaves(take(store, [name()])) == [1]
        store.close()

    @at_every_place
    def test_a_batch_that_failed(self, disk):
        """Wherever a batch fails for want of room: asked again, in this process and the next, each
        order has a leaf of its own.
        """
        store = disk.open()
        store.install(lease())
        wishes = [order(name(), message=b"%d" % number) for number in range(4)]
        disk.fail(lambda: store.reserve(wishes), full=True)
        given = {wish.token: leaf_of(one(store, wish)) for wish in (wishes[1], wishes[3])}
        given |= {wish.token: leaf_of(one(store, wish)) for wish in [order(name())]}
        store.close()
        store = disk.open()
        again = {row.token: row.leaf for row in rows(store)}

        assert given.items() <= again.items()
        assert {
            token: leaf_of(one(store, wish)) for wish in wishes[1::2] for token in [wish.token]
        }.items() <= given.items()
        every = [row.leaf for row in rows(store)] + leaves(take(store, [name()] * 3))
        assert len(set(every)) == len(every)
        store.close()

    @at_every_place
    def test_a_batch_that_died(self, disk):
        """Wherever the process dies in a batch, orders that are asked again have leaves of their
        own, those from before keep theirs.
        """
        store = disk.open()
        store.install(lease(end=8))
        before = [order(name()) for _ in range(4)]
        store.reserve(before)
        wishes = [order(name()) for _ in range(4)]
        copy = disk.folder.with_name("left")
        disk.crash(lambda: store.reserve(wishes), copy)
        store.close()
        disk.fault.disarm()
        store = disk.kind.open(copy)
        given = leaves(store.reserve([*before, *wishes]))

        assert given[:4] == [0, 1, 2, 3]
        assert sorted(given[4:]) == [4, 5, 6, 7]
        assert leaves(store.reserve([*before, *wishes])) == given
        store.close()

    def test_the_last_leaf_on_a_full_disk(self, kind, tmp_path, monkeypatch):
        """A last leaf that could not be taken for want of room costs the machine nothing but that
        leaf, also when it tidies up later.
        """
        disk = Disk(kind, tmp_path, monkeypatch)
        store = disk.open()
        store.install(lease(end=1))
        disk.fault.arm(0, full=True)
        with pytest.raises(DiskFull):
            take(store, [name()])
        later(store, HOUR)
        store.tidy()
        store.install(lease(2))

        assert leaves(take(store, [name(2)])) == [0]
        store.close()

    def test_tidying_on_a_full_disk(self, durable_kind, tmp_path, monkeypatch):
        """What could not be destroyed for want of room is used no more, and destroyed
        another time.
        """
        disk = Disk(durable_kind, tmp_path, monkeypatch)
        store = disk.open()
        store.install(lease(end=1))
        wish = order(name())
        one(store, wish)
        later(store, HOUR)
        if durable_kind is SQLITE:
            disk.fault.arm(0, full=True)
            with pytest.raises(DiskFull):
                store.tidy()
            assert refused(one(store, wish), LeaseGone)
        store.close()
        store = disk.open()
        later(store, HOUR)
        store.tidy()

        assert refused(one(store, wish), LeaseGone)
        store.close()
