"""Orders for the stores' tests: wishes for leaves, their digests, and what became of them."""

import os

from seemachine.state.errors import StateError, TokenSpent
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.ledger import LedgerRow, Order, hash_bound
from seemachine.state.records import Reserved

Q, OTHER_Q = b"Q" * 32, b"q" * 32
HOUR, DAY = 3600, 86400


def one(store: MirroredStore, wish: Order) -> object:
    """What became of a single order."""
    [answer] = store.reserve([wish])
    return answer


def leaf_of(answer: object) -> int:
    """The leaf of an order that got one."""
    assert isinstance(answer, Reserved), answer
    return answer.leaf


def awaited(of: bytes, token: bytes | None = None) -> Order:
    """A wish for a leaf whose digest comes later."""
    return Order(of, token or os.urandom(16), hash_bound(b""), "test")


def brought(wish: Order, digest: bytes = Q) -> Order:
    """The digest for an earlier wish."""
    return Order(wish.name, wish.token, hash_bound(digest), "test")


def rows(store: MirroredStore) -> list[LedgerRow]:
    """The whole ledger."""
    return [row for _, row in store.ledger(0, 10_000)]


def later(store: MirroredStore, seconds: float) -> None:
    """Let time pass for a store."""
    now = store._clock()
    store._clock = lambda: now + seconds


def refused(answer: object, kind: type[StateError] = TokenSpent) -> bool:
    """Whether an order was refused for that reason."""
    return type(answer) is kind


def signs(store: MirroredStore, wish: Order, digests: list[bytes]) -> set[bytes]:
    """Those of the digests that a store lets the leaf of a wish sign."""
    bound = set()
    for digest in digests:
        try:
            store.bind(brought(wish, digest))
        except StateError:
            continue
        bound.add(digest)
    return bound
