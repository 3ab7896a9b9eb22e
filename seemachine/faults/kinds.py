"""Every kind of fault: where it happens, what it does there, which words it takes.

The table is the whole list: text forms, help and docs/how-to/faults.md are made of it.
"""

from enum import Enum

from seemachine.frozen import frozen
from seemachine.wire.status import Status

# Where a fault happens: at a request, or at one of the places of a machine's state.
REQUEST = "request"
CARD_READ = "card read"
CARD_WRITE = "card write"
NVRAM_WRITE = "NVRAM write"
DISK_WRITE = "disk write"
WITNESS = "witness"
CLOCK = "clock"

# The words that every kind takes.
SPANS = ("at", "until")
COMMON = ("times", "after", "every", "probability", "seed", *SPANS)
# All requests that make a signature, whichever of them a client chooses.
SIGNING = "signing"
GROUPS = {
    SIGNING: ("nvmemfile_sign", "nvmemfile_sign_many", "nvmemfile_sign_digest", "signMLDSA"),
}
# When a card is pulled.
READ, WRITE, WRITTEN = "read", "write", "written"
MOMENTS = {
    READ: "after it was read",
    WRITE: "while it is written: nothing of it is",
    WRITTEN: "after it was written, before the machine knows",
}


class Cut(Enum):
    """How a connection ends in the middle of a request."""

    # The request is not carried out.
    BEFORE = "before"
    # It is carried out; the reply is lost.
    AFTER = "after"
    # It is carried out; half of the reply arrives.
    TORN = "torn"


@frozen
class Kind:
    """`what` is a phrase without a subject for help and docs.

    `place` is where it happens, `own` are the words that it takes beside the common ones, `needs`
    those of them that must be given. `times` is how often it happens where nobody says: 0, until it
    is cleared. A request that meets it is cut off (`cut`) or refused (`status`, `detail`, unless it
    says others); with `spares_looks` not one that only looks. One that `lasts` is there all the
    time, so nothing of it is counted.
    """

    name: str
    what: str
    place: str = REQUEST
    own: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    times: int = 0
    cut: Cut | None = None
    status: Status | None = None
    detail: str = ""
    spares_looks: bool = False
    lasts: bool = False

    @property
    def takes(self) -> tuple[str, ...]:
        """Every word that it takes."""
        return (*(SPANS if self.lasts else ("on", *COMMON)), *self.own)


_OF_REQUESTS = (
    Kind(
        "refuse",
        "refuses the request with a status and a sentence, before it is carried out",
        own=("status", "detail"),
        status=Status.NotAvailable,
        detail="refused by an injected fault",
    ),
    Kind(
        "delay",
        "waits for some seconds, then carries the request out",
        own=("seconds",),
        needs=("seconds",),
    ),
    Kind(
        "drop-before",
        "closes the connection before the request is carried out",
        cut=Cut.BEFORE,
    ),
    Kind(
        "drop-after",
        "carries the request out, commit included, and closes the connection without a reply",
        cut=Cut.AFTER,
    ),
    Kind(
        "tear",
        "carries the request out, sends half of the reply and closes the connection",
        cut=Cut.TORN,
    ),
)
_OF_MACHINES = (
    Kind(
        "module-failed",
        "refuses all requests but those that only look, as a failed module does, until it is"
        " cleared",
        status=Status.NotAvailable,
        detail="the module has failed; clear it with: seemachine fault clear, or nopclearfail -c",
        spares_looks=True,
    ),
    Kind(
        "restart",
        "closes all connections, and closes and opens the NVRAM, as a restart of the machine does;"
        " the request is not carried out",
        times=1,
        cut=Cut.BEFORE,
    ),
)
_OF_STATE = (
    Kind(
        "card-pulled",
        "pulls the card out of its slot while the machine is at it, onto the rack; `moment` says"
        " when: after it was `read`, at its `write`, or once it is `written` and the machine does"
        " not know yet",
        CARD_WRITE,
        own=("moment", "card"),
    ),
    Kind(
        "card-worn",
        "lets the card refuse to be written; what is on it can be read",
        CARD_WRITE,
        own=("card",),
    ),
    Kind(
        "card-torn",
        "leaves the card half-written: nobody reads it any more",
        CARD_WRITE,
        own=("card",),
    ),
    Kind("nvram-full", "leaves no room in NVRAM for another lease", NVRAM_WRITE),
    Kind(
        "disk-full",
        "leaves no room on the disk for what is written next: to NVRAM, to a half-made key or to a"
        " card",
        DISK_WRITE,
    ),
    Kind(
        "witness-lost",
        "keeps the machine from its witness; a start without it finds an NVRAM that no witness has"
        " seen",
        WITNESS,
    ),
    Kind(
        "clock-moved",
        "moves the machine's clock by some seconds; a negative number moves it back",
        CLOCK,
        own=("seconds",),
        needs=("seconds",),
        lasts=True,
    ),
)
KINDS = {kind.name: kind for kind in (*_OF_REQUESTS, *_OF_MACHINES, *_OF_STATE)}
