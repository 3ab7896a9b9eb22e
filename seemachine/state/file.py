"""NVRAM as plain files, where sqlite3 is missing: a record per NVRAM file, replaced as a whole, and the list of installed leases."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from seemachine.state.durable import no_room, private_folder, remove_file, replace_file
from seemachine.state.errors import DiskFull, StateCorrupt, StateFailed
from seemachine.state.records import NvramFile, StoredLease
from seemachine.state.sealed import lease_from, lease_values, seal, unseal
from seemachine.state.store import Changes, MirroredStore

SUFFIX = ".nvram"


class FileStore(MirroredStore):
    """See Store. `folder` is the machine's own; whoever opens it holds its lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder / "nvram")
        self._installed_path = self._folder / "installed"
        super().__init__(map(_read, sorted(self._folder.glob(f"*{SUFFIX}"))), self._open_epoch())
        self._installed = _read_installed(self._installed_path)

    def close(self) -> None:
        """See Store."""

    def _open_epoch(self) -> int:
        path = self._folder / "epoch"
        epoch = int(path.read_text()) + 1 if path.exists() else 1
        replace_file(path, str(epoch).encode())
        return epoch

    def _was_installed(self, lease: StoredLease) -> bool:
        key = lease.public_key.hex()
        return any(past == key and first < lease.end and lease.first < end for past, first, end in self._installed)

    def _write_install(self, lease: StoredLease) -> None:
        with self._translated():
            # The range is remembered before the file exists: a crash in between wastes the lease.
            self._installed.append((lease.public_key.hex(), lease.first, lease.end))
            rows = "".join(f"{key} {first} {end}\n" for key, first, end in self._installed)
            replace_file(self._installed_path, rows.encode())
            self._write_one(NvramFile(lease, lease.first))

    def _write_changes(self, changes: Changes) -> None:
        with self._translated():
            for name, file in changes.items():
                if file is None:
                    remove_file(self._path(name))
                else:
                    self._write_one(file)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = DiskFull if no_room(error) else StateFailed
            raise kind(f"{self._folder}: {error.strerror}") from error

    def _write_one(self, file: NvramFile) -> None:
        replace_file(self._path(file.name), seal({"lease": lease_values(file.lease), "next": file.next}))

    def _path(self, name: bytes) -> Path:
        return self._folder / f"{name.hex()}{SUFFIX}"


def _read(path: Path) -> NvramFile:
    values = unseal(path.read_bytes(), str(path))
    file = NvramFile(lease_from(values["lease"], str(path)), values["next"])
    if path.stem != file.name.hex():
        raise StateCorrupt(f"{path}: holds the record of another file")
    return file


def _read_installed(path: Path) -> list[tuple[str, int, int]]:
    rows = path.read_text().split("\n")[:-1] if path.exists() else []
    try:
        return [(key, int(first), int(end)) for key, first, end in map(str.split, rows)]
    except ValueError:
        raise StateCorrupt(f"{path}: a line is damaged") from None
