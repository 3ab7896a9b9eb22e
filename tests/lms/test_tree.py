"""tree.py: rows of nodes, the table near the root, pages, authentication paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import CHEAP, H5_SETS, set_name

from seemachine.lms.parameters import ParameterError
from seemachine.lms.tree import NodeTable, levels_above, table_from_cache
from seemachine.lms.verifying import climb

TREE, OTS = CHEAP
LEAVES = range(1 << TREE.h)
DEPTHS = range(TREE.h + 1)


@pytest.fixture(scope="module")
def whole(engine, made):
    """The cheap key with all of its nodes in one table."""
    return made(TREE, OTS, 0, 0, TREE.h)


@pytest.mark.parametrize("depth", DEPTHS)
def test_levels_are_the_rows_of_the_tree(engine, whole, depth):
    """levels_above gives every row of the subtree over a row, each node under its own number."""
    first = 1 << TREE.h
    count = 1 << (TREE.h - depth)
    for top in range(1 << depth):
        levels = levels_above(
            engine,
            TREE,
            whole.identifier,
            first + top * count,
            whole.table.row(first + top * count, count),
        )

        assert [len(level) // TREE.m for level in levels] == [
            count >> up for up in range(TREE.h - depth + 1)
        ]
        assert all(
            level == whole.table.row((first + top * count) >> up, count >> up)
            for up, level in enumerate(levels)
        )


def test_a_node_depends_on_its_number(engine, whole):
    """The same children under another parent number make another node, so subtrees
    can't be moved.
    """
    children = whole.table.row(2, 2)

    assert engine.parents(TREE, whole.identifier, 1, children) == whole.table[1]
    assert engine.parents(TREE, whole.identifier, 2, children) != whole.table[1]


@pytest.mark.parametrize("number", range(1, 2 << TREE.h))
def test_siblings_lead_every_node_to_the_root(whole, number):
    """The path from any node, root and leaves included, climbs to the root."""
    path = whole.table.siblings(number)

    assert len(path) == (number.bit_length() - 1) * TREE.m
    assert climb(TREE, whole.identifier, number, whole.table[number], path) == whole.public_key.root


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_table_can_be_rebuilt_from_any_level(engine, whole, depth):
    """table_from_cache computes the same nodes above the given ones, and holds no deeper ones."""
    table = table_from_cache(
        engine, whole.public_key, depth, whole.table.row(1 << depth, 1 << depth)
    )

    assert table.depth == depth
    assert [table[number] for number in range(1, 2 << depth)] == [
        whole.table[number] for number in range(1, 2 << depth)
    ]


@given(data=st.data(), depth=st.sampled_from(DEPTHS))
@examples(60)
def test_a_cache_with_one_wrong_bit_is_refused(engine, made, data, depth):
    """Any bit of any cached node matters."""
    whole = made(TREE, OTS, 0, 0, TREE.h)
    nodes = bytearray(whole.table.row(1 << depth, 1 << depth))
    bit = data.draw(st.integers(0, 8 * len(nodes) - 1))
    nodes[bit // 8] ^= 1 << bit % 8

    with pytest.raises(ParameterError, match="does not lead to the root"):
        table_from_cache(engine, whole.public_key, depth, bytes(nodes))


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_cache_of_another_length_is_refused(engine, whole, depth):
    """A byte or a node too few or too many, and nothing at all, raise ParameterError with the right
    length.
    """
    nodes = whole.table.row(1 << depth, 1 << depth)

    for wrong in (b"", nodes[:-1], nodes[: -TREE.m], nodes + b"\0", nodes + nodes):
        with pytest.raises(
            ParameterError, match=f"of depth {depth} has {len(nodes)} bytes, not {len(wrong)}"
        ):
            table_from_cache(engine, whole.public_key, depth, wrong)


def test_a_cache_of_swapped_nodes_is_refused(engine, whole):
    """The same nodes in another order do not lead to the root."""
    nodes = whole.table.row(4, 4)
    swapped = nodes[TREE.m : 2 * TREE.m] + nodes[: TREE.m] + nodes[2 * TREE.m :]

    with pytest.raises(ParameterError, match="does not lead to the root"):
        table_from_cache(engine, whole.public_key, 2, swapped)


def test_a_cache_deeper_than_the_tree_is_refused(engine, whole):
    """There is nothing below the leaves."""
    with pytest.raises(ParameterError):
        table_from_cache(engine, whole.public_key, TREE.h + 1, bytes(TREE.m << (TREE.h + 1)))


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_a_cache_of_another_key_is_refused(engine, made, tree, ots):
    """Identifier and root tie a cache to one key, for every set."""
    ours, other = made(tree, ots), made(tree, ots, 1, 2)

    assert (
        table_from_cache(engine, ours.public_key, 1, ours.table.row(2, 2))[1]
        == ours.public_key.root
    )
    with pytest.raises(ParameterError, match="does not lead to the root"):
        table_from_cache(engine, ours.public_key, 1, other.table.row(2, 2))


def test_what_is_put_is_what_is_read():
    """put, row and [] agree on where a node lies, and touch no other."""
    table = NodeTable(TREE, 3)
    table.put(9, b"a" * TREE.m + b"b" * TREE.m)

    assert (table[8], table[9], table[10], table[11]) == (
        bytes(TREE.m),
        b"a" * TREE.m,
        b"b" * TREE.m,
        bytes(TREE.m),
    )
    assert table.row(8, 3) == table[8] + table[9] + table[10]
