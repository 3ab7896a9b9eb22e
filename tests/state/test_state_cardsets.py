"""Cards of card sets among the others: one name each, values that such a card has, and slots that
say which card they hold.
"""

import shutil
from dataclasses import replace
from typing import Any

import pytest
from kit.leases import lease
from kit.stores import ESN

from seemachine.state.cards.cardsets import (
    OPERATOR,
    SetCard,
    on_rack,
    read_set_card,
    write_set_card,
)
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import BLANK
from seemachine.state.errors import CardError, StateCorrupt

SLOT = 2
SET_CARD = SetCard("board-1", OPERATOR, "board", "00" * 20, 1, 1, False, b"salt", b"share")


@pytest.mark.parametrize("field", ["number", "quorum"])
@pytest.mark.parametrize(
    ("value", "sound"),
    [(1, True), (64, True), (0, False), (65, False), (True, False), ("1", False)],
)
def test_a_card_with_values_that_none_has(rack: Rack, field: str, value: Any, sound: bool) -> None:
    """Up to 64 cards are in a set; whoever wrote another one, it is no card of a set."""
    card = replace(SET_CARD, **{field: value})
    write_set_card(rack.world, card)
    assert read_set_card(rack.world.cards / "board-1.card") == (card if sound else None)


def test_those_of_a_set_that_are_on_the_rack(rack: Rack) -> None:
    """By number; none of another set, no card of another kind, no copy, none that is in a slot."""
    cards = [replace(SET_CARD, name=f"board-{number}", number=number) for number in (10, 9, 2)]
    for card in (*cards, replace(SET_CARD, name="other-1", set_hash="11" * 20)):
        write_set_card(rack.world, card)
    rack.new(1)
    shutil.copy2(rack.world.cards / "board-10.card", rack.world.cards / "board-3.card")
    rack.insert("board-2", ESN, SLOT)
    assert on_rack(rack.world, SET_CARD.set_hash) == [cards[1], cards[0]]


@pytest.mark.parametrize("in_a_slot", [False, True])
def test_a_name_that_a_card_has(rack: Rack, in_a_slot: bool) -> None:
    """Wherever that card is: the new one is refused, and the old one is as it was."""
    write_set_card(rack.world, SET_CARD)
    if in_a_slot:
        rack.insert("board-1", ESN, SLOT)
    before = rack.listing()
    with pytest.raises(StateCorrupt, match=r"^there is a card board-1 already$"):
        write_set_card(rack.world, SET_CARD)
    assert rack.listing() == before


def test_a_slot_with_a_card_of_a_set(rack: Rack, slots: Slots) -> None:
    """Whoever wants to write or read leases there is told whose card it is."""
    write_set_card(rack.world, SET_CARD)
    rack.insert("board-1", ESN, SLOT)
    for use in (
        lambda: slots.write_leases(SLOT, (lease(),)),
        lambda: slots.next_lease(SLOT),
        lambda: slots.suitable(BLANK, SLOT),
    ):
        with pytest.raises(CardError, match=f"slot 2 is {SET_CARD.label} of the Security World; "):
            use()


def test_a_card_comes_back_to_a_rack_with_its_copy(rack: Rack, slots: Slots) -> None:
    """It is refused, and written over is neither."""
    rack.new(1)
    rack.insert("card1", ESN, SLOT)
    in_slot = slots.occupant(SLOT)
    assert in_slot is not None
    copy = rack.world.cards / in_slot.name
    copy.write_bytes(b"a copy")
    with pytest.raises(CardError, match=f"there is a card card1 already in {rack.world.cards}; "):
        rack.remove(ESN, SLOT)
    assert (copy.read_bytes(), slots.occupant(SLOT)) == (b"a copy", in_slot)
