"""Making a key, step by step and card by card, and going on with one (guide 2.7.1, 2.7.2)."""

from seemachine.wire.fields import flag, number, octets, text, wire_class
from seemachine.wire.messages.sizes import (
    CACHE_PART_BYTES,
    MAX_CARD,
    MAX_HEIGHT,
    MAX_LABEL,
    MAX_WARNAT,
    PUBLIC_KEY,
    U32,
)
from seemachine.wire.names import HANDLE_BYTES, MAX_EXPCARDS, SLOTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class LmsStarted(Record):
    """A key is being made. `remaining` continues are left; the exponents are those in force."""

    handle: bytes = octets(HANDLE_BYTES)
    remaining: int = number(1, U32)
    expchunk: int = number(0, MAX_HEIGHT)
    expcache: int = number(0, MAX_HEIGHT)


@wire_class
class GenerateLms(
    Request[LmsStarted],
    name="generateLMS",
    least=ClientRole.PROVISION,
    effect=Effect.LEAVES,
    again=Again.NEVER,
):
    """Begin a key.

    Types are RFC 8554 / SP 800-208 typecodes; an absent exponent is chosen by the machine.

    Under a `label` the half-made key is kept on disk after each step, for resumeLMS; without one it
    dies with the connection. `replace` gives up another half-made key of that label. `warnat` goes
    into every lease of the key, see NvmemfileInfo.
    """

    lms: int = number(0, U32)
    lmots: int = number(0, U32)
    expcards: int = number(0, MAX_HEIGHT)
    explease: int = number(0, MAX_HEIGHT)
    expchunk: int | None = number(0, MAX_HEIGHT, default=None)
    expcache: int | None = number(0, MAX_HEIGHT, default=None)
    label: str = text(MAX_LABEL, default="")
    replace: bool = flag(default=False)
    warnat: int = number(0, MAX_WARNAT, default=0)


@wire_class
class LmsChunk(Record):
    """One step done.

    `cache` is the nodes at depth expcache that this step completed, left to right, joined.

    `public_key` comes with the last step only; `cards` is then how many blank cards are still to be
    written (0: none, or it is in NVRAM).
    """

    remaining: int = number(0, U32)
    cache: bytes = octets(0, CACHE_PART_BYTES)
    cards: int = number(0, 1 << MAX_EXPCARDS)
    public_key: bytes | None = octets(*PUBLIC_KEY, default=None)


@wire_class
class ContinueLms(
    Request[LmsChunk],
    name="continueLMS_cache_next",
    least=ClientRole.PROVISION,
    effect=Effect.HASHES,
    again=Again.NEVER,
    bound=True,
):
    """Do the next chunk of leaves of a key."""

    handle: bytes = octets(HANDLE_BYTES)


@wire_class
class CardWritten(Record):
    """A card now holds its leases; `remaining` cards are still to be written."""

    card: str = text(MAX_CARD)
    remaining: int = number(0, 1 << MAX_EXPCARDS)


@wire_class
class ContinueLmsCard(
    Request[CardWritten],
    name="continueLMS_card_next",
    least=ClientRole.PROVISION,
    effect=Effect.LEAVES,
    again=Again.NEVER,
    bound=True,
):
    """Write the next card of a sectorized key to the blank card in `slot`."""

    handle: bytes = octets(HANDLE_BYTES)
    slot: int = number(SLOTS.start, SLOTS.stop - 1)


@wire_class
class LmsResumed(Record):
    """A half-made key goes on as it was begun: types, exponents, threshold, and what is
    left to do.
    """

    handle: bytes = octets(HANDLE_BYTES)
    remaining: int = number(1, U32)
    lms: int = number(0, U32)
    lmots: int = number(0, U32)
    expcards: int = number(0, MAX_HEIGHT)
    explease: int = number(0, MAX_HEIGHT)
    expchunk: int = number(0, MAX_HEIGHT)
    expcache: int = number(0, MAX_HEIGHT)
    warnat: int = number(0, MAX_WARNAT, default=0)


@wire_class
class ResumeLms(
    Request[LmsResumed],
    name="resumeLMS",
    least=ClientRole.PROVISION,
    effect=Effect.LEAVES,
    again=Again.FREELY,
):
    """Take over the half-made key of a label, from whoever made it.

    The first continues give the cache nodes from the beginning again.
    """

    label: str = text(MAX_LABEL)


@wire_class
class LmsDiscarded(Record):
    """Nothing is kept under the label any more."""


@wire_class
class DiscardLms(
    Request[LmsDiscarded],
    name="discardLMS",
    least=ClientRole.PROVISION,
    effect=Effect.CHANGES,
    again=Again.FREELY,
):
    """Forget what is kept under a label: when the public key is saved and all cards are written, or
    to give a key up.

    Leaves on cards or in NVRAM stay; leaves not yet on a card are lost.
    """

    label: str = text(MAX_LABEL)


@wire_class
class LmsDestroyed(Record):
    """Nothing of the key is on the machine any more.

    `lost` signatures could still have been made; `half_made`: it was in the making there.
    """

    lost: int = number(0, U32)
    half_made: bool = flag()


@wire_class
class DestroyLms(
    Request[LmsDestroyed],
    name="destroyLMS",
    least=ClientRole.ADMIN,
    effect=Effect.CHANGES,
    again=Again.FREELY,
):
    """Destroy all that the machine has of a key, or find it gone; the ledger stays."""

    public_key: bytes = octets(*PUBLIC_KEY)
