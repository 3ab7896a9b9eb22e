"""slot_list and slot_wait: which cards are in this machine."""

from seemachine.commands.table import command
from seemachine.machine import Machine, Session
from seemachine.state.cards.occupied import Occupied
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.smartcard import BLANK, LMS
from seemachine.state.errors import CardError
from seemachine.wire.messages import MAX_CARD, ListSlots, Slot, SlotListing, WaitForCard
from seemachine.wire.printable import fitting
from seemachine.wire.status import Status, StatusError


@command
def listing(session: Session, request: ListSlots) -> SlotListing:
    """The occupied slots, in order."""
    del request
    return SlotListing(slots=list(map(_told, session.machine.slots.listing())))


@command
def wait(session: Session, request: WaitForCard) -> Slot:
    """What can be said at once. Who has a connection to wait on asks again when a card was moved.

    Where the machine has an operator of its own, a blank card that is asked for is put in.
    """
    machine, slots = session.machine, session.machine.slots
    if request.kind not in (BLANK, LMS):
        raise StatusError(Status.InvalidParameter, f"kind takes {BLANK} or {LMS}")
    try:
        return _told(slots.suitable(request.kind, request.slot))
    except CardError:
        if request.kind != BLANK or machine.operator != "auto":
            raise
    _feed(machine, request.slot)
    return _told(slots.suitable(request.kind, request.slot))


def _feed(machine: Machine, slot: int | None) -> None:
    wanted = machine.slots.to_fill() if slot is None else slot
    Rack(machine.slots.world).feed(machine.esn, wanted)


def _told(found: Occupied) -> Slot:
    return Slot(
        slot=found.slot,
        ic=found.ic,
        kind=found.kind,
        card=fitting(found.card, MAX_CARD),
        leases=found.leases,
    )
