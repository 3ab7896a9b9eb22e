"""Making card sets: a secret, and its shares on new cards."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seemachine.formats import CARD_SET
from seemachine.state.cards import secret_sharing, shares
from seemachine.state.cards.cardsets import KIND, SetCard, write_set_card
from seemachine.world import World


@dataclass(frozen=True, slots=True)
class CardSet:
    """What a host knows of a card set. `kind` is OPERATOR or ADMIN; `hash` names its secret."""

    name: str
    hash: str
    kind: str
    quorum: int
    cards: int

    @property
    def file_name(self) -> str:
        """Where kmdata/local has it."""
        return f"cards_{self.hash}"

    def encoded(self) -> bytes:
        """What is in that file."""
        return json.dumps({"version": CARD_SET.version, **self.stored()}, indent=1).encode()

    def stored(self) -> dict[str, Any]:
        """As a file keeps it. Its kind is called as on its cards."""
        values = asdict(self)
        return {KIND: values.pop("kind"), **values}

    @classmethod
    def of(cls, values: dict[str, Any]) -> "CardSet":
        """Of a file. Raises KeyError, TypeError."""
        return cls(kind=values[KIND], **{name: values[name] for name in values if name != KIND})


def card_names(prefix: str, cards: int) -> list[str]:
    """What the cards of a set are called, in the order of their numbers."""
    return [f"{prefix}-{number}" for number in range(1, cards + 1)]


def deal(
    world: World, cardset: tuple[str, str], prefix: str, quorum: int, passphrases: Sequence[bytes]
) -> tuple[CardSet, bytes]:
    """Put a card for each passphrase on the rack, and return the set and its secret.

    `cardset` is its name and kind. Raises StateCorrupt where there is a card of such a name.
    """
    name, kind = cardset
    secret = os.urandom(secret_sharing.SECRET_BYTES)
    made = CardSet(name, shares.set_hash(secret), kind, quorum, len(passphrases))
    dealt = zip(
        card_names(prefix, made.cards),
        passphrases,
        secret_sharing.split(secret, quorum, made.cards),
        strict=True,
    )
    for number, (card, passphrase, share) in enumerate(dealt, 1):
        blank = SetCard(card, kind, name, made.hash, number, quorum, bool(passphrase))
        write_set_card(world, shares.with_share(blank, passphrase, share))
    return made, secret
