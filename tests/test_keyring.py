"""keyring.py: tables and pages at hand, each page hashed once, and none that does not lead to the
root.
"""

import threading
from dataclasses import replace

import pytest
from kit.signatures import CHEAP, leads_to_root, sign

from seemachine import keyring
from seemachine.keyring import Bounded, KeyRing
from seemachine.lms.engines.portable import PortableEngine
from seemachine.lms.hashing import message_digest
from seemachine.lms.parameters import ParameterError
from seemachine.lms.tree import table_from_cache
from seemachine.testing import make_key

TREE, OTS = CHEAP
ENGINE = PortableEngine()


class CountingEngine(PortableEngine):
    """An engine that notes which leaves it hashed."""

    def __init__(self):
        self.hashed = []

    def leaf_nodes(self, tree, ots, identifier, seed, leaves):
        """Note them."""
        self.hashed.append(leaves)
        return super().leaf_nodes(tree, ots, identifier, seed, leaves)


@pytest.fixture(scope="module")
def key():
    """A key of four leases, with all of its nodes."""
    return make_key(TREE.name, OTS.name, 1, 1, TREE.h)


@pytest.fixture
def engine():
    """A new engine that counts."""
    return CountingEngine()


@pytest.fixture
def ring(engine):
    """A new ring."""
    return KeyRing(engine)


def table(key, depth):
    """The key's node table from a cache of this depth."""
    return table_from_cache(ENGINE, key.public_key, depth, key.table.row(1 << depth, 1 << depth))


def signature(ring, lease, leaf, message=b"message"):
    """A signature with the page that the ring gives."""
    digest = message_digest(
        lease.key.ots, lease.key.identifier, leaf, lease.randomizer(leaf), message
    )
    [chains] = ENGINE.sign(lease.key.ots, [lease.job(leaf, digest)])
    return lease.assemble(ring.page(lease, leaf), leaf, chains)


class TestBounded:
    """The values that were used last."""

    def test_the_oldest_goes_first(self):
        """Beyond its size it drops what was unused for longest, where adding and using count as use
        and looking does not.
        """
        values = Bounded(3)
        for key in "abc":
            values.keep(key, key.upper())
        assert values.use("a") == "A"
        assert values.get("b") == "B"
        values.keep("c", "C2")
        values.keep("d", "D")

        assert dict(values) == {"a": "A", "c": "C2", "d": "D"}

    def test_what_is_not_there(self):
        """To use what is not there gives None and adds nothing."""
        values = Bounded(3)

        assert values.use("a") is None
        assert not values


