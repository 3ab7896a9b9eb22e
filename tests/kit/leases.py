"""Leases without mathematics, and leaves taken from a store."""

import hashlib
import os
from typing import Any

from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.ledger import Order, message_bound
from seemachine.state.records import StoredLease


def lease(key: int = 1, first: int = 0, end: int = 32, n: int = 32) -> StoredLease:
    """Leaves `first` to `end` of a made-up key, told apart by its number.

    The seed is the same text in every test, easy to look for.
    """
    types = bytes.fromhex("0000000500000003" if n == 32 else "0000000a00000007")
    identifier, root = (
        hashlib.shake_256(b"I%d" % key).digest(16),
        hashlib.shake_256(b"T%d" % key).digest(n),
    )
    return StoredLease(
        types + identifier + root,
        first,
        end,
        f"seed {key} {first} {end} ".encode().ljust(n, b".")[:n],
        b"p" * n,
    )


def name(key: int = 1) -> bytes:
    """The NVRAM file of that key."""
    return lease(key).name


def order(
    of: bytes, token: bytes | None = None, message: bytes = b"message", client: str = "test"
) -> Order:
    """A new wish for a leaf, or one asked again."""
    return Order(of, token or os.urandom(16), message_bound(message), client)


def take(store: MirroredStore, names: list[bytes]) -> list[Any]:
    """Reserve a leaf of each named file, for orders that nobody asked before."""
    return store.reserve([order(each) for each in names])


def leaves(reserved: list[Any]) -> list[int | None]:
    """The leaves of a batch of reservations."""
    return [None if each is None else each.leaf for each in reserved]
