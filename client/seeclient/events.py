"""What happens while a key is made, for whoever shows progress.

Seconds are wall time of the step.
"""

from collections.abc import Callable

from seemachine.frozen import frozen


@frozen
class Started:
    """The machine has begun; `steps` are left, of `leaves_per_step` leaves each but the last."""

    alias: str
    seconds: float
    steps: int
    leaves_per_step: int


@frozen
class Resumed(Started):
    """A half-made key goes on."""


@frozen
class ChunkDone:
    """One step is done."""

    alias: str
    seconds: float
    remaining: int


@frozen
class KeyMade:
    """A key that takes no steps is made, and its key file saved."""

    algorithm: str
    alias: str
    seconds: float


@frozen
class CardsNeeded:
    """All leaves are made; now this many blank cards are written."""

    cards: int


@frozen
class CardTried:
    """The card in `slot` is about to be written."""

    slot: int


@frozen
class CardDone:
    """A card was written; so many are still to be."""

    remaining: int


@frozen
class CardWanted:
    """No blank card is there. `detail` is the machine's sentence."""

    esn: str
    slot: int
    detail: str


Event = Started | ChunkDone | KeyMade | CardsNeeded | CardTried | CardDone | CardWanted
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener for those who do not care."""
