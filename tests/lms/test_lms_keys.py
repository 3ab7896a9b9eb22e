"""keys.py: public keys and signatures in their encoded form."""

import pyhsslms.pyhsslms as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import H5_SETS, set_name

from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import (
    OTS_SETS,
    TREE_SETS,
    ParameterError,
    check_pair,
    signature_bytes,
)

BOUNDED = examples(150)
PAIRS = [
    (tree, ots)
    for tree in TREE_SETS
    for ots in OTS_SETS
    if (tree.hash, tree.m) == (ots.hash, ots.n)
]

pairs = st.sampled_from(PAIRS)
words = st.integers(0, 30) | st.integers(0, 0xFFFFFFFF)


def example_signature(tree, ots, leaf=3):
    """A signature of the right shape whose every part is told apart by its bytes."""
    chains = b"".join(bytes([index % 251]) * ots.n for index in range(ots.p))
    path = b"".join(bytes([200 + index]) * tree.m for index in range(tree.h))
    return Signature(tree, ots, leaf, b"C" * ots.n, chains, path)


@pytest.mark.parametrize(
    ("number", "word"),
    [(0, "00000000"), (1, "00000001"), (0x01020304, "01020304"), (0xFFFFFFFF, "ffffffff")],
)
def test_a_word_is_big_endian(number, word):
    """u32 is four bytes, the most significant first, on every machine."""
    assert u32(number).hex() == word


@given(pair=pairs, data=st.data())
@BOUNDED
def test_a_public_key_survives_encoding(pair, data):
    """Decoding undoes encoding, and the encoding is the one that pyhsslms reads."""
    tree, ots = pair
    root = data.draw(st.binary(min_size=tree.m, max_size=tree.m))
    key = PublicKey(tree, ots, data.draw(st.binary(min_size=16, max_size=16)), root)
    other = theirs.LmsPublicKey.deserialize(key.encode())

    assert PublicKey.decode(key.encode()) == key
    assert (other.lms_type, other.lmots_type, other.I, other.K) == (
        u32(tree.typecode),
        u32(ots.typecode),
        key.identifier,
        root,
    )


@given(pair=pairs, data=st.data())
@examples(40)
def test_a_signature_survives_encoding(pair, data):
    """Decoding undoes encoding, and the encoding is the one that pyhsslms reads."""
    tree, ots = pair
    signature = example_signature(tree, ots, data.draw(st.integers(0, (1 << tree.h) - 1)))
    other = theirs.LmsSignature.deserialize(signature.encode())

    assert Signature.decode(signature.encode()) == signature
    assert other.q == signature.leaf
    assert signature.randomizer == other.lmots_sig.C
    assert b"".join(other.lmots_sig.y) == signature.chains
    assert b"".join(other.path) == signature.path


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_every_other_length_of_a_public_key_is_refused(tree, ots):
    """Each truncation and one byte too many raise ParameterError."""
    encoded = PublicKey(tree, ots, b"I" * 16, b"T" * tree.m).encode()

    for wrong in [*(encoded[:size] for size in range(len(encoded))), encoded + b"\0"]:
        with pytest.raises(ParameterError):
            PublicKey.decode(wrong)


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_every_other_length_of_a_signature_is_refused(tree, ots):
    """Each truncation and one byte too many raise ParameterError."""
    encoded = example_signature(tree, ots).encode()

    for wrong in [*(encoded[:size] for size in range(len(encoded))), encoded + b"\0"]:
        with pytest.raises(ParameterError):
            Signature.decode(wrong)


@pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
def test_a_leaf_outside_the_tree_is_refused(tree, ots):
    """The last leaf of a tree of height 5 is 31; 32 and everything above raise ParameterError."""
    assert Signature.decode(example_signature(tree, ots, 31).encode()).leaf == 31

    for leaf in (32, 33, 1 << 16, 0xFFFFFFFF):
        with pytest.raises(ParameterError, match=f"leaf {leaf} is outside a tree of height 5"):
            Signature.decode(example_signature(tree, ots, leaf).encode())


@pytest.mark.parametrize("tree", TREE_SETS, ids=set_name)
def test_a_mixed_pair_is_refused_in_both_encodings(tree):
    """Two types of different hash or length make neither a public key nor a signature, even where
    the lengths fit.
    """
    mixed = [ots for ots in OTS_SETS if (tree.hash, tree.m) != (ots.hash, ots.n)]

    assert len(mixed) == 12
    for ots in mixed:
        with pytest.raises(ParameterError, match="differ in hash or in length"):
            PublicKey.decode(PublicKey(tree, ots, bytes(16), bytes(tree.m)).encode())
        with pytest.raises(ParameterError, match="differ in hash or in length"):
            Signature.decode(example_signature(tree, ots).encode())


@given(
    data=st.binary(max_size=80)
    | st.builds(lambda a, b, rest: u32(a) + u32(b) + rest, words, words, st.binary(max_size=60))
)
@examples(400)
def test_any_bytes_are_a_public_key_or_a_parameter_error(data):
    """Decoding returns a key that encodes to the same bytes, or raises ParameterError, and nothing
    else.
    """
    try:
        key = PublicKey.decode(data)
    except ParameterError:
        return
    check_pair(key.tree, key.ots)
    assert key.encode() == data


@st.composite
def nearly_signatures(draw):
    """Bytes with type words where they belong, of about the right length."""
    tree, ots = draw(st.sampled_from(PAIRS[:4] + PAIRS[-4:]))
    tree_word = draw(st.just(tree.typecode) | words)
    size = signature_bytes(tree, ots) - 12 - ots.n * (ots.p + 1)
    size = max(0, size + draw(st.just(0) | st.integers(-40, 40)))
    leaf = draw(st.integers(0, 40) | words)
    return u32(leaf) + u32(ots.typecode) + bytes(ots.n * (ots.p + 1)) + u32(tree_word) + bytes(size)


@given(
    data=st.binary(max_size=80)
    | st.builds(lambda q, t, rest: u32(q) + u32(t) + rest, words, words, st.binary())
    | nearly_signatures()
)
@examples(400)
def test_any_bytes_are_a_signature_or_a_parameter_error(data):
    """Decoding returns a signature that encodes to the same bytes, or raises ParameterError, and
    nothing else.
    """
    try:
        signature = Signature.decode(data)
    except ParameterError:
        return
    assert signature.leaf < 1 << signature.tree.h
    assert signature.encode() == data
