"""Encryption of what key files hold: AES-256-GCM under keys that HKDF derives."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class WrongKey(ValueError):
    """The key is not the one that it was hidden under."""


def derived(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose."""
    return HKDF(SHA256(), 32, None, purpose.encode()).derive(secret)


def hide(key: bytes, data: bytes) -> bytes:
    """Encrypt."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, None)


def reveal(key: bytes, hidden: bytes) -> bytes:
    """Decrypt. Raises WrongKey."""
    try:
        return AESGCM(key).decrypt(hidden[:NONCE_BYTES], hidden[NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        # ValueError: too short to have a nonce.
        raise WrongKey("wrong passphrase, card or world") from None
