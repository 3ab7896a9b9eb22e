"""How the leaves of a key are cut into cards and leases (guide 2.7.2 and its table)."""

from seemachine.frozen import frozen
from seemachine.lms.parameters import ParameterError


@frozen
class Sectors:
    """The plan of a key of height `h`. Everything else follows from the three exponents."""

    h: int
    expcards: int
    explease: int

    def check(self) -> None:
        """Raises ParameterError with the guide's sentence when the exponents are more than the
        height.
        """
        if min(self.expcards, self.explease) < 0:
            raise ParameterError("card and lease exponents are not negative")
        if self.h < self.depth:
            raise ParameterError(
                "private key tree height is less than the sum of card and lease exponents"
                f" ({self.h} < {self.expcards} + {self.explease})"
            )

    @property
    def depth(self) -> int:
        """Depth of the lease roots below the tree's root."""
        return self.expcards + self.explease

    @property
    def sectorized(self) -> bool:
        """False for a singular key: one lease of all leaves, installed where it was made."""
        return self.depth > 0

    @property
    def cards(self) -> int:
        """Blank cards that the key needs; 0 for a singular key."""
        return 1 << self.expcards if self.sectorized else 0

    @property
    def leases_per_card(self) -> int:
        """How often each card can provision."""
        return 1 << self.explease

    @property
    def leases(self) -> int:
        """Leases in all."""
        return 1 << self.depth

    @property
    def signatures_per_lease(self) -> int:
        """Leaves of one lease."""
        return 1 << (self.h - self.depth)

    def lease_leaves(self, lease: int) -> range:
        """The leaves of lease `lease`, counted from 0."""
        size = self.signatures_per_lease
        return range(lease * size, (lease + 1) * size)

    def lease_of(self, leaf: int) -> int:
        """The lease that a leaf is in, counted from 0."""
        return leaf // self.signatures_per_lease

    def card_leases(self, card: int) -> range:
        """The leases of card `card`, counted from 0."""
        return range(card * self.leases_per_card, (card + 1) * self.leases_per_card)
