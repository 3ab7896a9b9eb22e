"""Which machines an operation goes to."""

from collections.abc import Sequence

from seeclient.effects import Peer, Roster, Story, ask, ask_all
from seeclient.refusals import Unreachable
from seemachine.wire.messages import GetNvmemfileInfo, ListSlots, NvmemfileInfo, SlotListing
from seemachine.wire.names import CARDSET, FIRST_DYNAMIC_SLOT, SLOTS, printed_name
from seemachine.wire.status import Status, StatusError

NVMEMFILE = "dispatch_see_nvmemfile"
ANSWER = "dispatch_see_answer"
WHERE_ESN = "dispatch_see_esn"
START = "start some with: seemachine fleet up"
CHECK = "see why with: seemachine fleet check"


def machine(roster: Roster, esn: str) -> Peer:
    """The machine of an ESN. Raises StatusError (UnknownID)."""
    for peer in roster.peers:
        if peer.esn == esn:
            return peer
    known = ", ".join(peer.esn for peer in roster.peers) or "none"
    raise StatusError(
        Status.UnknownID, f"no HSM {esn} is reachable; reachable are: {known}", WHERE_ESN
    )


def for_generation(
    roster: Roster, esn: str, *, cards: bool, slot: int | None
) -> Story[tuple[Peer, SlotListing | None]]:
    """The machine to make a key on: the one named, else the first with a blank card where one is
    needed, else the first.

    With it, where a blank card is to come, the cards that are there; None where all that is needed
    is there.
    """
    if not roster.peers and not esn:
        raise nobody(roster)
    peers = [machine(roster, esn)] if esn else roster.peers
    if not cards:
        return peers[0], None
    listings = yield from ask_all(peers, ListSlots())
    for peer, listing in zip(peers, listings, strict=True):
        if isinstance(listing, SlotListing) and blank_slot(listing, slot) is not None:
            return peer, None
    first = listings[0]
    return peers[0], first if isinstance(first, SlotListing) else SlotListing(slots=[])


def blank_slot(listing: SlotListing, wanted: int | None) -> int | None:
    """The first slot with a blank card, or the wanted one if it has one."""
    slots = (
        found.slot
        for found in listing.slots
        if found.kind == "blank" and wanted in (None, found.slot)
    )
    return next(slots, None)


def free_slot(listing: SlotListing, wanted: int | None) -> int | None:
    """The first slot that a card can be put into, those of card readers before the others, or the
    wanted one if it is empty.
    """
    taken = {found.slot for found in listing.slots}
    return next((slot for slot in _considered(wanted) if slot not in taken), None)


def slot_to_fill(listing: SlotListing, wanted: int | None) -> int:
    """The slot at which a blank card is asked for: the wanted one, else the first whose card, if
    any, may go. An operator puts the blank card in its place.
    """
    kept = {found.slot for found in listing.slots if found.kind == CARDSET}
    slots = _considered(wanted)
    return next((slot for slot in slots if slot not in kept), slots[0])


def _considered(wanted: int | None) -> Sequence[int]:
    if wanted is not None:
        return (wanted,)
    return (*SLOTS[FIRST_DYNAMIC_SLOT:], *SLOTS[:FIRST_DYNAMIC_SLOT])


def holders(roster: Roster, name: bytes) -> Story[list[tuple[Peer, NvmemfileInfo]]]:
    """The machines that hold an NVRAM file now, with what they say of it."""
    replies = yield from ask_all(roster.peers, GetNvmemfileInfo(file=name))
    found = [
        (peer, reply)
        for peer, reply in zip(roster.peers, replies, strict=True)
        if isinstance(reply, NvmemfileInfo)
    ]
    lost = [
        reply
        for reply in replies
        # Who has no such file says NotAvailable.
        if isinstance(reply, StatusError) and reply.status is not Status.NotAvailable
    ]
    if lost and not found:
        raise lost[0]  # it may be the one that has the file
    return found


def in_quarantine(peer: Peer, info: NvmemfileInfo) -> StatusError:
    """The refusal when the only machine with the file does not trust it."""
    what = f"NVRAM file {printed_name(info.file)} of {peer.esn} is in quarantine"
    return StatusError(
        Status.AccessDenied, f"{what}; see: seemachine quarantine explain", NVMEMFILE
    )


def of_signer(
    held: list[tuple[Peer, NvmemfileInfo]], signer: str
) -> list[tuple[Peer, NvmemfileInfo]]:
    """First those whose SEE machine is signed by the key that a key was made under (guide 2.9.6).

    Then the others: whether one was signed by that key too, as an extra, only the machine itself
    knows.
    """
    return sorted(held, key=lambda each: not is_of(each[0], signer))


def is_of(peer: Peer, signer: str) -> bool:
    """Whether this is a signer's machine, which all are for a key that was made under none."""
    return not signer or peer.greeting.signer.hex() == signer


def foreign(peer: Peer, signer: str) -> StatusError:
    """The refusal of a machine that another key signed."""
    what = (
        f"the key belongs to SEE machines signed by {signer}, not to that of {peer.esn}; see:"
        " seemachine fleet check"
    )
    return StatusError(Status.AccessDenied, what, NVMEMFILE)


def impossible(peer: Peer, what: str, request: str) -> StatusError:
    """The refusal of a reply that no machine in order gives, however well formed it is."""
    return StatusError(
        Status.Malformed, f"{peer.esn} {what}: it is broken, or lies; look at its log", request
    )


def failures(roster: Roster) -> tuple[StatusError, ...]:
    """Why machines can't be asked; something where there is none to ask."""
    known = (*roster.failures, *roster.absent)
    return known or (() if roster.peers else (nobody(roster),))


def nobody(roster: Roster) -> Unreachable:
    """The refusal when no machine answers at all."""
    known = [*roster.failures, *roster.absent]
    more = f", and {len(known) - 1} more" if len(known) > 1 else ""
    what = f"no HSM answers: {known[0].detail}{more}" if known else "no HSM is published"
    return Unreachable(Status.NotAvailable, f"{what}{_advice(known)}", ANSWER)


def _advice(known: Sequence[StatusError]) -> str:
    """One that is up, and that this host can't use, needs no start."""
    if any(map(timed_out, known)):
        return f"; {CHECK}"
    is_down = not known or any(isinstance(each, Unreachable) for each in known)
    return f"; {START}" if is_down else ""


def timed_out(failure: StatusError) -> bool:
    """Whether a machine may be up, for it was waited for."""
    return isinstance(failure, Unreachable) and failure.timed_out


def current_slots(peer: Peer) -> Story[SlotListing]:
    """The cards in a machine."""
    return (yield from ask(peer, ListSlots()))
