"""The ledger: which leaf went to whom, for what.

A row is durable together with the reservation of its leaf.

The digest says what the leaf is bound to: `m` and the SHA-256 of a message that the machine hashes,
`q` and the digest Q that a client computed, or `q` alone while that client has not come back with
it. A leaf that is bound stays bound.
"""

import hashlib
from typing import NamedTuple

OF_MESSAGE, OF_HASH = b"m", b"q"
CHECKSUM_BYTES = 8


# Both are made for each signature, and a named tuple takes a quarter of the time of a dataclass.
class Order(NamedTuple):
    """A wish for a leaf: of which NVRAM file, for what, asked by whom.

    The same token and digest is the same wish, asked again. `reason` acknowledges that few leaves
    are left; empty where nobody did. `in_case`: it is for a leaf that needs one, and is left out
    for any other.
    """

    name: bytes
    token: bytes
    digest: bytes
    client: str = ""
    reason: str = ""
    in_case: bool = False


class LedgerRow(NamedTuple):
    """A leaf that was handed out.

    `time` is in milliseconds since 1970, `reason` that of the order.
    """

    name: bytes
    leaf: int
    token: bytes
    digest: bytes
    client: str
    time: int
    reason: str = ""

    @property
    def bound(self) -> bool:
        """Whether it is known what the leaf signs."""
        return self.digest != OF_HASH

    def fits(self, order: Order) -> bool:
        """Whether an order with this row's token is the one that the row was written for."""
        awaited = order.digest == OF_HASH and self.digest[:1] == OF_HASH
        return self.name == order.name and (self.digest == order.digest or awaited)

    @property
    def checksum(self) -> bytes:
        """Of all fields; those of variable length have their length before them."""
        client, reason = self.client.encode(), self.reason.encode()
        lengths = len(self.digest), len(client), len(reason)
        numbers = b"%d:%d:%d:%d:%d:" % (self.leaf, self.time, *lengths)
        fields = self.name + self.token + self.digest + client + reason
        return hashlib.sha256(numbers + fields).digest()[:CHECKSUM_BYTES]


def message_bound(message: bytes) -> bytes:
    """What a leaf is bound to that signs this message."""
    return OF_MESSAGE + hashlib.sha256(message).digest()


def hash_bound(digest: bytes) -> bytes:
    """What a leaf is bound to that signs this Q; without one yet: an empty digest."""
    return OF_HASH + digest
