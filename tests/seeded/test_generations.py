"""Within one seeded world nothing is made twice, whatever happens to the machines and the count."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.stores import quick_folder
from seeded.seeded_worlds import SEED, made, seeded_rig

from seemachine.chance.chances import SeededChance, of_machine
from seemachine.chance.generations import FRESH_BYTES, has_counted
from seemachine.chance.mark import MARK
from seemachine.state.disk.checksummed import seal
from seemachine.state.errors import (
    DiskFull,
    StateCopied,
    StateCorrupt,
    StateError,
    StateFailed,
    StateOtherVersion,
)
from seemachine.state.witness.record_layout import FORMAT, HEAD_BYTES, LENGTH, SLOT
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

COUNT = "generations"


def chance(world: Path, esn: str = ESN) -> SeededChance:
    """That of a machine, as after a start of its process."""
    found = of_machine(World.at(world), esn, SEED)
    assert found is not None
    return found


def drawn(world: Path, label: str = "release", esn: str = ESN) -> bytes:
    """Identifier and seed of the next key, after a start of the process."""
    return drawn_by(chance(world, esn), label)


def drawn_by(machine: SeededChance, label: str) -> bytes:
    """The same of a machine that has been up for a while."""
    draw = machine.lms_key(label)
    return draw(16) + draw(32)


# What may happen between two keys and leaves the count as it was.
def lose_machine(world: Path) -> None:
    """The machine's folder was removed."""
    shutil.rmtree(world / "hsm" / ESN, ignore_errors=True)


def crash_before_its_name(world: Path) -> None:
    """A crash while the next count was written: it is there, whole or in part, and has no name."""
    data = (world / COUNT).read_bytes()
    (world / f".{COUNT}.new").write_bytes(data[: len(data) // 2])


def rename(world: Path) -> None:
    """A rename of the folder and back makes no copy."""
    world.rename(world.with_name("moved")).rename(world)


def nothing(world: Path) -> None:
    """Nothing, but for a restart."""
    del world


HARM = [nothing, lose_machine, crash_before_its_name, rename]


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(HARM), st.sampled_from(["release", "other", ""])), max_size=8
    ),
    old=st.integers(0, 2),
    stays_up=st.booleans(),
)
def test_no_key_comes_twice(steps: list[tuple[Callable, str]], old: int, stays_up: bool) -> None:
    """Whatever happens to the folder, each key is another one: identifier and seed. Whether the
    machine is started again each time, or stays up.
    """
    with quick_folder() as folder:
        world = folder / "world"
        seen = [drawn(world) for _ in range(old)]
        up = chance(world)
        for harm, label in steps:
            harm(world)
            seen.append(drawn_by(up, label) if stays_up else drawn(world, label))
        # Whoever starts now finds nothing damaged.
        seen.append(drawn(world))
    assert len({key[:16] for key in seen}) == len({key[16:] for key in seen}) == len(seen)
    assert all(key.startswith(MARK) for key in seen)


def test_machines_and_labels_have_counts_of_their_own(tmp_path: Path) -> None:
    """The n-th key of a label on a machine does not depend on other labels and machines."""
    first, second = tmp_path / "first", tmp_path / "second"
    order = [("a", ESN), ("b", ESN), ("a", OTHER_ESN), ("a", ESN)]
    there = {(*key, n): drawn(first, *key) for n, key in enumerate(order)}
    assert len(set(there.values())) == len(order)
    assert drawn(second, "b") == there["b", ESN, 1]
    assert drawn(second, "a", OTHER_ESN) == there["a", OTHER_ESN, 2]
    assert drawn(second, "a") == there["a", ESN, 0]
    assert drawn(second, "a") == there["a", ESN, 3]


def test_seeds_make_different_keys(tmp_path: Path) -> None:
    """Another seed, another key; of one key, identifier and seeds are different."""
    keys = set()
    for seed in ("7", "8", "77", "7 7"):
        found = of_machine(World.at(tmp_path / seed), ESN, seed)
        assert found is not None
        draw = found.lms_key("")
        keys |= {draw(24) for _ in range(3)}
    assert len(keys) == 12


