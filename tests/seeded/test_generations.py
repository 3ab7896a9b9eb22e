"""Within one seeded world nothing is made twice, whatever happens to the machines and the count."""

import errno
import json
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
from seeded.seeded_worlds import SEED, made, seeded_rig

from seemachine.chance import generations
from seemachine.chance.chances import LMS, SeededChance, of_machine
from seemachine.chance.mark import MARK
from seemachine.state.errors import (
    DiskFull,
    StateCopied,
    StateCorrupt,
    StateError,
    StateFailed,
)
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

OWN = f"hsm/{ESN}/generations"


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


# What may happen between two keys. All but the last two leave one of the files as it was.
def lose_own(world: Path) -> None:
    """The machine's folder was removed."""
    shutil.rmtree(world / "hsm" / ESN, ignore_errors=True)


def put_back_own(world: Path) -> None:
    """An older count of the machine is put in the place of the newer."""
    (world / OWN).unlink(missing_ok=True)
    shutil.copy(world / "older-own", world / OWN)


def empty_common(world: Path) -> None:
    """The count of the world is written over, in place."""
    (world / "generations").write_bytes((world / "older-common").read_bytes())


def tear_both(world: Path) -> None:
    """A crash in the middle of a line, in each file."""
    for path in (world / "generations", world / OWN):
        with path.open("ab") as file:
            file.write(b'["7852-268D-3BF9", "lms", "rele')


def nothing(world: Path) -> None:
    """Nothing, but for a restart."""
    del world


HARM = [nothing, lose_own, put_back_own, empty_common, tear_both]


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(HARM), st.sampled_from(["release", "other", ""])), max_size=8
    ),
    old=st.integers(0, 2),
    stays_up=st.booleans(),
)
def test_no_key_comes_twice(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[Callable, str]],
    old: int,
    stays_up: bool,
) -> None:
    """Whatever happens to one of the files, each key is another one: identifier and seed. Whether
    the machine is started again each time, or stays up.
    """
    world = tmp_path_factory.mktemp("world")
    seen = [drawn(world) for _ in range(old)]
    for name, path in (("older-own", OWN), ("older-common", "generations")):
        (world / name).write_bytes((world / path).read_bytes() if (world / path).exists() else b"")
    seen.append(drawn(world))
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
    (world / "generations").unlink()
    return world


def swapped(world: Path) -> Path:
    """An older one is in its place, under the same name."""
    shutil.copy(world / "generations", world / "aside")
    (world / "aside").rename(world / "generations")
    return world


@pytest.mark.parametrize("harm", [copied, restored, without, swapped])
def test_a_copied_or_restored_world_makes_no_keys(
    tmp_path: Path, harm: Callable[[Path], Path]
) -> None:
    """A key could be made a second time there, so none is made."""
    world = tmp_path / "world"
    drawn(world)
    with pytest.raises(StateCopied, match="begin a new world"):
        drawn(harm(world))


def test_a_moved_world_goes_on(tmp_path: Path) -> None:
    """A rename of the folder makes no copy."""
    first = drawn(tmp_path / "world")
    (tmp_path / "world").rename(tmp_path / "moved")
    assert drawn(tmp_path / "moved") != first


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


@pytest.mark.parametrize("path", ["generations", OWN])
@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b" 1,", b" 2,"),
        lambda line: line.replace(b"release", b"releasf"),
        lambda _: b"\n",
        lambda _: b"[]\n",
        lambda _: b"\xff\xfe\n",
        lambda _: b"[" * 5000 + b"\n",
    ],
)
def test_a_damaged_line_makes_no_keys(
    tmp_path: Path, path: str, change: Callable[[bytes], bytes]
) -> None:
    """A whole line that is not as it was written can hide any number of keys."""
    drawn(tmp_path)
    (tmp_path / path).write_bytes(change((tmp_path / path).read_bytes()))
    with pytest.raises(StateCorrupt, match="damaged"):
        drawn(tmp_path)


