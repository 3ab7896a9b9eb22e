"""What a machine of a rig is made of where faults happen to its state."""

from seemachine.faults import Injector
from seemachine.mishaps import FaultyCheckpoints, FaultyFolderWitness, FaultySlots, open_nvram
from seemachine.state.disk.durable import private_folder
from seemachine.state.nvram.store import KEEP, Store
from seemachine.state.nvram.stores import StoreKind
from seemachine.state.witness.absent import NoWitness
from seemachine.testing.rigs.parts import Parts
from seemachine.world import World


class PartsWithFaults(Parts):
    """See Parts."""

    def __init__(self, world: World, esn: str, faults: Injector) -> None:
        super().__init__(world, esn)
        self._faults = faults

    def slots(self) -> FaultySlots:
        """See Parts."""
        return FaultySlots(self.world, self.esn, self._faults)

    def checkpoints(self) -> FaultyCheckpoints:
        """See Parts."""
        return FaultyCheckpoints(private_folder(self.folder), self._faults)

    def nvram(self, kind: StoreKind) -> Store:
        """See Parts."""
        witness = (
            FaultyFolderWitness(self.world.witness, self.esn, self._faults)
            if kind.durable
            else NoWitness()
        )
        return open_nvram(kind, self._faults, self.folder, witness, KEEP)
