"""hashing.py against hashlib and pyhsslms."""

import hashlib

import pyhsslms.pyhsslms as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import H5_SETS, set_name

from seemachine.lms import hashing
from seemachine.lms.hashing import (
    derive_randomizer,
    digest,
    finish_message,
    message_digest,
    start_message,
)
from seemachine.lms.parameters import OTS_SETS

SEEDS = {24: bytes(range(24)), 32: bytes(range(32))}
IDENTIFIER = bytes(range(100, 116))


@pytest.mark.parametrize("tag", ["D_PBLC", "D_MESG", "D_LEAF", "D_INTR", "D_PRG"])
def test_the_tags_are_the_published_ones(tag):
    """The five tags that keep uses of the hash apart are pyhsslms'."""
    assert getattr(hashing, tag) == getattr(theirs, tag)


@pytest.mark.parametrize(
    ("name", "n"), [("sha256", 32), ("sha256", 24), ("shake", 32), ("shake", 24)]
)
@given(data=st.binary(max_size=300))
@examples(50)
def test_a_digest_is_the_hash_cut_to_n_bytes(name, n, data):
    """SHA-256 is truncated, SHAKE256 is asked for n bytes."""
    whole = (
        hashlib.sha256(data).digest() if name == "sha256" else hashlib.shake_256(data).digest(32)
    )

    assert digest(name, n)(data) == whole[:n]


@pytest.mark.parametrize("ots", OTS_SETS, ids=set_name)
@given(pieces=st.lists(st.binary(max_size=80), max_size=5), leaf=st.integers(0, 0xFFFFFFFF))
@examples(25)
def test_a_message_hashes_the_same_in_pieces(ots, pieces, leaf):
    """Q is H(I || u32(q) || D_MESG || C || message), wherever the message is cut."""
    randomizer, message = b"C" * ots.n, b"".join(pieces)
    running = start_message(ots, IDENTIFIER, leaf, randomizer)
    for piece in pieces:
        running.update(piece)

    hash_name = "shake256" if ots.hash == "shake" else "sha256"
    expected = theirs.H(
        hash_name, IDENTIFIER + theirs.u32(leaf) + b"\x81\x81" + randomizer + message, ots.n
    )
    assert finish_message(ots, running) == expected
    assert message_digest(ots, IDENTIFIER, leaf, randomizer, message) == expected


@pytest.mark.parametrize("ots", OTS_SETS, ids=set_name)
def test_a_randomizer_is_n_bytes_and_the_same_every_time(ots):
    """C follows from set, identifier, seed and leaf alone, so a lost signature can be made again
    byte for byte.
    """
    once = derive_randomizer(ots, IDENTIFIER, SEEDS[ots.n], 7)

    assert once == derive_randomizer(ots, IDENTIFIER, SEEDS[ots.n], 7)
    assert len(once) == ots.n


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_a_randomizer_differs_for_every_leaf_seed_and_identifier(tree, ots):
    """No two leaves of a key share C, nor the same leaf of two seeds or of two keys."""
    seed = SEEDS[ots.n]
    found = [derive_randomizer(ots, IDENTIFIER, seed, leaf) for leaf in range(1 << tree.h)]
    found += [
        derive_randomizer(ots, IDENTIFIER, seed[::-1], 0),
        derive_randomizer(ots, IDENTIFIER[::-1], seed, 0),
    ]

    assert len(set(found)) == len(found)


@pytest.mark.parametrize("ots", OTS_SETS, ids=set_name)
def test_a_randomizer_is_never_a_private_value(ots):
    """C is published with the signature, so it must not be the start of any chain of its leaf."""
    secret = {
        digest(ots.hash, ots.n)(
            IDENTIFIER + bytes(4) + i.to_bytes(2, "big") + b"\xff" + SEEDS[ots.n]
        )
        for i in range(ots.p)
    }

    assert len(secret) == ots.p
    assert derive_randomizer(ots, IDENTIFIER, SEEDS[ots.n], 0) not in secret
