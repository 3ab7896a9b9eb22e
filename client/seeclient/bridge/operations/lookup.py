"""Which key a question means."""

import contextlib
import hashlib

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
    for key in readable(keys):
        if hash_of(key) == public_hash.lower():
            return key
    raise StatusError(Status.UnknownID, f"there is no key with the hash {public_hash}", WHERE)


def key_with(keys: KeyStore, public_key: bytes) -> KeyFile | None:
    """The first key that has this public key."""
    return next((key for key in readable(keys) if key.public_key == public_key), None)


def readable(keys: KeyStore) -> list[KeyFile]:
    """Those whose files can be read."""
    found = []
    for alias in keys.aliases():
        with contextlib.suppress(StatusError):
            found.append(keys.load(alias))
    return found


def hash_of(key: KeyFile) -> str:
    """SHA-256 of its public key, in hex."""
    return hashlib.sha256(key.public_key).hexdigest()
