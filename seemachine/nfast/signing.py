"""P-521 keys and ECDSA with SHA-512, as the guide's signing keys are (2.5.1 step 3, 2.5.2.3 step
14).
"""

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_public_key,
)

CURVES: dict[str, type[ec.EllipticCurve]] = {
    "nistp256": ec.SECP256R1,
    "nistp384": ec.SECP384R1,
    "nistp521": ec.SECP521R1,
}
ASK_CURVE = "nistp521"

Private = ec.EllipticCurvePrivateKey
Public = ec.EllipticCurvePublicKey


def generate(curve: str = ASK_CURVE) -> Private:
    """A new key."""
    return ec.generate_private_key(CURVES[curve]())


def curve_of(key: Public) -> str:
    """The name of a key's curve, as generatekey takes it."""
    return next(
        (name for name, curve in CURVES.items() if isinstance(key.curve, curve)), key.curve.name
    )


def key_hash(key: Public) -> str:
    """40 hex digits: SHA-1 of the public key.

    The value a real HSM computes is over its own form of the key; this one is ours.
    """
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def sign(key: Private, data: bytes) -> bytes:
    """A signature in DER."""
    return key.sign(data, ec.ECDSA(SHA512()))


def good(key: Public, signature: bytes, data: bytes) -> bool:
    """Whether a signature is this key's."""
    try:
        key.verify(signature, data, ec.ECDSA(SHA512()))
    except InvalidSignature:
        return False
    return True


def public_pem(key: Public) -> str:
    """A public key as text."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_from(pem: str) -> Public:
    """A public key from text. Raises ValueError."""
    try:
        key = load_pem_public_key(pem.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, Public):
        raise ValueError("not a key of an elliptic curve")
    return key


def private_bytes(key: Private) -> bytes:
    """A private key in DER, to be hidden."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def private_from(der: bytes) -> Private:
    """A private key from DER. Raises ValueError."""
    key = load_der_private_key(der, None)
    if not isinstance(key, Private):
        raise ValueError("not a key of an elliptic curve")
    return key
