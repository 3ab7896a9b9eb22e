"""Making a key in steps: one chunk of leaves at a time, then the levels above.

A key of height h takes 2^(h-expchunk) chunks and one closing step, so the guide's h5 key with its
chunks of 8 leaves takes five (2.7.1).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from seemachine.lms.engines import Engine
from seemachine.lms.keys import PublicKey
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import (
    IDENTIFIER_BYTES,
    OtsParameters,
    ParameterError,
    TreeParameters,
    check_pair,
)
from seemachine.lms.sectors import Sectors
from seemachine.lms.tree import NodeTable, levels_above

GUIDE_HEIGHT = 5
GUIDE_EXPCHUNK = 3
CHUNK_SECONDS = 0.5
# Leaves hashed between two looks at whether to stop: 20 ms with all cores in C, a second and a half
# in plain Python at w=8.
STRIDE = 512

RandomBytes = Callable[[int], bytes]
ShouldStop = Callable[[], bool]


class Stopped(Exception):
    """The caller asked to stop; the chunk can be done again from its beginning."""


def default_expchunk(engine: Engine, tree: TreeParameters, ots: OtsParameters) -> int:
    """The guide's 3 for h5; above, what the engine does in about half a second."""
    if tree.h == GUIDE_HEIGHT:
        return GUIDE_EXPCHUNK
    leaves = CHUNK_SECONDS * engine.hashes_per_second / (ots.p << ots.w)
    return max(0, min(tree.h, int(leaves).bit_length() - 1))


@dataclass
class Generation:
    """A key in the making: `step` until `remaining` is 0.

    Raises ParameterError for a mixed pair and exponents above the height.

    Whether the sectors fit is judged in the first step, where the guide's machine does it (2.7.2);
    nothing is drawn before that.
    """

    tree: TreeParameters
    ots: OtsParameters
    sectors: Sectors
    expchunk: int
    expcache: int
    random: RandomBytes = field(repr=False)
    identifier: bytes = b""
    seeds: list[bytes] = field(default_factory=list, repr=False)
    done: int = 0
    root: bytes | None = None

    def __post_init__(self) -> None:
        check_pair(self.tree, self.ots)
        for name, exponent in (("expchunk", self.expchunk), ("expcache", self.expcache)):
            if not 0 <= exponent <= self.tree.h:
                raise ParameterError(
                    f"{name} must be from 0 to the height of the tree, {self.tree.h}, not"
                    f" {exponent}"
                )

    @property
    def chunks(self) -> int:
        """Chunks of leaves in all."""
        return 1 << (self.tree.h - self.expchunk)

    @property
    def remaining(self) -> int:
        """Steps left: the chunks and the closing one."""
        return 0 if self.root is not None else self.chunks - self.done + 1

    @property
    def public_key(self) -> PublicKey:
        """The finished key. Raises ParameterError before that."""
        if self.root is None:
            raise ParameterError("the key is not finished")
        return PublicKey(self.tree, self.ots, self.identifier, self.root)

    @functools.cached_property
    def table(self) -> NodeTable:
        """The nodes near the root: deep enough for the cache, for the paths of the leases and for
        the chunk roots.
        """
        return NodeTable(
            self.tree, max(self.expcache, self.sectors.depth, self.tree.h - self.expchunk)
        )

    def step(self, engine: Engine, should_stop: ShouldStop) -> bytes:
        """Do the next chunk, or close.

        Returns the nodes at depth `expcache` that became known, joined. Raises Stopped,
        ParameterError.
        """
        if not self.seeds:
            self._draw()
        if self.done == self.chunks:
            self.root = self.table.fill_up(engine, self.identifier, self.tree.h - self.expchunk)
            return b""
        leaves = range(self.done << self.expchunk, (self.done + 1) << self.expchunk)
        self._hash_chunk(engine, leaves, should_stop)
        self.done += 1
        return self._completed(engine, leaves)

    def row(self, chunk: int) -> bytes:
        """The nodes that the table keeps of a chunk that is done: enough to go on after
        `restore`.
        """
        count = 1 << (self.table.depth - self.tree.h + self.expchunk)
        return self.table.row((1 << self.table.depth) + chunk * count, count)

    @property
    def row_bytes(self) -> int:
        """The length of every row."""
        return self.tree.m << (self.table.depth - self.tree.h + self.expchunk)

    def restore(self, engine: Engine, rows: list[bytes]) -> None:
        """Take back the rows of the first chunks.

        Identifier and seeds must be those that made them.
        """
        for chunk, row in enumerate(rows[: self.chunks]):
            count = len(row) // self.tree.m
            self._keep_levels(engine, (1 << self.table.depth) + chunk * count, row)
            self.done = chunk + 1
            self._completed(engine, range(chunk << self.expchunk, (chunk + 1) << self.expchunk))

    @property
    def cache_known(self) -> int:
        """How many nodes at depth `expcache` are known, from the left."""
        return (self.done << self.expchunk) >> (self.tree.h - self.expcache)

    def lease(self, number: int) -> Lease:
        """Lease `number` of the finished key."""
        leaves = self.sectors.lease_leaves(number)
        path = self.table.siblings((1 << self.sectors.depth) + number)
        return Lease(self.public_key, leaves.start, leaves.stop, self.seeds[number], path)

    def _draw(self) -> None:
        """A random I, and a random seed of n bytes for each lease."""
        self.sectors.check()
        self.identifier = self.random(IDENTIFIER_BYTES)
        self.seeds = [self.random(self.ots.n) for _ in range(self.sectors.leases)]

    def _hash_chunk(self, engine: Engine, leaves: range, should_stop: ShouldStop) -> None:
        rows = []
        for run, seed in self._runs(leaves):
            if should_stop():
                raise Stopped("stopped before the end of the chunk")
            rows.append(engine.leaf_nodes(self.tree, self.ots, self.identifier, seed, run))
        self._keep_levels(engine, (1 << self.tree.h) + leaves.start, b"".join(rows))

    def _keep_levels(self, engine: Engine, number: int, row: bytes) -> None:
        """Store what the table takes of the levels over a row of nodes."""
        for nodes in levels_above(engine, self.tree, self.identifier, number, row):
            if number >> (self.table.depth + 1) == 0:
                self.table.put(number, nodes)
            number >>= 1

    def _runs(self, leaves: range) -> list[tuple[range, bytes]]:
        """Cut a chunk where the seed changes, and into strides."""
        per_lease = self.sectors.signatures_per_lease
        size = min(per_lease, STRIDE, len(leaves))
        return [
            (range(first, first + size), self.seeds[self.sectors.lease_of(first)])
            for first in range(leaves.start, leaves.stop, size)
        ]

    def _completed(self, engine: Engine, leaves: range) -> bytes:
        """The cache nodes whose last leaf is in this chunk."""
        page = self.tree.h - self.expcache
        if self.expchunk < page and not leaves.stop % (1 << page):
            chunks = 1 << (page - self.expchunk)
            first = (1 << (self.tree.h - self.expchunk)) + self.done - chunks
            self._keep_levels(engine, first, self.table.row(first, chunks))
        first, end = leaves.start >> page, leaves.stop >> page
        return self.table.row((1 << self.expcache) + first, end - first)