def test_each_is_one_line(tmp_path: Path) -> None:
    """In each file, whether the machine is started again or not."""
    up = chance(tmp_path)
    for label in "aab":
        drawn_by(up, label)
    drawn(tmp_path, "c")
    for label in "da":
        drawn_by(up, label)
    for path in (tmp_path / "generations", tmp_path / OWN):
        lines = [json.loads(line)[2:4] for line in path.read_text().splitlines()]
        assert lines == [["a", 1], ["a", 2], ["b", 1], ["c", 1], ["d", 1], ["a", 3]]


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Neither of a world that gets its seed, nor of keys."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(3):
        drawn(tmp_path / str(number))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_names_are_durable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count of the world before the seed file, that of a machine before its first key."""
    flushed = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append((os.path.relpath(path, tmp_path), (tmp_path / "seed.json").exists()))

    monkeypatch.setattr(os, "fsync", noted)
    draw = chance(tmp_path).lms_key("release")
    made_of_it = [name for name, seed_file in flushed if not seed_file]
    assert made_of_it.index("generations") < made_of_it.index(".", made_of_it.index("generations"))
    flushed.clear()
    draw(16)
    assert [name for name, _ in flushed][-2:] == [OWN, f"hsm/{ESN}"]


def test_a_number_is_durable_before_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both files are flushed with the line in them before the key is drawn."""
    drawn(tmp_path)
    flushed = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_file():
            flushed.append((str(path.relative_to(tmp_path)), path.read_bytes().count(b"\n")))

    monkeypatch.setattr(os, "fsync", noted)
    draw = chance(tmp_path).lms_key("release")
    assert flushed == []
    draw(16)
    assert flushed == [("generations", 2), (OWN, 2)]
    draw(24)
    assert len(flushed) == 2


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EIO, StateFailed)])
@pytest.mark.parametrize("at", [0, 1])
def test_a_write_that_fails_makes_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StateError], at: int
) -> None:
    """A full or broken disk refuses the key, and the next one is another."""
    first, writes = drawn(tmp_path), iter(range(9))
    write = generations.write_end

    def failing(path: Path, offset: int, data: bytes) -> None:
        if next(writes) == at:
            raise OSError(number, os.strerror(number))
        write(path, offset, data)

    monkeypatch.setattr(generations, "write_end", failing)
    draw = chance(tmp_path).lms_key("release")
    with pytest.raises(kind, match="no key was made"):
        draw(16)
    second = draw(16) + draw(32)
    assert len({first, second, drawn(tmp_path)}) == 3


def test_the_line_says_what_was_made(tmp_path: Path) -> None:
    """A person can read the count."""
    drawn(tmp_path)
    for path in (tmp_path / "generations", tmp_path / OWN):
        [line] = path.read_text().splitlines()
        assert json.loads(line)[:4] == [ESN, LMS, "release", 1]
        assert path.stat().st_mode & 0o777 == 0o600


def test_keys_that_are_put_back_in_place_are_refused_by_the_host(tmp_path: Path) -> None:
    """Where all of a world is as it was before its key, but for the runtime witness, that knows the
    leases of the key in this world; another world of the same seed has its own.
    """
    from kit.in_process import Shell, machines

    def generated(home: Path, alias: str = "release") -> tuple[int, list[str]]:
        return Shell(home).pipsqueak(
            *f"generate alias={alias} algorithm=lms lmscode=sha256_m24_h5".split(),
            "lmotscode=sha256_n24_w2",
        )

    world, other = tmp_path / "world", tmp_path / "other"
    for home in (world, other):
        with machines(home, (ESN, {"seed": SEED})):
            code, lines = generated(home)
            assert code == 0, lines
    (world / "generations").write_bytes(b"")
    for folder in ("hsm", "witness", "kmdata"):
        shutil.rmtree(world / folder)
    with machines(world, ESN):
        code, lines = generated(world)
    assert code == 1
    assert any("as its witness knows" in line for line in lines), lines
