"""A module that failed on demand: a clear ends that, and its SEE machine runs on."""

import os
from dataclasses import replace

from seeclient import blocking, discovery, environment
from seeclient.effects import Peer, Roster, Story, ask

from seemachine.nfast.refusals import Refusal
from seemachine.wire.messages import MAX_FAULTS, ClearFaults, InjectedFault, ListFaults
from seemachine.wire.status import StatusError
from seemachine.world import World

KIND = "module-failed"
# A machine has few hundreds.
MOST_FAULTS = 1 << 12


def cleared(world: World, esn: str) -> bool:
    """Whether a machine had failed on demand; now it serves again.

    Raises Refusal where it may not be asked.
    """
    address = discovery.published_address(world, esn)
    ambient = environment.from_process(os.environ, world)
    with blocking.connected(replace(ambient, fleet=[address] if address else [])) as fleet:
        try:
            return bool(fleet.run(_clear(fleet.roster)))
        except StatusError as refused:
            raise Refusal(refused.detail) from None


def _clear(roster: Roster) -> Story[int]:
    """How many faults there were that let a machine fail."""
    count = 0
    for peer in roster.peers:
        for fault in (yield from _failing(peer)):
            yield from ask(peer, ClearFaults(number=fault.number))
            count += 1
    return count


def _failing(peer: Peer) -> Story[list[InjectedFault]]:
    found: list[InjectedFault] = []
    while peer.greeting.faults and len(found) < MOST_FAULTS:
        listing = yield from ask(peer, ListFaults(after=len(found)))
        found += listing.faults
        if len(listing.faults) < MAX_FAULTS:
            break
    return [each for each in found if not each.spent and each.fault.split()[0] == KIND]
