"""The share of a secret on a card of a set, encrypted under the passphrase of the card.

By the standard library alone, so that a machine reads the cards in its slots wherever it runs. The
key is derived by PBKDF2 (RFC 8018), and everything else that stands on the card is authenticated.
Cards that were written in another way before are known by the length of their share
(`older_shares`).
"""

import os

import msgpack

from seemachine.state.cards import older_shares, secret_sharing
from seemachine.state.cards.cardsets import SetCard
from seemachine.state.disk.encryption import (
    NONCE_BYTES,
    TAG_BYTES,
    NotAuthentic,
    decrypt,
    encrypt,
    hkdf,
    pbkdf2,
)
from seemachine.state.errors import StateCorrupt
from seemachine.wire.names import CARDSET_BYTES

PURPOSE = "card share"
ROUNDS = 100_000
SALT_BYTES = 16
HIDDEN_BYTES = NONCE_BYTES + secret_sharing.SECRET_BYTES + TAG_BYTES


class WrongPassphrase(ValueError):
    """It is not the one of the card."""


def set_hash(secret: bytes) -> str:
    """What names a card set: a hash of its secret, in hexadecimal."""
    return hkdf(secret, b"card set")[:CARDSET_BYTES].hex()


def with_share(card: SetCard, passphrase: bytes, share: bytes) -> SetCard:
    """A card that has no share yet, with this one."""
    salt = os.urandom(SALT_BYTES)
    key = pbkdf2(passphrase, salt, ROUNDS)
    return card.holding(salt, encrypt(key, PURPOSE, _clear(card), share))


def open_share(card: SetCard, passphrase: bytes) -> bytes:
    """The share on a card. Raises WrongPassphrase, also for a card that was changed; CardError for
    an older one where that can't be read; StateCorrupt for one that nobody of ours wrote.
    """
    if len(card.share) == older_shares.HIDDEN_BYTES:
        share = older_shares.open_share(card, passphrase)
    else:
        share = _open(card, passphrase)
    if share is None:
        raise WrongPassphrase(f"wrong passphrase for {card.label}")
    if len(share) != secret_sharing.SECRET_BYTES:
        raise StateCorrupt(f"{card.label} has no share of a secret; take another card of the set")
    return share


def joined(shares: dict[int, bytes], wanted: str, name: str) -> bytes:
    """The secret of the set with the hash `wanted`, by a quorum of its shares.

    Raises StateCorrupt.
    """
    secret = secret_sharing.join(shares)
    if set_hash(secret) != wanted:
        raise StateCorrupt(f"the cards of `{name}' do not fit together; one of them is damaged")
    return secret


def _open(card: SetCard, passphrase: bytes) -> bytes | None:
    key = pbkdf2(passphrase, card.salt, ROUNDS)
    try:
        return decrypt(key, PURPOSE, _clear(card), card.share)
    except NotAuthentic:
        return None


def _clear(card: SetCard) -> bytes:
    """What a share is bound to."""
    packed: bytes = msgpack.packb([card.name, card.kind, card.set_hash, card.number, card.quorum])
    return packed
