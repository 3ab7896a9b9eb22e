"""slots.py: what a machine does with the card in a slot."""

from itertools import count

import pytest
from kit.faults import Fault, FaultyOs
from kit.flips import flipped
from kit.leases import lease
from kit.stores import ESN
from state.killing import killed_after

from seemachine.state.cards.cardsets import SetCard, write_set_card
from seemachine.state.cards.occupied import Occupied
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import LMS, Card, read_card, write_card
from seemachine.state.disk import durable
from seemachine.state.errors import CardError, StateError
from seemachine.state.records import StoredLease
from seemachine.wire.names import SLOTS
from seemachine.world import World

SLOT = 2
HOW = f"; insert one with: seemachine card insert CARD --esn {ESN} --slot {SLOT}"
REPLACE = (
    f"; take it out with: seemachine card remove --esn {ESN} --slot"
    f" {SLOT}{HOW.replace('insert', 'then insert', 1)}"
)


def key_leases(count_of=3):
    """The leases of a card."""
    return tuple(lease(first=8 * number, end=8 * number + 8) for number in range(count_of))


def put(slots, card, slot=SLOT):
    """Put a card into a slot, by no hand of the rack."""
    write_card(slots.folder(slot), card)
    return slots.folder(slot) / f"{card.name}.card"


@pytest.fixture
def full(slots):
    """The file of a card with three leases, in the slot."""
    return put(slots, Card("card7", LMS, key_leases()))


class TestWriting:
    """write_leases."""

    def test_a_blank_card_is_written(self, slots):
        """A blank card takes the leases; its name is returned, and everything is in its
        file then.
        """
        path = put(slots, Card.blank("card1"))

        assert slots.write_leases(SLOT, key_leases()) == "card1"
        assert read_card(path) == Card("card1", LMS, key_leases())

    def test_only_a_blank_card_is_written(self, slots, full):
        """A card with leases is refused with what to do, and is left as it was."""
        with pytest.raises(CardError) as refused:
            slots.write_leases(SLOT, (lease(2),))

        assert str(refused.value) == f"the card in slot 2 is not blank{REPLACE}"
        assert read_card(full).leases == key_leases()

    def test_a_used_up_card_is_not_blank(self, slots):
        """A card whose leases are used up is still the card of its key, and is refused."""
        path = put(slots, Card("card7", LMS, ()))

        with pytest.raises(CardError, match="not blank"):
            slots.write_leases(SLOT, key_leases())
        assert read_card(path).leases == ()

    def test_an_empty_slot_asks_for_a_card(self, slots):
        """Without a card the refusal says how to insert one."""
        with pytest.raises(CardError) as refused:
            slots.write_leases(SLOT, key_leases())

        assert str(refused.value) == f"there is no card in slot {SLOT}{HOW}"

    def test_a_card_is_written_once(self, slots):
        """Right after it was written the same card is refused: two cards of a key can't be one."""
        put(slots, Card.blank("card1"))
        slots.write_leases(SLOT, key_leases())

        with pytest.raises(CardError, match="not blank"):
            slots.write_leases(SLOT, key_leases())

    def test_a_damaged_card_is_refused_with_advice(self, slots):
        """A card that can't be read is refused like one that is not blank: CardError, and what to
        do.
        """
        path = put(slots, Card.blank("card1"))
        path.write_bytes(flipped(path.read_bytes(), 3))
        with pytest.raises(CardError) as refused:
            slots.write_leases(SLOT, key_leases())

        assert str(refused.value).startswith("card card1: ")
        assert str(refused.value).endswith(REPLACE)


