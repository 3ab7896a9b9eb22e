"""Whole signatures, both ways, against two independent implementations: pyhsslms for every set,
hsslms for those that it knows.
"""

from copy import deepcopy

import hsslms
import pytest
from kit.signatures import H5_SETS, MESSAGE, TALL, OneProcess, leads_to_root, set_name, sign
from pyhsslms import pyhsslms

from seemachine.lms.keys import PublicKey, u32
from seemachine.lms.tree import table_from_cache

SETS = pytest.mark.parametrize(("tree", "ots"), H5_SETS, ids=set_name)
KNOWN_TO_HSSLMS = {kind.value for kind in hsslms.LMOTS_ALGORITHM_TYPE}
HSSLMS_SETS = pytest.mark.parametrize(
    ("tree", "ots"), [pair for pair in H5_SETS if pair[1].typecode in KNOWN_TO_HSSLMS], ids=set_name
)
# expcards, explease of the sectorized keys.
SECTORS = (1, 2)


def pyhsslms_takes(key, message, signature):
    """The verdict of pyhsslms."""
    return pyhsslms.LmsPublicKey.deserialize(key.encode()).verify(message, signature)


def hsslms_takes(key, message, signature):
    """The verdict of hsslms."""
    try:
        hsslms.LMS_Pub(key.encode()).verify(message, signature)
    except hsslms.INVALID:
        return False
    return True


@pytest.fixture(scope="module")
def pyhsslms_key():
    """A maker of pyhsslms keys, each made once; a test gets a copy, since they remember what they
    signed.
    """
    made = {}

    def make(tree, ots):
        if ots not in made:
            made[ots] = pyhsslms.LmsPrivateKey(u32(tree.typecode), u32(ots.typecode))
        return deepcopy(made[ots])

    return make


@pytest.fixture
def hsslms_key(monkeypatch):
    """A maker of hsslms keys."""
    monkeypatch.setattr(hsslms.lms, "Pool", OneProcess)
    return lambda tree, ots: hsslms.LMS_Priv(
        hsslms.LMS_ALGORITHM_TYPE(tree.typecode), hsslms.LMOTS_ALGORITHM_TYPE(ots.typecode), 1
    )


@SETS
def test_pyhsslms_takes_our_signatures(engine, made, tree, ots):
    """The first, the last and a middle leaf of our key verify there, and only over their own
    message.
    """
    lease = made(tree, ots).lease(0)
    for leaf in (0, 18, 31):
        signature = sign(engine, lease, leaf)

        assert pyhsslms_takes(lease.key, MESSAGE, signature)
        assert not pyhsslms_takes(lease.key, MESSAGE + b".", signature)


@SETS
def test_we_take_pyhsslms_signatures(engine, pyhsslms_key, tree, ots):
    """The first, the last and a middle leaf of a pyhsslms key verify here, and only over their own
    message.
    """
    private = pyhsslms_key(tree, ots)
    key = PublicKey.decode(private.publicKey().serialize())
    for leaf in (0, 18, 31):
        private.q = leaf
        signature = private.sign(MESSAGE)

        assert leads_to_root(engine, key, MESSAGE, signature)
        assert not leads_to_root(engine, key, MESSAGE + b".", signature)


@SETS
def test_the_same_seed_gives_the_same_key_as_pyhsslms(made, tree, ots):
    """Both derive leaves from I and seed as RFC 8554 appendix A does, so the public
    keys are equal.
    """
    ours = made(tree, ots)
    private = pyhsslms.LmsPrivateKey(
        u32(tree.typecode), u32(ots.typecode), SEED=ours.seeds[0], I=ours.identifier
    )

    assert private.publicKey().serialize() == ours.public_key.encode()


def test_hsslms_knows_all_sha256_sets():
    """The eight sets of SHA-256 are there to be compared, so none is left out by mistake."""
    assert sorted(KNOWN_TO_HSSLMS) == list(range(1, 9))


@HSSLMS_SETS
def test_hsslms_takes_our_signatures(engine, made, tree, ots):
    """The first, the last and a middle leaf of our key verify there, and only over their own
    message.
    """
    lease = made(tree, ots).lease(0)
    for leaf in (0, 18, 31):
        signature = sign(engine, lease, leaf)

        assert hsslms_takes(lease.key, MESSAGE, signature)
        assert not hsslms_takes(lease.key, MESSAGE + b".", signature)


@HSSLMS_SETS
def test_we_take_hsslms_signatures(engine, hsslms_key, tree, ots):
    """The first, the last and a middle leaf of an hsslms key verify here, and only over their own
    message.
    """
    private = hsslms_key(tree, ots)
    key = PublicKey.decode(private.gen_pub().pubkey)
    for leaf in (0, 18, 31):
        private.q = leaf
        signature = private.sign(MESSAGE)

        assert leads_to_root(engine, key, MESSAGE, signature)
        assert not leads_to_root(engine, key, MESSAGE + b".", signature)


@SETS
def test_pyhsslms_takes_signatures_of_every_lease(engine, made, tree, ots):
    """Each lease signs from a seed of its own, and its signatures are plain ones of the one public
    key.
    """
    key = made(tree, ots, *SECTORS)
    for number in range(key.sectors.leases):
        lease = key.lease(number)
        signature = sign(engine, lease, lease.first + number % (lease.end - lease.first))

        assert pyhsslms_takes(key.public_key, MESSAGE, signature)


@pytest.mark.parametrize("depth", [None, 0, 2, 4, 7, 9, 10])
@pytest.mark.parametrize(("expcards", "explease"), [(0, 0), (1, 2), (3, 4)])
def test_pyhsslms_takes_signatures_from_pages_of_each_size(engine, made, expcards, explease, depth):
    """Leaves of the first, a middle and the last lease verify there, without a table and with one
    of each depth.
    """
    tree, ots = TALL
    key = made(tree, ots, expcards, explease, tree.h)
    table = (
        None
        if depth is None
        else table_from_cache(engine, key.public_key, depth, key.table.row(1 << depth, 1 << depth))
    )
    for number in {0, key.sectors.leases // 2, key.sectors.leases - 1}:
        lease = key.lease(number)
        for leaf in {lease.first, lease.first + (lease.end - lease.first) * 2 // 3}:
            assert pyhsslms_takes(
                key.public_key, MESSAGE, sign(engine, lease, leaf, MESSAGE, table)
            )
