"""Machines and their cards."""

import seeclient
from seeclient import dispatch, tokens
from seeclient.bridge.errand import Errand
from seeclient.bridge.frames import Field
from seeclient.bridge.operations.lookup import cardset_of, readable
from seemachine.wire.status import StatusError


def version_(errand: Errand) -> list[Field]:
    """Of this client, then `ESN: version` of each machine that answers."""
    machines = (f"{peer.esn}: {peer.greeting.version}" for peer in errand.fleet.peers)
    return [seeclient.__version__, *machines]


def provision_(errand: Errand, *, esn: str, slot: int) -> list[Field]:
    """Move a lease from the card in a slot into its machine."""
    errand.fleet.provision(esn.upper(), slot)
    return []


def login_(errand: Errand, *, passphrase: str) -> list[Field]:
    """Check a passphrase against each card set that keys of this host need, on the first machine
    that has its cards. Where none is needed, any is right.
    """
    try:
        for cardset in {cardset_of(key) for key in readable(errand.keys)} - {b""}:
            _check(errand, cardset, passphrase)
    finally:
        # A machine holds what it loaded as long as the connection lasts, and so many sets at most.
        errand.close()
    return []


def _check(errand: Errand, cardset: bytes, passphrase: str) -> None:
    fleet, reasons = errand.fleet, []
    for peer in fleet.peers:
        try:
            fleet.run(tokens.load(peer, cardset, (passphrase,)))
        except StatusError as refused:
            reasons.append(refused)
        else:
            return
    raise tokens.most_telling(reasons or [dispatch.nobody(fleet.roster)])
