"""Private keys of other tools, by which they are told and refused.

A stateful key has a count of its leaves beside it. Whoever copies it, or has an earlier copy, uses
leaves again, and no import can know of the other copies.
"""

from collections.abc import Callable

from seemachine.encodings.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, DerError, only
from seemachine.encodings.keyforms import HSS_LMS
from seemachine.encodings.kinds import AmbiguousForm, RecognizedKey
from seemachine.encodings.writers import CALIPTRA_SETS
from seemachine.lms.hss import MAX_LEVELS, HssPublicKey
from seemachine.lms.parameters import (
    IDENTIFIER_BYTES,
    OTS_CODES,
    TREE_CODES,
    ParameterError,
    lmots,
    lms,
)

WHY = (
    "it counts its leaves in a file, so each copy of it, also one in a backup, may sign with a leaf"
    " that another copy used, and two signatures with one leaf let anyone forge more"
)
WHAT = (
    "make a new key here (pipsqueak generate), and use the public key of this one to verify what it"
    " has signed"
)
_INTEGER = 0x02
_MLDSA = bytes.fromhex("6086480165030403")
# Botan has an identifier of its own for private keys, 1.3.6.1.4.1.25258.1.13.
_IDENTIFIERS = (HSS_LMS, bytes.fromhex("2b0601040181c52a010d"))
# hsslms 0.1.3 begins its files so.
_HSSLMS = (b"PersHSS_Priv_v", b"LMSWrapper_Priv_v")
# What pyhsslms 2 has where its first version had the number of signatures that are left.
_PYHSSLMS_2 = bytes.fromhex("11111111")


def maker_of(data: bytes) -> str:
    """Whose private LMS key the bytes are: what completes "a private LMS key ..."; empty for
    anything else.

    A plain private key of Caliptra's `image/app` is not told: see `is_lookalike`.
    """
    return next((maker for maker, is_of in MAKERS.items() if is_of(data)), "")


def refusal(maker: str) -> str:
    """Why one is not taken, and what to do."""
    return f"this is a private LMS key {maker}, and no private LMS key is read: {WHY}; {WHAT}"


def is_lookalike(found: RecognizedKey) -> bool:
    """Whether it may be a plain private key of Caliptra's `image/app`: type, LM-OTS type, I and a
    seed of 24 bytes, which is a public key in all of them.
    """
    key = found.key
    if isinstance(key, bytes) or found.form != "lms":
        return False
    return (key.key.tree.name, key.key.ots.name) == CALIPTRA_SETS


def refuse_lookalike(found: RecognizedKey) -> None:
    """Raises AmbiguousForm for what may be one: in another form its seed would be published."""
    if is_lookalike(found):
        raise AmbiguousForm(
            "this may be a public key in the form lms, or a private key of Caliptra's image/app,"
            " whose seed looks like a root; if it is public, say so",
            found.form,
        )


def is_of_mldsa(data: bytes) -> bool:
    """Whether the bytes are a private key of ML-DSA in PKCS#8 (RFC 9881 6)."""
    return _identifier(data).startswith(_MLDSA)


def is_encrypted(data: bytes) -> bool:
    """Whether the bytes are an encrypted private key (RFC 5958 3), of whatever algorithm."""
    try:
        algorithm, content = only(data).expect(SEQUENCE).inner()
        scheme = algorithm.expect(SEQUENCE).inner()[0].expect(OBJECT_IDENTIFIER).content
    except (DerError, ValueError, IndexError):
        return False
    # Those of PKCS #5 and #12.
    return content.tag == OCTET_STRING and scheme.startswith(bytes.fromhex("2a864886f70d01"))


def _identifier(data: bytes) -> bytes:
    """The algorithm of a PKCS#8 key (RFC 5958 2); empty for anything else."""
    try:
        version, algorithm, key, *_ = only(data).expect(SEQUENCE).inner()
        if (version.tag, key.tag) != (_INTEGER, OCTET_STRING):
            return b""
        return algorithm.expect(SEQUENCE).inner()[0].expect(OBJECT_IDENTIFIER).content
    except (DerError, ValueError, IndexError):
        return b""


