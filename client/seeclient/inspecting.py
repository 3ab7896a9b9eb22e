"""Looking at keys and machines, and moving leases: `showinfo`, `provesn=` (guide 2.7.1 step 7,
2.7.2.1).
"""

from dataclasses import dataclass, replace

from seeclient import dispatch, thresholds
from seeclient.dispatch import NVMEMFILE
from seeclient.effects import Roster, Story, ask, ask_all
from seeclient.keys import KeyFile
from seemachine.wire.messages import (
    GetNvmemfileInfo,
    ListSlots,
    NvmemfileInfo,
    ProvisionLms,
    Slot,
    SlotListing,
)
from seemachine.wire.status import Status, StatusError


@dataclass(frozen=True, slots=True)
class MachineView:
    """One machine as a key sees it: its cards, and the leaves it holds (`first` to `end`,
    `remaining` of them unused; all 0 for none).

    Unused leaves that it holds in quarantine are `quarantined`, and not among the remaining.
    Of `warnat` see seeclient.thresholds.
    """

    esn: str
    model: str
    slots: tuple[Slot, ...]
    first: int
    end: int
    remaining: int
    quarantined: int = 0
    warnat: int = 0


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key and what the reachable machines hold of it.

    `remaining` is their sum, not what is left on cards.
    """

    key: KeyFile
    machines: tuple[MachineView, ...]

    @property
    def remaining(self) -> int:
        """Signatures that can be made now."""
        return sum(machine.remaining for machine in self.machines)

    def without_thresholds(self) -> "KeyInfo":
        """The same for who knows of none."""
        return replace(self, machines=tuple(replace(each, warnat=0) for each in self.machines))

    @property
    def doubts(self) -> list[StatusError]:
        """What of it is in quarantine, and where."""
        what = f"leaves of {self.key.alias} are in quarantine on"
        return [
            StatusError(
                Status.AccessDenied,
                f"{held.quarantined} {what} {held.esn}; see: seemachine quarantine explain",
                NVMEMFILE,
            )
            for held in self.machines
            if held.quarantined
        ]


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A lease that moved from a card to a machine: leaves `first` to `end`.

    `leases_left` are on the card. `warnat` is the threshold in force; `doubt` says why that is less
    than its key's.
    """

    esn: str
    public_key: bytes
    first: int
    end: int
    leases_left: int
    warnat: int = 0
    doubt: StatusError | None = None


def info(roster: Roster, key: KeyFile) -> Story[KeyInfo]:
    """Ask every machine."""
    listings = yield from ask_all(roster.peers, ListSlots())
    files = yield from ask_all(roster.peers, GetNvmemfileInfo(file=key.name))
    views = []
    for peer, listing, file in zip(roster.peers, listings, files, strict=True):
        slots = tuple(listing.slots) if isinstance(listing, SlotListing) else ()
        views.append(MachineView(peer.esn, peer.greeting.model, slots, *_held(file)))
    return KeyInfo(key, tuple(views))


def _held(file: NvmemfileInfo | StatusError) -> tuple[int, int, int, int, int]:
    if not isinstance(file, NvmemfileInfo):
        return 0, 0, 0, 0, 0
    remaining, quarantined = (0, file.remaining) if file.quarantined else (file.remaining, 0)
    return file.first, file.end, remaining, quarantined, file.warnat


def provision(roster: Roster, esn: str, slot: int) -> Story[Provisioned]:
    """Move the next lease of the card in a slot into its machine. Raises StatusError."""
    peer = dispatch.machine(roster, esn)
    moved = yield from ask(peer, ProvisionLms(slot=slot))
    threshold = yield from thresholds.settle(roster, peer, moved)
    leaves = moved.first, moved.end
    return Provisioned(peer.esn, moved.public_key, *leaves, moved.leases, *threshold)
