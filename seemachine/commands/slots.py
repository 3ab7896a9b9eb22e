"""slot_list: which cards are in this machine."""

from seemachine.commands.table import command
from seemachine.machine import Session
from seemachine.wire.messages import MAX_CARD, ListSlots, Slot, SlotListing
from seemachine.wire.printable import fitting


@command
def listing(session: Session, request: ListSlots) -> SlotListing:
    """The occupied slots, in order."""
    del request
    return SlotListing(
        slots=[
            Slot(
                slot=found.slot,
                ic=found.ic,
                kind=found.kind,
                card=fitting(found.card, MAX_CARD),
                leases=found.leases,
            )
            for found in session.machine.slots.listing()
        ]
    )
