"""rack.py: the hands that make cards, move them and format them."""

import json
from subprocess import TimeoutExpired

import pytest
from kit.faults import Fault, FaultyOs
from kit.flips import flipped
from kit.leases import lease
from kit.stores import ESN, OTHER_ESN
from state.killing import child

from seemachine.state.cards.rack import Rack, Whereabouts
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import LMS, Card, read_card, write_card
from seemachine.state.disk import durable
from seemachine.state.disk.durable import private_folder
from seemachine.state.errors import CardError, StateError
from seemachine.world import World

SLOT = 2
LEASES = (lease(first=0, end=16), lease(first=16, end=32))


@pytest.fixture
def card(rack, slots):
    """The name of a card with two leases, in slot 2 of the first machine."""
    [name] = rack.new()
    rack.insert(name, ESN, SLOT)
    slots.write_leases(SLOT, LEASES)
    return name


def places(rack):
    """Where each card is."""
    return {found.card: (found.esn, found.slot) for found in rack.listing()}


class TestNew:
    """Making cards."""

    def test_new_cards_are_blank_on_the_rack(self, rack):
        """New cards are numbered, blank, and on the rack."""
        assert rack.new(3) == ["card1", "card2", "card3"]
        assert rack.listing() == [
            Whereabouts(f"card{number}", "blank", 0, "", -1) for number in (1, 2, 3)
        ]
        assert rack.blanks() == ["card1", "card2", "card3"]

    def test_names_are_free_ones(self, rack, world):
        """A name is never given twice while its card exists, wherever that is; a gap is filled."""
        rack.new(3)
        rack.insert("card2", OTHER_ESN, 0)
        (world / "cards" / "card1.card").unlink()

        assert rack.new(2) == ["card1", "card4"]
        assert places(rack)["card2"] == (OTHER_ESN, 0)

    def test_none_is_none(self, rack):
        """No card asked for, none made."""
        assert rack.new(0) == []
        assert rack.listing() == []

    def test_ten_comes_after_nine(self, rack):
        """Cards are listed in the order of their numbers."""
        names = rack.new(11)

        assert [found.card for found in rack.listing()] == names
        assert names[8:] == ["card9", "card10", "card11"]


