"""Every request beside its reply.

This file is the contract; docs/reference/protocol.md says the same in prose.

Names follow the guide's log lines (`continueLMS_cache_next`, `provisionLMS`, `nvmemfile`); what the
guide does not name is named in its manner.
"""

from typing import Any, ClassVar

from seemachine.wire.fields import (
    flag,
    number,
    octets,
    record,
    records,
    sentence,
    serial_number,
    text,
    wire_class,
    word,
)
from seemachine.wire.names import (
    FILE_NAME_BYTES,
    HANDLE_BYTES,
    IDENTIFIER_BYTES,
    MAX_CACHE_PART_EXPONENT,
    MAX_EXPCACHE,
    MAX_EXPCARDS,
    MAX_EXPLEASE,
    NVRAM_BYTES,
    OPENING_BYTES,
    SLOTS,
    TOKEN_BYTES,
)

U32 = 0xFFFFFFFF
U64 = 0xFFFFFFFFFFFFFFFF
MAX_HEIGHT = 25
# As many signatures as any key has: with such a threshold each of them needs an acknowledgement.
MAX_WARNAT = 1 << MAX_HEIGHT
MAX_NODE = 32
PUBLIC_KEY = (8 + IDENTIFIER_BYTES + 24, 8 + IDENTIFIER_BYTES + MAX_NODE)
CACHE_PART_BYTES = MAX_NODE << MAX_CACHE_PART_EXPONENT
CACHE_BYTES = MAX_NODE << MAX_EXPCACHE
MAX_FILES = 4096  # as many as an NVRAM holds
# Room for the frame's other fields beside a message of the largest size.
ENVELOPE_BYTES = 1280
MAX_LABEL = 64
MAX_CLIENT = 64
MAX_CARD = 64
MAX_REASON = 300
MAX_ACKNOWLEDGEMENT = 200
# Entries of a ledger, and suspects, in one reply, well within the smallest frame.
MAX_LEDGER_PAGE = 512
MAX_SUSPECTS = 256


@wire_class
class Limits:
    """What the machine accepts. Bytes and seconds."""

    frame: int = number(1, U32)
    message: int = number(1, U32)
    idle_seconds: int = number(0, U32)
    request_seconds: int = number(0, U32)


@wire_class
class Greeting:
    """Who answers.

    `signer` is the hash of the machine's signing key, empty when it has none. `nvram` names the
    machine's NVRAM for life, `epoch` counts how often it was opened (0 when it does not outlive the
    process), `opening` tells this opening from any other. `operator` is `auto` when somebody feeds
    blank cards unasked, so that waiting for one makes sense.
    """

    protocol: int = number(1, U32)
    esn: str = serial_number()
    model: str = word(32)
    version: str = word(32)
    software: str = text(64)
    engine: str = text(64)
    signer: bytes = octets(0, 64)
    nvram: bytes = octets(NVRAM_BYTES)
    epoch: int = number(0, U64)
    opening: bytes = octets(OPENING_BYTES)
    operator: str = word(16)
    limits: Limits = record(Limits)


@wire_class
class Hello:
    """The first request of a connection."""

    NAME: ClassVar[str] = "hello"
    Reply: ClassVar[type] = Greeting
    protocol: int = number(1, U32)
    client: str = text(64)


@wire_class
class LmsStarted:
    """A key is being made. `remaining` continues are left; the exponents are those in force."""

    handle: bytes = octets(HANDLE_BYTES)
    remaining: int = number(1, U32)
    expchunk: int = number(0, MAX_HEIGHT)
    expcache: int = number(0, MAX_HEIGHT)


