"""What libacorn alone asks."""

from seeclient import dispatch
from seeclient.algorithms import registry
from seeclient.algorithms.lms.inspecting import LmsInfo
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import key_of
from seeclient.keyfile import hash_of
from seemachine.wire.names import SDK_VERSION
from seemachine.wire.status import Status, StatusError


def client_version_(errand: Errand) -> list[Field]:
    """Of the PQSDK that this client stands in for; no machine is asked."""
    del errand
    return [SDK_VERSION]


def machine_version_(errand: Errand) -> list[Field]:
    """Of the SEE machine on the first HSM that answers."""
    roster = errand.fleet.roster
    if not roster.peers:
        raise dispatch.nobody(roster)
    return [roster.peers[0].greeting.version]


def public_hash_(errand: Errand, *, public_key: bytes) -> list[Field]:
    """The hash that `key` gives for a key with this public key."""
    del errand
    return [hash_of(public_key)]


def info_lms_(errand: Errand, *, alias: str, public_hash: str) -> list[Field]:
    """Parameter sets, and the signatures that reachable machines can make now."""
    key = key_of(errand.keys, alias, public_hash)
    info = errand.fleet.key(key.alias).info()
    if not isinstance(info, LmsInfo):
        detail = f"{key.alias} is a key of {key.algorithm}, which has no leaves"
        raise StatusError(Status.InvalidParameter, detail, "infoLMS")
    return [" ".join(map(str, registry.of(key).parameters(key).values())), info.remaining]