class TestInsert:
    """Putting a card into a slot."""

    def test_the_card_is_in_the_slot(self, rack, slots):
        """An inserted card is in its slot, as it was, and no longer on the rack."""
        rack.new(2)
        rack.insert("card1", ESN, SLOT)

        assert places(rack) == {"card1": (ESN, SLOT), "card2": ("", -1)}
        assert rack.blanks() == ["card2"]
        assert read_card(slots.occupant(SLOT)) == Card.blank("card1")

    def test_one_card_per_slot(self, rack):
        """A slot that holds a card is refused with the card's name and how to take it out; nothing
        moves.
        """
        rack.new(2)
        rack.insert("card1", ESN, SLOT)
        with pytest.raises(CardError) as refused:
            rack.insert("card2", ESN, SLOT)

        remedy = f"take it out with: seemachine card remove --esn {ESN} --slot {SLOT}"
        assert str(refused.value) == f"slot {SLOT} of {ESN} holds card1; {remedy}"
        assert places(rack) == {"card1": (ESN, SLOT), "card2": ("", -1)}

    @pytest.mark.parametrize(("esn", "slot"), [(ESN, SLOT), (ESN, SLOT + 1), (OTHER_ESN, SLOT)])
    def test_one_slot_per_card(self, rack, esn, slot):
        """A card that is in a slot is refused with the place where it is, even for that
        same slot.
        """
        rack.new()
        rack.insert("card1", ESN, SLOT)
        with pytest.raises(CardError, match=f"^card1 is in slot {SLOT} of {ESN}"):
            rack.insert("card1", esn, slot)

        assert places(rack) == {"card1": (ESN, SLOT)}

    @pytest.mark.parametrize(
        "name", ["card9", "", "card", "*", "../cards/card1", "x/../card1", ".card1.card", "/card1"]
    )
    def test_an_unknown_card(self, rack, name):
        """A card that there is not, or a path in place of a name, is refused with how
        to make one.
        """
        rack.new()
        with pytest.raises(
            CardError, match=r"^there is no card .*; make one with: seemachine card new$"
        ):
            rack.insert(name, ESN, SLOT)

        assert places(rack) == {"card1": ("", -1)}

    @pytest.mark.parametrize(
        "esn",
        [
            "",
            "7852",
            "7852-268d-3bf9",
            "../cards",
            "7852-268D-3BF9\n",
        ],
    )
    def test_a_wrong_esn(self, rack, esn):
        """Text that is not an ESN is refused, in every act, with what one looks like."""
        rack.new()
        for act in (
            lambda: rack.insert("card1", esn, SLOT),
            lambda: rack.remove(esn, SLOT),
            lambda: rack.format(esn, SLOT),
        ):
            with pytest.raises(CardError, match="is not an ESN, such as 7852-268D-3BF9"):
                act()
        assert places(rack) == {"card1": ("", -1)}

    def test_an_unknown_machine(self, rack, world):
        """An ESN that no machine of this world has is refused with how to start one, and no folder
        appears for it.
        """
        rack.new()
        for act in (
            lambda: rack.insert("card1", "0000-0000-0000", SLOT),
            lambda: rack.remove("0000-0000-0000", SLOT),
            lambda: rack.format("0000-0000-0000", SLOT),
        ):
            with pytest.raises(
                CardError,
                match=(
                    r"^there is no HSM 0000-0000-0000 in .*; start one with: seemachine fleet up$"
                ),
            ):
                act()
        assert not (world / "hsm" / "0000-0000-0000").exists()

    @pytest.mark.parametrize("slot", [-1, 6])
    def test_an_unknown_slot(self, rack, slot):
        """A slot that there is not is refused in every act, and the card stays on the rack."""
        rack.new()
        for act in (
            lambda: rack.insert("card1", ESN, slot),
            lambda: rack.remove(ESN, slot),
            lambda: rack.format(ESN, slot),
        ):
            with pytest.raises(CardError, match=f"there is no slot {slot}"):
                act()

        assert places(rack) == {"card1": ("", -1)}

    def test_each_insertion_counts(self, rack, slots, world):
        """The insertion counter rises by one with each card that goes in, in that slot alone;
        taking out does not count, nor a refusal.
        """
        rack.new(2)
        for turn, name in enumerate(("card1", "card2", "card1"), 1):
            rack.insert(name, ESN, SLOT)
            with pytest.raises(CardError):
                rack.insert(name, ESN, SLOT)
            assert slots.listing()[0].ic == turn
            rack.remove(ESN, SLOT)
            assert Slots(World.at(world), ESN).ic(SLOT) == turn

        assert (
            Slots(World.at(world), OTHER_ESN).ic(SLOT)
            == Slots(World.at(world), ESN).ic(SLOT + 1)
            == 0
        )

    def test_a_failed_insertion_leaves_the_card_somewhere(self, rack, world, monkeypatch):
        """Wherever an insertion fails the card is in one place, and the counter of its slot never
        falls.
        """
        rack.new()
        fault, slots = Fault(), Slots(World.at(world), ESN)
        monkeypatch.setattr(durable, "os", FaultyOs(fault))
        for place in range(9):
            before = slots.ic(SLOT)
            fault.arm(place, full=False)
            try:
                rack.insert("card1", ESN, SLOT)
            except OSError:
                assert len(list(world.rglob("card1.card"))) == 1
            fired = fault.fired
            fault.disarm()
            if slots.occupant(SLOT) is not None:
                assert slots.ic(SLOT) == before + 1
                rack.remove(ESN, SLOT)
            if not fired:
                break
        else:
            pytest.fail("the insertion never succeeded")
        assert place > 3


class TestRemove:
    """Taking a card out."""

    def test_the_card_is_on_the_rack(self, rack, card):
        """A removed card is on the rack with all that is on it, and its name is returned."""
        assert rack.remove(ESN, SLOT) == card
        assert rack.listing() == [Whereabouts(card, LMS, 2, "", -1)]

    def test_a_card_travels(self, rack, card, world):
        """A card that is taken out of one machine and put into another has its leases there, and
        nothing stays behind.
        """
        rack.remove(ESN, SLOT)
        rack.insert(card, OTHER_ESN, 4)

        assert Slots(World.at(world), OTHER_ESN).next_lease(4) == LEASES[0]
        with pytest.raises(CardError, match="there is no card"):
            Slots(World.at(world), ESN).next_lease(SLOT)
        assert len(list(world.rglob("*.card"))) == 1

    def test_an_empty_slot(self, rack):
        """Where there is no card the refusal says so."""
        with pytest.raises(CardError, match=f"^slot {SLOT} of {ESN} is empty"):
            rack.remove(ESN, SLOT)


