"""originals.py: the file that was written last is the card, whatever crashes, and no copy of it
ever is.
"""

import os
import shutil
import subprocess
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from kit.faults import Fault, FaultyOs
from kit.flips import flipped
from kit.leases import lease
from state.dying import left_behind

from seemachine.state.cards.smartcard import LMS, Card, look, read_card, write_card
from seemachine.state.disk import durable, file_identity
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import private_folder
from seemachine.state.errors import StateCopied, StateCorrupt, StateLinked
from seemachine.state.witness import card_witness

LEASES = tuple(lease(first=first, end=first + 8) for first in (0, 8, 16))
FULL = Card("card7", LMS, LEASES)


@pytest.fixture
def rack(tmp_path):
    """Where cards of a world lie."""
    return private_folder(tmp_path / "world" / "cards")


@pytest.fixture
def card(rack):
    """The file of a card with three leases."""
    write_card(rack, FULL)
    return rack / "card7.card"


def witness(rack):
    """What is remembered of that card."""
    return rack.parent / "witness" / "cards" / "card7"


def rewritten(path, data):
    """The ways in which a file comes back to where it lay."""
    path.write_bytes(data)


def replaced(path, data):
    """As rsync and most restores do."""
    path.with_name("new").write_bytes(data)
    path.with_name("new").replace(path)


def deleted(path, data):
    """As tar does; the inode is likely to be used again."""
    path.unlink()
    path.write_bytes(data)


BACK = pytest.mark.parametrize("back", [rewritten, replaced, deleted])


class TestCopies:
    """Files that are not the card."""

    @BACK
    def test_an_older_card(self, rack, card, back):
        """A card from before a lease was taken is refused, however it came back."""
        old = card.read_bytes()
        write_card(rack, FULL.without_first())
        back(card, old)

        with pytest.raises(
            StateCopied,
            match=(
                r"^card card7 is a copy or was restored from a backup: its leases may have been"
                r" used since$"
            ),
        ):
            read_card(card)
        assert look(card) == ("copy", 0)

    def test_the_card_itself_under_another_name_for_a_while(self, rack, card):
        """A hard link to the card of before is refused when it is put back."""
        os.link(card, rack / "kept")
        write_card(rack, FULL.without_first())
        (rack / "kept").replace(card)

        with pytest.raises(StateCopied):
            read_card(card)

    def test_a_card_with_two_names(self, rack, card):
        """As long as there is a hard link to a card it is refused under each name; after that it is
        the card.
        """
        os.link(card, rack / "kept")
        with pytest.raises(StateLinked, match=r"card card7 has 2 names on the disk \(hard links\)"):
            read_card(card)
        assert look(card) == ("copy", 0)
        (rack / "kept").unlink()

        assert read_card(card) == FULL

    @pytest.mark.parametrize("original_goes", [False, True])
    def test_a_linked_world(self, card, rack, tmp_path, original_goes):
        """In a world of hard links, witness and all, a card is refused, also once it is the only
        one with this inode.
        """
        shutil.copytree(rack.parent, tmp_path / "linked", copy_function=os.link)
        if original_goes:
            shutil.rmtree(rack.parent)
        else:
            write_card(rack, FULL.without_first())

        with pytest.raises(StateCopied):
            read_card(tmp_path / "linked" / "cards" / card.name)

    def test_a_record_of_an_earlier_checkout(self, rack, card):
        """A record that does not name its folder is taken, and names it from the next change on."""
        values = unseal(witness(rack).read_bytes(), "record")
        del values["folder"]
        witness(rack).write_bytes(seal(values))
        assert read_card(card) == FULL
        write_card(rack, FULL.without_first())

        assert "folder" in unseal(witness(rack).read_bytes(), "record")

    @pytest.mark.parametrize(
        "copy",
        [shutil.copy2, lambda one, other: subprocess.run(["cp", "-a", one, other], check=True)],
    )
    def test_a_copy_in_place_of_the_original(self, card, copy):
        """A copy of the card as it is now is refused where the original lay; the original, put
        back, is not.
        """
        original = card.rename(card.with_name("original"))
        copy(original, card)
        with pytest.raises(StateCopied):
            read_card(card)

        original.replace(card)
        assert read_card(card) == FULL

    @pytest.mark.parametrize("back", [rewritten, deleted])
    def test_a_restored_world(self, card, rack, tmp_path, back):
        """Cards, witness and key that were restored together from a backup are refused."""
        shutil.copytree(rack.parent, tmp_path / "backup")
        write_card(rack, FULL.without_first())
        for path in (card, witness(rack)):
            back(path, (tmp_path / "backup" / path.relative_to(rack.parent)).read_bytes())

        with pytest.raises(StateCopied):
            read_card(card)
        with pytest.raises(StateCopied):
            read_card(tmp_path / "backup" / "cards" / "card7.card")

    def test_a_card_that_nobody_knows(self, rack, card):
        """A card with leases is refused when its witness is gone."""
        witness(rack).unlink()

        with pytest.raises(StateCopied):
            read_card(card)

    def test_a_card_that_was_formatted(self, rack, card):
        """After formatting the leases do not come back with a backup, and the witness is gone."""
        old = card.read_bytes()
        write_card(rack, Card.blank("card7"))
        assert not witness(rack).exists()
        card.write_bytes(old)

        with pytest.raises(StateCopied):
            read_card(card)

    @BACK
    def test_a_blank_copy_is_blank(self, rack, card, back):
        """A blank card is taken as such, also over an lms card; written anew it is the card, and
        the old one is not.
        """
        lost = card.read_bytes()
        write_card(rack, Card.blank("card7"))
        blank = card.read_bytes()
        write_card(rack, FULL)
        back(card, blank)
        assert read_card(card) == Card.blank("card7")
        write_card(rack, FULL.without_first())

        assert read_card(card) == FULL.without_first()
        back(card, lost)
        with pytest.raises(StateCopied):
            read_card(card)


