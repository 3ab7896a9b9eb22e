"""The world that is kept, and the same as if it had never left its disk."""

import hashlib
from pathlib import Path

import pytest
from kit.images import as_from_an_image
from kit.unpacking import unpack
from upgrade.make_world import FIRST

from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.file_identity import handle_of
from seemachine.state.witness.record_layout import HEAD_BYTES, LENGTH

KEPT = Path(__file__).parent / "world-0.1.0.tar.gz"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The world that is kept, on another disk than that which it was made on."""
    unpack(KEPT, tmp_path, "tar")
    return tmp_path / "world"


@pytest.fixture
def in_place(world: Path) -> Path:
    """The same, as if it had never left its disk."""
    for record in world.glob("witness/*.record"):
        data = record.read_bytes()
        length = int.from_bytes(data[: LENGTH.size], "big")
        head = unseal(data[LENGTH.size : LENGTH.size + length], "record")
        head["place"] = handle_of(world / "hsm" / record.stem)
        packed = LENGTH.pack(len(seal(head))) + seal(head)
        record.write_bytes(packed.ljust(HEAD_BYTES, b"\0") + data[HEAD_BYTES:])
    as_from_an_image(world)
    for path in [*world.rglob("*.card"), *world.rglob("making/*.key")]:
        card = path.suffix == ".card"
        known = ("cards", path.stem) if card else ("making", f"{FIRST}-{path.stem}")
        record = world.joinpath("witness", *known)
        if record.exists():
            mark = [handle_of(path), hashlib.sha256(path.read_bytes()).digest()]
            values = {"files": [mark], "folder": handle_of(record.parent)}
            record.write_bytes(seal(unseal(record.read_bytes(), "record") | values))
    return world