@pytest.mark.parametrize("store", ["memory", "file"])
def test_replaced_and_restarted_machines_go_on(tmp_path: Path, store: str) -> None:
    """Replace, a restart and a store that forgets make other keys of the same alias."""
    rig = seeded_rig(tmp_path, store=store)
    keys = [made(rig), made(rig)]
    rig.stop()
    again = seeded_rig(tmp_path, store=store)
    keys.append(made(again))
    assert len(set(keys)) == 3


def test_threads_and_processes_at_once(tmp_path: Path) -> None:
    """Twelve threads and two processes that draw keys of one label at one time get different
    ones.
    """
    chance(tmp_path)
    program = (
        "import sys; from seemachine.chance.chances import of_machine\n"
        "from seemachine.world import World\n"
        "for _ in range(5):\n"
        "    draw = of_machine(World.at(sys.argv[1]), sys.argv[2]).lms_key('release')\n"
        "    print((draw(16) + draw(32)).hex())"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path, ESN], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    with ThreadPoolExecutor(12) as pool:
        keys = [key.hex() for key in pool.map(lambda _: drawn(tmp_path), range(36))]
    for other in others:
        keys += other.communicate()[0].decode().split()
    assert len(set(keys)) == len(keys) == 36 + 10


def copied(world: Path) -> Path:
    """A copy of a world."""
    return Path(shutil.copytree(world, world.with_name("copy")))


def restored(world: Path) -> Path:
    """The world, put back from a backup."""
    saved = copied(world)
    shutil.rmtree(world)
    saved.rename(world)
    return world


def without(world: Path) -> Path:
    """The count of the world is gone."""
    (world / COUNT).unlink()
    return world


def emptied(world: Path) -> Path:
    """It is there, and empty."""
    (world / COUNT).write_bytes(b"")
    return world


def swapped(world: Path) -> Path:
    """A copy of it is in its place, under the same name."""
    shutil.copy(world / COUNT, world / "aside")
    (world / "aside").rename(world / COUNT)
    return world


def written_back(world: Path) -> Path:
    """All of the world is as it was before its last key, byte by byte in the very files."""
    saved = copied(world)
    drawn(world)
    for path in saved.rglob("*"):
        if path.is_file():
            (world / path.relative_to(saved)).write_bytes(path.read_bytes())
    return world


def linked_back(world: Path) -> Path:
    """The very file from before its last key, which a hard link kept."""
    (world / "saved").hardlink_to(world / COUNT)
    drawn(world)
    (world / "saved").replace(world / COUNT)
    return world


def of_another_world(world: Path) -> Path:
    """The count of another world with this seed, moved here."""
    other = world.with_name("other")
    drawn(other)
    (other / COUNT).replace(world / COUNT)
    return world


@pytest.mark.parametrize("stays_up", [True, False])
@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (copied, "is a copy, or was put back"),
        (restored, "is a copy, or was put back"),
        (without, "is missing"),
        (emptied, "is a copy, or was put back"),
        (swapped, "is a copy, or was put back"),
        (written_back, "is a copy, or was put back"),
        (linked_back, "is a copy, or was put back"),
        (of_another_world, "is a copy, or was put back"),
    ],
)
def test_a_count_that_is_not_the_last_makes_no_keys(
    tmp_path: Path, harm: Callable[[Path], Path], why: str, *, stays_up: bool
) -> None:
    """A key could be made a second time there, so none is made, now or later."""
    world = tmp_path / "world"
    drawn(world)
    up = chance(world)
    harmed = harm(world)
    for _ in range(2):
        with pytest.raises(StateCopied, match=f"{why}.*begin a new world"):
            drawn_by(up, "release") if stays_up and harmed == world else drawn(harmed)


