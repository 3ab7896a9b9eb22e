"""Which key a question means."""

import contextlib
from collections.abc import Iterator

from seeclient.keyfile import KeyFile
from seeclient.keys import KeyStore
from seemachine.wire.status import Status, StatusError

WHERE = "bridge"


def key_of(keys: KeyStore, alias: str, public_hash: str) -> KeyFile:
    """The key of an alias; without one, that of the hash of its public key, in hex.

    Raises StatusError.
    """
    if alias:
        return keys.load(alias)
    if not public_hash:
        raise StatusError(Status.InvalidParameter, "neither alias nor hash is given", WHERE)
    return keys.with_hash(public_hash.lower())


def blob_of(key: KeyFile) -> bytes:
    """What stands for the private key outside of the machines, and `sign_immediate` takes: of
    ML-DSA the encrypted key. Of LMS it is the public key, for its secret never leaves them.
    """
    blob: bytes = getattr(key, "blob", key.public_key)
    return blob


def needs_cards(key: KeyFile) -> bool:
    """Whether a card set protects it; no LMS key has one (guide 2.7.1)."""
    return bool(cardset_of(key))


def cardset_of(key: KeyFile) -> bytes:
    """The hash of the card set that protects a key; empty where the module alone does."""
    return bytes.fromhex(getattr(key, "cardset", ""))


def lms_key_with(keys: KeyStore, public_key: bytes) -> KeyFile | None:
    """The first LMS key that has this public key: that of another algorithm is longer."""
    return next((key for key in readable(keys) if key.name and key.public_key == public_key), None)


def readable(keys: KeyStore) -> Iterator[KeyFile]:
    """Those whose files can be read."""
    for alias in keys.aliases():
        with contextlib.suppress(StatusError):
            yield keys.load(alias)
