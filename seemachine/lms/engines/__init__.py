"""Who does the hashing. The portable engine is the definition; any other must give the same bytes.

The seam is a batch: many leaves of one seed, many signatures of one set. That is what wide kernels need and what tests can exhaust.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from seemachine.lms.parameters import OtsParameters, TreeParameters


@dataclass(frozen=True, slots=True)
class SignJob:
    """One one-time signature to make: leaf `leaf` of `identifier`, private values from `seed` (24 to 32 bytes), digest Q (n bytes)."""

    identifier: bytes
    seed: bytes = field(repr=False)
    leaf: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class RecoverJob:
    """One one-time signature to check: its chains (p values of n bytes, joined) and the digest Q of what it should sign."""

    identifier: bytes
    leaf: int
    digest: bytes
    chains: bytes


class Engine(Protocol):
    """All methods are pure, may be called from many threads at once, and take lengths as checked by their callers."""

    name: str
    kernel: str
    hashes_per_second: int  # nominal, of all cores; only for choosing how much to do in one step

    def leaf_nodes(self, tree: TreeParameters, ots: OtsParameters, identifier: bytes, seed: bytes, leaves: range) -> bytes:
        """The nodes T[2^h + q] of consecutive leaves q, m bytes each, joined (RFC 8554 5.3, appendix A)."""

    def parents(self, tree: TreeParameters, identifier: bytes, number: int, children: bytes) -> bytes:
        """The nodes `number`, `number + 1`, ... above an even count of joined children (RFC 8554 5.3)."""

    def sign(self, ots: OtsParameters, jobs: Sequence[SignJob]) -> list[bytes]:
        """The chains of each signature, p values of n bytes joined (RFC 8554 4.5)."""

    def recover(self, ots: OtsParameters, jobs: Sequence[RecoverJob]) -> list[bytes]:
        """The one-time public key Kc that each signature leads to, n bytes (RFC 8554 4.6)."""


def select() -> Engine:
    """The engine of this process."""
    from seemachine.lms.engines.portable import PortableEngine

    return PortableEngine()
