"""Operator card sets without the tools: their cards on the rack and in slots."""

from collections.abc import Collection
from dataclasses import dataclass

from seemachine.state.cards import secret_sharing, shares
from seemachine.state.cards.cardsets import OPERATOR, SetCard, write_set_card
from seemachine.state.cards.rack import Rack
from seemachine.testing import ESN
from seemachine.world import World


@dataclass(frozen=True)
class DealtSet:
    """A set whose cards were dealt: NAME-1, NAME-2, and so on."""

    name: str
    hash: bytes
    secret: bytes


def deal_cards(
    world: World,
    name: str = "ocs",
    quorum: int = 1,
    passphrases: Collection[bytes] = (b"",),
    slots: Collection[int] = (),
    kind: str = OPERATOR,
) -> DealtSet:
    """Write a card for each passphrase, and put the first of them into slots of the machine ESN."""
    secret = f"secret of {name}".ljust(secret_sharing.SECRET_BYTES).encode()
    named = shares.set_hash(secret)
    dealt = secret_sharing.split(secret, quorum, len(passphrases))
    for number, (passphrase, share) in enumerate(zip(passphrases, dealt, strict=True), 1):
        card = SetCard(f"{name}-{number}", kind, name, named, number, quorum, bool(passphrase))
        write_set_card(world, shares.with_share(card, passphrase, share))
    for number, slot in enumerate(slots, 1):
        Rack(world).insert(f"{name}-{number}", ESN, slot)
    return DealtSet(name, bytes.fromhex(named), secret)
