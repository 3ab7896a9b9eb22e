"""The parameter sets of FIPS 204, section 4, by name, and the lengths of what they have."""

from seemachine.frozen import frozen

SEED_BYTES = 32
REPRESENTATIVE_BYTES = 64
RANDOMIZER_BYTES = 32
MAX_CONTEXT = 255


class MldsaError(ValueError):
    """An unknown parameter set, or a key, seed or context that does not fit it.

    The text says what would be right.
    """


@frozen
class MldsaParameters:
    """One set (FIPS 204 table 1 and 2). Lengths in bytes; `number` is in its name, and last in its
    object identifier is `arc` (RFC 9881 2).
    """

    number: int
    public_bytes: int
    private_bytes: int
    signature_bytes: int
    arc: int

    @property
    def name(self) -> str:
        """`mldsa87`, as command lines and key files have it."""
        return f"mldsa{self.number}"

    @property
    def standard_name(self) -> str:
        """`ML-DSA-87`, as FIPS 204 has it."""
        return f"ML-DSA-{self.number}"


MLDSA_SETS = (
    MldsaParameters(44, 1312, 2560, 2420, 17),
    MldsaParameters(65, 1952, 4032, 3309, 18),
    MldsaParameters(87, 2592, 4896, 4627, 19),
)
# CNSA 2.0 takes no other.
DEFAULT = MLDSA_SETS[-1]
_BY_NAME = {each.name: each for each in MLDSA_SETS}
_BY_NUMBER = {each.number: each for each in MLDSA_SETS}
_BY_PUBLIC_BYTES = {each.public_bytes: each for each in MLDSA_SETS}


def mldsa(name_or_number: str | int) -> MldsaParameters:
    """The set of a name such as `mldsa87` or of a number such as 87. Raises MldsaError."""
    found = (
        _BY_NAME.get(name_or_number)
        if isinstance(name_or_number, str)
        else _BY_NUMBER.get(name_or_number)
    )
    if found is None:
        raise MldsaError(f"unknown ML-DSA set {name_or_number}; one of {', '.join(_BY_NAME)}")
    return found


def of_public_key(public_key: bytes) -> MldsaParameters:
    """The set of a public key, which its length tells. Raises MldsaError."""
    found = _BY_PUBLIC_BYTES.get(len(public_key))
    if found is None:
        lengths = ", ".join(map(str, _BY_PUBLIC_BYTES))
        raise MldsaError(
            f"a public key of ML-DSA has {lengths} bytes, by its set, not {len(public_key)}"
        )
    return found
