"""What is remembered of a machine's NVRAM outside of it, so that an NVRAM that was copied or put
back is noticed.

A witness knows the last opening (which NVRAM, which number, where it lay) and, per lease, the next
leaf. Openings are exact. Notes of leaves may lag after a loss of power, and never run ahead.

What guards must not travel with what it guards. Therefore there are several, each out of reach of
another way to put things back: a file that names itself (`record_file`), the host's runtime folder
(`runtime`), a database, and what clients remember.

Order of an opening, never to be changed: `meet`, then a doubt is durable in the NVRAM, then the
opening is durable in the NVRAM, then each witness learns of it. A crash in between leaves each
witness at one of the two openings that the NVRAM knows; the next `meet` brings those that lag to
the same one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seemachine.state.errors import StateCorrupt

IDENTITY_BYTES, NONCE_BYTES = 16, 8
# No machine comes near it. A count above is damage, and every store can write the next one.
MOST_OPENINGS = 1 << 62


@dataclass(frozen=True, slots=True)
class Mark:
    """One opening of an NVRAM.

    `identity` is the NVRAM's for life, `nonce` this opening's alone, `place` tells a folder from
    its copy.
    """

    identity: bytes
    epoch: int
    nonce: bytes
    place: bytes = b""

    def __post_init__(self) -> None:
        types = [type(part) for part in (self.identity, self.epoch, self.nonce, self.place)]
        lengths = (
            (len(self.identity), len(self.nonce)) if types == [bytes, int, bytes, bytes] else ()
        )
        if lengths != (IDENTITY_BYTES, NONCE_BYTES):
            raise StateCorrupt("invalid record of an opening")
        if not 0 <= self.epoch <= MOST_OPENINGS:
            raise StateCorrupt("the count of openings is damaged")


@dataclass(frozen=True, slots=True)
class Past:
    """What an NVRAM says of itself: its last opening, what the witness held before that, and a
    doubt that has not ended.
    """

    last: Mark
    before: tuple[int, bytes] = (0, b"")
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """Leaves before `following` are to be used, of the lease of an NVRAM file from leaf `first` to
    `end` (not included).
    """

    name: bytes
    first: int
    following: int
    end: int


class Witness(Protocol):
    """The memory of one machine's NVRAM.

    Calls may come from several threads. Raises OSError, StateError.
    """

    def meet(self, past: Past, place: bytes) -> str:
        """Compare an NVRAM with what is remembered of it, before anything is given out.

        Returns why it may not be the one that was used last, or an empty text. Then an opening of
        which a crash kept this witness from learning is brought to its end. `place` is the handle
        of the machine's folder.
        """

    def last(self, identity: bytes) -> Mark | None:
        """The last opening of that NVRAM that it saw."""

    def advance(self, mark: Mark, doubt: str) -> None:
        """Remember an opening, durably. `doubt` is what any witness had against it."""

    def against(self, name: bytes, first: int, following: int) -> str:
        """Why a lease that stands at `following` may be one that was put back; empty when all is
        well.

        At an opening.
        """

    def floor(self, name: bytes, first: int) -> int:
        """The first leaf of a lease that no earlier opening can have used: it goes on there, or
        later.

        At an opening.
        """

    def claim(self, name: bytes, first: int, end: int) -> None:
        """A lease comes into this NVRAM, and never into another.

        Raises LeaseSpent when it was in another. May be slow.
        """

    def is_spent(self, name: bytes, first: int, end: int) -> bool:
        """Whether any of these leaves were in an NVRAM before, as far as it knows. May be slow."""

    def vouch(self, uses: Sequence[Use]) -> None:
        """Before leaves are used: have it know that they may be.

        May be slow. Raises StateFailed, StateLocked when they may not.
        """

    def take(self, uses: Sequence[Use]) -> bool:
        """Leaves are used now, if it knows that they may be; else it says no, and `vouch` has to be
        asked again.

        Quick. Raises as that.
        """

    def note(self, name: bytes, first: int, following: int) -> None:
        """A lease, by its file and first leaf, has its next leaf at `following`.

        Quick; never raises.
        """

    def noted(self, name: bytes) -> dict[int, int]:
        """The next leaf of each lease of a file, by first leaf: no leaf before it is left."""

    def beat(self) -> str:
        """Every few seconds, beside the machine's work: make sure of what was noted, and that it is
        still ours.

        Returns what a person should know of, or an empty text. Raises StateLocked, for good, when
        it is not; StateFailed when it could not be made sure of this time.
        """

    def release(self) -> None:
        """The machine stops.

        Raises StateFailed when something could not be noted any more; all else is done.
        """
