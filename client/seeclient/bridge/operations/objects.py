"""Keys as PKCS #11 has them."""

from seeclient.bridge import identifiers
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import key_of, needs_cards, readable
from seeclient.keyfile import KeyFile


def object_(errand: Errand, *, alias: str) -> list[Field]:
    """Alias, algorithm, hash, public key, 1 if a card set protects it, identifier or nothing."""
    return _object(errand, key_of(errand.keys, alias, ""))


def objects_(errand: Errand) -> list[Field]:
    """The same of each key whose file can be read, one after the other."""
    return [field for key in readable(errand.keys) for field in _object(errand, key)]


def identify_(errand: Errand, *, alias: str, identifier: bytes) -> list[Field]:
    """Keep an identifier of a key."""
    identifiers.write(errand.keys, key_of(errand.keys, alias, ""), identifier)
    return []


def _object(errand: Errand, key: KeyFile) -> list[Field]:
    return [
        *(key.alias, key.algorithm, key.public_hash, key.public_key),
        *(int(needs_cards(key)), identifiers.read(errand.keys, key)),
    ]
