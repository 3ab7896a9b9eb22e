"""Which cards are in a machine, and waiting for one."""

from seemachine.wire.fields import number, records, text, wire_class, word
from seemachine.wire.messages.sizes import MAX_CARD, U32
from seemachine.wire.names import MAX_EXPLEASE, SLOTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class Slot(Record):
    """A slot that holds a card.

    `ic` is its insertion counter, `kind` blank, lms, cardset (of the ACS or an OCS) or unknown,
    `leases` what an lms card has left.
    """

    slot: int = number(SLOTS.start, SLOTS.stop - 1)
    ic: int = number(0, U32)
    kind: str = word(16)
    card: str = text(MAX_CARD)
    leases: int = number(0, 1 << MAX_EXPLEASE)


@wire_class
class SlotListing(Record):
    """The occupied slots, in order."""

    slots: list[Slot] = records(Slot, len(SLOTS))


@wire_class
class ListSlots(
    Request[SlotListing],
    name="slot_list",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
):
    """Ask which slots hold a card."""


@wire_class
class WaitForCard(
    Request[Slot],
    name="slot_wait",
    least=ClientRole.PROVISION,
    effect=Effect.LOOKS,
    again=Again.FREELY,
):
    """Ask for a card of a kind, `blank` or `lms`, in this slot or in any.

    The reply comes when one is there, and the refusal when none has come within `seconds`.
    """

    kind: str = word(16)
    slot: int | None = number(SLOTS.start, SLOTS.stop - 1, default=None)
    seconds: int = number(0, U32, default=0)