@wire_class
class GenerateLms:
    """Begin a key.

    Types are RFC 8554 / SP 800-208 typecodes; an absent exponent is chosen by the machine.

    Under a `label` the half-made key is kept on disk after each step, for resumeLMS; without one it
    dies with the connection. `replace` gives up another half-made key of that label. `warnat` goes
    into every lease of the key, see NvmemfileInfo.
    """

    NAME: ClassVar[str] = "generateLMS"
    Reply: ClassVar[type] = LmsStarted
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
class LmsResumed:
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
class ResumeLms:
    """Take over the half-made key of a label, from whoever made it.

    The first continues give the cache nodes from the beginning again.
    """

    NAME: ClassVar[str] = "resumeLMS"
    Reply: ClassVar[type] = LmsResumed
    label: str = text(MAX_LABEL)


@wire_class
class LmsDiscarded:
    """Nothing is kept under the label any more."""


@wire_class
class DiscardLms:
    """Forget what is kept under a label: when the public key is saved and all cards are written, or
    to give a key up.

    Leaves on cards or in NVRAM stay; leaves not yet on a card are lost.
    """

    NAME: ClassVar[str] = "discardLMS"
    Reply: ClassVar[type] = LmsDiscarded
    label: str = text(MAX_LABEL)


@wire_class
class LmsChunk:
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
class ContinueLms:
    """Do the next chunk of leaves of a key."""

    NAME: ClassVar[str] = "continueLMS_cache_next"
    Reply: ClassVar[type] = LmsChunk
    handle: bytes = octets(HANDLE_BYTES)


@wire_class
class CardWritten:
    """A card now holds its leases; `remaining` cards are still to be written."""

    card: str = text(MAX_CARD)
    remaining: int = number(0, 1 << MAX_EXPCARDS)


@wire_class
class ContinueLmsCard:
    """Write the next card of a sectorized key to the blank card in `slot`."""

    NAME: ClassVar[str] = "continueLMS_card_next"
    Reply: ClassVar[type] = CardWritten
    handle: bytes = octets(HANDLE_BYTES)
    slot: int = number(SLOTS.start, SLOTS.stop - 1)


@wire_class
class LmsProvisioned:
    """A lease moved from a card into NVRAM: leaves `first` to `end`, the latter not included."""

    file: bytes = octets(FILE_NAME_BYTES)
    public_key: bytes = octets(*PUBLIC_KEY)
    first: int = number(0, U32)
    end: int = number(1, U32)
    leases: int = number(0, 1 << MAX_EXPLEASE)
    warnat: int = number(0, MAX_WARNAT, default=0)


@wire_class
class ProvisionLms:
    """Move the next lease of the card in `slot` into this machine's NVRAM."""

    NAME: ClassVar[str] = "provisionLMS"
    Reply: ClassVar[type] = LmsProvisioned
    slot: int = number(SLOTS.start, SLOTS.stop - 1)