class TestTaking:
    """next_lease and take_lease."""

    def test_leases_come_off_in_order(self, slots, full):
        """Each lease is shown, taken and gone, and the count of the rest is right; an empty card
        shows None and stays an lms card.
        """
        for number, expected in enumerate(key_leases(), 1):
            assert slots.next_lease(SLOT) == expected
            assert slots.next_lease(SLOT) == expected
            assert slots.take_lease(SLOT, expected) == 3 - number
            assert read_card(full).leases == key_leases()[number:]

        assert slots.next_lease(SLOT) is None
        assert slots.listing() == [Occupied(SLOT, 0, LMS, "card7", 0)]

    @pytest.mark.parametrize(
        "expected",
        [
            lease(first=8, end=16),
            lease(2, first=0, end=8),
            StoredLease(
                lease(end=8).public_key, 0, 8, b"another seed".ljust(32), lease(end=8).path
            ),
            StoredLease(
                lease(end=8).public_key, 0, 8, lease(end=8).seed, b"another path".ljust(32)
            ),
            lease(first=0, end=4),
        ],
    )
    def test_only_the_lease_that_was_shown_is_taken(self, slots, full, expected):
        """A lease that is not the card's next one to the last byte is refused, and the card keeps
        what it has.
        """
        with pytest.raises(CardError, match="the card in slot 2 was changed meanwhile"):
            slots.take_lease(SLOT, expected)

        assert read_card(full).leases == key_leases()

    def test_nothing_is_taken_twice(self, slots):
        """The lease that was just taken is not there to be taken again, not from an empty card
        either.
        """
        put(slots, Card("card7", LMS, key_leases()))
        for number in range(3):
            slots.take_lease(SLOT, key_leases()[number])
            with pytest.raises(CardError, match="changed meanwhile"):
                slots.take_lease(SLOT, key_leases()[number])

    def test_a_blank_card_has_no_lease(self, slots):
        """A blank card is refused with what to do, which is another thing than a card that is used
        up.
        """
        put(slots, Card.blank("card1"))

        for take in (slots.next_lease, lambda slot: slots.take_lease(slot, lease())):
            with pytest.raises(
                CardError, match=r"^the card in slot 2 is blank; insert a card of the key$"
            ):
                take(SLOT)

    def test_an_empty_slot_has_no_lease(self, slots):
        """Without a card the refusal says how to insert one."""
        for take in (slots.next_lease, lambda slot: slots.take_lease(slot, lease())):
            with pytest.raises(CardError) as refused:
                take(SLOT)
            assert str(refused.value) == f"there is no card in slot {SLOT}{HOW}"

    def test_a_damaged_card_gives_no_lease(self, slots, full):
        """A card that can't be read is refused with the card's name and what to do."""
        full.write_bytes(flipped(full.read_bytes(), 400))

        with pytest.raises(StateError, match=r"^card card7: .*; take another card of the key$"):
            slots.next_lease(SLOT)

    def test_taking_is_on_the_disk(self, slots, full, monkeypatch):
        """Wherever the write fails the error comes out, and the card then has the lease or not, and
        never more than before.
        """
        fault, found = Fault(), []
        monkeypatch.setattr(durable, "os", FaultyOs(fault))
        for place in count():
            write_card(full.parent, Card("card7", LMS, key_leases()))
            fault.arm(place, full=False)
            try:
                slots.take_lease(SLOT, key_leases()[0])
            except OSError:
                found.append(len(read_card(full).leases))
            else:
                break

        # The new file, the folder's names and the witness of both, then the rename, its flush and
        # the witness of the new one alone.
        assert found == [3] * 6 + [2] * 4

    def test_a_killed_process_gives_no_lease_twice(self, slots, world):
        """A process that takes one lease after the other and is killed leaves none on the card that
        it had taken.
        """
        path = put(
            slots,
            Card("card7", LMS, tuple(lease(first=number, end=number + 1) for number in range(512))),
        )
        taken = [first for lines in (1, 9, 4) for first in killed_after(lines, "take", world, SLOT)]

        assert len(taken) >= 14
        assert taken == sorted(set(taken))
        assert read_card(path).leases[0].first - taken[-1] in (1, 2)


class TestLooking:
    """listing, ic and folder."""

    def test_slots_are_listed_in_order(self, slots):
        """Only occupied slots are listed, in order, with what is on their cards."""
        put(slots, Card.blank("card2"), 5)
        put(slots, Card("card1", LMS, key_leases()), 0)

        assert slots.listing() == [
            Occupied(0, 0, LMS, "card1", 3),
            Occupied(5, 0, "blank", "card2", 0),
        ]

    def test_a_damaged_card_is_unknown(self, slots, full):
        """A card that can't be read is there, under its name, as an unknown one without leases."""
        full.write_bytes(flipped(full.read_bytes(), 400))

        assert slots.listing() == [Occupied(SLOT, 0, "unknown", "card7", 0)]

    @pytest.mark.parametrize("kind", ["admin", "operator"])
    def test_a_card_of_a_card_set_is_told_as_one(self, slots, world, kind):
        """It is neither damaged nor for LMS keys."""
        write_set_card(World.at(world), SetCard("ocs-1", kind, "ocs", "h", 1, 1, False, b"", b""))
        (world / "cards" / "ocs-1.card").rename(slots.folder(SLOT) / "ocs-1.card")

        assert slots.listing() == [Occupied(SLOT, 0, "cardset", "ocs-1", 0)]

    @pytest.mark.parametrize("slot", [-1, 6, 99])
    def test_there_are_six_slots(self, slots, slot):
        """Any other number is refused with the numbers that there are, whatever is asked of it."""
        for ask in (
            slots.folder,
            slots.occupant,
            slots.ic,
            slots.next_lease,
            lambda slot: slots.write_leases(slot, ()),
        ):
            with pytest.raises(CardError, match=f"^there is no slot {slot}; slots are 0 to 5$"):
                ask(slot)

    def test_the_counter_rises(self, slots, world):
        """Each insertion counts for its slot alone, and the count is there after a restart."""
        assert [slots.ic(slot) for slot in SLOTS] == [0] * 6
        for _ in range(3):
            slots.count_insertion(SLOT)

        assert [Slots(World.at(world), ESN).ic(slot) for slot in SLOTS] == [0, 0, 3, 0, 0, 0]

    def test_a_damaged_counter_hides_no_card(self, slots, full):
        """A counter that can't be read does not take the cards of the machine with it."""
        (full.parent / "ic").write_text("")

        assert [found.card for found in slots.listing()] == ["card7"]

    @pytest.mark.parametrize(("text", "count"), [("9" * 9, 999_999_999), ("1" + "0" * 9, 0)])
    def test_a_counter_has_nine_digits(self, slots, full, text, count):
        """More were never written; such a file is damaged, and counts from 0."""
        (full.parent / "ic").write_text(text)
        assert slots.ic(SLOT) == count

    def test_looking_into_slots_makes_nothing(self, slots, world):
        """A slot that never had a card has no folder, whoever looks; the first start makes the
        place for them.
        """
        slots.listing()
        assert [(slots.occupant(slot), slots.ic(slot)) for slot in SLOTS] == [(None, 0)] * len(
            SLOTS
        )
        assert slots.trace() == frozenset()
        assert list((world / "hsm" / ESN).iterdir()) == []
        slots.make_place()
        assert [path.name for path in (world / "hsm" / ESN).rglob("*")] == ["slots"]
