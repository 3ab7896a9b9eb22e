"""Public keys and signatures of every parameter set, whose bytes mean nothing: forms do not look at
them.
"""

import os

from vectors.published import cases

from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey, Signature, u32
from seemachine.lms.parameters import OTS_SETS, TREE_SETS, signature_bytes
from seemachine.mldsa.parameters import MLDSA_SETS

PAIRS = [
    (tree, ots)
    for tree in TREE_SETS
    for ots in OTS_SETS
    if (tree.hash, tree.m) == (ots.hash, ots.n)
]
SMALL = PAIRS[0]
LONGEST = max(range(len(PAIRS)), key=lambda number: signature_bytes(*PAIRS[number]))
CALIPTRA = next(
    pair for pair in PAIRS if (pair[0].name, pair[1].name) == ("sha256_m24_h15", "sha256_n24_w4")
)


def tree_key(pair=SMALL):
    """A plain key."""
    tree, ots = pair
    return PublicKey(tree, ots, os.urandom(16), os.urandom(tree.m))


def key(pair=SMALL, levels=1):
    """A key of LMS."""
    return HssPublicKey(levels, tree_key(pair))


def tree_signature(pair=SMALL, leaf=0):
    """A plain signature."""
    tree, ots = pair
    chains, path = os.urandom(ots.n * ots.p), os.urandom(tree.m * tree.h)
    return Signature(tree, ots, leaf, os.urandom(ots.n), chains, path)


def signature(pair=SMALL, levels=1, leaf=0):
    """A signature of LMS, all of whose levels are alike."""
    above = tuple(tree_signature(pair, level) for level in range(1, levels))
    return HssSignature((*above, tree_signature(pair, leaf)), (tree_key(pair),) * (levels - 1))


def signature_of_two_readings():
    """Bytes that are a plain signature, and one of two levels."""
    pairs = {(tree.name, ots.name): (tree, ots) for tree, ots in PAIRS}
    wide = pairs["sha256_m24_h10", "sha256_n24_w1"]
    top, below = (pairs[f"sha256_m32_h{h}", "sha256_n32_w4"] for h in (5, 15))
    # Its leaf is where a plain one has its LM-OTS type.
    above = tree_signature(top, wide[1].typecode)
    two = HssSignature((above, tree_signature(below)), (tree_key(below),))
    data = bytearray(two.encode())
    place = 4 + wide[1].signature_bytes
    data[place : place + 4] = u32(wide[0].typecode)
    return bytes(data)


def mldsa_key(number=87):
    """A key of ML-DSA."""
    return os.urandom(next(each for each in MLDSA_SETS if each.number == number).public_bytes)


def mldsa_signatures():
    """Those of Wycheproof and ACVP that verify."""
    published = [*cases("wycheproof_mldsa_verify"), *cases("acvp_mldsa_sigver")]
    return [
        bytes.fromhex(each["signature"]) for each in published if each["valid"] in (True, "True")
    ]
