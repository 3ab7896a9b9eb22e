"""An operator who feeds blank cards where a light is on."""

import pytest
from kit.stores import ESN

from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card

SLOT = 2


def places(rack: Rack) -> dict[str, tuple[str, int]]:
    """Where each card is."""
    return {found.card: (found.esn, found.slot) for found in rack.listing()}


@pytest.mark.parametrize("cards", [0, 1, 3])
def test_an_empty_slot(rack: Rack, slots: Slots, cards: int) -> None:
    """A blank card comes into it, a new one if there is none, and the light goes out."""
    if cards:
        rack.new(cards)
    slots.set_light(SLOT, on=True)
    rack.feed(ESN, SLOT)

    assert places(rack)["card1"] == (ESN, SLOT)
    assert len(places(rack)) == max(1, cards)
    occupant = slots.occupant(SLOT)
    assert occupant is not None
    assert read_card(occupant).leases == ()
    assert not slots.light(SLOT)


def test_a_card_is_in_it(rack: Rack, slots: Slots) -> None:
    """It goes to the rack, and another one comes."""
    rack.new(2)
    rack.insert("card1", ESN, SLOT)
    slots.set_light(SLOT, on=True)
    rack.feed(ESN, SLOT)

    assert places(rack) == {"card1": ("", -1), "card2": (ESN, SLOT)}


def test_no_light_no_card(rack: Rack, slots: Slots) -> None:
    """Where no light is on every card stays where it is."""
    rack.new(2)
    rack.insert("card1", ESN, SLOT)
    before = places(rack)
    rack.feed(ESN, SLOT)

    assert places(rack) == before
