"""Looking at keys and machines, and moving leases: `showinfo`, `provesn=` (guide 2.7.1 step 7, 2.7.2.1)."""

from dataclasses import dataclass

from seeclient import dispatch
from seeclient.effects import Ask, AskAll, Roster, Story
from seeclient.keys import KeyFile
from seemachine.wire.messages import GetNvmemfileInfo, ListSlots, LmsProvisioned, NvmemfileInfo, ProvisionLms, Slot, SlotListing


@dataclass(frozen=True, slots=True)
class MachineView:
    """One machine as a key sees it: its cards, and the leaves it holds (`first` to `end`, `remaining` of them unused; all 0 for none)."""

    esn: str
    model: str
    slots: tuple[Slot, ...]
    first: int
    end: int
    remaining: int


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key and what the reachable machines hold of it. `remaining` is their sum, not what is left on cards."""

    key: KeyFile
    machines: tuple[MachineView, ...]

    @property
    def remaining(self) -> int:
        """Signatures that can be made now."""
        return sum(machine.remaining for machine in self.machines)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A lease that moved from a card to a machine: leaves `first` to `end`, and the leases left on the card."""

    esn: str
    public_key: bytes
    first: int
    end: int
    leases_left: int


def info(roster: Roster, key: KeyFile) -> Story[KeyInfo]:
    """Ask every machine."""
    listings = yield AskAll(roster.peers, ListSlots())
    files = yield AskAll(roster.peers, GetNvmemfileInfo(file=key.name))
    views = []
    for peer, listing, file in zip(roster.peers, listings, files, strict=True):
        slots = tuple(listing.slots) if isinstance(listing, SlotListing) else ()
        held = (file.first, file.end, file.remaining) if isinstance(file, NvmemfileInfo) else (0, 0, 0)
        views.append(MachineView(peer.esn, peer.greeting.model, slots, *held))
    return KeyInfo(key, tuple(views))


def provision(roster: Roster, esn: str, slot: int) -> Story[Provisioned]:
    """Move the next lease of the card in a slot into its machine. Raises StatusError."""
    peer = dispatch.machine(roster, esn)
    moved: LmsProvisioned = yield Ask(peer, ProvisionLms(slot=slot))
    return Provisioned(peer.esn, moved.public_key, moved.first, moved.end, moved.leases)
