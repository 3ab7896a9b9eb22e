"""What the machines of a fleet have in quarantine."""

from seeclient import dispatch
from seeclient.effects import Peer, Roster, Story, ask

from seemachine.wire.messages import MAX_SUSPECTS, ListQuarantine, Suspect
from seemachine.wire.names import printed_name
from seemachine.wire.status import StatusError

# An NVRAM holds 4,096 files, and nobody leaves that many half-made keys behind.
MOST_SUSPECTS = 1 << 16


def suspects(roster: Roster) -> Story[list[tuple[str, Suspect]]]:
    """Everything in quarantine, with the machine that has it."""
    found = []
    for peer in roster.peers:
        found += [(peer.esn, suspect) for suspect in (yield from suspects_of(peer))]
    return found


def suspects_told(roster: Roster) -> Story[list[tuple[str, Suspect]]]:
    """The same of those that tell.

    One that breaks off, or lies, hides no other: it goes from the machines to the failures.
    """
    found = []
    for peer in list(roster.peers):
        try:
            found += [(peer.esn, suspect) for suspect in (yield from suspects_of(peer))]
        except StatusError as failure:
            roster.peers.remove(peer)
            roster.failures.append(failure)
    return found


def suspects_of(peer: Peer) -> Story[list[Suspect]]:
    """What one machine has in quarantine. Raises StatusError."""
    found: list[Suspect] = []
    while len(found) < MOST_SUSPECTS:
        listing = yield from ask(peer, ListQuarantine(after=len(found)))
        found += listing.suspects
        if len(listing.suspects) < MAX_SUSPECTS:
            return found
    raise dispatch.impossible(
        peer, f"tells of {len(found)} things in quarantine, and of no end", ListQuarantine.NAME
    )


def name_of(suspect: Suspect) -> str:
    """As it is printed, and typed."""
    return printed_name(suspect.file) if suspect.file else suspect.label
