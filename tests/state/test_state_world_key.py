"""worldkey.py: one key per world, made once, never made anew while anything needs it."""

import stat
from pathlib import Path
from threading import Barrier, Thread

import pytest
from kit.faults import Fault, FaultyOs
from kit.leases import lease
from kit.stores import ESN

from seemachine.state.cards.smartcard import LMS, Card, write_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk import durable
from seemachine.state.disk.durable import private_folder
from seemachine.state.disk.world_key import world_key, world_of
from seemachine.state.errors import StateCorrupt
from seemachine.world import World


def test_the_key_stays(tmp_path):
    """The key that was made at first is found ever after, 32 bytes for its owner alone, with no
    other file beside it.
    """
    first = world_key(World.at(tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["world.key"]
    assert len((tmp_path / "world.key").read_bytes()) == 32
    assert stat.S_IMODE((tmp_path / "world.key").stat().st_mode) == 0o600
    assert world_key(World.at(tmp_path)).identifier == first.identifier
    assert (
        world_key(World.at(tmp_path)).decrypt("a", b"b", first.encrypt("a", b"b", b"c"), "it")
        == b"c"
    )


def test_worlds_differ(tmp_path):
    """Two worlds have two keys and two identifiers, which are not the keys."""
    one, other = world_key(World.at(tmp_path / "one")), world_key(World.at(tmp_path / "other"))

    assert one.identifier != other.identifier
    assert one.identifier not in (tmp_path / "one" / "world.key").read_bytes()


def test_made_once_by_many(tmp_path):
    """Whoever starts together on a new world has the same key.

    Threads, which the lock keeps apart as it does processes.
    """
    for turn in range(5):
        world, barrier, found = tmp_path / str(turn), Barrier(8), []

        def identify(world=world, barrier=barrier, found=found):
            barrier.wait(30)
            found.append(world_key(World.at(world)).identifier)

        machines = [Thread(target=identify) for _ in range(8)]
        for machine in machines:
            machine.start()
        for machine in machines:
            machine.join(30)

        assert found == [world_key(World.at(world)).identifier] * 8


def test_a_failed_making_leaves_no_key(tmp_path, monkeypatch):
    """Where the key can't be made durable there is an error, and half a key is never
    taken for one.
    """
    fault = Fault()
    monkeypatch.setattr(durable, "os", FaultyOs(fault))
    for place in range(3):
        world = private_folder(tmp_path / str(place))
        fault.arm(place)
        with pytest.raises(OSError, match="Input/output error"):
            world_key(World.at(world))
        fault.disarm()

        assert len(world_key(World.at(world)).identifier) == 8
        assert [path.name for path in world.iterdir()] == ["world.key"]


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length(tmp_path, data):
    """A key that was cut is refused, and left as it is."""
    (tmp_path / "world.key").write_bytes(data)

    with pytest.raises(
        StateCorrupt,
        match=f"world.key: has {len(data)} bytes in place of 32; put the right one back",
    ):
        world_key(World.at(tmp_path))
    assert (tmp_path / "world.key").read_bytes() == data


@pytest.mark.parametrize("kept", ["card", "half-made key"])
def test_a_lost_key_is_not_replaced(tmp_path, kept):
    """While there is something that needs it a missing key is a sentence, not a new key."""
    if kept == "card":
        write_card(private_folder(tmp_path / "cards"), Card("card1", LMS, (lease(),)))
    else:
        FolderCheckpoints(tmp_path / "hsm" / ESN).create("one", {})
    path = (tmp_path / "world.key").rename(tmp_path / "elsewhere")
    with pytest.raises(
        StateCorrupt,
        match=(
            r"world.key: missing, and only it can read "
            r"(witness/cards/|hsm/[0-9A-F-]*/making/one.key)[^;]*; put it back"
        ),
    ):
        world_key(World.at(tmp_path))
    assert not (tmp_path / "world.key").exists()

    path.rename(tmp_path / "world.key")
    assert world_key(World.at(tmp_path))


@pytest.mark.parametrize(
    "below",
    ["cards/card1.card", f"hsm/{ESN}/slots/2/card1.card", f"hsm/{ESN}", f"hsm/{ESN}/making/a.key"],
)
@pytest.mark.parametrize("world", ["/home/a", "/home/hsm/cards", "/home/hsm/1111-1111-1111"])
def test_the_world_of_a_file(world, below):
    """Cards and what belongs to machines are in a world, whatever folders that is in."""
    assert world_of(Path(world) / below) == World.at(Path(world))


def test_a_file_of_no_world():
    """A file that lies nowhere in a world is refused."""
    with pytest.raises(StateCorrupt, match="is in no world folder"):
        world_of(Path("/tmp/card1.card"))
