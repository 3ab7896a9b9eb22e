"""Stored values as bytes with a checksum: one MessagePack map, then its SHA-256."""

import hashlib
from typing import Any

import msgpack

from seemachine.state.errors import StateCorrupt

CHECKSUM_BYTES = 32


def seal(values: dict[str, Any]) -> bytes:
    """Encode, with the checksum at the end.

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