@wire_class
class NvmemfileInfo:
    """One NVRAM file: its key, its leaf range, the next leaf.

    `loaded` is false when a loadLMS would spare the machine much hashing, `quarantined` true when
    no leaf is handed out. With `warnat` or fewer signatures left each needs an acknowledgement; 0:
    none does.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    public_key: bytes = octets(*PUBLIC_KEY)
    first: int = number(0, U32)
    next: int = number(0, U32)
    end: int = number(1, U32)
    loaded: bool = flag()
    quarantined: bool = flag()
    warnat: int = number(0, MAX_WARNAT, default=0)

    @property
    def remaining(self) -> int:
        """Signatures left in this file."""
        return self.end - self.next


@wire_class
class GetNvmemfileInfo:
    """Ask about one NVRAM file. Refused NotAvailable when this machine has none of that name."""

    NAME: ClassVar[str] = "nvmemfile_info"
    Reply: ClassVar[type] = NvmemfileInfo
    file: bytes = octets(FILE_NAME_BYTES)


@wire_class
class WarnNvmemfile:
    """Set the threshold of one NVRAM file; not lower while no more signatures are left
    than that.
    """

    NAME: ClassVar[str] = "nvmemfile_warn"
    Reply: ClassVar[type] = NvmemfileInfo
    file: bytes = octets(FILE_NAME_BYTES)
    warnat: int = number(0, MAX_WARNAT)


@wire_class
class NvmemfileListing:
    """All NVRAM files of this machine."""

    files: list[NvmemfileInfo] = records(NvmemfileInfo, MAX_FILES)


@wire_class
class ListNvmemfiles:
    """Ask for all NVRAM files."""

    NAME: ClassVar[str] = "nvmemfile_list"
    Reply: ClassVar[type] = NvmemfileListing


@wire_class
class NvmemfileSigned:
    """A plain LMS signature (RFC 8554 section 5.4) and what the file has left."""

    signature: bytes = octets(1, 1 << 16)
    leaf: int = number(0, U32)
    remaining: int = number(0, U32)


@wire_class
class NvmemfileSign:
    """Sign `message` with the next leaf of a file.

    `token` is the client's name for this request. Asked again with the same token and message, also
    on another connection and after a restart, the machine gives the same signature and takes no
    leaf; with another message it refuses.

    `acknowledge` says why a leaf is taken of a file that is at its threshold, see NvmemfileInfo;
    the ledger keeps it. It is empty for any other.
    """

    NAME: ClassVar[str] = "nvmemfile_sign"
    Reply: ClassVar[type] = NvmemfileSigned
    file: bytes = octets(FILE_NAME_BYTES)
    token: bytes = octets(TOKEN_BYTES)
    message: bytes = octets(0, U32)
    acknowledge: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


@wire_class
class NvmemfileReserved:
    """A leaf set aside for a message that the client hashes: Q = H(I || u32(leaf) || 0x8181 || C ||
    message).
    """

    identifier: bytes = octets(IDENTIFIER_BYTES)
    leaf: int = number(0, U32)
    randomizer: bytes = octets(24, MAX_NODE)
    remaining: int = number(0, U32)


@wire_class
class NvmemfileReserve:
    """Set the next leaf of a file aside under a token.

    Asked again it gives the same leaf; when the machine stops, the leaf is burned.
    """

    NAME: ClassVar[str] = "nvmemfile_reserve"
    Reply: ClassVar[type] = NvmemfileReserved
    file: bytes = octets(FILE_NAME_BYTES)
    token: bytes = octets(TOKEN_BYTES)
    acknowledge: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


@wire_class
class NvmemfileSignDigest:
    """Sign the digest Q with the leaf that was set aside under a token, which takes exactly one Q;
    with that one it may be asked again.
    """

    NAME: ClassVar[str] = "nvmemfile_sign_digest"
    Reply: ClassVar[type] = NvmemfileSigned
    file: bytes = octets(FILE_NAME_BYTES)
    token: bytes = octets(TOKEN_BYTES)
    digest: bytes = octets(24, MAX_NODE)


@wire_class
class LedgerEntry:
    """A leaf that was handed out; `row` is its number in the ledger, `time` in milliseconds since
    1970.

    `reason` is its acknowledgement, empty where none was needed. `digest` is what the leaf is bound
    to: `m` and the SHA-256 of the message, `q` and the client's Q, or `q` alone while Q is awaited.
    """

    row: int = number(1, U64)
    file: bytes = octets(FILE_NAME_BYTES)
    leaf: int = number(0, U32)
    token: bytes = octets(TOKEN_BYTES)
    digest: bytes = octets(1, 1 + MAX_NODE)
    client: str = text(MAX_CLIENT)
    time: int = number(0, U64)
    reason: str = sentence(MAX_ACKNOWLEDGEMENT, default="")


@wire_class
class LedgerPage:
    """Entries in order; fewer than were asked for at the end of the ledger."""

    entries: list[LedgerEntry] = records(LedgerEntry, MAX_LEDGER_PAGE)


@wire_class
class ReadLedger:
    """Ask for up to `most` entries of the machine's ledger behind row `after`."""

    NAME: ClassVar[str] = "nvram_ledger"
    Reply: ClassVar[type] = LedgerPage
    after: int = number(0, U64)
    most: int = number(1, MAX_LEDGER_PAGE)


