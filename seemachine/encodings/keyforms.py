"""Public keys as others publish them: SubjectPublicKeyInfo and certificates.

RFC 9802 and RFC 9708 put the HSS key itself into the bit string, RFC 8708 an OCTET STRING around
it, Caliptra a plain LMS key without the number of levels.
"""

from seemachine.encodings.der import (
    BIT_STRING,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DerError,
    Element,
    only,
    public_key_info,
)
from seemachine.frozen import frozen
from seemachine.lms.hss import HssPublicKey, HssSignature
from seemachine.lms.keys import PublicKey
from seemachine.lms.parameters import ParameterError

# id-alg-hss-lms-hashsig, 1.2.840.113549.1.9.16.3.17.
HSS_LMS = bytes.fromhex("2a864886f70d0109100311")
_EXPLICIT_VERSION = 0xA0


@frozen
class Certificate:
    """What an X.509 certificate has of ours: its key, and its issuer's signature over `signed`."""

    key: HssPublicKey | None
    signature: HssSignature | None
    signed: bytes


def public_key(data: bytes) -> HssPublicKey:
    """An HSS key, or a plain LMS key, which is one of one level. Raises ParameterError."""
    try:
        return HssPublicKey.decode(data)
    except ParameterError:
        return HssPublicKey(1, PublicKey.decode(data))


def subject_public_key(data: bytes) -> HssPublicKey | None:
    """The key of a SubjectPublicKeyInfo; None for another algorithm.

    Raises DerError, ParameterError.
    """
    return _key_in(only(data))


def written(key: HssPublicKey) -> bytes:
    """The SubjectPublicKeyInfo of a key (RFC 9802 5.1, RFC 9708 4)."""
    return public_key_info(HSS_LMS, key.encode())


def certificate(data: bytes) -> Certificate:
    """A certificate (RFC 5280 4.1). Raises DerError, ParameterError for a damaged one of ours."""
    signed, algorithm, signature = parts(only(data), 3)
    info = key_info(data)
    made = HssSignature.decode(signature.octets()) if _is_ours(algorithm) else None
    return Certificate(_key_in(info), made, signed.encoded)


def key_info(data: bytes) -> Element:
    """The SubjectPublicKeyInfo of a certificate. Raises DerError."""
    signed, algorithm, _ = parts(only(data), 3)
    fields = signed.expect(SEQUENCE).inner()
    # The version is left out of certificates of version 1.
    place = 6 if fields and fields[0].tag == _EXPLICIT_VERSION else 5
    if len(fields) <= place:
        raise DerError("a certificate without a public key")
    # It stands inside and outside of what is signed (RFC 5280 4.1.1.2).
    if fields[place - 4].encoded != algorithm.encoded:
        raise DerError("two algorithms of one signature")
    return fields[place]


def _key_in(info: Element) -> HssPublicKey | None:
    algorithm, key = parts(info, 2)
    if key.tag != BIT_STRING:
        raise DerError("no bit string where the key is expected")
    if not _is_ours(algorithm):
        return None
    data = key.octets()
    try:
        return public_key(data)
    except ParameterError:
        if data[:1] != bytes([OCTET_STRING]):
            raise
        return public_key(only(data).content)


def _is_ours(algorithm: Element) -> bool:
    """Whether an AlgorithmIdentifier is that of HSS, which takes no parameters."""
    fields = algorithm.expect(SEQUENCE).inner()
    if not fields or fields[0].expect(OBJECT_IDENTIFIER).content != HSS_LMS:
        return False
    if len(fields) > 1:
        raise DerError("parameters, where HSS takes none")
    return True


def parts(sequence: Element, count: int) -> list[Element]:
    """The elements of a sequence that has so many. Raises DerError."""
    found = sequence.expect(SEQUENCE).inner()
    if len(found) != count:
        raise DerError(f"{len(found)} elements, where {count} are expected")
    return found
