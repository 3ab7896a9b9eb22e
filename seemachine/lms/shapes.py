"""What plain signatures look like from outside, so that bytes are known for one without taking them
apart (RFC 8554 5.4).
"""

from functools import cache
from typing import NamedTuple

from seemachine.lms.keys import PublicKey, u32
from seemachine.lms.parameters import (
    OTS_SETS,
    TREE_SETS,
    OtsParameters,
    TreeParameters,
    lmots,
    lms,
    signature_bytes,
)


class Shape(NamedTuple):
    """Of the signatures of a pair of sets: their length, both their types, and where the second one
    is, which the path follows.
    """

    tree: TreeParameters
    ots: OtsParameters
    size: int
    of_ots: bytes
    of_tree: bytes
    place: int


@cache
def shape_of_sets(tree: int, ots: int) -> Shape:
    """By the types of a pair."""
    of_tree, of_ots = lms(tree), lmots(ots)
    size, place = signature_bytes(of_tree, of_ots), 4 + of_ots.signature_bytes
    return Shape(of_tree, of_ots, size, u32(ots), u32(tree), place)


def is_plain(key: PublicKey, data: bytes) -> bool:
    """Whether bytes are a plain signature of the key's parameter sets."""
    return _fits(shape_of_sets(key.tree.typecode, key.ots.typecode), data)


def shape_of(data: bytes) -> Shape | None:
    """The shape of bytes that are a plain signature, to the last of them."""
    place = _PLACES.get(data[4:8])
    shape = None if place is None else _SHAPES.get(data[4:8] + data[place : place + 4])
    return shape if shape is not None and _fits(shape, data) else None


def _fits(shape: Shape, data: bytes) -> bool:
    tree, _, size, of_ots, of_tree, place = shape
    return (
        len(data) == size
        and data[4:8] == of_ots
        and data[place : place + 4] == of_tree
        and not int.from_bytes(data[:4], "big") >> tree.h
    )


_PLACES = {u32(ots.typecode): 4 + ots.signature_bytes for ots in OTS_SETS}
# SP 800-208 section 4: one hash function and one output length for the whole key.
_SHAPES = {
    u32(ots.typecode) + u32(tree.typecode): shape_of_sets(tree.typecode, ots.typecode)
    for ots in OTS_SETS
    for tree in TREE_SETS
    if (tree.hash, tree.m) == (ots.hash, ots.n)
}