def _is_pkcs8(data: bytes) -> bool:
    return data[:1] == bytes([SEQUENCE]) and _identifier(data) in _IDENTIFIERS


def _is_bouncy_castle(data: bytes) -> bool:
    """An LMS key: version 0, types, I, q, its end, length of the seed, seed, nodes. An HSS key:
    version 0 (up to 1.72) or 1, levels, index, its end, whether it is a part, such keys.
    """
    if _is_bc_tree(data):
        return True
    version, levels, is_part = _word(data, 0), _word(data, 4), data[24:25]
    known = version in (0, 1) and 1 <= levels <= MAX_LEVELS and is_part in (b"\0", b"\1")
    return known and _is_bc_tree(data[25:])


def _is_bc_tree(data: bytes) -> bool:
    size = _node_bytes(data[4:12])
    return bool(size) and _word(data, 0) == 0 and _word(data, 36) == size <= len(data) - 40


def _is_pyhsslms(data: bytes) -> bool:
    """A tree: types, seed, I and q; of lms-go the same in another order, so as long. An HSS key:
    levels, a count, trees.
    """
    if _is_pyhsslms_tree(data):
        return True
    if not 1 <= _word(data, 0) <= MAX_LEVELS:
        return False
    if data[4:8] == _PYHSSLMS_2:
        size = _word(data, 8)
        return _is_pyhsslms_tree(data[12 : 12 + size])
    return _is_pyhsslms_tree(data[8:])


def _is_pyhsslms_tree(data: bytes) -> bool:
    size = _node_bytes(data[:8])
    # A public key is four bytes shorter.
    return bool(size) and len(data) == 8 + size + IDENTIFIER_BYTES + 4


def _is_hsslms(data: bytes) -> bool:
    return data.startswith(_HSSLMS)


def _is_cisco(data: bytes) -> bool:
    """The count, a byte for the parameter sets of each level, the seed, and I where it is drawn
    (PRIVATE_KEY_LEN of hash-sigs); wolfSSL and hbs-lms-rust have the same. After 64 such bytes
    wolfBoot has the public key, liboqs the tree that it keeps.
    """
    lengths = (8 + 8 + 24, 8 + 8 + 32, 8 + 8 + 24 + 16, 8 + 8 + 32 + 16)
    more = data[lengths[-1] :]
    if len(data) not in lengths and not _is_hss_public(more) and not _is_cisco_aux(more):
        return False
    sets = data[8:16].rstrip(b"\xff")
    codes = [(each >> 4, each & 0xF) for each in sets]
    return bool(sets) and all(5 <= tree <= 14 and 1 <= ots <= 8 for tree, ots in codes)


def _is_cisco_aux(data: bytes) -> bool:
    """Bit 31 and one for each level of the tree that is kept, its nodes, and a code over them."""
    levels = _word(data, 0) & 0x7FFFFFFF
    if not data or not data[0] & 0x80 or not levels:
        return False
    # Bit i is for 2^i nodes.
    return len(data) in (4 + size * (levels + 1) for size in (24, 32))


def _node_bytes(types: bytes) -> int:
    """The length m of a pair of parameter sets that go together; 0 for any other bytes."""
    first, second = _word(types, 0), _word(types, 4)
    # Refusals take long to put into words, and most bytes begin otherwise.
    if first not in TREE_CODES or second not in OTS_CODES:
        return 0
    tree, ots = lms(first), lmots(second)
    return tree.m if (tree.hash, tree.m) == (ots.hash, ots.n) else 0


def _is_hss_public(data: bytes) -> bool:
    try:
        HssPublicKey.decode(data)
    except ParameterError:
        return False
    return True


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4].ljust(4, b"\0"), "big")


MAKERS: dict[str, Callable[[bytes], bool]] = {
    "in PKCS#8 (Bouncy Castle, Botan and Caliptra write such)": _is_pkcs8,
    "of hsslms": _is_hsslms,
    "of Bouncy Castle": _is_bouncy_castle,
    "of pyhsslms or lms-go": _is_pyhsslms,
    "of hash-sigs, wolfSSL, wolfBoot, liboqs or hbs-lms-rust": _is_cisco,
    "of hash-sigs, or rather the tree that it keeps beside one (.aux)": _is_cisco_aux,
}
