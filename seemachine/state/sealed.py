"""Stored values as bytes with a checksum: one MessagePack map, then its SHA-256."""

import hashlib
from dataclasses import astuple
from typing import Any

import msgpack

from seemachine.state.errors import StateCorrupt
from seemachine.state.records import StoredLease

CHECKSUM_BYTES = 32
LEASE_TYPES = (bytes, int, int, bytes, bytes, bytes, int)


def seal(values: dict[str, Any]) -> bytes:
    """Encode with the checksum behind.

    Raises StateCorrupt for numbers over 64 bits, which no count of ours comes near.
    """
    try:
        packed: bytes = msgpack.packb(values)
    except OverflowError as error:
        raise StateCorrupt(f"a stored count is damaged: {error}") from None
    return packed + hashlib.sha256(packed).digest()


def unseal(data: bytes, what: str) -> dict[str, Any]:
    """Decode. Raises StateCorrupt naming `what` when a byte is not as written."""
    packed, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if len(data) <= CHECKSUM_BYTES or hashlib.sha256(packed).digest() != checksum:
        raise StateCorrupt(f"{what}: the checksum does not fit; the file was damaged or cut")
    try:
        values = msgpack.unpackb(packed)
    # msgpack raises a dozen kinds; behind a checksum that fits, each of them means that the writer
    # was not ours.
    except Exception as error:  # noqa: BLE001
        raise StateCorrupt(f"{what}: not a record ({type(error).__name__})") from None
    if type(values) is not dict:
        raise StateCorrupt(f"{what}: not a record")
    return values


def lease_values(lease: StoredLease) -> dict[str, Any]:
    """A lease as plain values. Without a threshold as on cards from before there were any."""
    names = ("public_key", "first", "end", "seed", "path", "signer")
    values = {name: getattr(lease, name) for name in names}
    return values | {"warnat": lease.warnat} if lease.warnat else values


def lease_from(values: dict[str, Any], what: str) -> StoredLease:
    """A lease from plain values. Raises StateCorrupt."""
    try:
        lease = StoredLease(**values)
        if not all(
            type(part) is kind for part, kind in zip(astuple(lease), LEASE_TYPES, strict=True)
        ):
            raise TypeError("a lease of other types")
        return lease
    except TypeError as error:
        raise StateCorrupt(f"{what}: {error}") from None
