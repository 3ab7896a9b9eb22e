"""Which identifiers and hashes go with a key: RFC 9708 4 and 5, RFC 9882 3.3."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from pyasn1_modules import rfc5652

from seemachine.cms.errors import CmsError
from seemachine.lms.hss import HssPublicKey
from seemachine.mldsa.parameters import MLDSA_SETS, of_public_key

# Of ML-DSA its bytes (FIPS 204 algorithm 22).
Key = HssPublicKey | bytes

HSS_LMS = "1.2.840.113549.1.9.16.3.17"
MLDSA = {each: f"2.16.840.1.101.3.4.3.{each.arc}" for each in MLDSA_SETS}
SHA256, SHA384, SHA512, SHAKE256 = "sha256", "sha384", "sha512", "shake256"
_NIST_HASHES = "2.16.840.1.101.3.4.2."
HASHES = {
    SHA256: _NIST_HASHES + "1",
    SHA384: _NIST_HASHES + "2",
    SHA512: _NIST_HASHES + "3",
    # With 64 bytes of output (RFC 8702 2).
    SHAKE256: _NIST_HASHES + "12",
}
_NAMES = {identifier: name for name, identifier in HASHES.items()}
SHAKE_BYTES = 64
TITLES = {SHA256: "SHA-256", SHA384: "SHA-384", SHA512: "SHA-512", SHAKE256: "SHAKE256"}


def signature_identifier(key: Key) -> str:
    """The object identifier of what signs with a key."""
    return MLDSA[of_public_key(key)] if isinstance(key, bytes) else HSS_LMS


def hash_of(key: Key) -> str:
    """The hash that goes with a key: of HSS/LMS that of its tree, of ML-DSA SHA-512."""
    if isinstance(key, bytes):
        return SHA512
    return SHA256 if key.key.tree.hash == "sha256" else SHAKE256


def hash_named(identifier: str) -> str:
    """The hash of an object identifier. Raises CmsError for one that is not taken."""
    if identifier not in _NAMES:
        known = ", ".join(HASHES)
        raise CmsError(f"its hash {identifier} is not one of {known}")
    return _NAMES[identifier]


def digest(name: str, pieces: Iterable[bytes]) -> bytes:
    """The digest of a content that comes in pieces."""
    hashed = hashlib.new("shake_256" if name == SHAKE256 else name)
    for piece in pieces:
        hashed.update(piece)
    finish: Callable[..., bytes] = hashed.digest
    return finish(SHAKE_BYTES) if name == SHAKE256 else finish()


def hash_algorithm(name: str) -> Any:
    """Its AlgorithmIdentifier, without parameters (RFC 5754 2, RFC 8702 3.1)."""
    return _algorithm(rfc5652.DigestAlgorithmIdentifier(), HASHES[name])


def signature_algorithm(key: Key) -> Any:
    """Its AlgorithmIdentifier, without parameters."""
    return _algorithm(rfc5652.SignatureAlgorithmIdentifier(), signature_identifier(key))


def _algorithm(made: Any, identifier: str) -> Any:
    made["algorithm"] = identifier
    return made
