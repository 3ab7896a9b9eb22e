"""The cards of a key: which there are, and their end."""

import pytest
from kit.leases import lease
from kit.stores import ESN, OTHER_ESN

from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.cards.smartcard import LMS, Card, look, write_card

KEY, OTHER = lease(1).public_key, lease(2).public_key


@pytest.fixture
def cards(rack: Rack) -> Rack:
    """Of one key: a card on the rack and one in a slot; of another one: a card in a slot of another
    machine; a card that is used up, a blank and a damaged one.
    """
    held = {"card10": (lease(1, 8, 16),), "card2": (lease(1, 0, 8),), "card3": (lease(2),)}
    for name, leases in {**held, "card4": ()}.items():
        write_card(rack.world.cards, Card(name, LMS, leases))
    write_card(rack.world.cards, Card.blank("card5"))
    (rack.world.cards / "card6.card").write_bytes(b"scratched")
    rack.insert("card10", ESN, 2)
    rack.insert("card3", OTHER_ESN, 3)
    rack.insert("card5", ESN, 4)
    rack.insert("card6", ESN, 5)
    return rack


def test_those_of_each_key_by_name(cards: Rack) -> None:
    """Wherever they are; what has no lease left is nobody's."""
    assert cards.of_keys() == {
        KEY: [Whereabouts("card2", LMS, 1, "", -1), Whereabouts("card10", LMS, 1, ESN, 2)],
        OTHER: [Whereabouts("card3", LMS, 1, OTHER_ESN, 3)],
    }


def test_those_in_slots_are_made_blank(cards: Rack) -> None:
    """The others of that key, and those of other keys, keep their leases."""
    assert cards.wipe(KEY) == ["card10"]
    assert cards.of_keys() == {
        KEY: [Whereabouts("card2", LMS, 1, "", -1)],
        OTHER: [Whereabouts("card3", LMS, 1, OTHER_ESN, 3)],
    }
    assert look(cards.world.hsm(ESN) / "slots" / "2" / "card10.card") == ("blank", 0)
    assert cards.wipe(KEY) == []
