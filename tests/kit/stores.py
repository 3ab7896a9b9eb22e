"""The kinds of stores, and how a test opens them."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.volatile import MemoryStore
from seemachine.state.witness.folder import FolderWitness

ESN, OTHER_ESN = "7852-268D-3BF9", "5F08-02E0-D947"


@dataclass(frozen=True)
class Kind:
    """A kind of store and how to open it."""

    name: str
    open: Callable[[Path], MirroredStore]
    durable: bool


def witnessed(kind: Kind, folder: Path) -> MirroredStore:
    """A durable store with the witness that lies beside its folder."""
    witness = FolderWitness(folder.parent / "witness", ESN)
    try:
        return {"sqlite": SqliteStore, "file": FileStore}[kind.name](folder, witness)
    except BaseException:
        witness.release()
        raise


SQLITE = Kind("sqlite", SqliteStore, durable=True)
FILE = Kind("file", FileStore, durable=True)
MEMORY = Kind("memory", lambda _folder: MemoryStore(), durable=False)
KINDS = (SQLITE, FILE, MEMORY)
DURABLE = (SQLITE, FILE)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for tests that open stores hundreds of times: in memory where the system offers
    that.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
