"""ML-DSA public keys as others publish them: SubjectPublicKeyInfo (RFC 9881) and certificates."""

from seemachine.encodings.der import (
    OBJECT_IDENTIFIER,
    SEQUENCE,
    DerError,
    Element,
    only,
    public_key_info,
)
from seemachine.encodings.keyforms import key_info, parts
from seemachine.mldsa.parameters import MLDSA_SETS, MldsaError, of_public_key

# 2.16.840.1.101.3.4.3, under which each set has its arc.
_SIGNATURES = bytes.fromhex("6086480165030403")
_SETS = {_SIGNATURES + bytes([each.arc]): each for each in MLDSA_SETS}


def public_key(data: bytes) -> bytes:
    """The bytes of a public key as they are (FIPS 204 algorithm 22).

    Raises MldsaError, also for text that happens to be as long.
    """
    if data.isascii():
        raise MldsaError("text is not a public key")
    of_public_key(data)
    return data


def written(key: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a key (RFC 9881 4). Raises MldsaError."""
    identifier = _SIGNATURES + bytes([of_public_key(key).arc])
    return public_key_info(identifier, key)


def subject_public_key(data: bytes) -> bytes | None:
    """The key of a SubjectPublicKeyInfo; None for another algorithm.

    Raises DerError, MldsaError.
    """
    return _key_in(only(data))


def certified(data: bytes) -> bytes | None:
    """The key of a certificate; None for another algorithm. Raises DerError, MldsaError."""
    return _key_in(key_info(data))


def _key_in(info: Element) -> bytes | None:
    algorithm, key = parts(info, 2)
    fields = algorithm.expect(SEQUENCE).inner()
    found = _SETS.get(fields[0].expect(OBJECT_IDENTIFIER).content) if fields else None
    if found is None:
        return None
    if len(fields) > 1:
        raise DerError("parameters, where ML-DSA takes none")
    data = key.octets()
    if of_public_key(data) is not found:
        raise MldsaError(f"a key of {found.standard_name} has {found.public_bytes} bytes")
    return data
