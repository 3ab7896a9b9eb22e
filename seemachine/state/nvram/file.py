"""NVRAM as plain files, where sqlite3 is missing.

A record per NVRAM file and one of what was installed, each replaced as a whole, and a ledger that
grows.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seemachine.formats import Format
from seemachine.state.disk.checksummed import check_version, seal, unseal
from seemachine.state.disk.durable import no_room, private_folder, remove_file, replace_file, settle
from seemachine.state.disk.file_identity import handle_of
from seemachine.state.errors import DiskFull, StateCorrupt, StateFailed
from seemachine.state.nvram.base import MirroredStore
from seemachine.state.nvram.batch import Changes
from seemachine.state.nvram.filenames import FILES
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.nvram.ledger_file import LedgerFile
from seemachine.state.nvram.store import KEEP, Retention
from seemachine.state.records import NvramFile, SpentLease, StoredLease, lease_from, lease_values
from seemachine.state.witness.protocol import Mark, Past, Witness

SUFFIX = ".nvram"
SPENT_SUFFIX = ".spent"
LEDGER = "ledger"
# Of all files of this store together; the history has it. Those of another can't be read.
FORMAT = Format("file store", 2, 2)
HISTORY = {
    "format": int,
    "identity": bytes,
    "epoch": int,
    "nonce": bytes,
    "place": bytes,
    "before_epoch": int,
    "before_nonce": bytes,
    "doubt": str,
    "installed": list,
}
# Public key in hexadecimal, first leaf, end.
Range = tuple[str, int, int]


class FileStore(MirroredStore):
    """See Store.

    `folder` is the machine's own; whoever opens it holds its lock. Raises StateCorrupt,
    StateFailed.
    """

    def __init__(
        self, folder: Path, witness: Witness | None = None, keep: Retention = KEEP
    ) -> None:
        self._folder = folder / FILES
        with self._translated():
            private_folder(self._folder)
            # Before anything is read: what the last process wrote and did not flush would else be
            # lost from under what this one writes.
            settle(self._folder, LEDGER)
            _check_format(self._history)
            files = [_read(path) for path in sorted(self._folder.glob(f"*{SUFFIX}"))]
            past, self._installed = _read_history(self._history)
            self._ledger = LedgerFile(self._folder / LEDGER)
            spent = [_read_spent(path) for path in sorted(self._folder.glob(f"*{SPENT_SUFFIX}"))]
            super().__init__(files, spent, past, keep)
            recovered = self._recovered()
            self._commit(recovered)
            self._attest(past, witness, handle_of(folder))
            # There is none before it attests.
            self._note_changes(recovered)

    def ledger(self, after: int, most: int) -> list[tuple[int, LedgerRow]]:
        """See Store."""
        with self._lock:
            self._refuse_after_failure()
            return list(enumerate(self._ledger.rows[after : after + most], after + 1))

    def _recovered(self) -> Changes:
        """The ledger is written first.

        A leaf that it has is gone, though the file could not say so.

        The row goes one day. So the file says it before anything is built on it.
        """
        following: dict[bytes, int] = {}
        for row in self._ledger.rows:
            file = self._files.get(row.name)
            if file is not None and file.next <= row.leaf < file.lease.end:
                following[row.name] = max(following.get(row.name, 0), row.leaf + 1)
        files = {name: _advanced(self._files[name], leaf) for name, leaf in following.items()}
        used_up = [self._files[name].lease for name, file in files.items() if file is None]
        return Changes(files, [SpentLease(lease, self._now()) for lease in used_up])

    @property
    def _history(self) -> Path:
        return self._folder / "history"

    def _was_installed(self, lease: StoredLease) -> bool:
        key = lease.public_key.hex()
        return any(
            past == key and first < lease.end and lease.first < end
            for past, first, end in self._installed
        )

    def _rows(self, tokens: Sequence[bytes]) -> dict[bytes, LedgerRow]:
        return {token: row for token in tokens if (row := self._ledger.find(token)) is not None}

    def _write_install(self, lease: StoredLease) -> None:
        with self._translated():
            # The range is remembered before the file exists: a crash in between wastes the lease.
            self._installed.append((lease.public_key.hex(), lease.first, lease.end))
            self._write_history(self._past)
            self._write_one(NvramFile(lease, lease.first))

    def _write(self, changes: Changes) -> None:
        with self._translated():
            # The ledger first: a crash in between loses leaves, which it names. Last what destroys.
            if changes.rows or changes.bound:
                self._ledger.append([*changes.rows, *changes.bound])
            for spent in changes.spent:
                replace_file(
                    self._spent_path(spent.lease),
                    seal({"lease": lease_values(spent.lease), "time": spent.time}),
                )
            for name, file in changes.files.items():
                if file is None:
                    remove_file(self._path(name))
                else:
                    self._write_one(file)
            for spent in changes.forgotten:
                remove_file(self._spent_path(spent.lease))
            if changes.ledger_before:
                self._ledger.prune(changes.ledger_before)

    def _has_rows_before(self, before: int) -> bool:
        del before
        return not self._ledger.is_pruned

    def _write_past(self, past: Past) -> None:
        with self._translated():
            self._write_history(past)
        # Not before: the next lease that is installed would else write what was refused.
        self._past = past

    def _write_history(self, past: Past) -> None:
        replace_file(self._history, seal({**_past_values(past), "installed": self._installed}))

    def _write_one(self, file: NvramFile) -> None:
        values = {
            "lease": lease_values(file.lease),
            "next": file.next,
            "quarantine": file.quarantine,
        }
        replace_file(self._path(file.name), seal(values))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = DiskFull if no_room(error) else StateFailed
            raise kind(f"{self._folder}: {error.strerror}") from error

    def _path(self, name: bytes) -> Path:
        return self._folder / f"{name.hex()}{SUFFIX}"

    def _spent_path(self, lease: StoredLease) -> Path:
        return self._folder / f"{lease.name.hex()}-{lease.first}{SPENT_SUFFIX}"


def _advanced(file: NvramFile, following: int) -> NvramFile | None:
    return replace(file, next=following) if following < file.lease.end else None


def _read(path: Path) -> NvramFile:
    values = _fields(path, {"lease": dict, "next": int, "quarantine": str})
    file = NvramFile(lease_from(values["lease"], str(path)), values["next"], values["quarantine"])
    if path.stem != file.name.hex():
        raise StateCorrupt(f"{path}: holds the record of another file")
    return file


def _read_spent(path: Path) -> SpentLease:
    values = _fields(path, {"lease": dict, "time": int})
    return SpentLease(lease_from(values["lease"], str(path)), values["time"])


def _read_history(path: Path) -> tuple[Past, list[Range]]:
    """The openings so far, and every range that was ever installed."""
    if not path.exists():
        # It is the first file that a new NVRAM gets; a scratch file is what a crash leaves of that.
        if any(not beside.name.startswith(".") for beside in path.parent.iterdir()):
            raise StateCorrupt(f"{path}: missing, while there are files of an NVRAM beside it")
        return Past(Mark(os.urandom(16), 0, os.urandom(8))), []
    values = _fields(path, HISTORY)
    if values["epoch"] < 1:
        raise StateCorrupt(f"{path}: the count of openings is damaged")
    try:
        mark = Mark(values["identity"], values["epoch"], values["nonce"], values["place"])
    except StateCorrupt as error:
        raise StateCorrupt(f"{path}: {error}") from None
    past = Past(mark, (values["before_epoch"], values["before_nonce"]), values["doubt"])
    return past, [_range(row, path) for row in values["installed"]]


def _check_format(path: Path) -> None:
    """Before anything else is read: records of another version would look damaged or torn.

    Raises StateOtherVersion.
    """
    if path.exists():
        found = unseal(path.read_bytes(), str(path)).get("format", 1)
        check_version(FORMAT, found, str(path))


def _past_values(past: Past) -> dict[str, Any]:
    mark, (before_epoch, before_nonce) = past.last, past.before
    opening = mark.identity, mark.epoch, mark.nonce, mark.place
    values = (FORMAT.version, *opening, before_epoch, before_nonce, past.doubt)
    return dict(zip(HISTORY, values, strict=False))


def _fields(path: Path, types: dict[str, type]) -> dict[str, Any]:
    values = unseal(path.read_bytes(), str(path))
    if values.keys() != types.keys() or any(
        type(values[name]) is not kind for name, kind in types.items()
    ):
        raise StateCorrupt(f"{path}: not a record of this version")
    return values


def _range(row: Any, path: Path) -> Range:
    if type(row) is not list or [type(part) for part in row] != [str, int, int]:
        raise StateCorrupt(f"{path}: not a record of this version")
    return row[0], row[1], row[2]
