"""A lease: a range of leaves with a seed of its own, and the nodes that join it to the tree.

Each lease of a sectorized key has its own random seed, so a lost card reveals nothing of the others
(draft-ietf-pquip-hbs-state, sectors). The leaves of the other leases are therefore unknown here;
`path` carries the nodes beside the way from the lease's root to the tree's root.
"""

from dataclasses import dataclass

from seemachine.lms.engines import Engine, SignJob
from seemachine.lms.hashing import derive_randomizer
from seemachine.lms.keys import PublicKey, u32
from seemachine.lms.parameters import ParameterError
from seemachine.lms.tree import NodeTable, Page, levels_above
from seemachine.lms.verifying import climb


@dataclass(frozen=True, slots=True)
class Lease:
    """Leaves `first` to `end` (not included), a whole subtree of 2^k leaves; `seed` is secret and
    never printed.
    """

    key: PublicKey
    first: int
    end: int
    seed: bytes
    path: bytes

    def __repr__(self) -> str:
        return f"Lease({self.key.root.hex()[:16]}, {self.first}..{self.end})"

    @property
    def depth(self) -> int:
        """Depth of the lease's root below the tree's root."""
        return self.key.tree.h - (self.end - self.first).bit_length() + 1

    def randomizer(self, leaf: int) -> bytes:
        """C for a leaf of this lease."""
        return derive_randomizer(self.key.ots, self.key.identifier, self.seed, leaf)

    def job(self, leaf: int, digest: bytes) -> SignJob:
        """What an engine needs to sign digest Q with a leaf of this lease."""
        return SignJob(self.key.identifier, self.seed, leaf, digest)

    def assemble(
        self, page: Page, leaf: int, chains: bytes, randomizer: bytes | None = None
    ) -> bytes:
        """The encoded signature from its parts (RFC 8554 5.4); C is derived if it is not given."""
        key, chance = self.key, randomizer or self.randomizer(leaf)
        ots, tree = u32(key.ots.typecode), u32(key.tree.typecode)
        return b"".join((u32(leaf), ots, chance, chains, tree, page.path(leaf)))


# Fewer leaves at a time would leave wide kernels half empty.
MIN_PAGE_EXPONENT = 6


def page_of(lease: Lease, leaf: int, table: NodeTable | None) -> range:
    """The leaves of the page that holds `leaf`: the leaf alone where the table knows all leaves,
    the whole lease without a table.
    """
    if table is None or table.depth <= lease.depth:
        return range(lease.first, lease.end)
    height = lease.key.tree.h - table.depth
    size = min(1 << max(height, MIN_PAGE_EXPONENT), lease.end - lease.first) if height else 1
    first = leaf - leaf % size
    return range(first, first + size)


def build_page(engine: Engine, lease: Lease, leaves: range, table: NodeTable | None) -> Page:
    """Hash the leaves of a page.

    Raises ParameterError when it does not lead to the key's root: never sign with such a lease.
    """
    key, tree = lease.key, lease.key.tree
    row = engine.leaf_nodes(tree, key.ots, key.identifier, lease.seed, leaves)
    levels = levels_above(engine, tree, key.identifier, (1 << tree.h) + leaves.start, row)
    top = (1 << tree.h) + leaves.start >> (len(levels) - 1)
    # Below the cache only a table knows the siblings; at the lease's root the lease itself does.
    upper = (
        lease.path
        if len(leaves) == lease.end - lease.first or table is None
        else table.siblings(top)
    )
    if climb(tree, key.identifier, top, levels[-1], upper) != key.root:
        raise ParameterError(
            f"leaves {leaves.start}..{leaves.stop} do not lead to the root of the public key"
        )
    return Page(tree, leaves.start, tuple(levels), upper)


def leaf_page(lease: Lease, leaf: int, table: NodeTable) -> Page:
    """The page of one leaf that the table knows; see `known_page`."""
    return known_page(lease, range(leaf, leaf + 1), table)


def known_leaves(lease: Lease, leaf: int) -> range:
    """The leaves beside one that make a page where the table knows them all."""
    size = min(1 << MIN_PAGE_EXPONENT, lease.end - lease.first)
    first = leaf - leaf % size
    return range(first, first + size)


def known_page(lease: Lease, leaves: range, table: NodeTable) -> Page:
    """The page of leaves that the table knows; nothing is hashed, so the lease must have been
    proved by `build_page` before.
    """
    number, count = (1 << lease.key.tree.h) + leaves.start, len(leaves)
    levels = [table.row(number >> level, count >> level) for level in range(count.bit_length())]
    top = number >> (len(levels) - 1)
    return Page(lease.key.tree, leaves.start, tuple(levels), table.siblings(top))
