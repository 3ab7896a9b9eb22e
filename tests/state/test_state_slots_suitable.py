"""Which card a machine takes of those in its slots, and where it wants one."""

import pytest
from kit.leases import lease
from kit.stores import ESN

from seemachine.state.cards.cardsets import ADMIN, SetCard, write_set_card
from seemachine.state.cards.occupied import Occupied
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import BLANK, LMS, Card, write_card
from seemachine.state.errors import CardError
from seemachine.wire.names import FIRST_DYNAMIC_SLOT, SLOTS


def put(slots: Slots, card: Card, slot: int) -> None:
    """Put a card into a slot, by no hand of the rack."""
    write_card(slots.folder(slot), card)


def put_admin(rack: Rack, slot: int) -> None:
    """Put a card of the Administrator Card Set into a slot."""
    name = f"admin-{slot}"
    card = SetCard(name, ADMIN, "ACS", "00" * 20, slot + 1, 1, False, b"s", b"s")
    write_set_card(rack.world, card)
    rack.insert(name, ESN, slot)


@pytest.fixture
def filled(slots: Slots) -> Slots:
    """A card that is used up, then two with leases, then two blank ones."""
    cards = [("card1", LMS, ()), ("card2", LMS, (lease(),)), ("card3", LMS, (lease(2),))]
    cards += [("card4", BLANK, ()), ("card5", BLANK, ())]
    for slot, card in enumerate(cards):
        put(slots, Card(*card), slot)
    return slots


def test_the_first_that_will_do(filled: Slots) -> None:
    """One that is used up has nothing to take and nothing to be written on."""
    assert filled.suitable(LMS) == Occupied(1, 0, LMS, "card2", 1)
    assert filled.suitable(BLANK) == Occupied(3, 0, BLANK, "card4", 0)
    assert filled.suitable(LMS, 2).card == "card3"
    assert filled.suitable(BLANK, 4).card == "card5"


@pytest.mark.parametrize(
    ("kind", "slot", "why"),
    [
        (LMS, 0, "slot 0 is used up"),
        (LMS, 3, "slot 3 is blank"),
        (BLANK, 0, "slot 0 is not blank"),
        (BLANK, 1, "slot 1 is not blank"),
        (LMS, 5, "no card in slot 5"),
        (BLANK, 6, "there is no slot 6"),
    ],
)
def test_one_that_will_not(filled: Slots, kind: str, slot: int, why: str) -> None:
    """Named, it is refused as its use would be."""
    with pytest.raises(CardError, match=why):
        filled.suitable(kind, slot)


def test_none(slots: Slots) -> None:
    """The refusal names the slot where a card should come."""
    for kind in (BLANK, LMS):
        with pytest.raises(CardError, match=f"no card in slot {FIRST_DYNAMIC_SLOT};"):
            slots.suitable(kind)


def test_where_a_card_comes(rack: Rack, slots: Slots) -> None:
    """Into a card reader before the others, and past cards of the Security World as long as there
    is a slot without one.
    """
    put(slots, Card.blank("card9"), FIRST_DYNAMIC_SLOT)
    assert slots.to_fill() == FIRST_DYNAMIC_SLOT
    rack.remove(ESN, FIRST_DYNAMIC_SLOT)
    wanted = []
    for _ in SLOTS:
        wanted.append(slots.to_fill())
        put_admin(rack, wanted[-1])
    assert wanted == [*SLOTS[FIRST_DYNAMIC_SLOT:], *SLOTS[:FIRST_DYNAMIC_SLOT]]
    assert slots.to_fill() == FIRST_DYNAMIC_SLOT
