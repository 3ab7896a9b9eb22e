"""Operator card sets without the tools: their cards on the rack and in slots."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from seemachine.state.cards.cardsets import OPERATOR
from seemachine.state.cards.dealing import deal
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
    passphrases: Sequence[bytes] = (b"",),
    slots: Collection[int] = (),
    kind: str = OPERATOR,
) -> DealtSet:
    """Write a card for each passphrase, and put the first of them into slots of the machine ESN."""
    made, secret = deal(world, (name, kind), name, quorum, passphrases)
    for number, slot in enumerate(slots, 1):
        Rack(world).insert(f"{name}-{number}", ESN, slot)
    return DealtSet(name, bytes.fromhex(made.hash), secret)
