"""key_blobs.py: what a client keeps of a key for the machines of one world."""

from dataclasses import replace

import pytest

from seemachine.state import key_blobs
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.world_key import WorldKey, is_missing, key_of_old, world_key
from seemachine.state.errors import StateCorrupt, StateForeign, StateOtherVersion
from seemachine.state.key_blobs import BlobHead
from seemachine.world import World

KEY, OTHER = WorldKey(bytes(32)), WorldKey(b"\1" * 32)
HEAD = BlobHead("mldsa44", b"public key" * 150, b"signer", b"")
UNDER_CARDS = replace(HEAD, cardset=b"h" * 20)
SECRET, CARDS = b"private key" * 3, b"c" * 32


def test_what_was_made_is_opened():
    """By the key of its world, with its card set's secret where it has one; the private key is
    nowhere in it.
    """
    for head, cards in ((HEAD, b""), (UNDER_CARDS, CARDS)):
        data = key_blobs.made(KEY, head, SECRET, cards)
        blob = key_blobs.read(data)

        assert SECRET not in data
        assert b"private" not in repr(blob).encode()
        assert blob.head == head
        assert blob.opened(KEY, cards) == SECRET
    assert key_blobs.made(KEY, HEAD, SECRET) != key_blobs.made(KEY, HEAD, SECRET)


def test_another_world_opens_nothing():
    """It says so, and that nothing is damaged."""
    with pytest.raises(StateForeign, match="the key blob: of the world"):
        key_blobs.read(key_blobs.made(KEY, HEAD, SECRET)).opened(OTHER)


def test_no_bit_can_be_flipped():
    """Whichever it is, the blob can't be read."""
    data = key_blobs.made(KEY, HEAD, SECRET)
    for place in range(0, len(data), 3):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(StateCorrupt):
            key_blobs.read(bytes(changed))


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": "mldsa65"},
        {"public_key": b"another key" * 150},
        {"signer": b""},
        {"cardset": b"g" * 20},
        {"cardset": b""},
    ],
    ids=str,
)
def test_what_stands_in_clear_is_bound(changes):
    """Who makes the checksum anew over another set, key, signer or card set gets a blob that opens
    nowhere: the signer and the card set of a key are not for its user to choose.
    """
    data = key_blobs.made(KEY, UNDER_CARDS, SECRET, CARDS)
    values = unseal(data, "it", key_blobs.FORMAT) | changes
    forged = key_blobs.read(seal(values, key_blobs.FORMAT))

    with pytest.raises(StateCorrupt, match="not as this world wrote it"):
        forged.opened(KEY, CARDS)


def test_the_secret_of_its_cards_is_needed():
    """Another one, or none, opens nothing, though the key of the world is there."""
    blob = key_blobs.read(key_blobs.made(KEY, UNDER_CARDS, SECRET, CARDS))
    for wrong in (b"", b"d" * 32):
        with pytest.raises(StateCorrupt, match="the card set's secret is another one"):
            blob.opened(KEY, wrong)


def test_another_version_is_not_called_damaged():
    """It may be of a later one."""
    values = unseal(key_blobs.made(KEY, HEAD, SECRET), "it", key_blobs.FORMAT)
    later = seal(values, replace(key_blobs.FORMAT, version=3))
    with pytest.raises(StateOtherVersion, match="key blob 3; this one knows 2"):
        key_blobs.read(later)


def test_a_record_of_another_kind_is_no_blob():
    """Whatever its checksum."""
    right = unseal(key_blobs.made(KEY, HEAD, SECRET), "it", key_blobs.FORMAT)
    wrong = {"public_key": b"short"}, {"signer": bytes(65)}, {"cardset": b"short"}
    for values in ({}, {"parameters": 1}, {"secret": b""}, *(right | each for each in wrong)):
        with pytest.raises(StateCorrupt, match="not one of this version"):
            key_blobs.read(seal(values, key_blobs.FORMAT))


def test_no_key_of_a_world_is_made_to_open_something(tmp_path):
    """Where there is none, this is another world, or the key is away for a while."""
    world = World.at(tmp_path)
    with pytest.raises(
        StateForeign, match=r"missing; if the key was made in this world, put it back, else"
    ):
        key_of_old(world)
    assert not world.key_file.exists()


def test_the_key_of_a_world_is_needed_by_its_key_files(tmp_path):
    """Key files with a blob count as what only the key of the world can read; others don't."""
    world = World.at(tmp_path)
    world.keys.mkdir(parents=True)
    (world.keys / "key_pqsdk_lms").write_text('{"algorithm": "LMS"}\n"algorithm": "ML-DSA"')
    assert not is_missing(world)

    (world.keys / "key_pqsdk_mldsa").write_text('{"alias": "x", "algorithm": "ML-DSA"}\n')
    assert is_missing(world)
    with pytest.raises(
        StateForeign, match="only it can read kmdata/local/key_pqsdk_mldsa; put it back, or move"
    ):
        world_key(world)
