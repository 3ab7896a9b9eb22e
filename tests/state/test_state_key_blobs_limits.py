"""Key blobs with the longest values that they may have, and the key that opens them."""

from pathlib import Path

import pytest
from kit.leases import lease

from seemachine.state import key_blobs
from seemachine.state.cards.smartcard import LMS, Card, write_card
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.world_key import WorldKey, is_missing
from seemachine.state.errors import StateCorrupt
from seemachine.state.key_blobs import BlobHead
from seemachine.wire.messages import MAX_SIGNER
from seemachine.world import World

KEY, PUBLIC_KEY = WorldKey(bytes(32)), b"public key" * 150


@pytest.mark.parametrize(
    ("length", "sound"), [(0, True), (MAX_SIGNER, True), (MAX_SIGNER + 1, False)]
)
def test_the_longest_signer(length: int, sound: bool) -> None:
    """One that a machine can have, and no longer one."""
    data = key_blobs.made(KEY, BlobHead("mldsa44", PUBLIC_KEY, bytes(length)), b"private")
    if sound:
        assert key_blobs.read(data).head.signer == bytes(length)
    else:
        with pytest.raises(StateCorrupt, match="not one of this version"):
            key_blobs.read(data)


def test_a_key_that_is_there_is_not_missing(tmp_path: Path) -> None:
    """Whatever needs it; only without it something can't be read."""
    world = World.at(tmp_path)
    assert not is_missing(world)
    write_card(private_folder(world.cards), Card("card1", LMS, (lease(),)))
    assert not is_missing(world)
    world.key_file.unlink()
    assert is_missing(world)
