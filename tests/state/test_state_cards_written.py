"""What writing a card leaves when it fails, and what a carried card must be."""

import errno
from pathlib import Path

import msgpack
import pytest
from kit.leases import lease

from seemachine.state.cards import smartcard
from seemachine.state.cards.smartcard import LMS, Card, carried_card, read_card, write_card
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.world_key import world_key
from seemachine.state.errors import StateCorrupt
from seemachine.state.records import lease_values
from seemachine.world import World

FULL = Card("card7", LMS, tuple(lease(first=first, end=first + 8) for first in (0, 8, 16)))


@pytest.fixture
def rack(tmp_path: Path) -> Path:
    """Where cards of a world lie."""
    return private_folder(tmp_path / "cards")


def test_a_card_that_could_not_be_formatted(rack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its leases, and the witness still knows it: they are there for the next attempt."""
    write_card(rack, FULL)

    def no_room(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(smartcard, "replace_file", no_room)
    with pytest.raises(OSError, match="No space"):
        write_card(rack, Card.blank("card7"))
    monkeypatch.undo()

    assert read_card(rack / "card7.card") == FULL


def test_formatting_needs_no_world(rack: Path) -> None:
    """A blank card has no secret: no key of a world is made for it."""
    write_card(rack, Card.blank("card1"))

    assert [path.name for path in rack.parent.iterdir()] == ["cards"]


@pytest.mark.parametrize("change", [{"kind": "gold"}, {"kind": ""}], ids=str)
def test_a_carried_card_of_another_kind(rack: Path, change: dict[str, object]) -> None:
    """Only an lms card is carried, even where its leases could be read."""
    write_card(rack, FULL)
    values = unseal((rack / "card7.card").read_bytes(), "") | change

    with pytest.raises(StateCorrupt, match="card card7: not a card of this version"):
        carried_card(World.at(rack.parent), "card7", seal(values))


@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_carried_card_with_other_leases(rack: Path, number: int) -> None:
    """The number in clear and the leases that were encrypted with it are the same number."""
    secret = world_key(World.at(rack.parent)).encrypt(
        "card",
        msgpack.packb(["card7", LMS, number]),
        msgpack.packb([lease_values(each) for each in FULL.leases]),
    )
    data = seal({"name": "card7", "kind": LMS, "leases": number, "secret": secret})

    with pytest.raises(StateCorrupt, match="card card7: not a card of this version"):
        carried_card(World.at(rack.parent), "card7", data)
