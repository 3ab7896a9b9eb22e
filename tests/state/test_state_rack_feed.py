"""A machine that feeds itself: a blank card comes into a slot."""

import pytest
from kit.leases import lease
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
    """A blank card comes into it, a new one if there is none."""
    if cards:
        rack.new(cards)
    rack.feed(ESN, SLOT)

    assert places(rack)["card1"] == (ESN, SLOT)
    assert len(places(rack)) == max(1, cards)
    occupant = slots.occupant(SLOT)
    assert occupant is not None
    assert read_card(occupant).leases == ()


def test_a_card_is_in_it(rack: Rack, slots: Slots) -> None:
    """It goes to the rack, leases and all, and the first blank one comes."""
    rack.new(10)
    rack.insert("card1", ESN, SLOT)
    slots.write_leases(SLOT, (lease(),))
    rack.remove(ESN, SLOT)
    rack.insert("card2", ESN, SLOT)
    slots.write_leases(SLOT, (lease(2),))
    rack.feed(ESN, SLOT)

    assert {card: place for card, place in places(rack).items() if place[0]} == {
        "card3": (ESN, SLOT)
    }
    assert len(places(rack)) == 10


def test_a_blank_card_stays(rack: Rack, slots: Slots) -> None:
    """What is wanted is there already: every card stays where it is, and the counter too."""
    rack.new(2)
    rack.insert("card1", ESN, SLOT)
    before = places(rack)
    rack.feed(ESN, SLOT)

    assert places(rack) == before
    assert slots.ic(SLOT) == 1