def test_the_name_of_a_card_is_flushed_before_the_file_that_has_it_is_forgotten(
    card, rack, monkeypatch
):
    """A killed process, or a full disk, may have left it without: after a power cut the file of
    before would lie there again, which nobody remembers any more.
    """
    before = witness(rack).read_bytes()
    flushed = []
    monkeypatch.setattr(
        card_witness,
        "flush_folder",
        lambda path: flushed.append((path, witness(rack).read_bytes() == before)),
    )
    write_card(rack, FULL.without_first())
    assert flushed == [(card.parent, True)]


def test_moving_changes_nothing(card, rack):
    """A card that is moved, and whose modes and times change, is still the card."""
    slot = private_folder(rack.parent / "hsm" / "7852-268D-3BF9" / "slots" / "2")
    moved = card.rename(slot / card.name)
    moved.chmod(0o400)
    os.utime(moved, (1, 1))

    assert read_card(moved) == FULL
    assert read_card(moved.rename(card)) == FULL


def test_a_card_is_itself_where_little_is_told(rack, card, monkeypatch):
    """A card that was written where the kernel tells all is the card where it tells less, and the
    other way round.
    """
    monkeypatch.setattr(file_identity, "_function", lambda _name: None)
    assert read_card(card) == FULL
    write_card(rack, FULL)
    monkeypatch.undo()

    assert read_card(card) == FULL


class TestWitness:
    """Damage to what is remembered."""

    @pytest.mark.parametrize("bit", [0, 200, 555])
    def test_a_damaged_witness(self, rack, card, bit):
        """With a damaged witness the card is refused, and the sentence names the witness;
        formatted, the card can be written again.
        """
        witness(rack).write_bytes(flipped(witness(rack).read_bytes(), bit))
        with pytest.raises(StateCorrupt, match=r"witness/cards/card7: the checksum does not fit"):
            read_card(card)
        write_card(rack, Card.blank("card7"))
        write_card(rack, FULL)

        assert read_card(card) == FULL

    def test_another_cards_witness(self, rack):
        """The witness of another card vouches for that one only."""
        write_card(rack, FULL)
        write_card(rack, Card("card8", LMS, LEASES))
        shutil.copy(witness(rack), witness(rack).with_name("card8"))

        with pytest.raises(
            StateCorrupt, match=r"witness/cards/card8: not a record of this version"
        ):
            read_card(rack / "card8.card")


class Died(BaseException):
    """The process died here."""


def dying_everywhere(tmp_path, patch, prepare, act):
    """Let the process die at each place of an operation in turn.

    Yields the rack as the next process finds it, and the place.
    """
    for place in count():
        fault = Fault()
        rack = private_folder(tmp_path / str(place) / "cards")
        prepare(rack)
        left = tmp_path / f"{place} left"

        def die(rack=rack, left=left):
            left_behind(rack.parent, left)
            raise Died

        with patch.context() as context:
            for module, name in ((durable, "os"), (Path, "replace")):
                context.setattr(module, name, FaultyOs(fault) if name == "os" else striking(fault))
            fault.arm(place, hook=die)
            with suppress(Died):
                act(rack)
        if not fault.fired:
            assert place > 4
            return
        yield left / "cards", place


def striking(fault):
    """A rename that is a place to die at, before it happened."""
    replace = Path.replace

    def rename(path, target):
        fault.strike(lambda _full: OSError())
        return replace(path, target)

    return rename


def test_dying_while_a_lease_is_taken(tmp_path, monkeypatch):
    """Wherever the process dies there is a card that is accepted, the old one or the new one; from
    the new one on the old is refused.
    """
    found = []
    for rack, place in dying_everywhere(
        tmp_path,
        monkeypatch,
        lambda rack: write_card(rack, FULL),
        lambda rack: write_card(rack, FULL.without_first()),
    ):
        card = rack / "card7.card"
        # Let alone, the next process goes on with what is there.
        left = read_card(card)
        found.append(len(left.leases))
        write_card(rack, left.without_first())
        assert read_card(card) == left.without_first()
        # The card from before, kept by whatever means, is not the card any more.
        old = tmp_path / str(place) / "cards" / "card7.card"
        card.write_bytes(old.read_bytes())
        with pytest.raises(StateCopied):
            read_card(card)

    assert sorted(found, reverse=True) == found
    assert set(found) == {2, 3}


def test_dying_while_a_blank_card_is_written(tmp_path, monkeypatch):
    """Wherever the process dies the card is blank, or has its leases and is accepted."""
    kinds = []
    for rack, _place in dying_everywhere(
        tmp_path,
        monkeypatch,
        lambda rack: write_card(rack, Card.blank("card7")),
        lambda rack: write_card(rack, FULL),
    ):
        kinds.append(look(rack / "card7.card"))

    assert set(kinds) == {("blank", 0), ("lms", 3)}
    assert sorted(kinds) == kinds


def test_a_copy_never_becomes_the_card(tmp_path, monkeypatch):
    """Wherever the process dies that writes over a copy, the copy is still refused."""

    def prepare(rack):
        write_card(rack, FULL)
        deleted(rack / "card7.card", (rack / "card7.card").read_bytes())

    looks = [
        look(rack / "card7.card")
        for act in (FULL.without_first(), Card.blank("card7"))
        for rack, _place in dying_everywhere(
            tmp_path / act.kind, monkeypatch, prepare, lambda rack, act=act: write_card(rack, act)
        )
    ]

    assert set(looks) == {("copy", 0), ("lms", 2), ("blank", 0)}
