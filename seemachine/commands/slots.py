"""slot_list: which cards are in this machine."""

from seemachine.machine import Session
from seemachine.wire.messages import ListSlots, Slot, SlotListing


def listing(session: Session, request: ListSlots) -> SlotListing:
    """The occupied slots, in order."""
    del request
    return SlotListing(
        slots=[
            Slot(slot=found.slot, ic=found.ic, kind=found.kind, card=found.card, leases=found.leases)
            for found in session.machine.slots.listing()
        ]
    )
