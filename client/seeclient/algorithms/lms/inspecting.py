"""Looking at keys: what machines hold of them (guide 2.7.1 step 7)."""

from collections.abc import Sequence
from typing import Self

from seeclient import dispatch
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.effects import Peer, Roster, Story, ask_all
from seeclient.results import KeyInfo, MachineView
from seemachine.frozen import frozen, replace
from seemachine.wire.messages import (
    GetNvmemfileInfo,
    ListSlots,
    NvmemfileInfo,
    Slot,
    SlotListing,
)
from seemachine.wire.status import Status, StatusError


@frozen
class Holding(MachineView):
    """One machine and the leaves that it holds (`first` to `end`, `remaining` of them unused; all 0
    for none).

    Unused leaves that it holds in quarantine are `quarantined`, those of a key of another signer
    `foreign`, and neither are among the remaining.
    Of `warnat` see seeclient.algorithms.lms.thresholds.
    """

    first: int
    end: int
    remaining: int
    quarantined: int = 0
    warnat: int = 0
    foreign: int = 0


@frozen
class LmsInfo(KeyInfo):
    """A key and what the reachable machines hold of it.

    `remaining` is their sum, not what is left on cards.
    """

    key: LmsKeyFile
    machines: Sequence[Holding]

    @property
    def remaining(self) -> int:
        """Signatures that can be made now."""
        return sum(machine.remaining for machine in self.machines)

    def without_thresholds(self) -> Self:
        """See KeyInfo."""
        return replace(self, machines=tuple(replace(each, warnat=0) for each in self.machines))

    @property
    def withheld(self) -> list[StatusError]:
        """See KeyInfo."""
        what = f"leaves of {self.key.alias}"
        sentences = [
            f"{held.quarantined} {what} are in quarantine on {held.esn}; see: seemachine"
            " quarantine explain"
            for held in self.machines
            if held.quarantined
        ] + [
            f"{held.foreign} {what} on {held.esn} belong to SEE machines of another signer; see:"
            " seemachine fleet check"
            for held in self.machines
            if held.foreign
        ]
        return [StatusError(Status.AccessDenied, each, dispatch.NVMEMFILE) for each in sentences]


def info(roster: Roster, key: LmsKeyFile) -> Story[LmsInfo]:
    """Ask every machine."""
    listings = yield from ask_all(roster.peers, ListSlots())
    files = yield from ask_all(roster.peers, GetNvmemfileInfo(file=key.name))
    holdings = []
    for peer, listing, file in zip(roster.peers, listings, files, strict=True):
        slots = tuple(listing.slots) if isinstance(listing, SlotListing) else ()
        holdings.append(_holding(peer, slots, file))
    return LmsInfo(key, tuple(holdings), failures=dispatch.failures(roster))


def _holding(peer: Peer, slots: tuple[Slot, ...], file: NvmemfileInfo | StatusError) -> Holding:
    machine = peer.esn, peer.greeting.model, slots
    if not isinstance(file, NvmemfileInfo):
        return Holding(*machine, 0, 0, 0)
    left = file.remaining
    quarantined, foreign = left * file.quarantined, left * (file.foreign and not file.quarantined)
    return Holding(
        *machine,
        file.first,
        file.end,
        left - quarantined - foreign,
        quarantined,
        file.warnat,
        foreign,
    )
