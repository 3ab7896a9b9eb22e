"""The Merkle tree: levels above a row of nodes, the table of nodes near the root, a page of leaves,
authentication paths.

Nodes are numbered as in RFC 8554 5.3: the root is 1, the children of r are 2r and 2r+1, leaf q is
2^h + q. A node at depth d has a number from 2^d to 2^(d+1) - 1.
"""

from seemachine.frozen import frozen
from seemachine.lms.engines import Engine
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError, TreeParameters


def levels_above(
    engine: Engine, tree: TreeParameters, identifier: bytes, number: int, row: bytes
) -> list[bytes]:
    """All levels of the subtree over a row of joined nodes, the row first, its root last.

    `number` is the row's first node.
    """
    levels = [row]
    while len(levels[-1]) > tree.m:
        number >>= 1
        levels.append(engine.parents(tree, identifier, number, levels[-1]))
    return levels


class NodeTable:
    """The nodes of a tree at depths 0 to `depth`, filled from below.

    2^(depth+1) nodes of m bytes.
    """

    def __init__(self, tree: TreeParameters, depth: int) -> None:
        self.tree = tree
        self.depth = depth
        self._nodes = bytearray(tree.m << (depth + 1))

    def __getitem__(self, number: int) -> bytes:
        """Node `number` (from 1)."""
        m = self.tree.m
        return bytes(self._nodes[number * m : (number + 1) * m])

    def row(self, number: int, count: int) -> bytes:
        """`count` joined nodes of one level."""
        m = self.tree.m
        return bytes(self._nodes[number * m : (number + count) * m])

    def put(self, number: int, row: bytes) -> None:
        """Store joined nodes of one level from `number` on."""
        start = number * self.tree.m
        self._nodes[start : start + len(row)] = row

    def fill_up(self, engine: Engine, identifier: bytes, depth: int) -> bytes:
        """Compute everything above the full row at `depth` and return the root."""
        row = self.row(1 << depth, 1 << depth)
        for level, nodes in enumerate(levels_above(engine, self.tree, identifier, 1 << depth, row)):
            self.put(1 << (depth - level), nodes)
        return self[1]

    def siblings(self, number: int) -> bytes:
        """The path from node `number` to the root: its sibling, its parent's sibling,
        ..., joined.
        """
        return b"".join(self[step ^ 1] for step in _ancestors(number))


def _ancestors(number: int) -> list[int]:
    """`number` and those above it, without the root."""
    return [number >> level for level in range(number.bit_length() - 1)]


def table_from_cache(engine: Engine, key: PublicKey, expcache: int, nodes: bytes) -> NodeTable:
    """The table over a key file's node cache: all nodes at depth `expcache`.

    Raises ParameterError unless they lead to the key's root.
    """
    if len(nodes) != key.tree.m << expcache:
        raise ParameterError(
            f"a node cache of depth {expcache} has {key.tree.m << expcache} bytes, not {len(nodes)}"
        )
    table = NodeTable(key.tree, expcache)
    table.put(1 << expcache, nodes)
    if table.fill_up(engine, key.identifier, expcache) != key.root:
        raise ParameterError("the node cache does not lead to the root of the public key")
    return table


@frozen
class Page:
    """A whole subtree of 2^height leaves from leaf `first` on, with the path from its root to the
    tree's root.
    """

    tree: TreeParameters
    first: int
    levels: tuple[bytes, ...]
    upper: bytes

    @property
    def leaves(self) -> range:
        """The leaves that this page covers."""
        return range(self.first, self.first + (1 << (len(self.levels) - 1)))

    def __contains__(self, leaf: int) -> bool:
        """Whether it covers a leaf."""
        return 0 <= leaf - self.first < len(self.levels[0]) // self.tree.m

    @property
    def root(self) -> bytes:
        """The page's own top node."""
        return self.levels[-1]

    def path(self, leaf: int) -> bytes:
        """The authentication path of a leaf of this page: h nodes, from the leaf's sibling up.

        Raises ParameterError for other leaves.
        """
        if leaf not in self:
            raise ParameterError(
                f"leaf {leaf} is not on the page of leaves {self.leaves.start}..{self.leaves.stop}"
            )
        m, index, nodes = self.tree.m, leaf - self.first, []
        for level in self.levels[:-1]:
            start = (index ^ 1) * m
            nodes.append(level[start : start + m])
            index >>= 1
        return b"".join(nodes) + self.upper
