"""A world with two machines in this process, and backups of it."""

from pathlib import Path
from typing import Any

from kit.leases import order

from seemachine.backup import restoring, saving
from seemachine.backup.steps import RestoreStep
from seemachine.state.cards import smartcard
from seemachine.state.errors import StateError
from seemachine.state.nvram.stores import FILE, SQLITE
from seemachine.state.records import StoredLease
from seemachine.testing import ESN, OTHER_ESN, Rig

KINDS = {ESN: SQLITE, OTHER_ESN: FILE}
SLOT = 2


class TwoMachines(Rig):
    """A world folder with two machines, one for each kind of store.

    `$SEEMACHINE_HOME` must be its path.
    """

    @property
    def path(self) -> Path:
        """The world folder."""
        return self.world.folder

    def up(self) -> "TwoMachines":
        """Start the machines that are down."""
        for esn, kind in KINDS.items():
            if esn not in self.machines:
                self.start(esn, kind.name)
        return self

    def down(self) -> "TwoMachines":
        """Stop them all."""
        for esn in list(self.machines):
            self.stop(esn)
        return self

    def store(self, esn: str = ESN) -> Any:
        """The NVRAM of a machine that is up."""
        return self.machines[esn].store

    def sign(self, name: bytes, esn: str = ESN) -> int | None:
        """The leaf that a machine hands out of a file; None when it does not."""
        [given] = self.store(esn).reserve([order(name)])
        return None if given is None or isinstance(given, StateError) else given.leaf

    def card(self, *leases: StoredLease, name: str = "card1") -> None:
        """Put a card with these leases on the rack."""
        smartcard.write_card(self.world.cards, smartcard.Card(name, smartcard.LMS, leases))

    def usable(self) -> list[str]:
        """The cards on the rack that a machine would take leases from."""
        return [
            found.card
            for found in self.rack.listing()
            if found.kind == smartcard.LMS and found.leases
        ]

    def backup(self, file: Path, *names: str) -> Any:
        """Make a backup, with these cards in it."""
        portraits = []
        if self.machines:
            with self.fleet() as fleet:
                portraits = [saving.portrait(fleet, peer) for peer in fleet.roster.peers]
        return saving.save(self.world, file, portraits, names)

    def restore(
        self, file: Path, witness: str | None = None, *, after_loss: bool = False
    ) -> list[RestoreStep]:
        """Restore a backup, or a folder of outgoing cards."""
        if file.is_dir():
            return restoring.restore_outgoing(self.world, file)
        opened = restoring.opened(file)
        return restoring.restore(self.world, opened, {}, witness, after_loss=after_loss)
