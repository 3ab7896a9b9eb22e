"""How the record of a witness lies in its file, as bytes alone: what they say of each other, not of
the file that they are in.

    head            HEAD_BYTES: a length, then sealed values, padded; among them which file this is
    flushed notes   SLOT.size bytes each, durable with the head; they never change
    later notes     one for each lease since then, written in place without a flush
    room            SPARE empty slots, so that a file that was cut is shorter than it was made
"""

import hashlib
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seemachine.formats import Format
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.errors import StateCorrupt

HEAD_BYTES = 1024
FORMAT = Format("witness record")
LENGTH = struct.Struct(">H")
# Name of the NVRAM file, first leaf of the lease, its next leaf, check.
SLOT = struct.Struct(">12sQQ20x16s")
CHECKED = SLOT.size - 16
NAME_BYTES = 11
SUPERSEDED = b"superseded by a later file of this name\n"
# What a head has beside what its user keeps in it; `settled` counts the flushed notes.
OWN = {"handle": bytes, "filesystem": bytes, "boot": bytes, "settled": int}
SPARE = 64

# Next leaf, by NVRAM file and first leaf of the lease.
Notes = dict[tuple[bytes, int], int]


@dataclass(slots=True)
class FoundNotes:
    """The notes of a file; in which slots the later ones are, and which slot is the next.

    `whole`: none is missing or damaged that should be in order.
    """

    following: int
    notes: Notes = field(default_factory=dict)
    places: dict[tuple[bytes, int], int] = field(default_factory=dict)
    whole: bool = False


def encoded(head: dict[str, Any], own: dict[str, Any], flushed: Notes, path: Path) -> bytes:
    """A whole file. Raises StateCorrupt when a head is too long."""
    sealed = seal({**head, **own, "settled": len(flushed)}, FORMAT)
    if LENGTH.size + len(sealed) > HEAD_BYTES:
        raise StateCorrupt(f"{path}: what is to be remembered does not fit")
    slots = (
        slot(own["handle"], name, first, following) for (name, first), following in flushed.items()
    )
    room = bytes(SPARE * SLOT.size)
    return (LENGTH.pack(len(sealed)) + sealed).ljust(HEAD_BYTES, b"\0") + b"".join(slots) + room


def slot(handle: bytes, name: bytes, first: int, following: int) -> bytes:
    """One note. Of this file alone: a note of another one is none here."""
    packed = SLOT.pack(name, first, following, b"")[:CHECKED]
    return packed + _check(handle, packed)


def head_in(data: bytes, path: Path) -> dict[str, Any]:
    """The head of a file. Raises StateCorrupt."""
    length = int.from_bytes(data[: LENGTH.size], "big")
    values = unseal(data[LENGTH.size : LENGTH.size + length], str(path), FORMAT)
    if any(type(values.get(name)) is not kind for name, kind in OWN.items()):
        raise StateCorrupt(f"{path}: not a record of this version")
    return values


def notes_in(slots: bytes, handle: bytes, flushed: int, *, same_boot: bool) -> FoundNotes:
    """The notes after a head.

    Flushed ones became durable with the head. A later one may have been torn by a loss of power and
    then counts as none: it was a lower bound. While the host is up nothing tears one.
    """
    found = FoundNotes(max(flushed, -(-len(slots.rstrip(b"\0")) // SLOT.size)))
    good = 0
    for number in range(found.following):
        packed = slots[number * SLOT.size : (number + 1) * SLOT.size]
        if len(packed) < SLOT.size or packed[CHECKED:] != _check(handle, packed[:CHECKED]):
            continue
        name, first, following, _ = SLOT.unpack(packed)
        key = (name[:NAME_BYTES], first)
        found.notes[key] = max(following, found.notes.get(key, 0))
        good += same_boot or number < flushed
        if number >= flushed:
            found.places[key] = number
    found.whole = (
        good == (found.following if same_boot else flushed)
        and len(slots) >= (flushed + SPARE) * SLOT.size
    )
    return found


def _check(handle: bytes, packed: bytes) -> bytes:
    return hashlib.sha256(handle + packed).digest()[: SLOT.size - CHECKED]
