"""Leases of one key that lie beside each other: what comes again is signed with the lease that its
leaf is of.
"""

from collections.abc import Callable

from kit.leases import lease, name, order, take

from seemachine.state.nvram.base import MirroredStore
from seemachine.state.records import Reserved


def test_a_leaf_beside_the_lease_that_is_there(store: MirroredStore) -> None:
    """The first leaf after a lease, and the last before it, are of those that were used up."""
    before, after = lease(first=0, end=2), lease(first=4, end=6)
    first, last = [], []
    for of in (before, after):
        store.install(of)
        wishes = [order(name()), order(name())]
        store.reserve(wishes)
        first.append(wishes[0])
        last.append(wishes[1])
    store.install(lease(first=2, end=4))
    again = store.reserve([last[0], first[1]])
    assert all(isinstance(each, Reserved) for each in again)
    assert [(each.lease.first, each.leaf) for each in again] == [(0, 1), (4, 4)]


def test_a_start_with_the_lease_after_it_used_up(reopen: Callable[[], MirroredStore]) -> None:
    """Its rows say nothing of this one, which goes on where it was."""
    store = reopen()
    store.install(lease(first=4, end=6))
    take(store, [name(), name()])
    store.install(lease(first=2, end=4))
    file = reopen().get(name())
    assert file is not None
    assert (file.lease.first, file.next) == (2, 2)
