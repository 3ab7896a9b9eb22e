"""cards.py: a card is one sealed file, read as written or not at all."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.flips import flipped
from kit.leases import lease
from kit.stores import quick_folder

from seemachine.state.cards.smartcard import BLANK, LMS, Card, read_card, write_card
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.world_key import world_key
from seemachine.state.errors import StateCorrupt, StateForeign
from seemachine.state.records import lease_values
from seemachine.world import World

few = settings(max_examples=40, deadline=None)

FULL = Card("card7", LMS, tuple(lease(first=first, end=first + 8) for first in (0, 8, 16)))
SEEDS = [one.seed for one in FULL.leases]


@pytest.fixture
def rack(tmp_path):
    """Where cards of a world lie."""
    return private_folder(tmp_path / "cards")


def test_a_blank_card():
    """A formatted card is blank and holds nothing."""
    assert Card.blank("card1") == Card("card1", BLANK, ())


def test_writing_and_using_up():
    """A written card is an lms card; each lease comes off the front, and it stays an lms card
    without any.
    """
    card = Card.blank("card7").written(FULL.leases)
    assert card == FULL

    for left in (2, 1, 0):
        card = card.without_first()
        assert (card.name, card.kind, card.leases) == ("card7", LMS, FULL.leases[3 - left :])


@pytest.mark.parametrize(
    "card", [Card.blank("card1"), FULL, Card("card2", LMS, ())], ids=lambda card: card.name
)
def test_cards_are_read_as_written(rack, card):
    """A card comes out of its file as it went in, under the name of the file."""
    write_card(rack, card)

    assert [path.name for path in rack.iterdir()] == [f"{card.name}.card"]
    assert read_card(rack / f"{card.name}.card") == card


@few
@given(st.integers(min_value=0))
def test_no_bit_of_a_card_changes_unnoticed(bit):
    """One flipped bit anywhere in a card is refused, with the card's name in the sentence."""
    with quick_folder() as world:
        folder = private_folder(world / "cards")
        write_card(folder, FULL)
        path = folder / "card7.card"
        path.write_bytes(flipped(path.read_bytes(), bit))

        with pytest.raises(StateCorrupt, match=r"^card card7: "):
            read_card(path)


@few
@given(st.integers(min_value=0))
def test_no_card_is_cut_unnoticed(size):
    """A card that ends too early, or is empty, is refused with its name."""
    with quick_folder() as world:
        folder = private_folder(world / "cards")
        write_card(folder, FULL)
        path = folder / "card7.card"
        data = path.read_bytes()
        path.write_bytes(data[: size % len(data)])

        with pytest.raises(StateCorrupt, match=r"^card card7: "):
            read_card(path)


@pytest.mark.parametrize(
    "change",
    [
        {"leases": None},
        {"kind": None},
        {"name": None},
        {"secret": None},
        {"kind": "gold"},
        {"more": 1},
        {"leases": "3"},
        {"leases": True},
        {"kind": BLANK},
        {"kind": BLANK, "secret": b""},
        {"kind": BLANK, "leases": 0},
        {"secret": b""},
        {"leases": 2},
    ],
    ids=str,
)
def test_a_card_of_another_version(rack, change):
    """A card with a right checksum but other contents than this version writes is refused."""
    write_card(rack, FULL)
    path = rack / "card7.card"
    values = unseal(path.read_bytes(), "the card") | change
    path.write_bytes(seal({name: value for name, value in values.items() if value is not None}))

    with pytest.raises(StateCorrupt):
        read_card(rack / "card7.card")


def test_a_copy_is_not_a_card(rack):
    """A card file that was copied under another name is refused, as a record of the file store is:
    its leaves would be used twice.
    """
    write_card(rack, FULL)
    (rack / "card8.card").write_bytes((rack / "card7.card").read_bytes())

    with pytest.raises(StateCorrupt, match="card card8: a copy of card card7"):
        read_card(rack / "card8.card")


@pytest.mark.parametrize(
    "leases",
    [
        [{}],
        [None],
        [lease_values(lease()) | {"end": 31}],
        [lease_values(lease()) | {"seed": b""}],
        [],
    ],
)
def test_leases_of_another_version(rack, leases):
    """Leases that this world encrypted but this version does not write are refused."""
    secret = world_key(World.at(rack.parent)).encrypt(
        "card", msgpack.packb(["card7", LMS, 1]), msgpack.packb(leases)
    )
    (rack / "card7.card").write_bytes(
        seal({"name": "card7", "kind": LMS, "leases": 1, "secret": secret})
    )

    with pytest.raises(StateCorrupt, match=r"card card7|leaves 0 to 3[01] of"):
        read_card(rack / "card7.card")


def test_no_seed_is_in_the_file(rack):
    """What makes signatures can't be read from the file of a card, nor from what the witness keeps
    of it.
    """
    write_card(rack, FULL)

    for path in rack.parent.rglob("*"):
        assert path.is_dir() or not any(seed in path.read_bytes() for seed in SEEDS)


def test_two_writings_have_nothing_in_common(rack):
    """The same card written twice is encrypted with another nonce: what is known of one tells
    nothing of the other.
    """
    secrets = []
    for _ in range(2):
        write_card(rack, FULL)
        secrets.append(unseal((rack / "card7.card").read_bytes(), "")["secret"][8:])

    assert sum(one == other for one, other in zip(*secrets, strict=True)) < len(secrets[0]) / 20


def test_a_card_of_another_world(rack, tmp_path):
    """A card with leases is refused in another world, and both worlds are named; damaged it is only
    that.
    """
    write_card(rack, FULL)
    foreign = private_folder(tmp_path / "other" / "cards") / "card7.card"
    data = (rack / "card7.card").read_bytes()
    foreign.write_bytes(data)
    here, there = (
        world_key(World.at(folder.parent)).identifier.hex() for folder in (rack, foreign.parent)
    )

    with pytest.raises(StateForeign) as refused:
        read_card(foreign)
    assert (
        str(refused.value)
        == f"card card7: of the world {here}; this is the world {there} and has no key for it"
    )
    foreign.write_bytes(flipped(data, 900))
    with pytest.raises(StateCorrupt, match="card card7: the checksum does not fit") as refused:
        read_card(foreign)
    assert type(refused.value) is StateCorrupt


def test_a_forged_card(rack):
    """A card that was changed by somebody who mended its checksum is refused as not from this
    world's hand.
    """
    write_card(rack, FULL)
    path = rack / "card7.card"
    values = unseal(path.read_bytes(), "")
    for change in (
        {"secret": flipped(values["secret"], 800)},
        {"leases": 4},
        {"secret": values["secret"][:-1]},
    ):
        path.write_bytes(seal(values | change))
        with pytest.raises(StateCorrupt, match="card card7: not as this world wrote it"):
            read_card(path)


def test_a_blank_card_is_of_no_world(rack, tmp_path):
    """A blank card can be carried into any world, as a file or as a copy."""
    write_card(rack, Card.blank("card7"))
    other = private_folder(tmp_path / "other" / "cards") / "card7.card"
    other.write_bytes((rack / "card7.card").read_bytes())

    assert read_card(other) == Card.blank("card7")
    write_card(other.parent, FULL)
    assert read_card(other) == FULL


def test_no_seed_is_printed():
    """What a card prints as is harmless."""
    assert "seed" not in repr(FULL)
    assert FULL.leases[0].seed.hex() not in repr(FULL)