@wire_class
class Suspect:
    """Something in quarantine: an NVRAM file, or with `label` a half-made key (all
    numbers 0 then).
    """

    file: bytes = octets(0, FILE_NAME_BYTES)
    label: str = text(MAX_LABEL)
    first: int = number(0, U32)
    next: int = number(0, U32)
    end: int = number(0, U32)
    reason: str = text(MAX_REASON)


@wire_class
class QuarantineListing:
    """What of a machine is in quarantine, in order; fewer than MAX_SUSPECTS at the end."""

    suspects: list[Suspect] = records(Suspect, MAX_SUSPECTS)


@wire_class
class ListQuarantine:
    """Ask what is in quarantine, and why, behind the first `after` of it."""

    NAME: ClassVar[str] = "quarantine_list"
    Reply: ClassVar[type] = QuarantineListing
    after: int = number(0, U32)


@wire_class
class QuarantineBurned:
    """It is destroyed, with all leaves that it had: `lost` of them, as far as known."""

    lost: int = number(0, U32)


@wire_class
class BurnQuarantined:
    """Destroy something in quarantine: an NVRAM file by `file`, a half-made key by `label`; the
    other one is empty.
    """

    NAME: ClassVar[str] = "quarantine_burn"
    Reply: ClassVar[type] = QuarantineBurned
    file: bytes = octets(0, FILE_NAME_BYTES)
    label: str = text(MAX_LABEL)


@wire_class
class QuarantineSkipped:
    """The file goes on; `remaining` leaves are left."""

    remaining: int = number(0, U32)


@wire_class
class SkipQuarantined:
    """End the quarantine of a file by going on at `leaf`, which must be later than
    where it stands.
    """

    NAME: ClassVar[str] = "quarantine_skip"
    Reply: ClassVar[type] = QuarantineSkipped
    file: bytes = octets(FILE_NAME_BYTES)
    leaf: int = number(1, U32)


@wire_class
class LmsLoaded:
    """A part of the node cache has arrived; with `missing` 0 the nodes lead to the key's root and
    are in use.

    Bytes.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    missing: int = number(0, CACHE_BYTES)


@wire_class
class LoadLms:
    """Give the machine a part of a key file's node cache: all nodes at depth `expcache`, left to
    right, joined, from byte `offset` on.

    Parts come in order, on one connection; offset 0 begins anew.
    """

    NAME: ClassVar[str] = "loadLMS"
    Reply: ClassVar[type] = LmsLoaded
    file: bytes = octets(FILE_NAME_BYTES)
    expcache: int = number(0, MAX_EXPCACHE)
    offset: int = number(0, CACHE_BYTES)
    nodes: bytes = octets(24, CACHE_PART_BYTES)


@wire_class
class Slot:
    """A slot that holds a card.

    `ic` is its insertion counter, `kind` blank, lms or unknown, `leases` what an lms card has left.
    """

    slot: int = number(SLOTS.start, SLOTS.stop - 1)
    ic: int = number(0, U32)
    kind: str = word(16)
    card: str = text(MAX_CARD)
    leases: int = number(0, 1 << MAX_EXPLEASE)


@wire_class
class SlotListing:
    """The occupied slots, in order."""

    slots: list[Slot] = records(Slot, len(SLOTS))


@wire_class
class ListSlots:
    """Ask which slots hold a card."""

    NAME: ClassVar[str] = "slot_list"
    Reply: ClassVar[type] = SlotListing


REQUESTS: dict[str, type[Any]] = {
    request.NAME: request
    for request in (
        Hello,
        GenerateLms,
        ContinueLms,
        ContinueLmsCard,
        ResumeLms,
        DiscardLms,
        ProvisionLms,
        GetNvmemfileInfo,
        ListNvmemfiles,
        WarnNvmemfile,
        NvmemfileSign,
        NvmemfileReserve,
        NvmemfileSignDigest,
        LoadLms,
        ListSlots,
        ReadLedger,
        ListQuarantine,
        BurnQuarantined,
        SkipQuarantined,
    )
}
