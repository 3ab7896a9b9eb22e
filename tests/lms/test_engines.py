"""What every engine must do (engines/__init__.py, engines/portable.py), against pyhsslms'
definition of each part.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pyhsslms.pyhsslms as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.properties import examples
from kit.signatures import CHEAP, H5_SETS, peel, set_name
from vectors.published import cases

from seemachine.lms.engines import RecoverJob, SignJob, select
from seemachine.lms.engines.portable import coefficients
from seemachine.lms.hashing import message_digest
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import OTS_SETS

IDENTIFIER = bytes(range(200, 216))
SETS = pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)


def seed_of(ots):
    """A seed of n bytes."""
    return bytes(range(50, 50 + ots.n))


def their_key(ots, leaf):
    """The one-time key of a leaf, by pyhsslms."""
    return theirs.LmotsPrivateKey(
        I=IDENTIFIER, q=u32(leaf), SEED=seed_of(ots), lmots_type=u32(ots.typecode)
    )


def their_leaf(tree, ots, leaf):
    """T[2^h + q] as RFC 8554 5.3 defines it, from pyhsslms' one-time public key."""
    return theirs.H(
        their_hash(ots),
        IDENTIFIER + u32((1 << tree.h) + leaf) + theirs.D_LEAF + their_key(ots, leaf).publicKey().K,
        tree.m,
    )


def their_hash(ots):
    """The name of a set's hash in pyhsslms."""
    return "shake256" if ots.hash == "shake" else "sha256"


def digests(ots, *labels):
    """Message digests Q: plain ones, and the extremes of the checksum."""
    plain = [
        message_digest(ots, IDENTIFIER, leaf, b"C" * ots.n, label)
        for leaf, label in enumerate(labels)
    ]
    return [*plain, bytes(ots.n), b"\xff" * ots.n]


@pytest.mark.parametrize("ots", OTS_SETS, ids=set_name)
@given(data=st.data())
@examples(30)
def test_coefficients_are_the_published_ones(ots, data):
    """The p numbers of any Q are those of pyhsslms' coef and checksum."""
    q = data.draw(st.binary(min_size=ots.n, max_size=ots.n))
    checked = q + theirs.checksum(q, ots.w, ots.ls)

    assert coefficients(ots, q) == [theirs.coef(checked, index, ots.w) for index in range(ots.p)]


@SETS
def test_leaf_nodes_are_the_published_ones(engine, tree, ots):
    """The nodes of leaves at both ends of the tree are those that pyhsslms' one-time public keys
    hash to.
    """
    leaves = [0, 1, 31]
    ours = [
        engine.leaf_nodes(tree, ots, IDENTIFIER, seed_of(ots), range(leaf, leaf + 1))
        for leaf in leaves
    ]

    assert ours == [their_leaf(tree, ots, leaf) for leaf in leaves]


@pytest.mark.parametrize(
    ("tree", "ots"), [pair for pair in H5_SETS if pair[1].w in {2, 8}], ids=set_name
)
def test_leaf_nodes_are_the_same_in_any_batch(engine, tree, ots):
    """A row of leaves does not depend on where it is cut; odd lengths and single leaves
    included.
    """
    whole = engine.leaf_nodes(tree, ots, IDENTIFIER, seed_of(ots), range(31))
    cuts = [0, 1, 3, 7, 15, 24, 31]
    parts = [
        engine.leaf_nodes(tree, ots, IDENTIFIER, seed_of(ots), range(a, b))
        for a, b in pairwise(cuts)
    ]

    assert len(whole) == 31 * tree.m
    assert b"".join(parts) == whole


@given(
    number=st.integers(1, (1 << 25) - 16),
    count=st.integers(1, 9),
    data=st.data(),
    pair=st.sampled_from(H5_SETS),
)
@examples(60)
def test_parents_are_the_published_ones(engine, number, count, data, pair):
    """Each parent is H(I || u32(r) || D_INTR || left || right) under its own number, whatever the
    count.
    """
    tree, ots = pair
    m = tree.m
    children = data.draw(st.binary(min_size=2 * m * count, max_size=2 * m * count))
    pairs = [children[2 * m * i : 2 * m * (i + 1)] for i in range(count)]

    expected = [
        theirs.H(their_hash(ots), IDENTIFIER + u32(number + i) + theirs.D_INTR + both, m)
        for i, both in enumerate(pairs)
    ]
    assert engine.parents(tree, IDENTIFIER, number, children) == b"".join(expected)


