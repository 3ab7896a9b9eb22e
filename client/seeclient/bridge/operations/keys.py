"""The keys of this host."""

from seeclient.algorithms import registry
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import blob_of, key_of


def list_(errand: Errand) -> list[Field]:
    """Alias and algorithm of each key, by alias."""
    return [word for row in errand.keys.listing() for word in row]


def key_(errand: Errand, *, alias: str, public_hash: str) -> list[Field]:
    """Alias, algorithm, hash, public key, private blob, parameter sets, name of the card set."""
    key = key_of(errand.keys, alias, public_hash)
    sets = " ".join(map(str, registry.of(key).parameters(key).values()))
    token = getattr(key, "token", "")
    return [
        *(key.alias, key.algorithm, key.public_hash, key.public_key),
        *(blob_of(key), sets, token),
    ]


def remaining_(errand: Errand, *, alias: str) -> list[Field]:
    """Signatures that reachable machines can make now; all ones for a key without a limit."""
    info = errand.fleet.key(alias).info()
    return [getattr(info, "remaining", (1 << 64) - 1)]


def destroy_(errand: Errand, *, alias: str) -> list[Field]:
    """Destroy a key on all machines that can be reached, then here."""
    refused = errand.fleet.key(alias).destroy().refused
    if refused:
        raise next(iter(refused.values()))
    return []
