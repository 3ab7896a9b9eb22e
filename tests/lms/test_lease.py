"""lease.py: pages of leases of every size, with and without the node table, and what is refused."""

from dataclasses import replace

import pytest
from kit.signatures import CHEAP, H5_SETS, MESSAGE, TALL, leads_to_root, set_name, sign

from seemachine.lms.hashing import derive_randomizer
from seemachine.lms.keys import Signature
from seemachine.lms.lease import build_page, leaf_page, page_of
from seemachine.lms.parameters import ParameterError
from seemachine.lms.tree import table_from_cache
from seemachine.lms.verifying import climb

TREE, OTS = CHEAP
DEPTHS = range(TALL[0].h + 1)
# expcards, explease: a singular key, a few sectorized ones, and the extreme of one leaf a lease.
EXPONENTS = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (0, 4), (3, 2)]
TALL_EXPONENTS = [(0, 0), (1, 2), (4, 3), (3, 7)]


def table_of(engine, key, depth):
    """The node table as the machine gets it: from the cache in a key file."""
    return table_from_cache(engine, key.public_key, depth, key.table.row(1 << depth, 1 << depth))


@pytest.mark.parametrize(("expcards", "explease"), EXPONENTS)
def test_a_lease_knows_where_it_stands(made, expcards, explease):
    """Range, depth and path of every lease fit the plan, and its seed is its own."""
    key = made(TREE, OTS, expcards, explease, TREE.h)
    leases = [key.lease(number) for number in range(key.sectors.leases)]

    assert [range(lease.first, lease.end) for lease in leases] == [
        key.sectors.lease_leaves(n) for n in range(key.sectors.leases)
    ]
    assert all(lease.depth == expcards + explease == len(lease.path) // TREE.m for lease in leases)
    assert len({lease.seed for lease in leases}) == len(leases)
    for number, lease in enumerate(leases):
        top = (1 << lease.depth) + number
        assert climb(TREE, key.identifier, top, key.table[top], lease.path) == key.public_key.root


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("expcards", "explease"), TALL_EXPONENTS)
def test_pages_tile_their_lease(engine, made, expcards, explease, depth):
    """With a table of any depth each leaf of a lease is in one page, and the page is a whole
    subtree.
    """
    key = made(*TALL, expcards, explease, TALL[0].h)
    table = table_of(engine, key, depth)
    for number in range(key.sectors.leases):
        lease = key.lease(number)
        pages = {page_of(lease, leaf, table) for leaf in range(lease.first, lease.end)}

        assert all(leaf in page_of(lease, leaf, table) for leaf in range(lease.first, lease.end))
        assert sorted(leaf for page in pages for leaf in page) == list(
            range(lease.first, lease.end)
        )
        assert all(len(page).bit_count() == 1 and page.start % len(page) == 0 for page in pages)


# Depth of the table (None: there is none), size of the lease, size of its pages.
SIZES = [
    (None, 1024, 1024),
    (0, 1024, 1024),
    (3, 1024, 128),
    (4, 1024, 64),
    (9, 1024, 64),  # never less than 64 leaves are hashed
    (10, 1024, 1),  # but none where the table knows them all
    (None, 128, 128),
    (2, 128, 128),
    (4, 128, 64),
    (7, 8, 8),
    (8, 8, 8),
    (10, 8, 1),
    (10, 1, 1),
]


@pytest.mark.parametrize(("depth", "lease_size", "page_size"), SIZES)
def test_a_page_is_as_large_as_it_must_be(engine, made, depth, lease_size, page_size):
    """Without a table the whole lease; with one what lies below it, within bounds."""
    explease = TALL[0].h - lease_size.bit_length() + 1
    key = made(*TALL, *next(one for one in TALL_EXPONENTS if sum(one) == explease), TALL[0].h)
    lease = key.lease(key.sectors.leases - 1)

    assert (
        len(page_of(lease, lease.end - 1, None if depth is None else table_of(engine, key, depth)))
        == page_size
    )


