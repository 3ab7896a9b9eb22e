"""Slots whose cards are pulled, worn or torn on demand.

A card that is pulled lies on the rack afterwards, as if a hand had taken it. One that is torn holds
half of what was to be written, and nobody reads it any more.
"""

from collections.abc import Callable
from pathlib import Path

from seemachine.faults.injector import Injector
from seemachine.faults.kinds import CARD_READ, CARD_WRITE, DISK_WRITE, WRITTEN
from seemachine.mishaps.errors import broken, no_space
from seemachine.state.cards.slots import Slots
from seemachine.state.cards.smartcard import Card
from seemachine.state.disk.durable import flush_folder, replace_file
from seemachine.state.records import StoredLease
from seemachine.world import CARD_SUFFIX, World


class FaultySlots(Slots):
    """See Slots."""

    def __init__(self, world: World, esn: str, faults: Injector) -> None:
        super().__init__(world, esn)
        self._faults = faults

    def write_leases(
        self, slot: int, leases: tuple[StoredLease, ...], before: Callable[[], None] = lambda: None
    ) -> str:
        """See Slots. A card that is pulled after it was read is missed before anything is given
        away.
        """

        def unless_pulled() -> None:
            if self._pulled_when_read(slot):
                self._card(slot)
            before()

        return super().write_leases(slot, leases, unless_pulled)

    def next_lease(self, slot: int) -> StoredLease | None:
        """See Slots."""
        lease = super().next_lease(slot)
        with self.locked():
            self._pulled_when_read(slot)
        return lease

    def _pulled_when_read(self, slot: int) -> bool:
        path = self.occupant(slot)
        if path is None or self._faults.meet_at(CARD_READ, path.stem) is None:
            return False
        self._pull(path)
        return True

    def _write(self, slot: int, card: Card) -> None:
        path = self.folder(slot) / f"{card.name}{CARD_SUFFIX}"
        if self._faults.meet_at(DISK_WRITE) is not None:
            raise no_space(path)
        fault = self._faults.meet_at(CARD_WRITE, card.name)
        if fault is None:
            super()._write(slot, card)
            return
        if fault.kind == "card-torn" or fault.moment == WRITTEN:
            super()._write(slot, card)
        if fault.kind == "card-torn":
            data = path.read_bytes()
            replace_file(path, data[: len(data) // 2])
        if fault.kind == "card-pulled":
            self._pull(path)
        raise broken(path)

    def _pull(self, path: Path) -> None:
        """Onto the rack, where no copy of it is lost."""
        if (self.rack / path.name).exists():
            return
        path.rename(self.rack / path.name)
        flush_folder(self.rack)
        flush_folder(path.parent)
