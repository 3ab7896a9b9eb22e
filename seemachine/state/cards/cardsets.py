"""Smart cards of the Administrator and Operator Card Sets: files in the rack like all cards, each
with one share of its set's secret.

Whoever reads LMS cards sees a card of an unknown kind in them, and leaves it alone.
"""

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from seemachine.formats import Format
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.state.errors import StateCorrupt
from seemachine.world import CARD_SUFFIX, World

OPERATOR = "operator"
ADMIN = "admin"
FORMAT = Format("card of a card set")
# As many as a quorum of shares can be of.
MOST_CARDS = 64
# What the kind is called in a file.
KIND = "token"


@dataclass(frozen=True, slots=True)
class SetCard:
    """One card of a set. `kind` is OPERATOR or ADMIN.

    `share` is encrypted under the card's passphrase, or under none when `passphrase` is False.
    """

    name: str
    kind: str
    cardset: str
    set_hash: str
    number: int
    quorum: int
    passphrase: bool
    salt: bytes = b""
    share: bytes = b""

    @property
    def label(self) -> str:
        """As the tools print it (guide 2.5.1 step 4)."""
        return (
            f"Admin Card #{self.number}"
            if self.kind == ADMIN
            else f"`{self.cardset}' #{self.number}"
        )

    def holding(self, salt: bytes, share: bytes) -> "SetCard":
        """This card with a share on it."""
        return replace(self, salt=salt, share=share)


def write_set_card(world: World, card: SetCard) -> None:
    """Put a new card on the rack, durably.

    Raises StateCorrupt when there is a card of that name.
    """
    folder = private_folder(world.cards)
    if any(folder.glob(f"{card.name}{CARD_SUFFIX}")) or any(
        world.folder.glob(f"hsm/*/slots/*/{card.name}{CARD_SUFFIX}")
    ):
        raise StateCorrupt(f"there is a card {card.name} already")
    replace_file(folder / f"{card.name}{CARD_SUFFIX}", seal(_values(card), FORMAT))


def read_set_card(path: Path) -> SetCard | None:
    """The card in a file; None when it is another kind of card, damaged, or a copy under another
    name.
    """
    try:
        values = unseal(path.read_bytes(), path.stem, FORMAT)
        card = SetCard(kind=values.pop(KIND), **values)
    except (StateCorrupt, KeyError, TypeError, OSError):
        return None
    return card if card.name == path.stem and _is_sound(card) else None


def _is_sound(card: SetCard) -> bool:
    """Whether its values are such as a card has, whoever wrote it."""
    types = {each.name: type(getattr(card, each.name)) for each in fields(card)}
    return types == SetCard.__annotations__ and (
        1 <= card.number <= MOST_CARDS and 1 <= card.quorum <= MOST_CARDS
    )


def on_rack(world: World, set_hash: str) -> list[SetCard]:
    """The cards of a set that lie on the rack, by number."""
    cards = map(read_set_card, world.cards.glob(f"*{CARD_SUFFIX}"))
    return sorted(
        (card for card in cards if card and card.set_hash == set_hash),
        key=lambda card: card.number,
    )


def _values(card: SetCard) -> dict[str, Any]:
    values = asdict(card)
    return {KIND if name == "kind" else name: value for name, value in values.items()}
