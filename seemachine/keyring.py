"""The keys that a machine has at hand: node tables from key files, and pages of leaves hashed when
they are entered.

Only public values are kept here, and only so many: a page that falls out is hashed again when it is
needed.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

from seemachine.lms.engines import Engine
from seemachine.lms.lease import Lease, build_page, known_leaves, known_page, page_of
from seemachine.lms.tree import NodeTable, Page

MAX_TABLES = 64
MAX_PAGES = 256

Value = TypeVar("Value")


class Bounded(OrderedDict[Hashable, Value]):
    """The `most` values that were used last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def use(self, key: Hashable) -> Value | None:
        """The value, which counts as used now."""
        if key in self:
            self.move_to_end(key)
        return self.get(key)

    def keep(self, key: Hashable, value: Value) -> None:
        """Add or refresh a value, dropping the one unused for longest."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > self._most:
            self.popitem(last=False)


class KeyRing:
    """Tables and pages of one machine, by root and first leaf. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tables: Bounded[NodeTable] = Bounded(MAX_TABLES)
        self._pages: Bounded[Page] = Bounded(MAX_PAGES)
        self._proved: Bounded[Lease] = Bounded(MAX_PAGES)
        self._building: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def put_table(self, root: bytes, table: NodeTable) -> None:
        """Keep a table that was checked against the root, unless a deeper one is there."""
        with self._lock:
            present = self._tables.use(root)
            if present is None or present.depth < table.depth:
                self._tables.keep(root, table)

    def has_table(self, root: bytes) -> bool:
        """Whether a table of this key is at hand."""
        with self._lock:
            return root in self._tables

    def has_page(self, lease: Lease, leaf: int) -> bool:
        """Whether a signature with this leaf needs no hashing of others."""
        return self.missing(lease, range(leaf, leaf + 1)) is None

    def missing(self, lease: Lease, leaves: range) -> int | None:
        """The first of these leaves for whose signature others have to be hashed."""
        with self._lock:
            table = self._tables.get(lease.key.root)
            if self._all_leaves_known(lease, table):
                return None
            leaf = leaves.start
            while leaf < leaves.stop:
                page = page_of(lease, leaf, table)
                if (lease.key.root, page.start, len(page)) not in self._pages:
                    return leaf
                leaf = page.stop
        return None

    def next_page(self, lease: Lease, leaf: int) -> int | None:
        """The first leaf of the page after this leaf's, if there is one in the lease and it is not
        at hand.
        """
        following = self.page_leaves(lease, leaf).stop
        return following if following < lease.end and not self.has_page(lease, following) else None

    def page_leaves(self, lease: Lease, leaf: int) -> range:
        """The leaves that would have to be hashed for a signature with this one."""
        with self._lock:
            return page_of(lease, leaf, self._tables.get(lease.key.root))

    def page(self, lease: Lease, leaf: int) -> Page:
        """The page of a leaf, hashed now if need be.

        Raises ParameterError when it does not lead to the key's root.
        """
        with self._lock:
            table = self._tables.use(lease.key.root)
            if table is not None and self._all_leaves_known(lease, table):
                return self._known_page(lease, leaf, table)
        leaves = page_of(lease, leaf, table)
        key = (lease.key.root, leaves.start, len(leaves))
        with self._one_builder(key):
            with self._lock:
                found = self._pages.get(key)
            if found is None:
                found = build_page(self._engine, lease, leaves, table)
            with self._lock:
                self._pages.keep(key, found)
                self._proved.keep((lease.key.root, lease.first), lease)
            return found

    def _known_page(self, lease: Lease, leaf: int, table: NodeTable) -> Page:
        """Of many leaves, so that it is made once for them: nothing is hashed for it."""
        leaves = known_leaves(lease, leaf)
        key = (lease.key.root, leaves.start, len(leaves))
        found = self._pages.use(key)
        if found is None:
            found = known_page(lease, leaves, table)
            self._pages.keep(key, found)
        return found

    def _all_leaves_known(self, lease: Lease, table: NodeTable | None) -> bool:
        """The table reaches the leaves, and this very lease was seen to lead to the root."""
        if table is None or table.depth < lease.key.tree.h:
            return False
        proved = self._proved.get((lease.key.root, lease.first))
        return proved is lease or proved == lease

    def _one_builder(self, key: Hashable) -> threading.Lock:
        """Two requests for one page hash it once."""
        with self._lock:
            if len(self._building) > MAX_PAGES:
                self._building = {k: lock for k, lock in self._building.items() if lock.locked()}
            return self._building.setdefault(key, threading.Lock())
