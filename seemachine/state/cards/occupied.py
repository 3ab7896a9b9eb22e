"""What is told of a slot with a card in it."""

from pathlib import Path

from seemachine.frozen import frozen
from seemachine.state.cards.cardsets import ADMIN, OPERATOR
from seemachine.state.cards.smartcard import BLANK, LMS, UNKNOWN, look
from seemachine.wire.names import CARDSET

# What is told of a card that `look` knows.
TOLD = {BLANK: BLANK, LMS: LMS, ADMIN: CARDSET, OPERATOR: CARDSET}


@frozen
class Occupied:
    """A slot with a card in it.

    `kind` is one of TOLD, or `unknown` when the card can't be used; `ic` is the slot's insertion
    counter.
    """

    slot: int
    ic: int
    kind: str
    card: str
    leases: int


def describe(slot: int, ic: int, path: Path) -> Occupied:
    """The slot with the card in this file, which may be damaged or gone by now."""
    kind, leases = look(path)
    return Occupied(slot, ic, TOLD.get(kind, UNKNOWN), path.stem, leases)
