"""The values that are stored.

They check themselves, so that damaged state is refused and never repaired in silence.
"""

from dataclasses import astuple, dataclass, field
from typing import Any, NamedTuple

from seemachine.state.errors import StateCorrupt
from seemachine.wire.names import nvram_name, printed_name

SEED_BYTES = (24, 32)
PUBLIC_KEY_BYTES = {24: 48, 32: 56}
MAX_LEAVES = 1 << 25
MAX_SIGNER = 64
LEASE_TYPES = (bytes, int, int, bytes, bytes, bytes, int)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class StoredLease:
    """Leaves `first` to `end` (not included) of a key: on a card, or in NVRAM.

    `seed` is the secret of exactly these leaves.

    `signer` is the hash of the key that signed the SEE machine which made the key; empty where that
    had none. With `warnat` or fewer leaves left each needs an acknowledgement.
    """

    public_key: bytes
    first: int
    end: int
    seed: bytes = field(repr=False)
    path: bytes = field(repr=False)
    signer: bytes = b""
    warnat: int = 0

    def __post_init__(self) -> None:
        if self.problem:
            raise StateCorrupt(
                f"leaves {self.first} to {self.end - 1} of {printed_name(self.name)}:"
                f" {self.problem}"
            )

    @property
    def name(self) -> bytes:
        """The name of the NVRAM file that holds leaves of this key."""
        return nvram_name(self.public_key)

    @property
    def problem(self) -> str:
        """What is wrong with it, or an empty text."""
        size = self.end - self.first
        if (
            len(self.seed) not in SEED_BYTES
            or len(self.public_key) != PUBLIC_KEY_BYTES[len(self.seed)]
        ):
            return "the lengths of key and seed do not fit"
        if not 0 <= self.first < self.end <= MAX_LEAVES:
            return "the range of leaves is not one"
        if size & (size - 1) or self.first % size:
            return "the leaves are not a whole subtree"
        if len(self.signer) > MAX_SIGNER:
            return "the hash of its signer is too long"
        if not 0 <= self.warnat <= MAX_LEAVES:
            return "the threshold is not one"
        return "" if len(self.path) % len(self.seed) == 0 else "the path has a broken length"


@dataclass(frozen=True, slots=True)
class NvramFile:
    """A lease in NVRAM and the next leaf to hand out. A file without leaves left does not exist.

    `quarantine` is the reason why none is handed out; empty when all is well.
    """

    lease: StoredLease
    next: int
    quarantine: str = ""

    def __post_init__(self) -> None:
        if not self.lease.first <= self.next < self.lease.end:
            raise StateCorrupt(
                f"NVRAM file {printed_name(self.name)}: next leaf {self.next} is outside of"
                f" {self.lease.first} to {self.lease.end - 1}"
            )

    @property
    def name(self) -> bytes:
        """The 11 bytes of its name."""
        return self.lease.name

    @property
    def remaining(self) -> int:
        """Leaves left."""
        return self.lease.end - self.next


@dataclass(frozen=True, slots=True)
class SpentLease:
    """A lease without leaves left, kept for a while so that a lost signature can be made again.

    `time` is in milliseconds since 1970.
    """

    lease: StoredLease
    time: int


class Reserved(NamedTuple):
    """A leaf that is gone from the store for good, for the one who asked.

    `remaining` is what the file holds after it.

    `again` when it was handed out before, to the same order.

    One is made for each signature: a named tuple takes a quarter of the time of a dataclass.
    """

    lease: StoredLease
    leaf: int
    remaining: int
    again: bool = False


def lease_values(lease: StoredLease) -> dict[str, Any]:
    """A lease as plain values. Without a threshold as on cards from before there were any."""
    names = ("public_key", "first", "end", "seed", "path", "signer")
    values = {name: getattr(lease, name) for name in names}
    return values | {"warnat": lease.warnat} if lease.warnat else values


def lease_from(values: dict[str, Any], what: str) -> StoredLease:
    """A lease from plain values. Raises StateCorrupt."""
    try:
        lease = StoredLease(**values)
        if not all(
            type(part) is kind for part, kind in zip(astuple(lease), LEASE_TYPES, strict=True)
        ):
            raise TypeError("a lease of other types")
        return lease
    except TypeError as error:
        raise StateCorrupt(f"{what}: {error}") from None
