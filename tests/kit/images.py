"""An image of the whole disk that is put back: what neither a file nor its inode can tell, on a
host that was started again.
"""

import os
import shutil
from pathlib import Path

from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.file_identity import handle_of
from seemachine.state.witness.record_layout import HEAD_BYTES, LENGTH, SLOT, SUPERSEDED, slot


def as_from_an_image(world: Path) -> None:
    """Records of witnesses, put back byte by byte, name the file that they lie in, as they do where
    the image keeps the inodes.
    """
    for record in world.glob("witness/*.record"):
        data = record.read_bytes()
        if data and data != SUPERSEDED:
            record.write_bytes(_renamed(data, handle_of(record)))
    shutil.rmtree(Path(os.environ["XDG_RUNTIME_DIR"]) / "seemachine", ignore_errors=True)


def _renamed(data: bytes, handle: bytes) -> bytes:
    length = int.from_bytes(data[: LENGTH.size], "big")
    head = unseal(data[LENGTH.size : LENGTH.size + length], "record") | {"handle": handle}
    packed = LENGTH.pack(len(seal(head))) + seal(head)
    starts = range(HEAD_BYTES, len(data), SLOT.size)
    return packed.ljust(HEAD_BYTES, b"\0") + b"".join(
        _slot_of(data[start : start + SLOT.size], handle) for start in starts
    )


def _slot_of(packed: bytes, handle: bytes) -> bytes:
    name, first, following, _ = SLOT.unpack(packed)
    return slot(handle, name[:11], first, following) if any(packed) else packed
