"""cards.py: a card is one sealed file, read as written or not at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from state.kit import flipped, lease, quick_folder

from seemachine.state.cards import BLANK, LMS, Card, read_card, write_card
from seemachine.state.errors import StateCorrupt
from seemachine.state.sealed import lease_values, seal

few = settings(max_examples=40, deadline=None)

FULL = Card("card7", LMS, tuple(lease(first=first, end=first + 8) for first in (0, 8, 16)))


def test_a_blank_card():
    """A formatted card is blank and holds nothing."""
    assert Card.blank("card1") == Card("card1", BLANK, ())


def test_writing_and_using_up():
    """A written card is an lms card; each lease comes off the front, and it stays an lms card without any."""
    card = Card.blank("card7").written(FULL.leases)
    assert card == FULL

    for left in (2, 1, 0):
        card = card.without_first()
        assert (card.name, card.kind, card.leases) == ("card7", LMS, FULL.leases[3 - left :])


@pytest.mark.parametrize("card", [Card.blank("card1"), FULL, Card("card2", LMS, ())], ids=lambda card: card.name)
def test_cards_are_read_as_written(tmp_path, card):
    """A card comes out of its file as it went in, under the name of the file."""
    write_card(tmp_path, card)

    assert [path.name for path in tmp_path.iterdir()] == [f"{card.name}.card"]
    assert read_card(tmp_path / f"{card.name}.card") == card


@few
@given(st.integers(min_value=0))
def test_no_bit_of_a_card_changes_unnoticed(bit):
    """One flipped bit anywhere in a card is refused, with the card's name in the sentence."""
    with quick_folder() as folder:
        write_card(folder, FULL)
        path = folder / "card7.card"
        path.write_bytes(flipped(path.read_bytes(), bit))

        with pytest.raises(StateCorrupt, match=r"^card card7: "):
            read_card(path)


@few
@given(st.integers(min_value=0))
def test_no_card_is_cut_unnoticed(size):
    """A card that ends too early, or is empty, is refused with its name."""
    with quick_folder() as folder:
        write_card(folder, FULL)
        path = folder / "card7.card"
        data = path.read_bytes()
        path.write_bytes(data[: size % len(data)])

        with pytest.raises(StateCorrupt, match=r"^card card7: "):
            read_card(path)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "card7", "kind": BLANK},
        {"name": "card7", "leases": []},
        {"kind": BLANK, "leases": []},
        {"name": "card7", "kind": "gold", "leases": []},
        {"name": "card7", "kind": LMS, "leases": [], "more": 1},
        {"name": "card7", "kind": LMS, "leases": 3},
        {"name": "card7", "kind": LMS, "leases": [{}]},
        {"name": "card7", "kind": LMS, "leases": [None]},
        {"name": "card7", "kind": LMS, "leases": [lease_values(lease()) | {"end": 31}]},
        {"name": "card7", "kind": LMS, "leases": [lease_values(lease()) | {"seed": b""}]},
        {"name": "card7", "kind": BLANK, "leases": [lease_values(lease())]},
    ],
    ids=["no leases", "no kind", "no name", "kind", "more", "type", "empty", "none", "size", "seed", "blank with leases"],
)
def test_a_card_of_another_version(tmp_path, values):
    """A card with a right checksum but other contents than this version writes is refused."""
    (tmp_path / "card7.card").write_bytes(seal(values))

    with pytest.raises(StateCorrupt):
        read_card(tmp_path / "card7.card")


def test_a_copy_is_not_a_card(tmp_path):
    """A card file that was copied under another name is refused, as a record of the file store is: its leaves would be used twice."""
    write_card(tmp_path, FULL)
    (tmp_path / "card8.card").write_bytes((tmp_path / "card7.card").read_bytes())

    with pytest.raises(StateCorrupt, match="card card8: a copy of card card7"):
        read_card(tmp_path / "card8.card")


def test_no_seed_is_printed():
    """What a card prints as is harmless."""
    assert "seed" not in repr(FULL)
    assert FULL.leases[0].seed.hex() not in repr(FULL)
