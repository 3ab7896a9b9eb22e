"""Rows of the database: what is stored as columns with a checksum at the end, and back."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seemachine.state.errors import StateCorrupt
from seemachine.state.nvram.ledger import LedgerRow
from seemachine.state.records import NvramFile, SpentLease, StoredLease
from seemachine.state.witness.protocol import Mark, Past

CHECKSUM_BYTES = 16


def columns(file: NvramFile) -> tuple[object, ...]:
    """A file of the NVRAM as the columns of its row."""
    lease = file.lease
    fixed = (file.name, lease.public_key, lease.first, lease.end, lease.seed, lease.path)
    values = (*fixed, file.next, file.quarantine, lease.signer, lease.warnat)
    return (*values, checksum(values))


def file_from(row: tuple[Any, ...], path: Path) -> NvramFile:
    """The file of a row. Raises StateCorrupt."""
    name, public_key, first, end, seed, nodes, following, quarantine, signer, warnat, _ = row
    lease = StoredLease(public_key, first, end, seed, nodes, signer, warnat)
    file = NvramFile(lease, following, quarantine)
    check(row, path)
    if name != file.name:
        raise StateCorrupt(f"{path}: a row holds the record of another file")
    return file


def spent_columns(spent: SpentLease) -> tuple[object, ...]:
    """A used-up lease as the columns of its row."""
    lease = spent.lease
    values = (
        lease.public_key,
        lease.first,
        lease.end,
        lease.seed,
        lease.path,
        lease.signer,
        spent.time,
    )
    return (*values, checksum(values))


def spent_from(row: tuple[Any, ...], path: Path) -> SpentLease:
    """The used-up lease of a row. Raises StateCorrupt."""
    check(row, path)
    return SpentLease(StoredLease(*row[:6]), row[6])


def ledger_columns(row: LedgerRow) -> tuple[object, ...]:
    """A row of the ledger, without number and checksum."""
    return row.name, row.leaf, row.token, row.digest, row.client, row.time, row.reason


def ledger_from(values: Sequence[Any], path: Path) -> LedgerRow:
    """A row of the ledger, from all columns after its number. Raises StateCorrupt."""
    row = LedgerRow(*values[:-1])
    if row.checksum != values[-1]:
        raise StateCorrupt(
            f"{path}: the checksum of leaf {row.leaf} in the ledger does not fit; the file was"
            " damaged"
        )
    return row


def past_values(past: Past) -> tuple[object, ...]:
    """What an NVRAM says of itself, without the checksum."""
    mark = past.last
    return mark.identity, mark.epoch, mark.nonce, mark.place, *past.before, past.doubt


def past_from(row: tuple[Any, ...], path: Path) -> Past:
    """What an NVRAM says of itself."""
    check(row, path)
    identity, epoch, nonce, place, before_epoch, before_nonce, doubt, _ = row
    try:
        return Past(Mark(identity, epoch, nonce, place), (before_epoch, before_nonce), doubt)
    except StateCorrupt as error:
        raise StateCorrupt(f"{path}: {error}") from None


def checksum(values: tuple[object, ...]) -> bytes:
    """SQLite keeps none of its own for the pages of a database.

    Lengths and types stand before the values.
    """
    parts = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    described = b"".join(
        b"%c%d:" % (b"bi"[isinstance(value, int)], len(part))
        for value, part in zip(values, parts, strict=True)
    )
    return hashlib.sha256(described + b"".join(parts)).digest()[:CHECKSUM_BYTES]


def check(row: tuple[object, ...], path: Path) -> None:
    """Raises StateCorrupt when a row does not have its checksum."""
    if row[-1] != checksum(row[:-1]):
        raise StateCorrupt(f"{path}: the checksum of a row does not fit; the file was damaged")