@SETS
def test_signing_gives_chains_that_pyhsslms_takes(engine, tree, ots):
    """The chains of a batch lead pyhsslms to its own one-time public keys."""
    randomizer = b"C" * ots.n
    leaves = [0, 5, 31]
    jobs = [
        SignJob(
            IDENTIFIER, seed_of(ots), leaf, message_digest(ots, IDENTIFIER, leaf, randomizer, b"m")
        )
        for leaf in leaves
    ]

    for leaf, chains in zip(leaves, engine.sign(ots, jobs), strict=True):
        signature = theirs.LmotsSignature.deserialize(u32(ots.typecode) + randomizer + chains)
        assert (
            signature.buildPublic(IDENTIFIER, u32(leaf), b"m") == their_key(ots, leaf).publicKey().K
        )


@SETS
def test_recovering_gives_the_one_time_public_key(engine, tree, ots):
    """A one-time signature of pyhsslms leads to its one-time public key, and another Q does not."""
    key = their_key(ots, 9)
    parts = theirs.LmotsSignature.deserialize(key.sign(b"m"))
    q = message_digest(ots, IDENTIFIER, 9, parts.C, b"m")
    other = message_digest(ots, IDENTIFIER, 9, parts.C, b"n")
    [right, wrong] = engine.recover(
        ots, [RecoverJob(IDENTIFIER, 9, digest, b"".join(parts.y)) for digest in (q, other)]
    )

    assert right == key.publicKey().K
    assert wrong != right


@SETS
def test_a_batch_is_its_jobs_one_by_one(engine, tree, ots):
    """Order is kept and no job touches another, for the extreme digests too; an empty batch gives
    nothing.
    """
    jobs = [
        SignJob(IDENTIFIER, seed_of(ots), leaf, q)
        for leaf, q in enumerate(digests(ots, b"a", b"b", b"c"))
    ]
    signed = engine.sign(ots, jobs)
    checks = [
        RecoverJob(IDENTIFIER, job.leaf, job.digest, chains)
        for job, chains in zip(jobs, signed, strict=True)
    ]
    recovered = engine.recover(ots, checks)

    assert signed == [chains for job in jobs for chains in engine.sign(ots, [job])]
    assert recovered == [key for check in checks for key in engine.recover(ots, [check])]
    assert recovered == [their_key(ots, job.leaf).publicKey().K for job in jobs]
    assert engine.sign(ots, []) == engine.recover(ots, []) == []


def published_private():
    """The published examples whose seeds are public: source, seed, and the plain figures of their
    level.
    """
    signed = {case["source"]: case for case in cases("rfc")}
    for case in cases("rfc_seeds"):
        figures = signed[case["source"]]
        levels = peel(bytes.fromhex(figures["public_key"]), bytes.fromhex(figures["signature"]))
        key, below, signature = levels[case["level"]]
        message = bytes.fromhex(figures["message"]) if below is None else below
        yield pytest.param(
            bytes.fromhex(case["seed"]),
            key,
            message,
            signature,
            id=f"{case['source']}, level {case['level']}",
        )


@pytest.mark.parametrize(("seed", "public_key", "message", "signature"), list(published_private()))
def test_published_seeds_give_the_published_chains(engine, seed, public_key, message, signature):
    """With the published C, the chains of the RFCs' signatures come out byte for byte."""
    key, parts = PublicKey.decode(public_key), Signature.decode(signature)
    q = message_digest(parts.ots, key.identifier, parts.leaf, parts.randomizer, message)

    assert engine.sign(parts.ots, [SignJob(key.identifier, seed, parts.leaf, q)]) == [parts.chains]


def test_an_engine_may_be_called_from_many_threads(engine):
    """Calls side by side give what they give alone."""
    tree, ots = CHEAP
    seeds = [bytes([number]) * ots.n for number in range(24)]
    alone = [engine.leaf_nodes(tree, ots, IDENTIFIER, seed, range(8)) for seed in seeds]

    with ThreadPoolExecutor(8) as pool:
        together = list(
            pool.map(lambda seed: engine.leaf_nodes(tree, ots, IDENTIFIER, seed, range(8)), seeds)
        )
    assert together == alone
    assert len(set(alone)) == len(seeds)


def test_an_engine_says_what_it_is(engine):
    """Name and kernel are for people, the speed is a positive number."""
    assert engine.name
    assert engine.kernel
    assert engine.hashes_per_second > 0


def test_a_machine_without_extras_has_an_engine():
    """There is always one to select, and it gives the published nodes."""
    tree, ots = CHEAP

    assert select().leaf_nodes(tree, ots, IDENTIFIER, seed_of(ots), range(2, 3)) == their_leaf(
        tree, ots, 2
    )
