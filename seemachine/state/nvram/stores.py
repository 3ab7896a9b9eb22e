"""The ways to keep an NVRAM: the one list of them.

What a setting may say, what is refused beside it, and what a backup or a restore looks for all come
from here. A store's own file is imported when it is opened: SQLite may be missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.state.errors import StateUnsafe
from seemachine.state.nvram.filenames import DATABASE, FILES

# The command line knows the names; it pays for no store.
if TYPE_CHECKING:
    from seemachine.state.nvram.store import Retention, Store
    from seemachine.state.witness.protocol import Witness

# Takes the machine's folder.
Opener = Callable[[Path, "Witness", "Retention"], "Store"]


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One way. `path` is what it keeps in the machine's folder; empty: nothing outlives the
    process.
    """

    name: str
    what: str
    path: str
    open: Opener

    @property
    def durable(self) -> bool:
        """Whether anything outlives the process."""
        return bool(self.path)


def _sqlite(folder: Path, witness: "Witness", keep: "Retention") -> "Store":
    from seemachine.state.nvram.sqlite import SqliteStore

    return SqliteStore(folder, witness, keep)


def _file(folder: Path, witness: "Witness", keep: "Retention") -> "Store":
    from seemachine.state.nvram.file import FileStore

    return FileStore(folder, witness, keep)


def _memory(_folder: Path, _witness: "Witness", keep: "Retention") -> "Store":
    from seemachine.state.nvram.volatile import MemoryStore

    return MemoryStore(keep)


SQLITE = StoreKind("sqlite", f"a database, {DATABASE}", DATABASE, _sqlite)
FILE = StoreKind("file", f"plain files in {FILES}/, without SQLite", FILES, _file)
MEMORY = StoreKind("memory", "nothing is kept when the machine stops", "", _memory)
KINDS = (SQLITE, FILE, MEMORY)
STORES = {kind.name: kind for kind in KINDS}


def kept_in(folder: Path) -> list[StoreKind]:
    """The stores that have something in a machine's folder."""
    return [kind for kind in KINDS if kind.durable and (folder / kind.path).exists()]


def refuse_others(kind: StoreKind, folder: Path, esn: str) -> None:
    """Raises StateUnsafe where another store has the machine's leaves.

    A store that keeps nothing hides none: it is for trying something out.
    """
    for other in kept_in(folder) if kind.durable else ():
        if other is not kind:
            raise StateUnsafe(
                f"{esn} keeps its NVRAM in {folder / other.path}; use --store {other.name}, or its"
                " leaves would be out of sight"
            )


def kind_in(folder: Path) -> StoreKind | None:
    """The store that has the NVRAM of a machine's folder. Raises StateUnsafe for more than one."""
    kinds = kept_in(folder)
    if len(kinds) > 1:
        names = " and ".join(kind.path for kind in kinds)
        raise StateUnsafe(f"{folder} has two NVRAMs, {names}; move away the one that is not used")
    return kinds[0] if kinds else None
