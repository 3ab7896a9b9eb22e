"""From the settings of a machine to the NVRAM and the witness that meet its faults."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seemachine.faults.injector import Injector
from seemachine.mishaps.nvram import FaultyFile, FaultyMemory, FaultyNvram
from seemachine.mishaps.witness import FaultyFolderWitness
from seemachine.state.nvram.store import Retention, Store
from seemachine.state.nvram.stores import FILE, MEMORY, SQLITE, StoreKind
from seemachine.state.witness.protocol import Witness
from seemachine.witnesses.address import folder_of, is_url

Opened = Callable[[Path, Witness, Retention], FaultyNvram]


def open_nvram(
    kind: StoreKind, faults: Injector, folder: Path, witness: Witness, keep: Retention
) -> Store:
    """A store of a kind, with faults. Raises StateError."""
    store = _OPENERS[kind.name](folder, witness, keep)
    store.beset(faults)
    return store


def open_faulty_witness(
    faults: Injector,
    where: str,
    default: Path,
    esn: str,
    environment: Mapping[str, str],
    **options: Any,
) -> Witness:
    """See `seemachine.witnesses.open_witness`."""
    if is_url(where):
        from seemachine.mishaps.witness_postgresql import FaultyPostgresWitness

        return FaultyPostgresWitness(where, esn, environment, faults, **options)
    return FaultyFolderWitness(folder_of(where, default.parent) if where else default, esn, faults)


def _sqlite(folder: Path, witness: Witness, keep: Retention) -> FaultyNvram:
    # SQLite may be missing.
    from seemachine.mishaps.nvram_sqlite import FaultySqlite

    return FaultySqlite(folder, witness, keep)


_OPENERS: dict[str, Opened] = {
    SQLITE.name: _sqlite,
    FILE.name: FaultyFile,
    MEMORY.name: lambda _folder, _witness, keep: FaultyMemory(keep),
}
