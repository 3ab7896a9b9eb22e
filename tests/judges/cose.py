"""COSE before judges: `cwt` takes messages apart and says what is signed, and pyhsslms or
`cryptography`, which know the algorithms that it does not, say whether that is what was signed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa
from cwt import COSE
from cwt.const import COSE_ALGORITHMS_SIGNATURE
from cwt.cose_key_interface import COSEKeyInterface
from cwt.exceptions import DecodeError, VerifyError
from pyhsslms import pyhsslms

__all__ = ["COSE_ALGORITHMS_SIGNATURE", "REFUSALS", "JudgedKey", "made", "opened"]
# What cwt raises, and `cryptography`.
REFUSALS = (VerifyError, DecodeError, InvalidSignature, ValueError)
# Of a COSE_Key: its type, what it is called, its algorithm, and the public key.
KTY, KID, ALG, PUB = 1, 2, 3, -1
HSS_LMS, AKP = 5, 7
MLDSA = {
    -48: mldsa.MLDSA44PublicKey,
    -49: mldsa.MLDSA65PublicKey,
    -50: mldsa.MLDSA87PublicKey,
}
# A type that cwt knows; it does not look at it again.
ANY_TYPE = 1
Headers = Mapping[Any, Any]


class JudgedKey(COSEKeyInterface):
    """A COSE_Key of an algorithm that cwt has not; `private` signs."""

    def __init__(self, fields: Headers, private: Callable[[bytes], bytes] | None = None) -> None:
        named = {KID: fields[KID]} if KID in fields else {}
        super().__init__({KTY: ANY_TYPE, ALG: fields[ALG], **named})
        self._fields, self._private = fields, private

    def verify(self, msg: bytes, sig: bytes) -> None:
        """Raises what says that it is not good."""
        public, algorithm = self._fields[PUB], self._fields[ALG]
        if self._fields[KTY] == HSS_LMS:
            if not pyhsslms.HssPublicKey.deserialize(public).verify(msg, sig):
                raise VerifyError("not verified")
            return
        MLDSA[algorithm].from_public_bytes(public).verify(sig, msg)

    def sign(self, msg: bytes) -> bytes:
        """The signature of the private key."""
        assert self._private is not None
        return self._private(msg)


def opened(
    message: bytes, key: Headers, payload: bytes | None = None, external: bytes = b""
) -> tuple[Headers, Headers, bytes]:
    """Signed headers, others and payload of a message that is good. Raises one of REFUSALS where it
    is not.
    """
    found = COSE.new().decode_with_headers(
        message, JudgedKey(key), detached_payload=payload, external_aad=external
    )
    return found[0], found[1], found[2]


def made(payload: bytes, key: Headers, private: Callable[[bytes], bytes], **words: Any) -> bytes:
    """A message of theirs."""
    headers = {1: key[ALG], **words.pop("headers", {})}
    signer = JudgedKey(key, private)
    given: bytes = COSE.new().encode_and_sign(payload, signer, protected=headers, **words)
    return given