def test_a_client_is_told_why(tmp_path: Path) -> None:
    """The refusal goes to who asks for a key, and nothing of it is left on the machine."""
    world = tmp_path / "world"
    made(seeded_rig(world))
    rig = seeded_rig(copied(world))
    with pytest.raises(StatusError) as refused:
        made(rig, alias="next")
    assert refused.value.status is Status.Malformed
    assert "is a copy, or was put back" in refused.value.detail
    assert "begin a new world" in refused.value.detail
    assert not rig.machines[ESN].making


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\xff" * len(data),
        lambda data: data[:40] + b"\xff" + data[41:],
        lambda data: data[:600],
        lambda data: data[:HEAD_BYTES] + b"\xff" + data[HEAD_BYTES + 1 :],
        lambda data: data[:HEAD_BYTES] + bytes(len(data) - HEAD_BYTES),
        lambda data: data[:-1],
    ],
)
def test_a_damaged_count_makes_no_keys(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """What is not as it was written can hide any number of keys."""
    drawn(tmp_path)
    (tmp_path / COUNT).write_bytes(change((tmp_path / COUNT).read_bytes()))
    with pytest.raises(StateCorrupt, match=r"(could|may have) be(en)? made.*begin a new world"):
        drawn(tmp_path)


def test_a_count_of_a_later_version_is_not_damaged(tmp_path: Path) -> None:
    """It is to be read by that version."""
    chance(tmp_path)
    head = seal({"version": FORMAT.version + 1})
    data = LENGTH.pack(len(head)) + head
    (tmp_path / COUNT).write_bytes(data.ljust((tmp_path / COUNT).stat().st_size, b"\0"))
    with pytest.raises(StateOtherVersion, match="a newer version of seemachine"):
        drawn(tmp_path)


def test_it_does_not_grow_with_every_key(tmp_path: Path) -> None:
    """Each thing has one note, for its user alone."""
    for label in ("a", "a", "b", "a"):
        drawn(tmp_path, label)
    found = (tmp_path / COUNT).stat()
    assert found.st_size == FRESH_BYTES + 2 * SLOT.size
    assert found.st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == [COUNT, "seed.json"]  # noqa: PTH208


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Neither of a world that gets its seed, nor of keys."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(3):
        drawn(tmp_path / str(number))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def flushes(world: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed from here on, and which names and counts were there by then."""
    flushed: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        name = os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), world)
        counted = has_counted(world / COUNT)
        flushed.append(f"{name} {'seeded' if (world / 'seed.json').exists() else ''} {counted}")

    monkeypatch.setattr(os, "fsync", noted)
    return flushed


def test_the_count_is_durable_before_the_world_has_its_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content, then its name."""
    flushed = flushes(tmp_path, monkeypatch)
    chance(tmp_path)
    assert [each for each in flushed if "seeded" not in each][-3:] == [
        f".{COUNT}.new  False",
        ".  False",
        ".seed.json.new  False",
    ]


def test_a_number_is_durable_before_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file with it, then its name; both before the key is drawn, and once for each key."""
    draw = chance(tmp_path).lms_key("release")
    flushed = flushes(tmp_path, monkeypatch)
    assert flushed == []
    draw(16)
    assert flushed == [f".{COUNT}.new seeded False", ". seeded True"]
    draw(24)
    assert len(flushed) == 2


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EIO, StateFailed)])
@pytest.mark.parametrize("at", [0, 1])
def test_a_flush_that_fails_makes_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StateError], at: int
) -> None:
    """A full or broken disk refuses the key, and the next one is another."""
    first, flushed = drawn(tmp_path), iter(range(9))
    sync = os.fsync

    def failing(descriptor: int) -> None:
        if next(flushed) == at:
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    draw = chance(tmp_path).lms_key("release")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(kind, match="no key was made"):
            draw(16)
    second = draw(16) + draw(32)
    assert len({first, second, drawn(tmp_path)}) == 3


@pytest.mark.parametrize("store", ["memory", "file"])
def test_a_world_that_is_put_back_in_place_makes_no_key_again(tmp_path: Path, store: str) -> None:
    """Whatever its store, all of it as it was before its key, and no witness on the host."""
    home, before = tmp_path / "world", tmp_path / "before"
    rig = seeded_rig(home, store=store)
    shutil.copytree(home, before)
    made(rig)
    rig.stop()
    for path in before.rglob("*"):
        if path.is_file():
            (home / path.relative_to(before)).write_bytes(path.read_bytes())
    for folder in ("hsm", "witness", "kmdata"):
        shutil.rmtree(home / folder, ignore_errors=True)
    with pytest.raises(StatusError, match="is a copy, or was put back"):
        made(seeded_rig(home, store=store))
