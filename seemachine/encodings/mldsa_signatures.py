"""Which bytes are a signature of ML-DSA: its length and its hint tell (FIPS 204 algorithms 21 and
26).
"""

from itertools import pairwise

from seemachine.mldsa.parameters import MLDSA_SETS, MldsaParameters

# omega and k of each set (FIPS 204 table 1): the most ones of a hint, and its polynomials.
_HINTS = {44: (80, 4), 65: (55, 6), 87: (75, 8)}
_BY_LENGTH = {each.signature_bytes: each for each in MLDSA_SETS}


def set_of_signature(data: bytes) -> MldsaParameters | None:
    """The set whose signatures look so; None where no verifier would look at it further."""
    found = _BY_LENGTH.get(len(data))
    return found if found is not None and _has_hint(data, *_HINTS[found.number]) else None


def _has_hint(data: bytes, omega: int, k: int) -> bool:
    """Whether the end of a signature is a hint: the places of ones of each polynomial, rising, then
    zeros; and where those of each polynomial end.
    """
    hint, ends = data[-omega - k : -k], data[-k:]
    start = 0
    for end in ends:
        places = hint[start:end]
        if not start <= end <= omega or any(a >= b for a, b in pairwise(places)):
            return False
        start = end
    return not any(hint[start:])
