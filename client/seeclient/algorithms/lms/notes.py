"""The note of who is asked for a signature, by which whoever asks again finds the same machine."""

from seeclient.effects import Peer
from seeclient.sightings import Leases
from seemachine.frozen import frozen
from seemachine.wire.messages import NvmemfileSign
from seemachine.wire.status import Status, StatusError

# In a note, of a machine that counts none.
NO_OPENING = "-"


@frozen
class Noted:
    """Which machine was asked, in which opening of its NVRAM, and which leaves of it were known
    before.

    Whoever asks again compares with these: the leaf of this very signature may be known by then.
    That holds for the same opening: in a later one the NVRAM may have been put back, and what is
    known by then counts.
    """

    esn: str
    opening: str
    leases: Leases

    def is_of(self, peer: Peer) -> bool:
        """Whether a machine has been up since."""
        return self.opening == peer.greeting.opening.hex()


def written(peer: Peer, before: Leases) -> str:
    """What `asking` is told: see Noted."""
    known = (f"{lease}:{leaf}" for lease, leaf in before.items())
    return " ".join([peer.esn, peer.greeting.opening.hex() or NO_OPENING, *known])


def read(text: str) -> Noted | None:
    """None without one. Raises StatusError."""
    if not text:
        return None
    try:
        esn, opening, *words = text.split()
        pairs = (word.split(":") for word in words)
        return Noted(esn, opening, {int(lease): int(leaf) for lease, leaf in pairs})
    except ValueError:
        what = f"not a note that `asking` was told: {text[:100]!r}"
        raise StatusError(Status.InvalidParameter, what, NvmemfileSign.NAME) from None
