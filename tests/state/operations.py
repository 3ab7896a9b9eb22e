"""Every operation of a store, on files that all of them have something to do with."""

from collections.abc import Callable

from kit.interleaving import outcome
from kit.leases import lease, name, order
from state.orders import DAY, OTHER_Q, Q, awaited, brought

from seemachine.state.nvram.base import MirroredStore

NOW = 1_700_000_000
AWAITED, OLD = b"awaited".ljust(16), b"old".ljust(16)
# Leaves of three keys, of which one is almost used up; and a key that is not here yet.
KEY, LAST, USED_UP, NEW = 1, 2, 3, 4

Operation = Callable[[MirroredStore, bytes], object]

OPERATIONS: dict[str, Operation] = {
    "reserve": lambda store, who: store.reserve([order(name(KEY), who)]),
    "reserve the last": lambda store, who: store.reserve([order(name(LAST), who)]),
    "reserve for a hash": lambda store, who: store.reserve([awaited(name(KEY), who)]),
    "reserve again": lambda store, _who: store.reserve([order(name(LAST), OLD)]),
    "bind": lambda store, who: store.bind(
        brought(awaited(name(KEY), AWAITED), Q if who[0] == ord("1") else OTHER_Q)
    ),
    "install": lambda store, _who: store.install(lease(NEW)),
    "install the next lease": lambda store, _who: store.install(lease(KEY, 4, 8)),
    "delete": lambda store, _who: store.delete(name(KEY)),
    "destroy": lambda store, _who: store.destroy(lease(KEY).public_key),
    "destroy what is used up": lambda store, _who: store.destroy(lease(USED_UP).public_key),
    "quarantine": lambda store, _who: store.quarantine(name(KEY), "why"),
    "skip": lambda store, _who: store.skip(name(KEY), 3),
    "warn": lambda store, _who: store.warn_at(name(KEY), 1),
    "put back": lambda store, _who: store.put_back("put back", {name(KEY): 2}),
    "end_doubt": lambda store, _who: store.end_doubt(),
    "tidy": lambda store, _who: store.tidy(),
    "ledger": lambda store, _who: store.ledger(0, 100),
    "close": lambda store, _who: store.close(),
}


def prepare(store: MirroredStore) -> None:
    """Two days ago: a leaf for a hash that has not come, a lease that was used up.

    A minute ago: the last leaf but one of a file.
    """
    store._clock = lambda: NOW - 2 * DAY
    for key, end in ((KEY, 4), (LAST, 2), (USED_UP, 1)):
        store.install(lease(key, 0, end))
    store.reserve([awaited(name(KEY), AWAITED), order(name(USED_UP), b"last".ljust(16))])
    store._clock = lambda: NOW - 60
    store.reserve([order(name(LAST), OLD)])


def state_of(store: MirroredStore) -> tuple[object, ...]:
    """All that a store remembers but its openings."""
    files = sorted(
        (each.name, each.next, each.quarantine, each.lease.warnat) for each in store._files.values()
    )
    spent = sorted((each.lease.name, each.time) for each in store._spent)
    return files, spent, sorted(store._awaited), store.doubt, store._failed, rows_of(store)


def rows_of(store: MirroredStore) -> object:
    """The ledger without numbers, which a pruning may give anew; not that of a store that is
    closed.
    """
    rows = outcome(lambda: sorted(row for _, row in store.ledger(0, 100)))
    return rows if isinstance(rows, list) else "closed"
