"""Moving leases from cards into machines: `provesn=` (guide 2.7.2.1)."""

from seeclient import cards, dispatch
from seeclient.algorithms.lms import thresholds
from seeclient.effects import Roster, Story, ask
from seeclient.patience import Patience
from seemachine.frozen import frozen
from seemachine.wire.messages import ProvisionLms
from seemachine.wire.status import StatusError


@frozen
class Provisioned:
    """A lease that moved from a card to a machine: leaves `first` to `end`.

    `leases_left` are on the card. `warnat` is the threshold in force; `threshold_refusal` says
    why that is less than its key's.
    """

    esn: str
    public_key: bytes
    first: int
    end: int
    leases_left: int
    warnat: int = 0
    threshold_refusal: StatusError | None = None


def provision(
    roster: Roster, esn: str, slot: int, patience: Patience | None = None
) -> Story[Provisioned]:
    """Move the next lease of the card in a slot into its machine.

    With patience, a card that has one is waited for. Raises StatusError.
    """
    peer = dispatch.machine(roster, esn)
    if patience is not None:
        yield from cards.awaited(peer, cards.LMS, slot, patience)
    moved = yield from ask(peer, ProvisionLms(slot=slot))
    threshold = yield from thresholds.raise_to_key(roster, peer, moved)
    leaves = moved.first, moved.end
    return Provisioned(peer.esn, moved.public_key, *leaves, moved.leases, *threshold)
