"""Shares on cards of the first days: AES-256-GCM under a key that scrypt derives.

No Python has the one and not every Python has the other, so these cards, and nothing else that a
machine reads, need `cryptography`.
"""

import hashlib

from seemachine.state.cards.cardsets import SetCard
from seemachine.state.cards.secret_sharing import SECRET_BYTES
from seemachine.state.errors import CardError

NONCE_BYTES = 12
HIDDEN_BYTES = NONCE_BYTES + SECRET_BYTES + 16


def open_share(card: SetCard, passphrase: bytes) -> bytes | None:
    """The share on a card; None by another passphrase. Raises CardError where it can't be read."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        scrypt = hashlib.scrypt
    except (ImportError, AttributeError):
        raise CardError(
            f"{card.label} was written by an older seemachine, and this Python lacks what reads it;"
            " install the package cryptography, or make another card set"
        ) from None
    key = scrypt(passphrase, salt=card.salt, n=1 << 12, r=8, p=1, dklen=32)
    try:
        return AESGCM(key).decrypt(card.share[:NONCE_BYTES], card.share[NONCE_BYTES:], None)
    except InvalidTag:
        return None