class TestFormat:
    """Making a card blank."""

    def test_leases_are_guarded(self, rack, card, slots):
        """A card with leases is not formatted without force; the refusal says what would be lost
        and how to do it, and nothing is lost.
        """
        with pytest.raises(CardError) as refused:
            rack.format(ESN, SLOT)

        assert (
            str(refused.value)
            == f"{card} holds 2 unused leases, which formatting destroys for good; add --force to"
            " do it"
        )
        assert slots.next_lease(SLOT) == LEASES[0]

    def test_force_formats(self, rack, card, slots):
        """With force the leases are gone and the card can be written anew."""
        assert rack.format(ESN, SLOT, force=True) == card
        assert read_card(slots.occupant(SLOT)) == Card.blank(card)
        assert slots.write_leases(SLOT, (lease(2),)) == card

    def test_a_used_up_card_needs_no_force(self, rack, card, slots):
        """A card without leases left is formatted as it is asked."""
        for one in LEASES:
            slots.take_lease(SLOT, one)

        assert rack.listing() == [Whereabouts(card, LMS, 0, ESN, SLOT)]
        assert rack.format(ESN, SLOT) == card
        assert rack.listing() == [Whereabouts(card, "blank", 0, ESN, SLOT)]

    def test_a_blank_card_stays_blank(self, rack):
        """Formatting a blank card changes nothing."""
        rack.new()
        rack.insert("card1", ESN, SLOT)

        assert rack.format(ESN, SLOT) == "card1"
        assert rack.listing() == [Whereabouts("card1", "blank", 0, ESN, SLOT)]

    def test_a_damaged_card_becomes_blank(self, rack, card, slots):
        """A card that nobody can read is formatted without force: its leases are lost already."""
        path = slots.occupant(SLOT)
        path.write_bytes(flipped(path.read_bytes(), 400))

        assert rack.listing() == [Whereabouts(card, "unknown", 0, ESN, SLOT)]
        assert rack.format(ESN, SLOT) == card
        assert rack.listing() == [Whereabouts(card, "blank", 0, ESN, SLOT)]

    @pytest.mark.parametrize("force", [False, True])
    def test_a_copy_is_made_blank_by_force(self, rack, card, slots, force):
        """A copy is listed as one and can be formatted, which burns what is on it, and only by
        force: the refusal says what it is.
        """
        path = slots.occupant(SLOT)
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
        assert rack.listing() == [Whereabouts(card, "copy", 0, ESN, SLOT)]
        if force:
            assert rack.format(ESN, SLOT, force=True) == card
            assert slots.write_leases(SLOT, LEASES) == card
            assert slots.next_lease(SLOT) == LEASES[0]
        else:
            with pytest.raises(
                CardError, match=f"^card {card} is a copy or was restored .*; add --force to do it$"
            ):
                rack.format(ESN, SLOT)
            assert path.read_bytes() == data

    def test_a_foreign_card_is_made_blank_by_force(self, rack, slots, tmp_path):
        """A card of another world is listed as foreign and can be formatted, by force."""
        other = private_folder(tmp_path / "other" / "cards")
        write_card(other, Card("card9", LMS, LEASES))
        (other / "card9.card").rename(slots.folder(SLOT) / "card9.card")

        assert rack.listing() == [Whereabouts("card9", "foreign", 0, ESN, SLOT)]
        with pytest.raises(CardError, match=r"^card card9: of the world .*; add --force to do it$"):
            rack.format(ESN, SLOT)
        rack.format(ESN, SLOT, force=True)
        assert rack.listing() == [Whereabouts("card9", "blank", 0, ESN, SLOT)]

    def test_a_card_whose_key_is_away(self, rack, card, world, slots):
        """While the key of the world is missing its cards are foreign and formatted by force alone;
        nothing is lost when it is back.
        """
        (world / "world.key").rename(world / "away")
        assert rack.listing() == [Whereabouts(card, "foreign", 0, ESN, SLOT)]
        with pytest.raises(CardError, match=r"world.key: missing, .*; add --force to do it$"):
            rack.format(ESN, SLOT)
        (world / "away").rename(world / "world.key")

        assert slots.next_lease(SLOT) == LEASES[0]

    @pytest.mark.parametrize("force", [False, True])
    def test_a_copy_beside_the_original(self, rack, card, slots, world, force):
        """Formatting one of two files of a card is refused, for the other one may be the original;
        once that is alone it has its leases.
        """
        copy = world / "cards" / f"{card}.card"
        copy.write_bytes(slots.occupant(SLOT).read_bytes())
        with pytest.raises(
            CardError,
            match=f"^there is a card {card} in {copy.parent} too; .* delete its file first$",
        ):
            rack.format(ESN, SLOT, force=force)
        assert {found.kind for found in rack.listing()} == {"copy", "lms"}
        copy.unlink()

        assert slots.next_lease(SLOT) == LEASES[0]

    def test_an_empty_slot(self, rack):
        """Where there is no card the refusal says so, with force too."""
        for force in (False, True):
            with pytest.raises(CardError, match=f"^slot {SLOT} of {ESN} is empty"):
                rack.format(ESN, SLOT, force=force)


