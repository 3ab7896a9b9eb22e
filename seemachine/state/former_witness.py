"""The witness as earlier checkouts kept it in two files, read once: see `folder_witness`.

<ESN>.mark      the last opening, sealed
<ESN>.leaves    slots of 40 bytes: name, first leaf, next leaf, the first 12 bytes of their SHA-256
"""

import hashlib
import struct
from pathlib import Path

from seemachine.state.errors import StateCorrupt
from seemachine.state.sealed import unseal
from seemachine.state.witness import Mark

SLOT = struct.Struct(">12sQQ12s")
CHECKED = SLOT.size - 12
NAME_BYTES = 11


def former_witness(mark: Path, leaves: Path) -> tuple[Mark | None, dict[tuple[bytes, int], int]]:
    """The opening and the notes that are there. A torn note counts as none. Raises StateCorrupt, OSError."""
    return _mark(mark), _notes(leaves.read_bytes() if leaves.exists() else b"")


def _mark(path: Path) -> Mark | None:
    if not path.exists():
        return None
    values = unseal(path.read_bytes(), str(path))
    try:
        return Mark(**values)
    except (TypeError, StateCorrupt):
        raise StateCorrupt(f"{path}: not a record of this version") from None


def _notes(data: bytes) -> dict[tuple[bytes, int], int]:
    found: dict[tuple[bytes, int], int] = {}
    for start in range(0, len(data) - SLOT.size + 1, SLOT.size):
        name, first, following, check = SLOT.unpack_from(data, start)
        if check == hashlib.sha256(data[start : start + CHECKED]).digest()[:12]:
            key = (name[:NAME_BYTES], first)
            found[key] = max(following, found.get(key, 0))
    return found