@pytest.mark.parametrize("depth", [None, *DEPTHS])
@pytest.mark.parametrize(("expcards", "explease"), TALL_EXPONENTS)
def test_every_leaf_of_a_page_has_its_path(engine, made, expcards, explease, depth):
    """Whatever the page, a leaf's authentication path is the siblings of the whole tree."""
    tree = TALL[0]
    key = made(*TALL, expcards, explease, tree.h)
    table = None if depth is None else table_of(engine, key, depth)
    for number in {0, key.sectors.leases * 2 // 3, key.sectors.leases - 1}:
        lease = key.lease(number)
        leaves = page_of(lease, (lease.first + lease.end) // 2, table)
        page = build_page(engine, lease, leaves, table)

        assert page.leaves == leaves
        assert page.root == key.table[((1 << tree.h) + leaves.start) // len(leaves)]
        assert all(page.path(leaf) == key.table.siblings((1 << tree.h) + leaf) for leaf in leaves)


@pytest.mark.parametrize(("expcards", "explease"), TALL_EXPONENTS)
def test_a_known_leaf_has_its_page_without_hashing(engine, made, expcards, explease):
    """A table of all leaves gives the same page of one leaf as hashing it does."""
    tree = TALL[0]
    key = made(*TALL, expcards, explease, tree.h)
    lease, table = key.lease(key.sectors.leases - 1), table_of(engine, key, tree.h)
    for leaf in {lease.first, lease.end - 1}:
        assert leaf_page(lease, leaf, table) == build_page(
            engine, lease, range(leaf, leaf + 1), table
        )


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_a_signature_is_assembled_in_order(engine, made, tree, ots):
    """Every part of an encoded signature is where decode finds it, and C is the one of its leaf."""
    lease = made(tree, ots, 1, 2).lease(5)
    leaf = lease.first + 1
    parts = Signature.decode(sign(engine, lease, leaf))

    assert (parts.tree, parts.ots, parts.leaf) == (tree, ots, leaf)
    assert (
        parts.randomizer
        == lease.randomizer(leaf)
        == derive_randomizer(ots, lease.key.identifier, lease.seed, leaf)
    )
    assert parts.path == build_page(engine, lease, page_of(lease, leaf, None), None).path(leaf)


def test_a_signature_can_be_made_again(engine, made):
    """The same leaf and message give the same bytes; that is what makes a retry harmless."""
    lease = made(TREE, OTS, 1, 2).lease(5)

    assert sign(engine, lease, lease.first) == sign(engine, lease, lease.first)
    assert sign(engine, lease, lease.first) != sign(engine, lease, lease.first + 1)


@pytest.mark.parametrize("depth", [None, 4, 10])
def test_a_wrong_seed_never_gets_a_page(engine, made, depth):
    """A lease whose seed is another's, or off by one bit, raises ParameterError instead
    of a page.
    """
    key = made(*TALL, 1, 2, TALL[0].h)
    table = None if depth is None else table_of(engine, key, depth)
    lease = key.lease(2)
    flipped = bytes([lease.seed[0] ^ 1]) + lease.seed[1:]

    for seed in (key.lease(1).seed, flipped, bytes(OTS.n)):
        wrong = replace(lease, seed=seed)
        with pytest.raises(ParameterError, match="do not lead to the root of the public key"):
            build_page(engine, wrong, page_of(wrong, wrong.first, table), table)


def test_a_wrong_path_never_gets_a_page(engine, made):
    """Any flipped byte in a lease's path, a node too few or too many, or no path, raises
    ParameterError.
    """
    lease = made(TREE, OTS, 1, 2).lease(2)
    path = lease.path
    flipped = [path[:at] + bytes([path[at] ^ 0x80]) + path[at + 1 :] for at in range(len(path))]

    for wrong in [*flipped, path[: -TREE.m], path[:-1], path + path[: TREE.m], path + b"\0", b""]:
        with pytest.raises(ParameterError, match="do not lead to the root of the public key"):
            build_page(engine, replace(lease, path=wrong), range(lease.first, lease.end), None)


def test_a_table_with_a_wrong_node_never_gets_a_page(engine, made):
    """A table that was damaged after its check is found out when a page is built below it."""
    key = made(*TALL, 0, 0, TALL[0].h)
    lease, table = key.lease(0), table_of(engine, key, 4)
    table.put(17, bytes(TREE.m))

    with pytest.raises(ParameterError, match="do not lead to the root of the public key"):
        build_page(engine, lease, page_of(lease, 0, table), table)


def test_a_page_outside_its_lease_never_gets_built(engine, made):
    """The leaves of another lease have another seed, so they do not lead to the root."""
    key = made(TREE, OTS, 1, 1, TREE.h)
    lease, other = key.lease(1), key.lease(2)
    table = table_of(engine, key, 4)

    for leaves, known in (
        (range(other.first, other.end), None),
        (range(other.first, other.first + 2), table),
    ):
        with pytest.raises(ParameterError, match="do not lead to the root of the public key"):
            build_page(engine, lease, leaves, known)


def test_a_page_of_another_key_never_gets_built(engine, made):
    """Seed and leaves of one key under the public key of another raise ParameterError."""
    lease = replace(made(TREE, OTS).lease(0), key=made(TREE, OTS, 1, 2).public_key)

    with pytest.raises(ParameterError, match="do not lead to the root of the public key"):
        build_page(engine, lease, range(32), None)


def test_a_lease_prints_without_its_secrets(made):
    """Neither the seed nor the path shows in a log line that holds a lease."""
    lease = made(TREE, OTS, 1, 2).lease(3)

    assert repr(lease) == f"Lease({lease.key.root.hex()[:16]}, {lease.first}..{lease.end})"
    assert lease.seed.hex() not in repr(lease)
    assert repr(lease.seed)[2:-1] not in repr(lease)


@pytest.mark.parametrize("depth", [0, 3, 6, 10])
def test_signatures_from_pages_of_each_size_are_the_same(engine, made, depth):
    """The table only saves work: the signature has the same bytes with any page size, and it
    verifies.
    """
    key = made(*TALL, 0, 0, TALL[0].h)
    lease = key.lease(0)
    signature = sign(engine, lease, 421, MESSAGE, table_of(engine, key, depth))

    assert signature == sign(engine, lease, 421)
    assert leads_to_root(engine, lease.key, MESSAGE, signature)
