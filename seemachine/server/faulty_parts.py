"""What the state of a machine is made of where faults happen to it."""

from collections.abc import Mapping
from typing import Any

from seemachine.config import Config
from seemachine.faults import Injector
from seemachine.mishaps import (
    FaultyCheckpoints,
    FaultySlots,
    moved,
    open_faulty_witness,
    open_nvram,
)
from seemachine.server.logs import Log
from seemachine.server.parts import Parts
from seemachine.state.nvram.store import Retention, Store
from seemachine.state.nvram.stores import STORES
from seemachine.state.witness.protocol import Witness


class FaultyParts(Parts):
    """See Parts."""

    def __init__(self, faults: Injector) -> None:
        self._faults = faults

    def log(self, log: Log) -> Log:
        """See Parts."""
        return log.by(moved(self._faults))

    def slots(self, config: Config) -> FaultySlots:
        """See Parts."""
        return FaultySlots(config.world, config.esn, self._faults)

    def folder_checkpoints(self, config: Config) -> FaultyCheckpoints:
        """See Parts."""
        return FaultyCheckpoints(config.folder, self._faults)

    def witness(self, config: Config, environ: Mapping[str, str], **options: Any) -> Witness:
        """See Parts."""
        place = config.witness, config.world.witness
        return open_faulty_witness(self._faults, *place, config.esn, environ, **options)

    def nvram(self, config: Config, witness: Witness, keep: Retention) -> Store:
        """See Parts."""
        kind = STORES[config.store]
        return open_nvram(kind, self._faults, config.folder, witness, keep)
