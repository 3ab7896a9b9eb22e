"""A machine that was not started for faults: what it is made of."""

import time
from pathlib import Path

import pytest
from kit.logs import Events
from kit.stores import ESN, KINDS

from seemachine.config import Config
from seemachine.mishaps import FaultyCheckpoints, FaultySlots
from seemachine.server.assembly import opened
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.half_made import NoCheckpoints
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.folder import FolderWitness
from seemachine.world import World

STORES = {"sqlite": SqliteStore, "file": FileStore, "memory": MemoryStore}


@pytest.mark.parametrize("store", [kind.name for kind in KINDS])
def test_nothing_is_wrapped(tmp_path: Path, store: str) -> None:
    """Every part is of the very class that it is without this room, by the system's clock."""
    config = Config(esn=ESN, world=World.at(tmp_path), port=0, store=store, runtime_witness="off")
    log = Events()
    held = opened(config, {}, log)
    machine = held.machine
    assert machine.faults is None
    assert held.log is log
    assert type(machine.slots) is Slots
    assert type(machine.store) is STORES[store]
    assert machine.store._clock is time.time
    durable = store != "memory"
    assert type(machine.checkpoints) is (FolderCheckpoints if durable else NoCheckpoints)
    if durable:
        layers = machine.store._witness._layers
        assert [type(each) for each in layers] == [FolderWitness, NoWitness]
    else:
        assert type(machine.store._witness) is NoWitness
    held.close()
    held.lock.release()


def test_wrappers_add_to_what_they_wrap() -> None:
    """Each is the real one too: what it does not say is done by that."""
    assert issubclass(FaultySlots, Slots)
    assert issubclass(FaultyCheckpoints, FolderCheckpoints)
