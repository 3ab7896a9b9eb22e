"""What operations give back."""

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, Self, TypeVar

from seeclient.keyfile import KeyFile
from seemachine.frozen import field, frozen
from seemachine.wire.messages import Slot
from seemachine.wire.status import StatusError


@frozen
class Signed:
    """A signature (of LMS: plain, RFC 8554 5.4) and where it came from.

    `leaf` made it, and `remaining` is what that machine's file has left; None where an algorithm
    has no leaves.
    """

    signature: bytes
    esn: str
    leaf: int | None = None
    remaining: int | None = None


class _HasPublicKey(Protocol):
    @property
    def public_key(self) -> bytes:
        """As a machine gave it."""


OwnKey_co = TypeVar("OwnKey_co", bound=_HasPublicKey, covariant=True)


@frozen
class Generated(Generic[OwnKey_co]):
    """An ML-DSA key that was made, and its private key, if it was to be exported: the seed of 32
    bytes (FIPS 204 algorithm 1).
    """

    key: OwnKey_co
    seed: bytes | None = field(default=None, repr=False)

    @property
    def private_key(self) -> bytes | None:
        """What the seed expands to (FIPS 204 algorithm 24): 2560, 4032 or 4896 bytes."""
        if self.seed is None:
            return None
        from seemachine.mldsa import keys, parameters

        return keys.expanded(parameters.of_public_key(self.key.public_key), self.seed)


@frozen
class LeavesLeft:
    """Of a key, on the machines that answer and may sign with it: all that are `held`, and those of
    them that need no acknowledgement.
    """

    held: int
    free: int


@frozen
class Destroyed:
    """What became of a key on the machines.

    `lost` has the signatures that each machine could still have made, by ESN; `half_made` the ESNs
    where it was in the making. Of `refused` machines it is not known that they have nothing.
    `aliases` are those under which this host had it.
    """

    lost: Mapping[str, int]
    half_made: Sequence[str] = ()
    refused: Mapping[str, StatusError] = field(default_factory=dict)
    aliases: Sequence[str] = ()


@frozen
class MachineView:
    """One machine as a key sees it: its cards; an algorithm may add more."""

    esn: str
    model: str
    slots: tuple[Slot, ...]


@frozen
class KeyInfo:
    """A key and the reachable machines; an algorithm may add what they hold of it.

    `failures` says why others could not be asked. Where no machine answers it is never empty.
    """

    key: KeyFile
    machines: Sequence[MachineView]
    failures: Sequence[StatusError] = field(default=(), kw_only=True)

    def without_thresholds(self) -> Self:
        """The same for who knows of none."""
        return self

    @property
    def withheld(self) -> list[StatusError]:
        """What of it machines hold and give no signatures with: where, and why."""
        return []