class TestPages:
    """page, has_page and page_leaves."""

    @pytest.mark.parametrize("depth", [None, *range(TREE.h + 1)])
    def test_every_leaf_has_its_page(self, ring, key, depth):
        """With a table of any depth, or none, every leaf of every lease gets the path of the whole
        tree, and its signature verifies.
        """
        if depth is not None:
            ring.put_table(key.public_key.root, table(key, depth))
        for number in range(4):
            lease = key.lease(number)
            for leaf in range(lease.first, lease.end):
                page = ring.page(lease, leaf)
                assert leaf in page.leaves
                assert page.path(leaf) == key.table.siblings((1 << TREE.h) + leaf)
            made = signature(ring, lease, lease.first)
            assert made == sign(ENGINE, lease, lease.first, b"message")
            assert leads_to_root(ENGINE, key.public_key, b"message", made)

    @pytest.mark.parametrize("depth", [None, 1, 3, 4, 5])
    def test_what_was_promised_is_hashed(self, ring, engine, key, depth):
        """page_leaves tells beforehand what a page costs, has_page when it costs nothing, and
        asking costs nothing either.
        """
        if depth is not None:
            ring.put_table(key.public_key.root, table(key, depth))
        lease = key.lease(2)
        for leaf in range(lease.first, lease.end):
            known, cost = ring.has_page(lease, leaf), ring.page_leaves(lease, leaf)
            assert engine.hashed == []
            ring.page(lease, leaf)
            assert engine.hashed == ([] if known else [cost])
            assert ring.has_page(lease, leaf)
            engine.hashed.clear()

    def test_a_page_is_hashed_once(self, ring, engine, key):
        """All leaves of a page share its hashing."""
        lease = key.lease(1)
        pages = {
            id(ring.page(lease, leaf)) for leaf in [*range(lease.first, lease.end), lease.first]
        }

        assert engine.hashed == [range(lease.first, lease.end)]
        assert len(pages) == 1

    def test_leases_have_pages_of_their_own(self, ring, engine, key):
        """Two leases of one key, or of two keys with the same leaves, do not share pages."""
        other = make_key("shake_m24_h5", "shake_n24_w2", 1, 1)
        for lease in (key.lease(0), key.lease(1), other.lease(0)):
            assert not ring.has_page(lease, lease.first)
            ring.page(lease, lease.first)

        assert engine.hashed == [range(8), range(8, 16), range(8)]

    @pytest.mark.parametrize(
        ("change", "depth"),
        [
            *(
                (change, depth)
                for change in ("seed", "identifier", "another's seed")
                for depth in (None, 1, 5)
            ),
            # A table that is deeper than the lease stands in for its path.
            *(("path", depth) for depth in (None, 1, 2)),
        ],
    )
    def test_a_wrong_lease_has_no_page(self, ring, key, depth, change):
        """A lease that does not lead to the root gets ParameterError at each try and leaves
        nothing; the right one gets its page.
        """
        lease = key.lease(1)
        wrong = {
            "seed": replace(lease, seed=bytes(24)),
            "path": replace(lease, path=bytes(len(lease.path))),
            "identifier": replace(lease, key=replace(lease.key, identifier=bytes(16))),
            "another's seed": replace(lease, seed=key.lease(0).seed),
        }[change]
        if depth is not None:
            ring.put_table(key.public_key.root, table(key, depth))
        for _ in range(2):
            assert not ring.has_page(wrong, lease.first)
            with pytest.raises(ParameterError, match="do not lead to the root of the public key"):
                ring.page(wrong, lease.first)

        assert not ring.has_page(lease, lease.first)
        assert ring.page(lease, lease.first).path(lease.first) == key.table.siblings(
            (1 << TREE.h) + lease.first
        )

    def test_known_leaves_do_not_prove_a_lease(self, ring, key):
        """Where the table knows all leaves nothing has to be hashed for a path, but a lease with a
        wrong seed is found out all the same.
        """
        lease = key.lease(1)
        ring.put_table(key.public_key.root, table(key, TREE.h))
        ring.page(lease, lease.first)
        wrong = replace(lease, seed=bytes(24))

        assert ring.has_page(lease, lease.first + 1)
        assert not ring.has_page(wrong, lease.first + 1)
        with pytest.raises(ParameterError, match="do not lead to the root"):
            ring.page(wrong, lease.first + 1)

    def test_a_page_of_known_leaves_is_made_once(self, ring, engine, key):
        """Where the table knows all leaves, neighbours share a page, and none of it is hashed: the
        path of each is that of the whole tree.
        """
        lease = key.lease(2)
        ring.put_table(key.public_key.root, table(key, TREE.h))
        ring.page(lease, lease.first)
        engine.hashed.clear()
        pages = {id(ring.page(lease, leaf)): ring.page(lease, leaf) for leaf in range(16, 24)}

        [page] = pages.values()
        assert engine.hashed == []
        assert page.leaves == range(lease.first, lease.end)
        for leaf in page.leaves:
            assert leaf in page
            assert page.path(leaf) == key.table.siblings((1 << TREE.h) + leaf)
        assert lease.first - 1 not in page
        assert lease.end not in page

    def test_a_page_of_known_leaves_ends_with_its_lease(self, ring):
        """Of a lease with many times as many leaves; see above for one with fewer."""
        large = make_key("sha256_m24_h10", "sha256_n24_w1", 0, 0, 10)
        ring.put_table(large.public_key.root, large.table)
        lease = large.lease(0)
        for leaf, leaves in (
            (0, range(64)),
            (63, range(64)),
            (64, range(64, 128)),
            (1023, range(960, 1024)),
        ):
            ring.page(lease, leaf)
            assert ring.page(lease, leaf).leaves == leaves
            assert ring.page(lease, leaf).path(leaf) == large.table.siblings((1 << 10) + leaf)

    def test_pages_fall_out_and_come_back(self, ring, engine, key, monkeypatch):
        """Beyond the number that is kept the page unused for longest is dropped, and hashed again
        when it is needed.
        """
        monkeypatch.setattr(ring, "_pages", Bounded(2))
        leases = [key.lease(number) for number in (0, 1, 0, 2, 1)]
        for lease in leases:
            ring.page(lease, lease.first)

        assert [leaves.start // 8 for leaves in engine.hashed] == [0, 1, 2, 1]

    def test_pages_are_bounded(self, ring, key, monkeypatch):
        """However many pages are asked for, no more than the bound are kept, nor locks for them."""
        monkeypatch.setattr(keyring, "MAX_PAGES", 4)
        small = KeyRing(ENGINE)
        small.put_table(key.public_key.root, table(key, 4))
        many = make_key(TREE.name, OTS.name, 0, 5)
        for number in range(32):
            lease = many.lease(number)
            small.page(lease, lease.first)

        assert len(small._pages) == 4
        assert len(small._proved) == 4
        assert len(small._building) <= 6
        assert ring._pages._most == 256


class TestTables:
    """put_table and has_table."""

    def test_a_table_is_there_when_it_was_put(self, ring, key):
        """A table is known by its root."""
        assert not ring.has_table(key.public_key.root)
        ring.put_table(key.public_key.root, table(key, 2))

        assert ring.has_table(key.public_key.root)
        assert not ring.has_table(bytes(24))

    @pytest.mark.parametrize(("first", "second"), [(2, 5), (5, 2), (4, 4)])
    def test_the_deeper_table_stays(self, ring, key, first, second):
        """Of two tables of one key the deeper one is kept, whichever came first."""
        for depth in (first, second):
            ring.put_table(key.public_key.root, table(key, depth))

        assert ring._tables[key.public_key.root].depth == max(first, second)

    def test_tables_are_bounded(self, ring, key):
        """No more than the bound are kept; the one unused for longest goes, and to make a page is
        to use its table.
        """
        root, lease = key.public_key.root, key.lease(0)
        ring.put_table(root, table(key, 3))
        for number in range(keyring.MAX_TABLES - 1):
            ring.put_table(b"%24d" % number, table(key, 0))
        ring.page(lease, 0)
        ring.put_table(b"one more", table(key, 0))

        assert ring.has_table(root)
        assert not ring.has_table(b"%24d" % 0)
        assert len(ring._tables) == keyring.MAX_TABLES

    @pytest.mark.parametrize("before", [None, 3, 5])
    @pytest.mark.parametrize("after", [None, 4, 5])
    def test_a_table_that_comes_or_goes_meanwhile(self, ring, key, before, after, monkeypatch):
        """While a page waits for its turn the table may change; every leaf gets its right path,
        then and later.
        """
        lease = key.lease(1)
        original = ring._one_builder

        def change(page_key):
            ring._tables.clear()
            if after is not None:
                ring.put_table(key.public_key.root, table(key, after))
            return original(page_key)

        if before is not None:
            ring.put_table(key.public_key.root, table(key, before))
        with monkeypatch.context() as patch:
            patch.setattr(ring, "_one_builder", change)
            ring.page(lease, lease.first + 3)
        for depth in (None, before, after):
            ring._tables.clear()
            if depth is not None:
                ring.put_table(key.public_key.root, table(key, depth))
            for leaf in range(lease.first, lease.end):
                page = ring.page(lease, leaf)
                assert leaf in page.leaves
                assert page.path(leaf) == key.table.siblings((1 << TREE.h) + leaf)


class TestThreads:
    """Many sessions at one ring."""

    def test_two_threads_hash_a_page_once(self, engine, key):
        """Threads that need the same page wait for the one that hashes it; another page is hashed
        meanwhile.
        """
        first, go = threading.Event(), threading.Event()
        original = engine.leaf_nodes

        def slow(*arguments):
            if arguments[-1].start == 0:
                first.set()
                assert go.wait(10)
            return original(*arguments)

        engine.leaf_nodes = slow
        ring = KeyRing(engine)
        pages = []
        threads = [
            threading.Thread(target=lambda: pages.append(ring.page(key.lease(0), 0)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        assert first.wait(10)
        other = ring.page(key.lease(1), 8)
        assert not ring.has_page(key.lease(0), 0)
        go.set()
        for thread in threads:
            thread.join()

        assert other.leaves == range(8, 16)
        assert engine.hashed.count(range(8)) == 1
        assert len(pages) == 4
        assert len(set(map(id, pages))) == 1

    def test_a_page_that_failed_is_tried_again(self, engine, key):
        """A thread whose hashing failed leaves nothing behind that would stop the next one."""
        lease, failures = key.lease(0), [RuntimeError("cosmic rays")]
        original = engine.leaf_nodes

        def failing_once(*arguments):
            if failures:
                raise failures.pop()
            return original(*arguments)

        engine.leaf_nodes = failing_once
        ring = KeyRing(engine)
        with pytest.raises(RuntimeError, match="cosmic"):
            ring.page(lease, 0)

        assert ring.page(lease, 0).leaves == range(8)
