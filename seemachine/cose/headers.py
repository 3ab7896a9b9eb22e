"""What a message says of itself, and what of that is signed (RFC 9052 3.1, 4.4)."""

from typing import Any

from seemachine.cose.errors import CoseError
from seemachine.encodings import cbor
from seemachine.encodings.cbor import CborError
from seemachine.lms.hss import HssPublicKey
from seemachine.mldsa.parameters import of_public_key

# Of ML-DSA its bytes (FIPS 204 algorithm 22).
Key = HssPublicKey | bytes
Headers = dict[Any, Any]

ALGORITHM, CRITICAL, CONTENT_TYPE, KEY_ID = 1, 2, 3, 4
HSS_LMS = -46
MLDSA = {44: -48, 65: -49, 87: -50}
CONTEXT = "Signature1"


def algorithm_of(key: Key) -> int:
    """The number of what signs with a key."""
    return MLDSA[of_public_key(key).number] if isinstance(key, bytes) else HSS_LMS


def protected_of(headers: Headers) -> bytes:
    """As they are signed: not a byte where there is no header."""
    return cbor.encoded(headers) if headers else b""


def read_protected(data: bytes) -> Headers:
    """Raises CoseError."""
    try:
        found = cbor.decoded(data) if data else {}
    except CborError as error:
        raise CoseError(f"its protected headers can't be read: {error}") from None
    if not isinstance(found, dict):
        raise CoseError("its protected headers are not a map")
    return found


def to_be_signed(protected: bytes, external: bytes, payload: bytes) -> bytes:
    """The Sig_structure; `external` is data that both sides know and the message has not."""
    return cbor.encoded([CONTEXT, protected, external, payload])
