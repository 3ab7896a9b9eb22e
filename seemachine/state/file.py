"""NVRAM as plain files, where sqlite3 is missing: a record per NVRAM file and one of what was installed, each replaced as a whole."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seemachine.state.durable import no_room, private_folder, remove_file, replace_file
from seemachine.state.errors import DiskFull, StateCorrupt, StateFailed
from seemachine.state.records import NvramFile, StoredLease
from seemachine.state.sealed import lease_from, lease_values, seal, unseal
from seemachine.state.store import Changes, MirroredStore

SUFFIX = ".nvram"
# Public key in hexadecimal, first leaf, end.
Range = tuple[str, int, int]


class FileStore(MirroredStore):
    """See Store. `folder` is the machine's own; whoever opens it holds its lock. Raises StateCorrupt, StateFailed."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder / "nvram")
        files = [_read(path) for path in sorted(self._folder.glob(f"*{SUFFIX}"))]
        epoch, self._installed = _read_history(self._history, fresh=not files)
        super().__init__(files, epoch + 1)
        with self._translated():
            self._write_history()

    @property
    def _history(self) -> Path:
        return self._folder / "history"

    def _was_installed(self, lease: StoredLease) -> bool:
        key = lease.public_key.hex()
        return any(past == key and first < lease.end and lease.first < end for past, first, end in self._installed)

    def _write_install(self, lease: StoredLease) -> None:
        with self._translated():
            # The range is remembered before the file exists: a crash in between wastes the lease.
            self._installed.append((lease.public_key.hex(), lease.first, lease.end))
            self._write_history()
            self._write_one(NvramFile(lease, lease.first))

    def _write_changes(self, changes: Changes) -> None:
        with self._translated():
            for name, file in changes.items():
                if file is None:
                    remove_file(self._path(name))
                else:
                    self._write_one(file)

    def _write_history(self) -> None:
        replace_file(self._history, seal({"epoch": self.epoch, "installed": self._installed}))

    def _write_one(self, file: NvramFile) -> None:
        replace_file(self._path(file.name), seal({"lease": lease_values(file.lease), "next": file.next}))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = DiskFull if no_room(error) else StateFailed
            raise kind(f"{self._folder}: {error.strerror}") from error

    def _path(self, name: bytes) -> Path:
        return self._folder / f"{name.hex()}{SUFFIX}"


def _read(path: Path) -> NvramFile:
    values = unseal(path.read_bytes(), str(path))
    if values.keys() != {"lease", "next"} or type(values["lease"]) is not dict or type(values["next"]) is not int:
        raise StateCorrupt(f"{path}: not a record of this version")
    file = NvramFile(lease_from(values["lease"], str(path)), values["next"])
    if path.stem != file.name.hex():
        raise StateCorrupt(f"{path}: holds the record of another file")
    return file


def _read_history(path: Path, *, fresh: bool) -> tuple[int, list[Range]]:
    """Openings so far, and every range that was ever installed."""
    if not path.exists():
        if fresh:
            return 0, []
        raise StateCorrupt(f"{path}: missing, while there are NVRAM files beside it")
    values = unseal(path.read_bytes(), str(path))
    if values.keys() != {"epoch", "installed"} or type(values["epoch"]) is not int or type(values["installed"]) is not list:
        raise StateCorrupt(f"{path}: not a record of this version")
    if values["epoch"] < 1:
        raise StateCorrupt(f"{path}: the count of openings is damaged")
    return values["epoch"], [_range(row, path) for row in values["installed"]]


def _range(row: Any, path: Path) -> Range:
    if type(row) is not list or [type(part) for part in row] != [str, int, int]:
        raise StateCorrupt(f"{path}: not a record of this version")
    return row[0], row[1], row[2]
