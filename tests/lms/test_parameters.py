"""parameters.py against the tables of pyhsslms, an independent implementation."""

import pyhsslms.pyhsslms as theirs
import pytest
from kit.signatures import H5_SETS, set_name

from seemachine.lms.keys import u32
from seemachine.lms.parameters import (
    OTS_SETS,
    TREE_SETS,
    ParameterError,
    check_pair,
    lmots,
    lms,
    signature_bytes,
)

THEIR_HASH = {"sha256": "sha256", "shake": "shake256"}


@pytest.mark.parametrize("ots", OTS_SETS, ids=set_name)
def test_an_lmots_set_has_the_published_figures(ots):
    """Typecode, name, hash, n, p, w and ls are those of pyhsslms' table."""
    assert getattr(theirs, f"lmots_{ots.name}") == u32(ots.typecode)
    assert theirs.lmots_params[u32(ots.typecode)] == (
        THEIR_HASH[ots.hash],
        ots.n,
        ots.p,
        ots.w,
        ots.ls,
    )


@pytest.mark.parametrize("tree", TREE_SETS, ids=set_name)
def test_an_lms_set_has_the_published_figures(tree):
    """Typecode, name, hash, m and h are those of pyhsslms' table."""
    assert getattr(theirs, f"lms_{tree.name}") == u32(tree.typecode)
    assert theirs.lms_params[u32(tree.typecode)] == (THEIR_HASH[tree.hash], tree.m, tree.h)


def test_no_published_set_is_missing():
    """Both tables have every typecode of pyhsslms' and no other."""
    assert {u32(ots.typecode) for ots in OTS_SETS} == set(theirs.lmots_params)
    assert {u32(tree.typecode) for tree in TREE_SETS} == set(theirs.lms_params)


@pytest.mark.parametrize("ots", OTS_SETS, ids=set_name)
def test_an_lmots_set_is_found_by_name_and_by_typecode(ots):
    """Name and typecode lead to the same set."""
    assert lmots(ots.name) is ots
    assert lmots(ots.typecode) is ots


@pytest.mark.parametrize("tree", TREE_SETS, ids=set_name)
def test_an_lms_set_is_found_by_name_and_by_typecode(tree):
    """Name and typecode lead to the same set."""
    assert lms(tree.name) is tree
    assert lms(tree.typecode) is tree


@pytest.mark.parametrize(
    "unknown", ["sha256_n32_w3", "", "SHA256_N32_W8", "sha256_m32_h5", 0, 17, -1, 0xFFFFFFFF]
)
def test_an_unknown_lmots_set_is_refused_with_the_known_ones(unknown):
    """The text repeats what was asked for and names every set that there is."""
    with pytest.raises(ParameterError) as refused:
        lmots(unknown)

    assert f"unknown LM-OTS set {unknown}; one of " in str(refused.value)
    assert all(ots.name in str(refused.value) for ots in OTS_SETS)


@pytest.mark.parametrize(
    "unknown", ["sha256_m32_h6", "", "sha256_n32_w8", 0, 4, 25, -1, 0xFFFFFFFF]
)
def test_an_unknown_lms_set_is_refused_with_the_known_ones(unknown):
    """The text repeats what was asked for and names every set that there is."""
    with pytest.raises(ParameterError) as refused:
        lms(unknown)

    assert f"unknown LMS set {unknown}; one of " in str(refused.value)
    assert all(tree.name in str(refused.value) for tree in TREE_SETS)


@pytest.mark.parametrize("tree", TREE_SETS, ids=set_name)
def test_a_pair_must_share_hash_and_length(tree):
    """check_pair takes the four widths of the tree's own hash and length, and names them when it
    refuses any other.
    """
    taken = set()
    for ots in OTS_SETS:
        if (ots.hash, ots.n) == (tree.hash, tree.m):
            check_pair(tree, ots)
            taken.add(ots.w)
        else:
            with pytest.raises(
                ParameterError,
                match=rf"{tree.name} and {ots.name} .* lmotscode={tree.hash}_n{tree.m}_w",
            ):
                check_pair(tree, ots)

    assert taken == {1, 2, 4, 8}


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_sizes_follow_from_the_sets(tree, ots):
    """Public key and signature lengths are those that pyhsslms reads from the type words."""
    types = u32(ots.typecode) + bytes(ots.n * (ots.p + 1))

    assert theirs.LmotsSignature.sizeof(types) == ots.signature_bytes
    assert signature_bytes(tree, ots) == theirs.LmsSignature.sizeof(
        u32(0) + types + u32(tree.typecode) + bytes(tree.h * tree.m)
    )
    assert tree.public_key_bytes == len(
        theirs.LmsPublicKey(
            bytes(16), bytes(tree.m), u32(tree.typecode), u32(ots.typecode)
        ).serialize()
    )


def test_the_guide_s_sizes():
    """The guide's h5 key prints 56 bytes of public key and 1,292 of signature."""
    tree, ots = lms("sha256_m32_h5"), lmots("sha256_n32_w8")

    assert tree.public_key_bytes == 56
    assert signature_bytes(tree, ots) == 1292
