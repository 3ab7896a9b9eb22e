"""The operator of a fleet that feeds itself: where a reader's light asks for a blank card, one is put in."""

import trio

from seemachine.fleet.configuration import Fleet
from seemachine.state.errors import CardError
from seemachine.state.rack import Rack
from seemachine.state.slots import Slots
from seemachine.wire.names import SLOTS

LOOK_SECONDS = 0.1


async def feed_cards(fleet: Fleet) -> None:
    """Look at every light, over and over, until cancelled."""
    rack = Rack(fleet.world)
    places = [(Slots(fleet.world, machine.esn), slot) for machine in fleet.machines for slot in SLOTS]
    while True:
        for slots, slot in places:
            if slots.light(slot):
                await trio.to_thread.run_sync(feed, rack, slots, slot)
        await trio.sleep(LOOK_SECONDS)


def feed(rack: Rack, slots: Slots, slot: int) -> None:
    """Put a blank card into a slot, in place of what is there."""
    try:
        if slots.occupant(slot) is not None:
            rack.remove(slots.esn, slot)
        blanks = rack.blanks() or rack.new()
        rack.insert(blanks[0], slots.esn, slot)
    except CardError:
        return  # a person was quicker; the light tells whether a card is still wanted
    slots.set_light(slot, on=False)
