"""The cards in the slots of a module, and which of them are looked for."""

from dataclasses import dataclass
from pathlib import Path

from seemachine.hsms.records import Module
from seemachine.nfast import select
from seemachine.state.cards.cardsets import SetCard, read_set_card
from seemachine.state.cards.dealing import CardSet
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import read_card
from seemachine.state.errors import StateCorrupt
from seemachine.world import World

# Slot 1 holds no card: it is the soft token of the module (slotinfo), and the guide's dialogues
# pass it over.
SHOWN = (0, 2, 3, 4, 5)
EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Search:
    """The cards of a set, looked for in the slots of a module, or in one slot of it.

    `option` is what names another module, for advice.
    """

    world: World
    module: Module
    cardset: CardSet
    slot: int | None = None
    option: str = ""

    def wanted(self, slot: int, card: SetCard | None) -> bool:
        """Whether this card in this slot is one to read."""
        return card is not None and card.set_hash == self.cardset.hash and self.slot in (None, slot)


def presented(world: World, module: Module) -> dict[int, tuple[str, SetCard | None]]:
    """What is in the slots of a module: its text, and the card where it is one of a set."""
    slots = Slots(world, module.esn)
    with slots.locked():
        return {slot: _described(slots.occupant(slot)) for slot in SHOWN}


def _described(path: Path | None) -> tuple[str, SetCard | None]:
    if path is None:
        return EMPTY, None
    card = read_set_card(path)
    return (card.label, card) if card else (kind_of(path), None)


def kind_of(path: Path) -> str:
    """What a card file holds: operator, admin, blank, lms or unknown."""
    card = read_set_card(path)
    if card is not None:
        return card.kind
    try:
        return read_card(path).kind
    except StateCorrupt:
        return "unknown"


def where(world: World, number: int | None, set_hash: str) -> Module:
    """The module to read the cards of a set in: that of the number, else the first to which one is
    presented, else the first.

    Raises Refusal: no such module, mode.
    """
    holding = [
        module
        for module in select.ready(world, number)
        if any(card and card.set_hash == set_hash for _, card in presented(world, module).values())
    ]
    module = holding[0] if holding else select.only(world, number)
    select.refuse_mode(module)
    return module
