"""A process that is killed in the middle of its work: what it gave stays given, and at most what
was under way is lost.
"""

import contextlib
from itertools import pairwise

import pytest
from kit.faults import at_every_place
from kit.leases import lease, leaves, name, take
from state.killing import killed_after

from seemachine.state.errors import LeaseSpent

LIVES = (1, 7, 3, 12)


def test_a_killed_process_reuses_nothing(durable_kind, tmp_path):
    """Killed again and again while it takes leaves, a machine gives each once and loses one at most
    with each life.
    """
    store = durable_kind.open(tmp_path)
    store.install(lease(end=16384))
    store.close()
    lives = [killed_after(lines, "reserve", durable_kind.name, tmp_path) for lines in LIVES]

    assert all(len(said) >= lines for said, lines in zip(lives, LIVES, strict=True))
    given = [leaf for said in lives for leaf in said]
    assert given[0] == 0
    assert all(after - before == 1 for said in lives for before, after in pairwise(said))
    assert all(after[0] - before[-1] in (1, 2) for before, after in pairwise(lives))
    store = durable_kind.open(tmp_path)
    assert store.epoch == 2 + len(LIVES)
    assert store.get(name()).next - given[-1] in (1, 2)
    store.close()


class TestDyingAnywhere:
    """A process may die at any step of an operation.

    What the next one finds is what was on the disk at that step.
    """

    @at_every_place
    def test_in_a_reservation(self, disk):
        """The next process goes on with the leaf that was under way or the one behind it, never
        with one that was given.
        """
        store, copy = disk.open(), disk.folder.parent / "copy"
        store.install(lease(end=8))
        take(store, [name()] * 3)
        disk.crash(lambda: take(store, [name()] * 2), copy)
        store.close()

        store = disk.kind.open(copy)
        assert leaves(take(store, [name()]))[0] in (3, 5)
        store.close()

    @at_every_place
    def test_in_a_batch_over_files(self, disk):
        """Each file of a batch goes on at its old leaf or behind the new one."""
        store, copy = disk.open(), disk.folder.parent / "copy"
        for key in (1, 2):
            store.install(lease(key, end=4))
            take(store, [name(key)] * key)
        disk.crash(lambda: take(store, [name(1), name(2), name(2)]), copy)
        store.close()

        store = disk.kind.open(copy)
        [first, second] = leaves(take(store, [name(1), name(2)]))
        assert first in (1, 2)
        assert second in (2, None)
        store.close()

    @at_every_place
    def test_in_an_installation(self, disk):
        """The lease is there whole, or can still come, or is spent; never two of these."""
        store, copy = disk.open(), disk.folder.parent / "copy"
        disk.crash(lambda: store.install(lease(end=4)), copy)
        store.close()

        store = disk.kind.open(copy)
        given = leaves(take(store, [name()] * 5))
        with contextlib.suppress(LeaseSpent):
            store.install(lease(end=4))
        given += leaves(take(store, [name()] * 5))
        assert [leaf for leaf in given if leaf is not None] in ([], [0, 1, 2, 3])
        store.close()

    @at_every_place
    def test_in_a_deletion(self, disk):
        """The file is there with what it had left, or gone for good."""
        store, copy = disk.open(), disk.folder.parent / "copy"
        store.install(lease(end=4))
        take(store, [name()] * 3)
        disk.crash(lambda: store.delete(name()), copy)
        store.close()

        store = disk.kind.open(copy)
        assert leaves(take(store, [name()])) in ([3], [None])
        with pytest.raises(LeaseSpent):
            store.install(lease(end=4))
        store.close()


@pytest.mark.parametrize("lines", [1, 5])
def test_a_killed_machine_leaves_no_lock(durable_kind, tmp_path, lines):
    """The state of a killed process can be opened at once; nobody has to clear anything away."""
    store = durable_kind.open(tmp_path)
    store.install(lease(end=16384))
    store.close()
    killed_after(lines, "reserve", durable_kind.name, tmp_path)

    store = durable_kind.open(tmp_path)
    assert store.names() == [name()]
    store.close()