@pytest.mark.parametrize(
    "what", ["remove from an empty slot", "format an empty slot", "insert a card that is in use"]
)
def test_refusals_say_what_to_do(rack, what):
    """The sentence of a refusal goes on, behind a semicolon, with what the person can do."""
    rack.new()
    rack.insert("card1", ESN, SLOT)
    act = {
        "remove from an empty slot": lambda: rack.remove(ESN, 0),
        "format an empty slot": lambda: rack.format(ESN, 0),
        "insert a card that is in use": lambda: rack.insert("card1", ESN, 0),
    }[what]

    with pytest.raises(CardError, match=r"; .*seemachine "):
        act()


def test_hands_at_once(rack, world):
    """Two processes that put the same card into the same slots at once: exactly one gets it in,
    each time.
    """
    targets = [(esn, slot) for slot in range(6) for esn in (ESN, OTHER_ESN)]
    for turn in range(2):
        [name] = rack.new()
        hands = [
            child("insert", world, name, *sum(order, ())) for order in (targets, targets[::-1])
        ]
        for hand in hands:
            assert hand.stdout.readline() == "ready\n"
        for hand in hands:
            hand.stdin.write("go\n")
            hand.stdin.flush()
        done = [place for hand in hands for place in json.loads(hand.communicate(timeout=30)[0])]

        assert len(done) == 1
        assert places(rack)[name] == tuple(done[0])
        assert len(list(world.rglob(f"{name}.card"))) == 1
        rack.remove(*done[0])
        assert len(rack.blanks()) == turn + 1


def test_hands_wait_for_the_machine(card, world):
    """While a machine has its hand on the cards nobody moves one, in no process."""
    with Slots(World.at(world), ESN).locked():
        hand = child("insert", world, card, ESN, SLOT)
        assert hand.stdout.readline() == "ready\n"
        hand.stdin.write("go\n")
        hand.stdin.flush()
        with pytest.raises(TimeoutExpired):
            hand.wait(0.3)
    assert json.loads(hand.communicate(timeout=30)[0]) == []


def test_both_hands_and_machine_write_whole_cards(rack, card, world):
    """What a machine wrote just before the card was taken out is what the next machine finds."""
    Slots(World.at(world), ESN).take_lease(SLOT, LEASES[0])
    rack.remove(ESN, SLOT)
    Rack(World.at(world)).insert(card, OTHER_ESN, SLOT)

    assert Slots(World.at(world), OTHER_ESN).next_lease(SLOT) == LEASES[1]
    with pytest.raises(CardError, match="changed meanwhile"):
        Slots(World.at(world), OTHER_ESN).take_lease(SLOT, LEASES[0])


def test_a_card_in_two_places_is_used_in_none(rack, card, world):
    """A card file that was copied to another place, under its own name, is the same card twice;
    neither gives a lease.
    """
    folder = Slots(World.at(world), OTHER_ESN).folder(SLOT)
    write_card(folder, read_card(Slots(World.at(world), ESN).occupant(SLOT)))
    for esn in (ESN, OTHER_ESN):
        for take in (Slots.next_lease, lambda slots, slot: slots.take_lease(slot, LEASES[0])):
            with pytest.raises(StateError, match=f"card {card}: it is in two places"):
                take(Slots(World.at(world), esn), SLOT)

    folder.joinpath(f"{card}.card").rename(world / "cards" / f"{card}.card")
    with pytest.raises(StateError, match="in two places"):
        Slots(World.at(world), ESN).next_lease(SLOT)
