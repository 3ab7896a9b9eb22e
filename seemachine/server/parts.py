"""What the state of a machine is made of."""

from collections.abc import Mapping
from typing import Any

from seemachine.config import Config
from seemachine.server.logs import Log
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.half_made import Checkpoints, NoCheckpoints
from seemachine.state.nvram.store import Retention, Store
from seemachine.state.nvram.stores import STORES
from seemachine.state.witness.protocol import Witness
from seemachine.witnesses import open_witness


class Parts:
    """The real ones."""

    def log(self, log: Log) -> Log:
        """With the time of the machine's clock."""
        return log

    def slots(self, config: Config) -> Slots:
        """Its card slots."""
        return Slots(config.world, config.esn)

    def checkpoints(self, config: Config) -> Checkpoints:
        """Where its half-made keys are."""
        durable = STORES[config.store].durable
        return self.folder_checkpoints(config) if durable else NoCheckpoints()

    def folder_checkpoints(self, config: Config) -> FolderCheckpoints:
        """The same on a disk."""
        return FolderCheckpoints(config.folder)

    def witness(self, config: Config, environ: Mapping[str, str], **options: Any) -> Witness:
        """The one of its settings. Raises StateError."""
        place = config.witness, config.world.witness
        return open_witness(*place, config.esn, environ, **options)

    def nvram(self, config: Config, witness: Witness, keep: Retention) -> Store:
        """Raises StateError."""
        return STORES[config.store].open(config.folder, witness, keep)
