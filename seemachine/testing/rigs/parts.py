"""What a machine of a rig is made of."""

from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk.durable import private_folder
from seemachine.state.nvram.store import KEEP, Store
from seemachine.state.nvram.stores import StoreKind
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.folder import FolderWitness
from seemachine.world import World


class Parts:
    """Of the machine `esn` of a world, as the daemon makes them."""

    def __init__(self, world: World, esn: str) -> None:
        self.world, self.esn = world, esn
        self.folder = world.hsm(esn)

    def slots(self) -> Slots:
        """Its card slots."""
        return Slots(self.world, self.esn)

    def checkpoints(self) -> FolderCheckpoints:
        """Where its half-made keys are."""
        return FolderCheckpoints(private_folder(self.folder))

    def nvram(self, kind: StoreKind) -> Store:
        """Opened; with a witness, if it outlives the machine. Raises StateError."""
        witness = FolderWitness(self.world.witness, self.esn) if kind.durable else NoWitness()
        return kind.open(self.folder, witness, KEEP)
