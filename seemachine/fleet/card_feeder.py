"""The operator of a fleet that feeds itself: where a reader's light asks for a blank card, one is
put in.
"""

import contextlib

import trio

from seemachine.fleet.configuration import FleetPlan
from seemachine.process.pace import rest
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.errors import CardError, StateError
from seemachine.wire.names import SLOTS

LOOK_SECONDS = 0.1


async def feed_cards(fleet: FleetPlan) -> None:
    """Look at every light, over and over, until cancelled."""
    rack = Rack(fleet.world)
    places = [
        (Slots(fleet.world, machine.esn), slot) for machine in fleet.machines for slot in SLOTS
    ]
    while True:
        began = trio.current_time()
        for slots, slot in places:
            # What a full disk, or a system out of threads, refuses now may be possible later.
            with contextlib.suppress(StateError, OSError, RuntimeError):
                if slots.light(slot):
                    await trio.to_thread.run_sync(feed, rack, slots.esn, slot)
        await trio.sleep(rest(LOOK_SECONDS, trio.current_time() - began))


def feed(rack: Rack, esn: str, slot: int) -> None:
    """Put a blank card where one is asked for.

    A person may have been quicker; the light tells whether it is still wanted.
    """
    with contextlib.suppress(CardError):
        rack.feed(esn, slot)
