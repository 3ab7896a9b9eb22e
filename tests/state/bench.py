"""A machine's folder with a witness beside it, and backups of what is in it."""

import shutil
from itertools import count
from pathlib import Path

from kit.leases import lease, name, take
from kit.stores import ESN, Kind, witnessed

from seemachine.state.errors import LeaseQuarantined
from seemachine.state.nvram.base import MirroredStore

NVRAM = ("nvram.db", "nvram.db-wal", "nvram")


class Bench:
    """A machine's folder, its witness beside it, and backups of what is in the folder."""

    def __init__(self, kind: Kind, home: Path) -> None:
        self.kind, self.home, self.folder = kind, home, home / ESN
        self.store: MirroredStore | None = None
        self._backups = count()

    def open(self) -> MirroredStore:
        """Close the store, if it is open, and open it again."""
        self.close()
        self.store = witnessed(self.kind, self.folder)
        return self.store

    def close(self) -> None:
        """Stop the machine."""
        if self.store is not None:
            self.store.close()
            self.store = None

    def begun(self, *leases: int) -> MirroredStore:
        """A new store with the leases of these keys, 5 leaves of each given."""
        store = self.open()
        for key in leases:
            store.install(lease(key))
            take(store, [name(key)] * 5)
        return store

    def backup(self) -> Path:
        """A copy of the NVRAM as it lies there, also while it is in use."""
        kept = self.home / f"backup {next(self._backups)}"
        kept.mkdir()
        self._copy(self.folder, kept)
        return kept

    def put_back(self, kept: Path) -> MirroredStore:
        """Stop the machine, put the files of a backup in place of what is there, and open them."""
        self.close()
        for path in self._files(self.folder):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._copy(kept, self.folder)
        return self.open()

    def _copy(self, source: Path, target: Path) -> None:
        for path in self._files(source):
            (
                shutil.copytree(path, target / path.name)
                if path.is_dir()
                else shutil.copy2(path, target / path.name)
            )

    @staticmethod
    def _files(folder: Path) -> list[Path]:
        return [folder / each for each in NVRAM if (folder / each).exists()]


def in_quarantine(store: MirroredStore) -> list[bytes]:
    """The files that give no leaf."""
    return [each for each in store.names() if store.get(each).quarantine]


def gives_nothing(store: MirroredStore, *keys: int) -> bool:
    """Whether all of these files refuse to give a leaf."""
    return all(
        isinstance(answer, LeaseQuarantined) for answer in take(store, [name(key) for key in keys])
    )
