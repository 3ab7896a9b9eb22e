"""The LMS and LM-OTS parameter sets of RFC 8554 and SP 800-208 (RFC 9858), by typecode and by the
guide's names.
"""

from seemachine.frozen import frozen

IDENTIFIER_BYTES = 16


class ParameterError(ValueError):
    """An unknown or unsuitable parameter set, exponent or length.

    The text says what would be right.
    """


@frozen
class OtsParameters:
    """An LM-OTS set (RFC 8554 4.1): hash length `n`, chain width `w` in bits, number of chains `p`,
    checksum shift `ls`.
    """

    name: str
    typecode: int
    hash: str
    n: int
    w: int
    p: int
    ls: int

    @property
    def signature_bytes(self) -> int:
        """Length of a one-time signature: type, C and p chain values."""
        return 4 + self.n * (self.p + 1)


@frozen
class TreeParameters:
    """An LMS set. `m` is the node length in bytes, `h` the height (RFC 8554 5.1)."""

    name: str
    typecode: int
    hash: str
    m: int
    h: int

    @property
    def public_key_bytes(self) -> int:
        """Length of a plain public key: two types, I, root. There is no HSS level word."""
        return 8 + IDENTIFIER_BYTES + self.m


_CHAINS = {(32, 1): (265, 7), (32, 2): (133, 6), (32, 4): (67, 4), (32, 8): (34, 0)} | {
    (24, 1): (200, 8),
    (24, 2): (101, 6),
    (24, 4): (51, 4),
    (24, 8): (26, 0),
}
_HASHES = (("sha256", 32), ("sha256", 24), ("shake", 32), ("shake", 24))

# Both registries count the hash in the outer loop and the size in the inner one, from 1 (LM-OTS)
# and from 5 (LMS).
OTS_SETS = tuple(
    OtsParameters(f"{name}_n{n}_w{w}", 1 + 4 * row + column, name, n, w, *_CHAINS[n, w])
    for row, (name, n) in enumerate(_HASHES)
    for column, w in enumerate((1, 2, 4, 8))
)
TREE_SETS = tuple(
    TreeParameters(f"{name}_m{m}_h{h}", 5 + 5 * row + column, name, m, h)
    for row, (name, m) in enumerate(_HASHES)
    for column, h in enumerate((5, 10, 15, 20, 25))
)

_OTS_BY_NAME = {s.name: s for s in OTS_SETS}
_OTS_BY_CODE = {s.typecode: s for s in OTS_SETS}
_TREE_BY_NAME = {s.name: s for s in TREE_SETS}
_TREE_BY_CODE = {s.typecode: s for s in TREE_SETS}
OTS_CODES, TREE_CODES = frozenset(_OTS_BY_CODE), frozenset(_TREE_BY_CODE)


def lmots(name_or_code: str | int) -> OtsParameters:
    """The LM-OTS set of a name such as `sha256_n32_w8` or of a typecode. Raises ParameterError."""
    found = (
        _OTS_BY_NAME.get(name_or_code)
        if isinstance(name_or_code, str)
        else _OTS_BY_CODE.get(name_or_code)
    )
    if found is None:
        raise ParameterError(f"unknown LM-OTS set {name_or_code}; one of {', '.join(_OTS_BY_NAME)}")
    return found


def lms(name_or_code: str | int) -> TreeParameters:
    """The LMS set of a name such as `sha256_m32_h5` or of a typecode. Raises ParameterError."""
    found = (
        _TREE_BY_NAME.get(name_or_code)
        if isinstance(name_or_code, str)
        else _TREE_BY_CODE.get(name_or_code)
    )
    if found is None:
        raise ParameterError(f"unknown LMS set {name_or_code}; one of {', '.join(_TREE_BY_NAME)}")
    return found


def check_pair(tree: TreeParameters, ots: OtsParameters) -> None:
    """SP 800-208 section 4: one hash function and one output length for the whole key.

    Raises ParameterError.
    """
    if (tree.hash, tree.m) != (ots.hash, ots.n):
        raise ParameterError(
            f"{tree.name} and {ots.name} differ in hash or in length; use"
            f" lmotscode={tree.hash}_n{tree.m}_w..."
        )


def signature_bytes(tree: TreeParameters, ots: OtsParameters) -> int:
    """Length of a plain LMS signature: q, the one-time signature, the LMS type and h nodes (RFC
    8554 5.4).
    """
    return 4 + ots.signature_bytes + 4 + tree.h * tree.m
