"""Machines and their cards."""

import seeclient
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field


def version_(errand: Errand) -> list[Field]:
    """Of this client, then `ESN: version` of each machine that answers."""
    machines = (f"{peer.esn}: {peer.greeting.version}" for peer in errand.fleet.peers)
    return [seeclient.__version__, *machines]


def provision_(errand: Errand, *, esn: str, slot: int) -> list[Field]:
    """Move a lease from the card in a slot into its machine."""
    errand.fleet.provision(esn.upper(), slot)
    return []


def login_(errand: Errand, *, passphrase: str) -> list[Field]:
    """Check a passphrase against the card sets that keys of this host need.

    No LMS key needs one (guide 2.7.1): then any is right.
    """
    del errand, passphrase
    return []
