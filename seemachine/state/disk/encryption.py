"""Secrets in files, from the standard library alone: encrypted, then authenticated.

The keystream is HMAC-SHA256 (RFC 2104) of a fresh random nonce and a counter, so that SHA-256 is
all that a Python must have. Another HMAC-SHA256 is over everything, also over what stays in clear
beside it. Both keys are derived by HKDF (RFC 5869) for one purpose each. There is no compiled
cipher where this must run. It hides the bytes from whoever has the file without the key, but not
their number, and shows any change. It does not show that a whole file is an old one, and gives
nothing against who reads the key or the process's memory.
"""

import hashlib
import hmac
import os

HASH_BYTES = 32
NONCE_BYTES = 32
TAG_BYTES = 32


class NotAuthentic(ValueError):
    """Not what was encrypted under this key, for this purpose, beside these bytes in clear."""


def hkdf(secret: bytes, info: bytes, length: int = HASH_BYTES, salt: bytes = b"") -> bytes:
    """RFC 5869 with SHA-256: up to 8160 bytes that tell nothing of the secret or of those under
    another `info`.
    """
    if length > 255 * HASH_BYTES:
        raise ValueError(f"HKDF gives up to {255 * HASH_BYTES} bytes, not {length}")
    key = hmac.digest(salt or bytes(HASH_BYTES), secret, "sha256")
    made = block = b""
    for number in range(1, -(-length // HASH_BYTES) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        made += block
    return made[:length]


def pbkdf2(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    """RFC 8018 with HMAC-SHA256: 32 bytes of what a person types, slowly."""
    if hasattr(hashlib, "pbkdf2_hmac"):
        return hashlib.pbkdf2_hmac("sha256", passphrase, salt, rounds)
    return pbkdf2_portable(passphrase, salt, rounds)


def pbkdf2_portable(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    """The same where Python was built without OpenSSL."""
    # What is hashed first in each HMAC is the same in all of them.
    padded = (passphrase if len(passphrase) <= 64 else hashlib.sha256(passphrase).digest()).ljust(
        64, b"\0"
    )
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    block, mixed = salt + (1).to_bytes(4, "big"), 0
    for _ in range(rounds):
        within, around = inner.copy(), outer.copy()
        within.update(block)
        around.update(within.digest())
        block = around.digest()
        mixed ^= int.from_bytes(block, "big")
    return mixed.to_bytes(HASH_BYTES, "big")


def encrypt(key: bytes, purpose: str, clear: bytes, secret: bytes) -> bytes:
    """Nonce, ciphertext of the same length as `secret`, tag.

    `clear` is authenticated and not contained.
    """
    nonce = os.urandom(NONCE_BYTES)
    hidden = nonce + _masked(key, purpose, nonce, secret)
    return hidden + _tag(key, purpose, clear, hidden)


def decrypt(key: bytes, purpose: str, clear: bytes, data: bytes) -> bytes:
    """What was encrypted. Raises NotAuthentic; nothing is decrypted then."""
    hidden, tag = data[:-TAG_BYTES], data[-TAG_BYTES:]
    if len(hidden) < NONCE_BYTES or not hmac.compare_digest(tag, _tag(key, purpose, clear, hidden)):
        raise NotAuthentic
    return _masked(key, purpose, hidden[:NONCE_BYTES], hidden[NONCE_BYTES:])


def _masked(key: bytes, purpose: str, nonce: bytes, data: bytes) -> bytes:
    hidden_by, blocks = hkdf(key, f"encrypt {purpose}".encode()), range(-(-len(data) // HASH_BYTES))
    # Nonce and counter have one length each, so no two blocks are of the same input.
    stream = b"".join(
        hmac.digest(hidden_by, nonce + number.to_bytes(8, "big"), "sha256") for number in blocks
    )[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def _tag(key: bytes, purpose: str, clear: bytes, hidden: bytes) -> bytes:
    # The length first: no byte of one part can be taken for one of the other.
    authenticated = len(clear).to_bytes(8, "big") + clear + hidden
    return hmac.digest(hkdf(key, f"authenticate {purpose}".encode()), authenticated, "sha256")
