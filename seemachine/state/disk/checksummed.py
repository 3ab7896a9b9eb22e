"""Stored values as bytes with a checksum: one MessagePack map, then its SHA-256.

The map has the version of its format, beside the values. Those of before formats had one are of
version 1. Later versions keep to this form: else they would look damaged to earlier ones.
"""

import hashlib
from typing import Any

import msgpack

from seemachine.formats import Format, OtherVersion
from seemachine.state.errors import StateCorrupt, StateOtherVersion

CHECKSUM_BYTES = 32
VERSION = "version"


def seal(values: dict[str, Any], form: Format | None = None) -> bytes:
    """Encode, with the checksum at the end; without a format, for what is a part of another file's.

    Raises StateCorrupt for numbers over 64 bits, which no count of ours comes near.
    """
    whole = values if form is None else {**values, VERSION: form.version}
    try:
        packed: bytes = msgpack.packb(whole)
    except OverflowError as error:
        raise StateCorrupt(f"a stored count is damaged: {error}") from None
    return packed + hashlib.sha256(packed).digest()


def unseal(data: bytes, what: str, form: Format | None = None) -> dict[str, Any]:
    """Decode. Raises StateCorrupt naming `what` when a byte is not as written, StateOtherVersion
    when another version of seemachine wrote it.
    """
    packed, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if len(data) <= CHECKSUM_BYTES or hashlib.sha256(packed).digest() != checksum:
        raise StateCorrupt(f"{what}: the checksum does not fit; the file was damaged or cut")
    try:
        values = msgpack.unpackb(packed)
    # msgpack raises a dozen kinds; under a checksum that fits, each of them means that the writer
    # was not ours.
    except Exception as error:  # noqa: BLE001
        raise StateCorrupt(f"{what}: not a record ({type(error).__name__})") from None
    if type(values) is not dict:
        raise StateCorrupt(f"{what}: not a record")
    if form is not None:
        check_version(form, values.pop(VERSION, form.oldest), what)
    return values


def check_version(form: Format, found: object, what: str) -> None:
    """Raises StateOtherVersion for another version's, StateCorrupt for what is not a version."""
    try:
        form.check(found, what)
    except OtherVersion as other:
        raise StateOtherVersion(str(other)) from None
    except ValueError as error:
        raise StateCorrupt(f"{what}: {error}") from None
