"""Keys that Caliptra takes: LMS of one pair of parameter sets, and ML-DSA-87.

Sizes and orders of bytes are those of caliptra-sw (rom/dev/README.md).
"""

import hashlib

from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.requests import Target
from seemachine.encodings import writers
from seemachine.frozen import frozen
from seemachine.lms.hss import HssPublicKey
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError
from seemachine.mldsa.parameters import MldsaError, of_public_key

LMS, LMOTS = writers.CALIPTRA_SETS
MLDSA = "mldsa87"
ALGORITHMS = {"LMS": "LMS", "ML-DSA": "ML-DSA-87"}
MAKE = f"pipsqueak generate alias=ALIAS algorithm=lms lmscode={LMS} lmotscode={LMOTS}"
MAKE_MLDSA = f"pipsqueak generate alias=ALIAS algorithm=mldsa mldsacode={MLDSA}"
WORD = 4


@frozen
class CaliptraKey:
    """A public key as Caliptra keeps it: `data` is the plain LMS key, 48 bytes (RFC 8554 5.3), or
    that of ML-DSA-87, 2592 bytes (FIPS 204 algorithm 22).
    """

    algorithm: str
    data: bytes

    @property
    def lms(self) -> PublicKey | None:
        """The key, where it is one of LMS."""
        return PublicKey.decode(self.data) if self.algorithm == ALGORITHMS["LMS"] else None

    @property
    def pem(self) -> str:
        """The PEM that Caliptra's tools read. That of LMS has the 48 bytes where RFC 9802 has an
        HSS key, so others refuse it.
        """
        if self.lms is None:
            return writers.pem(self.data).decode()
        return writers.caliptra(HssPublicKey(1, self.lms)).decode()

    @property
    def sha384(self) -> bytes:
        """The hash of `data`, in the order that every tool prints."""
        return hashlib.sha384(self.data).digest()

    @property
    def descriptor_hash(self) -> bytes:
        """The same as a key descriptor of an image has it."""
        return reversed_words(self.sha384)

    def message_of(self, target: Target) -> bytes:
        """What is signed for a target: with LMS the 48 bytes of the digest, with ML-DSA-87 the
        payload.
        """
        return target.payload if self.lms is None else target.digest


def of_key(key: HssPublicKey | bytes) -> CaliptraKey:
    """The key for Caliptra. Raises CaliptraError for one of other sets, which says what to make."""
    if isinstance(key, bytes):
        return _mldsa(key)
    sets = f"{key.key.tree.name} {key.key.ots.name}"
    if key.levels != 1:
        raise CaliptraError(f"it is an HSS key of {key.levels} levels, and Caliptra takes one")
    if sets != f"{LMS} {LMOTS}":
        raise CaliptraError(
            f"it is {sets}, and of LMS Caliptra takes {LMS} {LMOTS} alone; make one with: {MAKE}"
        )
    return CaliptraKey(ALGORITHMS["LMS"], key.key.encode())


def of_bytes(algorithm: str, data: bytes) -> CaliptraKey:
    """The same of the bytes of a key of a machine. `algorithm` is LMS or ML-DSA."""
    try:
        return of_key(HssPublicKey(1, PublicKey.decode(data)) if algorithm == "LMS" else data)
    except (ParameterError, MldsaError) as error:
        raise CaliptraError(str(error)) from None


def reversed_words(data: bytes) -> bytes:
    """Each four bytes reversed: how hashes lie in key descriptors, and in an image's other fields
    that hardware reads as words.
    """
    return b"".join(data[at : at + WORD][::-1] for at in range(0, len(data), WORD))


def _mldsa(data: bytes) -> CaliptraKey:
    parameters = of_public_key(data)
    if parameters.name != MLDSA:
        raise CaliptraError(
            f"it is {parameters.standard_name}, and of ML-DSA Caliptra takes ML-DSA-87 alone; make"
            f" one with: {MAKE_MLDSA}"
        )
    return CaliptraKey(ALGORITHMS["ML-DSA"], data)
